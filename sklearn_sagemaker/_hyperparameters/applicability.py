"""Hyperparameters that a user set and that have no effect on this fit."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from sklearn_sagemaker._hyperparameters.entry import (
    BINARY,
    MULTICLASS,
    REGRESSOR,
    Hyperparameter,
)
from sklearn_sagemaker.exceptions import InapplicableHyperparameterWarning

TASKS = {
    BINARY: "two classes",
    MULTICLASS: "three or more classes",
    REGRESSOR: "regression",
}
OURS = {"sklearn_sagemaker", "sklearn"}


def inapplicable(
    table: dict[str, Hyperparameter],
    values: dict[str, Any],
    predictor_type: str,
    **resolved: Any,
) -> list[tuple[str, Any, str]]:
    """Hyperparameters that are set but have no effect.

    A value counts as set if it is neither our default nor SageMaker's, and leaves
    nothing to us (``"auto"``).

    Parameters
    ----------
    table : dict of str to Hyperparameter
    values : dict
        Validated values by name; those that are missing have our defaults.
    predictor_type : str
    **resolved
        What hyperparameters such as the loss and the optimizer are in this fit
        where they are "auto".

    Returns
    -------
    found : list of (name, value, reason)
        In the order of `values`; the reason says why, and where the
        hyperparameter does have an effect.
    """
    defaults = {name: entry.default for name, entry in table.items()}
    settings = {**defaults, **values, **resolved}
    found = []
    for name, value in values.items():
        entry = table[name]
        if plain(value) in ("auto", entry.default, entry.sagemaker_default):
            continue
        reason = _reason(entry, settings, predictor_type)
        if reason is not None:
            found.append((name, value, reason))
    return found


def has_effect(
    entry: Hyperparameter, settings: dict[str, Any], predictor_type: str
) -> bool:
    """Whether a hyperparameter has an effect beside the others.

    Parameters
    ----------
    entry : Hyperparameter
    settings : dict
        Values by name, without "auto" where the effect of others depends on it.
    predictor_type : str
    """
    return _reason(entry, settings, predictor_type) is None


def _reason(
    entry: Hyperparameter, settings: dict[str, Any], predictor_type: str
) -> str | None:
    if predictor_type not in entry.predictor_types:
        others = " and ".join(TASKS[kind] for kind in entry.predictor_types)
        return f"has no effect on {TASKS[predictor_type]}; it applies to {others}."
    for name, allowed in entry.requires:
        if settings[name] not in allowed:
            *most, last = (repr(value) for value in allowed)
            options = f"{', '.join(most)} or {last}" if most else last
            return (
                f"has no effect with {name}={plain(settings[name])!r}; it applies to "
                f"{name}={options}."
            )
    return None


def plain(value: Any) -> Any:
    """A NumPy scalar, as a parameter search may set, as a Python one.

    Products of these do not overflow.
    """
    return value.item() if hasattr(value, "item") else value


def warn_inapplicable(
    table: dict[str, Hyperparameter],
    values: dict[str, Any],
    predictor_type: str,
    **resolved: Any,
) -> None:
    """Warn of each hyperparameter that is set but has no effect.

    The warnings point at the line that called this library or scikit-learn.

    Parameters
    ----------
    table, values, predictor_type, **resolved
        As for `inapplicable`.

    Warns
    -----
    InapplicableHyperparameterWarning
        Once for each name.
    """
    for name, value, reason in inapplicable(table, values, predictor_type, **resolved):
        warn_user(f"{name}={plain(value)!r} {reason}")


def warn_user(
    message: str, category: type[Warning] = InapplicableHyperparameterWarning
) -> None:
    """Warn at the line that called this library.

    Parameters
    ----------
    message : str
    category : type of Warning
        By default that of what has no effect.
    """
    warnings.warn(message, category, stacklevel=_caller_level())


def _caller_level() -> int:
    """The ``stacklevel``, seen from our caller, of the first line that is the user's.

    Decorators lie between, and as many as the version of scikit-learn likes.
    """
    level = 0
    frame = inspect.currentframe()
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in OURS:
            break
        level += 1
        frame = frame.f_back
    # Counts this function's own frame, which makes up for starting at 0.
    return level
