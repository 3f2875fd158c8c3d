"""How far the default fit is from the optimum of its training objective.

With wd fixed, normalize_data=True and cv=False the candidate lowest on the training
objective is kept. Its coefficients are mapped to the normalised space and their
objective, weighted mean loss + wd / 2 |w|^2 with the intercept free, is compared in
float64 with the optimum found by L-BFGS. "certified" bounds what L-BFGS may have
left, relative to the optimum: the objective is strongly convex. Should a candidate
with l1 > 0 be selected, its objective without that term counts: with it, it was
already below the other candidates'.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, logsumexp

from benchmarks.common import Bars, print_environment, print_table, seeds_of
from benchmarks.common.cache import JsonCache
from benchmarks.data.sets import load
from benchmarks.linear.objectives import (
    INSENSITIVITY,
    MAX_UNCERTAINTY,
    REGRESSION,
    Problem,
    fit,
    gap_parser,
    measure_gaps,
    minimum,
    normalised,
    uncertainty,
)

HUBER_DELTA = 1.0
# Width of the rounded kink of eps_insensitive_squared_loss, squared label units.
ROUNDING = 1e-7
CURVATURE = {"logistic": 0.25, "softmax_loss": 0.5, "huber_loss": 1.0}
LOSSES = (
    "logistic",
    "softmax_loss",
    "squared_loss",
    "huber_loss",
    "eps_insensitive_squared_loss",
)
SMALL = ("a9a", "letter", "diamonds", "protein")
DATASETS = (*SMALL, "mnist-zero", "mnist")
TASKS = [
    ("a9a", "logistic"),
    ("letter", "softmax_loss"),
    *((name, loss) for name in REGRESSION for loss in LOSSES[2:]),
    ("mnist-zero", "logistic"),
    ("mnist", "softmax_loss"),
]
DECAYS = (1e-2, 1e-3)
MAX_GAP = {1e-2: 0.003, 1e-3: 0.005}
MAX_GAP_MNIST = {1e-2: 0.003, 1e-3: 0.01}
MAX_GAP_LONG = 0.0005
LONG_EPOCHS = 100


# ------------------------------------------------------------------------ losses
def logistic(f, y, unit):
    """Log-loss of margins, y 0 or 1."""
    return np.logaddexp(0.0, f) - y * f, expit(f) - y


def softmax_loss(f, y, unit):
    """Cross entropy of one margin a class, y the class."""
    rows = np.arange(len(y)), y.astype(int)
    total = logsumexp(f, axis=1)
    slope = np.exp(f - total[:, None])
    slope[rows] -= 1.0
    return total - f[rows], slope


def squared_loss(f, y, unit):
    """Squared error."""
    return (f - y) ** 2, 2.0 * (f - y)


def huber_loss(f, y, unit):
    """Half the square up to delta, which is in the units of the user's labels."""
    error, delta = f - y, HUBER_DELTA / unit
    slope = np.clip(error, -delta, delta)
    return slope * (error - 0.5 * slope), slope


def eps_insensitive_squared_loss(f, y, unit):
    """Squared error above eps squared, its kink rounded upwards by `ROUNDING`."""
    excess = (f - y) ** 2 - (INSENSITIVITY / unit) ** 2
    root = np.sqrt(excess**2 + ROUNDING**2)
    return 0.5 * (excess + root), (f - y) * (1.0 + excess / root)


FUNCTIONS: dict[str, Callable] = {
    "logistic": logistic,
    "softmax_loss": softmax_loss,
    "squared_loss": squared_loss,
    "huber_loss": huber_loss,
    "eps_insensitive_squared_loss": eps_insensitive_squared_loss,
}


# ------------------------------------------------------------------------- tasks
@lru_cache(maxsize=1)
def training_rows(data_dir: Path, name: str):
    """Training rows and labels of a data set, and the problem they pose."""
    data = load(data_dir, name)
    X, y = data.X_train, data.y_train
    return X, y, normalised(X, y, regression=name in REGRESSION)


def optimum(problem: Problem, name: str, wd: float) -> list[float]:
    """Least objective, and the share of it by which it may be too high."""
    loss = FUNCTIONS[name]
    weights = minimum(problem, loss, wd, CURVATURE.get(name, 2.0))
    value, gradient = problem.objective(loss, wd, weights)
    rounding = ROUNDING / 2 if name.startswith("eps") else 0.0
    return [float(value), float(uncertainty(value, gradient, wd) + rounding / value)]


def main() -> None:
    """Print the table and check the bars."""
    parser = gap_parser(__doc__, DATASETS, LOSSES, DECAYS)
    parser.add_argument(
        "--epochs100",
        choices=("none", "small", "all", "only"),
        default="small",
        help="data sets that are fitted with 100 epochs too: all but MNIST's "
        '(the default), all, or none; "only" skips the default epochs',
    )
    options = parser.parse_args()
    print_environment()
    optima = JsonCache(options.optima_cache)
    rows: list[list[Any]] = []
    bars = Bars()
    for name, loss in TASKS:
        if name not in options.datasets or loss not in options.losses:
            continue
        X, y, problem = training_rows(options.data_dir, name)
        lengths: list[Any] = [] if options.epochs100 == "only" else ["auto"]
        if options.epochs100 in ("all", "only") or (
            options.epochs100 == "small" and name in SMALL
        ):
            lengths.append(LONG_EPOCHS)
        for wd in options.wd:
            best, uncertain = optima.get(
                f"{name}, {loss}, {wd:g}",
                partial(optimum, problem, loss, wd),
            )
            what = f"{name}, {loss}, wd {wd:g}"
            bars.at_most(f"{what}: certified", uncertain, MAX_UNCERTAINTY)
            for epochs in lengths:
                found = measure_gaps(
                    lambda seed, loss=loss, wd=wd, X=X, y=y, epochs=epochs: fit(
                        loss, wd, seed, X, y, epochs=epochs
                    ),
                    seeds_of(options),
                    lambda model, problem=problem, loss=loss, wd=wd: problem.objective(
                        FUNCTIONS[loss], wd, problem.of_model(model)
                    )[0],
                    best,
                )
                limits = MAX_GAP_MNIST if name.startswith("mnist") else MAX_GAP
                limit = MAX_GAP_LONG if epochs == LONG_EPOCHS else limits[wd]
                planned = found.model.resolved_params_.get("epochs")
                how = "solved" if planned is None else f"{planned} epochs"
                bars.at_most(f"{what}, {how}: mean gap", found.mean, limit)
                rows.append(
                    [
                        name,
                        loss,
                        f"{wd:g}",
                        "-" if planned is None else planned,
                        f"{best:.6f}",
                        f"{uncertain:.0e}",
                        *found.cells(4),
                        f"{100 * limit:g} %",
                        *found.last_cells(),
                    ]
                )
                print(*rows[-1][:4], *rows[-1][6:], flush=True)
    print()
    print_table(
        [
            "data",
            "loss",
            "wd",
            "epochs",
            "optimum",
            "certified",
            "mean gap",
            "largest gap",
            "bar",
            "fit s",
            "selected, last seed",
        ],
        rows,
    )
    bars.exit()


if __name__ == "__main__":
    main()
