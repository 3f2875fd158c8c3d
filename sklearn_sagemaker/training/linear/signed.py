"""Least squares whose weights may have one sign only."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker.training.linear.quadratic import (
    RANK,
    RANK_OF_FACTOR,
    Quadratic,
    solution_of,
)

PATIENCE = 3
"""Exchanges that may leave as many weights on the wrong side as there were before."""


def pulls(slope: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """How strongly slopes pull weights that are zero to where signs let them go."""
    return np.where(signs * slope > 0, 0.0, np.abs(slope))


class SignedQuadratic(Quadratic):
    """The mean squared error of one fit, as a function of weights of given signs.

    Parameters
    ----------
    error : Quadratic
        The same of any weights.
    signs : int8 array of shape (d,)
        Of each weight: -1 is at most zero, 0 free, 1 at least zero.
    """

    def __init__(self, error: Quadratic, signs: np.ndarray):
        # What has been computed of it is shared.
        self.__dict__.update(vars(error))
        self.signs = signs

    def ridge(self, wd: np.ndarray, certified: bool = True):
        """The optimum for each of some L2 penalties: see `Quadratic`.

        Where the weights of the closed form have the signs that they may have, they
        are it. Else active sets find it, from the strongest penalty down.
        """
        weights, gap = super().ridge(wd, certified)
        near = None
        for place in np.argsort(-wd, kind="stable"):
            if (weights[:, place] * self.signs >= 0).all():
                near = weights[:, place]
                continue
            ridge = float(wd[place] / 2)
            found = self._exchanged(weights[:, place] if near is None else near, ridge)
            slope = self._active_sets(found, ridge, 0.0)
            weights[:, place] = near = found
            if certified:
                left = slope + ridge * found
                # They pull where the weight may not go, and bound the optimum as it is.
                left[(found == 0) & (self.signs * left > 0)] = 0.0
                gap[place] = self._gain(left[:, None], np.array([ridge]))[0]
        return weights, gap

    def minimum(self, start: np.ndarray, ridge: float, threshold: float) -> np.ndarray:
        """See `Quadratic`."""
        if threshold > 0:
            return super().minimum(start, ridge, threshold)
        found = self._exchanged(start, ridge)
        self._active_sets(found, ridge, 0.0)
        return found

    def directions(self, weights: np.ndarray, wd: np.ndarray) -> np.ndarray:
        """See `Quadratic`: of the weights that are not held at zero."""
        found = np.zeros(len(wd))
        for place, strength in enumerate(wd / 2):
            some = np.flatnonzero((weights[:, place] != 0) | (self.signs == 0))
            values = self._values(some)
            found[place] = np.sum(values / (values + strength))
        return found

    def _values(self, some: np.ndarray) -> np.ndarray:
        """Eigenvalues of G, of some weights alone, that are above zero."""
        if self._is_wide(some):
            gram = self._inner(self._rows[some], 0.0)
        else:
            gram = self._gram_of(some, 0.0)
        values = np.linalg.eigvalsh(gram)
        return values[values > RANK * values.max(initial=0.0)]

    def _exchanged(self, found: np.ndarray, ridge: float) -> np.ndarray:
        """Weights at the optimum, or near it: all on the wrong side change it at once.

        While they get fewer: of many weights that takes a few steps, where one at a
        time would take hundreds. `_active_sets` goes on from there.
        """
        bound = self.signs != 0
        inside = ~bound | (found * self.signs > 0)
        now = np.where(inside, found, 0.0)
        least, patience = len(found) + 1, PATIENCE
        while patience:
            some = np.flatnonzero(inside)
            now, slope = self._at_optimum(some, ridge)
            wrong = inside & (now * self.signs < 0)
            wrong |= ~inside & (self._pull(slope) > self._slack)
            count = int(np.count_nonzero(wrong))
            if count == 0:
                break
            patience = PATIENCE if count < least else patience - 1
            least = min(least, count)
            inside ^= wrong
        return np.where(now * self.signs < 0, 0.0, now)

    def _at_optimum(self, some, ridge: float) -> tuple[np.ndarray, np.ndarray]:
        """All weights where some are at their optimum, of any signs, and slopes."""
        now = np.zeros(len(self.moment))
        wanted = self._solved(some, ridge) if len(some) else np.empty(0)
        if wanted is not None:
            now[some] = wanted
        slope = self._slope(now, some)
        left = np.abs(slope + ridge * now)[some].max(initial=0.0)
        if self._factor is None or left <= self._slack:
            return now, slope
        # Their products have lost digits that the factor has.
        rows = self._rows[some].T
        rows = np.concatenate([rows, np.sqrt(ridge) * np.eye(len(some))])
        target = np.concatenate([self._target, np.zeros(len(some))])
        now[some] = np.linalg.lstsq(rows, target, np.sqrt(RANK_OF_FACTOR))[0]
        return now, self._slope(now, some)

    def _solved(self, some: np.ndarray, ridge: float) -> np.ndarray | None:
        """Some weights at their optimum by their equations; None if that fails."""
        if self._is_wide(some) and ridge > 0:
            # Combinations of the few rows of the factor.
            rows = self._rows[some]
            found = solution_of(self._inner(rows, ridge), self._target)
            return None if found is None else rows @ found
        return solution_of(self._gram_of(some, ridge), self.moment[some])

    def _is_wide(self, some: np.ndarray) -> bool:
        return self._factor is not None and len(some) > len(self._target)

    def _inner(self, rows: np.ndarray, ridge: float) -> np.ndarray:
        gram = rows.T @ rows
        gram.flat[:: len(gram) + 1] += ridge
        return gram

    # ------------------------------------------------------------- see `Quadratic`
    def _pull(self, slope: np.ndarray) -> np.ndarray:
        return pulls(slope, self.signs)

    def _part(self, some: np.ndarray) -> SignedQuadratic:
        return SignedQuadratic(super()._part(some), self.signs[some])
