"""The signs that coefficients may have: what may be asked for, and where."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters.linear_learner import SOLVER, steps_given
from sklearn_sagemaker._hyperparameters.tables import hyperparameters_for
from sklearn_sagemaker._kernels import DEFAULT_LOSS
from sklearn_sagemaker._state import TrainingSpec

SIGNED_LOSSES = ("squared_loss", "logistic")
_RULE = "-1 (at most zero), 0 (either) or 1 (at least zero)"


def plain_signs(positive: Any) -> Any:
    """What a user asks for, as a plain value: False if that is nothing.

    Parameters
    ----------
    positive : bool or array-like of shape (n_features,)

    Returns
    -------
    positive : bool or int8 array of shape (n_features,)

    Raises
    ------
    ValueError
        If a sign is none of -1, 0 and 1.

    Examples
    --------
    >>> from sklearn_sagemaker._hyperparameters.signs import plain_signs
    >>> plain_signs([1.0, 0.0, -1.0])
    array([ 1,  0, -1], dtype=int8)
    >>> plain_signs([0, 0])
    False
    """
    if isinstance(positive, bool | np.bool_):
        return bool(positive)
    signs = np.asarray(positive)
    if signs.ndim != 1:
        raise ValueError(
            f"positive has shape {signs.shape}; it is one bool, or one sign for each "
            f"feature: {_RULE}."
        )
    wrong = np.array([sign not in (-1, 0, 1) for sign in signs.tolist()], dtype=bool)
    if wrong.any():
        raise ValueError(
            f"positive holds {signs[wrong].tolist()[0]!r}; the sign of a feature is "
            f"{_RULE}."
        )
    signs = signs.astype(np.int8)
    return signs if signs.any() else False


def check_signs(spec: TrainingSpec, n_features: int | None = None) -> None:
    """Refuse signs of coefficients where they cannot be had, before any work.

    Parameters
    ----------
    spec : TrainingSpec
    n_features : int or None
        None if nobody has looked at the rows.

    Raises
    ------
    ValueError
        Naming the value, the rule and the remedy.
    """
    positive = spec.positive
    if positive is False:
        return
    if positive is not True and n_features not in (None, len(positive)):
        raise ValueError(
            f"positive has {len(positive)} signs, and X has {n_features} features; "
            f"give one for each: {_RULE}."
        )
    asked = given_signs(spec)
    if spec.stream:
        raise ValueError(
            f"{asked}: partial_fit takes steps, which heed no signs; call fit, "
            "or set positive=False."
        )
    given = spec.hyperparameters
    loss = given["loss"]
    if loss == "auto":
        loss = DEFAULT_LOSS[spec.predictor_type]
    if loss not in SIGNED_LOSSES:
        raise ValueError(
            f"{asked}: signs of coefficients need loss={SIGNED_LOSSES[0]!r}, or "
            f"{SIGNED_LOSSES[1]!r} of two classes, not {loss!r}; set that loss, or "
            "positive=False."
        )
    optimizer = given.get("optimizer", "auto")
    table = hyperparameters_for(spec.algorithm, (spec.predictor_type,))
    steps = ["optimizer"] if optimizer != "auto" else []
    steps += steps_given(given, table)
    if steps and optimizer != SOLVER:
        name, value = steps[0], given[steps[0]]
        raise ValueError(
            f"{asked}: {name}={value!r} asks for steps, which heed no signs; "
            f"leave it at its default, or set optimizer={SOLVER!r}, or positive=False."
        )


def unsolved_signs(spec: TrainingSpec) -> ValueError:
    """What to raise where rows cannot be solved for."""
    asked = given_signs(spec)
    if spec.resume is not None and "solved" not in spec.resume:
        return ValueError(
            f"{asked}: the training that this one is to continue took steps, "
            "which heed no signs; set warm_start=False to start anew."
        )
    return ValueError(
        f"{asked}: signs of coefficients need all candidates solved, and there are "
        "too many features for that (or, of two classes, too many rows, rows in "
        "windows, or no penalty); take fewer features or folds, load the rows, set wd "
        "above 0, or set positive=False."
    )


def signs_of(positive: Any, n_features: int) -> np.ndarray | None:
    """The sign that each coefficient may have.

    Parameters
    ----------
    positive : bool or int8 array of shape (n_features,)
        From `plain_signs`.
    n_features : int

    Returns
    -------
    signs : int8 array of shape (n_features,) or None
        -1 is at most zero, 0 either and 1 at least zero. None is either for all.
    """
    if isinstance(positive, bool):
        return np.ones(n_features, dtype=np.int8) if positive else None
    return positive


def given_signs(spec: TrainingSpec) -> str:
    """What messages say that a user asks for."""
    return "positive=True" if spec.positive is True else "positive=[...]"
