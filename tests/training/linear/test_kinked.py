"""Losses with kinks against linear programs and SciPy, and what must not happen."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog, minimize
from sklearn.model_selection import KFold

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.training.linear import kinked
from sklearn_sagemaker.training.linear.kinked import KINKS, Bases, KinkedFit

from ..conftest import fit

PARAMETER = {
    "quantile_loss": 0.8,
    "huber_loss": 0.05,
    "hinge_loss": 1.0,
    "eps_insensitive_absolute_loss": 0.2,
    "eps_insensitive_squared_loss": 0.2,
}
LINEAR = [
    "absolute_loss", "quantile_loss", "eps_insensitive_absolute_loss", "hinge_loss",
]  # fmt: skip
WIDTHS = {
    "plain": np.ones(5),
    "far apart": np.array([1e-9, 1.0, 1e7, 1e-3, 1.0]),
}


def rows(loss, n=60, d=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = X[:, : min(d, 3)].sum(axis=1) + rng.standard_t(3, n)
    y = (y > 0.3).astype(float) if loss == "hinge_loss" else y / (y.std() or 1.0)
    return X, y, rng.uniform(0.2, 3.0, n)


def nearly_equal(X):
    """The first two columns, as powers of a year are."""
    X = X.copy()
    X[:, 1] = X[:, 0] + 1e-8 * X[:, 1]
    return X


def kinked_fit(loss, X, y, weights, use_bias=True):
    bases = Bases(X), np.arange(len(X))
    return KinkedFit(loss, PARAMETER.get(loss, 0.0), X, y, weights, use_bias, bases)


def solved(loss, X, y, weights, wd, l1, bias_wd=0.0, use_bias=True):
    """Weights, intercept and gap of one pair of penalties."""
    given = np.array([wd]), np.array([l1]), np.array([bias_wd])
    w, b, gap = kinked_fit(loss, X, y, weights, use_bias).optima(*given)
    return w[:, 0, 0], b[0, 0], gap[0]


def objective(loss, X, y, weights, w, b, wd, l1, bias_wd=0.0):
    value = LOSSES[loss].value(X @ w + b, y, PARAMETER.get(loss, 0.0))
    penalty = wd / 2 * (w @ w) + bias_wd / 2 * b * b + l1 * np.abs(w).sum()
    return weights @ value / weights.sum() + penalty


def linear_program(loss, X, y, weights, l1, use_bias=True):
    """The optimum without an L2 penalty, by HiGHS.

    Of a row each kink has a side above and a side below, and so has each weight.
    """
    n, d = X.shape
    kinks = KINKS[loss](y, PARAMETER.get(loss, 0.0))
    share, lines, limits, cost = weights / weights.sum(), [], [], []
    columns = np.c_[X, np.full((n, 1), float(use_bias))]
    for k in range(len(kinks.sign)):
        sides = [np.zeros((n, n))] * (2 * len(kinks.sign))
        sides[2 * k], sides[2 * k + 1] = -np.eye(n), np.eye(n)
        signed = kinks.sign[k][:, None] * columns
        lines.append(np.c_[signed[:, :d], -signed[:, :d], signed[:, d:], *sides])
        limits.append(kinks.sign[k] * kinks.at[k])
        cost += [share * kinks.high[k], share * kinks.low[k]]
    cost = np.concatenate([np.full(2 * d, l1), [0.0], *cost])
    bounds = (
        [(0, None)] * (2 * d) + [(None, None)] + [(0, None)] * (len(cost) - 2 * d - 1)
    )
    found = linprog(
        cost, A_eq=np.vstack(lines), b_eq=np.concatenate(limits), bounds=bounds
    )
    assert found.status == 0
    return found.fun


@pytest.mark.parametrize("loss", KINKS)
def test_kinks_are_the_loss(loss):
    """Sides, bends and parabolas add up to what the registry of losses says."""
    rng = np.random.default_rng(0)
    y = (
        rng.integers(0, 2, 50).astype(float)
        if loss == "hinge_loss"
        else rng.normal(size=50)
    )
    problem = kinked_fit(loss, np.zeros((50, 1)), y, np.ones(50))
    for shift in (-3.0, -0.1, 0.0, 0.02, 2.0):
        margins = y + shift
        wanted = LOSSES[loss].value(margins, y, PARAMETER.get(loss, 0.0)).sum()
        np.testing.assert_allclose(
            problem._value(margins), wanted, rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize("l1", [0.0, 0.03])
@pytest.mark.parametrize("shape", [(60, 5), (20, 30), (6, 2), (1, 1)])
@pytest.mark.parametrize("loss", LINEAR)
def test_it_is_the_optimum_of_the_linear_program(loss, shape, l1):
    X, y, weights = rows(loss, *shape)
    best = linear_program(loss, X, y, weights, l1)
    null = kinked_fit(loss, X, y, weights).null[1]
    w, b, gap = solved(loss, X, y, weights, 0.0, l1)
    found = objective(loss, X, y, weights, w, b, 0.0, l1)
    # The gap bounds what is left, and it is small.
    assert -1e-9 <= found - best <= gap + 1e-9
    assert gap <= 1e-5 * null


@pytest.mark.parametrize("make", [np.asarray, nearly_equal], ids=["plain", "equal"])
@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("loss", LINEAR)
def test_scales_of_the_features_do_no_harm(loss, widths, make):
    """Without penalties the optimum is the same, whatever their units."""
    X, y, weights = rows(loss)
    best = linear_program(loss, X, y, weights, 0.0)
    X = make(X) * WIDTHS[widths]
    w, b, gap = solved(loss, X, y, weights, 0.0, 0.0)
    found = objective(loss, X, y, weights, w, b, 0.0, 0.0)
    assert abs(found - best) <= 2e-6 * best
    assert gap <= 2e-6 * best


@pytest.mark.parametrize("more", [{}, {"bias_wd": 0.3}, {"use_bias": False}], ids=str)
@pytest.mark.parametrize("wd", [1.0, 1e-3])
@pytest.mark.parametrize("shape", [(60, 5), (20, 30)])
@pytest.mark.parametrize("loss", KINKS)
def test_ridge_is_the_optimum(loss, shape, wd, more):
    """Against SciPy on the dual problem, which is smooth."""
    X, y, weights = rows(loss, *shape)
    bias_wd, use_bias = more.get("bias_wd", 0.0), more.get("use_bias", True)
    w, b, gap = solved(loss, X, y, weights, wd, 0.0, **more)
    found = objective(loss, X, y, weights, w, b, wd, 0.0, bias_wd)
    assert 0 <= gap <= 1e-5 * found
    kinks = KINKS[loss](y, PARAMETER.get(loss, 0.0))
    assert (b == 0) or use_bias
    # Weights that moved a little are no better.
    rng = np.random.default_rng(1)
    for size in (1e-1, 1e-2, 1e-3):
        for _ in range(20):
            w_other = w + size * rng.normal(size=len(w))
            b_other = b + size * rng.normal() * use_bias
            other = objective(loss, X, y, weights, w_other, b_other, wd, 0.0, bias_wd)
            assert other >= found - gap
    assert kinks.sign.shape[1] == len(y)


@pytest.mark.parametrize("loss", ["absolute_loss", "hinge_loss", "huber_loss"])
def test_ridge_is_that_of_scipy(loss):
    """On the loss with its kinks as constraints."""
    X, y, weights = rows(loss, 25, 3)
    share, kinks = weights / weights.sum(), KINKS[loss](y, PARAMETER.get(loss, 0.0))
    n, d = X.shape
    A = np.c_[X, np.ones(n)] * kinks.sign[0][:, None]
    at = kinks.sign[0] * kinks.at[0]
    high, low, bend = kinks.high[0], kinks.low[0], kinks.round[0]

    def dual(s):
        """To be minimised; the intercept asks that slopes sum to zero."""
        pull = (share * s) @ A[:, :d]
        value = share @ (s * at + 0.5 * bend * s * s) + pull @ pull / (2 * 0.1)
        return value, share * (at + bend * s + A[:, :d] @ pull / 0.1)

    free = {
        "type": "eq",
        "fun": lambda s: (share * s) @ A[:, d],
        "jac": lambda s: share * A[:, d],
    }
    best = minimize(
        dual, 0.5 * (high - low), jac=True, bounds=list(zip(-low, high, strict=True)),
        constraints=[free], method="SLSQP", options={"maxiter": 1000, "ftol": 1e-14},
    )  # fmt: skip
    w, b, _ = solved(loss, X, y, weights, 0.1, 0.0)
    found = objective(loss, X, y, weights, w, b, 0.1, 0.0)
    np.testing.assert_allclose(found, -best.fun, rtol=1e-5)


@pytest.mark.parametrize("wd", [0.0, 0.05])
@pytest.mark.parametrize("shape", [(60, 5), (60, 90), (20, 120)])
@pytest.mark.parametrize("loss", KINKS)
def test_lasso_has_exact_zeros(loss, shape, wd):
    """And those features only whose slopes reach the penalty."""
    X, y, weights = rows(loss, *shape)
    problem = kinked_fit(loss, X, y, weights)
    l1 = problem.largest * np.array([1.0 + 1e-6, 0.5, 0.1])
    w, b, gap = problem.optima(np.full(3, wd), l1, np.zeros(3))
    w = w[:, 0]
    assert np.count_nonzero(w[:, 0]) == 0
    assert 0 < np.count_nonzero(w[:, 1]) <= np.count_nonzero(w[:, 2])
    if shape[0] < shape[1]:
        assert np.count_nonzero(w[:, 2]) < shape[1]
    for place in range(3):
        found = objective(loss, X, y, weights, w[:, place], b[0, place], wd, l1[place])
        assert gap[place] <= 2e-6 * found


def test_features_that_were_left_out_are_looked_at(monkeypatch):
    """A path by few features at a time is the path of all."""
    X, y, weights = rows("absolute_loss", 40, 30)
    problem = kinked_fit("absolute_loss", X, y, weights)
    l1 = problem.largest * np.geomspace(0.9, 0.01, 6)
    penalties = np.zeros(6), l1, np.zeros(6)
    given = "absolute_loss", X, y, weights
    together = problem.optima(*penalties)
    monkeypatch.setattr(kinked, "ALL_FEATURES", 0)
    monkeypatch.setattr(kinked, "ALL_WORK", 0)
    some = problem.optima(*penalties)
    for place in range(6):
        one, other = (
            objective(*given, w[:, 0, place], b[0, place], 0.0, l1[place])
            for w, b, _ in (together, some)
        )
        np.testing.assert_allclose(one, other, rtol=2e-6)


def test_parts_of_the_penalties_do_not_matter(monkeypatch):
    X, y, weights = rows("quantile_loss")
    problem = kinked_fit("quantile_loss", X, y, weights)
    wd = np.geomspace(1.0, 1e-4, 7)
    whole, *_ = problem.optima(wd, np.zeros(7), np.zeros(7))
    monkeypatch.setattr(kinked, "TOGETHER", 1)
    alone, *_ = problem.optima(wd, np.zeros(7), np.zeros(7))
    np.testing.assert_allclose(whole, alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", KINKS)
def test_labels_without_a_spread(loss):
    X, y, weights = rows(loss, 12, 3)
    y = np.ones_like(y)
    w, b, gap = solved(loss, X, y, weights, 0.1, 0.0)
    assert not w.any()
    assert gap == 0
    assert objective(loss, X, y, weights, w, b, 0.1, 0.0) == 0


@pytest.mark.parametrize("kind", ["wd", "l1"])
@pytest.mark.parametrize("loss", LINEAR)
def test_weaker_penalties_leave_what_explains_all(loss, kind):
    """Their models are not solved again, and are certified all the same."""
    X, y, weights = rows(loss, 20, 40)
    path, none = np.geomspace(1.0, 1e-7, 20), np.zeros(20)
    wd, l1 = (path, none) if kind == "wd" else (none, path)
    w, b, gap = kinked_fit(loss, X, y, weights).optima(wd, l1, none)
    assert (w[..., -1] == w[..., -2]).all()
    values = [
        objective(loss, X, y, weights, w[:, 0, i], b[0, i], wd[i], l1[i])
        for i in range(20)
    ]
    assert gap.max() <= 2e-6 * values[0]
    alone = solved(loss, X, y, weights, wd[-1], l1[-1])
    best = objective(loss, X, y, weights, *alone[:2], wd[-1], l1[-1])
    assert -alone[2] <= values[-1] - best <= gap[-1] + 1e-15


def test_rows_of_zero_weight_are_absent():
    X, y, weights = rows("absolute_loss")
    y[::3] += 100.0
    weights[::3] = 0.0
    kept = weights > 0
    given = "absolute_loss", X[kept], y[kept], weights[kept], 0.01, 0.0
    w, b, _ = solved("absolute_loss", X, y, weights, 0.01, 0.0)
    found = objective(*given[:4], w, b, 0.01, 0.0)
    w, b, _ = solved(*given)
    np.testing.assert_allclose(found, objective(*given[:4], w, b, 0.01, 0.0), rtol=2e-6)


def test_rows_that_can_be_parted_have_an_optimum():
    """The hinge loss is zero then, without any penalty."""
    X = np.linspace(-1, 1, 20)[:, None]
    w, _b, gap = solved(
        "hinge_loss", X, (X[:, 0] > 0).astype(float), np.ones(20), 0.0, 0.0
    )
    assert np.isfinite(w).all()
    assert gap < 1e-6


# --------------------------------------------------------------------- through a run
SETTINGS = {
    "quantile_loss": {"quantile": 0.8},
    "huber_loss": {"huber_delta": 0.01},
    "hinge_loss": {"binary_classifier_model_selection_criteria": "loss_function"},
}


def estimator(loss, **settings):
    kind = LinearLearnerClassifier if loss == "hinge_loss" else LinearLearnerRegressor
    return kind(loss=loss, random_state=0, **SETTINGS.get(loss, {}), **settings)


@pytest.mark.parametrize("loss", KINKS)
@pytest.mark.filterwarnings(
    "ignore::sklearn_sagemaker.exceptions.HyperparameterScaleWarning"
)
def test_without_validation_rows_each_is_left_out_of_a_fit(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 30))
    y = X[:, 0] + 0.3 * rng.normal(size=120)
    y = (y > 0).astype(float) if loss == "hinge_loss" else y
    found = estimator(loss, cv=False, num_models=4).fit(X[:40], y[:40])
    table = found.candidates_
    assert found.resolved_params_["optimizer"] == "newton"
    if loss != "hinge_loss":
        # The least penalty fits best, and is not the best for other rows.
        assert np.argmin(table["train_loss"]) != found.best_index_
    told = table["validation_loss"][found.best_index_]
    assert told > 1.2 * table["train_loss"][found.best_index_]
    given = {name: found.best_params_[name] for name in ("wd", "l1")}
    alone = estimator(loss, cv=False, **given).fit(X[:40], y[:40])
    np.testing.assert_allclose(alone.coef_, found.coef_, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("loss", KINKS)
@pytest.mark.filterwarnings(
    "ignore::sklearn_sagemaker.exceptions.HyperparameterScaleWarning"
)
def test_default_fits_are_solved(loss):
    X, y, weights = rows(loss)
    model = estimator(loss).fit(X * [1.0, 1e3, 1e-3, 1.0, 1.0] + 5.0, y, weights)
    assert model.resolved_params_["optimizer"] == "newton"
    table = model.candidates_
    assert len(table["optimality"]) == 32
    assert table["optimality"].max() < 1e-5
    l1 = table["param_l1"]
    assert np.count_nonzero(l1) == 16
    assert l1.max() > 100 * l1[l1 > 0].min()


@pytest.mark.parametrize(
    "make", [np.asarray, np.float32, sp.csr_array], ids=["f8", "f4", "csr"]
)
@pytest.mark.parametrize("loss", LINEAR)
def test_a_fit_reaches_the_optimum_of_the_objective(loss, make):
    """Of a year and its square, in the user's units."""
    rng = np.random.default_rng(0)
    year = np.round(rng.uniform(1900, 2020, 80)).astype(np.float32).astype(float)
    y = (year - 1955) ** 2 / 1000 + 0.1 * rng.standard_t(3, 80)
    y = (y > 1).astype(float) if loss == "hinge_loss" else y
    X, weights = np.c_[year, year**2], rng.uniform(0.2, 3.0, 80)
    parameter = {"loss_insensitivity": 0.2} if loss.startswith("eps") else {}
    if make is np.float32:
        X = X.astype(np.float32).astype(float)
    model = estimator(loss, wd=0.0, l1=0.0, cv=False, **parameter)
    model.fit(X.astype(np.float32) if make is np.float32 else make(X), y, weights)
    f = X @ model.coef_.ravel() + np.ravel(model.intercept_)
    loss_of = LOSSES[loss].value(f, y, PARAMETER.get(loss, 0.0))
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    best = linear_program(loss, Z, y, weights, 0.0)
    assert weights @ loss_of / weights.sum() <= best * (1 + 1e-4) + 1e-9


