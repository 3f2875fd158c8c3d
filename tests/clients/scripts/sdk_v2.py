"""SageMaker's SDK v2, by its guide. Usage: python sdk_v2.py FOLDER

FOLDER gets what is compared with a local fit: rows.npz and model.tar.gz.
"""

import contextlib
import io
import json
import sys
import tarfile
from pathlib import Path

import boto3
import numpy as np
import sagemaker
import steps
from botocore.exceptions import ClientError
from sagemaker import FactorizationMachines, LinearLearner, image_uris
from sagemaker.deserializers import JSONDeserializer, JSONLinesDeserializer
from sagemaker.estimator import Estimator
from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer, JSONSerializer
from sagemaker.workflow.parameters import ParameterInteger
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import TrainingStep

FOLDER = Path(sys.argv[1])
SESSION = sagemaker.Session()
BUCKET = SESSION.default_bucket()
ROLE = sagemaker.get_execution_role()
MACHINES = {"instance_count": 1, "instance_type": "ml.m5.large"}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3)).astype("float32")
Y = (X @ [1.0, -1.0, 0.5] > 0).astype("float32")
TRAIN, VALIDATION = slice(0, 300), slice(300, 400)


def built_in(**hyperparameters):
    """An estimator of the image, for one that the classes would not say."""
    image = image_uris.retrieve("linear-learner", SESSION.boto_region_name)
    estimator = Estimator(
        image, ROLE, **MACHINES, output_path=f"s3://{BUCKET}/out", base_job_name="book"
    )
    estimator.set_hyperparameters(
        predictor_type="binary_classifier",
        epochs=2,
        num_models=2,
        mini_batch_size=50,
        **hyperparameters,
    )
    return estimator


def linear_learner():
    """The class: record sets, a fit with logs, metrics, attach, an endpoint."""
    estimator = LinearLearner(
        ROLE, **MACHINES, predictor_type="binary_classifier", epochs=2, num_models=2
    )
    train = estimator.record_set(X[TRAIN], Y[TRAIN])
    validation = estimator.record_set(
        X[VALIDATION], Y[VALIDATION], channel="validation"
    )
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        estimator.fit([train, validation], mini_batch_size=50)
    said = printed.getvalue()
    assert "Docker entrypoint called with argument(s): train" in said, said
    assert "#quality_metric: host=algo-1, validation roc_auc_score" in said, said
    assert "Completed - Training job completed" in said, said
    assert "Billable seconds:" in said, said
    frame = estimator.training_job_analytics.dataframe()
    assert {"train:progress", "validation:objective_loss"} <= set(frame["metric_name"])

    name = estimator.latest_training_job.name
    attached = LinearLearner.attach(name)
    assert attached.model_data == estimator.model_data
    assert attached.predictor_type == "binary_classifier"

    predictor = attached.deploy(1, "ml.m5.large")
    records = predictor.predict(X[:3])
    scores = [record.label["score"].float32_tensor.values[0] for record in records]
    assert all(0 <= score <= 1 for score in scores), scores
    other = sagemaker.Predictor(
        predictor.endpoint_name, SESSION, CSVSerializer(), JSONDeserializer()
    )
    found = other.predict(X[:3])["predictions"]
    assert np.allclose([item["score"] for item in found], scores)
    assert {item["predicted_label"] for item in found} <= {0, 1}
    other.serializer = JSONSerializer()
    document = {"instances": [{"features": row.tolist()} for row in X[:3]]}
    assert other.predict(document)["predictions"] == found
    other.deserializer = JSONLinesDeserializer()
    lines = other.predict(document)
    assert np.allclose([line["score"] for line in lines], scores), lines

    # One configuration goes on to the next.
    predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large")
    assert predictor.predict(X[:3])
    predictor.delete_model()
    predictor.delete_endpoint()
    error = steps.raised(ClientError, other.predict, document)
    assert "not found" in str(error), error


