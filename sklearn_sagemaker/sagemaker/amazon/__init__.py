"""Amazon's algorithms: estimators, models, predictors, and what they read."""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = (
    "amazon_estimator",
    "common",
    "factorization_machines",
    "hyperparameter",
    "linear_learner",
    "record_pb2",
)
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """A module, which is imported when it is asked for."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