def test_folds_are_fits_without_their_rows():
    X, y, _ = rows("absolute_loss")
    state = fit(
        X,
        y,
        classes=1,
        cv=KFold(3),
        loss="absolute_loss",
        wd=0.05,
        l1=0.0,
        normalize_data=False,
    )
    for number, (train, test) in enumerate(KFold(3).split(X)):
        alone = fit(
            X[train],
            y[train],
            classes=1,
            cv=False,
            loss="absolute_loss",
            wd=0.05,
            l1=0.0,
            normalize_data=False,
        )
        wanted = np.abs(X[test] @ alone.coef[0] + alone.intercept - y[test]).mean()
        found = state.candidates[f"split{number}_validation_loss"][0]
        np.testing.assert_allclose(found, wanted, rtol=1e-2)


@pytest.mark.parametrize("loss", ["absolute_loss", "hinge_loss"])
def test_same_bits_whatever_the_threads(loss):
    X, y, weights = rows(loss, 50, 8)
    one, two = (estimator(loss, n_jobs=n).fit(X, y, weights) for n in (1, 2))
    assert (one.coef_ == two.coef_).all()
    for name in ("optimality", "validation_loss"):
        assert (one.candidates_[name] == two.candidates_[name]).all()


def test_the_best_penalties_make_the_model_again():
    X, y, weights = rows("quantile_loss")
    model = estimator("quantile_loss").fit(X, y, weights)
    chosen = {name: model.best_params_[name] for name in ("wd", "l1")}
    again = estimator("quantile_loss", num_models=1, **chosen).fit(X, y, weights)
    np.testing.assert_allclose(again.coef_, model.coef_, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loss", KINKS)
@pytest.mark.filterwarnings(
    "ignore::sklearn_sagemaker.exceptions.HyperparameterScaleWarning"
)
def test_odd_rows_are_solved_as_well(loss):
    """Constant, equal, huge and tiny columns, few rows, weights of zero."""
    for seed in range(4):
        rng = np.random.default_rng([seed, 41])
        n, d = rng.integers(4, 25), rng.integers(2, 40)
        X = rng.normal(size=(n, d))
        X[:, 0], X[:, -1] = 7.0, X[:, d // 2]
        X[:, d // 3] *= 10.0 ** rng.integers(-12, 12)
        X[:, d // 4] += 10.0 ** rng.integers(0, 8)
        y = (
            np.arange(n) % 2
            if loss == "hinge_loss"
            else X[:, 1] * 10.0 ** (4 * seed - 6)
        )
        weights = rng.uniform(0.1, 3.0, n) * (np.arange(n) % 7 < 6)
        settings = [
            {},
            {"cv": False, "wd": 1e-6, "l1": 0.0},
            {"use_bias": False},
            {"normalize_data": False},
        ]
        model = estimator(loss, num_models=6, **settings[seed]).fit(X, y, weights)
        assert np.isfinite(model.coef_).all()
        assert np.isfinite(model.intercept_).all()
        table = model.candidates_
        assert table["optimality"][model.best_index_] < 1e-4
