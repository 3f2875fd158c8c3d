"""The training run: stopping, dropping, snapshots, memory of the best epoch."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._state import TrainingData, TrainingSpec
from sklearn_sagemaker.exceptions import (
    AllCandidatesDivergedError,
    CandidateDivergedWarning,
)
from sklearn_sagemaker.training import linear_run
from sklearn_sagemaker.training.linear_run import LinearRun, train_linear

from .conftest import hyperparameters


def run(X, y, weights=None, kind="binary_classifier", n_classes=2, cv="auto", jobs=None,
        monitor=None, **changed):  # fmt: skip
    weights = np.ones(len(y)) if weights is None else weights
    spec = TrainingSpec(
        "linear-learner", kind, hyperparameters(**changed), n_classes, cv, n_jobs=jobs
    )
    return train_linear(spec, TrainingData(X, y, weights), monitor)


def test_early_stopping_counts_relative_improvements():
    X, y = problem()
    state = run(
        X, y, early_stopping_patience=2, early_stopping_tolerance=0.5, epochs=50
    )
    assert (state.candidates["status"] == "early_stopped").all()
    assert state.candidates["n_iter"].max() < 50


def test_patience_beyond_the_epochs_switches_early_stopping_off():
    X, y = problem()
    state = run(X, y, early_stopping_patience=1000, epochs=20)
    assert (state.candidates["n_iter"] == 20).all()
    assert (state.candidates["status"] == "completed").all()


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_dropping_candidates_leaves_the_others_as_they_were(sparse, classes):
    """Whether neighbours stop or not, a candidate takes the same path."""
    X, y = problem(sparse=sparse, classes=classes)
    kind = "binary_classifier" if classes == 2 else "multiclass_classifier"
    curves = []
    for patience in (1000, 1):
        spec = TrainingSpec(
            "linear-learner",
            kind,
            hyperparameters(
                epochs=12,
                early_stopping_patience=patience,
                early_stopping_tolerance=0.02,
            ),
            classes,
        )
        training = LinearRun(spec, TrainingData(X, y, np.ones(len(y))))
        training.train()
        curve = np.concatenate(
            [
                np.pad(
                    np.array(progress.validation_curve),
                    ((0, 12 - len(progress.validation_curve)), (0, 0)),
                    constant_values=np.nan,
                )
                for progress in training.progress
            ],
            axis=1,
        )
        curves.append(curve)
    full, dropped = curves
    lengths = np.isfinite(dropped).sum(axis=0)
    assert lengths.min() < lengths.max()
    seen = np.isfinite(dropped)
    np.testing.assert_allclose(dropped[seen], full[seen], rtol=1e-9)


def test_the_weights_kept_are_those_of_the_best_epoch():
    X, y = problem(n=40)
    spec = TrainingSpec(
        "linear-learner",
        "binary_classifier",
        hyperparameters(epochs=60, learning_rate=0.5, use_lr_scheduler=False,
                        binary_classifier_model_selection_criteria="loss_function",
                        early_stopping_patience=1000, num_models=4),
    )  # fmt: skip
    training = LinearRun(spec, TrainingData(X, y, np.ones(len(y))))
    state = training.train()
    curve = state.validation_curve
    assert state.candidates["best_epoch"][state.best_index] == np.argmin(curve) + 1
    assert -state.best_score == pytest.approx(curve.min())
    # Scoring the snapshot again gives the loss that was recorded.
    block = training.blocks[0]
    margins = block.best_scores(
        training.plan.reader, training.plan.parts, state.best_index, len(y)
    )[:, 0]
    loss = np.mean(np.logaddexp(0, np.where(y > 0, -margins, margins)))
    assert loss == pytest.approx(curve.min(), rel=1e-6)


def test_folds_score_rows_that_they_did_not_see():
    """Noise labels: out-of-fold loss stays near ln 2 where training loss does not."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 40)), rng.integers(0, 2, 60).astype(float)
    state = run(X, y, epochs=100, num_models=4, wd=0.0, l1=0.0,
                early_stopping_patience=1000)  # fmt: skip
    assert state.loss_curve[-1] < 0.4
    assert state.validation_curve[-1] > 0.69


