"""The mathematics of the kernels in slow NumPy: the oracle of their tests.

One row and one column at a time, in float64, on a dense copy of the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_sagemaker._kernels.losses import LOSSES
from sklearn_sagemaker._kernels.optimizers import OPTIMIZERS


@dataclass
class ReferenceModel:
    """State of all columns; arrays as the kernels see them, never narrow.

    ``weights`` and the two ``states`` have shape (n_features, n_columns),
    ``bias`` (3, n_columns): the biases and their states.
    """

    weights: np.ndarray
    states: np.ndarray
    bias: np.ndarray
    steps: np.ndarray
    counts: np.ndarray


def margins(X, weights, bias, shift) -> np.ndarray:
    """Margins of every row and column."""
    centred = X - (shift if len(shift) else 0.0)
    return np.array([[row @ column for column in weights.T] for row in centred]) + bias


def loss_and_gradient(loss_name, parameter, z, label, n_classes, n_models):
    """Loss and gradient of one row's margins, column by column.

    ``parameter`` and ``label`` are one number or one for each column. A coupled
    loss reports a model's loss in the column of its first class.
    """
    loss = LOSSES[loss_name]
    if not loss.coupled:
        return loss.value(z, label, parameter), loss.gradient(z, label, parameter)
    values, gradient = np.zeros_like(z), np.zeros_like(z)
    for start in range(0, len(z), n_classes * n_models):
        for model in range(n_models):
            columns = start + model + np.arange(n_classes) * n_models
            target = np.array(label[columns[0]])
            values[columns[0]] = loss.value(z[columns][None], target[None])[0]
            gradient[columns] = loss.gradient(z[columns][None], target[None])[0]
    return values, gradient


def train(
    X,
    model: ReferenceModel,
    order,
    bounds,
    masked,
    labels,
    weights,
    rate,
    penalties,
    scale,
    shift,
    label_scaler,
    *,
    loss,
    n_classes,
    n_models,
    optimizer,
    constants,
    trains=None,
    use_bias=True,
    bias_lr_mult=1.0,
    boost=None,
    touched_only=False,
):
    """One pass of mini-batches; changes ``model`` and returns the loss sums.

    ``trains`` says which fit trains on which row; in a batch a row
    weighs its weight over the rows there that the fit trains on. A fit with
    none of them steps all the same, with no gradient from the data.
    ``touched_only`` steps, as on CSR, only the features that a batch stores,
    with the penalties times ``boost`` and bias corrections by count of touches.
    """
    n_columns, width = model.weights.shape[1], n_classes * n_models
    step = OPTIMIZERS[optimizer].step
    loss_sum, weight_sum = np.zeros(n_columns), np.zeros(n_columns)
    beta_1, beta_2 = constants["beta_1"], constants["beta_2"]
    if trains is None:
        trains = np.ones((len(X), n_columns // width), dtype=bool)
    trains = np.repeat(trains != 0, width, axis=1)
    for t in range(len(bounds) - 1):
        rows = order[bounds[t] : bounds[t + 1]]
        live = np.ones(n_columns, dtype=bool)
        if masked[t] >= 0:
            live[masked[t] * width : (masked[t] + 1) * width] = False
        gradient = np.zeros_like(model.weights)
        bias_gradient = np.zeros(n_columns)
        n_trained = np.maximum(trains[rows].sum(axis=0), 1)
        for row in rows:
            x = X[row] - (shift if len(shift) else 0.0)
            z = margins(X[row][None], model.weights, model.bias[0], shift)[0]
            target = (labels[row] - label_scaler[0]) * label_scaler[1]
            if LOSSES[loss].coupled:
                target = np.full(n_columns, labels[row])
            value, slope = loss_and_gradient(
                loss, label_scaler[2], z, target, n_classes, n_models
            )
            seen = live & trains[row]
            slope = np.where(seen, slope, 0.0) * weights[row] / n_trained
            gradient += np.outer(x, slope)
            bias_gradient += slope
            loss_sum[seen] += weights[row] * value[seen]
            weight_sum[seen] += weights[row]
        model.steps[live] += 1
        touched = np.flatnonzero((X[rows] != 0).any(axis=0))
        features = touched if touched_only else np.arange(X.shape[1])
        if touched_only:
            model.counts[touched] += 1
        for c in np.flatnonzero(live):
            corrections = [
                1.0 / (1.0 - beta ** model.steps[c]) for beta in (beta_1, beta_2)
            ]
            for j in features:
                c1, c2 = corrections
                k = 1.0
                if touched_only:
                    c1, c2 = (
                        1.0 / (1.0 - beta ** model.counts[j])
                        for beta in (beta_1, beta_2)
                    )
                    k = boost[j]
                r = scale[j, c]
                w = model.weights[j, c] / r if r > 0 else 0.0
                g = r * gradient[j, c] + k * penalties[0, c] * w
                w, s0, s1 = step(
                    w,
                    g,
                    rate[t, c],
                    k * penalties[1, c],
                    model.states[0, j, c],
                    model.states[1, j, c],
                    c1,
                    c2,
                    constants,
                )
                model.weights[j, c] = r * w
                model.states[:, j, c] = s0, s1
            if use_bias:
                g = bias_gradient[c] + penalties[2, c] * model.bias[0, c]
                model.bias[:, c] = step(
                    model.bias[0, c],
                    g,
                    rate[t, c] * bias_lr_mult,
                    0.0,
                    model.bias[1, c],
                    model.bias[2, c],
                    *corrections,
                    constants,
                )
    return loss_sum, weight_sum
