"""Time of `predict` and `decision_function` against scikit-learn's linear models.

All models have the same coefficients: those of a fit of ours, in the rows' dtype for
the peers where that is a floating one, which is what they have after a fit on such
rows and what suits them best. Batch: all training rows in one call. One row: a slice
of one row, thousands of calls. The models take turns; the least of the rounds'
medians counts, and the bar is on the faster of the two peers.
"""

from common import (
    Bars,
    load_mnist_zero,
    make_parser,
    print_environment,
    print_table,
)

# isort: split
import gc
import statistics
import time

import numpy as np
from datasets import make_sparse
from sklearn.linear_model import LogisticRegression, SGDClassifier

from sklearn_sagemaker import LinearLearnerClassifier

METHODS = ("decision_function", "predict")
MAX_RATIO = 1.0
ROUNDS, BATCH_CALLS, ROW_CALLS = 7, 15, 1000
ROWS_IN_TURN = 100


def same_model(peer, ours, dtype):
    """A peer with the coefficients of ours."""
    dtype = dtype if np.issubdtype(dtype, np.floating) else np.float64
    peer.coef_ = ours.coef_.astype(dtype)
    peer.intercept_ = ours.intercept_.astype(dtype)
    peer.classes_ = ours.classes_
    peer.n_features_in_ = ours.n_features_in_
    return peer


def median_seconds(call, inputs, calls: int) -> float:
    """Median seconds of so many calls, over the inputs in turn."""
    times = []
    for number in range(calls):
        rows = inputs[number % len(inputs)]
        start = time.perf_counter()
        call(rows)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def compare(models, method, inputs, rounds, calls):
    """Least of the rounds' medians for each model, the order reversed every time."""
    for model in models.values():
        getattr(model, method)(inputs[0])
    best = dict.fromkeys(models, np.inf)
    gc.collect()
    for turn in range(rounds):
        for name in list(models)[:: 1 if turn % 2 else -1]:
            call = getattr(models[name], method)
            best[name] = min(best[name], median_seconds(call, inputs, calls))
    return best


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="turns of each model"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a third of the calls in a round"
    )
    options = parser.parse_args()
    part = 3 if options.quick else 1
    print_environment()
    mnist = load_mnist_zero(options.data_dir)
    sparse, sparse_y = make_sparse()["train"]
    pixels = mnist.X_train.astype(np.float32)
    sets = {
        "MNIST float32": (pixels, mnist.y_train),
        "MNIST uint8": (mnist.X_train, mnist.y_train),
        "CSR": (sparse, sparse_y),
    }
    rows, ratios = [], {}
    for name, (X, y) in sets.items():
        ours = LinearLearnerClassifier(num_models=1, epochs=1, random_state=0)
        ours.fit(X, y)
        models = {
            "ours": ours,
            "LogisticRegression": same_model(LogisticRegression(), ours, X.dtype),
            "SGDClassifier": same_model(SGDClassifier(), ours, X.dtype),
        }
        margins = {key: model.decision_function(X) for key, model in models.items()}
        size = np.abs(margins["ours"]).max()
        for margin in margins.values():
            if not np.allclose(margin, margins["ours"], rtol=1e-4, atol=1e-4 * size):
                raise RuntimeError(f"{name}: the margins differ")
        single = [X[i : i + 1] for i in range(ROWS_IN_TURN)]
        for method in METHODS:
            for what, inputs, calls in (
                (f"{X.shape[0]:,} rows", [X], BATCH_CALLS),
                ("one row", single, ROW_CALLS),
            ):
                best = compare(
                    models, method, inputs, options.rounds, max(3, calls // part)
                )
                peer = min(list(models)[1:], key=lambda key: best[key])
                case = f"{name}, {method}, {what}"
                ratios[case] = best["ours"] / best[peer]
                unit, factor = ("µs", 1e6) if inputs is single else ("ms", 1e3)
                rows.append(
                    [
                        case,
                        *(f"{best[key] * factor:.2f} {unit}" for key in models),
                        f"{ratios[case]:.2f}",
                    ]
                )
    print_table(
        ["case", "ours", "LogisticRegression", "SGDClassifier", "ours / faster"], rows
    )
    bars = Bars()
    for case, ratio in ratios.items():
        bars.at_most(f"{case}: ours / faster peer", ratio, MAX_RATIO)
    bars.exit()


if __name__ == "__main__":
    main()
