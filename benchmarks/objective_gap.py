"""How far the default fit is from the optimum of its training objective.

With wd fixed, normalize_data=True and cv=False the candidate lowest on the training
objective is kept. Its coefficients are mapped to the normalised space and their
objective, weighted mean loss + wd / 2 |w|^2 with the intercept free, is compared in
float64 with the optimum found by L-BFGS. "certified" bounds what L-BFGS may have
left, relative to the optimum: the objective is strongly convex. Should a candidate
with l1 > 0 be selected, its objective without that term counts: with it, it was
already below the other candidates'.
"""

from common import (
    Bars,
    Timing,
    load,
    load_mnist_zero,
    make_parser,
    print_environment,
    print_table,
)

# isort: split
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor

SCALER_ROWS = 10_000
HUBER_DELTA = 1.0
INSENSITIVITY = 0.01
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
    *((name, loss) for name in ("diamonds", "protein") for loss in LOSSES[2:]),
    ("mnist-zero", "logistic"),
    ("mnist", "softmax_loss"),
]
DECAYS = (1e-2, 1e-3)
MAX_GAP = {1e-2: 0.003, 1e-3: 0.005}
MAX_GAP_MNIST = {1e-2: 0.003, 1e-3: 0.01}
MAX_GAP_LONG = 0.0005
LONG_EPOCHS = 100
MAX_UNCERTAINTY = 1e-5
# Relative: L-BFGS stops there.
PRECISION = 1e-7


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


# ------------------------------------------------------------- normalised space
@dataclass
class Problem:
    """Rows and labels as the training sees them, in float64.

    The last row of the weights is the intercept.
    """

    X: Any
    y: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    origin: float
    unit: float
    n_outputs: int

    def margins(self, weights: np.ndarray) -> np.ndarray:
        """Scores of all rows, (n, n_outputs)."""
        return self.X @ weights[:-1] + weights[-1]

    def of_model(self, model) -> np.ndarray:
        """Weights of a fitted estimator in the normalised space."""
        coef = np.atleast_2d(model.coef_) / self.unit
        intercept = (np.atleast_1d(model.intercept_) - self.origin) / self.unit
        intercept = intercept + coef @ self.centre
        return np.vstack([(coef / self.scale).T, intercept])

    def gradient(self, slope: np.ndarray) -> np.ndarray:
        """Derivative by the weights, from that by the margins."""
        slope = slope.reshape(len(self.y), -1) / len(self.y)
        return np.vstack([self.X.T @ slope, slope.sum(axis=0)])

    def objective(self, loss: Callable, wd: float, weights: np.ndarray):
        """Objective and gradient."""
        f = self.margins(weights)
        value, slope = loss(f if self.n_outputs > 1 else f[:, 0], self.y, self.unit)
        gradient = self.gradient(slope)
        gradient[:-1] += wd * weights[:-1]
        return value.mean() + 0.5 * wd * np.sum(weights[:-1] ** 2), gradient

    def preconditioner(self, curvature: float, wd: float) -> np.ndarray:
        """Cholesky factor of a Hessian that bounds or resembles the true one."""
        hessian = curvature * self.gram / len(self.y)
        hessian[np.diag_indices(len(hessian))] += max(wd, 1e-9)
        return la.cholesky(hessian)

    @property
    def gram(self) -> np.ndarray:
        """Products of the columns, that of the intercept last."""
        if not hasattr(self, "_gram"):
            d = self.X.shape[1]
            products = self.X.T @ self.X
            self._gram = np.zeros((d + 1, d + 1))
            self._gram[:d, :d] = products.toarray() if sp.issparse(self.X) else products
            self._gram[:d, d] = self._gram[d, :d] = np.ravel(self.X.sum(axis=0))
            self._gram[d, d] = len(self.y)
        return self._gram.copy()


