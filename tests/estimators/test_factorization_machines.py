"""FactorizationMachinesClassifier and FactorizationMachinesRegressor."""

import inspect
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker._columns import start_numbers
from sklearn_sagemaker._kernels import FACTOR_CHOICES
from sklearn_sagemaker.estimators._spec import seed_of
from sklearn_sagemaker.training.factors.settings import start_of
from sklearn_sagemaker.training.schedule import epoch_order

from .._kernels import factors_reference as reference

BOTH = (FactorizationMachinesClassifier, FactorizationMachinesRegressor)
# One small model, no validation rows.
QUICK = {"num_factors": 4, "epochs": 3, "cv": False, "random_state": 0}
USERS, FILMS = 20, 15
TABLES = [
    pytest.param(cls, entry, id=f"{cls.__name__}-{entry.name}")
    for cls in BOTH
    for entry in cls._table.values()
]
# The container's default file.
SAGEMAKER = {
    "mini_batch_size": 1000, "epochs": 1, "factors_lr": 0.0001, "linear_lr": 0.001,
    "bias_lr": 0.1, "factors_wd": 0.00001, "linear_wd": 0.001, "bias_wd": 0.01,
    "bias_init_method": "normal", "linear_init_method": "normal",
    "factors_init_method": "normal", "bias_init_sigma": 0.01,
    "linear_init_sigma": 0.01, "factors_init_sigma": 0.001, "optimizer": "adam",
}  # fmt: skip
WITHOUT_DEFAULT = {
    "num_factors", "clip_gradient", "eps", "rescale_grad", "bias_init_scale",
    "linear_init_scale", "factors_init_scale", "bias_init_value", "linear_init_value",
    "factors_init_value",
}  # fmt: skip


def ratings(n=3000, noise=0.1, seed=0, dtype="f8", classes=0):
    """Random pairs of users and films, one-hot, rated by planted factors."""
    rng = np.random.default_rng(seed)
    users, films = rng.integers(USERS, size=n), rng.integers(FILMS, size=n)
    tastes = np.random.default_rng(9).normal(size=(max(1, classes), USERS + FILMS, 3))
    y = np.einsum("cnk,cnk->nc", tastes[:, users], tastes[:, USERS + films])
    y = y + noise * rng.normal(size=y.shape)
    columns = np.stack([users, USERS + films], axis=1).ravel()
    data = np.ones(2 * n, dtype=dtype)
    X = sp.csr_array((data, columns, 2 * np.arange(n + 1)), shape=(n, USERS + FILMS))
    return X, y[:, 0] if classes == 0 else y.argmax(axis=1)


X, Y = ratings(600)
LABELS = (Y > 0).astype(int)
X3, Y3 = ratings(1500, classes=3)
QUERIES = np.eye(USERS + FILMS)[:USERS]
ITEMS = np.arange(USERS, USERS + FILMS)
FITS = {
    "binary": (FactorizationMachinesClassifier, X, LABELS),
    "multiclass": (FactorizationMachinesClassifier, X3, Y3),
    "regressor": (FactorizationMachinesRegressor, X, Y),
}


@pytest.fixture(params=FITS)
def problem(request):
    return FITS[request.param]


@pytest.fixture(scope="module")
def rater():
    """A model of ratings."""
    return FactorizationMachinesRegressor(**{**QUICK, "epochs": 10}).fit(X, Y)


def root_mean_square(error):
    return np.sqrt(np.mean(np.square(error)))


def scores(model, rows):
    return getattr(model, "decision_function", model.predict)(rows)


