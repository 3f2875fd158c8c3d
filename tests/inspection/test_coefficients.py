"""The largest coefficients, as they are drawn."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from sklearn_sagemaker import LinearLearnerRegressor
from sklearn_sagemaker.inspection import CoefficientsDisplay


def test_the_largest_come_first_with_their_names(models):
    model = models.regressor
    display = CoefficientsDisplay.from_estimator(model, max_features=2)
    order = np.argsort(-np.abs(model.coef_))[:2]
    assert display.feature_names.tolist() == models.X.columns[order].tolist()
    np.testing.assert_array_equal(display.coefficients[0, 0], model.coef_[order])
    ticks = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert ticks == display.feature_names.tolist()
    widths = [bar.get_width() for bar in display.ax_.patches]
    np.testing.assert_allclose(widths, model.coef_[order])
    assert "the 2 largest of 4" in display.ax_.get_xlabel()


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
def test_rows_make_units_comparable(models, make):
    X = make(models.X.to_numpy())
    model = LinearLearnerRegressor(random_state=0, num_models=1, cv=False)
    model.fit(X, models.score)
    display = CoefficientsDisplay.from_estimator(
        model, X=X, feature_names=models.X.columns
    )
    # b is a thousand times larger, and its coefficient a thousand times smaller.
    assert display.feature_names[:2].tolist() == ["a", "b"]
    expected = model.coef_[:2] * models.X.std(ddof=0).to_numpy()[:2]
    np.testing.assert_allclose(display.coefficients[0, 0, :2], expected, rtol=1e-6)


def test_the_spread_over_folds_is_that_of_the_fits(models):
    found = cross_validate(
        LinearLearnerRegressor(random_state=0, num_models=1), models.X, models.score,
        cv=3, return_estimator=True,
    )  # fmt: skip
    display = CoefficientsDisplay.from_cv_results(found)
    fits = np.stack([one.coef_ for one in found["estimator"]])
    order = np.argsort(-np.abs(fits.mean(axis=0)), kind="stable")
    np.testing.assert_array_equal(display.coefficients[:, 0], fits[:, order])
    (lines,) = display.ax_.collections
    ends = np.array([segment[:, 0] for segment in lines.get_segments()])
    np.testing.assert_allclose(ends[:, 0], fits.min(axis=0)[order])
    np.testing.assert_allclose(ends[:, 1], fits.max(axis=0)[order])
    with pytest.raises(ValueError, match="return_estimator=True"):
        CoefficientsDisplay.from_cv_results({"test_score": [1]})


def test_classes_have_marks_of_their_own(models):
    model = models.several
    display = CoefficientsDisplay.from_estimator(model, labels=[2, 0])
    assert display.labels == [2, 0]
    place = list(models.X.columns).index(display.feature_names[0])
    np.testing.assert_array_equal(
        display.coefficients[0, :, 0], model.coef_[[2, 0], place]
    )
    assert display.unit == "coefficient, 2 of 3 classes"
    with pytest.raises(ValueError, match="labels has 7, which"):
        CoefficientsDisplay.from_estimator(model, labels=[7])
    with pytest.raises(ValueError, match="labels has 9 classes"):
        CoefficientsDisplay.from_estimator(model, labels=[0] * 9)


def test_names_are_those_of_the_steps_before(models):
    pipe = make_pipeline(PolynomialFeatures(), LinearLearnerRegressor(cv=False))
    pipe.fit(models.X, models.score)
    display = CoefficientsDisplay.from_estimator(pipe, X=models.X)
    assert display.feature_names[0] == "a"
    assert "a b" in display.feature_names


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"feature_names": ["a"]}, "4 features"),
        ({"max_features": 0}, "max_features=0"),
        ({"X": pd.DataFrame({"a": [1.0, 2.0]})}, "feature names should match"),
    ],
)
def test_bad_arguments_are_refused(models, more, message):
    with pytest.raises(ValueError, match=message):
        CoefficientsDisplay.from_estimator(models.regressor, **more)
