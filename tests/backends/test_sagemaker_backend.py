"""Fits in SageMaker, by a double of the service in memory: what goes, what is back."""

import json
import pickle
import subprocess
import sys
from datetime import timedelta

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.exceptions import (
    ArtifactError,
    StoredStateError,
    TrainingJobFailedError,
)
from sklearn_sagemaker.io import FileDataset, S3Data, write_recordio
from sklearn_sagemaker.sagemaker.training_access import Access
from tests.backends.cloud import ROLE, Cloud, refusal
from tests.backends.support import assert_same

OURS = "example.com/sklearn-sagemaker:1"
QUICK = {"epochs": 3, "num_models": 2, "random_state": 0}
FEW = {"epochs": 2, "num_factors": 2, "random_state": 0}
CANCER, IRIS, DIABETES = (
    load(return_X_y=True) for load in (load_breast_cancer, load_iris, load_diabetes)
)
NAMES = np.array(["setosa", "versicolor", "virginica"])[IRIS[1]]
WEIGHTS = np.linspace(0, 2, len(NAMES))


@pytest.fixture
def cloud(monkeypatch):
    found = Cloud()
    monkeypatch.setattr(Access, "session", lambda self: found.session())
    return found


def backend(**more):
    return SageMakerBackend(ROLE, **{"image": OURS, "poll": 0.01, **more})


def pair(model, **more):
    return model, clone(model).set_params(backend=backend(**more))


def without_job(model):
    """A fitted estimator, less what only a fit elsewhere has."""
    assert model.training_job_["billable_seconds"] == 5
    del model.training_job_
    return model


# --------------------------------------------------------------------- the same bits
SPARSE = sparse.csr_array(CANCER[0] * (CANCER[0] > 10))
FITS = {
    "two classes": (LinearLearnerClassifier(**QUICK), *CANCER),
    "float32, text, weights, a splitter": (
        LinearLearnerClassifier(**QUICK, cv=ShuffleSplit(2, random_state=0)),
        IRIS[0].astype(np.float32),
        NAMES,
        WEIGHTS,
    ),
    "class weights": (
        LinearLearnerClassifier(**QUICK, class_weight={0: 2, 1: 1, 2: 0.5}),
        *IRIS,
    ),
    "int64": (LinearLearnerRegressor(**QUICK), np.arange(60).reshape(20, 3), range(20)),
    "columns of a matrix": (
        LinearLearnerRegressor(**QUICK, cv=False),
        np.asfortranarray(DIABETES[0]),
        DIABETES[1],
    ),
    "sparse": (FactorizationMachinesClassifier(**FEW), SPARSE, CANCER[1]),
    "draws": (
        FactorizationMachinesRegressor(**FEW, solver="mcmc", num_draws=5),
        SPARSE,
        CANCER[1] * 1.0,
    ),
}


@pytest.mark.parametrize("case", FITS)
def test_our_image_gives_the_bits_of_a_local_fit(cloud, case):
    local, remote = pair(FITS[case][0])
    rows = FITS[case][1:]
    assert_same(without_job(remote.fit(*rows)), local.fit(*rows))


def test_validation_rows(cloud):
    local, remote = pair(LinearLearnerRegressor(**QUICK))
    more = {"X_val": DIABETES[0][:40], "y_val": DIABETES[1][:40]}
    more["sample_weight_val"] = np.linspace(0.5, 1, 40)
    assert_same(
        without_job(remote.fit(*DIABETES, **more)), local.fit(*DIABETES, **more)
    )


def test_files_in_windows_go_as_they_are(cloud, tmp_path):
    X, y = CANCER
    files = write_recordio(tmp_path / "train.pbr", X, y.astype(float), shards=3)
    more = {"X_val": X[:50], "y_val": y[:50] * 1.0}
    local, remote = pair(LinearLearnerClassifier(**QUICK))
    remote.fit(FileDataset(files, memory=20_000), **more)
    local.fit(FileDataset(files, memory=20_000), **more)
    assert_same(without_job(remote), local)
    kept = [data for (_, key), data in cloud.objects.found.items() if ".pbr" in key]
    assert kept == [file.read_bytes() for file in files]