def assert_same_model(one, other):
    for name in ("coef_", "intercept_", "factors_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


# ------------------------------------------------------------------------ SageMaker
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "CSR"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("task", FITS)
@pytest.mark.parametrize("batch", [1, 48])
def test_sagemaker_defaults_train_step_for_step(make, dtype, task, batch):
    rng = np.random.default_rng(0)
    n, d, k, epochs = 110, 7, 5, 3
    rows = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.6)
    rows = rows.astype(dtype)
    product = rows[:, 0] * rows[:, 1] + rows[:, 2]
    cls, loss, n_classes, y = {
        "binary": (BOTH[0], "logistic", 1, product > 0),
        "multiclass": (BOTH[0], "softmax_loss", 3, np.digitize(product, [-0.2, 0.2])),
        "regressor": (BOTH[1], "squared_loss", 1, product),
    }[task]
    settings = {
        "num_factors": k, "epochs": epochs, "mini_batch_size": batch,
        "factors_init_sigma": 0.3, "factors_lr": 0.01, "linear_lr": 0.02,
    }  # fmt: skip
    model = cls.sagemaker_defaults(**settings, random_state=0).fit(make(rows), y)
    # The same start and order, and plain steps from there.
    seed, values = seed_of(0), model.get_params()
    shapes = {
        "bias": (1, n_classes),
        "linear": (d, n_classes),
        "factors": (d, n_classes * k),
    }
    starts = {}
    for group, (size, width) in shapes.items():
        rule = start_of(values, group, np.nan, [seed, 0xFAC7, 0])
        starts[group] = start_numbers(rule, np.arange(size), width).astype(dtype)
    starts["bias"] = starts["bias"][0]
    starts["factors"] = starts["factors"].reshape(d, n_classes, k)
    machine = reference.ReferenceMachine(**starts)
    bounds = np.empty(0, int) if batch == 1 else np.array([0, 48, 96, n])
    losses = [
        reference.train(
            rows.astype(float), machine,
            epoch_order([np.arange(n)], n, np.random.default_rng([seed, epoch]))[0],
            bounds, y.astype(float),
            np.ones(n), np.array([[0.1, 0.01], [0.02, 0.001], [0.01, 0.00001]]),
            loss=loss, optimizer="adam", exact_eps=True,
            constants={"beta_1": 0.9, "beta_2": 0.999, "eps": 1e-8, "momentum": 0.0},
        ) / n
        for epoch in range(epochs)
    ]  # fmt: skip
    assert model.factors_.dtype == dtype
    tolerance = {"rtol": 2e-3, "atol": 5e-4} if dtype == "f4" else {"rtol": 1e-7}
    np.testing.assert_allclose(model.loss_curve_, losses, **tolerance)
    for found, wanted in (
        (model.intercept_, machine.bias),
        (model.coef_, machine.linear.T),
        (model.factors_, machine.factors.transpose(1, 0, 2)),
    ):
        wanted = wanted[0] if task == "regressor" else wanted
        np.testing.assert_allclose(found, wanted, **tolerance)


@pytest.mark.parametrize("cls", BOTH)
def test_sagemaker_defaults_are_those_of_the_container(cls):
    values = cls.sagemaker_defaults().get_params()
    assert {name: values[name] for name in SAGEMAKER} == SAGEMAKER
    assert values["num_factors"] == 64
    assert values["cv"] is False
    theirs = {entry.name for entry in cls._table.values() if not entry.ours}
    # Theirs has Adam alone.
    assert theirs == {*SAGEMAKER, *WITHOUT_DEFAULT} - {"optimizer"}


@pytest.mark.parametrize("cls", BOTH)
def test_constants_are_zero_by_default(cls):
    for model in (cls(), cls.sagemaker_defaults()):
        for group in ("bias", "linear", "factors"):
            assert getattr(model, f"{group}_init_value") == 0.0


@pytest.mark.parametrize(("cls", "entry"), TABLES)
def test_hyperparameters_are_constructor_arguments(cls, entry):
    parameters = inspect.signature(cls).parameters
    assert parameters[entry.name].default == entry.default
    assert parameters[entry.name].kind is inspect.Parameter.KEYWORD_ONLY
    assert getattr(cls.sagemaker_defaults(), entry.name) == entry.sagemaker_default


def out_of_range(entry):
    if entry.kind == "choice":
        return ["no such choice", 1]
    if entry.kind == "bool":
        return ["yes", 2]
    found = ["no number", None]
    if entry.low is not None:
        found.append(entry.low - (1 if entry.closed in ("left", "both") else 0))
        found.append(np.nan)
    if entry.kind == "int":
        found.append(entry.low + 0.5)
    if entry.high is not None:
        found.append(entry.high + 1)
    return found


