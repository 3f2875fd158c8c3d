"""Rows that lie in S3: a training there reads them in place, one here reads a copy."""

import copy
import gc
import pickle
import tempfile

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.exceptions import (
    BuiltInImageWarning,
    S3NotFoundError,
    TrainingJobFailedError,
)
from sklearn_sagemaker.io import FileDataset, S3Data, write_recordio
from sklearn_sagemaker.sagemaker.training_access import Access
from tests.backends.cloud import ROLE, Cloud
from tests.backends.support import assert_same

OURS = "example.com/sklearn-sagemaker:1"
QUICK = {"epochs": 3, "num_models": 2, "random_state": 0}
X, Y = load_breast_cancer(return_X_y=True)
ROWS = write_recordio(None, X, Y * 1.0)
CSV = "\n".join(
    f"{y},{','.join(map(repr, x))}" for x, y in zip(X.tolist(), Y, strict=True)
)
PLACE = "s3://theirs/train/"
SAID = {"classes": [0, 1], "n_features": 30}


@pytest.fixture
def cloud(monkeypatch):
    found = Cloud()
    monkeypatch.setattr(Access, "session", lambda self: found.session())
    found.objects.found["theirs", "train/a.pbr"] = ROWS
    found.objects.found["theirs", "csv/a.csv"] = CSV.encode()
    found.objects.found["theirs", "csv/_SUCCESS"] = b"yes"
    found.objects.found["theirs", "val/a.pbr"] = write_recordio(None, X[:50], Y[:50])
    return found


def on(model, image=OURS, **more):
    backend = SageMakerBackend(ROLE, image=image, poll=0.01, **more)
    return clone(model).set_params(backend=backend)


def told(cloud):
    return list(cloud.jobs.found.values())[-1]


def local(tmp_path, model, *, memory=1 << 30, data=ROWS, **more):
    """A fit of the same rows in a file here."""
    (tmp_path / "rows.pbr").write_bytes(data)
    return clone(model).fit(FileDataset(tmp_path / "rows.pbr", memory=memory), **more)


