"""``n_jobs=2`` where other fits or programs want the processors, on two cores.

A fit alone, beside two processes that only spin, and four fits for two processors: at
once in threads, in a search, in workers of joblib, in workers of Dask. Threads of a fit
gain nothing there, and should cost nothing either. And fits of 5 to 100 ms that are
alone, for which starting threads may take longer than what they save. The runs take
turns and the least seconds count, which a busy machine changes least. Coefficients and
scores must be the same bit for bit. What two threads gain a fit that is alone `jobs`
and `candidates` tell.
"""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.common import (
    Bars,
    add_repeats,
    add_several,
    make_parser,
    measure,
    print_environment,
    print_table,
)
from benchmarks.common.places import (
    Case,
    at_once,
    beside_two,
    dask_backend,
    dask_search,
    dask_tasks,
    fit,
    search,
    workers,
)
from benchmarks.linear.fits import every_epoch
from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)

COST = 1.1
SHARDED = ("784 columns", "CSR")
HERE = partial(nullcontext, fit)
PLACES: dict[str, Callable[[], Any]] = {
    "alone": HERE,
    "beside two that spin": beside_two,
    "four at once": at_once,
    "search, loky": partial(search, "loky"),
    "search, threading": partial(search, "threading"),
    "joblib, loky": partial(workers, "loky"),
    "joblib, threading": partial(workers, "threading"),
    "search, dask": dask_search,
    "Dask, 2 processes": partial(dask_tasks, 2, 1, True),
    "Dask, 2 threads": partial(dask_tasks, 1, 2, False),
    "DaskBackend": dask_backend,
    "small, alone": HERE,
}


def dense(n_rows: int, n_features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows in float32, and targets that depend on all features."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    return X, X @ rng.normal(size=n_features) + rng.normal(size=n_rows)


def sparse(n_rows: int, n_features: int, stored: int) -> tuple[Any, np.ndarray]:
    """Rows in CSR, of so many stored values each, and targets."""
    rng = np.random.default_rng(0)
    columns = (n_features * rng.random((n_rows, stored)) ** 3).astype(np.int32)
    values = np.abs(rng.normal(size=n_rows * stored)).astype(np.float32)
    starts = np.arange(0, n_rows * stored + 1, stored)
    X = sp.csr_matrix((values, columns.ravel(), starts), shape=(n_rows, n_features))
    X.sum_duplicates()
    return X, X @ rng.normal(size=n_features) + rng.normal(size=n_rows)


def classes(rows: tuple) -> tuple:
    """The same rows with two classes."""
    return rows[0], (rows[1] > np.median(rows[1])).astype(int)


def steps(num_models: int, epochs: int) -> LinearLearnerClassifier:
    """Candidates that take steps."""
    return LinearLearnerClassifier(
        num_models=num_models, optimizer="adam", random_state=0, **every_epoch(epochs)
    )


def make_cases() -> dict[str, Case]:
    """Fits of some tenths of a second."""
    return {
        "784 columns": Case(steps(32, 2), *classes(dense(6_000, 784)), 1_000),
        "20 columns": Case(steps(32, 6), *classes(dense(100_000, 20)), 1_000),
        "CSR": Case(steps(32, 2), *classes(sparse(30_000, 5_000, 70)), 1_000),
        "solved, logistic": Case(
            LinearLearnerClassifier(random_state=0), *classes(dense(1_500, 20))
        ),
        "solved, squares": Case(
            LinearLearnerRegressor(random_state=0), *dense(20_000, 100)
        ),
        "FM, gradient": Case(
            FactorizationMachinesClassifier(random_state=0, epochs=3),
            *classes(sparse(3_000, 400, 10)),
        ),
        "FM, als": Case(
            FactorizationMachinesRegressor(solver="als", random_state=0, epochs=5),
            *sparse(3_000, 400, 8),
        ),
    }


def make_small() -> dict[str, Case]:
    """Fits that threads can hardly make shorter."""
    few = {"random_state": 0, "num_models": 2, "epochs": 3}
    return {
        "logistic, 150 x 4": Case(
            LinearLearnerClassifier(random_state=0), *classes(dense(150, 4))
        ),
        "squares, 150 x 4": Case(
            LinearLearnerRegressor(random_state=0), *dense(150, 4)
        ),
        "squares, 1,000 x 20": Case(
            LinearLearnerRegressor(random_state=0), *dense(1_000, 20)
        ),
        "steps, 500 x 20": Case(
            LinearLearnerClassifier(optimizer="adam", **few), *classes(dense(500, 20))
        ),
        "steps, 20,000 x 100": Case(
            LinearLearnerClassifier(
                optimizer="adam", **{**few, "epochs": 1}, cv=False, mini_batch_size=100
            ),
            *classes(dense(20_000, 100)),
        ),
        "steps, CSR": Case(
            LinearLearnerClassifier(optimizer="adam", **few),
            *classes(sparse(1_000, 500, 10)),
        ),
        "FM, gradient": Case(
            FactorizationMachinesClassifier(**few), *classes(sparse(300, 100, 5))
        ),
        "FM, als": Case(
            FactorizationMachinesRegressor(solver="als", **few), *sparse(300, 60, 5)
        ),
    }


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__, data=False)
    add_repeats(parser, 5, "runs of each case, of which the fastest counts")
    add_several(parser, "--places", PLACES)
    add_several(parser, "--fits", make_cases())
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("One core only: nothing to gain from two jobs.")
    print_environment()
    table, bars, differ = [], Bars(), 0
    for place in options.places:
        small = place.startswith("small")
        cases = make_small() if small else make_cases()
        if not small:
            cases = {name: cases[name] for name in options.fits}
        if place == "DaskBackend":
            cases = {name: cases[name] for name in SHARDED if name in cases}
        jobs = (1, 2, -1) if place.startswith("search") else (1, 2)
        repeats = 5 * options.repeats if small else options.repeats
        with PLACES[place]() as run:
            for case in cases.values():
                run(case, 2)
            timings = measure(
                {
                    str((name, count)): (partial(run, case, count), repeats)
                    for name, case in cases.items()
                    for count in jobs
                }
            )
        costs = {}
        for name in cases:
            found = [timings[str((name, count))] for count in jobs]
            one, *others = (min(timing.wall) for timing in found)
            costs[name] = max(other / one for other in others)
            results = [np.asarray(timing.result) for timing in found]
            differ += sum(not np.array_equal(results[0], more) for more in results[1:])
            seconds = [f"{1000 * value:.0f}" for value in (one, *others)]
            cells = [*seconds, ""][:3]
            table.append([place, name, repeats, *cells, f"{costs[name]:.2f}"])
        if costs:
            worst = max(costs, key=costs.__getitem__)
            bars.at_most(f"{place}, most cost ({worst})", costs[worst], COST)
    headers = ["where", "fit", "runs"]
    times = [f"n_jobs={count}, ms (min)" for count in (1, 2, -1)]
    print_table([*headers, *times, "cost"], table)
    bars.at_most("fits and searches that differ", differ, 0)
    bars.exit()


if __name__ == "__main__":
    main()
