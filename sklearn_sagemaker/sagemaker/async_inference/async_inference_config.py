"""Where an endpoint answers later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class AsyncInferenceConfig:
    """Deploy an endpoint that takes requests from S3 and answers there.

    Attributes
    ----------
    output_path : str or None
        Folder on S3 of the answers; None is one in the default bucket.
    max_concurrent_invocations_per_instance : int or None
        None lets the service choose.
    kms_key_id : str or None
        Key that answers are encrypted with.
    notification_config : dict or None
        Topics of SNS, as the request has them.
    failure_path : str or None
        Folder on S3 for what went wrong; None is one in the default bucket.
    """

    output_path: str | None = None
    max_concurrent_invocations_per_instance: int | None = None
    kms_key_id: str | None = None
    notification_config: dict[str, Any] | None = None
    failure_path: str | None = None

    def _to_request_dict(self) -> dict[str, Any]:
        output: dict[str, Any] = {
            "S3OutputPath": self.output_path,
            "S3FailurePath": self.failure_path,
        }
        if self.kms_key_id:
            output["KmsKeyId"] = self.kms_key_id
        if self.notification_config:
            output["NotificationConfig"] = self.notification_config
        request: dict[str, Any] = {"OutputConfig": output}
        if self.max_concurrent_invocations_per_instance:
            request["ClientConfig"] = {
                "MaxConcurrentInvocationsPerInstance": (
                    self.max_concurrent_invocations_per_instance
                )
            }
        return request