@pytest.mark.parametrize(("cls", "entry"), TABLES)
def test_values_out_of_range_are_refused(cls, entry):
    y = LABELS if cls is FactorizationMachinesClassifier else Y
    for value in out_of_range(entry):
        with pytest.raises(InvalidParameterError, match=entry.name):
            cls(**{**QUICK, entry.name: value}).fit(X, y)


def test_a_recipe_of_ratings_learns_as_the_real_one_does():
    """One-hot users and films, 64 factors, label = liked, other defaults."""
    rng = np.random.default_rng(0)
    n, users, films = 24_000, 150, 120
    user, film = rng.integers(users, size=n), rng.integers(films, size=n)
    tastes = 0.7 * rng.normal(size=(users + films, 4))
    liking = 0.5 * rng.normal(size=users + films)
    margin = 0.2 + np.sum(tastes[user] * tastes[users + film], axis=1)
    margin += liking[user] + liking[users + film]
    y = (rng.random(n) < expit(margin)).astype(int)
    columns = np.stack([user, users + film], axis=1).ravel()
    data = np.ones(2 * n, dtype="f4")
    rows = sp.csr_array((data, columns, 2 * np.arange(n + 1)))
    train, test = slice(0, 20_000), slice(20_000, None)
    curves = []
    for epochs in (1, 40, 80):
        model = FactorizationMachinesClassifier.sagemaker_defaults(
            mini_batch_size=200, epochs=epochs, random_state=0
        ).fit(rows[train], y[train])
        curves.append(model.metrics_["train"])
    accuracy = [found["binary_classification_accuracy"] for found in curves]
    entropy = [found["binary_classification_cross_entropy"] for found in curves]
    assert accuracy[0] < accuracy[1] < accuracy[2]
    assert entropy[0] > entropy[1] > entropy[2]
    assert (np.diff(model.loss_curve_[::10]) < 0).all()
    assert model.threshold_ == 0.5
    majority = max(np.mean(y[test]), 1 - np.mean(y[test]))
    assert model.score(rows[test], y[test]) > majority + 0.08
    linear = LinearLearnerClassifier(random_state=0, num_models=1, epochs=5)
    assert model.score(rows[test], y[test]) > 0.02 + linear.fit(
        rows[train], y[train]
    ).score(rows[test], y[test])


# ------------------------------------------------------------------------- learning
@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "u1"])
def test_exclusive_or(dtype):
    rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 50, dtype=dtype)
    y = rows[:, 0] != rows[:, 1]
    model = FactorizationMachinesClassifier(num_factors=2, random_state=0)
    assert model.fit(rows, y).score(rows, y) == 1.0


@pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
def test_planted_factors_are_recovered(optimizer):
    noise = 0.1
    rows, y = ratings(3000, noise)
    train, test = slice(0, 2500), slice(2500, None)
    model = FactorizationMachinesRegressor(
        num_factors=8, optimizer=optimizer, validation_fraction=0.1, random_state=0
    ).fit(rows[train], y[train])
    linear = LinearLearnerRegressor(random_state=0, num_models=2, epochs=5)
    far = root_mean_square(linear.fit(rows[train], y[train]).predict(rows[test])
                           - y[test])  # fmt: skip
    near = root_mean_square(model.predict(rows[test]) - y[test])
    assert noise * 0.9 < near < 2.5 * noise
    assert near < far / 6


def test_classes_have_factors_of_their_own():
    rows, y = ratings(3000, classes=3)
    train, test = slice(0, 2500), slice(2500, None)
    model = FactorizationMachinesClassifier(
        num_factors=6, validation_fraction=0.1, random_state=0
    ).fit(rows[train], y[train])
    assert model.factors_.shape == (3, USERS + FILMS, 6)
    assert model.coef_.shape == (3, USERS + FILMS)
    assert model.intercept_.shape == (3,)
    assert not hasattr(model, "threshold_")
    found = model.predict_proba(rows[test])
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(found.argmax(axis=1), model.predict(rows[test]))
    assert model.decision_function(rows[test]).shape == (500, 3)
    linear = LinearLearnerClassifier(random_state=0, num_models=2, epochs=5)
    linear.fit(rows[train], y[train])
    assert model.score(rows[test], y[test]) > 0.85
    assert model.score(rows[test], y[test]) > linear.score(rows[test], y[test]) + 0.2


