"""Penalties that the data ask for: paths from the null model down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMALLEST_L1 = 1e-3
"""The path of L1 penalties ends at this share of the one that leaves no weight."""
LEAST_LEFT = 0.05
"""Share of the rows that a model must leave free for its noise to be estimated."""
FINER = 8
"""Candidates of a path from which on half of them are kept for where it is best."""
BELOW = 30.0
"""How far below a penalty its path is looked at, where none is the next."""
WIDEST = 1e-3
"""Least L2 penalty of classes, times the rows: weights of deviation 30 are expected.
Where few rows can be parted, those on which folds are scored ask for none at all."""


@dataclass(frozen=True)
class SmallProblem:
    """What of a loss says which penalties matter: its square at the null model.

    Attributes
    ----------
    values, moment : float64 arrays of shape (r,)
        Of a `Quadratic`: its eigenvalues, all above zero, in ascending order, and its
        moment in their basis.
    size : float
        Of it.
    largest : float
        Twice the largest slope at the null model.
    n_rows : float
    full : bool
        Whether the optimum without a penalty is unique, and is worth a candidate.
    least : float
        Penalty ``wd / 2`` at which the path of L2 penalties ends at the latest.
    """

    values: np.ndarray
    moment: np.ndarray
    size: float
    largest: float
    n_rows: float
    full: bool
    least: float = 0.0


@dataclass(frozen=True)
class Path:
    """Penalties in a row, the strongest first, of which one varies.

    Attributes
    ----------
    wd, l1 : float64 arrays of shape (k,)
    varies : {"wd", "l1"}
    finer : int
        Penalties that are to be added where the path is best.
    """

    wd: np.ndarray
    l1: np.ndarray
    varies: str
    finer: int

    def __len__(self) -> int:
        return len(self.wd)

    def between(self, best: int, last: int, count: int):
        """Penalties around one of the path, of which the first ones have been solved.

        Returns
        -------
        place : int
            Of the penalty above them.
        wd, l1 : float64 arrays of shape (count,)
        """
        values = getattr(self, self.varies)
        here, above = values[best], max(best - 1, 0)
        high = values[above]
        upper = count // 2 if best else 0
        if best == last and here > 0:
            # The path ends where a weaker penalty would be one by chance.
            low, upper = here, count
        elif here == 0:
            here, low, upper = high, high / BELOW**2, 0
        else:
            low = values[best + 1] or here / BELOW
        inside = np.concatenate(
            [
                np.geomspace(high, here, upper + 2)[1:-1],
                np.geomspace(here, low, count - upper + 2)[1:-1],
            ]
        )
        others = np.full(count, (self.l1 if self.varies == "wd" else self.wd)[0])
        return above, *((inside, others) if self.varies == "wd" else (others, inside))


def _fine(values: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Many penalties ``wd / 2``, from no effect on any direction to a strong one."""
    strong = 10.0 * values[-1]
    return np.geomspace(np.clip(least, 1e-2 * values[0], 0.1 * strong), strong, 200)


def cross_validated(
    values: np.ndarray, moment: np.ndarray, size: float, n: float, least: float = 0.0
) -> tuple[float, float]:
    """The L2 penalty of the lowest generalized cross-validation error.

    Parameters
    ----------
    values, moment : float64 arrays of shape (r,)
        Of a `Quadratic`: its eigenvalues, and its moment in their basis.
    size : float
    n : float
        Rows.
    least : float
        As in `SmallProblem`.

    Returns
    -------
    wd : float
    noise : float
        Variance of what no weight explains, as estimated there.
    """
    strength = _fine(values, least)
    bent = values[:, None] + strength
    error = size - moment**2 @ ((values[:, None] + 2 * strength) / bent**2)
    free = 1.0 - (1.0 + np.sum(values[:, None] / bent, axis=0)) / n
    error = np.maximum(error, 0.0) / np.maximum(free, LEAST_LEFT) ** 2
    error[free < LEAST_LEFT] = np.inf
    best = int(np.argmin(error))
    if not np.isfinite(error[best]):
        best = len(strength) - 1
    left = max(float(free[best]), LEAST_LEFT)
    return 2.0 * float(strength[best]), float(error[best]) * left


