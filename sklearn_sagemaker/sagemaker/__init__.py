"""SageMaker's classes of Linear Learner and Factorization Machines, as its SDK v2's.

Version 3 of the SDK has none of them. A notebook writes ``from sklearn_sagemaker
import sagemaker`` for ``import sagemaker``, and ``from sklearn_sagemaker.sagemaker.x
import y`` for ``from sagemaker.x import y``.

Importing it needs no boto3 (extra ``sagemaker``); what calls AWS asks for it.

Examples
--------
>>> from sklearn_sagemaker import sagemaker
>>> sagemaker.image_uris.retrieve("linear-learner", "eu-west-1")
'438346466558.dkr.ecr.eu-west-1.amazonaws.com/linear-learner:1'
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from sklearn_sagemaker.sagemaker import _names
from sklearn_sagemaker.sagemaker._not_built import NOT_BUILT, Finder

__version__ = "2.257.7"
"""Of the SDK whose names these are: notebooks look whether it is 2 or later."""
_PACKAGE = "sklearn_sagemaker.sagemaker"
_NAMES = {
    "amazon.amazon_estimator": (
        "AmazonAlgorithmEstimatorBase",
        "FileSystemRecordSet",
        "RecordSet",
        "get_image_uri",
    ),
    "amazon.factorization_machines": (
        "FactorizationMachines",
        "FactorizationMachinesModel",
        "FactorizationMachinesPredictor",
    ),
    "amazon.linear_learner": (
        "LinearLearner",
        "LinearLearnerModel",
        "LinearLearnerPredictor",
    ),
    "analytics": ("HyperparameterTuningJobAnalytics", "TrainingJobAnalytics"),
    "estimator": ("Estimator", "EstimatorBase"),
    "inputs": ("FileSystemInput", "TrainingInput", "s3_input"),
    "model": ("Model",),
    "model_package": ("ModelPackage",),
    "pipeline": ("PipelineModel",),
    "predictor": ("Predictor", "RealTimePredictor"),
    "session": (
        "Session",
        "container_def",
        "get_execution_role",
        "production_variant",
    ),
    "transformer": ("Transformer",),
    "tuner": ("HyperparameterTuner",),
    "vpc_utils": ("VPC_CONFIG_DEFAULT",),
}
_WHERE = {name: module for module, names in _NAMES.items() for name in names}
_MODULES = {
    "amazon",
    "analytics",
    "async_inference",
    "deserializers",
    "estimator",
    "exceptions",
    "image_uris",
    "inputs",
    "job",
    "model",
    "model_monitor",
    "parameter",
    "pipeline",
    "predictor",
    "predictor_async",
    "s3",
    "sdk_v3",
    "serializers",
    "serverless",
    "session",
    "transformer",
    "tuner",
    "utils",
    "vpc_utils",
}
if not any(isinstance(finder, Finder) for finder in sys.meta_path):
    sys.meta_path.append(Finder())
# Notebooks take name_from_base and its sisters from there.
sys.modules[f"{_PACKAGE}.utils"] = _names

__all__ = sorted({*_WHERE, *_MODULES})


def __getattr__(name: str) -> Any:
    """A name of the SDK, whose module is imported when it is asked for."""
    if name in _WHERE:
        value = getattr(importlib.import_module(f"{_PACKAGE}.{_WHERE[name]}"), name)
    elif name in _MODULES or name in NOT_BUILT:
        value = importlib.import_module(f"{_PACKAGE}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