@pytest.mark.parametrize("scale", [1.0, 1e5, 1e-5])
@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_dense_features_of_any_size(scale, offset):
    rows, y = load_diabetes(return_X_y=True, scaled=False)
    split = train_test_split(scale * (rows + offset), y, random_state=0)
    rows, rows_test, y, y_test = split
    model = FactorizationMachinesRegressor(validation_fraction=0.2, random_state=0)
    assert model.fit(rows, y).score(rows_test, y_test) > 0.3


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_labels_of_any_size(unit):
    model = FactorizationMachinesRegressor(**{**QUICK, "epochs": 100})
    model.fit(X, unit * (Y + 100.0))
    assert model.score(X, unit * (Y + 100.0)) > 0.9


# ------------------------------------------------------- weights, labels, thresholds
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_class_weights_multiply_sample_weights(task):
    cls, rows, y = FITS[task]
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    found = cls(**QUICK, class_weight={0: 1.0, 1: 3.0}).fit(rows, y, weights)
    wanted = cls(**QUICK).fit(rows, y, weights * np.where(y == 1, 3.0, 1.0))
    assert_same_model(found, wanted)
    assert np.abs(found.coef_ - cls(**QUICK).fit(rows, y, weights).coef_).max() > 1e-3


def test_balanced_classes():
    rare = np.flatnonzero((LABELS == 0) | (np.arange(len(Y)) % 8 == 0))
    rows, y = X[rare], LABELS[rare]
    model = FactorizationMachinesClassifier(**QUICK, class_weight="balanced")
    counts = np.bincount(y)
    wanted = FactorizationMachinesClassifier(**QUICK).fit(
        rows, y, len(y) / (2 * counts[y])
    )
    np.testing.assert_allclose(model.fit(rows, y).coef_, wanted.coef_, rtol=1e-9)


def test_the_threshold_is_one_half_unless_a_criterion_moves_it():
    rows, y = ratings(2400, noise=1.5)
    y = (y > 2.0).astype(int)
    train, held = slice(0, 1600), slice(1600, None)
    found = {}
    for criterion in ("loss_function", "cross_entropy_loss", "f1"):
        found[criterion] = FactorizationMachinesClassifier(
            num_factors=4, random_state=0,
            binary_classifier_model_selection_criteria=criterion,
        ).fit(rows[train], y[train], X_val=rows[held], y_val=y[held])  # fmt: skip
    plain, calibrated = found["loss_function"], found["f1"]
    assert plain.threshold_ == found["cross_entropy_loss"].threshold_ == 0.5
    assert calibrated.threshold_ != 0.5
    assert_same_model(plain, calibrated)
    np.testing.assert_array_equal(
        plain.predict(rows), plain.predict_proba(rows)[:, 1] > 0.5
    )
    before, after = (
        f1_score(y[held], model.predict(rows[held])) for model in (plain, calibrated)
    )
    assert after > before
    assert calibrated.best_score_ == pytest.approx(after)
    assert calibrated.metrics_["validation"]["binary_f_beta"] == pytest.approx(after)


def test_metrics_have_the_names_of_sagemaker(problem):
    cls, rows, y = problem
    model = cls(**{**QUICK, "cv": 3}).fit(rows, y)
    assert set(model.metrics_) == {"train", "validation"}
    names = {
        "binary": {
            "binary_classification_accuracy", "binary_classification_cross_entropy",
            "binary_f_beta", "precision", "recall", "roc_auc_score",
        },
        "regressor": {"rmse", "mse", "absolute_loss"},
    }  # fmt: skip
    names = names["regressor" if y is Y else "binary"]
    for part, found in model.metrics_.items():
        assert y is Y3 or set(found) == names, part
        assert all(np.isfinite(value) for value in found.values())
    train = model.metrics_["train"]
    if y is Y:
        error = model.predict(rows) - y
        assert train["rmse"] == pytest.approx(root_mean_square(error))
        assert train["mse"] == pytest.approx(np.mean(error**2))
        assert train["absolute_loss"] == pytest.approx(np.mean(np.abs(error)))
    elif y is LABELS:
        assert train["binary_classification_accuracy"] == model.score(rows, y)
        assert train["binary_classification_cross_entropy"] == pytest.approx(
            log_loss(y, model.predict_proba(rows))
        )
        assert train["binary_f_beta"] == pytest.approx(f1_score(y, model.predict(rows)))


