"""Many rows: solved on a sample and corrected on all, alone or beside steps."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.model_selection import KFold

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.linear import budget, choice, descent, lockstep, smooth
from sklearn_sagemaker.training.linear.lockstep import LargeFit, sample_of
from sklearn_sagemaker.training.linear.moments import ScaledRows
from sklearn_sagemaker.training.linear.newton import SmoothFit

from ..conftest import fit, linear_run
from .test_newton import OUTPUTS, PARAMETER, objective, rows

TALL = 600, 5
DEFAULT = {"binary_classifier_model_selection_criteria": "loss_function"}


@pytest.fixture(autouse=True)
def small_samples(monkeypatch):
    """So that a few hundred rows are many."""
    monkeypatch.setattr(lockstep, "SAMPLE", 40)
    monkeypatch.setattr(lockstep, "OF_FEATURES", 8)


@pytest.fixture(params=[True, False], ids=["in turn", "in lockstep"])
def held(request):
    """Whether rows are held, so that columns are solved one after the other."""
    return request.param


def large_fit(held, loss, X, y, weights, use_bias=True, tolerance=1e-12):
    def tiles(places):
        places = np.arange(len(y)) if places is None else places
        for part in np.array_split(places, 3):
            yield part, partial(X.__getitem__, part)

    return LargeFit(
        loss, PARAMETER.get(loss, 0.0), tiles, y, weights, X.shape[1], OUTPUTS[loss],
        use_bias, tolerance, [0], held=held,
    )  # fmt: skip


def of_column(loss, X, y, weights, w, b, wd, l1):
    """The objective, and what the conditions of an optimum miss."""
    found = np.r_[w, b[None]]
    value, slope = objective(loss, X, y, weights, found, wd)
    slope = slope.reshape(found.shape)
    held = found[:-1] != 0
    missed = np.where(
        held,
        np.abs(slope[:-1] + l1 * np.sign(found[:-1])),
        np.maximum(np.abs(slope[:-1]) - l1, 0.0),
    )
    return value + l1 * np.abs(w).sum(), max(missed.max(), np.abs(slope[-1]).max())


@pytest.mark.parametrize("loss", OUTPUTS)
def test_every_column_is_at_its_optimum(loss, held):
    X, y, weights = rows(loss, *TALL)
    # Two that are nearly equal, and one that is nearly constant.
    X[:, 1] = X[:, 0] + 0.01 * X[:, 1]
    X[:, 4] *= 1e-3
    wd, l1 = np.array([1.0, 1e-2, 1e-6, 0.0, 1e-3]), np.array([0, 0, 0, 0.02, 0.001])
    problem = large_fit(held, loss, X, y, weights)
    assert len(problem.sample(0).y) == 40
    w, b, gap = problem.optima(wd, l1, np.zeros(5))
    for k in range(5):
        missed = of_column(loss, X, y, weights, w[..., k], b[:, k], wd[k], l1[k])[1]
        assert missed < 1e-6
    assert gap.max() < 1e-11
    assert np.count_nonzero(w[..., 3] == 0) > 0


@pytest.mark.parametrize("seed", [0, 6, 8, 13])
def test_features_that_hardly_a_row_has(seed, held):
    """Their weights on a sample are far off, and rows there have no curvature left."""
    rng = np.random.default_rng(seed)
    rare = rng.random((600, 9)) < 0.004
    X = np.c_[rng.normal(size=(600, 3)), rare[:, rare.any(axis=0)]]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = (X[:, :3].sum(axis=1) + rng.logistic(size=600) > 0).astype(float)
    wd = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1e-5, 1e-6])
    l1 = np.array([3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 0.0, 0.0])
    problem = large_fit(held, "logistic", X, y, np.ones(600))
    w, b, gap = problem.optima(wd, l1, np.zeros(8))
    assert gap.max() < 1e-11
    for k in range(8):
        given = w[..., k], b[:, k], wd[k], l1[k]
        assert of_column("logistic", X, y, np.ones(600), *given)[1] < 1e-5


@pytest.mark.parametrize("more", [{"bias_wd": 0.3}, {"use_bias": False}], ids=str)
def test_penalties_of_the_intercept_and_none(more, held):
    X, y, weights = rows("logistic", *TALL)
    problem = large_fit(held, "logistic", X, y, weights, more.get("use_bias", True))
    w, b, _ = problem.optima(
        np.array([0.05]), np.zeros(1), np.array([more.get("bias_wd", 0.0)])
    )

    def value(v):
        return objective("logistic", X, y, weights, v, 0.05, **more)

    options = {"maxiter": 10_000, "ftol": 1e-16, "gtol": 1e-10}
    start = np.zeros(TALL[1] + 1)
    best = minimize(value, start, jac=True, method="L-BFGS-B", options=options)
    assert value(np.r_[w[..., 0], b[:, 0][None]])[0] <= best.fun * (1 + 1e-10)


def test_a_sample_that_misleads_does_not(held):
    """Rows of the sample can be parted, all rows cannot."""
    X, y, weights = rows("logistic", *TALL)
    problem = large_fit(held, "logistic", X, y, weights)
    some = problem.sample(0)
    some.y[:] = (some.rows[:, 0] < 0).astype(float)
    w, b, _ = problem.optima(np.array([1e-4]), np.zeros(1), np.zeros(1))
    missed = of_column("logistic", X, y, weights, w[..., 0], b[:, 0], 1e-4, 0.0)[1]
    assert missed < 1e-6


def test_where_columns_start_is_left_if_it_is_worse_than_nothing():
    X, y, weights = rows("logistic", *TALL)
    problem = large_fit(True, "logistic", X, y, weights)
    given = np.array([1e-2, 1e-3]), np.zeros(2), np.zeros(2)
    start = np.full((TALL[1], 1), -30.0), np.array([9.0])
    w, b, _ = problem.optima(*given, start)
    wanted_w, wanted_b, _ = problem.optima(*given)
    np.testing.assert_allclose(w, wanted_w, atol=1e-6)
    np.testing.assert_allclose(b, wanted_b, atol=1e-6)


def test_curvature_leads_on_to_the_next_penalty(monkeypatch):
    """Columns in turn make few matrices of second derivatives."""
    X, y, weights = rows("logistic", *TALL)
    wd, made = np.geomspace(1.0, 1e-5, 20), []
    hessian = SmoothFit.hessian
    monkeypatch.setattr(
        SmoothFit, "hessian", lambda *given: made.append(1) or hessian(*given)
    )
    problem = large_fit(True, "logistic", X, y, weights, tolerance=1e-9)
    _, _, gap = problem.optima(wd, np.zeros(20), np.zeros(20))
    assert gap.max() < 1e-9
    assert len(made) <= 10


def test_the_rarest_class_is_in_the_sample():
    y = np.zeros(5000)
    y[[17, 400]] = 1.0
    places, counts = sample_of(y, True, 100, np.random.default_rng(0))
    assert {17, 400} <= set(places)
    assert len(places) == 100
    np.testing.assert_allclose(counts.sum(), len(y))
    assert (np.diff(places) > 0).all()


# --------------------------------------------------------------------- through a run
FORMS = {
    "dense": np.asarray,
    "float32": lambda X: X.astype(np.float32),
    "csr": sp.csr_array,
    "csr of int64": lambda X: sp.csr_array(
        (
            (part := sp.csr_array(X)).data,
            part.indices.astype(np.int64),
            part.indptr.astype(np.int64),
        ),
        shape=X.shape,
    ),
}


@pytest.mark.parametrize("cv", [KFold(3), False], ids=["folds", "none"])
@pytest.mark.parametrize("loss", OUTPUTS)
@pytest.mark.parametrize("form", FORMS)
def test_it_is_what_newton_finds_on_all_rows(form, loss, cv, monkeypatch):
    X, y, weights = rows(loss, 200, 4)
    X[:, 1] += 5.0
    X = np.where(np.abs(X) < 0.3, 0.0, X).astype(np.float32)
    fixed = {"loss": loss, "wd": 0.01, "l1": 0.002, "cv": cv}
    fixed["classes"] = {"huber_loss": 1, "logistic": 2, "softmax_loss": 3}[loss]
    if loss == "logistic":
        fixed |= {"positive_example_weight_mult": 3.0, **DEFAULT}
    if loss == "huber_loss":
        fixed |= {"huber_delta": 2.0}
    # Several classes too, which else are solved in all folds at once.
    monkeypatch.setattr(budget, "LOCKSTEP_WORK", 0)
    state = fit(FORMS[form](X), y, weights, **fixed)
    assert state.resolved["optimizer"] == "newton"
    monkeypatch.setattr(lockstep, "SAMPLE", 10_000)
    whole = fit(FORMS[form](X), y, weights, **fixed)
    np.testing.assert_allclose(state.coef, whole.coef, rtol=1e-3, atol=1e-4)
    names = {"train_loss": 1e-6}
    if cv:
        # Without folds rows are left out, which a sample cannot tell.
        names["validation_loss"] = 1e-3
    for name, tolerance in names.items():
        found, wanted = state.candidates[name], whole.candidates[name]
        np.testing.assert_allclose(found, wanted, rtol=tolerance)
    assert state.candidates["optimality"].max() < 1e-8


def test_rows_that_are_not_held_are_read_again(monkeypatch):
    class InLockstep(LargeFit):
        def optima(self, *given):
            self.held = False
            return super().optima(*given)

    X, y, weights = rows("logistic", *TALL)
    in_turn = fit(X, y, weights, num_models=4)
    monkeypatch.setattr(smooth, "LargeFit", InLockstep)
    held = fit(X, y, weights, num_models=4)
    monkeypatch.setattr(smooth, "LargeFit", LargeFit)
    monkeypatch.setattr(smooth, "TILED_BYTES", 0)
    read = fit(X, y, weights, num_models=4)
    np.testing.assert_allclose(read.coef, held.coef, rtol=1e-9)
    np.testing.assert_allclose(read.coef, in_turn.coef, rtol=1e-3)


@pytest.mark.parametrize("form", ["dense", "csr"])
@pytest.mark.parametrize("classes", [2, 3])
def test_number_of_jobs_changes_no_bit(classes, form, monkeypatch):
    X, y, weights = rows("logistic" if classes == 2 else "softmax_loss", *TALL)
    if form == "csr":
        X = sp.csr_array(np.where(X > 1.0, X, 0.0))
        monkeypatch.setattr(ScaledRows.hold, "__defaults__", (0,))
        monkeypatch.setattr(smooth, "PIECE", 100)
    one, two = (
        fit(X, y, weights, classes=classes, jobs=jobs, num_models=6) for jobs in (1, 4)
    )
    np.testing.assert_array_equal(one.coef, two.coef)
    np.testing.assert_array_equal(
        one.candidates["validation_loss"], two.candidates["validation_loss"]
    )


def test_an_optimum_that_was_not_reached_is_told(monkeypatch):
    X, y, _ = rows("logistic", *TALL)
    monkeypatch.setattr(descent, "PASSES", 2)
    with pytest.warns(choice.ConvergenceWarning, match=r"above its optimum by \d"):
        fit(X, y, wd=1e-4, l1=0.0, num_models=1)


# -------------------------------------------------------------------- beside of steps
@pytest.fixture
def some_in_budget(monkeypatch):
    """Eight candidates, and not all, are in the budget."""
    X, y, _ = rows("logistic", *TALL)
    found = []
    monkeypatch.setattr(budget, "NEWTON_SHARE", 10**9)
    for work in 2 ** np.arange(16, 34):
        monkeypatch.setattr(budget, "NEWTON_WORK", int(work))
        found.append(linear_run(X, y).n_solved)
        if found[-1] == budget.SOME:
            return
    raise AssertionError(found)


@pytest.mark.usefixtures("some_in_budget")
def test_some_are_solved_beside_steps():
    X, y, weights = rows("logistic", *TALL)
    state = fit(X, y, weights)
    table = state.candidates
    assert len(table["validation_loss"]) == 32
    solved = table["param_schedule"] == "none"
    assert np.count_nonzero(solved) == budget.SOME
    assert np.isnan(table["optimality"][~solved]).all()
    assert table["optimality"][solved].max() < 1e-8
    assert np.isnan(table["param_learning_rate"][solved]).all()
    assert state.resolved["optimizer"] == "adam"
    assert state.resolved["num_models"] == 32
    # They are the same that are solved alone.
    one = int(np.flatnonzero(solved)[2])
    fixed = {"wd": table["param_wd"][one], "l1": table["param_l1"][one]}
    alone = fit(X, y, weights, num_models=1, optimizer="newton", **fixed)
    np.testing.assert_allclose(
        alone.candidates["validation_loss"][0], table["validation_loss"][one], rtol=1e-3
    )


@pytest.mark.usefixtures("some_in_budget")
def test_what_steps_have_found_stays_a_candidate():
    """A model that stopped early may be better than any optimum."""
    X, y, weights = rows("logistic", *TALL)
    run = linear_run(X, y, weights, **DEFAULT)
    make = run._solver

    def worse(solver):
        find = solver.progress

        def progress(columns, unit):
            found = find(columns, unit)
            found.best_loss[:] += 1.0
            return found

        return changed(solver, progress)

    run._solver = lambda spread: worse(make(spread))
    state = run.train()
    assert "learning_rate" in state.best_params
    assert len(state.loss_curve) == state.n_iter > 1


def changed(made, progress):
    made.progress = progress
    return made


@pytest.mark.usefixtures("some_in_budget")
def test_near_equal_features_are_told_apart_beside_steps():
    rng = np.random.default_rng(0)
    level, e = rng.normal(0, 5, 600), rng.normal(size=(2, 600))
    X = np.c_[level, level + 0.02 * e[0], rng.normal(size=(600, 3))]
    y = (3 * e[0] + rng.logistic(size=600) > 0).astype(float)
    state = fit(X, y, **DEFAULT)
    assert "learning_rate" not in state.best_params
    assert state.n_iter == len(state.loss_curve) == 1
    table = state.candidates
    steps = table["validation_loss"][table["param_schedule"] != "none"].min()
    assert -state.best_score < 0.8 * steps


@pytest.mark.usefixtures("some_in_budget")
def test_a_warm_start_takes_steps_and_solves_again():
    X, y, weights = rows("logistic", *TALL)
    first = fit(X, y, weights, spec={"keep_state": True}, epochs="auto")
    resume = {"keep_state": True, "resume": first.resume}
    again = fit(X, y, weights, spec=resume)
    assert again.resume["epochs"] > first.resume["epochs"]
    table, before = again.candidates, first.candidates
    solved = table["param_schedule"] == "none"
    np.testing.assert_array_equal(
        table["validation_loss"][solved], before["validation_loss"][solved]
    )
    assert (table["train_loss"] != before["train_loss"])[~solved].any()
    with pytest.raises(ValueError, match="24"):
        fit(X, y, weights, spec=resume, optimizer="adam")


@pytest.mark.usefixtures("some_in_budget")
def test_number_of_jobs_changes_no_bit_beside_steps():
    X, y, weights = rows("logistic", *TALL)
    one, two = (fit(X, y, weights, jobs=jobs) for jobs in (1, 4))
    np.testing.assert_array_equal(
        one.candidates["validation_loss"], two.candidates["validation_loss"]
    )


def test_who_fixes_both_penalties_has_one_candidate_solved():
    X, y, weights = rows("logistic", *TALL)
    state = fit(X, y, weights, wd=0.01, l1=0.0)
    assert len(state.candidates["validation_loss"]) == 1


@pytest.mark.parametrize("form", FORMS)
def test_who_fixes_both_penalties_has_rows_read_once(form, monkeypatch):
    X, y, weights = rows("logistic", *TALL)
    # Rows of less than 16 MB are read once, whatever is done.
    monkeypatch.setattr(ScaledRows.hold, "__defaults__", (0,))
    read, asked = [], []
    dense, null = RowReader.dense, smooth.SmoothFits.null
    monkeypatch.setattr(
        RowReader,
        "dense",
        lambda reader, some: read.append(len(found := dense(reader, some))) or found,
    )
    monkeypatch.setattr(
        smooth.SmoothFits, "null", lambda fits: asked.append(1) or null(fits)
    )
    fit(FORMS[form](X), y, weights, cv=False, wd=0.01, l1=0.0)
    assert sum(read) == len(y)
    assert not asked


def test_rows_in_any_order_are_read_as_they_are():
    X, _, _ = rows("logistic", *TALL)
    shift, scale = X.mean(axis=0), 1.0 / X.std(axis=0)
    scaled, reader = ScaledRows(shift, scale), RowReader(X)
    for some in ([3, 5, 4, 6], [7, 8, 9], [9, 0], [2], []):
        some = np.array(some, dtype=np.int64)
        wanted = (X[some] - shift) * scale
        np.testing.assert_array_equal(scaled.tile(reader, some), wanted)
    scaled.hold(reader)
    np.testing.assert_array_equal(
        scaled.tile(reader, np.array([1, 0])),
        scaled.tile(reader, np.array([0, 1]))[::-1],
    )
