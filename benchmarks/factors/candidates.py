"""Cost of four candidates (``num_models=4``) against one, with one job and with two.

On the set of the speed bars (300,000 rows of ten stored values) and on `mlsmall`,
with 64 factors and with ``num_factors="auto"``, gradient solver, validation rows
given. The number of epochs is fixed and nothing stops early. What the machine gains by
a second process of matrix products is measured in the same run: where it is well below
2, the bars of two jobs mean little.
"""

import contextlib
import os
from functools import partial
from typing import Any

from benchmarks.common import (
    TIMING_HEADERS,
    Bars,
    add_quick,
    add_repeats,
    make_parser,
    measure,
    print_busy,
    print_environment,
    print_table,
)
from benchmarks.common.machine import LEAST_GAIN, Processes
from benchmarks.data.factors import make_speed
from benchmarks.data.sets import Split, load
from benchmarks.factors.fits import estimator, fixed

MODELS = 4
EPOCHS = {"speed set": 4, "mlsmall": 15}
FACTORS = (64, "auto")
MAX_TIMES = {1: 3.0, 2: 1.7}
VALIDATION_ROWS = 20_000


def read(data_dir, quick: bool) -> dict[str, Split]:
    """The two sets; the test rows are not used."""
    X, y, _ = make_speed(30_000 if quick else 300_000 + VALIDATION_ROWS)
    cut = X.shape[0] - (5_000 if quick else VALIDATION_ROWS)
    speed = Split(X[:cut], y[:cut], X[cut:], y[cut:], None, None)
    return {"speed set": speed, "mlsmall": load(data_dir, "mlsmall")}


def fit(data: Split, models: int, jobs: int, factors: int | str, epochs: int):
    """One fit of so many epochs."""
    model = estimator(
        "regression",
        num_models=models,
        num_factors=factors,
        n_jobs=jobs,
        **fixed(epochs),
    )
    return data.fit(model)


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser, 5)
    add_quick(parser, "a tenth of the rows, one run")
    options = parser.parse_args()
    print_environment()
    repeats = 1 if options.quick else options.repeats
    if options.quick:
        print("QUICK: a tenth of the speed set's rows, one run of each case.\n")
    sets = read(options.data_dir, options.quick)
    # One model with one job is the reference of both.
    kinds = {"one": (1, 1), "four": (MODELS, 1)}
    if (os.cpu_count() or 1) > 1:
        kinds["four, two jobs"] = (MODELS, 2)
    processes = Processes() if "four, two jobs" in kinds else None
    with processes or contextlib.nullcontext():
        cases: dict[str, Any] = {}
        if processes is not None:
            cases |= processes.cases(repeats)
        for name, data in sets.items():
            for k in FACTORS:
                for kind, (models, jobs) in kinds.items():
                    case = partial(fit, data, models, jobs, k, EPOCHS[name])
                    cases[f"{name}, k = {k}, {kind}"] = (case, repeats)
        timings = measure(cases)
    rows, values = [], {}
    for name in sets:
        for k in FACTORS:
            reference = timings[f"{name}, k = {k}, one"].seconds
            for kind, (_, jobs) in kinds.items():
                timing = timings[f"{name}, k = {k}, {kind}"]
                ratio = timing.seconds / reference
                if kind != "one":
                    values[f"{name}, k = {k}", jobs] = ratio
                rows.append(
                    [
                        f"{name}, k = {k}, {kind}",
                        *timing.cells(),
                        timing.result.factors_.shape[-1],
                        EPOCHS[name],
                        f"{ratio:.2f}",
                    ]
                )
    print_table(
        ["case", *TIMING_HEADERS, "k of the chosen", "epochs", "times one"], rows
    )
    print_busy({key: t for key, t in timings.items() if key.endswith(("one", "four"))})
    if processes is None:
        print("not measured: two jobs, as there is one core")
    else:
        print(f"The machine gains {processes.gain:.2f} by a second process.")
        if processes.gain < LEAST_GAIN:
            print("BUSY MACHINE: the ratios of two jobs mean nothing")
    bars = Bars()
    for (what, jobs), ratio in values.items():
        text = "one job" if jobs == 1 else "two jobs"
        bars.at_most(f"{what}: four candidates, {text}", ratio, MAX_TIMES[jobs])
    bars.exit()


if __name__ == "__main__":
    main()
