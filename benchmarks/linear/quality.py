"""Quality of the default fit on the test rows, against peers tuned by scikit-learn.

Everything is fitted on the same training rows and chosen on the same validation
rows; the test rows give the figures. Ours is the mean of several seeds. The SGD
peers are the best of 32 settings, for each figure the best by that figure on the
validation rows. LogisticRegressionCV and RidgeCV choose their penalty with
PredefinedSplit. Peers see dense columns through StandardScaler, but MNIST as
pixels / 255, which suits them better. The tasks that end in q50 and q90 train
quantile_loss, ours and QuantileRegressor's on the same 5,000 training rows.
"""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    LogisticRegressionCV,
    QuantileRegressor,
    Ridge,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.metrics import log_loss, mean_pinball_loss, mean_squared_error
from sklearn.model_selection import ParameterGrid, PredefinedSplit
from sklearn.preprocessing import StandardScaler

from benchmarks.common import (
    Bars,
    Timing,
    add_quick,
    add_seeds,
    add_several,
    make_parser,
    print_environment,
    print_table,
    seeds_of,
)
from benchmarks.common.cache import JsonCache
from benchmarks.data.sets import Split, load
from benchmarks.peers.sgd import EPOCHS, MNIST_GRID, quick_mnist_grid, sgd_grid
from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor

CLASSIFICATION = ("a9a", "letter", "mnist-zero", "mnist")
REGRESSION = ("diamonds", "protein")
QUANTILES = {"q50": 0.5, "q90": 0.9}
TASKS = (
    *CLASSIFICATION,
    *REGRESSION,
    *(f"{name}-{suffix}" for name in REGRESSION for suffix in QUANTILES),
)
MAX_TIMES_SGD = 1.0
MAX_TIMES_CV = 1.01
# MNIST's SGD peers train as many epochs as mnist_speed's; the others may go on.
MAX_EPOCHS = 200
QUANTILE_ROWS = 5000
REGRESSION_GRID = sgd_grid(
    (
        {"learning_rate": ["invscaling"], "eta0": [0.01]},
        {"learning_rate": ["adaptive"], "eta0": [0.01]},
        {"learning_rate": ["adaptive"], "eta0": [0.001]},
        {"learning_rate": ["invscaling"], "eta0": [0.1], "power_t": [0.5]},
    )
)

Figures = dict[str, float]


def parts_of(task: str) -> tuple[str, float | None]:
    """The data set of a task, and the quantile if it has one."""
    name, _, suffix = task.rpartition("-")
    return (name, QUANTILES[suffix]) if suffix in QUANTILES else (task, None)


def read(data_dir: Path, task: str) -> Split:
    """The data of a task as ours sees them."""
    name, quantile = parts_of(task)
    data = load(data_dir, name)
    if quantile is not None:
        rows = np.random.default_rng(0).permutation(len(data.y_train))[:QUANTILE_ROWS]
        data.X_train, data.y_train = data.X_train[rows], data.y_train[rows]
    return data


def as_peers_see(task: str, data: Split) -> Split:
    """Pixels / 255, standardised dense columns, CSR as it is."""
    if task.startswith("mnist"):
        return data.map(lambda X: X.astype(np.float32) / 255)
    if sp.issparse(data.X_train):
        return data
    return data.map(StandardScaler().fit(data.X_train).transform)


def figures(task: str, model, X, y) -> Figures:
    """What counts on some rows: log-loss and error, MSE, or pinball loss."""
    if task in CLASSIFICATION:
        return {
            "log-loss": float(log_loss(y, model.predict_proba(X))),
            "error": float(np.mean(model.predict(X) != y)),
        }
    quantile = parts_of(task)[1]
    if quantile is None:
        return {"MSE": float(mean_squared_error(y, model.predict(X)))}
    return {"pinball": float(mean_pinball_loss(y, model.predict(X), alpha=quantile))}


