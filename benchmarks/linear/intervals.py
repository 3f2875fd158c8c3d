"""Coverage of intervals of 90 %, corrected out of fold and not, and their losses.

Each set is drawn or split anew 20 times; coverage is the share of test rows inside, in
the mean over the splits. The peer is scikit-learn's QuantileRegressor without penalty,
one fit a quantile, which has no correction: its mean pinball loss of the two ends, and
its coverage.
"""

import time

import numpy as np
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import mean_pinball_loss

from benchmarks.common import (
    Bars,
    add_quick,
    make_parser,
    print_environment,
    print_table,
)
from benchmarks.data.sets import load
from sklearn_sagemaker import IntervalRegressor

ENDS = (0.05, 0.95)
COVERAGE = 0.9
TOLERANCE = 0.015
N_TRAIN = 2000
N_TEST = 5000


def spread(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Errors with heavy tails whose size follows a feature."""
    X = rng.normal(size=(2300, 20))
    return X, X[:, 0] + np.exp(X[:, 1] / 2) * rng.standard_t(4, size=len(X))


def sets(data_dir):
    """Names, rows with targets for a seed, and how many of the rows train."""
    diabetes = load_diabetes(return_X_y=True)
    yield "diabetes", lambda rng: diabetes, 300
    yield (
        "friedman",
        lambda rng: make_friedman1(
            2250, noise=1.0, random_state=int(rng.integers(1e6))
        ),
        250,
    )
    yield "spread follows a feature", spread, 300
    for name in ("diamonds", "protein"):
        split = load(data_dir, name)
        X = np.concatenate([split.X_train, split.X_test])
        y = np.concatenate([split.y_train, split.y_test])
        yield name, lambda rng, X=X, y=y: (X, y), N_TRAIN


def inside(ends: np.ndarray, y: np.ndarray) -> float:
    """The share of rows between the ends."""
    return float(((ends[:, 0] <= y) & (y <= ends[:, 1])).mean())


def loss(ends: np.ndarray, y: np.ndarray) -> float:
    """Mean pinball loss of both ends."""
    found = (mean_pinball_loss(y, ends[:, i], alpha=q) for i, q in enumerate(ENDS))
    return float(np.mean([*found]))


def measure(draw, n_train: int, seed: int) -> list[float]:
    """Coverage, loss and CPU seconds: corrected, not, and of the peer."""
    rng = np.random.default_rng(seed)
    X, y = draw(rng)
    order = rng.permutation(len(y))
    train, test = order[:n_train], order[n_train : n_train + N_TEST]
    found = []
    for conformal in (True, False):
        start = time.process_time()
        model = IntervalRegressor(
            quantiles=ENDS, conformal=conformal, random_state=seed
        ).fit(X[train], y[train])
        seconds = time.process_time() - start
        ends = model.predict_interval(X[test])
        found += [inside(ends, y[test]), loss(ends, y[test]), seconds]
    start = time.process_time()
    peers = [
        QuantileRegressor(quantile=q, alpha=0).fit(X[train], y[train]) for q in ENDS
    ]
    seconds = time.process_time() - start
    ends = np.column_stack([peer.predict(X[test]) for peer in peers])
    return [*found, inside(ends, y[test]), loss(ends, y[test]), seconds]


def main() -> None:
    parser = make_parser(__doc__)
    add_quick(parser, "3 splits")
    parser.add_argument("--splits", type=int, default=20)
    args = parser.parse_args()
    print_environment()
    splits = 3 if args.quick else args.splits
    bars, rows = Bars(), []
    for name, draw, n_train in sets(args.data_dir):
        found = np.mean(
            [measure(draw, n_train, seed) for seed in range(splits)], axis=0
        )
        covered, pinball, seconds, plain, raw, fast, peer, theirs, slow = found
        rows.append(
            [
                name,
                f"{100 * covered:.1f} %",
                f"{100 * plain:.1f} %",
                f"{100 * peer:.1f} %",
                f"{pinball / theirs:.3f}",
                f"{raw / theirs:.3f}",
                f"{seconds:.2f}",
                f"{fast:.2f}",
                f"{slow:.2f}",
            ]
        )
        bars.at_most(f"{name}: off {COVERAGE:.0%}", abs(covered - COVERAGE), TOLERANCE)
    print_table(
        [
            "data",
            "coverage",
            "not corrected",
            "peer",
            "loss / peer's",
            "not corrected",
            "CPU s",
            "not corrected",
            "peer",
        ],
        rows,
    )
    bars.exit()


if __name__ == "__main__":
    main()
