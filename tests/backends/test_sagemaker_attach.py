"""Training jobs as estimators: one's own, those of others, and what a fit would ask."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    save_artifact,
)
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.estimators._remote import model_of
from sklearn_sagemaker.exceptions import ArtifactError, ResourceNotFoundError
from sklearn_sagemaker.sagemaker.training_access import Access
from tests.backends.cloud import ROLE, Cloud
from tests.backends.support import assert_same

OURS = "example.com/sklearn-sagemaker:1"
CANCER = load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
WORDS = np.array(["ash", "elm"])[CANCER[1]]
QUICK = {"epochs": 3, "num_models": 2, "random_state": 0}
ARTIFACTS = Path(__file__).parents[1] / "estimators" / "artifacts"


@pytest.fixture
def cloud(monkeypatch):
    found = Cloud()
    monkeypatch.setattr(Access, "session", lambda self: found.session())
    return found


def backend(**more):
    return SageMakerBackend(ROLE, **{"image": OURS, "poll": 0.01, **more})


def foreign(cloud, name, algorithm, strings, artifact):
    """A job that somebody else has run, and its model."""
    uri = f"s3://theirs/out/{name}/output/model.tar.gz"
    image = f"382416733822.dkr.ecr.us-east-1.amazonaws.com/{algorithm}:1"
    cloud.jobs.found[name] = {
        "TrainingJobName": name,
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "SecondaryStatusTransitions": [],
        "AlgorithmSpecification": {"TrainingImage": image},
        "HyperParameters": strings,
        "OutputDataConfig": {"S3OutputPath": "s3://theirs/out/"},
        "ResourceConfig": {"InstanceType": "ml.c4.xlarge", "InstanceCount": 1},
        "ModelArtifacts": {"S3ModelArtifacts": uri},
        "BillableTimeInSeconds": 153,
        "FinalMetricDataList": [
            {"MetricName": "train:objective_loss:final", "Value": 0.5},
            {"MetricName": "train:progress", "Value": 100.0},
            {"MetricName": "test:roc_auc_score", "Value": 0.9},
        ],
    }
    cloud.jobs.logs[name] = []
    cloud.objects.found["theirs", f"out/{name}/output/model.tar.gz"] = artifact


@pytest.mark.parametrize("image", [OURS, "built-in"])
def test_a_job_of_a_fit(cloud, image):
    model = LinearLearnerClassifier(**QUICK, l1=1e-4, backend=backend(image=image))
    name = model.fit(CANCER[0], WORDS).training_job_["name"]
    again = LinearLearnerClassifier.attach(name, backend=backend())
    assert_same(again, model)
    assert again.l1 == 1e-4
    assert list(again.classes_) == ["ash", "elm"]


@pytest.mark.parametrize("positive", [True, [1, 0, -1, 0, 0, 0, 0, 0, 0, 1]])
def test_a_job_with_signs_of_coefficients(cloud, positive):
    model = LinearLearnerRegressor(positive=positive, backend=backend())
    name = model.fit(*DIABETES).training_job_["name"]
    again = LinearLearnerRegressor.attach(name, backend=backend())
    assert_same(again, model)
    np.testing.assert_array_equal(again.positive, positive)
    assert (again.coef_ * np.asarray(positive) >= 0).all()


def test_a_job_that_goes_on(cloud):
    model = LinearLearnerRegressor(**QUICK, backend=backend(wait=False)).fit(*DIABETES)
    name = model.pending_training_.name
    job = cloud.jobs.found[name]
    job["TrainingJobStatus"] = "InProgress"
    again = LinearLearnerRegressor.attach(name, backend=backend(wait=False))
    with pytest.raises(TimeoutError, match="goes on"):
        again.wait_for_training(timeout=0.01)
    job["TrainingJobStatus"] = "Completed"
    assert_same(again.wait_for_training(), model.wait_for_training())


def test_a_job_of_others(cloud):
    local = LinearLearnerClassifier(**QUICK).fit(*CANCER)
    save_artifact(local, data := io.BytesIO())
    strings = {"predictor_type": "binary_classifier", "wd": "0.25", "epochs": '"7"'}
    strings["mini_batch_size"] = "200"
    foreign(cloud, "theirs", "linear-learner", strings, data.getvalue())
    model = LinearLearnerClassifier.attach("theirs", backend=backend())
    assert (model.coef_ == local.coef_).all()
    assert (model.wd, model.epochs) == (0.25, 7)
    # What the job left out is SageMaker's default.
    assert model.normalize_data is True
    assert model.metrics_ == {
        "train": {"objective_loss": 0.5},
        "test": {"roc_auc_score": 0.9},
    }
    assert model.training_job_["billable_seconds"] == 153
    assert not hasattr(model, "loss_curve_")


SERVICE = {
    "ll-adult": (LinearLearnerClassifier, {"predictor_type": "binary_classifier"}),
    "ll-packt": (LinearLearnerRegressor, {"predictor_type": "regressor"}),
    "ll-wildfire": (
        LinearLearnerClassifier,
        {"predictor_type": "multiclass_classifier", "num_classes": "13"},
    ),
}


@pytest.mark.parametrize("name", SERVICE)
def test_artifacts_of_the_service_itself(cloud, name):
    """Put as the output of a finished job."""
    cls, strings = SERVICE[name]
    artifact = (ARTIFACTS / f"{name}.tar.gz").read_bytes()
    foreign(cloud, name, "linear-learner", strings, artifact)
    model = cls.attach(name, backend=backend())
    oracle = json.loads((ARTIFACTS / f"{name}.oracle.json").read_text())
    X, expected = np.array(oracle["rows"]), np.array(oracle["mxnet_output"])
    if cls is LinearLearnerRegressor:
        answers = model.predict(X)
    else:
        answers = model.predict_proba(X)
        answers = answers if len(model.classes_) > 2 else answers[:, 1]
    assert np.allclose(answers.ravel(), expected.ravel(), rtol=1e-5, atol=1e-4)
    if name == "ll-adult":
        assert model.threshold_ == pytest.approx(0.4630, abs=1e-4)


WRONG = {
    "class": (LinearLearnerRegressor, "is of LinearLearnerClassifier, and not of Lin"),
    "algorithm": (FactorizationMachinesRegressor, r"call LinearLearnerClassifier\.att"),
}


@pytest.mark.parametrize("case", WRONG)
def test_another_class_is_named(cloud, case):
    cls, match = WRONG[case]
    model = LinearLearnerClassifier(**QUICK, backend=backend()).fit(*CANCER)
    with pytest.raises(ValueError, match=match):
        cls.attach(model.training_job_["name"], backend=backend())


def test_what_is_no_job_of_ours(cloud):
    with pytest.raises(ResourceNotFoundError, match="'nowhere'"):
        LinearLearnerClassifier.attach("nowhere", backend=backend())
    foreign(cloud, "trees", "xgboost", {"max_depth": "3"}, b"")
    with pytest.raises(ValueError, match="'trees' of the image .* is not of linear"):
        LinearLearnerClassifier.attach("trees", backend=backend())
    with pytest.raises(TypeError, match="LocalBackend does not train in SageMaker"):
        LinearLearnerClassifier.attach("trees", backend="local")
    strings = {"predictor_type": "regressor"}
    foreign(cloud, "gone", "linear-learner", strings, b"\x1f\x8bnothing")
    with pytest.raises(ArtifactError, match=r"s3://theirs/out/gone/.*damaged"):
        LinearLearnerRegressor.attach("gone", backend=backend())


# ----------------------------------------------------------------- what would be asked
PLACED = {"bucket": "mine", "region": "eu-west-1"}


@pytest.mark.parametrize("image", [OURS, "built-in"])
def test_a_request_that_is_not_sent(monkeypatch, image):
    def session(self):
        raise AssertionError("AWS is called")

    monkeypatch.setattr(Access, "session", session)
    settings = backend(image=image, **PLACED)
    model = LinearLearnerRegressor(
        **{**QUICK, "random_state": np.random.RandomState(0)}, backend=settings
    )
    before = dict(vars(model))
    request = model.training_request(*DIABETES)
    assert vars(model) == before
    assert request["RoleArn"] == ROLE
    assert request["OutputDataConfig"]["S3OutputPath"].startswith("s3://mine/sklearn-s")
    if image == "built-in":
        uri = "438346466558.dkr.ecr.eu-west-1.amazonaws.com/linear-learner:1"
        assert request["AlgorithmSpecification"]["TrainingImage"] == uri


def test_a_request_names_the_rows_of_the_fit(cloud):
    settings = backend(bucket="mine", region="us-east-1")
    model = LinearLearnerRegressor(**QUICK, backend=settings)
    request = model.training_request(*DIABETES)
    model.fit(*DIABETES)
    (sent,) = cloud.jobs.found.values()
    assert request["InputDataConfig"][0] == sent["InputDataConfig"][0]
    assert request["HyperParameters"] == sent["HyperParameters"]


@pytest.mark.parametrize("missing", ["role", "bucket", "region"])
def test_a_request_needs_to_know_where(missing, monkeypatch):
    for variable in ("SAGEMAKER_ROLE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    settings = backend(**PLACED).set_params(**{missing: None})
    model = LinearLearnerRegressor(**QUICK, backend=settings)
    with pytest.raises(ValueError, match=f"{missing}=None"):
        model.training_request(*DIABETES)


def test_a_request_takes_role_and_region_of_the_environment(monkeypatch):
    monkeypatch.setenv("SAGEMAKER_ROLE", ROLE)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    settings = backend(image="built-in", bucket="mine")
    settings.set_params(role=None, region=None)
    model = LinearLearnerRegressor(**QUICK, backend=settings)
    request = model.training_request(*DIABETES)
    assert request["RoleArn"] == ROLE
    assert ".eu-west-1." in request["AlgorithmSpecification"]["TrainingImage"]
    model.set_params(backend__role="a-name")
    with pytest.raises(ValueError, match="role='a-name'.* needs the role's ARN"):
        model.training_request(*DIABETES)


def test_a_request_of_what_does_not_train_there():
    with pytest.raises(TypeError, match="LocalBackend does not train in SageMaker"):
        LinearLearnerRegressor().training_request(*DIABETES)
    model = LinearLearnerRegressor(backend=backend(image="sklearn-sagemaker", **PLACED))
    with pytest.raises(ValueError, match="set the image's URI"):
        model.training_request(*DIABETES)


# -------------------------------------------------------------------------- what serves
def test_a_model_that_the_built_in_image_has_no_form_for(cloud):
    X, y = load_iris(return_X_y=True)
    model = FactorizationMachinesClassifier(epochs=2, num_factors=2, random_state=0)
    model.fit(X, y)
    with pytest.raises(ValueError, match="cannot serve this model.*'sklearn-sagemaker"):
        model.deploy(backend=backend(image="built-in"))
    assert not cloud.objects.found


def test_a_model_that_is_not_fitted():
    with pytest.raises(NotFittedError):
        LinearLearnerClassifier().deploy(backend=backend())


@pytest.mark.parametrize("image", [OURS, "built-in"])
def test_what_is_served(cloud, image):
    settings = backend(image=image, subnets=["a"], security_group_ids=["b"])
    there = LinearLearnerRegressor(**QUICK, backend=backend()).fit(*DIABETES)
    model = model_of(there, settings)
    assert model.model_data == there.training_job_["artifact"]
    assert model.image_uri == there.training_job_["image"]
    here = LinearLearnerRegressor(**QUICK).fit(*DIABETES)
    for _ in range(2):
        model = model_of(here, settings)
    uploaded = [key for key in cloud.objects.writes if "/models/" in key]
    assert len(uploaded) == 1
    assert model.model_data.endswith(uploaded[0])
    assert model.image_uri.endswith(":1")
    assert model.vpc_config == {"Subnets": ["a"], "SecurityGroupIds": ["b"]}
