"""The grid of candidates."""

import numpy as np
import pytest

from sklearn_sagemaker._kernels import LINEAR_CHOICES
from sklearn_sagemaker.training.linear.candidates import PARAMETERS, make_candidates

from ..conftest import hyperparameters


def resolved(**changed):
    return hyperparameters(optimizer="adam", **changed)


def rows(candidates):
    return [tuple(sorted(candidates.params(i).items())) for i in range(len(candidates))]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("optimizer", LINEAR_CHOICES)
def test_auto_gives_32_distinct_candidates(optimizer, sparse):
    candidates = make_candidates(hyperparameters(optimizer=optimizer), sparse)
    assert len(candidates) == 32
    assert len(set(rows(candidates))) == 32


@pytest.mark.parametrize("n", [1, 2, 7, 31, 64, 100])
def test_as_many_as_asked_for(n):
    candidates = make_candidates(resolved(num_models=n), False)
    assert len(candidates) == n
    assert len(set(rows(candidates))) == n


@pytest.mark.parametrize(
    ("name", "value"),
    [("learning_rate", 0.07), ("wd", 0.5), ("l1", 0.25), ("lr_scheduler_step", 33)],
)
def test_what_the_user_fixes_is_fixed_in_all(name, value):
    candidates = make_candidates(resolved(**{name: value}), False)
    assert (getattr(candidates, name) == value).all()
    assert len(set(rows(candidates))) == len(candidates) > 1


@pytest.mark.parametrize(("value", "kind"), [(True, "standard"), (False, "none")])
def test_normalize_data_fixes_the_scaling(value, kind):
    candidates = make_candidates(resolved(normalize_data=value), True)
    assert set(candidates.scaling) == {kind}


def test_all_fixed_leaves_one():
    values = resolved(
        learning_rate=0.1, wd=0.0, l1=0.0, normalize_data=True, num_models=32
    )
    assert len(make_candidates(values, False)) == 1


def test_take_keeps_rows_together():
    candidates = make_candidates(resolved(), False)
    some = candidates.take(np.array([5, 2]))
    assert some.params(0) == candidates.params(5)
    assert len(some) == 2
    assert set(candidates.params(0)) <= set(PARAMETERS)