def ours(task: str, seed: int):
    """The default estimator of a task."""
    if task in CLASSIFICATION:
        return LinearLearnerClassifier(random_state=seed)
    quantile = parts_of(task)[1]
    if quantile is None:
        return LinearLearnerRegressor(random_state=seed)
    return LinearLearnerRegressor(
        loss="quantile_loss", quantile=quantile, random_state=seed
    )


# ------------------------------------------------------------------------- peers
def best_setting(task: str, model, grid, data: Split) -> dict[str, Any]:
    """Test figures of a grid, each of the setting best by it on validation rows."""
    best: dict[str, tuple[float, float, str]] = {}
    for setting in ParameterGrid(grid):
        fitted = clone(model).set_params(**setting).fit(data.X_train, data.y_train)
        validation = figures(task, fitted, data.X_val, data.y_val)
        test = figures(task, fitted, data.X_test, data.y_test)
        text = " ".join(f"{key}={value}" for key, value in setting.items())
        for name in validation:
            entry = (validation[name], test[name], text)
            best[name] = min(best.get(name, entry), entry)
    return {
        "figures": {name: entry[1] for name, entry in best.items()},
        "setting": "; ".join(dict.fromkeys(entry[2] for entry in best.values())),
    }


def with_validation(data: Split):
    """All rows but the test's, and the split that validates on the second part."""
    parts = [data.X_train, data.X_val]
    sparse = sp.issparse(data.X_train)
    X = sp.vstack(parts, format="csr") if sparse else np.concatenate(parts)
    y = np.concatenate([data.y_train, data.y_val])
    fold = np.repeat([-1, 0], [len(data.y_train), len(data.y_val)])
    return X, y, PredefinedSplit(fold)


def logistic_cv(task: str, data: Split, quick: bool) -> dict[str, Any]:
    """LogisticRegressionCV; refit=False leaves the fit on the training rows."""
    X, y, split = with_validation(data)
    penalties = np.logspace(-3, 1, 5) if task == "mnist" else np.logspace(-4, 4, 9)
    model = LogisticRegressionCV(
        Cs=penalties[2:4] if quick else penalties,
        cv=split,
        scoring="neg_log_loss",
        max_iter=200 if task.startswith("mnist") else 1000,
        refit=False,
    ).fit(X, y)
    return {
        "figures": figures(task, model, data.X_test, data.y_test),
        "setting": f"C={np.ravel(model.C_)[0]:g}",
    }


def ridge_cv(task: str, data: Split) -> dict[str, Any]:
    """RidgeCV's penalty, then Ridge on the training rows alone."""
    X, y, split = with_validation(data)
    alpha = RidgeCV(np.logspace(-4, 4, 17), cv=split).fit(X, y).alpha_
    model = Ridge(alpha).fit(data.X_train, data.y_train)
    return {
        "figures": figures(task, model, data.X_test, data.y_test),
        "setting": f"alpha={alpha:g}",
    }


def peers(task: str, data: Split, quick: bool) -> dict[str, Any]:
    """The peers of a task: label, largest ratio allowed, how to measure."""
    grid: Any
    if parts_of(task)[1] is not None:
        alphas = [0.0, 1e-4] if quick else [0.0, 1e-5, 1e-4, 1e-3, 1e-2]
        model = QuantileRegressor(quantile=parts_of(task)[1])
        return {
            "QuantileRegressor": (
                MAX_TIMES_CV,
                lambda: best_setting(task, model, {"alpha": alphas}, data),
            )
        }
    if task in REGRESSION:
        grid = REGRESSION_GRID[1:2] if quick else REGRESSION_GRID
        sgd = SGDRegressor(max_iter=MAX_EPOCHS, random_state=0)
        return {
            f"SGDRegressor, best of {len(ParameterGrid(grid))}": (
                MAX_TIMES_SGD,
                lambda: best_setting(task, sgd, grid, data),
            ),
            "RidgeCV": (MAX_TIMES_CV, lambda: ridge_cv(task, data)),
        }
    grid = quick_mnist_grid() if quick else MNIST_GRID
    sgd = SGDClassifier(loss="log_loss", max_iter=MAX_EPOCHS, random_state=0)
    if task.startswith("mnist"):
        sgd.set_params(max_iter=EPOCHS, tol=None)
    return {
        f"SGDClassifier, best of {len(ParameterGrid(grid))}": (
            MAX_TIMES_SGD,
            lambda: best_setting(task, sgd, grid, data),
        ),
        "LogisticRegressionCV": (MAX_TIMES_CV, lambda: logistic_cv(task, data, quick)),
    }


