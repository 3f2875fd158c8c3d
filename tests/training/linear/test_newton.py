"""Newton's method against SciPy on the stated objective, and what must not happen."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.training.linear import choice, newton
from sklearn_sagemaker.training.linear.newton import SmoothFit, optima

from ..conftest import fit, linear_run

PARAMETER = {"huber_loss": 0.7}
OUTPUTS = {"logistic": 1, "softmax_loss": 3, "huber_loss": 1}
PENALTIES = {"l2": (0.05, 0.0), "l1": (0.0, 0.02), "both": (0.05, 0.02)}


def rows(loss, n=90, d=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    scores = X[:, :3] @ rng.normal(size=(3, 3)) + rng.logistic(size=(n, 3))
    y = scores[:, 0] * 2 + 1 if loss == "huber_loss" else scores.argmax(axis=1)
    if loss == "logistic":
        y = y > 0
    return X, y.astype(float), rng.uniform(0.2, 3.0, n)


def smooth(loss, X, y, weights, use_bias=True):
    parameter = PARAMETER.get(loss, 0.0)
    return SmoothFit(loss, parameter, X, y, weights, OUTPUTS[loss], use_bias)


def objective(loss, X, y, weights, v, wd, bias_wd=0.0, use_bias=True):
    """And its gradient; the last row of ``v`` holds the intercepts."""
    entry, parameter = LOSSES[loss], PARAMETER.get(loss, 0.0)
    v = v.reshape(X.shape[1] + 1, -1)
    A = np.c_[X, np.full(len(X), float(use_bias))]
    f, share = A @ v, weights / weights.sum()
    f = f if entry.coupled else f[:, 0]
    value = share @ entry.value(f, y, parameter)
    slope = entry.gradient(f, y, parameter).reshape(len(X), -1) * share[:, None]
    pull = np.r_[wd * v[:-1], bias_wd * v[-1:]]
    return value + 0.5 * np.sum(pull * v), (A.T @ slope + pull).ravel()


@pytest.mark.parametrize("more", [{}, {"bias_wd": 0.3}, {"use_bias": False}], ids=str)
@pytest.mark.parametrize("shape", [(90, 5), (20, 30)])
@pytest.mark.parametrize("loss", OUTPUTS)
def test_ridge_is_the_optimum(loss, shape, more):
    X, y, weights = rows(loss, *shape)
    problem = smooth(loss, X, y, weights, more.get("use_bias", True))
    wd = np.array([1.0, 0.05])
    w, b, gap = optima(problem, wd, np.zeros(2), np.full(2, more.get("bias_wd", 0.0)))

    def value(v):
        return objective(loss, X, y, weights, v, 0.05, **more)

    start = np.zeros((X.shape[1] + 1) * OUTPUTS[loss])
    options = {"maxiter": 10_000, "maxfun": 10**5, "ftol": 1e-16, "gtol": 1e-10}
    best = minimize(value, start, jac=True, method="L-BFGS-B", options=options)
    found = np.r_[w[1].T, b[1][None]]
    assert value(found)[0] <= best.fun * (1 + 1e-12)
    np.testing.assert_allclose(value(found)[1], 0.0, atol=1e-6)
    assert gap.max() < 1e-9


@pytest.mark.parametrize("wd", [0.0, 0.05])
@pytest.mark.parametrize("shape", [(90, 5), (90, 25), (20, 60)])
@pytest.mark.parametrize("loss", OUTPUTS)
def test_lasso_meets_the_conditions_of_an_optimum(loss, shape, wd):
    X, y, weights = rows(loss, *shape)
    problem = smooth(loss, X, y, weights)
    null = X.T @ problem.slopes(np.zeros((X.shape[1], OUTPUTS[loss])), problem.null[0])
    l1 = np.abs(null).max() * np.array([1.5, 0.5, 0.2, 0.05])
    w, b, gap = optima(problem, np.full(4, wd), l1, np.zeros(4))
    assert np.count_nonzero(w[0]) == 0
    assert 0 < np.count_nonzero(w[1]) < w[1].size
    for place in range(4):
        found = np.r_[w[place].T, b[place][None]]
        slope = objective(loss, X, y, weights, found, wd)[1].reshape(found.shape)
        held = found[:-1] != 0
        wanted = -l1[place] * np.sign(found[:-1][held])
        np.testing.assert_allclose(slope[:-1][held], wanted, atol=1e-6)
        assert np.abs(slope[:-1]).max() <= l1[place] + 1e-6
        np.testing.assert_allclose(slope[-1], 0.0, atol=1e-6)
    assert gap.max() < 1e-9


def test_features_on_the_way_are_found_though_their_slope_was_small():
    """Of two that are nearly equal the second is not looked at, at first."""
    X, y, weights = rows("logistic", 60, 6)
    X[:, 1] = X[:, 0] + 0.3 * X[:, 1]
    problem = smooth("logistic", X, y, weights)
    l1 = np.array([0.001])
    (w, b, _), screened = optima(problem, np.zeros(1), l1, np.zeros(1)), newton.NEAR
    newton.NEAR = -1.0
    try:
        everyone = optima(problem, np.zeros(1), l1, np.zeros(1))
    finally:
        newton.NEAR = screened
    np.testing.assert_allclose(w, everyone[0], atol=1e-5)
    np.testing.assert_allclose(b, everyone[1], atol=1e-5)


def test_weights_of_classes_sum_to_zero():
    X, y, weights = rows("softmax_loss")
    w, b, _ = optima(
        smooth("softmax_loss", X, y, weights),
        np.array([0.01]),
        np.zeros(1),
        np.zeros(1),
    )
    np.testing.assert_allclose(w.sum(axis=1), 0.0, atol=1e-7)
    np.testing.assert_allclose(b.sum(axis=1), 0.0, atol=1e-7)


@pytest.mark.parametrize("l1", [0.0, 0.02])
@pytest.mark.parametrize("shape", [(60, 5), (30, 40)])
@pytest.mark.parametrize("loss", OUTPUTS)
def test_a_row_that_is_left_out_is_nearly_so(loss, shape, l1):
    """By one step: what it says of the loss is near that of fits without the row."""
    X, y, weights = rows(loss, *shape)
    wd, l1, bias_wd = np.array([0.2]), np.array([l1]), np.zeros(1)

    def fit(some):
        return smooth(loss, X[some], y[some], weights[some])

    whole, everyone = fit(slice(None)), np.arange(len(y))
    w, b, _ = optima(whole, wd, l1, bias_wd)
    found = whole.left_out(w[0].T, b[0], wd[0], 0.0)
    alone = np.empty_like(found)
    for row in everyone:
        w_row, b_row, _ = optima(fit(everyone != row), wd, l1, bias_wd)
        alone[row] = X[row] @ w_row[0].T + b_row[0]
    fitted, guessed, wanted = (
        whole._value(margins) for margins in (X @ w[0].T + b[0], found, alone)
    )
    assert wanted > fitted
    share = (guessed - fitted) / (wanted - fitted)
    # Which weights an L1 penalty leaves is taken as given.
    assert (0.5 < share < 2.0) if l1[0] else (0.75 < share < 1.25)


# --------------------------------------------------------------------- through a run
SETTINGS = {"binary_classifier_model_selection_criteria": "loss_function"}


@pytest.mark.parametrize("classes", [2, 3])
def test_folds_know_nothing_of_their_rows(classes):
    """Where rows can be parted, a fit that began at another's optimum would stay."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 40))
    y = rng.integers(0, classes, 60).astype(float)
    more = SETTINGS if classes == 2 else {}
    state = fit(X, y, classes=classes, cv=KFold(3), wd=1e-6, l1=0.0, **more)
    assert state.resolved["optimizer"] == "newton"
    for number, (train, test) in enumerate(KFold(3).split(X)):
        run = linear_run(X, y, classes=classes, cv=False, wd=1e-6, l1=0.0, **more)
        Z = (X - run.statistics.mean) * run.statistics.scale("standard")
        alone = fit(
            Z[train], y[train], classes=classes, cv=False, wd=1e-6, l1=0.0,
            normalize_data=False, **more,
        )  # fmt: skip
        f = Z[test] @ alone.coef.T + alone.intercept
        loss = LOSSES["softmax_loss" if classes > 2 else "logistic"]
        wanted = loss.value(f if classes > 2 else f[:, 0], y[test]).mean()
        found = state.candidates[f"split{number}_validation_loss"][0]
        # Of rows that it knew the loss would be zero.
        np.testing.assert_allclose(found, wanted, rtol=0.1)


