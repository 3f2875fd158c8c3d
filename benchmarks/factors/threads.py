"""What threads share of fits of Factorization Machines, and the gain of more of them.

Default fits of each solver on ratings, on a made set of clicks and on a dense table.

Serial share. A fit runs in one thread and cuts its work as for 1, 2, 4 or 8: what it
maps over threads is timed item by item, in CPU seconds. All else is serial, of what is
cut for 8. The predicted gain of T threads is that of one over

    serial + sum over the maps of (seconds of T threads that take the items in order)

which counts waiting at the end of each map, and neither caches, memory nor Python's
lock: an upper limit. No number of threads gets below the chain: what is serial and the
longest item of each map, such as the epochs of one model. Threads that share one item
are not seen.

Gain of ``n_jobs=2``: wall seconds, also of one model in mini-batches by SageMaker's
settings, 10 epochs: the clicks, whose rows store too little to be shared, and a table
of 100 columns, which threads share. They stand next to what the machine gains by a
second process of matrix products in the same run, of which 2 would be perfect. The
model and the losses must be the same bit for bit for 1, 2 and 8 jobs.
"""

import contextlib
import heapq
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from benchmarks.common import (
    Bars,
    add_quick,
    add_repeats,
    add_several,
    make_parser,
    measure,
    print_environment,
    print_table,
)
from benchmarks.common.gains import JOBS
from benchmarks.common.machine import LEAST_GAIN, Processes
from benchmarks.common.stand_ins import stand_in
from benchmarks.data.factor_cases import CASES
from benchmarks.data.factors import make_ctr
from benchmarks.data.sets import Split, load
from benchmarks.factors.fits import SOLVERS, estimator
from sklearn_sagemaker import FactorizationMachinesClassifier
from sklearn_sagemaker.training.factors import run

THREADS = (2, 4, 8)
TABLE = "dense, pairs"
"""Its rows are validated by folds."""
WIDE_ROWS = 20_000
"""Of the table in mini-batches."""
MAX_SERIAL, LONG = 0.05, 1.0
"""Share of the CPU seconds of fits that take so many."""


class Shared:
    """Maps that run in one thread, and note the CPU seconds of each item."""

    def __init__(self) -> None:
        self.maps: list[list[float]] = []
        self._inside = False

    @contextmanager
    def threads(
        self, count: int, n_bytes: float = math.inf, locked: bool = True
    ) -> Iterator[Callable[..., list[Any]]]:
        """In place of `sklearn_sagemaker._threads.threads`."""
        yield self._map

    def _map(self, call: Callable, *items: Any) -> list[Any]:
        if self._inside:
            # Of an item, whose seconds count already.
            return list(map(call, *items))
        self._inside, answers, seconds = True, [], []
        for arguments in zip(*items, strict=True):
            start = time.process_time()
            answers.append(call(*arguments))
            seconds.append(time.process_time() - start)
        self._inside = False
        self.maps.append(seconds or [0.0])
        return answers

    @property
    def seconds(self) -> float:
        """Of all items."""
        return sum(map(sum, self.maps))

    def within(self, threads: int) -> float:
        """Seconds that so many threads take, each the next item when it is free."""
        total = 0.0
        for items in self.maps:
            free = [0.0] * threads
            for seconds in items:
                heapq.heapreplace(free, free[0] + seconds)
            total += max(free)
        return total


@contextmanager
def one_thread() -> Iterator[Shared]:
    """Runs map what they share in one thread."""
    shared = Shared()
    # What has no warnings here has none there.
    with (
        stand_in(run, "threads", shared.threads),
        stand_in(run, "quietly", lambda spread: spread),
        np.errstate(all="ignore"),
    ):
        yield shared


STAND_INS = (one_thread,)


def taken_apart(fit: Callable[[int], Any], jobs: int) -> dict[str, float]:
    """CPU seconds of a fit whose work is cut for so many jobs, in one thread."""
    with one_thread() as shared:
        start = time.process_time()
        fit(jobs)
        seconds = time.process_time() - start
    serial = seconds - shared.seconds
    return {
        "all": seconds,
        "serial": serial,
        "predicted": serial + shared.within(jobs),
        "chain": serial + sum(map(max, shared.maps)),
    }


def clicks_of(quick: bool) -> Split:
    """The set of clicks, or a tenth of it."""
    clicks = make_ctr()
    if not quick:
        return clicks
    return Split(
        clicks.X_train[:10_000], clicks.y_train[:10_000],
        clicks.X_val[:2_000], clicks.y_val[:2_000], None, None,
    )  # fmt: skip


