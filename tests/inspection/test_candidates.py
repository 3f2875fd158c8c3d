"""The scores of candidates, as they are drawn."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from sklearn_sagemaker.inspection import CandidatesDisplay


def drawn(panel):
    """Points of each legend entry of a panel."""
    return {line.get_label(): line.get_xydata() for line in panel.lines}


def test_all_candidates_are_there_and_the_chosen_one_is_marked(models):
    model = models.solved
    display = CandidatesDisplay.from_estimator(model)
    table = model.candidates_
    # Solved candidates have no rate, and all have one scaling or another.
    assert list(display.parameters) == ["wd", "l1"]
    for panel, name in zip(display.axes_, ("wd", "l1"), strict=True):
        points = drawn(panel)
        assert sum(map(len, points.values())) == len(table["params"])
        (label,) = (label for label in points if label.startswith("chosen"))
        score = table["validation_score"][model.best_index_]
        assert label == f"chosen: {score:.4g}"
        ((x, y),) = points[label]
        assert y == score
        value = table[f"param_{name}"][model.best_index_]
        assert x == value or value == 0
        assert panel.get_xlabel() == name
    assert display.axes_[0].get_ylabel() == "validation score\n(accuracy)"


def test_steps_are_shown_by_rate_and_by_how_they_ended(models):
    display = CandidatesDisplay.from_estimator(
        models.steps, hyperparameters=["learning_rate", "scaling"]
    )
    rates, scalings = display.axes_
    shown = [tick.get_text() for tick in rates.get_xticklabels()]
    known = np.unique(models.steps.candidates_["param_learning_rate"])
    assert shown == [f"{rate:.3g}" for rate in known]
    assert {tick.get_text() for tick in scalings.get_xticklabels()} == set(
        models.steps.candidates_["param_scaling"]
    )


def test_diverged_and_far_candidates_stay_out_of_the_scale():
    scores = np.array([-1.0, -1.1, -1.2, -900.0, -np.inf])
    display = CandidatesDisplay(
        parameters={"learning_rate": np.array([0.1, 0.2, np.nan, 0.4, 5.0])},
        scores=scores,
        status=np.array(
            ["completed", "early_stopped"] + ["completed"] * 2 + ["diverged"]
        ),
        best_index=0,
    ).plot()
    points = drawn(display.ax_)
    assert points["worse, off the scale"][:, 0].tolist() == [2]
    assert points["diverged"][:, 0].tolist() == [3]
    assert points["stopped early"].tolist() == [[1, -1.1]]
    assert display.ax_.get_ylim()[0] > -2
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()][-1] == "solved"


def test_zeros_have_a_place_on_a_logarithmic_scale():
    values = np.array([0.0, *np.logspace(-6, 2, 9)])
    display = CandidatesDisplay(
        parameters={"wd": values}, scores=np.arange(10.0),
        status=np.full(10, "completed"), best_index=9,
    ).plot()  # fmt: skip
    ticks = dict(
        zip(
            (tick.get_text() for tick in display.ax_.get_xticklabels()),
            display.ax_.get_xticks(),
            strict=True,
        )
    )
    points = drawn(display.ax_)
    x = np.concatenate([found[:, 0] for found in points.values()])
    assert 0 < ticks["0"] < 1e-6
    assert np.isclose(sorted(x)[1:], values[1:]).all()
    assert min(x) == ticks["0"]


def test_candidates_without_a_value_have_a_place_on_a_linear_scale():
    values = np.array([np.nan, *np.linspace(10, 20, 9)])
    display = CandidatesDisplay(
        parameters={"num_factors": values}, scores=np.arange(10.0),
        status=np.full(10, "completed"), best_index=9,
    ).plot()  # fmt: skip
    shown = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert shown[0] == "solved"
    assert {"12", "20"} <= set(shown)
    x = np.concatenate([found[:, 0] for found in drawn(display.ax_).values()])
    assert min(x) == display.ax_.get_xticks()[0] < 9
    np.testing.assert_array_equal(sorted(x)[1:], values[1:])


def test_panels_stand_side_by_side_where_there_is_room(models):
    names = ["wd", "l1", "learning_rate"]
    columns = []
    for width in (3, 6, 12):
        with plt.rc_context({"figure.figsize": (width, 4)}):
            display = CandidatesDisplay.from_estimator(
                models.steps, hyperparameters=names
            )
        columns.append(display.axes_[0].get_subplotspec().get_gridspec().ncols)
    assert columns == [1, 2, 3]


def test_an_unknown_hyperparameter_is_refused(models):
    with pytest.raises(ValueError, match="hyperparameters has 'wdd'.* wd, l1"):
        CandidatesDisplay.from_estimator(models.solved, hyperparameters=["wdd"])


def test_axes_outside_of_a_grid_have_one_panel(models):
    ax = plt.figure().add_axes((0.2, 0.2, 0.7, 0.7))
    display = CandidatesDisplay.from_estimator(
        models.solved, hyperparameters=["wd"], ax=ax
    )
    assert display.axes_.tolist() == [ax]
    assert ax.get_ylabel()
    with pytest.raises(ValueError, match="2 hyperparameters need panels"):
        CandidatesDisplay.from_estimator(models.solved, ax=ax)
