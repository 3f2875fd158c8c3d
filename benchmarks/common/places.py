"""Places in which programs fit: searches, workers, and beside others that are busy."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

AT_ONCE = 4


@dataclass(frozen=True)
class Case:
    """An estimator, its rows, and how many of them are to validate if not all do."""

    estimator: Any
    X: Any
    y: Any
    n_val: int | None = None

    @property
    def given(self) -> dict[str, Any]:
        """Arguments of `fit` but the rows."""
        if self.n_val is None:
            return {}
        return {"X_val": self.X[: self.n_val], "y_val": self.y[: self.n_val]}

    def fit(self, n_jobs: int) -> Any:
        """A clone, fitted with so many jobs."""
        return (
            clone(self.estimator)
            .set_params(n_jobs=n_jobs)
            .fit(self.X, self.y, **self.given)
        )

    def search(self, n_jobs: int) -> Any:
        """Mean scores of a search of four fits at a time of two."""
        model = clone(self.estimator).set_params(n_jobs=n_jobs)
        grid = {"random_state": [0, 1]}
        search = GridSearchCV(model, grid, cv=2, n_jobs=2, refit=False)
        return search.fit(self.X, self.y, **self.given).cv_results_["mean_test_score"]


def fit(case: Case, n_jobs: int) -> Any:
    """Coefficients of a fit, which workers send back."""
    return case.fit(n_jobs).coef_


Run = Callable[[Case, int], Any]
"""What runs fits of a case with so many jobs each; its answer tells models apart."""


def _spin() -> None:
    while True:
        pass


@contextmanager
def beside_two() -> Iterator[Run]:
    """Two processes that only spin."""
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=_spin, daemon=True) for _ in range(2)]
    for other in others:
        other.start()
    try:
        yield fit
    finally:
        for other in others:
            other.kill()
            other.join()


@contextmanager
def at_once() -> Iterator[Run]:
    """Four fits, each in a thread."""

    def run(case: Case, n_jobs: int) -> Any:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda _: fit(case, n_jobs), range(AT_ONCE)))

    yield run


@contextmanager
def workers(backend: str) -> Iterator[Run]:
    """Four fits for two workers of joblib."""

    def run(case: Case, n_jobs: int) -> Any:
        with parallel_config(backend):
            parallel = Parallel(n_jobs=2, batch_size=1)
            return parallel(delayed(fit)(case, n_jobs) for _ in range(AT_ONCE))

    yield run


@contextmanager
def search(backend: str) -> Iterator[Run]:
    """A search of four fits with two workers of joblib."""

    def run(case: Case, n_jobs: int) -> Any:
        with parallel_config(backend):
            return case.search(n_jobs)

    yield run


@contextmanager
def _cluster(n_workers: int, n_threads: int, processes: bool) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with ExitStack() as stack:
        cluster = LocalCluster(
            n_workers=n_workers,
            threads_per_worker=n_threads,
            processes=processes,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        )
        yield stack.enter_context(Client(stack.enter_context(cluster)))


@contextmanager
def dask_tasks(n_workers: int, n_threads: int, processes: bool) -> Iterator[Run]:
    """Four fits as tasks of a cluster."""
    with _cluster(n_workers, n_threads, processes) as client:

        def run(case: Case, n_jobs: int) -> Any:
            [sent] = client.scatter([case], hash=False, broadcast=True)
            tasks = [
                client.submit(fit, sent, n_jobs, pure=False) for _ in range(AT_ONCE)
            ]
            return client.gather(tasks)

        yield run


@contextmanager
def dask_search() -> Iterator[Run]:
    """A search whose fits joblib sends to two processes of a cluster."""
    with _cluster(2, 1, True), search("dask") as run:
        yield run


@contextmanager
def dask_backend() -> Iterator[Run]:
    """A fit on shards on two processes of a cluster."""
    from sklearn_sagemaker.backends import DaskBackend

    with _cluster(2, 1, True) as client:

        def run(case: Case, n_jobs: int) -> Any:
            backend = DaskBackend(client, n_shards=2)
            model = clone(case.estimator).set_params(backend=backend, n_jobs=n_jobs)
            return model.fit(case.X, case.y, **case.given).coef_

        yield run
