"""Training objectives in float64: their optima, and the gap of a fit to them.

The last row of weights is the intercept, everywhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from scipy.optimize import minimize

from benchmarks.common import Timing, add_quick, add_seeds, add_several, make_parser
from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor

SCALER_ROWS = 10_000
REGRESSION = ("diamonds", "protein")
INSENSITIVITY = 0.01
MAX_UNCERTAINTY = 1e-5
# Relative: L-BFGS stops there.
PRECISION = 1e-7


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


# -------------------------------------------------------------------------- fits
def fit(loss: str, wd: float, seed: int, X, y, **settings):
    """A default fit but for wd, the scaling, and selection by the objective."""
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


@dataclass
class Gaps:
    """How far fits with several seeds are above an optimum, relative to it.

    Attributes
    ----------
    gaps, seconds : list of float
    model : estimator
        The last seed's.
    """

    gaps: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    model: Any = None

    @property
    def mean(self) -> float:
        """Mean gap."""
        return float(np.mean(self.gaps))

    def cells(self, digits: int) -> list[str]:
        """Mean and largest gap, in per cent."""
        return [f"{100 * value:.{digits}f} %" for value in (self.mean, max(self.gaps))]

    def last_cells(self) -> list[str]:
        """Seconds, and what was left open and chosen in the last fit."""
        table, index = self.model.candidates_, self.model.best_index_
        rate = self.model.best_params_.get("learning_rate")
        if rate is None:
            text = f"solved, gap at most {table['optimality'][index]:.0e} by itself"
            return [f"{np.mean(self.seconds):.2f}", text]
        text = (
            f"lr {rate:.3g}, "
            f"l1 {self.model.best_params_['l1']:g}, "
            f"epoch {table['best_epoch'][index]} of {self.model.n_iter_}"
        )
        return [f"{np.mean(self.seconds):.2f}", text]


def measure_gaps(
    fit_seed: Callable[[int], Any],
    seeds: Iterable[int],
    objective: Callable[[Any], float],
    best: float,
) -> Gaps:
    """Fit with each seed and compare the model's objective with the optimum."""
    found = Gaps()
    for seed in seeds:
        timing = Timing()
        timing.run(partial(fit_seed, seed))
        found.model = timing.result
        found.gaps.append(objective(found.model) / best - 1.0)
        found.seconds.append(timing.seconds)
    return found


# ----------------------------------------------------------------------- options
def gap_parser(
    description: str,
    datasets: Iterable[str],
    losses: Iterable[str],
    decays: Iterable[float],
    default_datasets: Iterable[str] | None = None,
) -> argparse.ArgumentParser:
    """Parser with the options of the benchmarks of gaps."""
    parser = make_parser(description)
    add_seeds(parser, "each fit")
    add_quick(parser, "one seed")
    parser.add_argument(
        "--optima-cache",
        type=Path,
        help="JSON file: optima are read from it, or added",
    )
    add_several(parser, "--datasets", datasets, default_datasets)
    add_several(parser, "--losses", losses)
    add_several(parser, "--wd", decays)
    return parser
