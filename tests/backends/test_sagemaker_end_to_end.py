"""The switch as a user has it: on the emulator, by the programs of the containers.

Each job is a process that takes seconds to start, so there are few; what a fit sends
and gets back is in test_sagemaker_backend.py, what goes wrong in
test_sagemaker_faults.py.
"""

import csv
import io
import re
import subprocess
import sys
from pathlib import Path

import boto3
import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import GridSearchCV

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.backends import DaskBackend, SageMakerBackend
from sklearn_sagemaker.io import FileDataset, S3Data, write_recordio
from sklearn_sagemaker.testing import SageMakerEmulator
from tests.backends.support import assert_same

README = Path(__file__).parents[2] / "README.md"
ARTIFACTS = Path(__file__).parents[1] / "estimators" / "artifacts"
ADULT = ARTIFACTS / "ll-adult-served.csv"
CANCER = load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
QUICK = {"epochs": 2, "num_models": 2, "random_state": 0}


@pytest.fixture(scope="module")
def emulator():
    with SageMakerEmulator(scale=0.0) as running:
        yield running
        s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
        SageMakerBackend().clear_cache()
        found = s3.list_objects_v2(Bucket=running.bucket)["Contents"]
        assert not [one["Key"] for one in found if "/data/" in one["Key"]]
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=running.bucket)
        assert not sagemaker.list_endpoints()["Endpoints"]
        assert not sagemaker.list_endpoint_configs()["EndpointConfigs"]
        assert not sagemaker.list_models()["Models"]


def backend(**more):
    return SageMakerBackend(**{"image": "sklearn-sagemaker", "poll": 0.2, **more})


def scores(records):
    return np.array(
        [record.label["score"].float32_tensor.values[0] for record in records]
    )


SENT = """
import sys, joblib
from sklearn_sagemaker import LinearLearnerClassifier
from sklearn_sagemaker.backends import SageMakerBackend
model = LinearLearnerClassifier.attach(sys.argv[1], backend="sagemaker")
joblib.dump(model, sys.argv[2])
"""


@pytest.mark.slow
def test_a_model_here_there_and_everywhere(emulator, tmp_path):
    X, y = CANCER[0].astype("f4"), np.array(["ash", "elm"])[CANCER[1]]
    remote = LinearLearnerClassifier(**QUICK, backend=backend()).fit(X, y)
    job = remote.training_job_
    local = LinearLearnerClassifier(**QUICK).fit(X, y)
    expected = local.predict_proba(X)[:, 1]
    # From another process.
    path = tmp_path / "model.joblib"
    subprocess.run([sys.executable, "-c", SENT, job["name"], path], check=True)
    attached = joblib.load(path)
    assert_same(attached, remote)
    del remote.training_job_
    assert_same(remote, local)
    # By an endpoint of our image, and one of the built-in image.
    for model in (attached, local):
        given = backend(image="built-in")
        with model.deploy(1, "ml.m5.large", backend=given) as predictor:
            assert scores(predictor.predict(X)) == pytest.approx(expected, abs=1e-6)
    # By a batch transform.
    body = "\n".join(",".join(map(repr, row)) for row in X.tolist())
    boto3.client("s3").put_object(
        Bucket=emulator.bucket, Key="rows/rows.csv", Body=body.encode()
    )
    uri = f"s3://{emulator.bucket}/rows/"
    transformer = attached.transform_job(uri, accept="application/jsonlines")
    bucket, _, prefix = transformer.output_path.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    answer = s3.get_object(Bucket=bucket, Key=f"{prefix}/rows.csv.out")["Body"].read()
    found = [float(line.rpartition(b":")[2][:-1]) for line in answer.splitlines()]
    assert found == pytest.approx(expected, abs=1e-6)
    transformer.delete_model()


def test_the_lines_of_the_readme(emulator, capsys, monkeypatch):
    monkeypatch.setenv("SKLEARN_SAGEMAKER_POLL", "0.5")
    text = README.read_text("utf-8")
    (code,) = re.findall(
        r"```python\n# not run without an account.*?\n(.*?)```", text, re.DOTALL
    )
    assert len([line for line in code.splitlines() if line]) == 4
    exec(code, {"X": CANCER[0], "y": CANCER[1]})
    name, score = capsys.readouterr().out.split()
    assert name.startswith("sklearn-sagemaker-")
    assert float(score) > 0.9


def test_sparse_rows(emulator):
    X = sparse.csr_array(CANCER[0] * (CANCER[0] > 10))
    model = FactorizationMachinesClassifier(
        epochs=2, num_factors=2, random_state=0, backend=backend()
    )
    remote, local = model.fit(X, CANCER[1]), clone(model).set_params(backend=None)
    del remote.training_job_
    assert_same(remote, local.fit(X, CANCER[1]))


