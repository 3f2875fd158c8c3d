"""Which rows judge the candidates."""

import numpy as np
import pytest
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.validation import CV_BUDGET, plan_validation

N = 60


def plan(y=None, weights=None, given=None, cv="auto", fraction="auto", stratify=True,
         work=1):  # fmt: skip
    y = np.arange(N) % 3 if y is None else y
    y = np.asarray(y, dtype=float)
    weights = np.ones(len(y)) if weights is None else weights
    return plan_validation(
        RowReader(np.zeros((len(y), 2))),
        y,
        weights,
        np.flatnonzero(weights > 0),
        given,
        cv=cv,
        validation_fraction=fraction,
        stratify=stratify,
        work=work,
        seed=0,
    )


def assert_partition(found, rows):
    assert found.kind == "folds"
    np.testing.assert_array_equal(np.sort(np.concatenate(found.train)), rows)
    for (group, part), fold in zip(found.parts, found.train, strict=True):
        np.testing.assert_array_equal(part, fold)
        assert group >= 1
    assert found.n_groups == len(found.train) + 1


def test_auto_uses_stratified_folds_on_small_data():
    found = plan()
    assert_partition(found, np.arange(N))
    assert len(found.train) == 5
    for fold in found.train:
        assert np.bincount(fold % 3).tolist() == [4, 4, 4]


@pytest.mark.parametrize("rarest", [1, 2, 3, 4])
def test_no_more_folds_than_rows_of_the_rarest_class(rarest):
    y = np.r_[np.zeros(30), np.ones(rarest)]
    found = plan(y)
    if rarest == 1:
        assert found.kind == "training"
    else:
        assert len(found.train) == rarest


def test_a_hold_out_above_the_budget_keeps_the_shares():
    found = plan(work=CV_BUDGET + 1)
    assert found.kind == "hold-out"
    held = found.parts[0][1]
    assert np.bincount(held % 3).tolist() == [2, 2, 2]
    np.testing.assert_array_equal(np.sort(np.r_[held, found.train[0]]), np.arange(N))
    assert found.n_groups == 1


def test_a_fraction_asks_for_a_hold_out():
    assert len(plan(fraction=0.25).parts[0][1]) == 15


def test_a_hold_out_never_takes_the_last_row_of_a_class():
    y = np.r_[np.zeros(30), np.ones(1)]
    found = plan(y, fraction=0.9)
    assert 30 in found.train[0]


def test_rows_of_zero_weight_do_not_exist():
    weights = np.ones(N)
    weights[::4] = 0.0
    alive = np.flatnonzero(weights)
    assert_partition(plan(weights=weights), alive)
    assert_partition(plan(weights=weights, cv=KFold(3)), alive)
    splits = list(KFold(3).split(np.zeros(N)))
    assert_partition(plan(weights=weights, cv=splits), alive)


@pytest.mark.parametrize("cv", [3, None, KFold(4), StratifiedKFold(3)])
def test_splitters(cv):
    assert_partition(plan(cv=cv), np.arange(N))


def test_an_iterable_names_rows_of_X():
    splits = [(test, train) for train, test in KFold(2).split(np.zeros(N))]
    found = plan(cv=splits)
    np.testing.assert_array_equal(found.train[0], splits[0][1])


@pytest.mark.parametrize("cv", [ShuffleSplit(3, random_state=0), [([0], [1])]])
def test_no_partition_is_refused(cv):
    with pytest.raises(ValueError, match="exactly one"):
        plan(cv=cv)


def test_false_selects_on_the_training_rows():
    found = plan(cv=False)
    assert found.kind == "training"
    np.testing.assert_array_equal(found.parts[0][1], np.arange(N))


def test_given_rows_come_first():
    given = RowReader(np.ones((4, 2))), np.zeros(4), np.array([1.0, 0.0, 1.0, 1.0])
    found = plan(given=given, cv=3)
    assert found.kind == "given"
    np.testing.assert_array_equal(found.parts[0][1], [0, 2, 3])
