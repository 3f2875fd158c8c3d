"""Going on from the state of an earlier run."""

import pickle
from contextlib import ExitStack

import numpy as np
import pytest
from sklearn.model_selection import KFold, ShuffleSplit

from sklearn_sagemaker._kernels import (
    LINEAR_CHOICES,
    LINEAR_OPTIMIZERS,
    OPTIMIZERS,
)
from sklearn_sagemaker.training.linear.resume import merge_states
from sklearn_sagemaker.training.linear.steps import LinearSteps

from ..conftest import fit, linear_run, problem

ARRAYS = ("weights", "states", "bias", "steps", "counts")
KEEP = {"spec": {"keep_state": True}}


def go_on(X, y, resume, **settings):
    """A run that goes on, before its first epoch."""
    run = linear_run(X, y, spec={"resume": resume, "keep_state": True}, **settings)
    with ExitStack() as teams:
        run.blocks = LinearSteps(run, teams, None).blocks
    return run


CASES = [
    # dense, one block of a few columns; of many; several blocks; with folds
    {"num_models": 1, "cv": False},
    {"num_models": 32, "cv": False},
    {"num_models": 40, "cv": KFold(4)},
    {"num_models": 5, "cv": ShuffleSplit(2, random_state=0)},
]


@pytest.mark.parametrize("settings", CASES)
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("optimizer", LINEAR_CHOICES)
@pytest.mark.parametrize("sparse", [False, True])
def test_the_state_is_that_of_all_candidates(sparse, optimizer, classes, settings):
    """Of those that stopped early, too."""
    X, y = problem(100, sparse=sparse, classes=classes, noise=1.0)
    settings = {
        **settings,
        "classes": classes,
        "optimizer": optimizer,
        "epochs": 6,
        "early_stopping_patience": 1,
        "early_stopping_tolerance": 0.02,
    }
    state = fit(X, y, **settings, **KEEP)
    resume = pickle.loads(pickle.dumps(state.resume))
    n_fits = 1 + len([name for name in state.candidates if "split" in name]) // 2
    n_models = len(state.candidates["status"])
    columns = (n_fits, 3 if classes == 3 else 1, n_models)
    assert resume["weights"].shape == (X.shape[1], *columns)
    n_states = OPTIMIZERS[optimizer].n_states
    assert resume["states"].shape == (n_states, X.shape[1], *columns)
    assert resume["bias"].shape == (3, *columns)
    per_epoch = resume["steps"][0, 0] / state.candidates["n_iter"]
    assert (per_epoch == per_epoch[0]).all()  # as many steps as it had epochs
    if settings["num_models"] >= 32:
        assert len(set(state.candidates["n_iter"])) > 1
    again = merge_states(go_on(X, y, resume, **settings).blocks)
    for name in ARRAYS:
        np.testing.assert_array_equal(again[name], resume[name])


@pytest.mark.parametrize("cv", [False, ShuffleSplit(2, random_state=0)])
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("optimizer", LINEAR_OPTIMIZERS)
@pytest.mark.parametrize("sparse", [False, True])
def test_two_runs_are_as_one_of_all_their_epochs(sparse, optimizer, classes, cv):
    """Bit for bit, at a constant rate and with batches of the same size."""
    X, y = problem(80, sparse=sparse, classes=classes, noise=1.0)
    settings = {
        "classes": classes,
        "cv": cv,
        "optimizer": optimizer,
        "num_models": 6,
        "use_lr_scheduler": False,
        "mini_batch_size": 16,
        "early_stopping_patience": 1000,
    }
    if optimizer == "momentum":
        settings |= {"optimizer": "sgd", "momentum": 0.7}
    long = linear_run(X, y, epochs=8, **settings, **KEEP)
    whole = long.train().resume
    first = fit(X, y, epochs=3, **settings, **KEEP).resume
    saved = {name: first[name].copy() for name in ARRAYS}
    spec = {"keep_state": True, "resume": first}
    short = linear_run(X, y, epochs=5, **settings, spec=spec)
    second = short.train().resume
    for name in ARRAYS:
        np.testing.assert_array_equal(second[name], whole[name])
        np.testing.assert_array_equal(first[name], saved[name])
    assert second["epochs"] == whole["epochs"] == 8
    curves = [run.progress[0].train_curve for run in (long, short)]
    np.testing.assert_array_equal(curves[0][3:], curves[1])


def test_scalers_are_those_of_the_first_run():
    X, y = problem(100, classes=1)
    settings = {"classes": 1, "cv": KFold(3), "num_models": 4, "epochs": 2}
    first = fit(X, y, **settings, **KEEP).resume
    run = go_on(10 * X + 3, 5 * y - 1, first, **settings)
    assert run.statistics.present is None
    found = run.statistics.mean, run.statistics.deviation
    np.testing.assert_array_equal(found, first["statistics"][:2])
    assert (run.targets.origin, run.targets.unit) == first["labels"][:2]
    # What the user set is as it was: what the first run chose is told apart.
    assert run.settings.values["unbias_data"] == "auto"
    assert run.statistics.centred == first["shifted"]
    np.testing.assert_array_equal(run.label_scaler[:2], first["labels"][2:])


def test_more_training_is_better():
    X, y = problem(300, classes=1, noise=1.0)
    settings = {"classes": 1, "epochs": 3, "learning_rate": 0.003, "cv": 3}
    first = fit(X, y, **settings, **KEEP)
    second = fit(X, y, **settings, spec={"resume": first.resume})
    assert second.best_score > first.best_score
    assert second.loss_curve[0] < first.loss_curve[0]


def test_a_block_whose_models_have_all_stopped_goes_on_from_a_checkpoint():
    """Its arrays are those of the models that trained last, which are narrower."""
    X, y = problem(100)

    def made():
        run = linear_run(X, y, cv=False, optimizer="adam", num_models=10, **KEEP)
        with ExitStack() as teams:
            return LinearSteps(run, teams, None).blocks[0]

    block, other = made(), made()
    for stopped in (8, 2):
        block.drop(np.arange(stopped))
    other.continue_from(block.checkpoint())
    found = other.state()
    for name, values in block.state().items():
        np.testing.assert_array_equal(found[name], values, name)


def test_a_state_is_kept_only_if_asked_for():
    X, y = problem(100)
    assert fit(X, y, num_models=1, epochs=1).resume is None


CHANGES = {
    "features": ({}, "5 features, the one that it is to continue has 6"),
    "folds": ({"cv": KFold(4)}, "4 folds, .* had 3"),
    "no folds": ({"cv": False}, "0 folds, .* had 3"),
    "candidates": ({"num_models": 3}, "3 candidates, .* has 4"),
    "optimizer": ({"optimizer": "sgd"}, "optimizer='sgd' cannot continue .* 'adam'"),
    "storage": ({}, "sparse"),
    "classes": ({"classes": 2}, "1 classes, .* has 3"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_does_not_fit_the_state_is_refused(name):
    X, y = problem(100, classes=3)
    settings = {"classes": 3, "cv": KFold(3), "num_models": 4, "epochs": 1}
    resume = fit(X, y, **settings, **KEEP).resume
    changed, message = CHANGES[name]
    if name == "classes":
        y = y % 2
    elif name == "features":
        X = X[:, :5]
    elif name == "storage":
        X, _ = problem(100, sparse=True)
    with pytest.raises(ValueError, match=message):
        fit(X, y, **{**settings, **changed}, spec={"resume": resume})
