"""Newton's method on rows with more features than rows: conjugate gradients.

The optimum with an L2 penalty is a combination of the rows, ``w = X.T @ a``. All
numbers here are of rows, so that memory does not follow the features, and sparse rows
stay sparse. All fits of a path step together, each by lengths of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sklearn_sagemaker._kernels.losses import Loss

NEWTON_STEPS, INNER_STEPS = 30, 60
"""At most, for one penalty and for one step."""
FORCING = 0.2
"""Share of a slope that the conjugate gradients of a step leave."""
LEAST = 1e-10
"""Share of the objective below which the loss of a step is rounding noise."""


def _bend(u, p, weights, coupled: bool, closed: bool) -> np.ndarray:
    """Second derivatives of the losses of rows, times a change of their margins.

    Parameters
    ----------
    u : float64 array of shape (n, n_fits, n_outputs)
    p : float64 array of the same shape
        Probabilities.
    weights : float64 array of shape (n, n_fits)
    coupled, closed : bool
        Whether the loss is softmax, or squared.
    """
    if closed:
        return 2.0 * weights[:, :, None] * u
    if coupled:
        mean = np.sum(p * u, axis=2, keepdims=True)
        return weights[:, :, None] * p * (u - mean)
    return weights[:, :, None] * p * (1.0 - p) * u


class RowFits:
    """Several fits of the same rows, each by weights of the rows of its own.

    Parameters
    ----------
    loss : Loss
        Logistic, softmax or squared.
    product : callable
        ``product(a)`` is ``X @ X.T @ a`` of a float64 array of shape (n, k).
    y : float64 array of shape (n, n_fits)
        Labels, as each fit sees them.
    weights : float64 array of shape (n, n_fits)
        Of sum 1, zero where a fit is not trained.
    n_outputs : int
    use_bias : bool
    tolerance : float64 array of shape (n_fits,)
        Decrease that the last step of each expects, by its objective.
    """

    def __init__(
        self,
        loss: Loss,
        product: Callable[[np.ndarray], np.ndarray],
        y: np.ndarray,
        weights: np.ndarray,
        n_outputs: int,
        use_bias: bool,
        tolerance: np.ndarray,
    ):
        self.loss, self._product = loss, product
        self.y, self.weights, self.use_bias = y, weights, use_bias
        self.tolerance = tolerance
        self.shape = (*y.shape, n_outputs)
        self.a = np.zeros(self.shape)
        self.b = self._null()
        # Products of the rows with their combinations: margins less intercepts.
        self.scores = np.zeros(self.shape)
        self.null = self.values(self.scores + self.b)

    def _null(self) -> np.ndarray:
        """Intercepts of the models without weights, of shape (n_fits, n_outputs)."""
        n_fits, n_outputs = self.shape[1:]
        b = np.zeros((n_fits, n_outputs))
        if not self.use_bias:
            return b
        for fit in range(n_fits):
            y, weights = self.y[:, fit], self.weights[:, fit]
            if self.loss.link == "identity":
                b[fit] = weights @ y
                continue
            # Log-odds, of shares that are none too far from even.
            shares = np.bincount(y.astype(int), weights, max(2, n_outputs))
            logs = np.log(np.maximum(shares, 1e-6))
            b[fit] = logs - logs.mean() if n_outputs > 1 else logs[1] - logs[0]
        return b

    def product(self, a: np.ndarray) -> np.ndarray:
        """Products of all rows with combinations of shape (n, n_fits, n_outputs)."""
        return self._product(a.reshape(len(a), -1)).reshape(a.shape)

    def losses(self, margins: np.ndarray) -> np.ndarray:
        """Loss of each row by each fit, of shape (n, n_fits)."""
        if not self.loss.coupled:
            return self.loss.value(margins[:, :, 0], self.y, 0.0)
        found = [
            self.loss.value(margins[:, fit], self.y[:, fit], 0.0)
            for fit in range(self.shape[1])
        ]
        return np.stack(found, axis=1)

    def values(self, margins: np.ndarray) -> np.ndarray:
        """Mean loss of each fit."""
        return np.sum(self.weights * self.losses(margins), axis=0)

    def _slopes(self, margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First derivatives by the margins, and probabilities."""
        if self.loss.coupled:
            slopes = np.stack(
                [
                    self.loss.gradient(margins[:, fit], self.y[:, fit], 0.0)
                    for fit in range(self.shape[1])
                ],
                axis=1,
            )
            p = slopes.copy()
            rows, fits = np.indices(self.y.shape)
            p[rows, fits, self.y.astype(int)] += 1.0
        else:
            slopes = self.loss.gradient(margins[:, :, 0], self.y, 0.0)[:, :, None]
            p = slopes + self.y[:, :, None]
        return slopes * self.weights[:, :, None], p

    def optimum(self, wd: float, bias_wd: float) -> np.ndarray:
        """Go to the optimum of a penalty, from where the fits are.

        Returns
        -------
        gap : float64 array of shape (n_fits,)
            What a step more would be expected to gain.
        """
        # Without the rounding of many small steps.
        self.scores = self.product(self.a)
        gap = np.full(self.shape[1], np.inf)
        value = self._objective(self.a, self.b, self.scores, wd, bias_wd)
        active = np.ones(self.shape[1], dtype=bool)
        for _ in range(NEWTON_STEPS):
            step = self._step(wd, bias_wd, active)
            da, db, moved, slope = step
            gap = np.where(active, np.maximum(-0.5 * slope, 0.0), gap)
            length = active.astype(float)
            small = gap <= np.maximum(self.tolerance, LEAST) * np.abs(value)
            for _ in range(40):
                a = self.a + length[:, None] * da
                b = self.b + length[:, None] * db
                scores = self.scores + length[:, None] * moved
                found = self._objective(a, b, scores, wd, bias_wd)
                worse = active & ~small & ~(found <= value + 1e-4 * length * slope)
                if not worse.any():
                    break
                length[worse] /= 2
            length[worse] = 0.0
            # Where a step only rounds, it is left out.
            length[~(found <= value)] = 0.0
            self.a = self.a + length[:, None] * da
            self.b = self.b + length[:, None] * db
            self.scores = self.scores + length[:, None] * moved
            value = np.where(length > 0, found, value)
            active &= ~small & (length > 0)
            if not active.any():
                break
        return gap

    def _objective(self, a, b, scores, wd: float, bias_wd: float) -> np.ndarray:
        penalty = wd / 2 * np.einsum("nfk,nfk->f", a, scores)
        return self.values(scores + b) + penalty + bias_wd / 2 * np.sum(b**2, axis=1)

    def _step(self, wd: float, bias_wd: float, active: np.ndarray):
        """A step of Newton of each fit, as far as conjugate gradients take it.

        Inner products are those of the weights: of combinations, by the product of
        the rows.

        Returns
        -------
        a, b : float64 arrays
            Changes of the combinations and of the intercepts.
        moved : float64 array
            Of the scores.
        slope : float64 array of shape (n_fits,)
            Of the objective in that direction.
        """
        coupled, closed = self.loss.coupled, self.loss.link == "identity"
        slopes, p = self._slopes(self.scores + self.b)
        bias = float(self.use_bias)
        r = -(slopes + wd * self.a)
        rb = -bias * (slopes.sum(axis=0) + bias_wd * self.b)
        kr = self.product(r)
        kfirst, bfirst = kr, rb
        a, b, moved = np.zeros_like(r), np.zeros_like(rb), np.zeros_like(r)
        step, bstep, kstep = r, rb, kr
        size = start = _inner(r, kr, rb, rb)
        for _ in range(INNER_STEPS):
            going = active & (size > FORCING**2 * start) & (size > 0)
            if not going.any():
                break
            u = kstep + bstep
            bent = _bend(u, p, self.weights, coupled, closed)
            out = bent + wd * step
            bout = bias * (bent.sum(axis=0) + bias_wd * bstep)
            curve = _inner(kstep, out, bstep, bout)
            length = np.where(going & (curve > 0), size / np.maximum(curve, 1e-300), 0)
            a = a + length[:, None] * step
            b = b + length[:, None] * bstep
            moved = moved + length[:, None] * kstep
            r = r - length[:, None] * out
            rb = rb - length[:, None] * bout
            kr = kr - length[:, None] * self.product(out)
            new = _inner(r, kr, rb, rb)
            turn = np.where(going, new / np.maximum(size, 1e-300), 0.0)
            step = r + turn[:, None] * step
            bstep = rb + turn[:, None] * bstep
            kstep = kr + turn[:, None] * kstep
            size = np.where(going, new, size)
        slope = -(np.einsum("nfk,nfk->f", a, kfirst) + np.einsum("fk,fk->f", b, bfirst))
        return a, b, moved, slope


def _inner(a, ka, b, c) -> np.ndarray:
    return np.einsum("nfk,nfk->f", a, ka) + np.einsum("fk,fk->f", b, c)
