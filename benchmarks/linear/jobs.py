"""Gain of ``n_jobs=2`` over ``n_jobs=1``, next to what the machine has to give.

The gain of two processes of sgemm over one, in the same run, is the machine's: two
cores that share caches, memory and clock do not give twice the work of one. The
normalised gain is ours times 2 over the machine's, so that 2 would be perfect. Early
stopping is off. The coefficients must be the same bit for bit for 1, 2 and 8 jobs.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

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
from benchmarks.data.sets import Split, load
from benchmarks.data.sparse import make_sparse
from benchmarks.linear.fits import every_epoch
from sklearn_sagemaker import LinearLearnerClassifier

EPOCHS = {"MNIST zero": 15, "CSR": 5}
MODELS = (64, 32)
LEAST = {"MNIST zero": 1.7, "CSR": 1.55}
JOBS = (1, 2, 8)
SAME_EPOCHS = 2


def fit(data: Split, n_models: int, n_jobs: int, epochs: int):
    """One fit without early stopping."""
    model = LinearLearnerClassifier(
        num_models=n_models, n_jobs=n_jobs, random_state=0, **every_epoch(epochs)
    )
    return data.fit(model)


def same(a, b) -> bool:
    """Whether two fits agree bit for bit."""
    pairs = [
        (a.coef_, b.coef_),
        (a.intercept_, b.intercept_),
        (a.candidates_["validation_loss"], b.candidates_["validation_loss"]),
    ]
    return all(np.array_equal(left, right) for left, right in pairs)


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser, 5)
    add_quick(parser, "3 epochs on MNIST, 1 on the CSR set")
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("One core only: nothing to gain from two jobs.")
    print_environment()
    sets = {
        "MNIST zero": load(options.data_dir, "mnist-zero"),
        "CSR": make_sparse(),
    }
    epochs = {"MNIST zero": 3, "CSR": 1} if options.quick else EPOCHS
    fits = {
        (name, models, jobs): partial(fit, sets[name], models, jobs, epochs[name])
        for name in sets
        for models in MODELS
        for jobs in (1, 2)
    }
    with Processes() as processes:
        cases: dict[str, tuple[Callable[[], Any], int]] = {
            **processes.cases(options.repeats),
            **{str(key): (case, options.repeats) for key, case in fits.items()},
        }
        timings = measure(cases)
    machine = processes.gain
    print(
        f"{PRODUCTS} products {SHAPE[0]:,} x {SHAPE[1]} by {SHAPE[1]} x {SHAPE[2]}: "
        f"{processes.seconds(1):.3f} s in one process, {processes.seconds(2):.3f} s in "
        f"each of two at once: the machine's gain is {machine:.2f}\n"
    )
    rows, normalised = [], {}
    for name in sets:
        for models in MODELS:
            single, double = (
                timings[str((name, models, jobs))].seconds for jobs in (1, 2)
            )
            gain = single / double
            normalised[name, models] = gain * 2 / machine
            rows.append(
                [
                    f"{name}, {models} candidates",
                    options.repeats,
                    f"{single:.3f}",
                    f"{double:.3f}",
                    f"{gain:.2f}",
                    f"{normalised[name, models]:.2f}",
                ]
            )
    print_table(
        [
            "fit",
            "runs",
            "n_jobs=1, s (median)",
            "n_jobs=2, s (median)",
            "gain",
            "normalised",
        ],
        rows,
    )
    if machine < LEAST_GAIN:
        print(
            f"BUSY MACHINE: it gains {machine:.2f} by a second process, so the "
            "normalised gains mean nothing"
        )
    differ = 0
    for data in sets.values():
        for models in MODELS:
            found = [fit(data, models, jobs, SAME_EPOCHS) for jobs in JOBS]
            differ += sum(not same(found[0], other) for other in found[1:])
    bars = Bars()
    for (name, models), value in normalised.items():
        bars.check(
            f"normalised gain, {name}, {models} candidates",
            value,
            value >= LEAST[name] and machine >= LEAST_GAIN,
            f"at least {LEAST[name]:g}, where the machine gains {LEAST_GAIN:g} or more",
        )
    bars.at_most(f"fits that differ between n_jobs {JOBS}", differ, 0)
    bars.exit()


if __name__ == "__main__":
    main()
