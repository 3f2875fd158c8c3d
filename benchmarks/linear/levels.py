"""CPU seconds of a fit with the kernels of each instruction-set level.

Each fit runs in a fresh process, on one thread, that the environment variable
SKLEARN_SAGEMAKER_CPU_LEVEL forces to a level. A level that is slower than a lower
one by more than 5 % misses the bar.
"""

import json
import statistics
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from benchmarks.common import (
    Bars,
    Timing,
    add_repeats,
    add_several,
    make_parser,
    print_environment,
    print_table,
    run_module,
)
from benchmarks.data.factors import make_speed
from benchmarks.data.sets import load
from benchmarks.data.sparse import load_sparse
from benchmarks.factors.fits import estimator, unvalidated
from sklearn_sagemaker._kernels import LEVEL, available_levels

TOLERANCE = 1.05
# The CSR fit is cut to 3 epochs: the arithmetic of all epochs is the same.
FITS = {
    "MNIST, 32 candidates": ("mnist", {}),
    "MNIST, one candidate": ("mnist", {"num_models": 1}),
    "CSR, 32 candidates, 3 epochs": ("csr", {"epochs": 3}),
    "CSR, one candidate, 3 epochs": ("csr", {"epochs": 3, "num_models": 1}),
}
FACTOR_FITS = {
    f"{solver}, {factors} factors, {epochs} epochs": (solver, factors, epochs)
    for solver, factors, epochs in (
        ("gradient", 8, 10), ("gradient", 64, 5), ("als", 8, 10), ("als", 64, 5),
        ("mcmc", 8, 10), ("mcmc", 64, 5),
    )
}  # fmt: skip
FACTOR_ROWS = 100_000
# Decays that are given need no draws to find them.
SETTINGS = {"als": {"linear_wd": 1e-4, "factors_wd": 1e-4}}
MODELS = ("linear", "factors")


def fits_of(models: Iterable[str]) -> list[str]:
    """Names of the fits of linear models, of factorization machines, or of both."""
    chosen = dict(zip(MODELS, (FITS, FACTOR_FITS), strict=True))
    return [name for model in models for name in chosen[model]]


def run_linear(data_dir: Path, sparse_dir: Path) -> dict[str, float]:
    """CPU seconds of each fit of linear models."""
    from sklearn_sagemaker import LinearLearnerClassifier

    mnist = load(data_dir, "mnist-zero")
    data = {
        "mnist": (mnist.X_train, mnist.y_train, mnist.X_val, mnist.y_val),
        "csr": (*load_sparse(sparse_dir, "train"), *load_sparse(sparse_dir, "val")),
    }
    seconds = {}
    for name, (which, settings) in FITS.items():
        X, y, X_val, y_val = data[which]
        model = LinearLearnerClassifier(random_state=0, **settings)
        timing = Timing()
        timing.run(partial(model.fit, X, y, X_val=X_val, y_val=y_val))
        seconds[name] = timing.cpu_seconds
    return seconds


def run_factors() -> dict[str, float]:
    """CPU seconds of each fit of factorization machines."""
    seconds = {}
    X, y, _ = make_speed(FACTOR_ROWS)
    for name, (solver, factors, epochs) in FACTOR_FITS.items():
        settings = {"solver": solver, "num_factors": factors, **unvalidated(epochs)}
        settings |= SETTINGS.get(solver, {})
        timing = Timing()
        timing.run(partial(estimator("regression", **settings).fit, X, y))
        seconds[name] = timing.cpu_seconds
    return seconds


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser)
    add_several(parser, "--models", MODELS)
    parser.add_argument("--in-process", help="used by the script itself")
    parser.add_argument("--sparse-dir", type=Path, help="used by the script itself")
    options = parser.parse_args()
    if options.in_process is not None:
        if options.in_process != LEVEL:
            raise RuntimeError(f"asked for level {options.in_process}, got {LEVEL}")
        found = {}
        if "linear" in options.models:
            found |= run_linear(options.data_dir, options.sparse_dir)
        if "factors" in options.models:
            found |= run_factors()
        print(json.dumps(found))
        return
    print_environment()
    levels = available_levels()
    runs: dict[str, list[dict[str, float]]] = {level: [] for level in levels}
    with tempfile.TemporaryDirectory() as folder:
        if "linear" in options.models:
            run_module("benchmarks.data.sparse", folder)
        for _ in range(options.repeats):
            for level in levels:
                found = run_module(
                    __spec__.name,
                    "--data-dir",
                    options.data_dir,
                    "--in-process",
                    level,
                    "--sparse-dir",
                    folder,
                    "--models",
                    *options.models,
                    SKLEARN_SAGEMAKER_CPU_LEVEL=level,
                )
                runs[level].append(found)
    names = fits_of(options.models)
    median = {
        level: {fit: statistics.median(run[fit] for run in found) for fit in names}
        for level, found in runs.items()
    }
    rows = [
        [fit]
        + [f"{median[level][fit]:.3f}" for level in levels]
        + [f"{median[levels[0]][fit] / median[levels[-1]][fit]:.2f}"]
        for fit in names
    ]
    print_table(
        ["fit", *(f"{level}, s" for level in levels), f"{levels[0]} / {levels[-1]}"],
        rows,
    )
    bars = Bars()
    for fit in names:
        for number, level in enumerate(levels[1:], start=1):
            seconds, best = min(
                (median[lower][fit], lower) for lower in levels[:number]
            )
            bars.at_most(
                f"{fit}: {level} / {best}",
                median[level][fit] / seconds,
                TOLERANCE,
            )
    bars.exit()


if __name__ == "__main__":
    main()
