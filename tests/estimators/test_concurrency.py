"""Fits and predictions at the same time: same bits, and nobody else notices."""

import logging
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from threadpoolctl import ThreadpoolController, threadpool_limits

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.backends import Backend, LocalBackend

BACKENDS = ["loky", "multiprocessing", "threading"]
SETTINGS = {"epochs": 2, "random_state": 0}
MODELS = {
    # Blocks enough for two threads.
    "linear classifier": LinearLearnerClassifier(num_models=300, **SETTINGS),
    "linear regressor": LinearLearnerRegressor(num_models=300, **SETTINGS),
    "machines classifier": FactorizationMachinesClassifier(
        num_models=2, num_factors=4, **SETTINGS
    ),
    "machines regressor": FactorizationMachinesRegressor(
        num_models=2, num_factors=4, **SETTINGS
    ),
}
models = pytest.mark.parametrize("name", MODELS)


def make_problem(name, n=400):
    """Rows, and labels or numbers."""
    X = np.random.default_rng(0).normal(size=(n, 12)).astype(np.float32)
    y = X[:, 0] + X[:, 1] * X[:, 2]
    return X, y if "regressor" in name else (y > 0).astype(int)


def assert_same_model(model, other):
    for name in ("coef_", "intercept_", "loss_curve_", "best_score_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(other, name))


# -------------------------------------------------------------- joblib's backends
@models
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_fit_is_in_threads_whatever_backend_is_configured(name, backend, make):
    X, y = make_problem(name)
    alone = clone(MODELS[name]).fit(make(X), y)
    with parallel_config(backend=backend):
        model = clone(MODELS[name]).set_params(n_jobs=2).fit(make(X), y)
    assert_same_model(model, alone)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_machines_predict_in_threads_whatever_backend(backend, make, monkeypatch):
    monkeypatch.setattr(
        "sklearn_sagemaker.estimators._factorization_machines.THREAD_WORK", 1
    )
    X, y = make_problem("machines")
    model = clone(MODELS["machines classifier"]).fit(X, y)
    alone = model.predict_proba(make(X))
    model.set_params(n_jobs=2)
    with parallel_config(backend=backend):
        np.testing.assert_array_equal(model.predict_proba(make(X)), alone)


@models
def test_processes_are_a_hint_that_does_not_apply(name):
    X, y = make_problem(name)
    alone = clone(MODELS[name]).fit(X, y)
    with parallel_config(prefer="processes", n_jobs=2):
        assert_same_model(clone(MODELS[name]).fit(X, y), alone)


@models
def test_a_grid_search_in_processes_over_fits_in_threads(name):
    X, y = make_problem(name)
    model = clone(MODELS[name]).set_params(num_models=2, n_jobs=2)
    alone = GridSearchCV(model, {"epochs": [1, 2]}, cv=2).fit(X, y)
    with parallel_config(backend="loky", n_jobs=2):
        search = GridSearchCV(model, {"epochs": [1, 2]}, cv=2).fit(X, y)
    scores = "mean_test_score"
    np.testing.assert_array_equal(search.cv_results_[scores], alone.cv_results_[scores])
    assert_same_model(search.best_estimator_, alone.best_estimator_)


# --------------------------------------------------------------- fits that overlap
class Meeting(Backend):
    """A local backend whose fits wait for an event after an epoch, and tell of one."""

    def __init__(self, reached=None, wait_for=None):
        self.reached, self.wait_for = reached, wait_for

    def train(self, spec, data, monitor=None):
        def report(epoch, epochs, losses):
            if epoch == 0:
                self.reached.set()
                assert self.wait_for.wait(60)
                SEEN.append(state_of_process())
            return monitor(epoch, epochs, losses)

        return LocalBackend().train(spec, data, report)


SEEN = []


def blas_threads():
    found = ThreadpoolController().select(user_api="blas").info()
    return {library["num_threads"] for library in found}


def state_of_process():
    """What other threads could notice, but for BLAS."""
    logger = logging.getLogger("sklearn_sagemaker")
    return (
        logger.level,
        list(logger.handlers),
        logger.propagate,
        logging.getLogger().level,
        list(warnings.filters),
        warnings.showwarning,
        np.geterr(),
        dict(os.environ),
        os.getcwd(),
    )


def overlap(one, other, X, y):
    """Fit both so that each has trained an epoch before the first one ends."""
    events = [threading.Event(), threading.Event()]
    ended = threading.Event()

    class After(Meeting):
        """It goes on only when the first has ended."""

        def train(self, spec, data, monitor=None):
            def report(epoch, epochs, losses):
                if epoch == 1:
                    assert ended.wait(60)
                    AFTER.append(blas_threads())
                return monitor(epoch, epochs, losses)

            return super().train(spec, data, report)

    AFTER.clear()
    SEEN.clear()
    one.backend = Meeting(events[0], events[1])
    other.backend = After(events[1], events[0])
    with ThreadPoolExecutor(2) as pool:
        second = pool.submit(other.fit, X, y)
        pool.submit(one.fit, X, y).result()
        ended.set()
        second.result()


AFTER = []


@pytest.fixture
def three_blas_threads():
    with threadpool_limits(3, user_api="blas"):
        yield


@models
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_overlapping_fits_are_what_they_are_alone(name, n_jobs, three_blas_threads):
    X, y = make_problem(name, n=20_000)
    model = clone(MODELS[name]).set_params(num_models=2, n_jobs=n_jobs)
    before = blas_threads()
    alone = clone(model).fit(X, y)
    assert blas_threads() == before
    pair = clone(model), clone(model)
    overlap(*pair, X, y)
    for fitted in pair:
        assert_same_model(fitted, alone)
    # While the second goes on alone, and after both.
    assert [{1}] == AFTER
    assert blas_threads() == before


def test_a_fit_that_fails_beside_another_changes_nothing(three_blas_threads):
    X, y = make_problem("linear classifier")
    before = blas_threads()

    class Fails(Backend):
        def train(self, spec, data, monitor=None):
            def report(*_):
                raise KeyError("in the middle")

            return LocalBackend().train(spec, data, report)

    failing = LinearLearnerClassifier(**SETTINGS, backend=Fails())
    with pytest.raises(KeyError, match="in the middle"):
        failing.fit(X, y)
    assert blas_threads() == before


@models
def test_talkative_fits_touch_no_state_of_the_process(name, monkeypatch, capsys):
    monkeypatch.setattr(
        "sklearn_sagemaker.estimators._progress.progress_bar_available", lambda: False
    )
    X, y = make_problem(name)
    model = clone(MODELS[name]).set_params(num_models=2, verbose=1)
    before = state_of_process()
    overlap(clone(model), clone(model), X, y)
    assert [before, before] == SEEN
    assert state_of_process() == before
    out, err = capsys.readouterr()
    assert out == ""
    assert sorted(line.split(":")[0] for line in err.splitlines()) == sorted(
        ["epoch 1 of 2", "epoch 2 of 2"] * 2
    )


# ----------------------------------------------------------- many at the same time
def at_once(*calls):
    """Answers of calls that start together, each in a thread of its own."""
    barrier = threading.Barrier(len(calls))

    def call(one):
        barrier.wait(60)
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_different_estimators_fit_and_predict_at_once(n_jobs):
    problems = [make_problem(name, n=2000) for name in MODELS]

    def answer(name, X, y):
        model = clone(MODELS[name]).set_params(n_jobs=n_jobs).fit(X, y)
        return model.predict(X)

    calls = [
        lambda name=name, X=X, y=y: answer(name, X, y)
        for name, (X, y) in zip(MODELS, problems, strict=True)
    ]
    alone = [call() for call in calls]
    for found, wanted in zip(at_once(*calls, *calls), alone + alone, strict=True):
        np.testing.assert_array_equal(found, wanted)


@models
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_one_model_answers_several_threads(name, n_jobs, make, monkeypatch):
    monkeypatch.setattr(
        "sklearn_sagemaker.estimators._factorization_machines.THREAD_WORK", 1
    )
    X, y = make_problem(name)
    model = clone(MODELS[name]).fit(X, y).set_params(n_jobs=n_jobs)
    before = dict(vars(model))
    parts = [make(X[start::4]) for start in range(4)]
    alone = [model.predict(part) for part in parts]
    calls = [lambda part=part: model.predict(part) for part in parts]
    for found, wanted in zip(at_once(*calls), alone, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert vars(model) == before or all(
        vars(model)[key] is value for key, value in before.items()
    )
