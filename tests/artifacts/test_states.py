"""One model: as artifacts have it, as estimators have it, as backends bring it."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    load_artifact,
    save_artifact,
)
from sklearn_sagemaker._state import OF_TRAINING
from sklearn_sagemaker.artifacts.reading import state_of_artifact
from sklearn_sagemaker.artifacts.writing import artifact_of_state
from sklearn_sagemaker.backends import LocalBackend
from sklearn_sagemaker.estimators._attributes import set_attributes, state_of
from sklearn_sagemaker.io.artifacts.artifact import Machines, ModelArtifact

rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(90, 4)), columns=list("abcd"))
SCORE = (X["a"] * X["b"] - X["c"]).to_numpy()
BINARY = np.where(SCORE > 0.2, "yes", "no")
SEVERAL = np.digitize(SCORE, [-0.3, 0.9]) * 10
QUICK = {"epochs": 2, "random_state": 0}
FACTORS = {"num_factors": 2, **QUICK}


class Remembering(LocalBackend):
    """Keeps the last state that it brought."""

    def train(self, spec, data, monitor=None):
        self.state = super().train(spec, data, monitor)
        return self.state


CASES = {
    "binary": (LinearLearnerClassifier(num_models=2, **QUICK), BINARY, "logit"),
    "several": (LinearLearnerClassifier(num_models=1, **QUICK), SEVERAL, "softmax"),
    "hinge": (
        LinearLearnerClassifier(num_models=1, loss="hinge_loss", **QUICK),
        BINARY,
        "score",
    ),
    "number": (
        LinearLearnerRegressor(num_models=1, warm_start=True, **QUICK),
        SCORE,
        "identity",
    ),
    "factors": (FactorizationMachinesClassifier(**FACTORS), BINARY, "logit"),
    "factors, several": (
        FactorizationMachinesClassifier(**FACTORS),
        SEVERAL,
        "softmax",
    ),
    "factors, number": (FactorizationMachinesRegressor(**FACTORS), SCORE, "identity"),
    "probit": (
        FactorizationMachinesClassifier(solver="als", **FACTORS),
        BINARY,
        "probit",
    ),
    # Of a linear part alone draws hold one factor of zero.
    "draws": (
        FactorizationMachinesClassifier(solver="mcmc", num_models=1, **FACTORS),
        SEVERAL,
        "probit",
    ),
    "draws, number": (
        FactorizationMachinesRegressor(solver="mcmc", **FACTORS),
        SCORE,
        "identity",
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    model, y, link = CASES[request.param]
    backend = Remembering()
    model = clone(model).set_params(backend=backend).fit(X, y)
    return model, backend.state, link


def stream():
    return LinearLearnerClassifier(random_state=0).partial_fit(X, BINARY, ["no", "yes"])


def same(one, other, but=()):
    for field in fields(one):
        if field.name not in but:
            mine, theirs = getattr(one, field.name), getattr(other, field.name)
            np.testing.assert_equal(mine, theirs, field.name)


def test_a_state_gives_all_fitted_attributes_and_they_give_it(case):
    model, state, link = case
    found = state_of(model)
    assert state.link == found.link == link
    same(found, state)
    again = clone(model)
    set_attributes(again, found)
    # clone copies the backend, which is no part of what was fitted.
    np.testing.assert_equal({**vars(again), "backend": None},
                            {**vars(model), "backend": None})  # fmt: skip


def test_so_do_streams_and_models_that_were_read(tmp_path):
    for model in (stream(), LinearLearnerRegressor(**QUICK).fit(X, SCORE)):
        save_artifact(model, tmp_path / "model.tar.gz")
        for one in (model, load_artifact(tmp_path / "model.tar.gz")):
            again = clone(one)
            set_attributes(again, state_of(one))
            np.testing.assert_equal(vars(again), vars(one))


def test_a_state_of_a_backend_is_a_whole_artifact(case, tmp_path):
    model, state, link = case
    artifact = artifact_of_state(state)
    assert (artifact.algorithm, artifact.link) == (model._algorithm, link)
    found = state_of_artifact(artifact)
    assert set(found.source.values()) == {"artifact"}
    of_training = {*OF_TRAINING[1:], "resolved", "resume"}
    same(found, state, but={*of_training, "source", "unknown"})
    # Lists and infinity are left out.
    assert found.resolved.items() <= state.resolved.items()
    assert found.resolved["loss"] == state.resolved["loss"]
    assert found.unknown == OF_TRAINING[1:]


def test_a_state_must_say_what_its_scores_mean(case):
    _, state, _ = case
    with pytest.raises(ValueError, match="link=None does not say"):
        artifact_of_state(replace(state, link=None))
    if state.threshold is not None:
        with pytest.raises(ValueError, match="threshold="):
            artifact_of_state(replace(state, threshold=np.inf))


def test_two_outputs_become_a_model_of_two_classes():
    machines = Machines(np.array([1.0, 3]), np.array([[1.0, 2], [0, 1]]), None)
    artifact = ModelArtifact(
        "linear-learner", "multiclass_classifier", "softmax", machines
    )
    for loss in (None, "softmax_loss"):
        state = state_of_artifact(artifact, loss=loss, classes=["a", "b"])
        assert (state.link, state.threshold) == ("logit", 0.5)
        np.testing.assert_array_equal(state.coef, [[-1, -1]])
        np.testing.assert_array_equal(state.intercept, [2])
        assert artifact_of_state(state).predictor_type == "binary_classifier"
