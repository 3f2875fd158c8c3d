"""Columns of a smooth loss on their way to the optimum: in turn, or in lockstep."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from sklearn_sagemaker.training.linear.newton import LEAST

SLOW = 0.2
"""A step has gained too little that leaves this share of what it was to gain."""
LARGEST = {"logistic": 0.25, "huber_loss": 1.0, "softmax_loss": 0.5}
"""What second derivatives of a row are not above: steps by it never go too far."""
SHORT, RAISED, LOWERED = 0.25, 0.05, 10
"""Length from which on a step that has gone too far is aimed again, as if each row had
this curvature at least, and then the largest: rows whose probabilities are nearly
certain, and wrong, have next to none. Whole steps divide it again."""
PASSES = 40
"""Passes over all rows, at most."""
NEARLY = 1e-9
"""Curvature that every weight has at least, by the mean of all."""
OF_COLUMN = 4
"""Factorisations of its quadratic that a step takes."""


class Column:
    """One column on its way: where it is, and what it tries.

    Parameters
    ----------
    samples : callable
        See `corrected`.
    penalties : (float, float, float)
        ``wd``, ``l1`` and that of the intercepts.
    w, b : float64 arrays of shape (d, K) and (K,)
        Where it starts.
    """

    def __init__(self, samples, penalties, w, b):
        self.samples, self.level = samples, 0
        self.wd, self.l1, self.bias_wd = penalties
        self.w, self.b = w, b
        self.tried, self.length = (w, b), 1.0
        self.value, self.gap, self.slope = np.inf, np.inf, 0.0
        self.hessian, self.fresh = None, False
        self.least = self.used = LEAST

    def goes_on(self, penalties) -> Column:
        """From where it has ended, to the optimum of other penalties.

        The curvature there is of use here.
        """
        self.wd, self.l1, self.bias_wd = penalties
        self.value, self.gap, self.slope, self.length = np.inf, np.inf, 0.0, 1.0
        return self

    def takes(self, value: float, slope_w, slope_b, tolerance: float) -> bool:
        """Take in the loss and the slopes of what was tried; whether to go on."""
        value = self.objective(value)
        if not value <= self.value + 1e-4 * self.length * self.slope:
            return self._again()
        (self.w, self.b), self.value = self.tried, value
        if self.length == 1.0:
            self.least = max(LEAST, self.least / LOWERED)
        elif self.length <= SHORT:
            self.least, self.hessian = self._raised() or self.least, None
        self.slopes, before, fresh = (slope_w, slope_b), self.gap, self.fresh
        self._aim()
        if self.gap > tolerance * value and self.gap > SLOW * before:
            # Its curvature was that of other weights, or of too few rows.
            if fresh:
                self._more()
            self.hessian = None
            self._aim()
        if self.gap <= tolerance * value and self.used > LEAST:
            # By raised curvatures there is less to gain than there is.
            self.least, self.hessian = LEAST, None
            self._aim()
        return self.gap > tolerance * value

    def objective(self, loss: float) -> float:
        """Of what is tried, from its loss."""
        w, b = self.tried
        ridge = self.wd * np.sum(w**2) + self.bias_wd * (b @ b)
        return loss + 0.5 * float(ridge) + self.l1 * float(np.abs(w).sum())

    def _more(self) -> bool:
        """Have more rows tell the curvature, if there are more."""
        there = self.samples(self.level + 1) is not self.samples(self.level)
        self.level += there
        return there

    def _raised(self) -> float:
        """The next least curvature where a step has gone too far; 0 if it is all."""
        largest = LARGEST[self.samples(self.level).loss.name]
        if self.least >= largest:
            return 0.0
        return RAISED if self.least < RAISED else largest

    def _again(self) -> bool:
        """A step was too long: aim by more rows, or try half of it."""
        if self._more() or not self.fresh:
            self.hessian = None
            self._aim()
            return True
        if self.length <= SHORT and self._raised():
            self.least, self.hessian = self._raised(), None
            self._aim()
            return True
        self.length /= 2
        (w, b), (far_w, far_b) = (self.w, self.b), self.tried
        self.tried = (w + far_w) / 2, (b + far_b) / 2
        if self.length > 1e-10:
            return True
        self.tried = w, b
        return False

    def _aim(self) -> None:
        """Try the step that the curvature tells."""
        w, b, sample = self.w, self.b, self.samples(self.level)
        self.fresh = self.hessian is None
        if self.hessian is None:
            self.used = self.least
            ww, *others = sample.bends(w, b, self.used)
            # Where features depend on each other steps stay near.
            ww[np.diag_indices(len(ww))] += NEARLY * np.trace(ww) / len(ww)
            self.hessian = (ww, *others)
        (slope_w, slope_b), given = self.slopes, (self.wd, self.l1)
        error, intercepts = sample.expansion(
            self.hessian, w, b, slope_w, slope_b, self.bias_wd
        )
        flat = error.minimum(w.T.ravel(), *given)
        far_w, far_b = flat.reshape(w.T.shape).T.copy(), intercepts(flat)
        slope = np.sum((slope_w + self.wd * w) * (far_w - w))
        slope += (slope_b + self.bias_wd * b) @ (far_b - b)
        slope += self.l1 * (np.abs(far_w).sum() - np.abs(w).sum())
        self.slope, self.length, self.tried = (
            min(float(slope), 0.0),
            1.0,
            (far_w, far_b),
        )
        self.gap = -0.5 * self.slope


def corrected(fit: Any, wd, l1, bias_wd, w, b):
    """The optimum on all rows for each of some penalties.

    Slopes are those of all rows, and all columns share a pass. Curvature is that of a
    sample, which grows for a column whose step gains too little.

    Parameters
    ----------
    fit : LargeFit
    wd, l1, bias_wd : float64 arrays of shape (m,)
    w, b : float64 arrays of shape (d, K, m) and (K, m)
        Where to start.

    Returns
    -------
    w, b : float64 arrays
    gap : float64 array of shape (m,)
        What the last step was expected to gain.
    """
    # Solving its quadratic is what a column takes.
    spread = fit.spread.worth(OF_COLUMN * (fit.n_features * fit.n_outputs) ** 3)
    columns = [
        Column(fit.sample, (wd[k], l1[k], bias_wd[k]), w[:, :, k], b[:, k])
        for k in range(len(wd))
    ]
    active = columns
    for number in range(PASSES):
        tried_w, tried_b = zip(*(column.tried for column in active), strict=True)
        value, slope_w, slope_b = fit.at(
            np.stack(tried_w, axis=2), np.stack(tried_b, axis=1)
        )
        takes = partial(_takes, fit, number == 0, value, slope_w, slope_b)
        going = spread(takes, range(len(active)), active)
        active = [column for column, on in zip(active, going, strict=True) if on]
        if not active:
            break
    for column in active:
        column.tried = column.w, column.b
    # A last step, whose gain no pass needs to confirm.
    found_w, found_b = zip(*(column.tried for column in columns), strict=True)
    gap = np.array([column.gap for column in columns])
    return np.stack(found_w, axis=2), np.stack(found_b, axis=1), gap


def followed(fit: Any, at, wd, l1, bias_wd, start=None):
    """The optimum on all rows for each of some penalties, each from the one before.

    The curvature that has led to one leads on to the next, as long as it does well.

    Parameters
    ----------
    fit : LargeFit
    at : callable
        As `LargeFit.at`.
    wd, l1, bias_wd : float64 arrays of shape (m,)
    start : (float64 array of shape (d, K), float64 array of shape (K,)) or None
        Weights and intercepts of a stronger penalty.

    Returns
    -------
    w, b, gap : float64 arrays
        See `corrected`.
    """
    shape = fit.n_features, fit.n_outputs, len(wd)
    w, b, gap = np.zeros(shape), np.zeros(shape[1:]), np.zeros(len(wd))
    null = np.zeros(shape[:2]), fit.null[0]
    column = None
    for k in range(len(wd)):
        penalties = wd[k], l1[k], bias_wd[k]
        if column is None or (l1[k] > 0) != (l1[k - 1] > 0):
            first = null if k or start is None else start
            column = Column(fit.sample, penalties, *first)
        else:
            column.goes_on(penalties)
        for number in range(PASSES):
            tried_w, tried_b = column.tried
            value, slope_w, slope_b = at(tried_w[:, :, None], tried_b[:, None])
            given = start is not None and k == number == 0
            if not _takes(fit, given, value, slope_w, slope_b, 0, column):
                break
        else:
            column.tried = column.w, column.b
        w[:, :, k], b[:, k] = column.tried
        gap[k] = column.gap
    return w, b, gap


def _takes(
    fit: Any, first: bool, value, slope_w, slope_b, k: int, column: Column
) -> bool:
    """Have a column take in what a pass has found of it; whether to go on."""
    if first and not column.objective(value[k]) <= fit.null[1]:
        # A sample, or a penalty, has misled it.
        column.tried = np.zeros_like(column.w), fit.null[0]
        return True
    return column.takes(value[k], slope_w[:, :, k], slope_b[:, k], fit.tolerance)