@pytest.mark.parametrize("loss", OUTPUTS)
def test_without_validation_rows_a_model_that_fits_by_chance_does_not_win(loss):
    rng = np.random.default_rng(0)
    X, y, _ = rows(loss, 60, 40)
    rng.shuffle(y)
    classes = OUTPUTS[loss] if loss != "logistic" else 2
    more = {"loss": loss, "huber_delta": 3.0} if loss == "huber_loss" else {}
    state = fit(X, y, classes=classes, cv=False, **more)
    assert state.resolved["optimizer"] == "newton"
    weak = fit(X, y, classes=classes, cv=False, wd=1e-3, l1=0.0, **more)
    assert np.abs(X @ state.coef.T).std() < 0.2 * np.abs(X @ weak.coef.T).std()
    # What is told of the rows is of the model that is kept.
    f = X @ state.coef.T + state.intercept
    values = LOSSES[loss].value(f if classes == 3 else f[:, 0], y, 3.0)
    np.testing.assert_allclose(state.metrics["train"]["objective_loss"], values.mean())


def test_class_weights_are_in_the_objective():
    X, y, weights = rows("logistic")
    fixed = {"wd": 0.1, "l1": 0.0, "cv": False, **SETTINGS}
    state = fit(X, y, weights, positive_example_weight_mult=4.0, **fixed)
    other = fit(
        X, y, np.where(y == 1, 4.0, 1.0) * weights, normalize_data=True, **fixed
    )
    run = linear_run(X, y, weights, **fixed)
    # Features are scaled by sample weights alone.
    again = linear_run(X, y, np.where(y == 1, 4.0, 1.0) * weights, **fixed)
    again.statistics = run.statistics
    np.testing.assert_allclose(state.coef, again.train().coef, rtol=1e-5)
    assert not np.allclose(state.coef, other.coef, rtol=1e-5)


