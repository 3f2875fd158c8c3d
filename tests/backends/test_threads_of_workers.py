"""How many threads a fit starts in workers and beside other fits, whatever n_jobs."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    LinearLearnerClassifier,
    _threads,
)
from sklearn_sagemaker._threads import fitting
from sklearn_sagemaker.training.linear import steps

STEPS = LinearLearnerClassifier(
    optimizer="adam",
    num_models=4,
    epochs=1,
    mini_batch_size=100,
    cv=False,
    random_state=0,
)
MODELS = {
    "team": STEPS,
    "solved": LinearLearnerClassifier(random_state=0),
    "FM": FactorizationMachinesClassifier(num_models=2, epochs=2, random_state=0),
}


def rows(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    return (sp.csr_matrix(X) if name == "FM" else X), y


@contextmanager
def counted():
    """Names of the threads that fits of this process start, where small ones do too."""
    found, start = [], threading.Thread.start

    def noted(thread):
        if thread.name.startswith("ThreadPoolExecutor"):
            found.append(thread.name)
        start(thread)

    with (
        mock.patch.object(threading.Thread, "start", noted),
        mock.patch.object(_threads, "cpu_count", return_value=2),
        mock.patch("joblib._parallel_backends.cpu_count", return_value=2),
        mock.patch.object(_threads.Spread, "LONG", 0),
        mock.patch.object(_threads.Spread, "LEAST_WORK", 0),
        mock.patch.object(steps, "TEAM_WORK", 0),
    ):
        yield found


def fit(name, n_jobs):
    return clone(MODELS[name]).set_params(n_jobs=n_jobs).fit(*rows(name))


def started(name, n_jobs):
    """Threads that a fit starts, and its coefficients."""
    with counted() as threads:
        model = fit(name, n_jobs)
    return len(threads), model.coef_


def counts(found):
    """Threads of fits that must agree to the bit."""
    for _, coef in found:
        np.testing.assert_array_equal(coef, found[0][1])
    return [count for count, _ in found]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n_jobs", [2, -1])
def test_alone_a_fit_has_the_threads_that_it_asks_for(name, n_jobs):
    # One of the two is the caller's; machines are made by one, and trained by another.
    one = 2 if name == "FM" else 1
    assert counts([started(name, n_jobs), started(name, 1)]) == [one, 0]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_processes_of_joblib_have_one_each(backend):
    with parallel_config(backend, n_jobs=2):
        found = Parallel()(
            delayed(started)(name, n_jobs) for name in MODELS for n_jobs in (2, -1)
        )
    assert [count for count, _ in found] == [0] * len(found)


@pytest.mark.slow
def test_processes_of_joblib_have_what_it_is_told_to_leave_them():
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=2):
        found = Parallel()(delayed(started)("team", 2) for _ in range(2))
    assert counts(found) == [1, 1]


@pytest.mark.slow
def test_processes_of_dask_have_one_each(cluster):
    tasks = [
        cluster.submit(started, name, n_jobs, pure=False)
        for name in MODELS
        for n_jobs in (2, -1)
    ]
    assert [count for count, _ in cluster.gather(tasks)] == [0] * len(tasks)


gate = threading.Barrier(2)


def together(name, n_jobs):
    """A fit that begins when another one has begun in another thread."""
    with fitting():
        gate.wait(30)
        coef = fit(name, n_jobs).coef_
        gate.wait(30)
    return coef


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n_jobs", [2, -1])
def test_fits_in_threads_have_one_each(name, n_jobs):
    with counted() as threads, ThreadPoolExecutor(2, "outside") as pool:
        found = list(pool.map(together, [name] * 2, [n_jobs] * 2))
    assert threads == []
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("n_jobs", [2, -1])
def test_threads_of_joblib_have_one_each(n_jobs):
    with counted() as threads, parallel_config("threading", n_jobs=2):
        Parallel()(delayed(together)("team", n_jobs) for _ in range(2))
    assert threads == []


@pytest.mark.slow
def test_threads_of_a_dask_worker_have_one_each():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.Client(
            processes=False,
            n_workers=1,
            threads_per_worker=2,
            dashboard_address="127.0.0.1:0",
        ) as client,
        counted() as threads,
    ):
        client.gather([client.submit(together, "team", 2, pure=False) for _ in "12"])
    assert threads == []


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_search_finds_the_same_whatever_its_fits_ask_for(backend):
    def scores(n_jobs, inner):
        model = clone(MODELS["team"]).set_params(n_jobs=inner)
        grid = {"wd": [1e-4, 1.0]}
        search = GridSearchCV(model, grid, cv=2, n_jobs=n_jobs, refit=False)
        return search.fit(*rows("team")).cv_results_["mean_test_score"]

    with parallel_config(backend):
        np.testing.assert_array_equal(scores(2, 2), scores(None, None))
