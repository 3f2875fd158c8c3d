"""Where a fit runs: the protocol, the resolver, and one module a backend."""

from sklearn_sagemaker.backends.config import (
    BACKENDS,
    config_context,
    get_config,
    resolve_backend,
    set_config,
)
from sklearn_sagemaker.backends.dask import DaskBackend
from sklearn_sagemaker.backends.local import LocalBackend
from sklearn_sagemaker.backends.protocol import Backend, FitRows
from sklearn_sagemaker.backends.sagemaker import SageMakerBackend
from sklearn_sagemaker.backends.subprocess import SubprocessBackend

__all__ = [
    "BACKENDS",
    "Backend",
    "DaskBackend",
    "FitRows",
    "LocalBackend",
    "SageMakerBackend",
    "SubprocessBackend",
    "config_context",
    "get_config",
    "resolve_backend",
    "set_config",
]