@pytest.mark.parametrize("classes", [["no", "yes"], [False, True], [-1, 1], [2.0, 7.0]])
def test_labels_of_any_kind_train_the_same_model(classes):
    classes = np.array(classes)
    plain = FactorizationMachinesClassifier(**QUICK).fit(X, LABELS)
    model = FactorizationMachinesClassifier(**QUICK).fit(X, classes[LABELS])
    assert_same_model(model, plain)
    np.testing.assert_array_equal(model.classes_, classes)
    np.testing.assert_array_equal(model.predict(X), classes[plain.predict(X)])


# ------------------------------------------------------------------------- storage
def test_attributes(problem):
    cls, rows, y = problem
    model = cls(**QUICK).fit(rows, y)
    outputs = 3 if y is Y3 else 1
    d = USERS + FILMS
    shape = (d, 4) if y is Y else (outputs, d, 4)
    assert model.factors_.shape == shape
    assert model.coef_.shape == shape[:-1]
    assert np.shape(model.intercept_) == shape[:-2]
    assert model.coef_.dtype == model.factors_.dtype == np.float64
    assert model.n_features_in_ == d
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert model.validation_curve_ is None
    assert not hasattr(model, "draws_")
    assert not hasattr(model, "training_state_")


def test_scores_are_those_of_the_formula(problem):
    cls, rows, y = problem
    model = cls(**QUICK).fit(rows, y)
    factors = np.atleast_3d(model.factors_).reshape(-1, USERS + FILMS, 4)
    machine = reference.ReferenceMachine(
        np.atleast_1d(model.intercept_),
        np.atleast_2d(model.coef_).T,
        factors.transpose(1, 0, 2),
    )
    some = np.random.default_rng(0).normal(size=(5, USERS + FILMS))
    wanted = reference.margins(some, machine)
    found = scores(model, some).reshape(5, -1)
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_storage_changes_no_bit(problem):
    cls, rows, y = problem
    plain = cls(**QUICK).fit(rows, y)
    wide = rows.copy()
    wide.indices, wide.indptr = wide.indices.astype("i8"), wide.indptr.astype("i8")
    for other in (wide, sp.csr_matrix(rows)):
        model = cls(**QUICK).fit(other, y)
        assert_same_model(model, plain)
        np.testing.assert_array_equal(scores(model, other), scores(plain, rows))
    dense = rows.toarray()
    unscaled = {**QUICK, "normalize_data": False}
    model, other = (cls(**unscaled).fit(part, y) for part in (dense, rows))
    np.testing.assert_allclose(model.factors_, other.factors_, rtol=1e-9)
    fortran = cls(**unscaled).fit(np.asfortranarray(dense), y)
    assert_same_model(fortran, model)
    np.testing.assert_allclose(scores(plain, dense), scores(plain, rows), rtol=1e-12)


def test_single_precision(problem):
    cls, rows, y = problem
    model = cls(**QUICK).fit(rows.astype("f4"), y)
    assert model.factors_.dtype == np.float32
    assert model.coef_.dtype == np.float64
    double = cls(**QUICK).fit(rows, y)
    np.testing.assert_allclose(scores(model, rows), scores(double, rows), atol=1e-4)


def test_entries_that_add_up_are_one_entry(problem):
    cls, rows, y = problem
    twice = sp.csr_array(
        (np.repeat(rows.data / 2, 2), np.repeat(rows.indices, 2), 2 * rows.indptr),
        shape=rows.shape,
    )
    assert not twice.has_canonical_format
    assert_same_model(cls(**QUICK).fit(twice, y), cls(**QUICK).fit(rows, y))


def test_entries_that_add_up_are_one_entry_of_a_prediction(problem):
    cls, rows, y = problem
    twice = sp.csr_array(
        (np.repeat(rows.data / 2, 2), np.repeat(rows.indices, 2), 2 * rows.indptr),
        shape=rows.shape,
    )
    model = cls(**QUICK).fit(rows, y)
    np.testing.assert_allclose(scores(model, twice), scores(model, rows), rtol=1e-10)