@pytest.mark.parametrize("memory", [1 << 30, 20_000], ids=["loaded", "windows"])
def test_our_image_reads_them_in_place(cloud, tmp_path, memory):
    model = LinearLearnerClassifier(**QUICK)
    before = dict(cloud.objects.found)
    said = {**SAID, "classes": np.array([0, 1], "f4")}
    remote = on(model).fit(S3Data(PLACE, memory=memory, **said))
    written = set(cloud.objects.found) - set(before)
    assert not [key for _, key in written if "/data/" in key]
    source = told(cloud)["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    assert source["S3Uri"] == PLACE
    assert remote.n_features_in_ == 30
    del remote.training_job_
    assert_same(remote, local(tmp_path, model, memory=memory))


def test_our_image_reads_other_formats_and_validation_rows(cloud, tmp_path):
    model = LinearLearnerClassifier(**QUICK)
    rows = S3Data("s3://theirs/csv/", content_type="text/csv", **SAID)
    remote = on(model).fit(rows, X_val=S3Data("s3://theirs/val/", **SAID))
    expected = clone(model).fit(X, Y, X_val=X[:50].astype("f4"), y_val=Y[:50])
    assert np.allclose(remote.coef_, expected.coef_)
    held = S3Data("s3://theirs/val/", n_features=30)
    again = on(model).fit(X, Y, X_val=held)
    assert np.allclose(again.coef_, expected.coef_)
    kinds = [channel["ChannelName"] for channel in told(cloud)["InputDataConfig"]]
    assert kinds == ["train", "sklearn_sagemaker", "validation"]


def test_the_built_in_image_reads_them_in_place(cloud):
    model = LinearLearnerClassifier(**QUICK, mini_batch_size=100)
    with pytest.warns(BuiltInImageWarning, match="No rows are held out"):
        on(model, "built-in").fit(S3Data(PLACE, **SAID))
    (channel,) = told(cloud)["InputDataConfig"]
    assert channel["ContentType"] == "application/x-recordio-protobuf"
    assert channel["InputMode"] == "File"
    remote = on(model, "built-in").fit(
        S3Data(PLACE, **SAID, n_rows=569), X_val=S3Data("s3://theirs/val/", **SAID)
    )
    assert remote.score(X, Y) > 0.8
    assert list(remote.classes_) == [0, 1]
    assert len(remote.validation_curve_) == 3
    assert len(told(cloud)["InputDataConfig"]) == 2


BUILT_IN = {
    "format": (LinearLearnerClassifier(), {"content_type": "application/jsonlines"}),
    "csv of factors": (FactorizationMachinesClassifier(), {"content_type": "text/csv"}),
    "classes": (LinearLearnerClassifier(), {"classes": [1, 2]}),
}


@pytest.mark.parametrize("case", BUILT_IN)
def test_what_the_built_in_image_does_not_read(cloud, case):
    model, more = BUILT_IN[case]
    with pytest.raises(ValueError, match="image='sklearn-sagemaker'"):
        on(model, "built-in").fit(S3Data(PLACE, **{**SAID, **more}))
    assert not cloud.jobs.found


def test_labels_that_were_not_said(cloud):
    model = on(LinearLearnerClassifier(**QUICK))
    for memory in (1 << 30, 20_000):
        data = S3Data(PLACE, n_features=30, classes=[1, 2], memory=memory)
        with pytest.raises(TrainingJobFailedError, match=r"none of the classes \[1, 2"):
            model.fit(data)


UNSAID = {
    "n_features": (LinearLearnerClassifier(), {"classes": [0, 1]}, "its n_features"),
    "classes": (LinearLearnerClassifier(), {"n_features": 3}, "its classes"),
    "counts": (
        LinearLearnerClassifier(class_weight="balanced"),
        SAID,
        "class_weight='balanced'",
    ),
    "folds": (LinearLearnerClassifier(cv=3), SAID, "cv=3 needs all rows in memory"),
}


@pytest.mark.parametrize("case", UNSAID)
def test_what_must_be_said(cloud, case):
    model, said, match = UNSAID[case]
    with pytest.raises(ValueError, match=match):
        on(model).fit(S3Data(PLACE, **said))


def test_a_regressor_needs_no_classes(cloud, tmp_path):
    model = LinearLearnerRegressor(**QUICK)
    remote = on(model).fit(S3Data(PLACE, n_features=30))
    del remote.training_job_
    assert_same(remote, local(tmp_path, model))


@pytest.fixture
def downloads(cloud, monkeypatch):
    """What the double lacks."""

    def download_file(bucket, key, path):
        with open(path, "wb") as file:
            file.write(cloud.objects.found[bucket, key])

    monkeypatch.setattr(cloud.objects, "download_file", download_file, raising=False)


def test_a_training_here_reads_a_copy(cloud, downloads, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    model = LinearLearnerClassifier(**QUICK)
    for memory in (1 << 30, 20_000):
        here = clone(model).fit(S3Data(PLACE, memory=memory))
        assert_same(here, local(tmp_path, model, memory=memory))
    rows = S3Data("s3://theirs/csv/", content_type="text/csv")
    assert np.allclose(clone(model).fit(rows).coef_, clone(model).fit(X, Y).coef_)
    stream = clone(model).partial_fit(S3Data(PLACE))
    assert stream.n_features_in_ == 30
    with pytest.raises(S3NotFoundError, match="there is no object with rows"):
        clone(model).fit(S3Data("s3://theirs/nothing/"))
    gc.collect()
    assert not list(tmp_path.glob("sklearn-sagemaker-s3-*"))


def test_it_is_a_value():
    data = S3Data(PLACE, **SAID, n_rows=10, input_mode="Pipe")
    for one in (copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
        assert repr(one) == "S3Data('s3://theirs/train/')"
        assert vars(one).keys() == vars(data).keys()
    with pytest.raises(TypeError, match="are in S3 and are read where"):
        data.load()


@pytest.mark.parametrize(
    ("uri", "more", "match"),
    [
        ("data/train", {}, "names nothing in S3"),
        ("s3://bucket", {}, "names nothing in S3"),
        (PLACE, {"input_mode": "Fast"}, "input_mode='Fast'"),
        (PLACE, {"content_type": "text/html"}, "text/html"),
        (PLACE, {"n_features": 0}, "n_features"),
    ],
)
def test_what_is_no_data(uri, more, match):
    with pytest.raises(ValueError, match=match):
        S3Data(uri, **more)
