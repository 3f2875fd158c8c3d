"""Newton's method for the smooth losses that have no closed form, column by column."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property

import numpy as np

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker._threads import ALONE, Spread
from sklearn_sagemaker.training.linear.quadratic import Quadratic
from sklearn_sagemaker.training.linear.signed import SignedQuadratic, pulls

STEPS = 100
"""Of Newton at most; a few do, each from the optimum of the penalty before."""
TOLERANCE, OF_FOLDS = 1e-9, 1e-4
"""Decrease that the last step expects, by the objective: what it leaves is about the
square. In folds, which are there to be compared, the second is enough."""
NEAR = 0.7
"""Share of the L1 penalty that a slope needs for its feature to be looked at."""
LEAST_OTHER = 1e-3
"""What other rows say of a row at least."""
PART_ROWS = 1024
"""Rows whose second derivatives are summed at a time, at least."""
LEAST = 1e-6
"""Least curvature of a row: where a probability is nearly certain it has none left."""


def _logistic(slope, margins, y, parameter):
    p = slope + y
    return p * (1.0 - p)


def _huber(slope, margins, y, parameter):
    return (np.abs(margins - y) <= parameter).astype(np.float64)


CURVATURES: dict[str, Callable | None] = {
    "logistic": _logistic,
    "huber_loss": _huber,
    "softmax_loss": None,
}
"""Second derivative of each loss that Newton solves; softmax has a matrix of them."""


class SmoothFit:
    """A smooth loss of one fit, on rows that are held in memory.

    Parameters
    ----------
    loss : str
    parameter : float
        Of the loss, in the units of the labels.
    rows : float64 array of shape (n, d)
        As scaled.
    y : float64 array of shape (n,)
    weights : float64 array of shape (n,)
    n_outputs : int
    use_bias : bool
    tolerance : float
        Decrease that the last step expects, by the objective.
    signs : int8 array of shape (d,) or None
        Of weights, as in `SignedQuadratic`; one output.
    spread : Spread
        For the second derivatives of parts of the rows, which are added in order.
    """

    def __init__(
        self,
        loss,
        parameter,
        rows,
        y,
        weights,
        n_outputs,
        use_bias,
        tolerance=TOLERANCE,
        signs=None,
        spread: Spread = ALONE,
    ):
        self.loss, self.parameter = LOSSES[loss], parameter
        self.curvature = CURVATURES[loss]
        self.rows, self.y = rows, y
        self.weights = weights / weights.sum()
        self.n_outputs, self.use_bias = n_outputs, use_bias
        self.tolerance, self.signs, self.spread = tolerance, signs, spread
        self.null = self._null()

    @cached_property
    def turned(self) -> tuple[np.ndarray, SmoothFit]:
        """A basis of few rows, and the same labels on what they are in it."""
        basis, small = np.linalg.qr(self.rows.T)
        return basis, self.on(small.T)

    # ------------------------------------------------------------------- the loss
    def _flat(self, margins: np.ndarray) -> np.ndarray:
        return margins if self.loss.coupled else margins[:, 0]

    def on(self, rows: np.ndarray) -> SmoothFit:
        """The same labels on other features."""
        other = copy(self)
        other.rows = rows
        return other

    def _margins(self, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        return self.rows @ w + b

    def slopes(self, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        """First derivatives of the loss by the margins."""
        return self._slopes(self._margins(w, b))

    def _value(self, margins: np.ndarray) -> float:
        values = self.loss.value(self._flat(margins), self.y, self.parameter)
        return float(self.weights @ values)

    def _null(self) -> tuple[np.ndarray, float]:
        """Intercepts of the model without weights, and its loss."""
        b = np.zeros(self.n_outputs)
        zero = np.zeros((len(self.y), self.n_outputs))
        if self.use_bias and self.loss.link != "identity":
            classes = np.bincount(self.y.astype(int), self.weights, max(2, len(b)))
            classes = np.log(np.maximum(classes, 1e-6))
            b = classes - classes.mean() if len(b) > 1 else classes[1:] - classes[0]
        elif self.use_bias:
            b[0] = np.median(self.y)
        return b, self._value(zero + b)

    # ---------------------------------------------------------------- its quadratic
    def _slopes(self, margins: np.ndarray) -> np.ndarray:
        slopes = self.loss.gradient(self._flat(margins), self.y, self.parameter)
        return slopes.reshape(margins.shape) * self.weights[:, None]

    def _bends(self, margins: np.ndarray, slopes: np.ndarray, least: float):
        """For each pair of outputs the second derivatives of the rows."""
        # A slope says what the exponentials have said.
        slopes = slopes / self.weights[:, None]
        if self.curvature is not None:
            bend = self.curvature(slopes[:, 0], margins[:, 0], self.y, self.parameter)
            yield 0, 0, self.weights * np.maximum(bend, least)
            return
        p = slopes
        p[np.arange(len(p)), self.y.astype(int)] += 1.0
        for k in range(self.n_outputs):
            for j in range(k + 1):
                bend = p[:, k] * ((k == j) - p[:, j])
                yield k, j, self.weights * (bend + least * (k == j))

    def hessian(self, margins, slopes, least: float = LEAST) -> tuple[np.ndarray, ...]:
        """Second derivatives by weights, by weights and intercepts, by intercepts.

        Returns
        -------
        ww, wb, bb : float64 arrays of shape (K d, K d), (K d, K) and (K, K)
        """
        d, n_outputs = self.rows.shape[1], self.n_outputs
        ww = np.empty((n_outputs, d, n_outputs, d))
        wb, bb = np.empty((n_outputs, d, n_outputs)), np.empty((n_outputs,) * 2)
        for k, j, bend in self._bends(margins, slopes, least):
            products, sums = self._bent(bend)
            ww[k, :, j] = ww[j, :, k] = products
            wb[k, :, j] = wb[j, :, k] = sums
            bb[k, j] = bb[j, k] = bend.sum()
        n = n_outputs * d
        return ww.reshape(n, n), wb.reshape(n, n_outputs), bb

    def bends(self, w, b, least: float = LEAST) -> tuple[np.ndarray, ...]:
        """See `hessian`, at some weights and intercepts."""
        margins = self._margins(w, b)
        return self.hessian(margins, self._slopes(margins), least)

    def _bent(self, bend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums of products of features, and of features, times numbers of the rows."""
        n, d = self.rows.shape
        # By roots it is a product with itself, which is half the work.
        rooted = bool((bend >= 0).all())
        factors = np.sqrt(bend) if rooted else bend

        def of_part(start: int) -> tuple[np.ndarray, np.ndarray]:
            some = slice(start, start + step)
            rows, mine = self.rows[some], factors[some]
            bent = rows * mine[:, None]
            if rooted:
                return bent.T @ bent, bent.T @ mine
            return rows.T @ bent, bent.sum(axis=0)

        step = max(PART_ROWS, 2 * d)
        products, sums = np.zeros((d, d)), np.zeros(d)
        spread = self.spread.worth(step * d * d, products.nbytes)
        for more, added in spread.in_order(of_part, range(0, n, step)):
            products += more
            sums += added
        return products, sums

    def quadratic(self, w, b, margins, slopes, bias_wd: float, least: float = LEAST):
        """The loss near some weights, as a function of them: intercepts eliminated.

        Returns
        -------
        error : Quadratic
            Twice the loss, up to a constant.
        intercepts : callable
            The intercepts that go with weights.
        """
        if self.n_outputs == 1 and self.rows.shape[0] < self.rows.shape[1]:
            found = self._wide(margins, slopes, bias_wd, least)
        else:
            hessian = self.hessian(margins, slopes, least)
            slope_w, slope_b = self.rows.T @ slopes, slopes.sum(axis=0)
            found = self.expansion(hessian, w, b, slope_w, slope_b, bias_wd)
        if self.signs is None:
            return found
        return SignedQuadratic(found[0], self.signs), found[1]

    def expansion(self, hessian, w, b, slope_w, slope_b, bias_wd: float):
        """The same from second derivatives, and slopes like ``w`` and ``b``."""
        ww, wb, bb = hessian
        flat = w.T.ravel()
        moment = ww @ flat - slope_w.T.ravel()
        if not self.use_bias:
            return Quadratic(1.0, ww, moment), lambda weights: np.zeros_like(b)
        moment += wb @ b
        moment_b = wb.T @ flat + bb @ b - slope_b
        inverse = _inverse(bb + bias_wd * np.eye(len(b)))
        taken = wb @ inverse
        error = Quadratic(1.0, ww - taken @ wb.T, moment - taken @ moment_b)
        return error, lambda weights: inverse @ (moment_b - wb.T @ weights)

    def _wide(self, margins, slopes, bias_wd: float, least: float):
        """The same of fewer rows than features, by the rows themselves."""
        ((_, _, bend),) = self._bends(margins, slopes, least)
        total, target = bend.sum(), margins[:, 0] - slopes[:, 0] / bend
        share = total / (total + bias_wd) if self.use_bias else 0.0
        mean, label = bend @ self.rows / total, bend @ target / total
        root, bent = np.sqrt(bend), 1.0 - np.sqrt(1.0 - share)
        factor = (self.rows - bent * mean) * root[:, None]
        error = Quadratic(1.0, factor=factor, target=(target - bent * label) * root)
        return error, lambda weights: np.array([share * (label - mean @ weights)])

    def at_null(self, null=None) -> Quadratic:
        """Twice the loss near the null model, in the units of its curvature there.

        Parameters
        ----------
        null : (float64 array, float64 array, float64 array) or None
            Its intercepts, and the slopes by weights and by intercepts there, where
            these rows are but a sample.
        """
        b = self.null[0] if null is None else null[0]
        w = np.zeros((self.rows.shape[1], self.n_outputs))
        margins = self._margins(w, b)
        slopes = self._slopes(margins)
        # Rows that are far off have no curvature in a Huber loss.
        least = 0.0 if self.curvature is None else LEAST
        if null is None:
            error, _ = self.quadratic(w, b, margins, slopes, 0.0, least)
        else:
            hessian = self.hessian(margins, slopes, least)
            _, slope_w, slope_b = null
            error, _ = self.expansion(hessian, w, b, slope_w, slope_b, 0.0)
        error.size = float(max(1, self.n_outputs - 1))
        return error

    def left_out(self, w, b, wd: float, bias_wd: float) -> np.ndarray:
        """Margins of each row as if it had not trained: one step of Newton without it.

        Parameters
        ----------
        w, b : float64 arrays of shape (d, K) and (K,)
            An optimum; weights that are zero stay so.
        wd, bias_wd : float
            Its L2 penalties.

        Returns
        -------
        margins : float64 array of shape (n, K)
        """
        margins = self._margins(w, b)
        slopes, n_outputs = self._slopes(margins), self.n_outputs
        rows = self.rows[:, (w != 0).any(axis=1)]
        n, d = rows.shape
        if n < d:
            rows = np.linalg.qr(rows.T)[1].T
            d = n
        ww, wb, bb = self.on(rows).hessian(margins, slopes, LEAST)
        whole = np.empty((n_outputs, d + 1, n_outputs, d + 1))
        whole[:, :d, :, :d] = ww.reshape(n_outputs, d, n_outputs, d)
        whole[:, :d, :, d] = wb.reshape(n_outputs, d, n_outputs)
        whole[:, d, :, :d] = wb.T.reshape(n_outputs, n_outputs, d)
        # The sum of the intercepts of classes is free.
        whole[:, d, :, d] = bb + (n_outputs > 1) / n_outputs
        bent = whole.reshape(n_outputs * (d + 1), -1)
        pull = np.tile(np.append(np.full(d, wd), bias_wd), n_outputs)
        pull += 1e-9 * np.trace(bent) / len(bent)
        pull[d :: d + 1] += 0.0 if self.use_bias else np.inf
        free = np.isfinite(pull)
        inverse = np.zeros_like(bent)
        inverse[np.ix_(free, free)] = np.linalg.inv(
            bent[np.ix_(free, free)] + np.diag(pull[free])
        )
        inverse = inverse.reshape(whole.shape)
        rows = np.concatenate([rows, np.ones((n, 1))], axis=1)
        reach = np.empty((n, n_outputs, n_outputs))
        bends = np.zeros_like(reach)
        for k, j, bend in self._bends(margins, slopes, 0.0):
            found = np.einsum("ij,ij->i", rows @ inverse[k, :, j], rows)
            reach[:, k, j] = reach[:, j, k] = found
            bends[:, k, j] = bends[:, j, k] = bend
        # A row that nothing else holds would go anywhere.
        rest = np.eye(n_outputs) - (1.0 - LEAST_OTHER) * reach @ bends
        return margins + np.linalg.solve(rest, reach @ slopes[:, :, None])[:, :, 0]

    # ------------------------------------------------------------------ the optimum
    def optimum(self, w, b, wd: float, l1: float, bias_wd: float):
        """Weights and intercepts of the optimum.

        Parameters
        ----------
        w, b : float64 arrays of shape (d, K) and (K,)
            Where to start.
        wd, l1, bias_wd : float
            Penalties.

        Returns
        -------
        w, b : float64 arrays
        gap : float
            What a step more would be expected to gain.
        """

        def objective(w, b, margins):
            penalty = wd / 2 * np.sum(w**2) + bias_wd / 2 * (b @ b)
            return self._value(margins) + penalty + l1 * np.abs(w).sum()

        margins = self._margins(w, b)
        value, gap = objective(w, b, margins), np.inf
        for _ in range(STEPS):
            slopes = self._slopes(margins)
            error, intercepts = self.quadratic(w, b, margins, slopes, bias_wd)
            flat = error.minimum(w.T.ravel(), wd, l1)
            new_b = intercepts(flat)
            step_w, step_b = flat.reshape(w.T.shape).T - w, new_b - b
            moved = self.rows @ step_w + step_b
            slope = np.sum(slopes * moved) + wd * np.sum(w * step_w)
            slope += bias_wd * (b @ step_b)
            slope += l1 * (np.abs(w + step_w).sum() - np.abs(w).sum())
            # A step that signs cut short may gain all of it.
            gain = -0.5 * float(slope) if self.signs is None else -float(slope)
            gap, small = max(gain, 0.0), self.tolerance * value
            length = 1.0
            while True:
                w_next, b_next = w + length * step_w, b + length * step_b
                margins_next = margins + length * moved
                value_next = objective(w_next, b_next, margins_next)
                if value_next <= value + 1e-4 * length * slope or gap <= small:
                    break
                length /= 2
                if length < 1e-10:
                    return w, b, gap
            if length == 1.0:
                # Exact zeros, which the sum of two numbers may miss.
                w_next = flat.reshape(w.T.shape).T.copy()
            w, b, margins, value = w_next, b_next, margins_next, value_next
            if gap <= small:
                break
        return w, b, gap


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Of a symmetric matrix; of softmax the sum of the intercepts has no curvature."""
    if len(matrix) == 1:
        return 1.0 / matrix
    return np.linalg.pinv(matrix, hermitian=True)


def optima(fit: SmoothFit, wd, l1, bias_wd, start=None):
    """The optimum for each of some penalties, each from that of the one before.

    Never from another fit's: where rows can be parted that one knows the rows which
    this one is to be scored on, and hardly a slope says that it must be left.

    Parameters
    ----------
    fit : SmoothFit
    wd, l1, bias_wd : float64 arrays of shape (k,)
        Penalties: neighbours are near each other, the strongest first.
    start : (float64 array of shape (d, K), float64 array of shape (K,)) or None
        Weights and intercepts of a stronger penalty.

    Returns
    -------
    weights : float64 array of shape (k, K, d)
    bias : float64 array of shape (k, K)
    gap : float64 array of shape (k,)
    """
    n, d = fit.rows.shape
    weights, gap = np.zeros((len(wd), fit.n_outputs, d)), np.zeros(len(wd))
    bias = np.zeros((len(wd), fit.n_outputs))
    null = np.zeros((d, fit.n_outputs)), fit.null[0]
    w, b = null if start is None else start
    for place in range(len(wd)):
        if place and (l1[place] > 0) != (l1[place - 1] > 0):
            w, b = null
        given = wd[place], l1[place], bias_wd[place]
        if l1[place] > 0:
            w, b, gap[place] = _screened(fit, w, b, *given)
        elif n < d and fit.signs is None:
            # The optimum is a combination of the rows.
            basis, turned = fit.turned
            u, b, gap[place] = turned.optimum(basis.T @ w, b, *given)
            w = basis @ u
        else:
            w, b, gap[place] = fit.optimum(w, b, *given)
        weights[place], bias[place] = w.T, b
    return weights, bias, gap


def _screened(fit: SmoothFit, w, b, wd: float, l1: float, bias_wd: float):
    """The optimum among the features that may count, until no other does."""
    kept = np.zeros(len(w), dtype=bool)
    threshold, gap = NEAR * l1, np.inf
    while True:
        slopes = fit.rows.T @ fit.slopes(w, b)
        if fit.signs is not None:
            slopes = pulls(slopes, fit.signs[:, None])
        slopes = np.abs(slopes).max(axis=1)
        new = ~kept & ((slopes > threshold) | (w != 0).any(axis=1))
        if gap != np.inf and not new.any():
            return w, b, gap
        kept |= new
        found, w = w[kept], np.zeros_like(w)
        some = fit.on(fit.rows[:, kept])
        some.signs = None if fit.signs is None else fit.signs[kept]
        w[kept], b, gap = some.optimum(found, b, wd, l1, bias_wd)
        threshold = l1 * (1 + 1e-9) + 1e-14
