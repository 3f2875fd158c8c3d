"""Training against the exact optimum of the objective, found by SciPy."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from sklearn_sagemaker._kernels import LINEAR_CHOICES, LOSSES

from ..._kernels.test_losses import KINKS
from ..conftest import fit

N, D = 300, 5
PARAMETERS = {
    "margin": 1.5, "loss_insensitivity": 5.0, "quantile": 0.3, "huber_delta": 10.0,
}  # fmt: skip


class Problem:
    """Rows, and the same rows in the space in which the objective is stated.

    There features and numbers to predict have mean 0 and deviation 1, and the
    objective is the weighted mean loss plus ``wd / 2 * ||w||**2``.
    """

    def __init__(self, name):
        rng = np.random.default_rng(0)
        self.loss = LOSSES[name]
        spread = np.array([1.0, 10.0, 0.1, 3.0, 1.0])
        self.X = rng.normal(size=(N, D)) * spread + rng.normal(size=D)
        self.classes = 3 if self.loss.coupled else 2
        self.weights = rng.uniform(0.5, 2.0, N)
        scores = ((self.X - self.X.mean(axis=0)) / spread) @ rng.normal(size=(D, 3))
        mean, unit = 0.0, 1.0
        self.w = self.weights / self.weights.sum()
        if self.loss.link == "identity":
            self.classes = 1
            self.y = 5 + 20 * (scores[:, 0] + 0.5 * rng.standard_t(3, N))
            mean = self.w @ self.y
            unit = np.sqrt(self.w @ (self.y - mean) ** 2)
        else:
            scores += 0.7 * rng.logistic(size=(N, 3))
            self.y = scores[:, : self.classes].argmax(axis=1).astype(float)
        self.mean = self.w @ self.X
        self.deviation = np.sqrt(self.w @ (self.X - self.mean) ** 2)
        self.label_mean, self.label_unit = mean, unit
        self.A = np.c_[(self.X - self.mean) / self.deviation, np.ones(N)]
        self.t = (self.y - mean) / unit
        self.parameter = PARAMETERS.get(self.loss.parameter, 0.0)
        if self.loss.parameter_scales:
            self.parameter /= unit

    def objective(self, v, wd):
        """And its gradient; the last row of ``v`` holds the intercepts."""
        v = v.reshape(D + 1, -1)
        f = self.A @ v
        if not self.loss.coupled:
            f = f[:, 0]
        value = self.w @ self.loss.value(f, self.t, self.parameter)
        slope = self.loss.gradient(f, self.t, self.parameter).reshape(N, -1)
        penalty = wd * np.r_[v[:-1], 0 * v[-1:]]
        gradient = self.A.T @ (self.w[:, None] * slope) + penalty
        return value + 0.5 * np.sum(penalty * v), gradient.ravel()

    def smooth_optimum(self, wd):
        start = np.zeros((D + 1) * (self.classes if self.loss.coupled else 1))
        options = {"maxiter": 10_000, "ftol": 1e-15, "gtol": 1e-9}
        return minimize(
            self.objective, start, args=(wd,), jac=True, method="L-BFGS-B",
            options=options,
        ).fun  # fmt: skip

    def pieces(self):
        """Margins between the corners of each row's loss, two in each piece."""
        if self.loss.coupled:
            return []
        corners = np.sort(
            [KINKS[self.loss.name](t, self.parameter) for t in self.t], axis=1
        )
        ends = np.c_[corners.min(axis=1, initial=0) - 3, corners,
                     corners.max(axis=1, initial=0) + 3]  # fmt: skip
        steps = np.diff(ends, axis=1)
        return [(ends[:, :-1] + share * steps).T for share in (0.25, 0.75)]

    @property
    def smooth(self):
        """Whether the loss is more than straight pieces."""
        slopes = [self.loss.gradient(f, self.t, self.parameter) for f in self.pieces()]
        return not slopes or not np.allclose(*slopes)

    def linear_optimum(self):
        """Smallest weighted sum of slacks that are not below the loss's pieces."""
        margins, _ = self.pieces()
        rows, bounds = [], []
        for f in margins:
            value, slope = (
                part(f, self.t, self.parameter)
                for part in (self.loss.value, self.loss.gradient)
            )
            rows.append(np.c_[slope[:, None] * self.A, -np.eye(N)])
            bounds.append(slope * f - value)
        return linprog(
            np.r_[np.zeros(D + 1), self.w],
            np.vstack(rows),
            np.concatenate(bounds),
            bounds=[(None, None)] * (D + 1 + N),
        ).fun

    def coefficients(self, state):
        """Those of a trained state, in the space of the objective."""
        coef = state.coef * self.deviation / self.label_unit
        intercept = state.intercept + state.coef @ self.mean - self.label_mean
        return np.vstack([coef.T, intercept / self.label_unit])


@pytest.mark.parametrize("optimizer", LINEAR_CHOICES)
@pytest.mark.parametrize("name", LOSSES)
def test_training_reaches_the_optimum(name, optimizer):
    problem = Problem(name)
    wd = 0.01 if problem.smooth else 0.0
    best = problem.smooth_optimum(wd) if wd else problem.linear_optimum()
    settings = {"loss": name, "optimizer": optimizer, "wd": wd, "l1": 0.0}
    if problem.loss.parameter:
        settings[problem.loss.parameter] = PARAMETERS[problem.loss.parameter]
    if problem.classes == 2:
        settings["binary_classifier_model_selection_criteria"] = "loss_function"
    state = fit(problem.X, problem.y, problem.weights, classes=problem.classes,
                cv=False, normalize_data=True, epochs=100, **settings)  # fmt: skip
    found, _ = problem.objective(problem.coefficients(state), wd)
    assert found >= best * (1 - 1e-7)
    assert found <= best * (1 + (0.0005 if problem.smooth else 0.002))