def normalised(X, y, *, regression: bool) -> Problem:
    """The problem that normalize_data=True poses, from the scaler's definition.

    Mean and standard deviation come from the first rows. Columns constant there
    are not scaled; CSR columns are not centred.
    """
    first, labels = X[:SCALER_ROWS], np.asarray(y, dtype=np.float64)
    if sp.issparse(X):
        first = first.toarray()
    first = np.asarray(first, dtype=np.float64)
    deviation = first.std(axis=0)
    deviation[deviation <= 1e-12 * np.abs(first).max(axis=0)] = 1.0
    scale = 1.0 / deviation
    if sp.issparse(X):
        centre = np.zeros(X.shape[1])
        rows = sp.csr_matrix(X, dtype=np.float64) @ sp.diags(scale)
    else:
        centre = first.mean(axis=0)
        rows = (np.asarray(X, dtype=np.float64) - centre) * scale
    origin, unit, n_outputs = 0.0, 1.0, 1
    if regression:
        origin, unit = labels[:SCALER_ROWS].mean(), labels[:SCALER_ROWS].std()
        labels = (labels - origin) / unit
    else:
        classes, codes = np.unique(labels, return_inverse=True)
        labels = codes.astype(np.float64)
        n_outputs = len(classes) if len(classes) > 2 else 1
    return Problem(rows, labels, centre, scale, origin, unit, n_outputs)


def minimum(
    problem: Problem,
    loss: Callable,
    wd: float,
    curvature: float,
    start=None,
    max_iter: int = 5000,
) -> np.ndarray:
    """Weights at the optimum, by L-BFGS in coordinates that undo the scaling.

    Parameters
    ----------
    problem : Problem
    loss : callable
        ``(margins, y, unit) -> (values, derivatives)``.
    wd : float
    curvature : float
        Of the loss, about: largest second derivative.
    start : array, default=None
        Weights to start from.
    max_iter : int, default=5000
    """
    factor = problem.preconditioner(curvature, wd)
    shape = (problem.X.shape[1] + 1, problem.n_outputs)
    left = np.inf

    def objective(flat):
        nonlocal left
        weights = la.solve_triangular(factor, flat.reshape(shape))
        value, gradient = problem.objective(loss, wd, weights)
        left = uncertainty(value, gradient, wd)
        return value, la.solve_triangular(factor, gradient, trans=1).ravel()

    def stop(intermediate_result):
        if left < PRECISION:
            raise StopIteration

    flat = np.zeros(shape) if start is None else factor @ start
    settings = {"maxiter": max_iter, "maxfun": 2 * max_iter, "maxcor": 30}
    found = minimize(
        objective,
        flat.ravel(),
        jac=True,
        method="L-BFGS-B",
        callback=stop,
        options={"ftol": 1e-15, "gtol": 1e-12, **settings},
    )
    return la.solve_triangular(factor, found.x.reshape(shape))


def uncertainty(value: float, gradient: np.ndarray, wd: float) -> float:
    """Share of the objective that may be left, as its curvature is at least wd.

    The intercept, which is free, is taken to be as good as optimal.
    """
    return float(np.sum(gradient**2) / (2.0 * wd) / value) if wd > 0 else np.inf


# ------------------------------------------------------------------------- tasks
@lru_cache(maxsize=1)
def training_rows(data_dir: Path, name: str):
    """Training rows and labels of a data set, and the problem they pose."""
    data = load_mnist_zero(data_dir) if name == "mnist-zero" else load(data_dir, name)
    X, y = data.X_train, data.y_train
    return X, y, normalised(X, y, regression=name in ("diamonds", "protein"))


def fit(loss: str, wd: float, seed: int, X, y, **settings):
    """A default fit but for wd, the scaling, and judging by the objective."""
    settings = {
        "loss": loss,
        "wd": wd,
        "normalize_data": True,
        "cv": False,
        "random_state": seed,
        **settings,
    }
    if loss in ("logistic", "hinge_loss"):
        settings["binary_classifier_model_selection_criteria"] = "loss_function"
    if loss in ("logistic", "hinge_loss", "softmax_loss"):
        return LinearLearnerClassifier(**settings).fit(X, y)
    return LinearLearnerRegressor(**settings).fit(X, y)


