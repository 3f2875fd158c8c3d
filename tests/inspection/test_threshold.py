"""Figures at all thresholds, by scikit-learn's metrics."""

import numpy as np
import pytest
from sklearn import metrics

from sklearn_sagemaker import LinearLearnerClassifier
from sklearn_sagemaker.inspection import ThresholdDisplay
from tests.inspection.test_candidates import drawn


def test_curves_are_scikit_learns_metrics():
    rng = np.random.default_rng(0)
    y, weights = rng.integers(0, 2, 60), rng.uniform(0, 2, 60)
    weights[:5] = 0
    scores = (y + rng.normal(size=60)).round(1)
    display = ThresholdDisplay.from_predictions(
        y, scores, sample_weight=weights, beta=2.0
    )
    assert display.n_rows == 55
    np.testing.assert_array_equal(display.thresholds, np.unique(scores[5:]))
    for threshold in [*display.thresholds, 0.123, -9]:
        called = scores >= threshold
        found = display.at(threshold)
        more = {"sample_weight": weights}
        assert found["precision"] == pytest.approx(
            metrics.precision_score(y, called, **more)
        )
        assert found["recall"] == pytest.approx(metrics.recall_score(y, called, **more))
        assert found["f"] == pytest.approx(
            metrics.fbeta_score(y, called, beta=2, **more)
        )
        assert found["accuracy"] == pytest.approx(
            metrics.accuracy_score(y, called, **more)
        )
    assert np.isnan(display.at(99)["recall"])


def test_the_calibrated_point_and_its_target(models):
    model = models.target
    display = ThresholdDisplay.from_estimator(model, models.X, models.y)
    called = model.predict(models.X) == "yes"
    recall = metrics.recall_score(models.y == "yes", called)
    assert display.at(model.threshold_)["recall"] == pytest.approx(recall)
    assert display.target == ("recall", 0.9)
    points = drawn(display.ax_)
    assert points[f"threshold {model.threshold_:.4g}"][0, 0] == model.threshold_
    assert points["target: recall 0.9"][0, 1] == 0.9
    assert (
        display.ax_.get_xlabel() == "threshold on the probability of yes, on 120 rows"
    )
    assert f"recall {recall:.3f}" in points


def test_scores_without_probabilities(models):
    model = LinearLearnerClassifier(loss="hinge_loss", cv=False, random_state=0)
    model.fit(models.X, models.y)
    display = ThresholdDisplay.from_estimator(model, models.X, models.y)
    right = np.mean(model.predict(models.X) == models.y)
    assert display.at(model.threshold_)["accuracy"] == pytest.approx(right)
    assert "score of yes" in display.ax_.get_xlabel()


def test_many_rows_are_drawn_by_few_points():
    scores = np.linspace(0, 1, 10_000)
    display = ThresholdDisplay.from_predictions(scores > 0.3, scores)
    assert len(display.thresholds) == 10_000
    assert len(drawn(display.ax_)["recall"]) == 2000


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((["a", "b"], [0.1, 0.2]), "say which one is positive"),
        (([0, 1], [0.1, np.nan]), "not finite"),
        (([0, 1], [0.1, 0.2, 0.3]), "inconsistent"),
    ],
)
def test_bad_predictions_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        ThresholdDisplay.from_predictions(*given)


def test_rows_without_weight_are_refused():
    with pytest.raises(ValueError, match="weight"):
        ThresholdDisplay.from_predictions([0, 1], [0.1, 0.2], sample_weight=[0.0, 0.0])


def test_others_have_no_threshold(models):
    with pytest.raises(ValueError, match="LinearLearnerRegressor has no threshold"):
        ThresholdDisplay.from_estimator(models.regressor, models.X, models.score)
