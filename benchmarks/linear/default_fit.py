"""What each step of a default fit gains, on three kinds of data.

Mean test losses over redrawn splits: one candidate by steps, 32 by steps, one that is
solved with the penalty that its rows ask for, the lowest validation loss of all that
are solved, and the default, which also asks whether chance decided; then a peer.
"""

import time
import warnings

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.common import Bars, make_parser, print_environment, print_table
from benchmarks.linear.linear_trust import CASES, models

SETS = ("polynomial 8", "p > n, ten columns count", "breast cancer")
MAX_LOSS = 1.1
STEPS = ("one by steps", "32 by steps", "one solved", "lowest loss", "default")


def fits(default: BaseEstimator, X, y):
    """Each step's model, fitted."""
    stepped = {"optimizer": "adam"}
    yield clone(default).set_params(num_models=1, **stepped).fit(X, y)
    yield clone(default).set_params(**stepped).fit(X, y)
    yield clone(default).set_params(num_models=1).fit(X, y)
    chosen = clone(default).fit(X, y)
    lowest = int(np.argmin(chosen.candidates_["validation_loss"]))
    params = chosen.candidates_["params"][lowest]
    yield (
        clone(default)
        .set_params(num_models=1, wd=params["wd"], l1=params["l1"])
        .fit(X, y)
    )
    yield chosen


def loss_of(model, X, y, classes) -> float:
    """Mean squared error, or log loss."""
    if classes is None:
        return float(np.mean((model.predict(X) - y) ** 2))
    proba = model.predict_proba(X)[np.arange(len(y)), np.searchsorted(classes, y)]
    return float(-np.log(np.clip(proba, 1e-15, None)).mean())


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__, data=False)
    parser.add_argument("--splits", type=int, default=20)
    options = parser.parse_args()
    print_environment()
    rows, bars = [], Bars()
    for name in SETS:
        losses, seconds = [], []
        for split in range(options.splits):
            rng = np.random.default_rng([split, 7])
            X, y, n = CASES[name].draw(rng)
            order = rng.permutation(len(y))
            train, test = order[:n], order[n:]
            peers, default = models(y)
            classes = None if y.dtype.kind == "f" else np.unique(y)
            found, spent = [], []
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                start = time.process_time()
                for model in fits(default, X[train], y[train]):
                    spent.append(time.process_time() - start)
                    found.append(loss_of(model, X[test], y[test], classes))
                    start = time.process_time()
                for peer in peers:
                    model = make_pipeline(StandardScaler(), peer)
                    model.fit(X[train], y[train])
                    found.append(loss_of(model, X[test], y[test], classes))
            losses.append(found)
            seconds.append(spent)
        mean = np.mean(losses, axis=0)
        ours = mean[: len(STEPS)]
        bars.at_most(f"{name}: loss / best step's", ours[-1] / ours.min(), MAX_LOSS)
        rows.append(
            [name]
            + [f"{loss:.4g}" for loss in mean[: len(STEPS)]]
            + [f"{mean[len(STEPS) :].min():.4g}"]
        )
    print_table(["test loss", *STEPS, "best peer"], rows)
    bars.exit()


if __name__ == "__main__":
    main()
