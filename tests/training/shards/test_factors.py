"""Factorization Machines on rows in shards."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)
from sklearn_sagemaker._kernels import FACTOR_CHOICES, OPTIMIZERS
from sklearn_sagemaker.exceptions import CheckpointWarning, TrainingStoppedError
from sklearn_sagemaker.training.factors.joining import MEANS, SUMS, Stepping
from sklearn_sagemaker.training.factors.rounds import FactorShards, Round, updates_of
from tests.training.shards.stand_in import RepeatedShards, ShardsBackend

FIT = {"num_factors": 4, "num_models": 1, "epochs": 6, "random_state": 0}
KEPT = ("coef_", "intercept_", "factors_", "validation_curve_", "loss_curve_")


@pytest.fixture(scope="module")
def ratings():
    """Ones of a user and a film in each row, and who the user is."""
    rng = np.random.default_rng(0)
    users, films = rng.integers(0, 60, 2400), rng.integers(0, 40, 2400)
    columns = np.stack([users, 60 + films], axis=1)
    X = sp.csr_matrix(
        (np.ones(4800, "f4"), columns.ravel(), np.arange(0, 4801, 2)), (2400, 100)
    )
    factors, linear = rng.normal(size=(100, 2)), rng.normal(size=100)
    y = np.einsum("ij,ij->i", factors[users], factors[60 + films])
    y += linear[users] + linear[60 + films] + 0.5 * rng.normal(size=2400)
    return X, y, users


def fitted(data, weights=None, model=FactorizationMachinesRegressor, **backend):
    X, y = data[:2]
    settings = {**FIT, **backend.pop("settings", {})}
    backend = ShardsBackend(**backend) if backend else "local"
    weights = None if weights is None else weights[:2000]
    return model(**settings, backend=backend).fit(
        X[:2000], y[:2000], weights, X_val=X[2000:], y_val=y[2000:]
    )


def same_bits(first, second, names=KEPT):
    for name in names:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


# ------------------------------------------------------------------------- joining
def reference(rules, start, ends, updates):
    """One weight after another, in plain numbers."""
    n, _, width = start.shape
    found, rate = start.copy(), rules.coupling * rules.rate
    layer = SUMS.get(rules.optimizer)
    for j in range(n):
        counts = [one[j if len(one) > 1 else 0] for one in updates]
        for i in range(width):
            if not sum(counts):
                continue
            before = start[j, :, i]
            after = [end[j, :, i] for end in ends]

            def left(way):
                return -np.expm1(-rate * way) / (rate * way)

            if layer is not None:
                total = before[layer] + sum(one[layer] - before[layer] for one in after)

                def mean_divisor(last, first=before[layer]):
                    return (np.sqrt(first) + np.sqrt(last)) / 2 + rules.eps

                gradient = 0.0
                for one, count in zip(after, counts, strict=True):
                    if count:
                        by = mean_divisor(one[layer])
                        way = (one[layer] - before[layer]) / by
                        gradient += (one[0] - before[0]) * by / left(way)
                by = mean_divisor(total)
                way = (total - before[layer]) / by
                weight = before[0] + gradient * left(way) / by
                found[j, 0, i], found[j, layer, i] = weight, total
                if rules.optimizer == "ftrl":
                    length = (rules.eps + np.sqrt(total)) / rules.rate + rules.decay
                    found[j, 1, i] = -weight * length
                continue
            for state in range(1, start.shape[1]):
                found[j, state, i] = np.average([a[state] for a in after], None, counts)
            bend = MEANS.get(rules.optimizer)
            curve = [np.sqrt(a[bend]) if bend else rules.curvature for a in after]
            gradient = sum(
                (one[0] - before[0]) / left(count * c)
                for one, count, c in zip(after, counts, curve, strict=True)
                if count
            )
            c = np.sqrt(found[j, bend, i]) if bend else rules.curvature
            way = rules.gain * sum(counts) * c
            found[j, 0, i] = before[0] + rules.gain * left(way) * gradient
    return found


@pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("per_feature", [True, False])
def test_joining_is_that_of_a_slow_reference(optimizer, dtype, per_feature):
    rng = np.random.default_rng(0)
    shape = (9, 1 + OPTIMIZERS[optimizer].n_states, 3)
    start = rng.random(shape).astype(dtype)
    updates = [rng.integers(1, 40, 9).astype(float) for _ in range(3)]
    for number, one in enumerate(updates):
        one[[0, number + 1]] = 0
    if not per_feature:
        updates = [one[4:5] for one in updates]
    ends = []
    for one in updates:
        end = start + rng.random(shape).astype(dtype) * (one > 0)[:, None, None]
        ends.append(end.astype(dtype))
    rules = Stepping(optimizer, 0.3, 0.1, 0.5, 3.0, 0.7, 0.8)
    sums = sum(rules.moved(start, *pair) for pair in zip(ends, updates, strict=True))
    found = rules.joined(start, sums, sum(updates))
    assert found.dtype == dtype
    exact = [one.astype("f8") for one in (start, *ends)]
    wanted = reference(rules, exact[0], exact[1:], updates)
    np.testing.assert_allclose(found, wanted, rtol=1e-5 if dtype == "f4" else 1e-12)
    if per_feature:
        np.testing.assert_array_equal(found[0], start[0])


@pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
def test_one_shard_alone_is_taken_as_it_is(optimizer):
    rng = np.random.default_rng(1)
    shape = (5, 1 + OPTIMIZERS[optimizer].n_states, 2)
    start, steps = rng.random(shape), np.arange(5.0) + 1
    rules = Stepping(optimizer, 0.3, 0.1, 0.5, 3.0)
    end = start + rng.random(shape)
    if optimizer == "ftrl":
        end[:, 1] = -end[:, 0] * ((0.5 + np.sqrt(end[:, 2])) / 0.3 + 0.1)
    found = rules.joined(start, rules.moved(start, end, steps), steps)
    np.testing.assert_allclose(found, end, rtol=1e-10)


def test_small_moves_add_up_and_those_to_an_end_are_averaged():
    start = np.array([[[0.0], [1e6]]])
    little = np.array([[[0.01], [1e6 + 1.0]]])
    rules = Stepping("adagrad", 0.05, 0.0, 1.0, 3.0)
    one = np.ones(1)
    found = rules.joined(start, 8 * rules.moved(start, little, one), 8 * one)
    np.testing.assert_allclose(found[0, 0], 0.08, rtol=1e-3)
    # At their optima, of which the second has told twice as much as the first.
    far = [np.array([[[w], [1e6 * (1 + told)]]]) for w, told in ((1.0, 8), (4.0, 16))]
    sums = sum(rules.moved(start, end, one) for end in far)
    np.testing.assert_allclose(rules.joined(start, sums, 2 * one)[0, 0], 3.0)


def test_rounds_with_other_features_are_added_feature_by_feature():
    rng = np.random.default_rng(2)

    def made(features):
        part = rng.normal(size=(len(features), 2, 3))
        bias = np.ones((1, 2, 1))
        return Round(
            [[bias, part, 2 * part]], np.array(features), np.ones(len(features)),
            np.ones(1), 4, 2.0,
        )  # fmt: skip

    first, second = made([0, 2, 5]), made([1, 2])
    mine, theirs = first.moved[0][1].copy(), second.moved[0][1].copy()
    found = first.joined(second).joined(Round([[]], None, np.zeros(1), 0.0, 0, 0.0))
    np.testing.assert_array_equal(found.features, [0, 1, 2, 5])
    np.testing.assert_array_equal(found.updates, [1, 1, 2, 1])
    wanted = np.stack([mine[0], theirs[0], mine[1] + theirs[1], mine[2]])
    np.testing.assert_array_equal(found.moved[0][1], wanted)
    np.testing.assert_array_equal(found.moved[0][2], 2 * wanted)
    assert (found.batches, found.weight, found.losses[0]) == (8, 4.0, 2.0)
    assert found.moved[0][0][0, 0] == 2


def test_updates_are_rows_or_mini_batches():
    X = sp.csr_array(np.array([[1, 0, 2], [3, 0, 0], [0, 0, 4], [5, 0, 0]]))
    np.testing.assert_array_equal(updates_of(X, 1), [3, 0, 2])
    np.testing.assert_array_equal(updates_of(X, 2), [2, 0, 2])
    np.testing.assert_array_equal(updates_of(X, 3), [2, 0, 1])


# ------------------------------------------------------------------------ training
@pytest.mark.parametrize("n_shards", [2, 8])
@pytest.mark.parametrize("by_user", [False, True])
def test_shards_learn_what_one_machine_does(ratings, n_shards, by_user):
    users = ratings[2]
    parts = [np.flatnonzero(users[:2000] % n_shards == k) for k in range(n_shards)]
    found = fitted(ratings, of=parts if by_user else n_shards, rounds=6)
    curve = fitted(ratings).validation_curve_
    # Means by updates are 9 to 30 % above it, by user 6 to 20 %.
    np.testing.assert_allclose(found.validation_curve_, curve, rtol=0.06)


def test_one_shard_and_one_round_are_close_to_one_machine(ratings):
    found, one = fitted(ratings, of=1, rounds=1), fitted(ratings)
    np.testing.assert_allclose(
        found.validation_curve_, one.validation_curve_, rtol=0.01
    )
    np.testing.assert_allclose(found.loss_curve_, one.loss_curve_, rtol=0.01)


@pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
@pytest.mark.parametrize("mini_batch_size", [1, 40])
def test_all_optimizers_learn_in_few_epochs(ratings, optimizer, mini_batch_size):
    settings = {"optimizer": optimizer, "mini_batch_size": mini_batch_size}
    rates = (0.01, 0.005) if optimizer in MEANS else ("auto", "auto")
    settings |= {"epochs": 3, "linear_lr": rates[0], "factors_lr": rates[1]}
    found = fitted(ratings, of=4, rounds=8, settings=settings)
    one = fitted(ratings, settings=settings)
    assert found.best_score_ > 1.3 * one.best_score_  # both are negative


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_tasks_may_run_twice_in_any_order_and_be_sent(classes, sparse):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2100, 5)) * (rng.random((2100, 5)) < 0.6)
    score = X[:, 0] * X[:, 1] + X[:, 2]
    y = score if classes == 1 else np.digitize(score, [0.0, 0.7][: classes - 1])
    kind = FactorizationMachinesRegressor if classes == 1 else None
    kind = kind or FactorizationMachinesClassifier
    data = (sp.csr_array(X) if sparse else X), y
    weights = rng.integers(0, 3, 2100).astype(float)
    # The candidates of our own, of which two have no factors.
    settings = {"epochs": 2, "num_models": "auto", "num_factors": 3}
    backend = {"of": 3, "blocks": 2, "settings": settings, "rounds": 2}
    found = fitted(data, weights, kind, **backend)
    again = fitted(data, weights, kind, kind=RepeatedShards, **backend)
    same_bits(found, again)
    assert np.isfinite(found.candidates_["validation_loss"]).all()


def test_indices_do_not_matter_and_precision_little(ratings):
    X, y, _ = ratings
    wide = X.copy()
    wide.indices, wide.indptr = X.indices.astype("i8"), X.indptr.astype("i8")
    short = {"of": 3, "rounds": 3, "settings": {"epochs": 2}}
    found = fitted(ratings, **short)
    same_bits(found, fitted((wide, y), **short))
    exact = fitted((X.astype("f8"), y), **short)
    assert exact.factors_.dtype == np.float64
    np.testing.assert_allclose(
        found.validation_curve_, exact.validation_curve_, rtol=1e-3
    )


def test_weights_are_repeated_rows_and_none_absent_ones(ratings):
    X, y, _ = ratings
    weights = np.ones(2400)
    weights[:1000] = 0.0
    rows = np.arange(1000, 2000)
    half = fitted(ratings, weights, of=[np.arange(1000), rows], rounds=3)
    # The rows of the first shard are not there, whatever they hold.
    odd = X.copy()
    odd.data[: odd.indptr[1000]] = 7.0
    same_bits(half, fitted((odd, y), weights, of=[np.arange(1000), rows], rounds=3))


def test_a_shard_of_one_class_and_one_of_no_rows(ratings):
    X, y, _ = ratings
    labels = np.where(y > 0, "yes", "no")
    first, second = (np.flatnonzero(labels[:2000] == name) for name in ("no", "yes"))
    model = FactorizationMachinesClassifier
    found = fitted((X, labels), model=model, of=[first, np.arange(0), second], rounds=8)
    one = fitted((X, labels), model=model)
    assert found.best_score_ > 1.1 * one.best_score_


def test_a_fit_goes_on_from_its_checkpoint(ratings, tmp_path):
    short = {"of": 3, "rounds": 3, "settings": {"epochs": 3}}
    kept = {**short, "checkpoint": tmp_path, "every": 0}
    whole = fitted(ratings, **short)
    calls = iter([False, True])
    with pytest.raises(TrainingStoppedError):
        fitted(ratings, **kept, stop=lambda: next(calls))
    with pytest.warns(CheckpointWarning):
        same_bits(whole, fitted(ratings, **kept))


@pytest.mark.parametrize("solver", ["als", "mcmc"])
def test_solvers_by_columns_are_refused(ratings, solver):
    with pytest.raises(ValueError, match=f"solver='{solver}'.*in shards.*gradient"):
        fitted(ratings, of=2, settings={"solver": solver})


def test_columns_that_no_shard_stores_are_left_out(ratings, monkeypatch):
    monkeypatch.setattr("sklearn_sagemaker.training.factors.wide.LEAST", 1000)
    X, y, _ = ratings
    wide = sp.csr_matrix((X.data, X.indices * 30 + 7, X.indptr), (2400, 4000))
    short = {"settings": {"epochs": 1}, "rounds": 3}
    found = fitted((wide, y), of=3, kind=RepeatedShards, **short)
    monkeypatch.setattr("sklearn_sagemaker.training.factors.wide.LEAST", 10_000)
    full = fitted((wide, y), of=3, **short)
    # Factors of the others are drawn when they are asked for.
    same_bits(found, full, [name for name in KEPT if name != "factors_"])
    np.testing.assert_allclose(found.factors_, full.factors_, rtol=1e-6)


def test_how_often_shards_are_joined(ratings, monkeypatch):
    asked = []
    rounds = FactorShards.rounds

    def counted(self, number):
        asked.append((number, rounds(self, number)))
        return asked[-1][1]

    monkeypatch.setattr(FactorShards, "rounds", counted)
    fitted(ratings, of=2, settings={"epochs": 2})
    # Three numbers a row, and 32 rows of each shard between two joinings.
    assert asked == [(0, 16), (1, 8)]
    asked.clear()
    fitted(ratings, of=8, settings={"epochs": 2})
    assert asked == [(0, 7), (1, 7)]
    asked.clear()
    fitted(ratings, of=2, rounds=3, settings={"epochs": 1})
    assert asked == [(0, 3)]