def test_all_diverged_says_what_to_do():
    X, y = problem()
    X = X * np.array([1e8, 1, 1, 1, 1, 1])
    with pytest.raises(AllCandidatesDivergedError, match="feature 0.*normalize_data"):
        run(X, y, kind="regressor", normalize_data=False, optimizer="sgd",
            learning_rate=1.0, epochs=50)  # fmt: skip


def test_rates_of_the_grid_may_diverge_in_silence():
    X, y = problem()
    state = run(X * 30, y, kind="regressor", normalize_data=False, optimizer="sgd",
                epochs=50)  # fmt: skip
    diverged = state.candidates["status"] == "diverged"
    assert diverged.any()
    assert not diverged.all()
    assert not diverged[state.best_index]
    assert np.isfinite(state.coef).all()


def test_a_rate_of_the_user_that_diverges_for_some_warns():
    rng = np.random.default_rng(0)
    one, main = rng.normal(size=(2, 300))
    # Forty equal columns: too steep for the rate unless the floor shrinks them.
    X = np.c_[np.repeat(1e-3 * one[:, None], 40, axis=1), main]
    with pytest.warns(CandidateDivergedWarning, match="of 8 candidate"):
        state = run(X, main, kind="regressor", optimizer="sgd", learning_rate=0.1,
                    epochs=50)  # fmt: skip
    diverged = state.candidates["status"] == "diverged"
    np.testing.assert_array_equal(
        diverged, state.candidates["param_scaling"] == "standard"
    )


def test_the_monitor_sees_each_epoch_and_can_stop():
    X, y = problem()
    seen = []

    def monitor(epoch, epochs, losses):
        seen.append((epoch, epochs, losses["validation_loss"]))
        return epoch == 4

    state = run(X, y, monitor=monitor, epochs=20)
    assert [entry[0] for entry in seen] == list(range(5))
    assert state.n_iter <= 5


def test_blocks_and_threads_do_not_change_the_result():
    X, y = problem(classes=3)
    shared = dict(kind="multiclass_classifier", n_classes=3, epochs=6)
    states = [run(X, y, **shared, jobs=jobs) for jobs in (1, 2, 8)]
    for state in states[1:]:
        np.testing.assert_array_equal(state.coef, states[0].coef)
        np.testing.assert_array_equal(
            state.candidates["validation_loss"],
            states[0].candidates["validation_loss"],
        )


def test_unbiasing_sparse_rows_equals_dense_rows():
    X, y = problem(sparse=True)
    shared = dict(num_models=4, epochs=10, normalize_data=True, unbias_data=True)
    sparse, dense = run(X, y, **shared), run(X.toarray(), y, **shared, l1="auto")
    # The grids of sparse and dense rows differ: compare one fixed candidate.
    shared |= dict(learning_rate=0.03, wd=1e-3, l1=1e-3)
    sparse, dense = run(X, y, **shared), run(X.toarray(), y, **shared)
    np.testing.assert_allclose(sparse.coef, dense.coef, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(sparse.intercept, dense.intercept, rtol=1e-6)


def test_initial_weights_and_bias():
    X, y = problem()
    shared = dict(epochs=1, num_models=1, learning_rate=1e-12)
    zero = run(X, y, **shared)
    assert np.abs(zero.coef).max() < 1e-6
    uniform = run(X, y, **shared, init_method="uniform", init_scale=0.5)
    assert 0.05 < np.abs(uniform.coef).max() <= 0.5 * 1.5
    normal = run(X, y, **shared, init_method="normal", init_sigma=0.5, init_bias=3.0)
    assert np.abs(normal.coef).max() > 0.05
    centre = normal.coef[0] @ X.mean(axis=0)
    assert normal.intercept[0] + centre == pytest.approx(3.0, abs=1e-6)


def test_a_block_is_bounded_in_columns():
    X, y = problem(n=2000, classes=3)
    spec = TrainingSpec(
        "linear-learner", "multiclass_classifier", hyperparameters(epochs=1), 3
    )
    training = LinearRun(spec, TrainingData(X, y, np.ones(len(y))))
    assert len(training.blocks) > 1
    for block in training.blocks:
        assert block.used <= linear_run.BLOCK_COLUMNS
