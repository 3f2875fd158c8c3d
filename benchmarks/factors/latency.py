"""Latency of predicting one row, and throughput of predicting 300,000.

The latency of one row is the median of thousands of calls of `predict`, minus the
time that scikit-learn's `validate_data` takes for the same row and estimator, which
is measured in turn with it. Rows: ten stored values out of 20,000 columns (CSR), two
out of 9,737 (CSR, a film rating), and 100 dense ones. The least of the rounds' medians
counts. Models: default number of factors and 64, of each solver; two epochs, but for
MCMC its default number of draws.
"""

import numpy as np
from sklearn.utils.validation import validate_data

from benchmarks.common import (
    Bars,
    add_quick,
    add_repeats,
    least_medians,
    make_parser,
    print_environment,
    print_table,
)
from benchmarks.data.factors import make_speed
from benchmarks.data.sets import load
from benchmarks.factors.fits import SOLVERS, estimator, unvalidated

MAX_MICROSECONDS = 100.0
FACTORS = ("auto", 64)
TRAINING_ROWS, DENSE_COLUMNS, EPOCHS = 5_000, 100, 2
ROWS_IN_TURN, ROUNDS, CALLS = 50, 7, 500
DTYPES = [np.float32, np.float64]


def main() -> None:
    """Print the tables and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser, ROUNDS, "turns of each call")
    add_quick(parser, "a fifth of the calls, fewer rows")
    options = parser.parse_args()
    print_environment()
    n_calls = CALLS // 5 if options.quick else CALLS
    if options.quick:
        print("QUICK: a fifth of the calls, 30,000 rows at once.\n")
    X, y, labels = make_speed(30_000 if options.quick else 300_000)
    films = load(options.data_dir, "mlsmall")
    rng = np.random.default_rng(0)
    dense = rng.standard_normal((TRAINING_ROWS, DENSE_COLUMNS), dtype=np.float32)
    some = slice(0, TRAINING_ROWS)
    sets = {
        "CSR, 10 of 20,000": (X[some], {"regression": y, "classification": labels}),
        "CSR, 2 of 9,737": (films.X_train[some], {"regression": films.y_train}),
        "dense, 100": (dense, {"regression": dense[:, 0]}),
    }
    rows, latencies, batches = [], {}, []
    for name, (rows_of_set, targets) in sets.items():
        inputs = [rows_of_set[i : i + 1] for i in range(ROWS_IN_TURN)]
        for task, target in targets.items():
            for solver in SOLVERS:
                for k in FACTORS:
                    # MCMC has its default number of draws, as it predicts by them.
                    how = {"cv": False} if solver == "mcmc" else unvalidated(EPOCHS)
                    model = estimator(task, solver=solver, num_factors=k, **how)
                    model.fit(rows_of_set, target[some])

                    def check(row, model=model):
                        return validate_data(
                            model, row, reset=False, accept_sparse="csr", dtype=DTYPES
                        )

                    calls = {"validate_data": check, "predict": model.predict}
                    if task == "classification":
                        calls["predict_proba"] = model.predict_proba
                    found = least_medians(calls, inputs, n_calls, options.repeats)
                    case = f"{name}, {task}, {solver}, k = {k}"
                    for method in list(calls)[1:]:
                        own = (found[method] - found["validate_data"]) * 1e6
                        latencies[f"{case}: {method}"] = own
                        rows.append(
                            [
                                case,
                                method,
                                f"{found[method] * 1e6:.1f}",
                                f"{found['validate_data'] * 1e6:.1f}",
                                f"{own:.1f}",
                            ]
                        )
                    if name == "CSR, 10 of 20,000":
                        best = least_medians(
                            {"predict": model.predict}, [X], 1, options.repeats
                        )["predict"]
                        rate = X.shape[0] / best / 1e6
                        batches.append([case, f"{best * 1e3:.1f}", f"{rate:.2f}"])
    print_table(["model", "method", "µs", "validate_data, µs", "difference, µs"], rows)
    print_table(
        [f"predict, {X.shape[0]:,} rows", "ms (best)", "million rows / s"], batches
    )
    bars = Bars()
    for case, value in latencies.items():
        bars.at_most(f"{case}, µs of one row", value, MAX_MICROSECONDS)
    bars.exit()


if __name__ == "__main__":
    main()