def cases(
    data_dir, solvers: Sequence[str], clicks: Split
) -> dict[str, Callable[[int], Any]]:
    """Default fits by name, of a number of jobs."""
    X, y, n_train = CASES[TABLE](np.random.default_rng(0))
    table = X[:n_train].astype(np.float32), y[:n_train]
    ratings = load(data_dir, "mlsmall")

    def given(task: str, data: Split, solver: str, jobs: int):
        return data.fit(estimator(task, solver=solver, n_jobs=jobs))

    def folds(solver: str, jobs: int):
        return estimator("regression", solver=solver, n_jobs=jobs).fit(*table)

    found: dict[str, Callable[[int], Any]] = {}
    for solver in solvers:
        found[f"{solver}, ratings"] = partial(given, "regression", ratings, solver)
        found[f"{solver}, clicks"] = partial(given, "classification", clicks, solver)
        found[f"{solver}, table, folds"] = partial(folds, solver)
    return found


def batches(X: Any, y: np.ndarray, jobs: int):
    """A fit of one model by SageMaker's settings."""
    model = FactorizationMachinesClassifier.sagemaker_defaults(
        epochs=10, n_jobs=jobs, random_state=0
    )
    return model.fit(X, y)


def same(a: Any, b: Any) -> bool:
    """Whether two fits agree bit for bit."""
    names = ("intercept_", "coef_", "factors_", "validation_curve_", "loss_curve_")
    losses = (one.candidates_["validation_loss"] for one in (a, b))
    return np.array_equal(*losses) and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in names
    )


def main() -> None:
    """Print the tables and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser, 3)
    add_several(parser, "--solvers", SOLVERS)
    add_quick(parser, "a tenth of the clicks, one run")
    options = parser.parse_args()
    print_environment()
    repeats = 1 if options.quick else options.repeats
    clicks = clicks_of(options.quick)
    fits = cases(options.data_dir, options.solvers, clicks)
    rows, bars = [], Bars()
    for name, fit in fits.items():
        apart = {
            str(jobs): (partial(taken_apart, fit, jobs), repeats)
            for jobs in (1, *THREADS)
        }
        found = measure(apart)
        one = found["1"].result
        most = found[str(THREADS[-1])].result
        chain, serial = (most[part] / most["all"] for part in ("chain", "serial"))
        if one["all"] >= LONG:
            bars.at_most(f"serial share, {name}", serial, MAX_SERIAL)
        row = [name, f"{one['all']:.2f}", f"{serial:.1%}", f"{chain:.0%}"]
        for jobs in THREADS:
            row.append(f"{one['all'] / found[str(jobs)].result['predicted']:.2f}")
        rows.append(row)
    print("predicted gain of so many threads over one:\n")
    print_table(["fit", "CPU s", "serial", "chain", *map(str, THREADS)], rows)
    if "gradient" in options.solvers:
        rng = np.random.default_rng(0)
        wide = rng.normal(size=(WIDE_ROWS, 100)).astype(np.float32)
        classes = (wide[:, 0] * wide[:, 1] > 0).astype(np.int64)
        given = clicks.X_train, clicks.y_train
        fits["gradient, mini-batches"] = partial(batches, *given)
        fits["gradient, mini-batches, table"] = partial(batches, wide, classes)
    several = (os.cpu_count() or 1) > 1
    with Processes() if several else contextlib.nullcontext() as processes:
        timed: dict[str, tuple[Callable[[], Any], int]] = {}
        if processes is not None:
            timed |= processes.cases(repeats)
        for name, fit in fits.items():
            for jobs in JOBS:
                runs = repeats if several and jobs <= 2 else 1
                timed[f"{name}: {jobs}"] = (partial(fit, jobs), runs)
        timings = measure(timed)
    machine = processes.gain if processes is not None else float("nan")
    rows, differ = [], 0
    for name in fits:
        one, two, most = (timings[f"{name}: {jobs}"] for jobs in JOBS)
        differ += sum(not same(one.result, other.result) for other in (two, most))
        gain = one.seconds / two.seconds
        rows.append(
            [
                name,
                f"{one.seconds:.2f}",
                f"{two.seconds:.2f}",
                f"{gain:.2f}",
                f"{gain * 2 / machine:.2f}",
                f"{two.cpu_ratio(one):.2f}",
            ]
        )
    headers = [
        "fit",
        "n_jobs=1, s",
        "n_jobs=2, s",
        "gain",
        "normalised",
        "CPU s / one's",
    ]
    print_table(headers, rows)
    print(f"The machine gains {machine:.2f} by a second process.")
    if not machine >= LEAST_GAIN:
        print("BUSY MACHINE, or one core: the gains mean nothing")
    bars.at_most(f"fits that differ between n_jobs {JOBS}", differ, 0)
    bars.exit()


if __name__ == "__main__":
    main()
