"""What of the SDK is not here: it may be imported, and says so when it is used."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PACKAGE = __name__.rpartition(".")[0]
NOT_BUILT = {
    "algorithm": "the console, or boto3, for algorithms of the marketplace",
    "automl": "AutoML by SageMaker's SDK",
    "clarify": "SageMaker Clarify by SageMaker's SDK",
    "debugger": "SageMaker Debugger by SageMaker's SDK",
    "experiments": "MLflow, or SageMaker's SDK",
    "feature_store": "SageMaker Feature Store by SageMaker's SDK",
    "jumpstart": "SageMaker JumpStart by SageMaker's SDK",
    "lineage": "boto3's create_artifact and add_association",
    "model_card": "boto3's create_model_card",
    "multidatamodel": "boto3's create_model with Mode MultiModel",
    "processing": "boto3's create_processing_job",
    "sklearn": "scikit-learn in a container of your own, by Estimator",
    "workflow": "boto3's create_pipeline",
    "xgboost": "Estimator with the image of XGBoost",
    **dict.fromkeys(
        ("local", "LocalSession"), "sklearn_sagemaker.testing.SageMakerEmulator"
    ),
    **dict.fromkeys(
        ("huggingface", "mxnet", "network", "pytorch", "spark", "tensorflow"),
        "SageMaker's SDK, beside this package",
    ),
    **{
        f"{algorithm}{kind}": "Estimator with the image of that algorithm"
        for algorithm in (
            "IPInsights",
            "KMeans",
            "KNN",
            "LDA",
            "NTM",
            "Object2Vec",
            "PCA",
            "RandomCutForest",
        )
        for kind in ("", "Model", "Predictor")
    },
}
"""Modules and classes of the SDK that are not here, and what to use."""


class NotBuilt(ModuleType):
    """A module or class that is not here, or what first lines import from one."""

    def __repr__(self) -> str:
        return f"<{self._called()}, which is not built>"

    def __getattr__(self, attribute: str) -> Any:
        raise AttributeError(self._said(f", so there is no {attribute}"))

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        raise NotImplementedError(self._said())

    def _called(self) -> str:
        return f"sagemaker{self.__name__.removeprefix(PACKAGE)}"

    def _said(self, so: str = "") -> str:
        called = self._called()
        return f"{called} is not built here{so}; use {NOT_BUILT[called.split('.')[1]]}."


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return NotBuilt(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


class Finder(MetaPathFinder):
    """Finds the modules of `NOT_BUILT`, and whatever is imported from them."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Where a module is; see `importlib.abc.MetaPathFinder`."""
        if not name.startswith(f"{PACKAGE}."):
            return None
        if name.removeprefix(f"{PACKAGE}.").partition(".")[0] not in NOT_BUILT:
            return None
        return ModuleSpec(name, _Loader(), is_package=True)