def test_huber_is_solved_in_units_of_the_labels():
    X, y, weights = rows("huber_loss")
    fixed = {"loss": "huber_loss", "wd": 0.02, "l1": 0.0, "cv": KFold(3)}
    small = fit(X, y, weights, classes=1, huber_delta=1.0, **fixed)
    large = fit(X, 100 * y, weights, classes=1, huber_delta=100.0, **fixed)
    assert small.resolved["optimizer"] == "newton"
    np.testing.assert_allclose(large.coef, 100 * small.coef, rtol=1e-6)
    np.testing.assert_allclose(
        large.candidates["validation_loss"],
        1e4 * small.candidates["validation_loss"],
        rtol=1e-6,
    )


def test_classes_that_can_be_parted_have_no_optimum_without_a_penalty():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = (X[:, 0] > 0).astype(float)
    state = fit(X, y, wd=0.0, l1=0.0, num_models=2)
    assert state.resolved["optimizer"] == "adam"
    assert np.isnan(state.candidates["optimality"]).all()


def test_others_are_solved_without_a_penalty():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = (X[:, 0] + rng.logistic(size=200) > 0).astype(float)
    state = fit(X, y, wd=0.0, l1=0.0)
    assert state.resolved["optimizer"] == "newton"
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(state.coef.ravel(), theirs.coef_[0], rtol=1e-5)
    huber = fit(X, X[:, 0], classes=1, loss="huber_loss", wd=0.0, l1=0.0)
    assert huber.resolved["optimizer"] == "newton"
    three = fit(X, np.arange(200) % 3.0, classes=3, wd=0.0, l1=0.0)
    assert three.resolved["optimizer"] == "adam"


def test_many_rows_or_outputs_take_steps():
    rng = np.random.default_rng(0)
    X = np.zeros((60_000, 200), dtype=np.float32)
    X[0], y = 1.0, rng.integers(0, 12, len(X)).astype(float)
    assert not linear_run(X, y, classes=12).solved
    assert linear_run(X[:4000], y[:4000], classes=12).solved


@pytest.mark.parametrize("classes", [2, 3])
def test_number_of_jobs_changes_no_bit(classes):
    X, y, weights = rows("logistic" if classes == 2 else "softmax_loss")
    one, two = (
        fit(X, y, weights, classes=classes, jobs=jobs, num_models=6) for jobs in (1, 4)
    )
    np.testing.assert_array_equal(one.coef, two.coef)
    np.testing.assert_array_equal(
        one.candidates["validation_loss"], two.candidates["validation_loss"]
    )


def test_an_optimum_that_was_not_reached_is_told(monkeypatch):
    X, y, _ = rows("logistic")
    monkeypatch.setattr(newton, "STEPS", 1)
    with pytest.warns(choice.ConvergenceWarning, match=r"above its optimum by \d"):
        fit(X, y, wd=1e-4, l1=0.0, num_models=1)