def ridge_path(
    values: np.ndarray, count: int, full: bool, least: float = 0.0
) -> np.ndarray:
    """L2 penalties spread over the spectrum.

    Half by their logarithm and half by the directions that they leave, so that they
    are dense where a step changes the model.

    Parameters
    ----------
    values : float64 array of shape (r,)
        Eigenvalues, all above zero, in ascending order.
    count : int
    full : bool
        Whether the optimum without a penalty is unique: then it is the last.
    least : float
        As in `SmallProblem`.

    Returns
    -------
    wd : float64 array of shape (count,)
        The strongest first.
    """
    strength = _fine(values, least)
    kept = np.sum(values[:, None] / (values[:, None] + strength), axis=0)
    bent = (kept[0] - kept) / (kept[0] - kept[-1])
    place = 0.5 * bent + 0.5 * np.linspace(0.0, 1.0, len(strength))
    wanted = np.linspace(1.0, 0.0, count) if count > 1 else np.array([0.5])
    path = 2.0 * np.exp(np.interp(wanted, place, np.log(strength)))
    if full and count > 1:
        path[-1] = 0.0
    return path


def lasso_path(largest: float, count: int) -> np.ndarray:
    """L1 penalties from the one that leaves no weight down, the strongest first.

    Parameters
    ----------
    largest : float
        Twice the largest slope at the null model.
    count : int

    Returns
    -------
    l1 : float64 array of shape (count,)
    """
    if count == 1:
        return np.array([largest * np.sqrt(SMALLEST_L1)])
    # Beyond rounding the first leaves none.
    return np.geomspace(1.0 + 1e-9, SMALLEST_L1, count) * largest


def l1_path(count: int, null: SmallProblem, beside: float, half: float) -> Path:
    """L1 penalties beside an L2 penalty.

    Parameters
    ----------
    count : int
        Candidates that are wanted.
    null : SmallProblem
    beside : float
        The L2 penalty.
    half : float
        Of the loss, in mean squared errors.
    """
    coarse = count if count < FINER else count - count // 2
    path = half * lasso_path(null.largest or 1.0, coarse)
    return Path(np.full(coarse, beside), path, "l1", count - coarse)


def penalty_paths(
    wd, l1, count: int, null: SmallProblem, half: float = 1.0
) -> list[Path]:
    """Penalties of the candidates, where the user leaves them open.

    Parameters
    ----------
    wd, l1 : float or "auto"
        The user's.
    count : int
        Candidates that are wanted.
    null : SmallProblem
    half : float
        Of the loss, in mean squared errors.

    Returns
    -------
    paths : list of Path
        Of ``count`` candidates at most, with those that are to be added.
    """
    values, moment = null.values, null.moment
    if len(values) == 0:
        # No feature varies, and no penalty matters.
        values, moment = np.ones(1), np.zeros(1)
    if wd != "auto" and l1 != "auto":
        return [Path(np.array([wd]), np.array([l1]), "wd", 0)]

    def ridge(count: int, beside: float) -> Path:
        coarse = count if count < FINER else count - count // 2
        given = values, moment, null.size, null.n_rows, null.least
        best, _ = cross_validated(*given)
        path = ridge_path(values, coarse - 1, null.full, null.least)
        path = np.append(best, path)[:coarse]
        path = half * -np.sort(-path)
        return Path(path, np.full(coarse, beside), "wd", count - coarse)

    if l1 != "auto":
        return [ridge(count, float(l1))]
    if wd != "auto":
        alone = [Path(np.array([float(wd)]), np.zeros(1), "wd", 0)]
        return (
            [l1_path(count - 1, null, float(wd), half)] if count > 1 else []
        ) + alone
    ridges = [ridge(count - count // 2, 0.0)]
    return ridges + ([l1_path(count // 2, null, 0.0, half)] if count > 1 else [])
