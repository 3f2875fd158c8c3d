"""
Local to SageMaker in one word
==============================

A model is trained here, then in a job of SageMaker; both are the same to the bit. Then
an endpoint of SageMaker serves it. All of it runs on the emulator, without an account.
"""

# %%
# Here
# ----
# Tumours, benign or malignant.

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from sklearn_sagemaker import LinearLearnerClassifier
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.testing import SageMakerEmulator

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = LinearLearnerClassifier(random_state=0, epochs=5)
model.fit(X_train, y_train)
coef = model.coef_
print(f"trained here: accuracy {model.score(X_test, y_test):.3f}")

# %%
# There
# -----
# The word is ``backend``. In an account of yours leave the ``with`` out, set ``role=``,
# and push the image as the page on containers says, or take SageMaker's own
# (``"built-in"``). The end of the inner block deletes the endpoint, and what it needs.

with SageMakerEmulator(scale=0.0):
    model.set_params(backend=SageMakerBackend(image="sklearn-sagemaker", poll=0.5))
    model.fit(X_train, y_train)
    job = model.training_job_
    print(f"trained by {job['name']} in {job['billable_seconds']} s")
    assert (model.coef_ == coef).all()
    print("the coefficients are the same, to the bit")

    with model.deploy(1, "ml.m5.large") as predictor:
        records = predictor.predict(X_test[:3].astype("float32"))
    served = [one.label["score"].float32_tensor.values[0] for one in records]
    here = model.predict_proba(X_test[:3])[:, 1]
    for there, own in zip(served, here, strict=True):
        print(f"the endpoint says {there:.4f}, the model {own:.4f}")