def test_predictions_are_the_same_for_any_number_of_threads():
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(1000, 180))
    settings = {**QUICK, "num_factors": 64, "epochs": 1}
    model = FactorizationMachinesRegressor(**settings).fit(dense[:50], dense[:50, 0])
    found = model.predict(dense)
    for jobs in (2, -1):
        model.set_params(n_jobs=jobs)
        np.testing.assert_array_equal(model.predict(dense), found)
        np.testing.assert_array_equal(model.predict(sp.csr_array(dense[:3])), found[:3])


# -------------------------------------------------------------------- scikit-learn
@pytest.mark.parametrize("warm", [False, True])
def test_models_survive_files(problem, warm, tmp_path):
    cls, rows, y = problem
    model = cls(**QUICK, warm_start=warm).fit(rows, y)
    joblib.dump(model, tmp_path / "model.joblib")
    for copy in (
        pickle.loads(pickle.dumps(model)),
        joblib.load(tmp_path / "model.joblib"),
    ):
        assert_same_model(copy, model)
        np.testing.assert_array_equal(scores(copy, rows), scores(model, rows))
        if warm:
            assert_same_model(copy.fit(rows, y), clone(model).fit(rows, y).fit(rows, y))


def test_clones_and_seeds(problem):
    cls, rows, y = problem
    model = cls(**QUICK).fit(rows, y)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(rows)
    assert_same_model(copy.fit(rows, y), model)
    other = clone(model).set_params(random_state=1).fit(rows, y)
    assert np.abs(other.factors_ - model.factors_).max() > 1e-3


