"""What all displays have in common: their form, what they refuse, how they look."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import LinearLearnerClassifier, load_artifact
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.exceptions import OptionalDependencyError, TrainingUnknownError
from sklearn_sagemaker.inspection import (
    CandidatesDisplay,
    CoefficientsDisplay,
    FactorsDisplay,
    LossCurveDisplay,
    ThresholdDisplay,
)
from sklearn_sagemaker.inspection._axes import COLOURS
from sklearn_sagemaker.sagemaker.training_access import Access
from tests.backends.cloud import ROLE, Cloud

ARTIFACT = Path(__file__).parents[1] / "estimators" / "artifacts" / "ll-adult.tar.gz"

DRAW = {
    "candidates": lambda m, **more: CandidatesDisplay.from_estimator(m.solved, **more),
    "losses": lambda m, **more: LossCurveDisplay.from_estimator(m.steps, **more),
    "threshold": lambda m, **more: ThresholdDisplay.from_estimator(
        m.target, m.X, m.y, **more
    ),
    "coefficients": lambda m, **more: CoefficientsDisplay.from_estimator(
        m.several, **more
    ),
    "factors": lambda m, **more: FactorsDisplay.from_estimator(m.factors, **more),
}


@pytest.mark.parametrize("name", DRAW)
def test_the_form_is_scikit_learns(models, name):
    _, (left, right) = plt.subplots(1, 2)
    display = DRAW[name](models, ax=left)
    assert display.ax_ is left
    assert display.figure_ is left.figure
    assert not right.has_data()
    assert display.plot() is display
    assert display.ax_ is not left
    again = type(display)(
        **{key: value for key, value in vars(display).items() if key[-1] != "_"}
    )
    assert again.plot().ax_.figure is again.figure_


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize("width", [3, 12])
def test_texts_stay_within_the_figure(models, name, width):
    # 300 and 1,200 pixels. A warning, that the layout does not fit, is an error here.
    with plt.rc_context({"figure.figsize": (width, 0.75 * width), "figure.dpi": 100}):
        figure = DRAW[name](models).figure_
    figure.canvas.draw()
    box = figure.get_tightbbox()
    wide, high = figure.get_size_inches()
    assert box.x0 > -0.05
    assert box.x1 < wide + 0.05
    assert box.y0 > -0.05
    assert box.y1 < high + 0.05


def test_colours_differ_for_those_who_see_no_red_or_no_green():
    # Viénot, Brettel and Mollon's dichromats, in linear light.
    rgb = np.array([to_rgb(colour) for colour in COLOURS]) ** 2.2
    for mix in ([0.11, 0.89, 0.0], [0.29, 0.71, 0.0]):
        seen = np.column_stack([rgb @ mix, rgb[:, 2]]) ** (1 / 2.2)
        apart = np.hypot(*(seen[:, None] - seen[None]).transpose(2, 0, 1))
        assert apart[np.triu_indices(len(seen), 1)].min() > 0.09


def test_pipelines_and_searches_are_opened(models):
    pipe = make_pipeline(StandardScaler(), LinearLearnerClassifier(random_state=0))
    search = GridSearchCV(pipe, {"linearlearnerclassifier__num_models": [1, 2]}, cv=2)
    search.fit(models.X, models.y)
    best = search.best_estimator_[-1]
    candidates = CandidatesDisplay.from_estimator(search)
    np.testing.assert_array_equal(
        candidates.scores, best.candidates_["validation_score"]
    )
    names = CoefficientsDisplay.from_estimator(search).feature_names
    assert set(names) == {"a", "b", "c", "d"}
    threshold = ThresholdDisplay.from_estimator(search, models.X, models.y)
    right = np.mean(search.predict(models.X) == models.y)
    assert threshold.at(best.threshold_)["accuracy"] == pytest.approx(right)


@pytest.mark.parametrize("display", [CandidatesDisplay, LossCurveDisplay])
def test_a_model_of_the_service_says_what_it_lacks(display):
    model = load_artifact(ARTIFACT)
    with pytest.raises(TrainingUnknownError, match="read from an artifact, which"):
        display.from_estimator(model)
    model.training_job_ = {"name": "job-1"}
    with pytest.raises(TrainingUnknownError, match="SageMaker's job 'job-1', whose"):
        display.from_estimator(model)
    assert not plt.get_fignums()


def test_a_model_of_the_service_has_coefficients_and_a_threshold():
    model = load_artifact(ARTIFACT)
    shown = CoefficientsDisplay.from_estimator(model)
    assert shown.feature_names[0] == "x9"
    X = np.eye(14)
    display = ThresholdDisplay.from_estimator(model, X, [0, 1] * 7)
    assert display.threshold == model.threshold_


@pytest.mark.filterwarnings("ignore::sklearn_sagemaker.exceptions.BuiltInImageWarning")
def test_a_job_of_the_service_shows_what_its_log_tells(models, monkeypatch):
    cloud = Cloud()
    monkeypatch.setattr(Access, "session", lambda self: cloud.session())
    model = LinearLearnerClassifier(
        epochs=3,
        num_models=2,
        random_state=0,
        backend=SageMakerBackend(ROLE, poll=0.01),
    ).fit(models.X, models.y)
    again = LinearLearnerClassifier.attach(model.training_job_["name"])
    for one in (model, again):
        display = LossCurveDisplay.from_estimator(one)
        np.testing.assert_array_equal(display.loss_curve, one.loss_curve_)
        labels = [line.get_label() for line in display.ax_.lines]
        # A log does not say which epoch was kept.
        assert any(label.startswith("lowest: epoch") for label in labels)
        with pytest.raises(TrainingUnknownError, match="whose image tells of no cand"):
            CandidatesDisplay.from_estimator(one)
        page = one._repr_html_()
        assert f"job &#x27;{model.training_job_['name']}&#x27;" in page
        assert "settings" in page


def test_what_is_no_fitted_model_is_refused():
    with pytest.raises(TypeError, match="LogisticRegression holds no fitted"):
        CandidatesDisplay.from_estimator(LogisticRegression())
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(LinearLearnerClassifier())


def test_without_matplotlib_the_extra_is_named(models, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(OptionalDependencyError, match=r"sklearn_sagemaker\[plot\]"):
        CandidatesDisplay.from_estimator(models.solved)
