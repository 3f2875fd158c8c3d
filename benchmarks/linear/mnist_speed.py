"""Time of the default fit on MNIST's "is it a zero", against two peers.

The peers are a grid search over 32 settings of SGDClassifier of 15 epochs, and a
single candidate of our own. The default fit may stop candidates early; the
comparison with a single one is between fits that do not. The rate of 32 candidates
counts the products of training and of scoring the validation rows; sgemm's is that
of (50,000 x 784) @ (784 x 32) by NumPy, in the same run.
"""

import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV, ParameterGrid, PredefinedSplit

from benchmarks.common import (
    TIMING_HEADERS,
    Bars,
    measure,
    print_busy,
    print_environment,
    print_table,
)
from benchmarks.common.machine import Sgemm
from benchmarks.data.sets import load
from benchmarks.peers.sgd import (
    EPOCHS,
    MNIST_GRID,
    quality,
    quick_mnist_grid,
    speed_options,
)
from sklearn_sagemaker import LinearLearnerClassifier

MAX_SHARE_OF_GRID = 1 / 50
MAX_TIMES_ONE_CANDIDATE = 4.0
MIN_SHARE_OF_SGEMM = 0.6
PRODUCTS = 20


def main() -> None:
    """Print the table and check the bars."""
    options = speed_options(
        __doc__, "the grid search", "the grid search from 4 settings", data=True
    )
    print_environment()
    data = load(options.data_dir, "mnist-zero")
    pixels = data.map(lambda X: X.astype(np.float32) / 255)
    X_both = np.concatenate([pixels.X_train, pixels.X_val])
    y_both = np.concatenate([data.y_train, data.y_val])
    fold = np.repeat([-1, 0], [len(data.y_train), len(data.y_val)])
    grid = quick_mnist_grid() if options.quick else MNIST_GRID
    n_all, n_run = len(ParameterGrid(MNIST_GRID)), len(ParameterGrid(grid))

    def ours(**settings):
        return data.fit(LinearLearnerClassifier(random_state=0, **settings))

    def grid_search():
        return GridSearchCV(
            SGDClassifier(loss="log_loss", max_iter=EPOCHS, tol=None, random_state=0),
            grid,
            scoring="neg_log_loss",
            cv=PredefinedSplit(fold),
            refit=False,
            n_jobs=1,
        ).fit(X_both, y_both)

    default, full, one = "default fit", "32 candidates, all epochs", "one candidate"
    peer, sgemm = f"GridSearchCV, {n_run} of SGD", f"sgemm, {PRODUCTS} products"
    n_rows, n_features = data.X_train.shape
    gemm = Sgemm(n_rows, n_features, n_all, PRODUCTS)
    timings = measure(
        {
            default: (ours, options.repeats),
            full: (lambda: ours(early_stopping_patience=EPOCHS), options.repeats),
            one: (
                lambda: ours(num_models=1, early_stopping_patience=EPOCHS),
                options.repeats,
            ),
            sgemm: (gemm, options.repeats),
            peer: (grid_search, options.peer_repeats),
        }
    )
    rows = []
    for name in (default, full, one):
        model = timings[name].result
        table = model.candidates_
        rows.append(
            [
                name,
                *timings[name].cells(),
                len(table["n_iter"]),
                f"{table['n_iter'].sum()} of {EPOCHS * len(table['n_iter'])}",
                *quality(model, data.X_test, data.y_test),
            ]
        )
    search = timings[peer].result
    best = SGDClassifier(
        loss="log_loss",
        max_iter=EPOCHS,
        tol=None,
        random_state=0,
        **search.best_params_,
    ).fit(pixels.X_train, data.y_train)
    rows.append(
        [
            peer,
            *timings[peer].cells(),
            n_run,
            f"{EPOCHS * n_run} of {EPOCHS * n_run}",
            *quality(best, pixels.X_test, pixels.y_test),
        ]
    )
    rows.append([sgemm, *timings[sgemm].cells(), "", "", "", ""])
    print_table(
        [
            "case",
            *TIMING_HEADERS,
            "models",
            "epochs trained",
            "test log-loss",
            "test accuracy",
        ],
        rows,
    )
    print(f"best of the grid search: {search.best_params_}")
    grid_seconds = timings[peer].seconds * n_all / n_run
    if options.quick:
        print(
            f"QUICK: the grid search ran {n_run} of {n_all} settings; its time of "
            f"{grid_seconds:.1f} s is an ESTIMATE, {n_all // n_run} times the "
            f"{timings[peer].seconds:.1f} s measured, and its quality is that of "
            f"{n_run} settings"
        )
    ratio = timings[default].seconds / grid_seconds
    cpu_ratio = timings[peer].cpu_seconds * n_all / n_run / timings[default].cpu_seconds
    print(
        f"grid search of {n_all} settings / default fit: {1 / ratio:.1f} in wall, "
        f"{cpu_ratio:.1f} in CPU seconds"
    )
    cpu_ratio = timings[full].cpu_ratio(timings[one])
    print(f"32 candidates / one, both all epochs: {cpu_ratio:.2f} in CPU seconds")
    columns = len(timings[full].result.candidates_["n_iter"])
    # Score and gradient of every training row, the score of the validation rows.
    flop = EPOCHS * columns * (4 * data.X_train.size + 2 * data.X_val.size)
    rate = 1e-9 * flop / timings[full].seconds
    sgemm_rate = gemm.gigaflops(timings[sgemm].seconds)
    print(
        f"32 candidates, all epochs: {rate:.1f} GFLOP/s, {rate / sgemm_rate:.0%} of "
        f"sgemm's {sgemm_rate:.1f}"
    )
    print_busy(timings)
    bars = Bars()
    bars.at_most(f"default fit / grid search of {n_all}", ratio, MAX_SHARE_OF_GRID)
    times = timings[full].ratio(timings[one])
    bars.check(
        "32 candidates / one candidate, both all epochs",
        times,
        times <= MAX_TIMES_ONE_CANDIDATE or rate >= MIN_SHARE_OF_SGEMM * sgemm_rate,
        f"at most {MAX_TIMES_ONE_CANDIDATE:g}, or at least {MIN_SHARE_OF_SGEMM:.0%} "
        "of sgemm's rate",
    )
    bars.exit()


if __name__ == "__main__":
    main()
