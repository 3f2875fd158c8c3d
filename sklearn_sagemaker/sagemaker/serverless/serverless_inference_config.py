"""What an endpoint without instances takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ServerlessInferenceConfig:
    """Deploy without instances: what a model takes, and how often at once.

    Attributes
    ----------
    memory_size_in_mb : int
        1024 to 6144, in steps of 1024.
    max_concurrency : int
        Requests at a time.
    provisioned_concurrency : int or None
        For how many the model is kept ready.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.serverless import ServerlessInferenceConfig
    >>> ServerlessInferenceConfig(4096)
    ServerlessInferenceConfig(memory_size_in_mb=4096, max_concurrency=5, \
provisioned_concurrency=None)
    """

    memory_size_in_mb: int = 2048
    max_concurrency: int = 5
    provisioned_concurrency: int | None = None

    def _to_request_dict(self) -> dict[str, int]:
        request = {
            "MemorySizeInMB": self.memory_size_in_mb,
            "MaxConcurrency": self.max_concurrency,
        }
        if self.provisioned_concurrency is not None:
            request["ProvisionedConcurrency"] = self.provisioned_concurrency
        return request
