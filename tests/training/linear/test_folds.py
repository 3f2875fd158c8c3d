"""Folds: the columns of each fit train as if alone on the rows of its fold."""

import numpy as np
import pytest
from sklearn.model_selection import (
    KFold,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.training.selection import validation

from ..conftest import FULL_BATCH, fit, linear_run, problem


def last_margins(run, number, X):
    """Margins of the columns of a fit after the last epoch, in the user's units."""
    block = run.blocks[0]
    columns = block.layout.columns_of(np.arange(1))[number, :, 0]
    W = block.layout.by_feature(block.W)[:, columns]
    shift, scale, _ = run.label_scaler[:, number]
    margins = (X @ W + block.bias[0, columns]) * scale + shift
    return margins * run.targets.unit + run.targets.origin


def as_masks(monkeypatch):
    monkeypatch.setattr(validation, "_partition", lambda splits, rows: None)


SPLITTERS = [
    ShuffleSplit(3, train_size=0.5, random_state=0),
    TimeSeriesSplit(3),
    RepeatedKFold(n_splits=2, n_repeats=2, random_state=0),
]


@pytest.mark.parametrize("cv", SPLITTERS)
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_fold_trains_like_a_fit_on_its_rows(optimizer, sparse, classes, cv):
    X, y = problem(90, sparse=sparse, classes=classes, noise=1.0)
    settings = {**FULL_BATCH, "optimizer": optimizer, "learning_rate": 0.05,
                "classes": classes, "epochs": 25}  # fmt: skip
    run = linear_run(X, y, cv=cv, **settings)
    run.train()
    assert run.plan.trains is not None
    # Adam blows up the rounding of a first gradient that should be zero.
    tolerance = 1e-6 if optimizer == "adam" else 1e-9
    everything = [(np.arange(len(y)), None), *cv.split(X, y)]
    for number, (rows, _) in enumerate(everything):
        alone = linear_run(X[rows], y[rows], cv=False, **settings)
        alone.train()
        found, wanted = last_margins(run, number, X), last_margins(alone, 0, X)
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
        assert np.ptp(wanted) > 0.1


@pytest.mark.parametrize("loss", [n for n, x in LOSSES.items() if x.parameter_scales])
def test_the_parameter_of_a_loss_is_in_the_units_of_y_in_every_fold(loss):
    """Though each fold divides its labels by a deviation of its own."""
    X, y = problem(90, classes=1, noise=1.0)
    y[60:] *= 10.0
    settings = {**FULL_BATCH, "optimizer": "sgd", "learning_rate": 0.05, "classes": 1,
                "epochs": 25, "loss": loss, LOSSES[loss].parameter: 5.0}  # fmt: skip
    cv = TimeSeriesSplit(2)
    run = linear_run(X, y, cv=cv, **settings)
    run.train()
    for number, (rows, _) in enumerate(cv.split(X), 1):
        alone = linear_run(X[rows], y[rows], cv=False, **settings)
        alone.train()
        np.testing.assert_allclose(
            last_margins(run, number, X), last_margins(alone, 0, X), rtol=1e-8
        )


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_partition_and_its_masks_end_at_the_same_models(monkeypatch, sparse, classes):
    """By other batches: one fold at a time, or all rows in each."""
    X, y = problem(120, sparse=sparse, classes=classes, noise=1.0)
    settings = {**FULL_BATCH, "optimizer": "sgd", "learning_rate": 0.1, "wd": 0.5,
                "bias_lr_mult": 2.0, "classes": classes, "epochs": 300,
                "cv": KFold(3)}  # fmt: skip
    runs = [linear_run(X, y, **settings)]
    as_masks(monkeypatch)
    runs.append(linear_run(X, y, **settings))
    for run in runs:
        run.train()
    assert [run.plan.trains is None for run in runs] == [True, False]
    for number in range(4):
        np.testing.assert_allclose(
            *(last_margins(run, number, X) for run in runs),
            rtol=0.0,
            atol=6e-3 * runs[0].targets.unit,
        )


@pytest.mark.parametrize("cv", [KFold(3), *SPLITTERS])
@pytest.mark.parametrize("classes", [1, 2, 3])
def test_the_loss_of_a_split_is_that_of_its_columns_on_its_test_rows(classes, cv):
    X, y = problem(90, classes=classes, noise=1.0)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 90)
    run = linear_run(X, y, weights, classes=classes, cv=cv, num_models=3, epochs=6)
    table = run.train().candidates
    splits = list(cv.split(X, y))
    names = [name for name in table if name.startswith("split")]
    assert len(names) == 2 * len(splits)
    losses, totals = np.zeros((2, len(splits), 3))
    for k, (_, test) in enumerate(splits):
        rows = np.sort(test)
        margins = run.blocks[0].best.best_margins(run.plan.reader, [(k + 1, rows)])
        margins = margins * run.targets.unit + run.targets.origin
        for model in range(3):
            f = margins[:, :, model] if classes == 3 else margins[:, 0, model]
            value = run.loss.value(f, y[rows])
            losses[k, model] = np.average(value, weights=weights[rows])
        totals[k] = weights[rows].sum()
        found = table[f"split{k}_validation_loss"]
        np.testing.assert_allclose(found, losses[k], rtol=1e-9)
        assert len(table[f"split{k}_validation_score"]) == 3
    np.testing.assert_allclose(
        table["validation_loss"], (losses * totals).sum(axis=0) / totals.sum(axis=0)
    )


def test_accuracy_of_a_split_is_that_at_the_threshold_of_all():
    X, y = problem(90, noise=1.0)
    run = linear_run(X, y, cv=SPLITTERS[0], num_models=3, epochs=6)
    table = run.train().candidates
    for k, (number, rows) in enumerate(run.plan.parts):
        margins = run.blocks[0].best.best_margins(run.plan.reader, [(number, rows)])[
            :, 0
        ]
        cuts = np.log(table["threshold"] / (1 - table["threshold"]))
        right = (margins > cuts) == (y[rows, None] > 0)
        np.testing.assert_allclose(
            table[f"split{k}_validation_score"], right.mean(axis=0)
        )


@pytest.mark.parametrize(
    "settings", [{"cv": False}, {"spec": {"validation_fraction": 0.2}}]
)
def test_without_folds_there_are_no_splits(settings):
    X, y = problem(90)
    table = fit(X, y, num_models=2, epochs=2, **settings).candidates
    assert not [name for name in table if name.startswith("split")]


def test_a_fold_without_rows_in_a_batch_trains_on():
    """The first of many small batches has no row of most folds."""
    X, y = problem(200, noise=0.5)
    cv = [(np.arange(k, k + 12), np.arange(100, 200)) for k in range(0, 60, 12)]
    state = fit(X, y, cv=cv, mini_batch_size=4, epochs=10, num_models=4)
    assert (state.candidates["status"] != "diverged").all()
    losses = [state.candidates[f"split{k}_validation_loss"] for k in range(5)]
    assert np.isfinite(losses).all()
    assert np.min(losses) < np.log(2)
