"""Models of a run: what they share is made once, in threads, and changes nothing."""

import threading

import numpy as np
import pytest

from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.factors import gradient, making, sweeps
from sklearn_sagemaker.training.factors.columns import ColumnStore

from .test_run import STORAGE, TASKS, factor_run, problem


def arrays(model):
    return model.bias, model.linear, model.factors


@STORAGE
@TASKS
def test_folds_start_from_a_copy_of_what_the_kept_model_starts_from(
    classes, sparse, monkeypatch
):
    drawn = []
    numbers = gradient.start_numbers

    def counted(rule, columns, width):
        drawn.append(width)
        return numbers(rule, columns, width)

    monkeypatch.setattr(gradient, "start_numbers", counted)
    X, y = problem(classes=classes, sparse=sparse)
    run = factor_run(X, y, classes=classes, cv=3, num_models=2, num_factors="auto")
    # Weights and factors of each candidate, whatever the folds.
    assert len(drawn) == 2 * 2
    for models in run.models:
        for other in models[1:]:
            for mine, theirs in zip(arrays(models[0]), arrays(other), strict=True):
                np.testing.assert_array_equal(mine, theirs)
                assert not np.shares_memory(mine, theirs)
            assert other.size == models[0].size > 0
    kept, other = (models[0].factors[:, 0] for models in run.models)
    assert not np.array_equal(kept[:, :4], other[:, :4])


def test_candidates_of_auto_start_alike(monkeypatch):
    X, y = problem(classes=2)
    run = factor_run(X, y, cv=3, num_models="auto", num_factors=4)
    kept = [models[0] for models in run.models]
    assert [model.k for model in kept] == [4, 4, 4, 0, 0]
    for model in kept[1:3]:
        np.testing.assert_array_equal(model.factors, kept[0].factors)
        assert not np.shares_memory(model.factors, kept[0].factors)
    assert all(len(models) == 4 for models in run.models)


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("classes", [1, 3])
def test_sampling_for_decays_runs_beside_the_stores(classes, jobs, monkeypatch):
    did = []

    def store(*given):
        did.append("store")
        return ColumnStore(*given)

    pilot = sweeps.pilot_of

    def sampled(*given, **more):
        did.append("pilot")
        return pilot(*given, **more)

    monkeypatch.setattr(sweeps, "ColumnStore", store)
    monkeypatch.setattr(sweeps, "pilot_of", sampled)
    X, y = problem(sparse=True, classes=classes)
    run = factor_run(X, y, classes=classes, cv=3, solver="als", num_models=2, jobs=jobs)
    # Once for each output: candidates differ in what becomes of it.
    outputs = 1 if classes == 1 else classes
    assert did.count("pilot") == outputs
    assert did.count("store") == 4
    assert did[0] == "store"
    if jobs == 1:
        assert did[1] == "pilot"
    run.train()
    assert did.count("pilot") == outputs


def test_stores_are_made_in_threads(monkeypatch):
    meeting = threading.Barrier(3, timeout=60)
    make = making.make_store

    def met(data, rows, scaler):
        if len(rows) < 240:
            meeting.wait()
        return make(data, rows, scaler)

    monkeypatch.setattr(making, "make_store", met)
    monkeypatch.setattr(Spread, "LONG", 0.0)
    X, y = problem(sparse=True, classes=1)
    factor_run(X, y, classes=1, cv=3, solver="mcmc", jobs=3)