def test_grid_search_over_the_number_of_factors(problem):
    cls, rows, y = problem
    search = GridSearchCV(cls(**QUICK), {"num_factors": [1, 8]}, cv=2).fit(rows, y)
    best = search.best_estimator_
    assert best.factors_.shape[-1] == search.best_params_["num_factors"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("solver", ["als", "mcmc"])
def test_partial_fit_is_for_the_gradient_solver(solver):
    for cls in (FactorizationMachinesRegressor, FactorizationMachinesClassifier):
        assert not hasattr(cls(solver=solver), "partial_fit")
        with pytest.raises(AttributeError, match="no attribute 'partial_fit'") as error:
            cls(solver=solver).partial_fit(X, Y)
        assert f"solver='{solver}'" in str(error.value.__cause__)
        assert "solver='gradient'" in str(error.value.__cause__)
        assert hasattr(cls(), "partial_fit")


def test_wrong_numbers_of_features(problem):
    cls, rows, y = problem
    model = cls(**QUICK).fit(rows, y)
    with pytest.raises(ValueError, match="features"):
        model.predict(rows[:, :3])


# -------------------------------------------------------------------- recommending
def built(queries, items):
    """Rows of all queries with all items, queries slowest."""
    return (queries[:, None, :] + items[None]).reshape(-1, queries.shape[1])


def test_products_of_vectors_are_predictions(problem):
    cls, rows, y = problem
    model = cls(**QUICK).fit(rows, y)
    items = np.eye(USERS + FILMS)[ITEMS]
    for output in range(3 if y is Y3 else 1):
        label = {"label": output} if y is Y3 else {}

        def output_scores(rows, output=output):
            return scores(model, rows).reshape(len(rows), -1)[:, output]

        wanted = output_scores(built(QUERIES, items)).reshape(USERS, FILMS)
        alone = output_scores(QUERIES)[:, None]
        queries = model.query_vectors(QUERIES, **label)
        for candidates in (ITEMS, items, sp.csr_array(items)):
            vectors = model.item_vectors(candidates, **label)
            assert vectors.shape == (FILMS, 5)
            np.testing.assert_allclose(queries @ vectors.T + alone, wanted, rtol=1e-10)
        found, values = model.recommend(QUERIES, ITEMS, k=4, **label)
        np.testing.assert_allclose(values, -np.sort(-wanted, axis=1)[:, :4], rtol=1e-10)
        best = np.argsort(-wanted, axis=1, kind="stable")[:, :4]
        np.testing.assert_array_equal(found, ITEMS[best])
        for candidates in (items, sp.csr_array(items)):
            places, same = model.recommend(QUERIES, candidates, k=4, **label)
            np.testing.assert_array_equal(places, best)
            np.testing.assert_allclose(same, values, rtol=1e-12)


def test_items_and_queries_of_several_features(rater):
    rng = np.random.default_rng(0)
    queries, items = np.zeros((4, USERS + FILMS)), np.zeros((6, USERS + FILMS))
    queries[:, :USERS] = rng.normal(size=(4, USERS))
    items[:, USERS:] = rng.normal(size=(6, FILMS))
    wanted = rater.predict(built(queries, items)).reshape(4, 6)
    for candidates in (items, sp.csr_array(items), pd.DataFrame(items)):
        places, values = rater.recommend(sp.csr_array(queries), candidates)
        assert places.shape == (4, 6)
        np.testing.assert_array_equal(places, np.argsort(-wanted, axis=1))
        np.testing.assert_allclose(values, -np.sort(-wanted, axis=1), rtol=1e-9)


def test_weights_of_pairs(rater):
    factors = rater.factors_
    assert rater.pair_weights(2, 21) == pytest.approx(factors[2] @ factors[21])
    assert isinstance(rater.pair_weights(2, 21), float)
    assert rater.pair_weights(2, 2) == 0.0
    columns = np.arange(USERS + FILMS)
    table = rater.pair_weights(columns[:, None], columns)
    products = factors @ factors.T
    np.testing.assert_allclose(table, products - np.diag(np.diag(products)), rtol=1e-10)
    # The second difference of the score is the weight of a pair.
    rows = np.zeros((4, USERS + FILMS))
    rows[[1, 3], 2] = rows[[2, 3], 21] = 1.0
    none, one, other, both = rater.predict(rows)
    assert rater.pair_weights(2, 21) == pytest.approx(both - one - other + none)


def test_equals_come_in_order(rater):
    model = clone(rater).fit(X, Y)
    model.coef_[USERS:], model.factors_[USERS:] = 0.0, 0.5
    model.coef_[USERS + 4] = 1.0
    found, values = model.recommend(QUERIES, ITEMS, k=3)
    np.testing.assert_array_equal(
        found, np.tile([USERS + 4, USERS, USERS + 1], (USERS, 1))
    )
    assert (values[:, 1] == values[:, 2]).all()
    turned, _ = model.recommend(QUERIES, ITEMS[::-1], k=2)
    np.testing.assert_array_equal(
        turned, np.tile([USERS + 4, USERS + FILMS - 1], (USERS, 1))
    )


def test_seen_candidates_are_left_out(rater):
    rng = np.random.default_rng(0)
    seen = rng.random((USERS, FILMS)) < 0.6
    seen[0] = True
    for form in (seen, sp.csr_array(seen), sp.coo_matrix(seen.astype(float))):
        found, values = rater.recommend(QUERIES, ITEMS, k=FILMS, seen=form)
        left = np.isfinite(values)
        assert (values[~left] == -np.inf).all()
        np.testing.assert_array_equal(left.sum(axis=1), FILMS - seen.sum(axis=1))
        for user in range(USERS):
            assert not seen[user, found[user, left[user]] - USERS].any()
    # A stored zero is not seen.
    zeros = sp.csr_array((np.zeros(1), ([0], [0])), shape=seen.shape)
    plain = rater.recommend(QUERIES, ITEMS)[0]
    np.testing.assert_array_equal(rater.recommend(QUERIES, ITEMS, seen=zeros)[0], plain)


def test_long_lists_are_scored_in_pieces(rater, monkeypatch):
    plain = rater.recommend(QUERIES, ITEMS, k=5, seen=np.eye(USERS, FILMS))
    monkeypatch.setattr(
        "sklearn_sagemaker.estimators._recommending.SCORE_BYTES", 8 * FILMS * 3
    )
    pieces = rater.recommend(QUERIES, ITEMS, k=5, seen=np.eye(USERS, FILMS))
    np.testing.assert_array_equal(pieces[0], plain[0])
    np.testing.assert_allclose(pieces[1], plain[1], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_features_have_names(rater):
    names = [f"user {i}" for i in range(USERS)] + [f"film {i}" for i in range(FILMS)]
    frame = pd.DataFrame(X.toarray(), columns=names)
    model = clone(rater).set_params(normalize_data=False).fit(frame, Y)
    queries = pd.DataFrame(QUERIES, columns=names)
    assert model.query_vectors(queries).shape == (USERS, 5)
    found, values = model.recommend(queries, names[USERS:], k=3)
    columns, same = model.recommend(queries, ITEMS, k=3)
    np.testing.assert_array_equal(found, np.array(names)[columns])
    np.testing.assert_array_equal(values, same)
    assert model.pair_weights("user 2", "film 1") == model.pair_weights(2, USERS + 1)
    np.testing.assert_array_equal(
        model.pair_weights(["user 2", "user 3"], "film 1"),
        model.pair_weights([2, 3], USERS + 1),
    )
    np.testing.assert_array_equal(
        model.item_vectors(names[USERS:]), model.item_vectors(ITEMS)
    )
    with pytest.raises(ValueError, match="'film 99'.* is not among the features"):
        model.item_vectors(["film 1", "film 99"])


def test_rows_with_names_do_not_warn_of_missing_names(rater):
    names = [f"feature {i}" for i in range(USERS + FILMS)]
    model = clone(rater).fit(pd.DataFrame(X.toarray(), columns=names), Y)
    model.recommend(pd.DataFrame(QUERIES, columns=names), ITEMS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.recommend(QUERIES, ITEMS, k=0), "k=0"),
        (lambda m: m.recommend(QUERIES, ITEMS, k=2.5), "k=2.5"),
        (lambda m: m.recommend(QUERIES, ITEMS, k="all"), "k='all'"),
        (lambda m: m.recommend(QUERIES, ITEMS, seen=np.ones((2, 3))), r"\(2, 3\)"),
        (lambda m: m.recommend(QUERIES, ITEMS, label="x"), "label='x'"),
        (lambda m: m.recommend(QUERIES[:, :4], ITEMS), "4 features"),
        (lambda m: m.recommend(QUERIES, QUERIES[:, :4]), "4 features"),
        (lambda m: m.item_vectors(["film 1"]), "'film 1' is a name"),
        (lambda m: m.item_vectors([0.5]), "float64"),
        (lambda m: m.item_vectors([3, 99]), "99"),
        (lambda m: m.item_vectors([-1]), "-1"),
        (lambda m: m.pair_weights(0, USERS + FILMS), str(USERS + FILMS)),
        (lambda m: m.pair_weights(True, 0), "bool"),
    ],
)
def test_wrong_questions_name_the_value(rater, call, message):
    with pytest.raises(ValueError, match=message):
        call(rater)


