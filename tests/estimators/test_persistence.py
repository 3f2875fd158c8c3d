"""Estimators stored by pickle, joblib and skops, and loaded again."""

import copy
import io
import pickle
import warnings
from functools import cache

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import clone

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    IntervalRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    __version__,
)
from sklearn_sagemaker._state import FORMAT_VERSION
from sklearn_sagemaker.backends import (
    Backend,
    DaskBackend,
    LocalBackend,
    SageMakerBackend,
    SubprocessBackend,
)
from sklearn_sagemaker.estimators import _base, _stored
from sklearn_sagemaker.exceptions import ModelFormatError
from sklearn_sagemaker.recommendations import Recommender

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
NUMBERS = X[:, 0] + X[:, 1] * X[:, 2]
LABELS = np.where(NUMBERS > 0, "yes", "no")
SEVERAL = np.digitize(NUMBERS, [-0.5, 0.5]) + 7
SMALL = {"epochs": 4, "random_state": 0}
MACHINE = {**SMALL, "num_factors": 2}
LINEAR, MACHINES = LinearLearnerClassifier, FactorizationMachinesClassifier
STREAM = "partial_fit"

# What leaves different things in an estimator: class, task, solver, loss, draws,
# averaged models, states to go on from, streams, a backend.
CASES = {
    "linear": (LinearLearnerRegressor, SMALL, NUMBERS),
    "linear-huber": (LinearLearnerRegressor, {**SMALL, "loss": "huber_loss"}, NUMBERS),
    "linear-binary": (LINEAR, SMALL, LABELS),
    "linear-hinge": (LINEAR, {**SMALL, "loss": "hinge_loss"}, LABELS),
    "linear-multiclass": (LINEAR, SMALL, SEVERAL),
    "linear-unvalidated": (LINEAR, {**SMALL, "cv": False}, LABELS),
    "linear-warm": (LINEAR, {**SMALL, "warm_start": True}, LABELS),
    "linear-stream": (LINEAR, {**SMALL, STREAM: True}, SEVERAL),
    "linear-backend": (LINEAR, {**SMALL, "backend": LocalBackend()}, LABELS),
    "linear-subprocess": (LINEAR, {**SMALL, "backend": SubprocessBackend()}, LABELS),
    "linear-ensemble": (LinearLearnerRegressor, {**SMALL, "ensemble_size": 3}, NUMBERS),
    "gradient-warm": (MACHINES, {**MACHINE, "warm_start": True}, LABELS),
    "gradient-stream": (MACHINES, {**MACHINE, STREAM: True}, LABELS),
    "als-ensemble": (
        MACHINES,
        {**MACHINE, "solver": "als", "num_models": 3, "ensemble_size": 2},
        LABELS,
    ),
}
for _solver in ("gradient", "als", "mcmc"):
    _settings = {**MACHINE, "solver": _solver}
    CASES[_solver] = (FactorizationMachinesRegressor, _settings, NUMBERS)
    CASES[f"{_solver}-binary"] = (MACHINES, _settings, LABELS)
    CASES[f"{_solver}-multiclass"] = (MACHINES, _settings, SEVERAL)


@cache
def fitted(case, dtype="float64"):
    cls, settings, y = CASES[case]
    model = cls(**{k: v for k, v in settings.items() if k != STREAM})
    rows = X.astype(dtype)
    with warnings.catch_warnings():
        # Four epochs reach nothing; what is stored matters here.
        warnings.simplefilter("ignore", RuntimeWarning)
        if STREAM not in settings:
            return model.fit(rows, y)
        if hasattr(model, "class_weight"):
            return model.partial_fit(rows, y, classes=np.unique(y))
        return model.partial_fit(rows, y)


def by_pickle(model, protocol=pickle.HIGHEST_PROTOCOL):
    return pickle.loads(pickle.dumps(model, protocol=protocol))


