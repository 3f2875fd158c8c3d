"""Items in the plane of their factors."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from sklearn_sagemaker import FactorizationMachinesRegressor
from sklearn_sagemaker.inspection import FactorsDisplay


def test_points_are_principal_components_of_the_factors(models):
    model = models.factors
    display = FactorsDisplay.from_estimator(model)
    pca = PCA(2).fit(model.factors_.astype(np.float64))
    expected = pca.transform(model.factors_.astype(np.float64))
    np.testing.assert_allclose(np.abs(display.points), np.abs(expected), atol=1e-8)
    np.testing.assert_allclose(display.share, pca.explained_variance_ratio_)
    assert display.names.tolist() == ["a", "c", "d"]
    (marks,) = (line for line in display.ax_.lines if line.get_marker() == "o")
    np.testing.assert_array_equal(marks.get_xydata(), display.points)


def test_items_have_names_of_the_user(models):
    display = FactorsDisplay.from_estimator(
        models.factors, ["d", "a"], names=["Delta", "Alpha"]
    )
    # Two items differ in one direction only.
    np.testing.assert_allclose(display.points[:, 1], 0, atol=1e-12)
    assert {text.get_text() for text in display.ax_.texts} == {"Delta", "Alpha"}
    one_each = models.X[["a", "c", "d"]].iloc[:2] * 0
    one_each.iloc[0, 2] = one_each.iloc[1, 0] = 1
    rows = FactorsDisplay.from_estimator(models.factors, one_each)
    np.testing.assert_allclose(rows.points, display.points)
    assert rows.names.tolist() == ["row 0", "row 1"]


def test_names_cover_no_other_name():
    rng = np.random.default_rng(0)
    names = np.array([f"item {number}" for number in range(300)], dtype=object)
    display = FactorsDisplay(points=rng.normal(size=(300, 2)), names=names).plot()
    assert 5 <= len(display.ax_.texts) <= 12
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.texts]
    assert not any(
        one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i]
    )


def test_what_has_no_plane_is_refused(models):
    with pytest.raises(TypeError, match="LinearLearnerRegressor has no factors"):
        FactorsDisplay.from_estimator(models.regressor)
    with pytest.raises(ValueError, match="at least two items"):
        FactorsDisplay.from_estimator(models.factors, ["a"])
    with pytest.raises(ValueError, match="3 items"):
        FactorsDisplay.from_estimator(models.factors, names=["a"])
    linear = FactorizationMachinesRegressor(
        factors_init_sigma=0.0, num_models=1, epochs=1, cv=False, random_state=0
    ).fit(models.X[["a", "c"]], models.score)
    with pytest.raises(ValueError, match="All factors are equal"):
        FactorsDisplay.from_estimator(linear)
