"""Amazon SageMaker's Linear Learner and Factorization Machines for scikit-learn.

Nothing heavy is imported until it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

_HOME = {
    "FactorizationMachinesClassifier": "sklearn_sagemaker.estimators",
    "FactorizationMachinesRegressor": "sklearn_sagemaker.estimators",
    "IntervalRegressor": "sklearn_sagemaker.estimators",
    "LinearLearnerClassifier": "sklearn_sagemaker.estimators",
    "LinearLearnerRegressor": "sklearn_sagemaker.estimators",
    "TRUSTED_SKOPS_TYPES": "sklearn_sagemaker.estimators",
    "config_context": "sklearn_sagemaker.backends",
    "get_config": "sklearn_sagemaker.backends",
    "load_artifact": "sklearn_sagemaker.estimators._artifact_loading",
    "save_artifact": "sklearn_sagemaker.estimators._artifact_saving",
    "set_config": "sklearn_sagemaker.backends",
    "show_versions": "sklearn_sagemaker._show_versions",
    "write_model": "sklearn_sagemaker.estimators._artifact_saving",
}

__all__ = [
    "TRUSTED_SKOPS_TYPES",
    "FactorizationMachinesClassifier",
    "FactorizationMachinesRegressor",
    "IntervalRegressor",
    "LinearLearnerClassifier",
    "LinearLearnerRegressor",
    "__version__",
    "config_context",
    "get_config",
    "load_artifact",
    "save_artifact",
    "set_config",
    "show_versions",
    "write_model",
]

if TYPE_CHECKING:
    from sklearn_sagemaker._show_versions import show_versions
    from sklearn_sagemaker.backends import config_context, get_config, set_config
    from sklearn_sagemaker.estimators import (
        TRUSTED_SKOPS_TYPES,
        FactorizationMachinesClassifier,
        FactorizationMachinesRegressor,
        IntervalRegressor,
        LinearLearnerClassifier,
        LinearLearnerRegressor,
    )
    from sklearn_sagemaker.estimators._artifact_loading import load_artifact
    from sklearn_sagemaker.estimators._artifact_saving import (
        save_artifact,
        write_model,
    )


def __getattr__(name: str) -> Any:
    if name in _HOME:
        if _HOME[name].startswith("sklearn_sagemaker.estimators"):
            # From as few frames as can be: below many, CPython takes memory for those
            # of scikit-learn's imports, and gives it back, again and again.
            import sklearn.base  # noqa: F401
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
