"""Linear Learner with ``positive``: signs of coefficients, from the outside."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import lsq_linear, minimize
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from sklearn_sagemaker import (
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    load_artifact,
    save_artifact,
)
from sklearn_sagemaker.backends import LocalBackend, SageMakerBackend
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.training.linear import budget
from tests.backends.support import ThroughFiles

X, Y = load_diabetes(return_X_y=True)
RNG = np.random.default_rng(0)
WEIGHTS = RNG.uniform(0.2, 3.0, len(Y))
CSR = sp.csr_array(X * (RNG.random(X.shape) < 0.4))
WIDE = RNG.normal(size=(50, 120))
NUMBERS = WIDE[:, :4] @ [3.0, -2.0, 1.0, -0.5] + RNG.normal(size=50)
# More than the sample that steps of Newton would be of.
MANY = RNG.normal(size=(2100, 5))
SEEN = MANY @ [-1.0, 1.0, 1.0, -1.0, -1.0] + RNG.logistic(size=2100) > 0
SIGNS = np.array([1, -1, 0, 0, -1])
REGRESSOR = LinearLearnerRegressor(random_state=0, positive=True)
CLASSIFIER = LinearLearnerClassifier(random_state=0, positive=True)
FIXED = {"wd": 0.05, "l1": 0.0, "normalize_data": True, "cv": False}


def fixed(model=REGRESSOR, **more):
    return clone(model).set_params(**FIXED, **more)


def standard(values, weights):
    share = weights / weights.sum()
    centred = values - share @ values
    return centred / np.sqrt(share @ centred**2)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "csr"])
def test_it_is_the_objective_of_ridge_of_scikit_learn(make):
    model = fixed(unbias_data=True).fit(make(X), Y, WEIGHTS)
    Z, t, share = standard(X, WEIGHTS), standard(Y, WEIGHTS), WEIGHTS / WEIGHTS.sum()

    def objective(w):
        return share @ (Z @ w - t) ** 2 + FIXED["wd"] / 2 * w @ w

    unit = np.sqrt(share @ (Y - share @ Y) ** 2)
    deviation = np.sqrt(share @ (X - share @ X) ** 2)
    mine = model.coef_ * deviation / unit
    theirs = Ridge(
        FIXED["wd"] / 2 * WEIGHTS.sum(), fit_intercept=False, positive=True, tol=1e-10
    )
    theirs.fit(Z, t, WEIGHTS)
    assert model.coef_.min() == 0.0
    assert objective(mine) <= objective(theirs.coef_) + 1e-12
    assert objective(mine) == pytest.approx(objective(theirs.coef_), rel=1e-6)


@pytest.mark.parametrize("bias", [True, False], ids=["intercept", "none"])
def test_signs_of_features_are_those_of_bounds_of_scipy(bias):
    signs = np.resize(SIGNS, 10)
    model = fixed(positive=signs.tolist(), use_bias=bias, unbias_label=bias)
    model.fit(X, Y)
    Z = standard(X, np.ones(len(Y)))
    t = (Y - Y.mean() * bias) / Y.std()
    A = np.r_[Z / np.sqrt(len(Y)), np.sqrt(FIXED["wd"] / 2) * np.eye(10)]
    b = np.r_[t / np.sqrt(len(Y)), np.zeros(10)]
    bounds = np.where(signs == 1, 0, -np.inf), np.where(signs == -1, 0, np.inf)
    theirs = lsq_linear(A, b, bounds, method="bvls", tol=1e-15).x
    np.testing.assert_allclose(model.coef_, theirs * Y.std() / X.std(axis=0), atol=1e-6)


@pytest.mark.parametrize("l1", [0.0, 0.01])
@pytest.mark.parametrize("name", ["tall", "wide"])
def test_two_classes_are_at_the_optimum_that_scipy_finds(name, l1):
    rows, y = (X, Y > 140) if name == "tall" else (WIDE, NUMBERS > 0)
    d, Z = rows.shape[1], standard(rows, np.ones(len(y)))
    signs = np.resize(SIGNS, d)
    model = fixed(CLASSIFIER, positive=signs).set_params(l1=l1).fit(rows, y)

    def objective(v):
        # Of positive and negative parts, and the intercept.
        w, b = v[:d] - v[d:-1], v[-1]
        p = 1 / (1 + np.exp(-(Z @ w + b)))
        loss = np.mean(np.logaddexp(0, Z @ w + b) - y * (Z @ w + b))
        slope = Z.T @ (p - y) / len(y) + FIXED["wd"] * w
        loss += FIXED["wd"] / 2 * w @ w + l1 * v[:-1].sum()
        return loss, np.concatenate([slope + l1, l1 - slope, [np.mean(p - y)]])

    bounds = [(0, None if sign >= 0 else 0) for sign in signs]
    bounds += [(0, None if sign <= 0 else 0) for sign in signs] + [(None, None)]
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 10_000, "maxfun": 100_000}
    start = np.zeros(2 * d + 1)
    found = minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    w = model.coef_.ravel() * rows.std(axis=0)
    b = model.intercept_[0] + model.coef_.ravel() @ rows.mean(axis=0)
    mine = objective(np.concatenate([np.maximum(w, 0), np.maximum(-w, 0), [b]]))[0]
    assert (w * signs >= 0).all()
    assert mine == pytest.approx(found.fun, rel=1e-7)
    assert mine <= found.fun * (1 + 1e-9)


KINDS = {
    "dense": (X, Y, {}),
    "float32": (X.astype(np.float32), Y, {}),
    "csr": (CSR, Y, {}),
    "wide": (WIDE, NUMBERS, {}),
    "wide csr": (sp.csr_array(WIDE * (WIDE > 1.5)), NUMBERS, {}),
    "no validation": (X, Y, {"cv": False}),
    "averaged": (WIDE, NUMBERS, {"ensemble_size": 4}),
    "l1": (WIDE, NUMBERS, {"wd": 0.0}),
    "two classes": (X, Y > 140, {}),
    "csr classes": (CSR, Y > 140, {}),
    "many rows": (MANY, SEEN, {"cv": 3}),
    "classes without validation": (X, Y > 140, {"cv": False}),
}


@pytest.mark.parametrize("case", KINDS)
def test_a_default_fit_keeps_them_whatever_the_threads(case):
    rows, y, settings = KINDS[case]
    signs = np.resize(SIGNS, rows.shape[1])
    model = CLASSIFIER if y.dtype == bool else REGRESSOR
    model = clone(model).set_params(positive=signs, n_jobs=1, **settings)
    model.fit(rows, y)
    assert (model.coef_ * signs >= 0).all()
    # Some are held, and not all.
    held = model.coef_.ravel()[signs != 0]
    assert (held == 0).any()
    assert (held != 0).any()
    assert model.resolved_params_["optimizer"] == "newton"
    assert model.candidates_["optimality"].max() < 1e-9
    again = clone(model).set_params(n_jobs=2).fit(rows, y)
    np.testing.assert_array_equal(again.coef_, model.coef_)
    np.testing.assert_array_equal(again.intercept_, model.intercept_)


@pytest.mark.parametrize("none", [np.False_, [0] * 10])
def test_no_sign_is_no_constraint(none):
    model = clone(REGRESSOR).set_params(positive=none).fit(X, Y)
    free = LinearLearnerRegressor(random_state=0).fit(X, Y)
    np.testing.assert_array_equal(model.coef_, free.coef_)


def test_generalized_cross_validation_counts_the_weights_that_are_not_held():
    model = fixed().fit(X, Y)
    Z = standard(X, np.ones(len(Y)))[:, model.coef_ > 0]
    inside = Z.T @ Z / len(Y)
    bent = inside + FIXED["wd"] / 2 * np.eye(len(inside))
    left = 1 - (1 + np.trace(np.linalg.solve(bent, inside))) / len(Y)
    error = np.mean((model.predict(X) - Y) ** 2) / left**2
    assert -model.best_score_ == pytest.approx(error, rel=1e-9)


def test_columns_that_no_row_stores_keep_their_place():
    hashed = sp.csr_array((len(Y), 30)).tolil()
    hashed[:, 5:25:2] = CSR.toarray()
    signs = np.zeros(30)
    signs[5:25:2] = np.resize(SIGNS, 10)
    found = fixed(positive=signs).fit(sp.csr_array(hashed), Y)
    alone = fixed(positive=np.resize(SIGNS, 10)).fit(CSR, Y)
    np.testing.assert_array_equal(found.coef_[5:25:2], alone.coef_)


def test_rows_in_windows_are_solved_as_well(tmp_path):
    write_recordio(tmp_path / "rows.recordio", X, Y)
    # Scalers of windows are those of the first rows.
    model = fixed(normalize_label=False).set_params(wd=1e-4, normalize_data=False)
    rows = FileDataset(tmp_path / "rows.recordio", memory=8_000)
    found = clone(model).fit(rows)
    model.fit(X.astype(np.float32), Y.astype(np.float32))
    assert found.resolved_params_["validation"] == "training"
    assert found.coef_.min() == 0.0
    np.testing.assert_allclose(found.coef_, model.coef_, rtol=1e-8)


def test_it_travels(tmp_path):
    model = clone(REGRESSOR).set_params(positive=np.resize(SIGNS, 10)).fit(X, Y)
    there = clone(model).set_params(backend=ThroughFiles()).fit(X, Y)
    np.testing.assert_array_equal(there.coef_, model.coef_)
    save_artifact(model, tmp_path / "model.tar.gz")
    loaded = load_artifact(tmp_path / "model.tar.gz")
    np.testing.assert_array_equal(loaded.coef_, model.coef_)
    save_artifact(clone(REGRESSOR).fit(X, Y), tmp_path / "model.tar.gz")
    assert load_artifact(tmp_path / "model.tar.gz").positive is True


# ---------------------------------------------------------------------------- refusals
REFUSED = {
    "a sign": ({"positive": [2] + [0] * 9}, "positive holds 2; .*-1 .*0 .*or 1"),
    "no number": ({"positive": ["+"] * 10}, r"positive holds '\+'"),
    "nan": ({"positive": [np.nan] * 10}, "positive holds nan"),
    "a table": ({"positive": [[1] * 10]}, r"shape \(1, 10\)"),
    "width": ({"positive": [1, -1]}, "2 signs, and X has 10 features"),
    "loss": ({"loss": "huber_loss"}, "loss='squared_loss', or .*, not 'huber_loss'"),
    "epochs": ({"epochs": 3}, "positive=True: epochs=3 .*optimizer='newton'"),
    "adam": ({"optimizer": "adam"}, "optimizer='adam' asks for steps"),
    "text": ({"positive": "yes"}, "'positive' parameter"),
}


@pytest.mark.parametrize("backend", [LocalBackend(), SageMakerBackend()])
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_had_is_refused_before_any_work(monkeypatch, case, backend):
    settings, match = REFUSED[case]
    monkeypatch.setattr(type(backend), "train", None)
    model = clone(REGRESSOR).set_params(backend=backend, **settings)
    with pytest.raises(ValueError, match=match):
        model.fit(X, Y)
    assert not hasattr(model, "coef_")


def test_steps_are_refused_wherever_they_would_be_taken(monkeypatch):
    with pytest.raises(ValueError, match="partial_fit takes steps"):
        clone(REGRESSOR).partial_fit(X, Y)
    model = LinearLearnerRegressor(random_state=0, epochs=2, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match="warm_start=False"):
        model.set_params(positive=True, epochs="auto").fit(X, Y)
    with pytest.raises(ValueError, match="positive=True: .*not 'softmax_loss'"):
        clone(CLASSIFIER).fit(X, np.digitize(Y, [100, 200]))
    # Classes that a plane parts have no optimum without a penalty.
    with pytest.raises(ValueError, match="positive=True: .*set wd above 0"):
        fixed(CLASSIFIER).set_params(wd=0.0).fit(WIDE, NUMBERS > 0)
    monkeypatch.setattr(budget, "GRAM_BYTES", 1000)
    for model in (REGRESSOR, CLASSIFIER):
        with pytest.raises(ValueError, match="positive=True: .*too many features"):
            clone(model).fit(X, Y > 140)


def test_sagemakers_steps_give_way_to_the_solver_by_name():
    model = LinearLearnerRegressor.sagemaker_defaults(positive=True, random_state=0)
    with pytest.raises(ValueError, match="optimizer='newton'"):
        model.fit(X, Y)
