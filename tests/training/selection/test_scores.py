"""Scores of all candidates: the same whoever computes them."""

import threading
from unittest.mock import patch

import numpy as np
import pytest

from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.selection import scores

from ..conftest import fit, problem

STEPS = {"optimizer": "adam", "epochs": 3, "num_models": 5}


@pytest.mark.parametrize("name", ["of_two_classes", "of_more"])
@pytest.mark.parametrize("cv", [False, "auto"])
def test_threads_share_the_candidates_and_change_no_bit(name, cv):
    classes = 2 if name == "of_two_classes" else 3
    X, y = problem(classes=classes, noise=1.0)
    settings = {**STEPS, "cv": cv, "classes": classes}
    if classes > 2:
        settings["spec"] = {"multiclass_criterion": "accuracy"}
    score, found = getattr(scores, name), {}
    for jobs, least in ((1, 0), (2, 0), (2, 10**9)):
        workers, shared = [], jobs > 1 and not least
        both = threading.Barrier(2)

        def seen(*args, workers=workers, shared=shared, both=both):
            workers.append(threading.get_ident())
            if shared and len(workers) <= 2:
                both.wait(60)
            return score(*args)

        with (
            patch.object(scores, name, seen),
            patch.object(scores, "SHARED_MARGINS", least),
            patch.object(Spread, "LONG", 0.0),
        ):
            found[jobs, least] = fit(X, y, jobs=jobs, **settings)
        assert len(workers) == 5
        assert len(set(workers)) == 1 + shared
    first, *others = found.values()
    for state in others:
        np.testing.assert_array_equal(state.coef, first.coef)
        assert state.threshold == first.threshold
        assert set(state.candidates) == set(first.candidates)
        for column, values in first.candidates.items():
            np.testing.assert_array_equal(state.candidates[column], values)


def test_the_score_of_a_part_is_that_of_its_rows():
    X, y = problem(classes=3, noise=1.0)
    spec = {"multiclass_criterion": "accuracy"}
    table = fit(X, y, classes=3, spec=spec, **STEPS).candidates
    of_parts = [table[f"split{part}_validation_score"] for part in range(5)]
    # Five folds of 60 rows.
    np.testing.assert_allclose(np.mean(of_parts, axis=0), table["validation_score"])
    assert len(np.unique(of_parts)) > 3
