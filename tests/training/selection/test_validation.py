"""On which rows the candidates are scored."""

import numpy as np
import pytest
from sklearn.model_selection import (
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.estimators._folds import row_numbers
from sklearn_sagemaker.training.selection.validation import CV_BUDGET, plan_validation

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
        cv=row_numbers(cv, y, weights, stratify),
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
    assert found.n_fits == len(found.train) + 1


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
    assert found.n_fits == 1


@pytest.mark.parametrize("as_iterable", [False, True])
def test_one_split(as_iterable):
    """Its test rows validate, and the model that is kept trains on all rows."""
    splitter = ShuffleSplit(1, test_size=15, random_state=0)
    train, test = next(splitter.split(np.zeros(N)))
    found = plan(cv=[(train, test)] if as_iterable else splitter)
    assert found.kind == "folds"
    assert found.n_fits == 2
    ((group, part),) = found.parts
    assert group == 1
    np.testing.assert_array_equal(part, np.sort(test))
    rows = np.arange(N)
    np.testing.assert_array_equal(found.train_rows, rows)
    np.testing.assert_array_equal(found.trained_by(0, rows), rows)
    np.testing.assert_array_equal(found.trained_by(1, rows), np.sort(train))


def test_folds_that_leave_rows_out_train_on_what_they_name():
    """As those of a time series with a gap: their tests alone are a partition."""
    rows = np.arange(N)
    splits = [
        (np.setdiff1d(rows, np.r_[test, test.max() + 1 : test.max() + 4]), test)
        for test in np.split(rows, 3)
    ]
    found = plan(cv=splits)
    assert found.trains is not None
    for number, (train, test) in enumerate(splits, 1):
        np.testing.assert_array_equal(found.trained_by(number, rows), train)
        np.testing.assert_array_equal(found.parts[number - 1][1], test)


def test_a_hold_out_of_no_row_leaves_the_training_rows():
    found = plan(np.arange(4) % 2, fraction=0.1)
    assert found.kind == "training"
    np.testing.assert_array_equal(found.train_rows, np.arange(4))


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


def assert_masks(found, splits, rows=None):
    """Each group trains and scores what its split says, the refit all rows."""
    rows = np.arange(N) if rows is None else rows
    assert found.kind == "folds"
    assert found.n_fits == len(splits) + 1
    np.testing.assert_array_equal(found.train_rows, rows)
    assert len(found.train) == 1
    assert found.trains.dtype == np.uint8
    np.testing.assert_array_equal(np.flatnonzero(found.trains[:, 0]), rows)
    np.testing.assert_array_equal(found.trained_by(0, rows), rows)
    for k, ((train, test), (group, part)) in enumerate(
        zip(splits, found.parts, strict=True), 1
    ):
        assert group == k
        np.testing.assert_array_equal(part, np.sort(test))
        np.testing.assert_array_equal(
            np.flatnonzero(found.trains[:, k]), np.sort(train)
        )
        np.testing.assert_array_equal(found.trained_by(k, rows), np.sort(train))


GROUPS = np.arange(N) % 4
OVERLAPPING = {
    "shuffled": ShuffleSplit(3, random_state=0),
    "leaves rows out": ShuffleSplit(2, train_size=0.4, test_size=0.2, random_state=0),
    "repeated": RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    "in time": TimeSeriesSplit(4),
    "predefined": PredefinedSplit(np.where(np.arange(N) % 3, -1, 0)),
    "one split": [([0, 2, 5], [1, 3])],
    "the wrong way round": [(b, a) for a, b in KFold(3).split(np.zeros(N))],
}


@pytest.mark.parametrize("name", OVERLAPPING)
def test_folds_that_are_no_partition_become_masks(name):
    cv = OVERLAPPING[name]
    splits = cv if isinstance(cv, list) else list(cv.split(np.zeros(N)))
    assert_masks(plan(cv=cv), splits)
    assert_masks(plan(cv=iter(splits)), splits)


@pytest.mark.parametrize("cv", [PredefinedSplit(GROUPS), LeaveOneOut()])
def test_predefined_folds_that_are_a_partition_need_no_masks(cv):
    found = plan(cv=cv)
    assert_partition(found, np.arange(N))
    assert found.trains is None


def test_groups_come_as_a_list_of_splits():
    splits = list(LeaveOneGroupOut().split(np.zeros(N), groups=GROUPS))
    found = plan(cv=splits)
    assert_partition(found, np.arange(N))
    for k, fold in enumerate(found.train):
        np.testing.assert_array_equal(fold, np.flatnonzero(k == GROUPS))
        kept = np.flatnonzero(k != GROUPS)
        np.testing.assert_array_equal(found.trained_by(k + 1, np.arange(N)), kept)


def test_splits_may_be_boolean_and_count_from_the_end():
    held = np.arange(N) < 10
    found = plan(cv=[(~held, held), (np.arange(-20, 0), [0, -21])])
    assert_masks(
        found, [(np.arange(10, N), np.arange(10)), (np.arange(40, N), [0, 39])]
    )


def test_masks_leave_out_rows_of_zero_weight():
    weights = np.ones(N)
    weights[::4] = 0.0
    alive = np.flatnonzero(weights)
    cv = ShuffleSplit(3, random_state=0)
    splits = [(alive[a], alive[b]) for a, b in cv.split(np.zeros(len(alive)))]
    assert_masks(plan(weights=weights, cv=cv), splits, alive)
    named = list(cv.split(np.zeros(N)))
    kept = [(np.intersect1d(a, alive), np.intersect1d(b, alive)) for a, b in named]
    assert_masks(plan(weights=weights, cv=named), kept, alive)


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        ([], "makes no split"),
        ([([0, 1], [])], r"Split 0 .* 2 training and 0 test rows"),
        ([([0], [1]), ([], [1])], r"Split 1 .* 0 training and 1 test rows"),
        ([([0, 1], [N])], f"does not have .*{N}"),
        ([(np.ones(N + 1, dtype=bool), [0])], "row numbers of this X"),
    ],
)
def test_splits_that_cannot_be_used_are_refused(cv, message):
    with pytest.raises(ValueError, match=message):
        plan(cv=cv)


def test_splits_without_rows_of_weight_are_refused():
    weights = np.ones(N)
    weights[:10] = 0.0
    with pytest.raises(ValueError, match="50 training and 0 test rows"):
        plan(weights=weights, cv=[(np.arange(10, N), np.arange(10))])


def test_false_selects_on_the_training_rows():
    found = plan(cv=False)
    assert found.kind == "training"
    np.testing.assert_array_equal(found.parts[0][1], np.arange(N))


def test_given_rows_come_first():
    given = RowReader(np.ones((4, 2))), np.zeros(4), np.array([1.0, 0.0, 1.0, 1.0])
    found = plan(given=given, cv=3)
    assert found.kind == "given"
    np.testing.assert_array_equal(found.parts[0][1], [0, 2, 3])
