"""Gain of ``n_jobs=2`` for one machine by sweeps, next to what the machine has to give.

One candidate, no folds, every epoch: what threads share is the sweeps. The ratings of
`mlsmall`, with and without side columns, and a million made ones are one-hot ids of
users and films; the set of the speed bars has ten fields whose columns lie in no order,
so that neighbours have rows in common and only frequent columns are shared. Linear
weights, intercept and factors must be the same bit for bit for 1, 2 and 8 jobs.

The gain of two processes of sgemm over one, in the same run, is the machine's; the
normalised gain is ours times 2 over it. A second table takes the CPU seconds of a fit
with one job apart: what threads share (steps of the features, sums from scratch, and
errors and latent numbers of rows where these are many), the noise that one thread draws
while others step, and the rest, which is serial; and says by a model what 2 to 8
threads gain at most:

    serial + max(noise, (noise + shared) * ceil(8 / T) / 8) + shared in stages of one
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.common import (
    Bars,
    add_quick,
    add_repeats,
    make_parser,
    measure,
    print_environment,
    print_table,
)
from benchmarks.common.machine import LEAST_GAIN, PRODUCTS, SHAPE, Processes
from benchmarks.data.factors import load_ratings, make_ratings, make_speed
from benchmarks.factors.fits import estimator, unvalidated
from sklearn_sagemaker._kernels import sweep_kernels
from sklearn_sagemaker.training.factors import sweep_model
from sklearn_sagemaker.training.factors.panels import Panels
from sklearn_sagemaker.training.factors.stages import Stages
from sklearn_sagemaker.training.factors.sweep_model import SweepModel

EPOCHS, OF_LARGE, OF_QUICK = {"als": 30, "mcmc": 50}, {"als": 10, "mcmc": 20}, 10
LEAST = {"als": 1.5, "mcmc": 1.4}
JOBS, THREADS = (1, 2, 8), (2, 4, 8)
SAME_EPOCHS = 5
MADE = "made ratings"


def fit(X, y, solver: str, n_jobs: int, epochs: int, task: str = "regression"):
    """One machine that sees no validation rows."""
    settings = {"solver": solver, "num_models": 1, "n_jobs": n_jobs}
    return estimator(task, **settings, **unvalidated(epochs)).fit(X, y)


def same(a, b) -> bool:
    """Whether two fits agree bit for bit."""
    names = ("intercept_", "coef_", "factors_")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


class Parts:
    """CPU seconds of the parts of fits with one job, within a ``with`` block."""

    def __init__(self) -> None:
        self.cpu = dict.fromkeys(("steps", "sums", "noise", "rows"), 0.0)
        self.in_order = 0.0
        self._stack = ExitStack()

    def __enter__(self) -> "Parts":
        step = Panels.step

        def with_noise(panels, *arguments):
            *most, draw = arguments
            drawn = draw and self._timed("noise", draw)
            before = self.cpu["noise"]
            self._timed("steps", step)(panels, *most, drawn)
            # It is drawn within the step.
            self.cpu["steps"] -= self.cpu["noise"] - before
            self.in_order = in_order(panels._store.stages, panels._store.indptr)

        self._patch(Panels, "step", with_noise)
        self._patch(Panels, "sums", self._timed("sums", Panels.sums))
        by_rows = SweepModel._by_rows
        timed = self._timed("rows", by_rows)

        def rows_shared(model, call, quick=False):
            alone = quick and model.store.n_rows < sweep_model.MANY_ROWS
            return (by_rows if alone else timed)(model, call, quick)

        self._patch(SweepModel, "_by_rows", rows_shared)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _patch(self, owner: type, name: str, call: Callable) -> None:
        self._stack.enter_context(patch.object(owner, name, call))

    def _timed(self, name: str, call: Callable) -> Callable:
        def timed(*arguments):
            start = time.process_time()
            answer = call(*arguments)
            self.cpu[name] += time.process_time() - start
            return answer

        return timed


def in_order(stages: Stages, indptr: np.ndarray) -> float:
    """Share of the entries in stages that one thread steps."""
    first = np.cumsum([0, *np.maximum(stages.counts, 1)])[:-1][stages.counts == 1]
    entries = indptr[stages.bounds[first + 1]] - indptr[stages.bounds[first]]
    return float(entries.sum() / indptr[-1])


def taken_apart(case: Callable[[], Any]) -> dict[str, float]:
    """CPU seconds of a fit with one job and of its parts."""
    with Parts() as parts:
        start = time.process_time()
        case()
        seconds = time.process_time() - start
    found = {**parts.cpu, "all": seconds, "serial": seconds - sum(parts.cpu.values())}
    return found | {"in order": parts.in_order}


def predicted(found: dict[str, float], threads: int) -> float:
    """Seconds with so many threads, by the model."""
    by_features = found["steps"] + found["sums"]
    one = by_features * found["in order"]
    shared = by_features - one + found["rows"]
    most = -(-sweep_kernels.MOST_ITEMS // threads) / sweep_kernels.MOST_ITEMS
    steps = max(found["noise"], (found["noise"] + shared) * most)
    return found["serial"] + one + steps


def main() -> None:
    """Print the tables and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser, 5)
    add_quick(parser, "a tenth of the made ratings, no speed set, 10 epochs")
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("One core only: nothing to gain from two jobs.")
    print_environment()
    sets: dict[str, tuple] = {}
    for name in ("mlsmall", "mlsmall_side"):
        split, _ = load_ratings(options.data_dir, name)
        sets[name] = split.X_train, split.y_train
    sets[MADE] = make_ratings(100_000 if options.quick else 1_000_000)
    if not options.quick:
        sets["speed set"] = make_speed()[:2]
    cases: dict[str, Callable[[int], Any]] = {}
    for name, (X, y) in sets.items():
        for solver, epochs in EPOCHS.items():
            count = epochs if name.startswith("ml") else OF_LARGE[solver]
            count = OF_QUICK if options.quick else count
            cases[f"{name}, {solver}"] = partial(fit, X, y, solver, epochs=count)
    X, y = sets["mlsmall"]
    probit = partial(fit, X, y >= 4, "mcmc", epochs=10, task="classification")
    cases["mlsmall, mcmc, probit"] = probit
    with Processes() as processes:
        timings = measure(
            {
                **processes.cases(options.repeats),
                **{
                    f"{name}, {jobs}": (partial(case, n_jobs=jobs), options.repeats)
                    for name, case in cases.items()
                    for jobs in (1, 2)
                },
            }
        )
    machine = processes.gain
    print(
        f"{PRODUCTS} products {SHAPE[0]:,} x {SHAPE[1]} by {SHAPE[1]} x {SHAPE[2]}: "
        f"{processes.seconds(1):.3f} s in one process, {processes.seconds(2):.3f} s in "
        f"each of two at once: the machine's gain is {machine:.2f}\n"
    )
    rows, normalised = [], {}
    for name in cases:
        one, two = (timings[f"{name}, {jobs}"] for jobs in (1, 2))
        gain = one.seconds / two.seconds
        normalised[name] = gain * 2 / machine
        rows.append(
            [
                name,
                f"{one.seconds:.3f}",
                f"{two.seconds:.3f}",
                f"{gain:.2f}",
                f"{normalised[name]:.2f}",
                f"{one.cpu_seconds:.3f}",
                f"{two.cpu_seconds:.3f}",
            ]
        )
    heads = ["fit", "n_jobs=1, s", "n_jobs=2, s", "gain", "normalised"]
    print_table([*heads, "CPU s, 1", "CPU s, 2"], rows)
    if machine < LEAST_GAIN:
        print(
            f"BUSY MACHINE: it gains {machine:.2f} by a second process, so the "
            "normalised gains mean nothing"
        )
    rows = []
    for name, case in cases.items():
        found = taken_apart(partial(case, n_jobs=1))
        parts = [found[part] for part in ("steps", "sums", "rows", "noise", "serial")]
        rows.append(
            [
                name,
                f"{found['all']:.3f}",
                *(f"{part / found['all']:.1%}" for part in parts),
                f"{found['in order']:.1%}",
                *(f"{found['all'] / predicted(found, count):.2f}" for count in THREADS),
            ]
        )
    heads = ["fit", "CPU s", "steps", "sums", "rows", "noise", "serial"]
    print_table(
        [*heads, "entries in order", *(f"{count} threads" for count in THREADS)], rows
    )
    differ = 0
    for case in cases.values():
        fits = [case(n_jobs=jobs, epochs=SAME_EPOCHS) for jobs in JOBS]
        differ += sum(not same(fits[0], other) for other in fits[1:])
    bars = Bars()
    for solver, least in LEAST.items():
        value = normalised[f"{MADE}, {solver}"]
        bars.check(
            f"normalised gain, {MADE}, {solver}",
            value,
            value >= least and machine >= LEAST_GAIN,
            f"at least {least:g}, where the machine gains {LEAST_GAIN:g} or more",
        )
    bars.at_most(f"fits that differ between n_jobs {JOBS}", differ, 0)
    bars.exit()


if __name__ == "__main__":
    main()