def timed(compute) -> dict[str, Any]:
    """A peer's result, and the seconds that it took."""
    timing = Timing()
    with warnings.catch_warnings():
        # Which peers stop at max_iter is of no interest here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        timing.run(compute)
    return {**timing.result, "seconds": timing.seconds}


# -------------------------------------------------------------------------- main
def check(bars: Bars, task: str, label: str, limit: float, mine: Figures, theirs):
    """One bar: the SGD peers may be beaten in one figure, the others in the first."""
    ratios = {name: mine[name] / theirs[name] for name in mine}
    name = next(iter(ratios))
    if label.startswith("SGD"):
        name = min(ratios, key=lambda key: ratios[key])
    # "Either" is only said where there is a choice.
    either = " (the better of two)" if len(ratios) > 1 and "SGD" in label else ""
    bars.at_most(f"{task}: {name}, ours / {label}{either}", ratios[name], limit)


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_several(parser, "--datasets", TASKS)
    add_seeds(parser, "our fit")
    add_quick(parser, "one seed, few of the peers' settings")
    parser.add_argument(
        "--peers-cache",
        type=Path,
        help="JSON file: results of peers are read from it, or added",
    )
    options = parser.parse_args()
    print_environment()
    seeds = seeds_of(options)
    if options.quick:
        print("QUICK: one seed; the peers have few of their settings.\n")
    cache = JsonCache(options.peers_cache)
    rows, bars = [], Bars()
    for task in options.datasets:
        data = read(options.data_dir, task)
        found, seconds = [], []
        for seed in seeds:
            timing = Timing()
            timing.run(partial(data.fit, ours(task, seed)))
            found.append(figures(task, timing.result, data.X_test, data.y_test))
            seconds.append(timing.seconds)
        mine = {name: float(np.mean([f[name] for f in found])) for name in found[0]}
        label = f"ours, mean of {len(seeds)}"
        ours_lines = lines(task, label, mine, mine, f"{np.mean(seconds):.2f}", "")
        for line, name in zip(ours_lines, mine, strict=True):
            line[-1] = f"range {np.ptp([f[name] for f in found]):.5f}"
        rows += ours_lines
        seen = as_peers_see(task, data)
        for label, (limit, compute) in peers(task, seen, options.quick).items():
            key = f"{task}, {label}, quick={options.quick}"
            peer = cache.get(key, partial(timed, compute))
            theirs = peer["figures"]
            rows += lines(
                task, label, theirs, mine, f"{peer['seconds']:.1f}", peer["setting"]
            )
            check(bars, task, label, limit, mine, theirs)
            print(f"{task}: {label}: {theirs}, ours {mine}", flush=True)
    print()
    print_table(
        ["data", "model", "figure", "test rows", "ours / this", "fit s", ""], rows
    )
    bars.exit()


def lines(task, label, figures_, mine, seconds, remark) -> list[list[str]]:
    """Table rows of one model, one a figure."""
    return [
        [
            task,
            label,
            name,
            f"{value:.5f}",
            f"{mine[name] / value:.4f}",
            seconds,
            remark,
        ]
        for name, value in figures_.items()
    ]


if __name__ == "__main__":
    main()
