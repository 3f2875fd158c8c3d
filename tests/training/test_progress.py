"""Where candidates stand: best epochs, early stopping, divergence."""

import numpy as np

from sklearn_sagemaker.training.progress import Progress, summary


def record(progress, epoch, loss, active=None, parts=None, counted=True, patience=2,
           tolerance=0.1, train_loss=None):  # fmt: skip
    loss = np.asarray(loss, dtype=float)
    active = np.arange(len(loss)) if active is None else np.asarray(active)
    parts = np.vstack([loss, 2 * loss]) if parts is None else np.asarray(parts)
    train_loss = loss + 1 if train_loss is None else np.asarray(train_loss)
    with np.errstate(all="ignore"):  # as the run does: it belongs to the thread
        return progress.record(
            active,
            epoch,
            train_loss,
            loss,
            parts,
            counted=np.full(len(loss), counted),
            patience=patience,
            tolerance=tolerance,
        )


def test_nothing_trained_yet():
    progress = Progress.start(3, 2)
    assert progress.best_parts.shape == (2, 3)
    assert np.isnan(progress.best_parts).all()
    assert np.isinf(progress.best_loss).all()
    assert (progress.n_iter == 0).all()
    assert Progress.start(3).best_parts.shape == (1, 3)


def test_the_best_epoch_is_kept_with_the_losses_of_its_parts():
    progress = Progress.start(2, 2)
    better, gone = record(progress, 0, [3.0, 1.0])
    assert better.tolist() == [0, 1]
    better, gone = record(progress, 1, [2.0, 1.5], parts=[[7.0, 8.0], [9.0, 10.0]])
    assert better.tolist() == [0]
    assert len(gone) == 0
    np.testing.assert_array_equal(progress.best_loss, [2.0, 1.0])
    np.testing.assert_array_equal(progress.best_epoch, [1, 0])
    np.testing.assert_array_equal(progress.best_parts, [[7.0, 1.0], [9.0, 2.0]])
    np.testing.assert_array_equal(progress.train_curve, [[4.0, 2.0], [3.0, 2.5]])
    np.testing.assert_array_equal(progress.validation_curve, [[3.0, 1.0], [2.0, 1.5]])


def test_a_small_improvement_is_kept_but_does_not_count():
    progress = Progress.start(1, 2)
    assert record(progress, 0, [1.0])[1].tolist() == []
    assert record(progress, 1, [0.95])[0].tolist() == [0]
    better, gone = record(progress, 2, [0.91])
    assert (better.tolist(), gone.tolist()) == ([0], [0])
    assert progress.status[0] == "early_stopped"
    assert progress.n_iter[0] == 3
    assert progress.best_epoch[0] == 2


def test_small_improvements_add_up():
    progress = Progress.start(1, 2)
    for epoch, loss in enumerate([1.0, 0.95, 0.89, 0.85, 0.79]):
        assert record(progress, epoch, [loss])[1].tolist() == []


def test_epochs_that_do_not_count_do_not_stop():
    progress = Progress.start(1, 2)
    for epoch in range(10):
        assert record(progress, epoch, [1.0], counted=False)[1].tolist() == []
    assert record(progress, 10, [1.0])[1].tolist() == []
    assert record(progress, 11, [1.0])[1].tolist() == [0]


def test_candidates_that_are_gone_keep_what_they_had():
    progress = Progress.start(3, 2)
    record(progress, 0, [3.0, 2.0, 1.0])
    better, _ = record(progress, 1, [5.0, 0.5], active=[0, 2])
    assert better.tolist() == [1]  # a place among the active
    np.testing.assert_array_equal(progress.best_loss, [3.0, 2.0, 0.5])
    np.testing.assert_array_equal(progress.n_iter, [2, 1, 2])
    assert np.isnan(progress.validation_curve[1][1])
    np.testing.assert_array_equal(progress.best_parts[0], [3.0, 2.0, 0.5])


def test_what_is_not_finite_has_diverged():
    progress = Progress.start(3, 2)
    record(progress, 0, [1.0, 1.0, 1.0])
    better, gone = record(
        progress, 1, [np.nan, 0.5, 0.5], train_loss=[1.0, np.inf, 1.0]
    )
    assert better.tolist() == [2]
    assert gone.tolist() == [0, 1]
    assert progress.status.tolist() == ["diverged", "diverged", "completed"]
    np.testing.assert_array_equal(progress.best_loss, [1.0, 1.0, 0.5])


def test_a_loss_below_zero_improves_too():
    """Nothing divides by it, nor by zero."""
    progress = Progress.start(1, 2)
    for epoch, loss in enumerate([0.1, 0.0, -0.1, -0.2]):
        better, gone = record(progress, epoch, [loss], patience=1)
        assert (better.tolist(), gone.tolist()) == ([0], [])


def test_the_summary_is_of_the_best_candidate_even_after_it_stopped():
    progress = Progress.start(2)
    record(progress, 0, [1.0, 3.0], parts=[[1.0, 3.0]])
    record(progress, 1, [2.0], active=[1], parts=[[2.0]])
    found = summary([progress], 1, 1)
    losses = found.pop("train_losses"), found.pop("validation_losses")
    assert found == {"train_loss": 2.0, "validation_loss": 1.0, "n_active": 1}
    # What trains no longer has no loss.
    np.testing.assert_array_equal(losses, [[np.nan, 3.0], [np.nan, 2.0]])


def test_the_summary_is_of_all_blocks():
    first, second = Progress.start(1), Progress.start(2)
    record(first, 0, [1.0], parts=[[1.0]])
    for epoch in range(2):
        record(second, epoch, [3.0, 4.0 - epoch], parts=[[3.0, 4.0]])
    found = summary([first, second], 1, 2)
    np.testing.assert_array_equal(found["validation_losses"], [np.nan, 3.0, 3.0])