def by_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def by_skops(model):
    stored = skops.io.dumps(model)
    return skops.io.loads(stored, trusted=_stored.TRUSTED_SKOPS_TYPES)


WAYS = {"pickle": by_pickle, "joblib": by_joblib, "skops": by_skops}


def assert_same(left, right):
    """Equal to the bit, of the same types all the way down."""
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert list(left) == list(right)
        for name in left:
            assert_same(left[name], right[name])
    elif isinstance(left, list | tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    elif isinstance(left, np.ndarray) and left.dtype != object:
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    elif isinstance(left, np.ndarray):
        assert_same(left.tolist(), right.tolist())
    elif isinstance(left, Backend):
        assert left.get_params() == right.get_params()
    else:
        assert left == right or (left != left and right != right)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_a_stored_model_is_the_same_model(case, dtype, way):
    model = fitted(case, dtype)
    found = WAYS[way](model)
    assert_same(vars(found), vars(model))
    for rows in (X, X.astype("float32")):
        np.testing.assert_array_equal(found.predict(rows), model.predict(rows))
        if hasattr(model, "predict_proba"):
            np.testing.assert_array_equal(
                found.predict_proba(rows), model.predict_proba(rows)
            )


@pytest.mark.parametrize("case", ["linear-warm", "gradient-warm", "linear-stream"])
@pytest.mark.parametrize("way", WAYS)
def test_a_stored_model_goes_on_training_as_the_same(case, way):
    model = fitted(case)
    found, model, y = WAYS[way](model), copy.deepcopy(model), CASES[case][2]
    for one in (found, model):
        one.partial_fit(X, y) if STREAM in CASES[case][1] else one.fit(X, y)
    assert_same(vars(found), vars(model))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol(protocol):
    model = fitted("linear-binary")
    assert_same(vars(by_pickle(model, protocol)), vars(model))


@pytest.mark.parametrize("case", [name for name in CASES if "stream" not in name])
def test_an_unfitted_estimator_can_be_stored(case):
    model = clone(fitted(case))
    for way in WAYS.values():
        assert_same(vars(way(model)), vars(model))


def test_the_trusted_types_are_exactly_those_that_skops_asks_for():
    found = set()
    for case in CASES:
        for model in (fitted(case), clone(fitted(case))):
            found |= set(skops.io.get_untrusted_types(data=skops.io.dumps(model)))
    others = [
        *(LINEAR(backend=one()) for one in (DaskBackend, LocalBackend)),
        *(LINEAR(backend=one()) for one in (SageMakerBackend, SubprocessBackend)),
        IntervalRegressor(random_state=0).fit(X, NUMBERS),
        recommender(),
    ]
    for model in others:
        found |= set(skops.io.get_untrusted_types(data=skops.io.dumps(model)))
    assert found == set(_stored.TRUSTED_SKOPS_TYPES)
    assert list(_stored.TRUSTED_SKOPS_TYPES) == sorted(found)


def recommender():
    """One whose columns are ids, numbers and lists."""
    rows = {
        "user": list("aabbccdd"),
        "item": list("xyxzyzxy"),
        "rating": np.arange(8.0),
        "price": [{"x": 1.5, "y": 2.5, "z": 3.5}[item] for item in "xyxzyzxy"],
        "words": [{"x": ["one"], "y": ["one", "two"], "z": []}[i] for i in "xyxzyzxy"],
    }
    table = pytest.importorskip("pandas").DataFrame(rows)
    features = ["price", "words"]
    model = Recommender(user="user", item="item", item_features=features)
    return model.set_params(random_state=0).fit(table, table["rating"])


def test_intervals_and_recommendations_are_stored():
    intervals = IntervalRegressor(random_state=0).fit(X, NUMBERS)
    model = recommender()
    users = ["a", "b"]
    for way in WAYS.values():
        np.testing.assert_array_equal(way(intervals).predict(X), intervals.predict(X))
        assert way(model).recommend(users).equals(model.recommend(users))


def test_skops_loads_nothing_of_ours_that_is_not_trusted():
    stored = skops.io.dumps(fitted("linear-backend"))
    for kind in ("LocalBackend", "LinearLearnerClassifier"):
        (left_out,) = (
            name for name in _stored.TRUSTED_SKOPS_TYPES if name.endswith(f".{kind}")
        )
        rest = [name for name in _stored.TRUSTED_SKOPS_TYPES if name != left_out]
        with pytest.raises(
            skops.io.exceptions.UntrustedTypesFoundException, match=left_out
        ):
            skops.io.loads(stored, trusted=rest)


def test_what_is_stored_says_its_format_and_an_estimator_does_not():
    model = fitted("linear")
    state = model.__getstate__()
    assert state[_stored.STAMP] == {"format": FORMAT_VERSION, "version": __version__}
    assert not hasattr(model, _stored.STAMP)
    assert not hasattr(by_pickle(model), _stored.STAMP)
    assert _stored.STAMP not in clone(model).get_params()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", ["linear", "linear-binary", "gradient", "als-binary"])
def test_a_newer_format_is_refused_and_says_so(case, way, monkeypatch):
    model = fitted(case)
    newer = {"format": FORMAT_VERSION + 1, "version": "9.8.7"}
    monkeypatch.setattr(_base, "stamped", lambda state: {**state, _stored.STAMP: newer})
    with pytest.raises(ModelFormatError) as error:
        WAYS[way](model)
    message = str(error.value)
    for part in (type(model).__name__, "9.8.7", f"format {FORMAT_VERSION + 1}"):
        assert part in message
    assert f"up to {FORMAT_VERSION}" in message
    assert "install version 9.8.7 or newer" in message


@pytest.mark.parametrize("format_version", [None, 0, FORMAT_VERSION])
def test_older_formats_and_none_load_as_before(format_version):
    model = fitted("als-binary")
    state = model.__getstate__()
    if format_version is None:
        del state[_stored.STAMP]
    else:
        state[_stored.STAMP] = {"format": format_version, "version": "0.0.1"}
    found = type(model).__new__(type(model))
    found.__setstate__(state)
    assert_same(vars(found), vars(model))
    # What was loaded from is not changed.
    assert (_stored.STAMP in state) == (format_version is not None)


@pytest.mark.parametrize(
    "stamp",
    [
        3,
        [],
        {},
        *(
            {"format": number, "version": ""}
            for number in (
                "x", "1", b"1", True, False, None, 1.0, -1, -(10**30), 10**30,
                10**5000, float("inf"), float("-inf"), float("nan"), 1e308,
                np.float64(1), [1], 1j,
            )
        ),
        {"format": 1, "version": 10**5000},
    ],
    ids=lambda stamp: f"{type(stamp).__name__}",
)  # fmt: skip
def test_a_broken_stamp_is_refused(stamp):
    model = LinearLearnerRegressor()
    with pytest.raises(ModelFormatError, match="does not say in which format"):
        model.__setstate__({**model.__getstate__(), _stored.STAMP: stamp})


@pytest.mark.parametrize("case", ["linear-warm", "gradient-warm", "mcmc"])
def test_arrays_may_stay_in_a_file(case, tmp_path):
    model = fitted(case)
    joblib.dump(model, tmp_path / "model.joblib")
    found = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(found.coef_, np.memmap)
    assert not found.coef_.flags.writeable
    np.testing.assert_array_equal(found.predict(X), model.predict(X))
    if "warm" in case:
        again = copy.deepcopy(model).fit(X, CASES[case][2])
        found.fit(X, CASES[case][2])
        np.testing.assert_array_equal(found.coef_, again.coef_)


def test_copies_have_the_same_attributes():
    model = fitted("mcmc")
    for found in (copy.copy(model), copy.deepcopy(model)):
        assert_same(vars(found), vars(model))
