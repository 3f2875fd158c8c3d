"""Endpoints that answer later, on S3."""

from sklearn_sagemaker.sagemaker.async_inference.async_inference_config import (
    AsyncInferenceConfig,
)
from sklearn_sagemaker.sagemaker.async_inference.async_inference_response import (
    AsyncInferenceResponse,
)
from sklearn_sagemaker.sagemaker.async_inference.waiter_config import WaiterConfig

__all__ = ["AsyncInferenceConfig", "AsyncInferenceResponse", "WaiterConfig"]
