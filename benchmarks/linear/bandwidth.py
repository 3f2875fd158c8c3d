"""Share of the memory bandwidth that a pass with one candidate uses.

Dense float32 rows of 2 GB and 256 columns, far above the caches. The seconds of a
pass are a fifth of those of a fit of six epochs minus those of one, so neither the
checks of the input nor the scaling statistics are in them; the loss on 1,000
validation rows is. Each byte of X counts once. The bar is a share of a triad's GB/s
(two arrays read, one written) in the same run. Without a bar: rows of 16 columns,
whose shuffled labels weigh more, and the rate of 32 candidates next to sgemm's.
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
    measure,
    print_busy,
    print_environment,
    print_table,
)
from benchmarks.common.machine import Sgemm, Triad
from benchmarks.linear.fits import every_epoch
from sklearn_sagemaker import LinearLearnerClassifier

WIDE, NARROW = (2_100_000, 256), (8_000_000, 16)
VALIDATION_ROWS, CHUNK = 1_000, 100_000
BATCH, CANDIDATES, MANY_VALUES = 1_000, 32, 102_400_000
MIN_SHARE_OF_TRIAD = 0.4
EPOCHS = (1, 6)


def make_dense(n_rows: int, n_features: int):
    """Normal features in place, and the labels of a logistic model."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal(n_features) / np.sqrt(n_features)
    X = np.empty((n_rows, n_features), dtype=np.float32)
    y = np.empty(n_rows, dtype=np.int64)
    for start in range(0, n_rows, CHUNK):
        piece = X[start : start + CHUNK]
        rng.standard_normal(dtype=np.float32, out=piece)
        margin = 2.0 * (piece @ weights.astype(np.float32))
        y[start : start + CHUNK] = rng.random(len(piece)) < 1 / (1 + np.exp(-margin))
    return X, y


def fit(X, y, n_models, epochs):
    """A fit whose last rows are the validation rows."""
    model = LinearLearnerClassifier(
        num_models=n_models,
        mini_batch_size=BATCH,
        **every_epoch(epochs),
        random_state=0,
    )
    cut = len(y) - VALIDATION_ROWS
    return model.fit(X[:cut], y[:cut], X_val=X[cut:], y_val=y[cut:])


def pass_seconds(timings, name: str) -> float:
    """Seconds of a pass: by the medians of the fits of few epochs and of many."""
    few, many = EPOCHS
    seconds = [timings[f"{name}, {epochs}"].seconds for epochs in EPOCHS]
    return (seconds[1] - seconds[0]) / (many - few)


def main() -> None:
    """Print the table and check the bar."""
    parser = make_parser(__doc__, data=False)
    add_repeats(parser, 5)
    add_quick(parser, "a tenth of the rows")
    options = parser.parse_args()
    print_environment()
    part = 10 if options.quick else 1
    triad = Triad((1 << 30) // part)
    rows, timings = [], {}
    share = 0.0
    for n_rows, n_features in (WIDE, NARROW):
        X, y = make_dense(n_rows // part, n_features)
        many = MANY_VALUES // n_features // part
        one_candidate = f"one candidate, {len(X):,} x {n_features}"
        candidates = f"{CANDIDATES} candidates, {many:,} x {n_features}"
        gemm = Sgemm(many, n_features, CANDIDATES, 5)
        cases: dict[str, Callable[[], Any]] = {"triad": triad, "sgemm": gemm}
        for epochs in EPOCHS:
            cases[f"{one_candidate}, {epochs}"] = partial(fit, X, y, 1, epochs)
            cases[f"{candidates}, {epochs}"] = partial(
                fit, X[:many], y[:many], CANDIDATES, epochs
            )
        found = measure({name: (case, options.repeats) for name, case in cases.items()})
        triad_rate = triad.gigabytes(found["triad"].seconds)
        gemm_rate = gemm.gigaflops(found["sgemm"].seconds)
        seconds = pass_seconds(found, one_candidate)
        rate = 1e-9 * X.nbytes / seconds
        if (n_rows, n_features) == WIDE:
            share = rate / triad_rate
        rows.append(
            [
                one_candidate,
                f"{seconds:.3f}",
                f"{len(X) / seconds / 1e6:.1f}",
                f"{rate:.2f} GB/s",
                f"triad ({triad.how}) {triad_rate:.2f} GB/s",
                f"{rate / triad_rate:.0%}",
            ]
        )
        seconds = pass_seconds(found, candidates)
        scored = 2 * VALIDATION_ROWS
        rate = 1e-9 * CANDIDATES * n_features * (4 * many + scored) / seconds
        rows.append(
            [
                candidates,
                f"{seconds:.3f}",
                f"{many / seconds / 1e6:.1f}",
                f"{rate:.1f} GFLOP/s",
                f"sgemm {gemm_rate:.1f} GFLOP/s",
                f"{rate / gemm_rate:.0%}",
            ]
        )
        timings.update(found)
        del X, y, gemm, cases
    print_table(
        ["data", "s a pass", "million rows/s", "rate", "the machine's", "share"], rows
    )
    if options.quick:
        print("QUICK: a tenth of the rows, which may be in the caches")
    print_busy(timings)
    bars = Bars()
    what = f"one candidate, {WIDE[1]} columns: GB/s / triad's"
    bars.at_least(what, share, MIN_SHARE_OF_TRIAD)
    bars.exit()


if __name__ == "__main__":
    main()
