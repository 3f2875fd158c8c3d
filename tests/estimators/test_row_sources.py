"""Fitting to rows that come in windows, whatever brings them."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import ClassifierMixin, clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    _state,
)
from sklearn_sagemaker._state import (
    Contents,
    RowSource,
    TrainingSpec,
    Window,
    WindowedData,
)
from sklearn_sagemaker.training.windows import Sample, WindowStatistics, windows_of


class ArraySource(RowSource):
    """Arrays cut into windows."""

    def __init__(self, X, y, weights=None, rows=200, memory=1):
        self.X, self.y, self.weights = X, y, weights
        self.rows, self.memory, self.fails = rows, memory, "never"

    @property
    def contents(self):
        y = self.y if self.weights is None else self.y[self.weights > 0]
        labels, counts = np.unique(y, return_counts=True)
        if len(labels) > 1000:
            labels = counts = None
        sparse = sp.issparse(self.X)
        size = self.X.nbytes if not sparse else self.X.data.nbytes * 2
        size += 32 * len(self.y)
        return Contents(
            len(y), self.X.shape[1], sparse, self.X.dtype, size, labels, counts
        )

    def load(self):
        return self.X, self.y, self.weights

    def windows(self, seed, epoch):
        n = len(self.y)
        draws = np.random.default_rng([seed, 1]).random(n)
        starts = np.arange(0, n, self.rows)
        if epoch is not None:
            starts = np.random.default_rng([seed, epoch]).permutation(starts)
        for number, start in enumerate(starts):
            if epoch == self.fails and number == 1:
                raise OSError("the disk is gone")
            part = slice(start, start + self.rows)
            weights = None if self.weights is None else self.weights[part]
            yield self.X[part], self.y[part], weights, draws[part]


def source_of(X, y, weights=None, *, held=1 << 20, rows=200):
    """A source whose rows are too many to load, but that may hold some out."""
    found = ArraySource(X, y, weights, rows)
    found.memory = min(held, found.contents.n_bytes - 1)
    return found


@pytest.fixture(autouse=True)
def _large_samples(monkeypatch):
    # A sixth of so few rows would hold too few out to choose a candidate by.
    monkeypatch.setattr(_state, "HELD_SHARE", 1)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return X[order].astype(np.float32), y[order]


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3000, 6)).astype(np.float32)
    y = 50.0 + 10.0 * (X[:, 0] - 2.0 * X[:, 1] + X[:, 2] * X[:, 3])
    return X, y + rng.normal(size=3000)


ESTIMATORS = [
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
]
CLASSIFIERS = [
    LinearLearnerClassifier(random_state=0),
    FactorizationMachinesClassifier(random_state=0),
]
named = pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)


def fresh(model, **parameters):
    return type(model)(**{**model.get_params(), **parameters})


@pytest.mark.slow
@named
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_windows_train_as_well_as_memory(digits, model, sparse, task):
    X, y = digits
    y = np.where(y == 8, "eight", "other") if task == "binary" else y
    X = sp.csr_matrix(X) if sparse else X
    train, test = slice(0, 1300), slice(1300, None)
    # In memory so few rows are solved.
    steps = {"optimizer": "adam"} if type(model) is LinearLearnerClassifier else {}
    theirs = fresh(model, validation_fraction=0.1, **steps).fit(X[train], y[train])
    ours = fresh(model).fit(source_of(X[train], y[train]))
    assert ours.resolved_params_["validation"] == "hold-out"
    assert_array_equal(ours.classes_, np.unique(y))
    assert ours.n_features_in_ == 64
    found, wanted = (
        log_loss(y[test], m.predict_proba(X[test]), labels=m.classes_)
        for m in (ours, theirs)
    )
    assert found < 1.25 * wanted + 0.01
    assert ours.score(X[test], y[test]) > theirs.score(X[test], y[test]) - 0.02


@pytest.mark.parametrize(
    "cls", [LinearLearnerRegressor, FactorizationMachinesRegressor]
)
def test_windows_train_regressors_as_well_as_memory(numbers, cls):
    X, y = numbers
    train, held, test = slice(0, 2100), slice(2100, 2400), slice(2400, None)
    given = {"X_val": X[held], "y_val": y[held]}
    theirs = cls(random_state=0).fit(X[train], y[train], **given)
    ours = cls(random_state=0).fit(source_of(X[train], y[train]), **given)
    errors = [np.mean((m.predict(X[test]) - y[test]) ** 2) for m in (ours, theirs)]
    assert errors[0] < 1.1 * errors[1]
    assert set(ours.metrics_) == {"train", "validation"}


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_windows_say_how_many_features_there_are(numbers, cls):
    X, y = numbers[0][:400], numbers[1][:400]
    y = y > 50 if issubclass(cls, ClassifierMixin) else y
    model = cls(random_state=0, epochs=1)
    model.fit(pd.DataFrame(X[:, :4], columns=list("abcd")), y)
    assert model.n_features_in_ == 4
    assert list(model.feature_names_in_) == list("abcd")
    model.fit(source_of(X, y))
    assert model.n_features_in_ == 6 == model.coef_.shape[-1]
    # Windows have no names.
    assert not hasattr(model, "feature_names_in_")
    with pytest.raises(ValueError, match="X has 4 features"):
        model.predict(X[:, :4])
    # One that goes on keeps its features.
    model.set_params(warm_start=True).fit(source_of(X, y))
    with pytest.raises(ValueError, match="4 features"):
        model.fit(source_of(X[:, :4], y))
    assert model.n_features_in_ == 6
    assert_array_equal(model.fit(source_of(X, y)).n_features_in_, 6)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_windows_without_weight_are_absent(numbers, cls):
    X, y = numbers[0][:800].copy(), numbers[1][:800]
    y = y > 50 if issubclass(cls, ClassifierMixin) else y
    weights = np.ones(800)
    weights[200:400] = 0.0
    found = []
    settings = {"random_state": 0, "epochs": 2, "mini_batch_size": 50, "cv": False}
    for value in (0.0, 1e6):
        X[200:400] = value
        model = cls(**settings, warm_start=True).fit(source_of(X, y, weights))
        found.append(model)
    state = model.training_state_
    steps = state["steps"] if "steps" in state else state["models"][0][0]["steps"]
    assert np.all(np.asarray(steps) == 2 * 3 * (200 // 50))
    assert np.isfinite(model.loss_curve_).all()
    assert_array_equal(found[0].coef_, found[1].coef_)
    assert_array_equal(found[0].intercept_, found[1].intercept_)


@named
def test_rows_that_fit_are_trained_as_an_array(digits, model):
    X, y = digits
    source = ArraySource(X, y, memory=1 << 20)
    ours, theirs = fresh(model, num_models=2).fit(source), fresh(model, num_models=2)
    theirs.fit(X, y)
    assert_array_equal(ours.coef_, theirs.coef_)
    assert_array_equal(ours.intercept_, theirs.intercept_)


@named
def test_the_same_seed_gives_the_same_model_whatever_n_jobs(digits, model):
    X, y = digits
    models = [
        fresh(model, n_jobs=jobs, epochs=3).fit(source_of(X, y == 8))
        for jobs in (1, 2, 1)
    ]
    for other in models[1:]:
        assert_array_equal(models[0].coef_, other.coef_)
        assert models[0].threshold_ == other.threshold_
    another = fresh(model, random_state=1, epochs=3).fit(source_of(X, y == 8))
    assert (models[0].coef_ != another.coef_).any()


@named
def test_rows_of_weight_zero_are_absent(digits, model):
    X, y = digits
    weights = np.random.default_rng(1).integers(0, 3, len(y)).astype(float)
    y = np.where(weights > 0, y % 2, 7)
    other = np.where(weights[:, None] > 0, X, 1e6).astype(np.float32)
    a, b = (
        fresh(model, epochs=2).fit(source_of(rows, y, weights)) for rows in (X, other)
    )
    assert_array_equal(a.classes_, [0, 1])
    assert_array_equal(a.coef_, b.coef_)


@named
def test_class_weights_act_as_in_memory(digits, model):
    X, y = digits
    y = (y == 8).astype(int)
    weight = {0: 1.0, 1: np.bincount(y)[0] / np.bincount(y)[1]}
    # "balanced" is this up to a factor, which the mean weight of one takes away.
    a, b = (
        fresh(model, class_weight=w, epochs=3).fit(source_of(X, y))
        for w in ("balanced", weight)
    )
    assert_allclose(a.coef_, b.coef_, rtol=2e-3, atol=1e-5)
    plain = fresh(model, epochs=3).fit(source_of(X, y))
    assert np.mean(a.predict_proba(X)[:, 1]) > np.mean(plain.predict_proba(X)[:, 1])


@named
def test_a_class_of_weight_zero_is_absent(digits, model):
    X, y = digits
    weight = {k: float(k > 6) for k in range(10)}
    fitted = fresh(model, class_weight=weight, epochs=2).fit(source_of(X, y))
    assert_array_equal(fitted.classes_, [7, 8, 9])


@named
def test_validation_rows_of_the_user(digits, model):
    X, y = digits
    train, val = slice(0, 1300), slice(1300, None)
    source = source_of(X[train], y[train] == 8)
    arrays = fresh(model, epochs=3).fit(source, X_val=X[val], y_val=y[val] == 8)
    assert arrays.resolved_params_["validation"] == "given"
    # They come before folds, as in memory.
    folds = fresh(model, epochs=3, cv=5).fit(source, X_val=X[val], y_val=y[val] == 8)
    assert_array_equal(arrays.coef_, folds.coef_)
    inside = ArraySource(X[val], y[val] == 8, memory=1 << 20)
    from_source = fresh(model, epochs=3).fit(source, X_val=inside)
    assert_array_equal(arrays.coef_, from_source.coef_)
    with pytest.raises(ValueError, match="larger memory"):
        fresh(model).fit(source, X_val=source)
    with pytest.raises(ValueError, match="y_val is given beside"):
        fresh(model).fit(source, X_val=inside, y_val=y[val])


@named
def test_without_validation_rows_the_training_rows_judge(digits, model):
    X, y = digits
    fitted = fresh(model, cv=False, epochs=3).fit(source_of(X, y == 8))
    assert fitted.resolved_params_["validation"] == "training"
    assert fitted.score(X, y == 8) > 0.9


def test_windows_of_wide_rows_train_the_columns_that_they_store(digits):
    X, y = digits
    narrow = sp.csr_array(X[:, X.any(axis=0)])
    places = np.sort(np.random.default_rng(0).permutation(1 << 20)[: narrow.shape[1]])
    wide = sp.csr_array((narrow.shape[0], 1 << 20), dtype=X.dtype)
    wide.data, wide.indptr = narrow.data, narrow.indptr
    wide.indices = places[narrow.indices].astype(np.int32)
    model = LinearLearnerClassifier(random_state=0, num_models=2, epochs=2)
    of_wide = clone(model).fit(source_of(wide, y))
    of_narrow = clone(model).fit(source_of(narrow, y))
    np.testing.assert_array_equal(of_wide.coef_[:, places], of_narrow.coef_)
    assert np.count_nonzero(of_wide.coef_) == np.count_nonzero(of_narrow.coef_)
    stream = clone(model).partial_fit(source_of(wide, y))
    assert stream.training_state_["weights"].shape[0] <= narrow.shape[1]
    assert stream.score(wide, y) > 0.8


@named
def test_more_epochs_from_where_the_last_fit_ended(digits, model):
    X, y = digits
    source = source_of(X, y == 8)
    both = fresh(model, epochs=2, warm_start=True, num_models=1).fit(source)
    first = both.coef_.copy()
    both.fit(source)
    assert both.training_state_["epochs"] == 4
    assert (both.coef_ != first).any()
    with pytest.raises(ValueError, match="expecting 64 features"):
        both.fit(source_of(X[:, :10], y == 8))


@named
def test_partial_fit_reads_the_windows(digits, model):
    X, y = digits
    source = source_of(X, y, rows=300)
    ours, theirs = fresh(model).partial_fit(source), fresh(model)
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max)
    for rows, labels, _, _ in source.windows(seed, 0):
        theirs.partial_fit(rows, labels, classes=np.unique(y))
    assert_array_equal(ours.coef_, theirs.coef_)
    before = ours.coef_.copy()
    ours.partial_fit(source)
    assert (before != ours.coef_).any()
    with pytest.raises(ValueError, match="y is given beside a ArraySource"):
        ours.partial_fit(source, y)


def test_partial_fit_skips_windows_without_weight(digits):
    X, y = digits
    weights = np.ones(len(y))
    weights[200:400] = 0.0
    model = LinearLearnerClassifier(random_state=0).partial_fit(
        source_of(X, y, weights)
    )
    assert model.training_state_["stream"]["rows"] == len(y) - 200
    weights[:] = 1.0
    weights[3] = -1.0
    with pytest.raises(ValueError, match="[Nn]egative"):
        model.partial_fit(source_of(X, y, weights))


def test_partial_fit_of_a_regressor_reads_the_windows(numbers):
    X, y = numbers
    model = LinearLearnerRegressor(random_state=0).partial_fit(source_of(X, y))
    assert model.score(X, y) > 0.5


@pytest.mark.parametrize("fails", [None, 0, 2])
def test_a_source_that_fails_leaves_the_estimator_as_it_was(digits, fails):
    X, y = digits
    source = source_of(X, y == 8)
    model = LinearLearnerClassifier(random_state=0, epochs=4)
    source.fails = fails
    with pytest.raises(OSError, match="the disk is gone"):
        model.fit(source)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    source.fails = "never"
    model.fit(source)
    coef, source.fails = model.coef_, fails
    with pytest.raises(OSError, match="the disk is gone"):
        model.fit(source)
    assert model.coef_ is coef


def test_what_needs_all_rows_is_refused(digits, numbers):
    X, y = digits
    source = source_of(X, y)
    with pytest.raises(ValueError, match="cv=5 needs all rows in memory"):
        LinearLearnerClassifier(cv=5).fit(source)
    for solver in ("als", "mcmc"):
        with pytest.raises(ValueError, match="use solver='gradient'"):
            FactorizationMachinesClassifier(solver=solver).fit(source)
    with pytest.raises(ValueError, match="y is given beside a ArraySource"):
        LinearLearnerClassifier().fit(source, y)
    with pytest.raises(ValueError, match="sample_weight is given beside"):
        LinearLearnerClassifier().fit(source, sample_weight=np.ones(len(y)))
    with pytest.raises(ValueError, match="at least 2 classes"):
        LinearLearnerClassifier().fit(source_of(X, np.zeros(len(y))))
    with pytest.raises(ValueError, match="too many distinct"):
        LinearLearnerClassifier().fit(source_of(*numbers))
    with pytest.raises(ValueError, match="NaN or infinite"):
        LinearLearnerRegressor().fit(source_of(X, np.where(y == 3, np.nan, y)))


def test_a_source_is_for_training_only(digits):
    X, y = digits
    source = source_of(X, y)
    model = LinearLearnerClassifier(random_state=0, epochs=2).fit(source)
    for method in (model.predict, model.predict_proba, model.decision_function):
        with pytest.raises(TypeError, match="ArraySource is for fit and partial_fit"):
            method(source)


def test_labels_of_a_regression_are_numbers(digits):
    X, y = digits
    for memory in (1, 1 << 20):
        with pytest.raises(ValueError, match="a regressor predicts numbers"):
            LinearLearnerRegressor().fit(
                ArraySource(X, np.where(y > 4, "a", "b"), memory=memory)
            )


def test_too_little_memory_is_said(digits):
    X, y = digits
    with pytest.raises(ValueError, match="give the rows more memory"):
        LinearLearnerClassifier().fit(ArraySource(X, y, memory=6))


def test_arrays_still_need_labels(digits):
    with pytest.raises(ValueError, match="requires y to be passed"):
        LinearLearnerClassifier().fit(digits[0])


# ----------------------------------------------------------- statistics of windows
def statistics_of(X, y, weights=None, held=1 << 20, **parameters):
    source = source_of(X, y, weights)
    source.memory = held  # of which a share of 1 is held
    classes = np.arange(2)
    spec = TrainingSpec(
        "linear-learner", "binary_classifier", {}, classes, **parameters
    )
    data = WindowedData(source)
    return WindowStatistics.of(spec, data), list(windows_of(spec, data, None))


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
def test_statistics_of_windows_part_the_rows(digits, sparse):
    X, y = digits
    X = sp.csr_matrix(X) if sparse else X
    y = (y == 8).astype(int)
    weights = np.random.default_rng(2).random(len(y))
    found, data = statistics_of(X, y, weights)
    trained = [(w, found.train_rows(w)) for w in data]
    assert sum(len(rows) for _, rows in trained) == found.n_train
    assert found.n_train + len(found.data.y_val) == len(y) == found.n_rows
    assert 0.05 < len(found.data.y_val) / len(y) < 0.15
    # All training rows fit in the sample here.
    assert len(found.data.y) == found.n_train
    assert_allclose(found.weight, found.data.sample_weight.sum())
    wanted = np.bincount(found.data.y.astype(int), found.data.sample_weight)
    assert_allclose(found.class_weights, wanted)
    wanted = sum(w.sample_weight[rows].sum() for w, rows in trained)
    assert_allclose(found.weight, wanted)
    if sparse:
        assert found.stored == X.nnz
        assert_array_equal(found.counts, X.getnnz(axis=0))


def test_samples_stay_within_their_memory(digits):
    X, y = digits
    found, data = statistics_of(X, (y == 8).astype(int), held=20_000)
    for part in (found.data.X, found.data.X_val):
        assert part.nbytes + 32 * len(part) <= 20_000
    assert len(found.data.y_val) > 20
    trained = sum(len(found.train_rows(w)) for w in data)
    assert trained == found.n_train == len(y) - len(found.data.y_val)


def test_a_sample_is_random(digits):
    X = np.arange(10_000, dtype=np.float32)[:, None]
    sample = Sample(0.5, 8000)
    draws = np.random.default_rng(0).random(10_000)
    for start in range(0, 10_000, 500):
        part = slice(start, start + 500)
        window = Window(X[part], X[part, 0], np.ones(500), draws[part])
        sample.add(window, draws[part])
    limit = sample.limit
    rows = np.sort(sample.rows()[0][:, 0])
    assert_array_equal(rows, np.flatnonzero(draws < limit))
    assert len(sample) == 0


def test_folds_are_refused(digits):
    source = source_of(digits[0], digits[1])
    source.memory = 1
    with pytest.raises(ValueError, match="cv=None needs all rows"):
        LinearLearnerClassifier(cv=None).fit(source)


def test_few_rows_warn_of_nothing(digits):
    X, y = digits
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LinearLearnerClassifier(random_state=0).fit(
            source_of(X[:40], y[:40] % 2, rows=7)
        )
