"""Scalers that follow the rows of a stream, and models that follow the scalers."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import SomeFeatures
from sklearn_sagemaker.training.factors.gradient import GradientModel, Scaler
from sklearn_sagemaker.training.factors.scaling import mean_sizes, moved, scaler_of
from sklearn_sagemaker.training.factors.settings import FactorSettings
from sklearn_sagemaker.training.running import Moments
from sklearn_sagemaker.training.scaling import (
    FeatureStatistics,
    check_statistics,
    feature_statistics,
    zeros_share,
)

FOLLOWED_ROWS = 10_000
"""Rows that scalers follow; later ones would hardly move them."""
MOST_GROWTH = 4.0
"""Times by which the weights of a feature grow at most as its scale does: what rows
told that hardly vary is not true of those that do."""
SQUARES = {"adagrad": (2,), "rmsprop": (2,), "adam": (1, 2)}
"""In which power of the gradient the states of an optimizer are."""


def start_of_scales() -> dict[str, Any]:
    """What a stream knows of the scales of its rows before the first.

    "scaler", "square" and "labels" are those of today, the others the sums behind
    them. A stream that was stored may lack those, and keeps its scales.
    """
    return {
        "scaler": (None, None),
        "square": 1.0,
        "labels": (0.0, 1.0),
        "features": (0.0, 0.0, 0.0),
        "stored": 0.0,
        "sizes": 0.0,
        "zeros": 0.0,
        "targets": (0.0, 0.0, 0.0),
    }


def varied(seen: dict[str, Any], reader: RowReader) -> np.ndarray:
    """Which features have told something yet: were stored, or have varied.

    Returns
    -------
    met : bool array of shape (n_features,)
    """
    if "features" not in seen:
        return np.ones(reader.n_features, dtype=bool)
    told = seen["stored"] if reader.sparse else seen["features"][2]
    return np.broadcast_to(np.asarray(told) > 0, reader.n_features)


def look(
    seen: dict[str, Any],
    settings: FactorSettings,
    reader: RowReader,
    data: Any,
    rows: np.ndarray,
    names: Any,
) -> bool:
    """Take the next rows into the scales; returns whether these still move.

    Parameters
    ----------
    seen : dict
        What goes on from call to call, changed in place.
    settings : FactorSettings
    reader : RowReader
    data : TrainingData
    rows : int64 array
        Those with a weight above zero.
    names : array of str of shape (n_features,) or None
        Of the features, for messages.
    """
    left = FOLLOWED_ROWS - seen["rows"]
    if "features" not in seen or left <= 0 or len(rows) == 0:
        return False
    rows = rows[:left]
    weights = data.sample_weight[rows]
    share = float(weights.sum())
    if settings.flag("normalize_data", True):
        found = feature_statistics(reader, rows, weights)
        check_statistics(found, names)
        features = Moments(*seen["features"])
        features.add(share, found.mean, found.deviation**2)
        seen["features"] = features.plain()
        seen["zeros"] = seen["zeros"] + share * zeros_share(data.X, rows)
        present = None
        if found.present is not None:
            seen["stored"] = seen["stored"] + share * found.present
            present = seen["stored"] / features.weight
        sizes = mean_sizes(data.X, rows, weights, features.mean)
        seen["sizes"] = seen["sizes"] + share * sizes
        zeros = seen["zeros"] / features.weight
        scaler, seen["square"] = scaler_of(
            FeatureStatistics(features.mean, features.deviation, present, zeros),
            seen["sizes"] / features.weight,
            centre=not isinstance(names, SomeFeatures),
        )
        seen["scaler"] = scaler.shift, scaler.scale, scaler.rest
    if settings.regression and settings.flag("normalize_label", True):
        y, targets = data.y[rows], Moments(*seen["targets"])
        mean = np.average(y, weights=weights)
        targets.add(share, mean, np.average((y - mean) ** 2, weights=weights))
        seen["targets"] = targets.plain()
        seen["constant"] = bool(targets.deviation == 0)
        seen["labels"] = float(targets.mean), float(targets.deviation) or 1.0
    return True


def carry(
    model: GradientModel,
    old: tuple[Scaler, float, float],
    new: tuple[Scaler, float, float],
    start: np.ndarray | None,
    met: np.ndarray,
) -> None:
    """Let a model predict as it did when features and labels are scaled anew.

    Parameters
    ----------
    model : GradientModel
        Changed in place.
    old, new : (Scaler, float, float)
        Scaler of the features, origin and unit of the labels; an old unit of zero is
        that of a stream that has seen equal labels only.
    start : array of shape (n_features, n_outputs * k) or None
        Where its factors started. That is in the units of the kernels and stays so:
        only what was learned is carried over. None is for a fitted model, which is
        carried over whole.
    met : bool array of shape (n_features,)
        Features whose values have varied; the others keep what they are.
    """
    (was, old_origin, old_unit), (now, origin, unit) = old, new
    d, n_outputs, k = len(model.linear), model.n_outputs, model.k
    ones, zeros = np.ones(d), np.zeros(d)
    old_scale = ones if was.scale is None else was.scale
    growth = old_scale / (ones if now.scale is None else now.scale)
    if start is not None:
        growth = np.where(met, np.minimum(growth, MOST_GROWTH), 1.0)
    step = (zeros if now.shift is None else now.shift) - (
        zeros if was.shift is None else was.shift
    )
    step = np.where(met | (start is None), step * old_scale, 0.0)
    # Labels that were all equal had no unit.
    ratio = old_unit / unit if old_unit else 1.0
    bias = model.bias[0].astype(np.float64)
    linear = model.linear[:, 0].T.astype(np.float64)
    factors = model.factors[:, 0].astype(np.float64)
    if step.any():
        shaped = factors.reshape(d, n_outputs, k).transpose(1, 0, 2)
        bias, linear = moved(bias, linear, shaped, step, 1.0)
    model.bias[0] = bias * ratio + (old_origin - origin) / unit
    model.linear[:, 0] = (linear * growth * ratio).T
    by = (growth * np.sqrt(ratio))[:, None]
    model.factors[:, 0] = by * factors
    if start is not None:
        model.factors[:, 0] += (1.0 - by) * start
    _carry_states(model, growth, ratio)


def _carry_states(model: GradientModel, growth: np.ndarray, ratio: float) -> None:
    """Take the sums of gradients along; none grows, which would end the training."""
    optimizer = model.settings.optimizer
    groups = (
        (model.bias[None], ratio),
        (model.linear, (ratio / growth)[:, None]),
        (model.factors, (ratio**1.5 / growth)[:, None]),
    )
    for number, (part, slopes) in enumerate(groups):
        by = np.minimum(1.0, slopes)
        if optimizer == "ftrl":
            # The weight is a function of its states.
            part[:, 2] *= by**2
            rate, decay = model.rules()[number]
            beta = model.settings.values["eps"]
            part[:, 1] = -part[:, 0] * ((beta + np.sqrt(part[:, 2])) / rate + decay)
            continue
        for layer, power in enumerate(SQUARES.get(optimizer, ()), 1):
            part[:, layer] *= by**power
