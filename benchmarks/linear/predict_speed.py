"""Time of `predict` and `decision_function` against scikit-learn's linear models.

All models have the same coefficients: those of a fit of ours, in the rows' dtype for
the peers where that is a floating one, which is what they have after a fit on such
rows and what suits them best. Batch: all training rows in one call. One row: a slice
of one row, thousands of calls. The models take turns; the least of the rounds'
medians counts, and the bar is on the faster of the two peers.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier

from benchmarks.common import (
    Bars,
    add_quick,
    least_medians,
    make_parser,
    print_environment,
    print_table,
)
from benchmarks.data.sets import load
from benchmarks.data.sparse import make_sparse
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


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="turns of each model"
    )
    add_quick(parser, "a third of the calls in a round")
    options = parser.parse_args()
    part = 3 if options.quick else 1
    print_environment()
    mnist = load(options.data_dir, "mnist-zero")
    sparse = make_sparse()
    pixels = mnist.X_train.astype(np.float32)
    sets = {
        "MNIST float32": (pixels, mnist.y_train),
        "MNIST uint8": (mnist.X_train, mnist.y_train),
        "CSR": (sparse.X_train, sparse.y_train),
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
                best = least_medians(
                    {key: getattr(model, method) for key, model in models.items()},
                    inputs,
                    max(3, calls // part),
                    options.rounds,
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
