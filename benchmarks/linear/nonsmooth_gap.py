"""How far the default fit is from the optimum of losses with kinks.

On 2,000 training rows, with wd and l1 fixed and normalize_data=True, the selected
candidate's training objective is compared with an exact optimum: without wd a linear
program (HiGHS), with wd a quadratic one, solved by rounding the kinks less and less.
The gap is taken from a lower bound of the optimum, the value of a feasible point of
the dual problem, so it can only look larger than it is; "certified" says by how much
at most.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog
from scipy.special import logsumexp

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
)

N_ROWS = 2000
MAX_GAP = 0.005
MAX_UNCERTAINTY_QUADRATIC = 1e-3
MARGIN = 1.0


class Case(NamedTuple):
    """A loss and the quantile it has, if any."""

    loss: str
    quantile: float | None = None

    @property
    def label(self) -> str:
        """As the table names it."""
        return self.loss + ("" if self.quantile is None else f" {self.quantile:g}")


REGRESSION_CASES = (
    Case("absolute_loss"),
    Case("quantile_loss", 0.5),
    Case("quantile_loss", 0.9),
    Case("eps_insensitive_absolute_loss"),
)
HINGE = Case("hinge_loss")
CASES = {
    "a9a": (HINGE,),
    "diamonds": REGRESSION_CASES,
    "protein": REGRESSION_CASES,
    # By request: 2,000 rows of 784 columns are separable, the optimum is nearly zero.
    "mnist-zero": (HINGE,),
}
DEFAULTS = ("a9a", "diamonds", "protein")
DECAYS = (0.0, 1e-2)


def pieces(case: Case, y: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and offsets of the lines whose maximum is the loss of each row.

    Returns
    -------
    slopes, offsets : arrays of shape (n_pieces, n_rows)
        The loss of margin f is ``max(slopes * f + offsets)``.
    """
    one, zero = np.ones_like(y), np.zeros_like(y)
    if case.loss == "hinge_loss":
        # y max(0, (m + 1) / 2 - f) + (1 - y) max(0, (m - 1) / 2 + f)
        slopes, offsets = 1 - 2 * y, MARGIN / 2 + y - 0.5
        return np.stack([slopes, zero]), np.stack([offsets, zero])
    if case.loss == "eps_insensitive_absolute_loss":
        band = INSENSITIVITY / unit
        return np.stack([one, -one, zero]), np.stack([-y - band, y - band, zero])
    low = high = 1.0
    if case.quantile is not None:
        low, high = case.quantile, 1 - case.quantile
    return np.stack([high * one, -low * one]), np.stack([-high * y, low * y])


def objective(problem: Problem, case: Case, wd: float, weights: np.ndarray) -> float:
    """Mean loss plus penalty."""
    slopes, offsets = pieces(case, problem.y, problem.unit)
    f = problem.margins(weights)[:, 0]
    loss = np.max(slopes * f + offsets, axis=0).mean()
    return float(loss + 0.5 * wd * np.sum(weights[:-1] ** 2))


# -------------------------------------------------------------------- optima
def linear_program(problem: Problem, case: Case) -> list[float]:
    """Optimum without penalties, and its relative uncertainty."""
    y = problem.y.astype(np.float64)
    slopes, offsets = pieces(case, y, problem.unit)
    n, d = problem.X.shape
    rows = sp.hstack([sp.csr_matrix(problem.X), np.ones((n, 1))]).tocsr()
    # Each row's loss is a variable that no line of the row exceeds.
    kept = slopes.any(axis=1)  # The bound on the variables does for the zero line.
    lines = [
        sp.hstack([sp.diags(slope) @ rows, -sp.identity(n)]) for slope in slopes[kept]
    ]
    limits = -np.concatenate(offsets[kept])
    cost = np.concatenate([np.zeros(d + 1), np.full(n, 1.0 / n)])
    found = linprog(
        cost,
        A_ub=sp.vstack(lines).tocsr(),
        b_ub=limits,
        bounds=[(None, None)] * (d + 1) + [(0.0, None)] * n,
        method="highs",
    )
    if found.status != 0:
        raise RuntimeError(f"HiGHS: {found.message}")
    dual = float(found.ineqlin.marginals @ limits)
    return [dual, abs(float(found.fun) / dual - 1.0)]


def rounded(case: Case, width: float):
    """The loss with kinks rounded upwards: ``width`` times a log-sum-exp."""

    def loss(f, y, unit):
        slopes, offsets = pieces(case, y, unit)
        lines = (slopes * f + offsets) / width
        total = logsumexp(lines, axis=0)
        return width * total, np.sum(np.exp(lines - total) * slopes, axis=0)

    return loss


