"""Cost of an epoch by the number of stored values and of factors, and the memory.

Rows of ten stored values in 20,000 columns, from a fixed seed, float32 and int32,
made in chunks so that nothing large is made and freed. Each case runs in a fresh
process. CPU seconds an epoch, of one thread: the difference between fits of two numbers
of epochs over the difference of the epochs, the least of `--repeats` fits each, and of
one each from 10**7 values on, which take minutes. Linear means that the exponent fitted
to the table, log seconds on log size, is not above 1 by much. Sizes below 0.2 ms an
epoch do not enter the fit.

Memory is the peak of the resident memory after the first fit, over what was resident
before it, X included. The computed size has the parameters and the optimizer's state
(two arrays more), a copy of the best parameters and two of temporary ones, and for
each row the target and its weight, both again as the kernels read them, the row's
number, its place in the order and its score (64 bytes), and an allowance. A copy of X
does not fit into it at 10**7 stored values and more. ALS and MCMC read X by columns, so
for them one transposed copy of X is added.
"""

import json
import math
from functools import partial

import numpy as np

from benchmarks.common import (
    Bars,
    Timing,
    add_quick,
    add_repeats,
    add_several,
    make_parser,
    print_environment,
    print_table,
    run_module,
)
from benchmarks.common.memory import LOOSE_MB, MB, peak_mb, resident_mb
from benchmarks.data.factors import PER_ROW, SPEED_COLUMNS, make_rows

SOLVERS = ("gradient", "als", "mcmc")
STORED = tuple(10**power for power in (5, 6, 7, 8))
FACTORS = (4, 8, 16, 32, 64, 128, 256)
BASE_FACTORS, BASE_STORED = 16, 10**6
PARAMETER_ARRAYS, BYTES_A_ROW, ALLOWANCE_MB = 6, 64, 60.0
MAX_EXPONENT, MIN_SECONDS = 1.1, 2e-4
# Below this size of X a copy of it is not to be told from the allowance.
LARGE = 10**7


def run_case(solver: str, stored: int, factors: int, repeats: int) -> None:
    """Fit with two numbers of epochs and print the figures as JSON."""
    from benchmarks.factors.fits import estimator, unvalidated

    X = make_rows(stored // PER_ROW)
    # What the targets are does not matter to the time.
    y = np.random.default_rng(0).standard_normal(X.shape[0], dtype=np.float32)
    short = max(1, min(20, 2 * 10**6 // stored))
    counts = (short, (3 if stored <= LARGE else 2) * short)

    def fit(count: int):
        model = estimator(
            "regression", solver=solver, num_factors=factors, **unvalidated(count)
        )
        return model.fit(X, y)

    figures = {"resident": resident_mb(), "peak_before": peak_mb()}
    # The first fit touches the memory; its time counts as any other's.
    timings = {count: Timing() for count in counts}
    timings[counts[0]].run(partial(fit, counts[0]))
    figures["peak_after"] = peak_mb()
    for turn in range(repeats):
        for count, timing in timings.items():
            if turn or count != counts[0]:
                timing.run(partial(fit, count))
    least = [min(timings[count].cpu) for count in counts]
    figures["data"] = (X.data.nbytes + X.indices.nbytes + X.indptr.nbytes) / MB
    figures["epoch"] = (least[1] - least[0]) / (counts[1] - counts[0])
    figures["whole"] = least[1] / counts[1]
    figures["epochs"] = timings[counts[1]].result.n_iter_
    print(json.dumps(figures))


def exponent(points: list[tuple[float, float]]) -> float:
    """Slope of log seconds on log size."""
    points = [(size, seconds) for size, seconds in points if seconds > MIN_SECONDS]
    if len(points) < 2:
        return math.nan
    sizes, seconds = np.log(np.array(points).T)
    return float(np.polyfit(sizes, seconds, 1)[0])


def main() -> None:
    """Print the tables and check the bars."""
    parser = make_parser(__doc__, data=False)
    add_repeats(parser, 3, "fits of each case")
    add_several(parser, "--solvers", SOLVERS)
    add_quick(parser, "up to 10**7 values")
    parser.add_argument("--in-process", nargs=4, help="used by the script itself")
    options = parser.parse_args()
    if options.in_process:
        solver, *numbers = options.in_process
        run_case(solver, *map(int, numbers))
        return
    print_environment()
    stored_counts = STORED[:-1] if options.quick else STORED
    bars, limits, exponents = Bars(), {}, {}
    rows = []
    for solver in options.solvers:
        cases = [(stored, BASE_FACTORS) for stored in stored_counts]
        cases += [(BASE_STORED, k) for k in FACTORS if k != BASE_FACTORS]
        found = {}
        for stored, k in cases:
            repeats = 1 if stored >= LARGE else options.repeats
            arguments = ["--in-process", solver, stored, k, repeats]
            case = run_module(__spec__.name, *arguments)
            found[stored, k] = case
            parameters = (SPEED_COLUMNS * (k + 1) + 1) * 4 / MB
            computed = PARAMETER_ARRAYS * parameters + ALLOWANCE_MB
            computed += BYTES_A_ROW * stored / PER_ROW / MB
            if solver != "gradient":
                computed += case["data"]
            growth = case["peak_after"] - case["resident"]
            loose = case["peak_before"] - case["resident"] > LOOSE_MB
            if stored >= LARGE:
                limits[f"{solver}, {stored:.0e} stored values"] = growth, computed
            rows.append(
                [
                    solver,
                    f"{stored:.0e}",
                    k,
                    f"{case['epoch']:.4f}",
                    f"{case['whole']:.4f}",
                    f"{case['epoch'] / stored / k * 1e9:.3f}",
                    f"{case['data']:.0f}",
                    f"{case['peak_after']:.0f}",
                    f"{growth:.0f}{' or less' if loose else ''}",
                    f"{computed:.0f}",
                ]
            )
        by_stored = [
            (s, c["epoch"]) for (s, k), c in found.items() if k == BASE_FACTORS
        ]
        by_factors = [
            (k, c["epoch"]) for (s, k), c in found.items() if s == BASE_STORED
        ]
        exponents[f"{solver}, by stored values"] = exponent(by_stored)
        exponents[f"{solver}, by factors"] = exponent(by_factors)
    print_table(
        [
            "solver",
            "stored values",
            "k",
            "CPU s an epoch",
            "all CPU s / epochs",
            "ns a value and factor",
            "X MB",
            "peak MB",
            "growth MB",
            "computed MB",
        ],
        rows,
    )
    for what, value in exponents.items():
        if math.isnan(value):
            bars.not_measured(f"exponent, {what}: too few long enough epochs")
        else:
            bars.at_most(f"exponent, {what}", value, MAX_EXPONENT)
    for what, (growth, limit) in limits.items():
        bars.at_most(f"growth in MB, {what}", growth, limit)
    bars.exit()


if __name__ == "__main__":
    main()
