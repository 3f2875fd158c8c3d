"""Trainings that a fit does not wait for, and what a training elsewhere cannot say."""

import pickle
import threading
from dataclasses import dataclass, replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker import (
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker._state import OF_TRAINING, ModelState, PendingTraining
from sklearn_sagemaker.backends import Backend, LocalBackend
from sklearn_sagemaker.exceptions import FeatureScaleError, TrainingFailedError
from tests.backends.support import assert_same, fitted

ENDED: dict[str, threading.Event] = {}
MODELS: dict[str, ModelState | Exception] = {}
DIABETES = load_diabetes(return_X_y=True)
QUICK = {"epochs": 4, "num_models": 2, "random_state": 0}


@dataclass(frozen=True)
class Pending(PendingTraining):
    """A training that ends when the test says so."""

    job: str

    @property
    def name(self):
        return self.job

    def result(self, timeout=None):
        if not ENDED[self.job].wait(timeout):
            raise TimeoutError(self.job)
        found = MODELS[self.job]
        if isinstance(found, Exception):
            raise found
        return found


class Later(Backend):
    """Trains at once, and says so later."""

    streams = True
    continues = True

    def __init__(self, job="job", unknown=()):
        self.job, self.unknown = job, unknown

    def train(self, spec, data, monitor=None):
        state = LocalBackend().train(spec, data, monitor)
        nothing = dict.fromkeys(self.unknown)
        MODELS[self.job] = replace(state, unknown=tuple(self.unknown), **nothing)
        ENDED[self.job] = threading.Event()
        return Pending(self.job)


def test_a_fit_that_does_not_wait():
    local = LinearLearnerRegressor(**QUICK).fit(*DIABETES)
    model = LinearLearnerRegressor(**QUICK, backend=Later())
    assert model.fit(*DIABETES) is model
    assert not model.__sklearn_is_fitted__()
    assert model.n_features_in_ == 10
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    with pytest.raises(NotFittedError, match=r"'job' of this Linear.*wait_for_tr"):
        model.predict(DIABETES[0])
    with pytest.raises(NotFittedError, match="wait_for_training"):
        model.score(*DIABETES)
    with pytest.raises(TimeoutError, match="job"):
        model.wait_for_training(timeout=0.001)
    # It may be waited for elsewhere, or by another one.
    other = pickle.loads(pickle.dumps(model))
    assert not hasattr(clone(model), "pending_training_")
    ENDED["job"].set()
    for one in (model, other):
        assert one.wait_for_training() is one
        assert_same(one, local)
        assert one.wait_for_training(0) is one
    np.testing.assert_array_equal(
        model.predict(DIABETES[0]), local.predict(DIABETES[0])
    )


def test_classes_and_thresholds_come_with_the_model():
    X, y = load_breast_cancer(return_X_y=True)
    names = np.array(["benign", "malignant"])[y]
    local = LinearLearnerClassifier(**QUICK).fit(X, names)
    model = LinearLearnerClassifier(**QUICK, backend=Later()).fit(X, names)
    assert not hasattr(model, "classes_")
    ENDED["job"].set()
    assert_same(model.wait_for_training(), local)
    np.testing.assert_array_equal(model.predict(X), local.predict(X))


def test_what_was_fitted_before_is_no_longer():
    model = LinearLearnerRegressor(**QUICK).fit(*DIABETES)
    model.set_params(backend=Later()).fit(DIABETES[0][:, :3], DIABETES[1])
    assert set(fitted(model)) == {"n_features_in_", "pending_training_"}
    # A new fit waits for none of before.
    model.set_params(backend=None).fit(*DIABETES)
    assert not hasattr(model, "pending_training_")
    assert model.predict(DIABETES[0]).shape == (442,)


def test_a_training_that_fails_leaves_the_estimator_pending():
    model = LinearLearnerRegressor(**QUICK, backend=Later()).fit(*DIABETES)
    before = dict(vars(model))
    ENDED["job"].set()
    state, MODELS["job"] = MODELS["job"], TrainingFailedError("no room")
    with pytest.raises(TrainingFailedError, match="no room"):
        model.wait_for_training()
    assert vars(model) == before
    MODELS["job"] = replace(state, coef=np.full((1, 10), np.nan))
    with pytest.raises(FeatureScaleError):
        model.wait_for_training()
    assert vars(model) == before


def test_scores_need_a_model():
    model = LinearLearnerRegressor(**QUICK, backend=Later())
    with pytest.raises(NotFittedError, match="wait_for_training"):
        cross_val_score(model, *DIABETES, cv=2, error_score="raise")


def test_a_stream_does_not_forget_a_training():
    model = LinearLearnerRegressor(**QUICK, backend=Later()).fit(*DIABETES)
    before = dict(vars(model))
    model.set_params(backend=None)
    with pytest.raises(NotFittedError, match="'job' .* call wait_for_training"):
        model.partial_fit(*DIABETES)
    assert fitted(model) == {name: before[name] for name in fitted(model)}
    ENDED["job"].set()
    model.wait_for_training().partial_fit(*DIABETES)
    assert not hasattr(model, "pending_training_")


def test_streams_do_not_wait():
    model = FactorizationMachinesRegressor(**QUICK, backend=Later())
    with pytest.raises(TypeError, match="stream cannot wait"):
        model.partial_fit(*DIABETES)
    assert fitted(model) == {}


@pytest.mark.parametrize("found", [None, {}])
def test_what_is_neither_a_model_nor_pending_is_refused(found):
    class Wrong(Backend):
        def train(self, spec, data, monitor=None):
            return found

    model = LinearLearnerRegressor(backend=Wrong())
    with pytest.raises(TypeError, match=f"PendingTraining, got {type(found).__name__}"):
        model.fit(*DIABETES)
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize("unknown", [OF_TRAINING, ("candidates", "loss_curve"), ()])
def test_what_a_training_does_not_yield_is_absent(unknown):
    model = LinearLearnerRegressor(**QUICK).fit(*DIABETES)
    whole = fitted(model)
    model.set_params(backend=Later(unknown=unknown)).fit(*DIABETES)
    ENDED["job"].set()
    model.wait_for_training()
    assert set(whole) - set(fitted(model)) == {f"{name}_" for name in unknown}
    for name in unknown:
        with pytest.raises(AttributeError):
            getattr(model, f"{name}_")
    assert model.predict(DIABETES[0]).shape == (442,)
    # None in a field that is known is an answer.
    model = LinearLearnerRegressor(**QUICK, cv=False).fit(*DIABETES)
    assert fitted(model)["validation_curve_"] is None


class Plain(Backend):
    """Takes rows elsewhere, streams nothing, and notes what it is asked."""

    def __init__(self):
        self.asked = []

    def takes(self, X):
        self.asked.append("takes")
        return not isinstance(X, str)

    def check(self, spec):
        self.asked.append("check")
        super().check(spec)

    def train(self, spec, data, monitor=None):
        self.asked.append("train")
        return LocalBackend().train(spec, data, monitor)


def test_a_backend_is_asked_before_rows_are_looked_at_or_sent():
    backend = Plain()
    model = LinearLearnerRegressor(**QUICK, backend=backend)
    with pytest.raises(TypeError, match="backend=Plain does not take a builtins.str"):
        model.fit("s3://rows", None)
    with pytest.raises(ValueError, match="array"):
        model.fit([1.0], [1.0])
    assert backend.asked == ["takes", "takes"]
    with pytest.raises(ValueError, match="partial_fit cannot run on backend=Plain"):
        model.partial_fit(*DIABETES)
    # Refused before its rows are looked at.
    assert backend.asked == ["takes"] * 3
    model.fit(*DIABETES)
    assert backend.asked[3:] == ["takes", "check", "train"]
    model.set_params(warm_start=True)
    with pytest.raises(ValueError, match="warm_start=True cannot run on backend=Plain"):
        model.fit(*DIABETES)
    assert backend.asked[-1] == "check"


@pytest.mark.parametrize(
    "model",
    [
        LinearLearnerRegressor(epochs=7, num_models=5, random_state=0),
        FactorizationMachinesRegressor(epochs=7, num_models=3, random_state=0),
        FactorizationMachinesRegressor(solver="als", epochs=7, random_state=0),
    ],
    ids=lambda model: f"{type(model).__name__} {getattr(model, 'solver', '')}",
)
def test_a_monitor_sees_the_losses_of_all_candidates_and_may_stop(model):
    seen = []

    class Watching(Backend):
        def train(self, spec, data, monitor=None):
            def both(epoch, epochs, losses):
                seen.append((epoch, epochs, losses))
                return monitor(epoch, epochs, losses) or epoch == 2

            return LocalBackend().train(spec, data, both)

    model.set_params(backend=Watching()).fit(*DIABETES)
    n_models = len(model.candidates_["params"])
    assert [(epoch, epochs) for epoch, epochs, _ in seen] == [(0, 7), (1, 7), (2, 7)]
    for name in ("train_losses", "validation_losses"):
        table = np.array([losses[name] for *_, losses in seen])
        assert table.shape == (3, n_models)
        assert np.isfinite(table).all()
    np.testing.assert_array_equal(
        model.loss_curve_,
        [losses["train_losses"][model.best_index_] for *_, losses in seen][
            : len(model.loss_curve_)
        ],
    )
