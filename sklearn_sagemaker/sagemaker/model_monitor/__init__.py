"""Capture of what an endpoint is sent and answers; schedules are not built."""

from sklearn_sagemaker.sagemaker.model_monitor.data_capture_config import (
    DataCaptureConfig,
)

__all__ = ["DataCaptureConfig"]