def dual_value(problem: Problem, case: Case, wd: float, weights, width) -> float:
    """A lower bound of the optimum, from shares of the lines at a rounded optimum.

    The shares of a row sum to one, which is all that a dual point needs, but that the
    mean slope must vanish for the free intercept: a little of the steepest lines of
    the missing sign is mixed in.
    """
    slopes, offsets = pieces(case, problem.y, problem.unit)
    f = problem.margins(weights)[:, 0]
    lines = (slopes * f + offsets) / width
    shares = np.exp(lines - logsumexp(lines, axis=0))
    excess = np.sum(shares * slopes)
    pick = np.argmin(slopes, axis=0) if excess > 0 else np.argmax(slopes, axis=0)
    other = np.zeros_like(shares)
    other[pick, np.arange(len(pick))] = 1.0
    mix = excess / (excess - np.sum(other * slopes))
    shares = (1.0 - mix) * shares + mix * other
    slope = np.sum(shares * slopes, axis=0)
    gradient = problem.gradient(slope)[:-1]
    return float(np.sum(shares * offsets) / len(f) - np.sum(gradient**2) / (2.0 * wd))


def quadratic_program(problem: Problem, case: Case, wd: float) -> list[float]:
    """Lower bound of the optimum with wd, and its relative uncertainty."""
    weights, value, bound = None, np.inf, -np.inf
    for width in 0.1 * 0.25 ** np.arange(10):
        weights = minimum(problem, rounded(case, width), wd, 1.0, weights, 500)
        value = min(value, objective(problem, case, wd, weights))
        bound = max(bound, dual_value(problem, case, wd, weights, width))
        if value - bound < 0.1 * MAX_UNCERTAINTY_QUADRATIC * value:
            break
    return [bound, value / bound - 1.0]


def optimum(problem: Problem, case: Case, wd: float) -> list[float]:
    """Lower bound of the optimum, and its relative uncertainty."""
    if wd > 0:
        return quadratic_program(problem, case, wd)
    return linear_program(problem, case)


# ---------------------------------------------------------------------- main
def some_rows(data_dir: Path, name: str, n_rows: int):
    """A sample of the training rows, and the problem they pose."""
    data = load(data_dir, name)
    rows = np.random.default_rng(0).permutation(len(data.y_train))[:n_rows]
    X, y = data.X_train[rows], data.y_train[rows]
    return X, y, normalised(X, y, regression=name in REGRESSION)


def main() -> None:
    """Print the table and check the bars."""
    losses = sorted({case.loss for cases in CASES.values() for case in cases})
    parser = gap_parser(__doc__, CASES, losses, DECAYS, DEFAULTS)
    parser.add_argument("--rows", type=int, default=N_ROWS, help="training rows")
    options = parser.parse_args()
    print_environment()
    optima = JsonCache(options.optima_cache)
    table, bars = [], Bars()
    for name in options.datasets:
        X, y, problem = some_rows(options.data_dir, name, options.rows)
        for case in CASES[name]:
            for wd in options.wd:
                if case.loss not in options.losses or (
                    name == "mnist-zero" and wd == 0
                ):
                    continue
                best, uncertain = optima.get(
                    f"{name}, {case.label}, {wd:g}, {options.rows} rows",
                    partial(optimum, problem, case, wd),
                )
                extra = {} if case.quantile is None else {"quantile": case.quantile}
                found = measure_gaps(
                    lambda seed, case=case, wd=wd, X=X, y=y, extra=extra: fit(
                        case.loss, wd, seed, X, y, l1=0.0, **extra
                    ),
                    seeds_of(options),
                    lambda model, problem=problem, case=case, wd=wd: objective(
                        problem, case, wd, problem.of_model(model)
                    ),
                    best,
                )
                what = f"{name}, {case.label}, wd {wd:g}"
                limit = MAX_UNCERTAINTY_QUADRATIC if wd else MAX_UNCERTAINTY
                bars.at_most(f"{what}: certified", uncertain, limit)
                bars.at_most(f"{what}: mean gap", found.mean, MAX_GAP)
                table.append(
                    [
                        name,
                        case.label,
                        f"{wd:g}",
                        f"{best:.6f}",
                        f"{uncertain:.0e}",
                        *found.cells(3),
                        *found.last_cells(),
                    ]
                )
                print(*table[-1][:3], *table[-1][5:], flush=True)
    print()
    print_table(
        [
            "data",
            "loss",
            "wd",
            "optimum",
            "certified",
            "mean gap",
            "largest gap",
            "fit s",
            "selected, last seed",
        ],
        table,
    )
    bars.exit()


if __name__ == "__main__":
    main()
