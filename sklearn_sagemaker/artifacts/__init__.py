"""Model artifacts of SageMaker as `ModelState`, and back.

`reading` decides what an artifact and its caller together say of a model; `writing`
says a model in an artifact's terms. Estimators and backends come here alike; the bytes
are those of `sklearn_sagemaker.io.artifacts`.
"""
