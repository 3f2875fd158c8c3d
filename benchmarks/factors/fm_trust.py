"""Each solver of factorization machines against a linear model and the other solvers.

Untouched defaults on small made sets (data/factor_cases.py): ratings and clicks with
pairs that count and without, with columns that tell nothing, with few rows. The linear
models are RidgeCV and LogisticRegressionCV, for which sparse columns are divided by
their largest value and dense ones standardised. And streams: R2 after three passes of
`partial_fit`, by the size of the first call, the unit and the origin of y, beside a
fit.
"""

import itertools
import time
import warnings

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from benchmarks.common import (
    Bars,
    add_several,
    make_parser,
    print_environment,
    print_table,
)
from benchmarks.data.factor_cases import CASES, scores_of
from benchmarks.factors.fits import SOLVERS, estimator

BEHIND_LINEAR, BEHIND_BEST = 1.03, 1.15
STREAM_GAP = 0.02
FIRST_CALLS = (1, 2, 50)
UNITS, ORIGINS = (1e-3, 1.0, 1e4), (0.0, 50.0)
"""Of y in streams; origins in units."""
PASSES, CALL = 3, 50


def linear_model(X, y):
    """The linear peer for some labels."""
    if y.dtype.kind == "f":
        model = RidgeCV(10.0 ** np.arange(-3, 4))
    else:
        scoring = "neg_log_loss"
        model = LogisticRegressionCV(Cs=6, cv=3, scoring=scoring, max_iter=500)
    # One-hot ids are not changed by it.
    scaler = MaxAbsScaler() if sp.issparse(X) else StandardScaler()
    return make_pipeline(scaler, model)


def loss_of(model, X, y, labels) -> float:
    """Mean squared error or log loss."""
    if y.dtype.kind == "f":
        return float(np.mean((model.predict(X) - y) ** 2))
    return log_loss(y, model.predict_proba(X), labels=labels)


def measured(case, split: int, solvers) -> tuple[list[float], list[float]]:
    """Loss and CPU seconds of the linear model and of each solver on one draw."""
    rng = np.random.default_rng([split, 19])
    X, y, n = case(rng)
    order = rng.permutation(len(y))
    a, b = order[:n], order[n:]
    task = "regression" if y.dtype.kind == "f" else "classification"
    models = [linear_model(X, y)]
    models += [estimator(task, solver=one, random_state=split) for one in solvers]
    losses, seconds = [], []
    for model in models:
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X[a], y[a])
        seconds.append(time.process_time() - start)
        losses.append(loss_of(model, X[b], y[b], np.unique(y)))
    return losses, seconds


def compare(options, bars: Bars) -> None:
    """The table of the sets, and their bars."""
    rows = []
    for name in options.cases:
        found = [measured(CASES[name], one, options.solvers) for one in options.splits]
        loss, seconds = np.array(found).transpose(1, 2, 0)
        to_linear, to_best = loss / loss[0], loss / loss[1:].min(axis=0)
        cells = [name, f"{loss[0].mean():.4g}"]
        for place, solver in enumerate(options.solvers, 1):
            cells += [
                f"{loss[place].mean():.4g}",
                f"{to_linear[place].mean():.3f} ({to_linear[place].max():.3f})",
                f"{to_best[place].mean():.3f} ({to_best[place].max():.3f})",
                f"{np.median(seconds[place]):.2f}",
            ]
            what = f"{name}: {solver}, loss / "
            mean = loss.mean(axis=1)
            bars.at_most(f"{what}linear", mean[place] / mean[0], BEHIND_LINEAR)
            bars.at_most(f"{what}best", mean[place] / mean[1:].min(), BEHIND_BEST)
        rows.append(cells)
        print("  ".join(cells), flush=True)
    print()
    heads = ["set", "linear"]
    for solver in options.solvers:
        heads += [solver, "/ linear (worst)", "/ best (worst)", "CPU s"]
    print_table(heads, rows)


def streamed(X, y, n: int, first: int, task: str = "regression"):
    """A model after some passes in calls of few rows, the first call of so many."""
    model = estimator(task)
    classes = {} if task == "regression" else {"classes": np.unique(y)}
    for _ in range(PASSES):
        edges = [0, *range(first, n, CALL), n]
        for start, stop in itertools.pairwise(edges):
            model.partial_fit(X[start:stop], y[start:stop], **classes)
    return model


def streams(options, bars: Bars) -> None:
    """The table of the streams, and their bar."""
    rows, gaps = [], []
    for split in options.splits:
        rng = np.random.default_rng([split, 20])
        X, scores = scores_of(rng, 5000, (50, 40), 1.0)
        y, n = scores + rng.normal(0, 0.4, 5000), 4000
        fit = estimator("regression").fit(X[:n], y[:n]).score(X[n:], y[n:])
        found = {}
        for unit, origin in itertools.product(UNITS, ORIGINS):
            for first in FIRST_CALLS:
                labels = unit * (y + origin)
                model = streamed(X, labels, n, first)
                found[unit, origin, first] = model.score(X[n:], labels[n:])
        gaps.append(
            (max(found.values()) - min(found.values()), fit - min(found.values()))
        )
        rows.append(
            [
                split,
                f"{fit:.3f}",
                f"{min(found.values()):.3f}",
                f"{max(found.values()):.3f}",
            ]
        )
        print("  ".join(map(str, rows[-1])), flush=True)
    print()
    print_table(["draw", "R2 of a fit", "least of streams", "most of streams"], rows)
    among, behind = np.max(gaps, axis=0)
    bars.at_most("streams: largest difference in R2", among, STREAM_GAP)
    bars.at_most("streams: R2 of a fit less that of a stream", behind, STREAM_GAP)


def main() -> None:
    """Print the tables and check the bars."""
    parser = make_parser(__doc__, data=False)
    parser.add_argument("--draws", type=int, default=5, help="redrawn sets of a case")
    parser.add_argument("--first", type=int, default=0, help="number of the first draw")
    add_several(parser, "--solvers", SOLVERS)
    parser.add_argument("--cases", choices=CASES, nargs="*", default=list(CASES))
    parser.add_argument(
        "--streams", choices=("with", "without", "alone"), default="with"
    )
    options = parser.parse_args()
    options.splits = range(options.first, options.first + options.draws)
    print_environment()
    bars = Bars()
    if options.streams != "alone":
        compare(options, bars)
    if options.streams != "without":
        streams(options, bars)
    bars.exit()


if __name__ == "__main__":
    main()
