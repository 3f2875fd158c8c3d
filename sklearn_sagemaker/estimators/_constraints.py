"""Which values the constructors' arguments may have."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn_sagemaker._compat import Interval, Options, StrOptions
from sklearn_sagemaker._hyperparameters import Hyperparameter

SHARED_CONSTRAINTS: dict[str, Any] = {
    "cv": [StrOptions({"auto"}), "cv_object", Options(bool, {False}), None],
    "validation_fraction": [
        Interval(Real, 0, 1, closed="neither"),
        StrOptions({"auto"}),
    ],
    "ensemble_size": [Interval(Integral, 1, None, closed="left")],
    "warm_start": ["boolean"],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    # The resolver has a sentence for what is none.
    "backend": "no_validation",
}


def constraints(table: dict[str, Hyperparameter]) -> dict[str, Any]:
    """scikit-learn's parameter constraints from the table of hyperparameters."""
    found: dict[str, Any] = {}
    for name, entry in table.items():
        allowed: list = []
        if entry.kind == "bool":
            allowed.append("boolean")
        elif entry.kind in ("int", "float"):
            number = Integral if entry.kind == "int" else Real
            if entry.low is None:
                allowed.append(Interval(Real, None, None, closed="neither"))
            else:
                allowed.append(
                    Interval(number, entry.low, entry.high, closed=entry.closed)
                )
        if entry.choices:
            allowed.append(StrOptions(set(entry.choices)))
        found[name] = allowed
    return {**found, **SHARED_CONSTRAINTS}