class Optima:
    """Optima, kept in a JSON file if one is named."""

    def __init__(self, path: Path | None):
        self.path = path

    def get(self, key: str, compute: Callable[[], list[float]]) -> list[float]:
        """The stored numbers of a problem, or new ones, which are then stored."""
        known = {}
        if self.path is not None and self.path.exists():
            known = json.loads(self.path.read_text())
        if key not in known:
            known[key] = compute()
            if self.path is not None:
                self.path.write_text(json.dumps(known, indent=1))
        return known[key]


def optimum(problem: Problem, name: str, wd: float) -> list[float]:
    """Least objective, and the share of it by which it may be too high."""
    loss = FUNCTIONS[name]
    weights = minimum(problem, loss, wd, CURVATURE.get(name, 2.0))
    value, gradient = problem.objective(loss, wd, weights)
    rounding = ROUNDING / 2 if name.startswith("eps") else 0.0
    return [float(value), float(uncertainty(value, gradient, wd) + rounding / value)]


def chosen(model) -> str:
    """The selected candidate's hyperparameters that were left open, and its status."""
    table, index = model.candidates_, model.best_index_
    return (
        f"lr {model.best_params_['learning_rate']:.3g}, "
        f"l1 {model.best_params_['l1']:g}, "
        f"epoch {table['best_epoch'][index]} of {model.n_iter_}"
    )


def add_options(parser) -> None:
    """What the two scripts on objectives share."""
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each fit")
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument(
        "--optima-cache",
        type=Path,
        help="JSON file: optima are read from it, or added",
    )


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_options(parser)
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=LOSSES)
    parser.add_argument("--wd", nargs="+", type=float, choices=DECAYS, default=DECAYS)
    parser.add_argument(
        "--epochs100",
        choices=("none", "small", "all", "only"),
        default="small",
        help="data sets that are fitted with 100 epochs too: all but MNIST's "
        '(the default), all, or none; "only" skips the default epochs',
    )
    options = parser.parse_args()
    print_environment()
    seeds = 1 if options.quick else options.seeds
    optima = Optima(options.optima_cache)
    rows: list[list[Any]] = []
    results: list[tuple[str, float, float]] = []
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
            results.append((f"{what}: certified", uncertain, MAX_UNCERTAINTY))
            for epochs in lengths:
                gaps, seconds = [], []
                for seed in range(seeds):
                    timing = Timing()
                    timing.run(partial(fit, loss, wd, seed, X, y, epochs=epochs))
                    weights = problem.of_model(timing.result)
                    value, _ = problem.objective(FUNCTIONS[loss], wd, weights)
                    gaps.append(value / best - 1.0)
                    seconds.append(timing.seconds)
                limits = MAX_GAP_MNIST if name.startswith("mnist") else MAX_GAP
                limit = MAX_GAP_LONG if epochs == LONG_EPOCHS else limits[wd]
                planned = timing.result.resolved_params_["epochs"]
                mean = float(np.mean(gaps))
                results.append((f"{what}, {planned} epochs: mean gap", mean, limit))
                rows.append(
                    [
                        name,
                        loss,
                        f"{wd:g}",
                        planned,
                        f"{best:.6f}",
                        f"{uncertain:.0e}",
                        f"{100 * mean:.4f} %",
                        f"{100 * np.max(gaps):.4f} %",
                        f"{100 * limit:g} %",
                        f"{np.mean(seconds):.2f}",
                        chosen(timing.result),
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
    bars = Bars()
    for result in results:
        bars.at_most(*result)
    bars.exit()


if __name__ == "__main__":
    main()