def test_the_built_in_image(emulator):
    model = LinearLearnerRegressor(**QUICK, backend=backend(image="built-in"))
    model.fit(*DIABETES)
    assert model.training_job_["image"].endswith("/linear-learner:1")
    assert len(model.loss_curve_) == len(model.validation_curve_) == 2
    assert {"train", "validation"} <= set(model.metrics_)
    assert np.isfinite(model.predict(DIABETES[0])).all()


@pytest.mark.slow
def test_a_search_with_jobs_at_a_time(emulator):
    model = LinearLearnerRegressor(**QUICK, backend=backend(keep_alive=60))
    before = emulator.calls.get("CreateTrainingJob", 0)
    search = GridSearchCV(model, {"wd": [1e-4, 10.0]}, cv=2, n_jobs=2, refit=False)
    with joblib.parallel_config("threading"):
        search.fit(*DIABETES)
    assert emulator.calls["CreateTrainingJob"] - before == 4
    local = clone(search).set_params(estimator__backend=None, n_jobs=None)
    expected = local.fit(*DIABETES).cv_results_["mean_test_score"]
    assert (search.cv_results_["mean_test_score"] == expected).all()


@pytest.mark.slow
def test_a_model_that_the_service_itself_has_trained(emulator):
    """Its artifact put as the output of a finished job of the built-in image."""
    X, name = np.eye(14)[:9], "adult"
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    rows = write_recordio(None, X, np.arange(9) % 2)
    s3.put_object(Bucket=emulator.bucket, Key="adult/rows.pbr", Body=rows)
    out = f"s3://{emulator.bucket}/out"
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/adult/"}
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": "382416733822.dkr.ecr.us-east-1.amazonaws.com/"
            "linear-learner:1",
            "TrainingInputMode": "File",
        },
        RoleArn=emulator.role,
        HyperParameters={"predictor_type": "binary_classifier", "epochs": "1"},
        InputDataConfig=[
            {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
        ],
        OutputDataConfig={"S3OutputPath": out},
        ResourceConfig={
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    model = LinearLearnerClassifier.attach(name, backend=backend())
    data = (ARTIFACTS / "ll-adult.tar.gz").read_bytes()
    key = f"out/{name}/output/model.tar.gz"
    s3.put_object(Bucket=emulator.bucket, Key=key, Body=data)
    model = LinearLearnerClassifier.attach(name, backend=backend())
    assert model.epochs == 1
    served = list(csv.DictReader(io.StringIO(ADULT.read_text())))
    X = np.array([[float(row[f"x{k}"]) for k in range(14)] for row in served])
    expected = [float(row["score"]) for row in served]
    assert model.predict_proba(X)[:, 1] == pytest.approx(expected, abs=1e-6)
    labels = [int(float(row["predicted_label"])) for row in served]
    assert list(model.predict(X)) == labels
    with model.deploy() as predictor:
        answers = scores(predictor.predict(X.astype("f4")))
    assert answers == pytest.approx(expected, abs=1e-6)


def on_hosts(cls, **more):
    return cls(**QUICK, backend=backend(instance_count=2, **more))


@pytest.mark.slow
@pytest.mark.parametrize("sparsely", [False, True])
def test_instances_train_as_a_cluster_does(emulator, sparsely):
    pytest.importorskip("distributed")
    X, y = CANCER[0].astype("f4"), np.array(["ash", "elm"])[CANCER[1]]
    X, cls = X / X.max(0), LinearLearnerClassifier
    if sparsely:
        X, cls = sparse.csr_matrix(X), FactorizationMachinesClassifier
    weights = np.linspace(1, 2, len(y))
    held = {"X_val": X[::5], "y_val": y[::5]}
    remote = on_hosts(cls).fit(X, y, weights, **held)
    job = remote.training_job_
    assert job["instance_count"] == 2
    there = cls(**QUICK, backend=DaskBackend()).fit(X, y, weights, **held)
    del remote.training_job_
    assert_same(remote, there)


@pytest.mark.slow
def test_instances_train_on_files_and_on_objects(emulator, tmp_path):
    pytest.importorskip("distributed")
    X, y = CANCER[0].astype("f4"), CANCER[1].astype("f4")
    write_recordio(tmp_path / "rows.pbr", X, y, shards=8)
    data = FileDataset(str(tmp_path / "*.pbr"), memory=1 << 16)
    found = on_hosts(LinearLearnerClassifier).fit(data)
    s3 = boto3.client("s3")
    for path in tmp_path.glob("*.pbr"):
        key = f"on-hosts/{path.name}"
        s3.put_object(Bucket=emulator.bucket, Key=key, Body=path.read_bytes())
    there = S3Data(
        f"s3://{emulator.bucket}/on-hosts/",
        classes=[0, 1],
        n_features=X.shape[1],
        memory=1 << 16,
    )
    again = on_hosts(LinearLearnerClassifier).fit(there)
    assert found.score(X, y) > 0.9
    assert np.array_equal(found.coef_, again.coef_)
