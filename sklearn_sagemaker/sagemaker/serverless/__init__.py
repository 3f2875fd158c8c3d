"""Endpoints without instances."""

from sklearn_sagemaker.sagemaker.serverless.serverless_inference_config import (
    ServerlessInferenceConfig,
)

__all__ = ["ServerlessInferenceConfig"]