@pytest.mark.parametrize("candidates", [[], np.array([], dtype=int)])
def test_no_candidates(rater, candidates):
    with pytest.raises(ValueError, match="candidates is empty"):
        rater.recommend(QUERIES, candidates)


@pytest.mark.parametrize("name", ["pair_weights", "item_vectors", "query_vectors"])
def test_questions_before_the_fit(name):
    arguments = {"pair_weights": (0, 1), "item_vectors": ([0],)}.get(name, (QUERIES,))
    with pytest.raises(NotFittedError):
        getattr(FactorizationMachinesRegressor(), name)(*arguments)


def test_labels_of_recommendations():
    model = FactorizationMachinesClassifier(**QUICK).fit(X3, np.array(list("abc"))[Y3])
    for call in (
        lambda **label: model.recommend(QUERIES, ITEMS, **label),
        lambda **label: model.item_vectors(ITEMS, **label),
        lambda **label: model.query_vectors(QUERIES, **label),
        lambda **label: model.pair_weights(0, ITEMS, **label),
    ):
        with pytest.raises(ValueError, match="label must say which of the 3 classes"):
            call()
        with pytest.raises(ValueError, match="label='z' is not among the classes"):
            call(label="z")
    factors = model.factors_[1]
    assert model.pair_weights(0, 30, label="b") == pytest.approx(
        factors[0] @ factors[30]
    )
    binary = FactorizationMachinesClassifier(**QUICK).fit(X, LABELS)
    with pytest.raises(ValueError, match="With two classes"):
        binary.recommend(QUERIES, ITEMS, label=0)
    np.testing.assert_array_equal(
        binary.recommend(QUERIES, ITEMS, label=1)[0],
        binary.recommend(QUERIES, ITEMS)[0],
    )