def batch_transform():
    """The model of a job, applied to objects of S3."""
    jobs = boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    estimator = Estimator.attach(jobs[0]["TrainingJobName"])
    rows = "".join(",".join(map(str, row)) + "\n" for row in X[:5])
    SESSION.upload_string_as_file_body(rows, BUCKET, "rows/rows.csv")
    transformer = estimator.transformer(
        1, "ml.m5.large", accept="application/jsonlines", assemble_with="Line"
    )
    transformer.transform(
        f"s3://{BUCKET}/rows", content_type="text/csv", split_type="Line", logs=False
    )
    found = SESSION.read_s3_file(
        BUCKET, transformer.output_path.split("/", 3)[3] + "/rows.csv.out"
    )
    lines = [json.loads(line) for line in found.splitlines()]
    assert [set(line) for line in lines] == [{"score", "predicted_label"}] * 5, lines
    transformer.delete_model()


def factorization_machines():
    """The other class."""
    estimator = FactorizationMachines(
        ROLE, **MACHINES, num_factors=2, predictor_type="regressor", epochs=2
    )
    estimator.fit(estimator.record_set(X, X[:, 0]), mini_batch_size=50, logs=False)
    predictor = estimator.deploy(1, "ml.m5.large")
    found = predictor.predict(X[:2])
    assert [list(record.label) for record in found] == [["score"]] * 2, found
    predictor.delete_predictor()


def same_as_local():
    """A job whose model is compared, afterwards, with a local fit."""
    estimator = built_in(**{"feature_dim": 3, "sklearn_sagemaker.random_state": 3})
    recipe = LinearLearner(ROLE, **MACHINES, predictor_type="binary_classifier")
    train = recipe.record_set(X[TRAIN], Y[TRAIN])
    validation = recipe.record_set(X[VALIDATION], Y[VALIDATION], channel="validation")
    estimator.fit(
        {
            part.channel: TrainingInput(
                part.s3_data, distribution="ShardedByS3Key", s3_data_type="ManifestFile"
            )
            for part in (train, validation)
        },
        logs=False,
    )
    sagemaker.s3.S3Downloader.download(estimator.model_data, str(FOLDER))
    assert tarfile.is_tarfile(FOLDER / "model.tar.gz")
    np.savez(FOLDER / "rows.npz", X=X, y=Y)


def several_instances():
    """Record sets have a part for each instance; all of these write one model."""
    machines = {**MACHINES, "instance_count": 2}
    estimator = LinearLearner(
        ROLE, **machines, predictor_type="binary_classifier", epochs=4, num_models=2
    )
    train = estimator.record_set(X, Y)
    assert train.num_records == 400
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        estimator.fit(train, mini_batch_size=50)
    assert "algo-2 has come: 2 of 2 hosts are there." in printed.getvalue()
    assert "algo-2 works for algo-1." in printed.getvalue()
    predictor = estimator.deploy(1, "ml.m5.large")
    labels = [
        record.label["predicted_label"].float32_tensor.values[0]
        for record in predictor.predict(X[:50])
    ]
    assert (np.array(labels) == Y[:50]).mean() > 0.9, labels
    predictor.delete_model()
    predictor.delete_endpoint()


def failing_job():
    """A job with settings that are refused says why."""
    estimator = built_in(feature_dim=3, optimizer="guess")
    data = TrainingInput(f"s3://{BUCKET}/rows", content_type="text/csv")
    error = steps.raised(
        UnexpectedStatusException, estimator.fit, {"train": data}, logs=False
    )
    assert error.actual_status == "Failed"
    assert "optimizer" in str(error), error


def pipeline():
    """A definition is kept and given back; it is not executed."""
    session = PipelineSession()
    epochs = ParameterInteger("Epochs", default_value=2)
    estimator = built_in(feature_dim=3)
    estimator.sagemaker_session = session
    estimator.set_hyperparameters(epochs=epochs)
    step = TrainingStep(
        "Train", step_args=estimator.fit({"train": f"s3://{BUCKET}/rows"})
    )
    made = Pipeline(
        "book", parameters=[epochs], steps=[step], sagemaker_session=session
    )
    made.upsert(ROLE)
    kept = json.loads(made.describe()["PipelineDefinition"])
    assert kept == json.loads(made.definition())
    [found] = kept["Steps"]
    assert found["Arguments"]["HyperParameters"]["epochs"] == {
        "Std:Join": {"On": "", "Values": [{"Get": "Parameters.Epochs"}]}
    }
    made.upsert(ROLE, description="again")
    made.delete()


steps.run(
    linear_learner,
    batch_transform,
    factorization_machines,
    same_as_local,
    several_instances,
    failing_job,
    pipeline,
)
