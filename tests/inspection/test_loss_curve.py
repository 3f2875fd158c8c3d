"""Losses by epoch, as they are drawn."""

import numpy as np

from sklearn_sagemaker import load_artifact
from sklearn_sagemaker.inspection import LossCurveDisplay
from tests.inspection.test_candidates import drawn
from tests.inspection.test_displays import ARTIFACT


def test_curves_and_the_epoch_that_was_kept(models):
    model = models.steps
    display = LossCurveDisplay.from_estimator(model)
    points, best = (
        drawn(display.ax_),
        model.candidates_["best_epoch"][model.best_index_],
    )
    np.testing.assert_array_equal(points["training"][:, 1], model.loss_curve_)
    np.testing.assert_array_equal(points["validation"][:, 1], model.validation_curve_)
    assert points["validation"][:, 0].tolist() == list(range(1, model.n_iter_ + 1))
    assert points[f"kept: epoch {best}"].tolist() == [
        [best, model.validation_curve_.min()]
    ]
    others = sum(len(found) for name, found in points.items() if "others" in name)
    assert others == len(model.candidates_["params"]) - 1
    assert display.ax_.get_ylabel() == "mean loss (logistic)"


def test_how_the_others_ended_is_shown():
    display = LossCurveDisplay(
        loss_curve=np.array([2.0, 1.0, 0.5]),
        validation_curve=np.array([2.1, 1.2, 1.3]),
        best_epoch=2,
        others={
            "best_epoch": np.array([3, 1, 1]),
            "n_iter": np.array([3, 2, 2]),
            "validation_loss": np.array([1.5, 1.9, np.inf]),
            "status": np.array(["completed", "early_stopped", "diverged"]),
        },
    ).plot()
    points = drawn(display.ax_)
    assert points["others, to the end"].tolist() == [[3, 1.5]]
    assert points["others, stopped early"].tolist() == [[1, 1.9]]
    assert points["others, diverged"][0, 0] == 2
    assert display.ax_.get_ylim()[1] < 3


def test_what_was_solved_has_no_epochs_and_says_so(models):
    display = LossCurveDisplay.from_estimator(models.solved)
    (remark,) = (text.get_text() for text in display.ax_.texts)
    assert "Solved for its optimum (newton)" in " ".join(remark.split())
    assert f"validation: {models.solved.validation_curve_[0]:.4g}" in drawn(display.ax_)
    assert display.ax_.get_xlabel() == ""


def test_a_stream_says_that_it_is_one(models):
    display = LossCurveDisplay.from_estimator(models.stream)
    (remark,) = (text.get_text() for text in display.ax_.texts)
    assert "stream has no epochs" in " ".join(remark.split())


def test_curves_of_a_log_do_not_say_what_was_kept():
    # As a job of SageMaker's own image leaves it.
    model = load_artifact(ARTIFACT)
    model.loss_curve_ = np.array([0.5, 0.4, 0.3])
    model.validation_curve_ = np.array([0.6, 0.5, 0.55])
    assert "lowest: epoch 2" in drawn(LossCurveDisplay.from_estimator(model).ax_)
