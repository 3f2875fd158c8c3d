"""Fits by SageMaker's own images: what they can be told, and what is refused."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import KFold

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.exceptions import BuiltInImageWarning
from sklearn_sagemaker.io import Rows, read_recordio
from sklearn_sagemaker.sagemaker.training_access import Access
from tests.backends.cloud import ROLE, Cloud

CANCER, IRIS, DIABETES = (
    load(return_X_y=True) for load in (load_breast_cancer, load_iris, load_diabetes)
)
WORDS = np.array(["ash", "elm"])[CANCER[1]]
QUICK = {"epochs": 3, "num_models": 2, "random_state": 0}


@pytest.fixture
def cloud(monkeypatch):
    found = Cloud()
    monkeypatch.setattr(Access, "session", lambda self: found.session())
    return found


def on(model, **more):
    return clone(model).set_params(backend=SageMakerBackend(ROLE, poll=0.01, **more))


def told(cloud):
    """The last request."""
    return list(cloud.jobs.found.values())[-1]


def sent(cloud):
    """The rows of each channel of the last job, and its files."""
    found = {}
    for channel in told(cloud)["InputDataConfig"]:
        place = channel["DataSource"]["S3DataSource"]["S3Uri"]
        prefix = place.removeprefix("s3://").partition("/")[2]
        assert channel["ContentType"] == "application/x-recordio-protobuf"
        files = {
            key: Rows(*read_recordio(data))
            for (_, key), data in sorted(cloud.objects.found.items())
            if key.startswith(prefix)
        }
        found[channel["ChannelName"]] = files
    return found


DEFAULTS = {
    "linear classes": (LinearLearnerClassifier(), *CANCER),
    "linear several": (LinearLearnerClassifier(), *IRIS),
    "linear numbers": (LinearLearnerRegressor(), *DIABETES),
    "factors classes": (FactorizationMachinesClassifier(), *CANCER),
    "factors numbers": (FactorizationMachinesRegressor(), *DIABETES),
}


@pytest.mark.filterwarnings("ignore::sklearn_sagemaker.exceptions.BuiltInImageWarning")
@pytest.mark.parametrize("case", DEFAULTS)
def test_untouched_defaults_fit(cloud, case):
    model, X, y = DEFAULTS[case]
    remote = on(model).fit(X, y)
    assert remote.n_features_in_ == X.shape[1]
    assert np.isfinite(remote.predict(X)).all()
    assert "linear-learner:1" in remote.training_job_["image"] or "factors" in case
    assert remote.metrics_["train"]
    assert len(remote.loss_curve_) == remote.n_iter_


def test_a_part_is_held_out_on_the_validation_channel(cloud):
    X, y = CANCER
    model = on(LinearLearnerClassifier(**QUICK)).fit(X.astype("f4"), WORDS)
    assert list(model.classes_) == ["ash", "elm"]
    assert model.score(X.astype("f4"), WORDS) > 0.9
    assert len(model.validation_curve_) == 3
    assert "validation" in model.metrics_
    assert set(model.best_params_) >= {"optimizer", "learning_rate"}
    assert not hasattr(model, "candidates_")
    channels = sent(cloud)
    (train,), (held,) = channels["train"].values(), channels["validation"].values()
    assert (len(train), len(held)) == (512, 57)
    everything = np.vstack([train.X, held.X])
    assert (np.sort(everything, 0) == np.sort(X.astype("f4"), 0)).all()
    # Class by class.
    assert abs(held.y.mean() - y.mean()) < 0.01


def test_a_share_that_is_said(cloud):
    on(LinearLearnerRegressor(**QUICK, validation_fraction=0.5)).fit(*DIABETES)
    (held,) = sent(cloud)["validation"].values()
    assert len(held) == 221


def test_no_validation(cloud):
    on(LinearLearnerRegressor(**QUICK, cv=False)).fit(*DIABETES)
    assert list(sent(cloud)) == ["train"]


def test_validation_rows_of_the_user(cloud):
    X, y = DIABETES
    on(LinearLearnerRegressor(**QUICK)).fit(X, y, X_val=X[:9], y_val=y[:9])
    channels = sent(cloud)
    (train,), (held,) = channels["train"].values(), channels["validation"].values()
    assert (len(train), len(held)) == (442, 9)


def test_factors_have_a_test_channel_and_select_nothing(cloud):
    X = sparse.csr_array(CANCER[0] * (CANCER[0] > 5))
    model = on(FactorizationMachinesClassifier(random_state=0, num_factors=2))
    with pytest.warns(BuiltInImageWarning, match=r"select nothing.*'test'"):
        model.fit(X, WORDS)
    channels = sent(cloud)
    (train,), (test,) = channels["train"].values(), channels["test"].values()
    assert sparse.issparse(train.X)
    assert (len(train), len(test)) == (512, 57)
    assert model.threshold_ == 0.5
    assert model.factors_.shape == (1, 30, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", BuiltInImageWarning)
        model.set_params(cv=False).fit(X, WORDS)
    assert list(sent(cloud)) == ["train"]


def test_class_weights_are_the_images_own(cloud):
    on(LinearLearnerClassifier(**QUICK, class_weight={0: 2, 1: 3})).fit(*CANCER)
    assert told(cloud)["HyperParameters"]["positive_example_weight_mult"] == "1.5"
    on(LinearLearnerClassifier(**QUICK, class_weight="balanced")).fit(*CANCER)
    mult = told(cloud)["HyperParameters"]["positive_example_weight_mult"]
    assert float(mult) == pytest.approx((CANCER[1] == 0).sum() / CANCER[1].sum())
    some = IRIS[0][20:], IRIS[1][20:]
    on(LinearLearnerClassifier(**QUICK, class_weight="balanced")).fit(*some)
    assert told(cloud)["HyperParameters"]["balance_multiclass_weights"] == "true"


def test_rows_of_weight_zero_are_absent(cloud):
    weights = np.repeat([0.0, 2.0], [100, 342])
    on(LinearLearnerRegressor(**QUICK, cv=False)).fit(*DIABETES, weights)
    (train,) = sent(cloud)["train"].values()
    assert (DIABETES[0][100:].astype("f4") == train.X).all()


def test_batches_are_not_larger_than_the_rows(cloud):
    on(LinearLearnerRegressor(**QUICK, mini_batch_size=5000)).fit(*DIABETES)
    assert told(cloud)["HyperParameters"]["mini_batch_size"] == "398"
    on(LinearLearnerRegressor(**QUICK, mini_batch_size=50)).fit(*DIABETES)
    assert told(cloud)["HyperParameters"]["mini_batch_size"] == "50"


def test_several_instances_have_a_part_each(cloud):
    model = LinearLearnerRegressor(**QUICK, cv=False, mini_batch_size=400)
    on(model, instance_count=3).fit(*DIABETES)
    files = sent(cloud)["train"]
    assert [len(rows) for rows in files.values()] == [147, 147, 148]
    assert [key[-12:] for key in files] == [f"matrix_{k}.pbr" for k in range(3)]
    (channel,) = told(cloud)["InputDataConfig"]
    source = channel["DataSource"]["S3DataSource"]
    assert source["S3DataDistributionType"] == "ShardedByS3Key"
    assert told(cloud)["ResourceConfig"]["InstanceCount"] == 3
    assert told(cloud)["HyperParameters"]["mini_batch_size"] == "147"


SPOT = {
    "capped": ({}, 3600, 3600),
    "shorter": ({"max_run": 60, "max_wait": 90}, 60, 90),
    "checkpoints": ({"checkpoint_s3_uri": "s3://b/c", "max_wait": 90000}, 86400, 90000),
}


@pytest.mark.parametrize("case", SPOT)
def test_spot_without_checkpoints_is_short(cloud, case):
    settings, longest, waits = SPOT[case]
    on(LinearLearnerRegressor(**QUICK), spot=True, **settings).fit(*DIABETES)
    limits = {"MaxRuntimeInSeconds": longest, "MaxWaitTimeInSeconds": waits}
    assert told(cloud)["StoppingCondition"] == limits
    assert ("CheckpointConfig" in told(cloud)) == (case == "checkpoints")


def test_what_float32_changes_is_said_once(cloud):
    X, y = DIABETES
    tiny = X.copy()
    tiny[3, 4] = 1e-44
    with pytest.warns(BuiltInImageWarning, match="by more than 1e-06") as caught:
        on(LinearLearnerRegressor(**QUICK)).fit(tiny, y)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", BuiltInImageWarning)
        on(LinearLearnerRegressor(**QUICK)).fit(X, y)
    with pytest.raises(ValueError, match=r"beyond 3.4e\+38 is too large"):
        on(LinearLearnerRegressor(**QUICK)).fit(X * 1e200, y)


REFUSED = {
    "weights": (
        LinearLearnerRegressor(**QUICK),
        (*DIABETES, np.arange(442) + 1.0),
        "sample_weight",
    ),
    "folds": (LinearLearnerRegressor(**QUICK, cv=3), DIABETES, "cv of 3 splits"),
    "a splitter": (
        FactorizationMachinesRegressor(cv=KFold(2)),
        DIABETES,
        "cv of 2 splits.*cv=False",
    ),
    "several classes": (FactorizationMachinesClassifier(), IRIS, "3 classes"),
    "an ensemble": (
        LinearLearnerClassifier(**QUICK, ensemble_size=2),
        CANCER,
        "ensemble_size=2",
    ),
    "signs": (LinearLearnerRegressor(positive=[1] * 10), DIABETES, "positive="),
    "a solver": (
        FactorizationMachinesRegressor(solver="als"),
        DIABETES,
        "solver='als'",
    ),
    "class weights": (
        LinearLearnerClassifier(**QUICK, class_weight={0: 1, 1: 2, 2: 5}),
        IRIS,
        "class_weight",
    ),
    "class weights of factors": (
        FactorizationMachinesClassifier(class_weight="balanced"),
        CANCER,
        "class_weight",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_image_cannot_do_is_refused_before_anything_is_sent(cloud, case):
    model, rows, match = REFUSED[case]
    with pytest.raises(ValueError, match=rf"{match}.*image='sklearn-sagemaker'"):
        on(model).fit(*rows)
    assert not cloud.objects.found
    assert not cloud.jobs.found


def test_warm_starts_are_refused(cloud):
    model = on(LinearLearnerRegressor(**QUICK, warm_start=True))
    with pytest.raises(ValueError, match="warm_start=True cannot run on backend=Sage"):
        model.fit(*DIABETES)
