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

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.common import (
    Bars,
    add_quick,
    add_repeats,
    make_parser,
    print_environment,
    print_table,
)
from benchmarks.common.gains import HEADERS, Gains, check_equal, need_two_cores
from benchmarks.common.parts import Parts
from benchmarks.data.factors import load_ratings, make_ratings, make_speed
from benchmarks.factors.fits import estimator, unvalidated
from sklearn_sagemaker._kernels import sweep_kernels
from sklearn_sagemaker.training.factors import sweep_model
from sklearn_sagemaker.training.factors.panels import Panels
from sklearn_sagemaker.training.factors.stages import Stages
from sklearn_sagemaker.training.factors.sweep_model import SweepModel

EPOCHS, OF_LARGE, OF_QUICK = {"als": 30, "mcmc": 50}, {"als": 10, "mcmc": 20}, 10
LEAST = {"als": 1.5, "mcmc": 1.4}
THREADS = (2, 4, 8)
SAME_EPOCHS = 5
MADE = "made ratings"


def fit(X, y, solver: str, *, n_jobs: int, epochs: int, task: str = "regression"):
    """One machine that sees no validation rows."""
    settings = {"solver": solver, "num_models": 1, "n_jobs": n_jobs}
    return estimator(task, **settings, **unvalidated(epochs)).fit(X, y)


def same(a, b) -> bool:
    """Whether two fits agree bit for bit."""
    names = ("intercept_", "coef_", "factors_")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


class SweepParts(Parts):
    """CPU seconds of the parts of fits with one job, within a ``with`` block."""

    def __init__(self) -> None:
        super().__init__(("steps", "sums", "noise", "rows"))
        self.in_order = 0.0

    def watch(self) -> None:
        """Time steps, sums, noise and what is done by rows."""
        step, by_rows = Panels.step, SweepModel._by_rows
        timed = self.timed("rows", by_rows)

        def with_noise(
            panels, panel, roots, groups, precision, mean, noise, alpha, draw=None
        ):
            given = panel, roots, groups, precision, mean, noise, alpha
            drawn = draw and self.timed("noise", draw)
            before = self.cpu["noise"]
            self.timed("steps", step)(panels, *given, drawn)
            # It is drawn within the step.
            self.cpu["steps"] -= self.cpu["noise"] - before
            self.in_order = in_order(panels._store.stages, panels._store.indptr)

        def rows_shared(model, call, quick=False):
            alone = quick and model.store.n_rows < sweep_model.MANY_ROWS
            return (by_rows if alone else timed)(model, call, quick)

        self.put(Panels, "step", with_noise)
        self.put(Panels, "sums", self.timed("sums", Panels.sums))
        self.put(SweepModel, "_by_rows", rows_shared)


STAND_INS = (SweepParts,)


def in_order(stages: Stages, indptr: np.ndarray) -> float:
    """Share of the entries in stages that one thread steps."""
    first = np.cumsum([0, *np.maximum(stages.counts, 1)])[:-1][stages.counts == 1]
    entries = indptr[stages.bounds[first + 1]] - indptr[stages.bounds[first]]
    return float(entries.sum() / indptr[-1])


def taken_apart(case: Callable[[], Any]) -> dict[str, float]:
    """CPU seconds of a fit with one job and of its parts."""
    parts = SweepParts()
    return parts.of(case) | {"in order": parts.in_order}


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
    need_two_cores()
    print_environment()
    sets: dict[str, tuple] = {}
    for name in ("mlsmall", "mlsmall_side"):
        split, _ = load_ratings(options.data_dir, name)
        sets[name] = split.X_train, split.y_train
    sets[MADE] = make_ratings(100_000 if options.quick else 1_000_000)
    if not options.quick:
        sets["speed set"] = make_speed()[:2]
    cases: dict[str, Callable[..., Any]] = {}
    for name, (X, y) in sets.items():
        for solver, epochs in EPOCHS.items():
            count = epochs if name.startswith("ml") else OF_LARGE[solver]
            count = OF_QUICK if options.quick else count
            cases[f"{name}, {solver}"] = partial(fit, X, y, solver, epochs=count)
    X, y = sets["mlsmall"]
    probit = partial(fit, X, y >= 4, "mcmc", epochs=10, task="classification")
    cases["mlsmall, mcmc, probit"] = probit
    gains = Gains(cases, options.repeats)
    rows = []
    for name, timings in gains.timings.items():
        cpu = (f"{timing.cpu_seconds:.3f}" for timing in timings)
        rows.append([name, *gains.cells(name), *cpu])
    print_table(["fit", *HEADERS, "CPU s, 1", "CPU s, 2"], rows)
    gains.print_busy()
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
    bars = Bars()
    for solver, least in LEAST.items():
        gains.check(bars, f"{MADE}, {solver}", least)
    check_equal(bars, cases.values(), same, epochs=SAME_EPOCHS)
    bars.exit()


if __name__ == "__main__":
    main()