def test_warm_start(cloud):
    models = pair(LinearLearnerClassifier(**QUICK, warm_start=True))
    for model in models:
        model.fit(*CANCER).set_params(epochs=5).fit(*CANCER)
    assert_same(without_job(models[1]), models[0])


def test_pipelines_and_frames(cloud):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(IRIS[0], columns=list("abcd"))
    local, remote = pair(LinearLearnerClassifier(**QUICK))
    remote.fit(X, NAMES)
    assert list(remote.feature_names_in_) == list("abcd")
    assert_same(without_job(remote), local.fit(X, NAMES))
    steps = make_pipeline(StandardScaler(), clone(remote)).fit(*IRIS)
    again = make_pipeline(StandardScaler(), clone(local)).fit(*IRIS)
    assert (steps.predict_proba(IRIS[0]) == again.predict_proba(IRIS[0])).all()


# --------------------------------------------------------------------------- requests
def test_what_a_job_is_told(cloud):
    X, y = DIABETES
    spot = backend(
        spot=True, kms_key="key", tags={"team": "a"}, max_run=60, prefix="churn/a"
    )
    model = LinearLearnerRegressor(**QUICK, l1=1e-5, backend=spot).fit(X, y)
    (request,) = cloud.jobs.found.values()
    name = request["TrainingJobName"]
    assert name.startswith("churn-a-")
    assert name == model.training_job_["name"]
    assert request["RoleArn"] == ROLE
    assert request["AlgorithmSpecification"]["TrainingImage"] == OURS
    said = request["HyperParameters"]
    assert json.loads(said["sklearn_sagemaker.l1"]) == 1e-5
    assert json.loads(said["sklearn_sagemaker.algorithm"]) == "linear-learner"
    assert request["Tags"] == [{"Key": "team", "Value": "a"}]
    assert request["EnableManagedSpotTraining"]
    limits = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    assert request["StoppingCondition"] == limits
    output = request["OutputDataConfig"]
    assert output["KmsKeyId"] == "key"
    assert output["S3OutputPath"].endswith(name.removeprefix("churn-a-"))
    checkpoints = request["CheckpointConfig"]["S3Uri"]
    assert checkpoints == f"{output['S3OutputPath']}/{name}/checkpoints"


def test_the_same_rows_are_uploaded_once(cloud):
    grid = {"wd": [1e-4, 1e-2], "optimizer": ["adam", "sgd"]}
    model = LinearLearnerRegressor(**QUICK, backend=backend())
    search = GridSearchCV(model, grid, cv=2, refit=False).fit(*DIABETES)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(cloud.jobs.found) == 8
    rows = [key for key in cloud.objects.writes if "/data/" in key]
    assert len(rows) == 2
    local = clone(model).set_params(backend="local")
    expected = GridSearchCV(local, grid, cv=2, refit=False).fit(*DIABETES)
    scores = search.cv_results_["mean_test_score"]
    assert (scores == expected.cv_results_["mean_test_score"]).all()
    grid = {"backend__instance_type": ["ml.m5.large", "ml.c5.large"]}
    GridSearchCV(model, grid, cv=2, refit=False).fit(*DIABETES)
    last = list(cloud.jobs.found.values())[-1]
    assert last["ResourceConfig"]["InstanceType"] == "ml.c5.large"
    assert len([key for key in cloud.objects.writes if "/data/" in key]) == 2


def test_other_rows_are_other_objects(cloud):
    X, y = DIABETES
    for rows in ((X, y), (X.astype("f4"), y), (X, y + 1), (X, y, y)):
        LinearLearnerRegressor(**QUICK, backend=backend()).fit(*rows)
    assert len([key for key in cloud.objects.writes if "/data/" in key]) == 4


def test_the_cache_is_cleared(cloud):
    model = LinearLearnerRegressor(**QUICK, backend=backend()).fit(*DIABETES)
    size = len(cloud.objects.found)
    assert model.backend.clear_cache(older_than=timedelta(days=1)) == 0
    assert model.backend.clear_cache() > DIABETES[0].nbytes
    assert len(cloud.objects.found) == size - 1
    model.fit(*DIABETES)


