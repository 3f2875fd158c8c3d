"""Gain of ``n_jobs=2`` over ``n_jobs=1``, next to what the machine has to give.

The gain of two processes of sgemm over one, in the same run, is the machine's: two
cores that share caches, memory and clock do not give twice the work of one. The
normalised gain is ours times 2 over the machine's, so that 2 would be perfect. Early
stopping is off. The coefficients must be the same bit for bit for 1, 2 and 8 jobs.
"""

from common import (
    Bars,
    add_repeats,
    load_mnist_zero,
    make_parser,
    measure,
    print_environment,
    print_table,
)

# isort: split
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from datasets import make_sparse
from machine import Sgemm

from sklearn_sagemaker import LinearLearnerClassifier

EPOCHS = {"MNIST zero": 15, "CSR": 5}
MODELS = {64: 1.7, 32: 1.5}
JOBS = (1, 2, 8)
SAME_EPOCHS = 2
NEVER = 10**6
# Below this gain by a second process something else uses the cores, and no bar is met.
LEAST_MACHINE = 1.5
# One process's share: about a second of mini-batches times columns.
SHAPE, PRODUCTS = (50_000, 784, 32), 20


# ---------------------------------------------------------------- the machine
def serve_products() -> None:
    """Do the products whenever a line arrives, and answer with the seconds."""
    gemm = Sgemm(*SHAPE, PRODUCTS)
    gemm()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        gemm()
        print(time.perf_counter() - start, flush=True)


class Processes:
    """Two processes that wait for orders to multiply matrices."""

    def __init__(self):
        self.children = [
            subprocess.Popen(
                [sys.executable, __file__, "--in-process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for child in self.children:
            assert child.stdout is not None
            if child.stdout.readline().strip() != "ready":
                raise RuntimeError("a process of sgemm did not start")

    def seconds(self, count: int) -> float:
        """Seconds of the slowest of so many processes at work together."""
        for child in self.children[:count]:
            print("go", file=child.stdin, flush=True)
        return max(float(child.stdout.readline()) for child in self.children[:count])

    def close(self) -> None:
        """End the processes."""
        for child in self.children:
            child.stdin.close()
            child.wait()


# -------------------------------------------------------------------- the fits
def fit(data, n_models, n_jobs, epochs):
    """One fit without early stopping."""
    X, y, X_val, y_val = data
    model = LinearLearnerClassifier(
        num_models=n_models,
        epochs=epochs,
        early_stopping_patience=NEVER,
        n_jobs=n_jobs,
        random_state=0,
    )
    return model.fit(X, y, X_val=X_val, y_val=y_val)


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
    parser.add_argument(
        "--quick", action="store_true", help="3 epochs on MNIST, 1 on the CSR set"
    )
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("One core only: nothing to gain from two jobs.")
    print_environment()
    mnist = load_mnist_zero(options.data_dir)
    parts = make_sparse()
    sets = {
        "MNIST zero": (mnist.X_train, mnist.y_train, mnist.X_val, mnist.y_val),
        "CSR": (*parts["train"], *parts["val"]),
    }
    epochs = {"MNIST zero": 3, "CSR": 1} if options.quick else EPOCHS
    fits = {
        (name, models, jobs): partial(fit, sets[name], models, jobs, epochs[name])
        for name in sets
        for models in MODELS
        for jobs in (1, 2)
    }
    processes = Processes()
    try:
        one: list[float] = []
        two: list[float] = []
        cases: dict[str, tuple[Callable[[], Any], int]] = {
            "one": (lambda: one.append(processes.seconds(1)), options.repeats),
            "two": (lambda: two.append(processes.seconds(2)), options.repeats),
            **{str(key): (case, options.repeats) for key, case in fits.items()},
        }
        timings = measure(cases)
    finally:
        processes.close()
    alone, together = statistics.median(one), statistics.median(two)
    machine = 2 * alone / together
    print(
        f"{PRODUCTS} products {SHAPE[0]:,} x {SHAPE[1]} by {SHAPE[1]} x {SHAPE[2]}: "
        f"{alone:.3f} s in one process, {together:.3f} s in each of two at once: the "
        f"machine's gain is {machine:.2f}\n"
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
    if machine < LEAST_MACHINE:
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
    for models, least in MODELS.items():
        value = normalised["MNIST zero", models]
        bars.check(
            f"normalised gain, MNIST zero, {models} candidates",
            value,
            value >= least and machine >= LEAST_MACHINE,
            f"at least {least:g}, where the machine gains {LEAST_MACHINE:g} or more",
        )
    bars.at_most(f"fits that differ between n_jobs {JOBS}", differ, 0)
    bars.exit()


if __name__ == "__main__":
    if "--in-process" in sys.argv:
        serve_products()
    else:
        main()
