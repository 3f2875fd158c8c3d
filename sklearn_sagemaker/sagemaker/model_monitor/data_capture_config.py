"""Capture of what an endpoint is sent and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn_sagemaker.sagemaker.s3 import s3_path_join


class DataCaptureConfig:
    """Keep what an endpoint is sent and answers on S3.

    Parameters
    ----------
    enable_capture : bool
    sampling_percentage : int, default=20
        Of the requests.
    destination_s3_uri : str or None, default=None
        None is ``model-monitor/data-capture`` in the session's default bucket.
    kms_key_id : str or None, default=None
        Key that it is encrypted with.
    capture_options : list of {"REQUEST", "RESPONSE"} or None, default=None
        None is both.
    csv_content_types, json_content_types : list of str or None, default=None
        Media types that are kept as text; None is "text/csv", "application/json".
    sagemaker_session : Session or None, default=None
        Asked for its default bucket only.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.model_monitor import DataCaptureConfig
    >>> DataCaptureConfig(True, destination_s3_uri="s3://bucket/kept").capture_options
    ['REQUEST', 'RESPONSE']
    """

    API_MAPPING: ClassVar = {"REQUEST": "Input", "RESPONSE": "Output"}

    def __init__(
        self,
        enable_capture: bool,
        sampling_percentage: int = 20,
        destination_s3_uri: str | None = None,
        kms_key_id: str | None = None,
        capture_options: Sequence[str] | None = None,
        csv_content_types: Sequence[str] | None = None,
        json_content_types: Sequence[str] | None = None,
        sagemaker_session: Any = None,
    ):
        if destination_s3_uri is None:
            from sklearn_sagemaker.sagemaker.session import Session

            session = sagemaker_session or Session()
            destination_s3_uri = s3_path_join(
                "s3://",
                session.default_bucket(),
                session.default_bucket_prefix,
                "model-monitor",
                "data-capture",
            )
        self.enable_capture = enable_capture
        self.sampling_percentage = sampling_percentage
        self.destination_s3_uri = destination_s3_uri
        self.kms_key_id = kms_key_id
        self.capture_options = capture_options or ["REQUEST", "RESPONSE"]
        self.csv_content_types = csv_content_types or ["text/csv"]
        self.json_content_types = json_content_types or ["application/json"]

    def _to_request_dict(self) -> dict[str, Any]:
        request = {
            "EnableCapture": self.enable_capture,
            "InitialSamplingPercentage": self.sampling_percentage,
            "DestinationS3Uri": self.destination_s3_uri,
            "CaptureOptions": [
                {"CaptureMode": self.API_MAPPING.get(option.upper(), option)}
                for option in self.capture_options
            ],
            "CaptureContentTypeHeader": {
                "CsvContentTypes": self.csv_content_types,
                "JsonContentTypes": self.json_content_types,
            },
        }
        if self.kms_key_id is not None:
            request["KmsKeyId"] = self.kms_key_id
        return request