def test_jobs_are_counted(cloud):
    model = LinearLearnerRegressor(**QUICK, backend=backend(max_jobs=1)).fit(*DIABETES)
    before = dict(cloud.objects.found)
    with pytest.raises(ValueError, match="max_jobs=1: the service knows 1 jobs"):
        model.fit(*DIABETES)
    assert cloud.objects.found == before
    model.set_params(backend__prefix="another").fit(*DIABETES)


def test_an_image_that_was_not_pushed(cloud):
    model = LinearLearnerRegressor(**QUICK, backend=backend(image="sklearn-sagemaker"))
    with pytest.raises(
        ValueError, match=r"docker push 111122223333\.dkr\.ecr\.us-east"
    ):
        model.fit(*DIABETES)
    assert not cloud.objects.found
    cloud.images.add("sklearn-sagemaker")
    image = model.fit(*DIABETES).training_job_["image"]
    assert image.startswith("111122223333.dkr.ecr.us-east-1.amazonaws.com/sklearn-s")


REFUSED = {
    "on_quota": ({"on_quota": "never"}, "on_quota='never'"),
    "on_interrupt": ({"on_interrupt": "die"}, "on_interrupt='die'"),
    "prefix": ({"prefix": "a b"}, "prefix='a b'"),
    "volume": ({"volume_size": 0}, "volume_size=0"),
    "instances": ({"instance_count": 9}, "instance_count=9 is more than n_shards=8"),
    "pools of spot": ({"spot": True, "keep_alive": 60}, "keeps no spot instances"),
    "max_wait alone": ({"max_wait": 60}, "for spot=True only"),
    "max_wait": ({"spot": True, "max_wait": 60, "max_run": 90}, "less than max_run=90"),
    "subnets": ({"subnets": ["a"]}, "set both"),
    "other image": ({"image": "a.b/factorization-machines:1"}, "of factorization-mach"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_are_refused_before_anything_is_sent(cloud, case):
    settings, match = REFUSED[case]
    model = LinearLearnerRegressor(**QUICK, backend=backend(**settings))
    with pytest.raises(ValueError, match=match):
        model.fit(*DIABETES)
    assert not cloud.objects.found
    assert not cloud.jobs.found


SEVERAL = {
    "folds": (LinearLearnerRegressor, {"cv": 3}, DIABETES, "cv asks for folds"),
    "als": (
        FactorizationMachinesRegressor,
        {"solver": "als"},
        DIABETES,
        "solver='als' needs all rows",
    ),
    "pipe": (
        LinearLearnerRegressor,
        {},
        (S3Data("s3://b/rows/", n_features=2, input_mode="Pipe"),),
        "'Pipe', which 2 instances",
    ),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_what_several_instances_cannot_train(cloud, case):
    cls, settings, rows, match = SEVERAL[case]
    model = cls(random_state=0, **settings, backend=backend(instance_count=2))
    with pytest.raises(ValueError, match=match):
        model.fit(*rows)
    assert not cloud.objects.found
    assert not cloud.jobs.found


def test_a_stream_is_refused(cloud):
    model = LinearLearnerRegressor(**QUICK, backend=backend())
    with pytest.raises(ValueError, match="partial_fit cannot run on backend=SageMaker"):
        model.partial_fit(*DIABETES)


# ------------------------------------------------------------------ a value of settings
def test_a_backend_is_a_value():
    one = SageMakerBackend(ROLE, instance_type="ml.c5.large", prices={"ml.c5.large": 1})
    assert clone(one).get_params() == one.get_params()
    assert pickle.loads(pickle.dumps(one)).get_params() == one.get_params()
    assert "ml.c5.large" in repr(one)


# ------------------------------------------------------------- fits that do not wait
def test_a_fit_that_does_not_wait(cloud, tmp_path):
    local, remote = pair(LinearLearnerClassifier(**QUICK), wait=False, prices={"x": 1})
    remote.fit(*CANCER)
    with pytest.raises(NotFittedError, match="wait_for_training"):
        remote.predict(CANCER[0])
    joblib.dump(remote, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib").wait_for_training()
    assert_same(without_job(again), local.fit(*CANCER))


# --------------------------------------------------------------------------- bad ends
def test_a_job_that_fails(cloud, monkeypatch):
    from sklearn_sagemaker.training import weights

    def broken(*_):
        raise ValueError("no such luck")

    monkeypatch.setattr(weights, "class_weighted", broken)
    model = LinearLearnerRegressor(**QUICK, backend=backend())
    with pytest.raises(TrainingJobFailedError, match="ClientError: no such luck"):
        model.fit(*DIABETES)
    assert not hasattr(model, "coef_")
    assert not hasattr(model, "n_features_in_")
    monkeypatch.undo()


def changed(cloud, name, change):
    """Change an object that the job has written."""
    for place in cloud.objects.found:
        if place[1].endswith(name):
            cloud.objects.found[place] = change(cloud.objects.found[place])


DAMAGE = {
    "cut": (lambda data: data[:-9], ArtifactError, "cut short"),
    "flipped": (
        lambda data: data[:200] + bytes([data[200] ^ 255]) + data[201:],
        (ArtifactError, StoredStateError),
        "damaged",
    ),
    "empty": (lambda data: b"", ArtifactError, "cut short"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_model_that_is_damaged(cloud, case):
    change, kind, match = DAMAGE[case]
    model = LinearLearnerRegressor(**QUICK, backend=backend(wait=False)).fit(*DIABETES)
    changed(cloud, "output.tar.gz", change)
    with pytest.raises(kind, match=match):
        model.wait_for_training()
    assert not hasattr(model, "coef_")


def test_a_model_of_another_problem(cloud):
    models = [
        LinearLearnerRegressor(**QUICK, backend=backend(wait=False)).fit(X, DIABETES[1])
        for X in (DIABETES[0], DIABETES[0][:, :4])
    ]
    outputs = [
        place for place in cloud.objects.found if place[1].endswith("output.tar.gz")
    ]
    cloud.objects.found[outputs[0]] = cloud.objects.found[outputs[1]]
    with pytest.raises(ArtifactError, match="has 4 features, and the rows had 10"):
        models[0].wait_for_training()


def test_a_job_that_cannot_be_created_leaves_nothing_of_its_own(cloud):
    def refused(**_):
        raise refusal("ValidationException", "CreateTrainingJob", 400, "not today")

    cloud.jobs.create_training_job = refused
    model = LinearLearnerRegressor(**QUICK, backend=backend())
    with pytest.raises(Exception, match="not today"):
        model.fit(*DIABETES)
    assert [key for _, key in cloud.objects.found if "/data/" not in key] == []

    def denied(**_):
        raise refusal("AccessDenied", "DeleteObject", 403)

    cloud.objects.delete_object = denied
    with (
        pytest.warns(UserWarning, match=r"could not be deleted: s3://.*spec.zip"),
        pytest.raises(Exception, match="not today"),
    ):
        model.fit(*DIABETES)


WITHOUT_BOTO3 = """
import sys
sys.modules["boto3"] = sys.modules["botocore"] = None
from sklearn_sagemaker import LinearLearnerRegressor
from sklearn_sagemaker.backends import SageMakerBackend
there = SageMakerBackend("arn:aws:iam::1:role/x", bucket="b", region="us-east-1")
rows = [[0.0], [1.0]] * 20, [0.0, 1.0] * 20
print(sorted(LinearLearnerRegressor(backend=there).training_request(*rows))[0])
try:
    LinearLearnerRegressor(backend=there).fit(*rows)
except ImportError as error:
    print(error)
"""


def test_without_boto3_there_are_requests():
    command = [sys.executable, "-c", WITHOUT_BOTO3]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert out.startswith("AlgorithmSpecification")
    assert "pip install 'sklearn_sagemaker[sagemaker]'" in out
