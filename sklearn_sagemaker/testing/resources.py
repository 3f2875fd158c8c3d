"""All that the emulator itself has of SageMaker."""

from __future__ import annotations

from sklearn_sagemaker.testing.account import Account
from sklearn_sagemaker.testing.control import Operation
from sklearn_sagemaker.testing.errors import ServiceError
from sklearn_sagemaker.testing.requests import Request
from sklearn_sagemaker.testing.training_jobs import TrainingJobs


class Resources:
    """Jobs.

    Parameters
    ----------
    account : Account
    """

    def __init__(self, account: Account):
        self._training = TrainingJobs(account)

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return self._training.operations()

    def invoke(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """Answer an InvokeEndpoint."""
        raise ServiceError("ValidationError", "There are no endpoints yet.")

    def close(self) -> None:
        """End all of it."""
        self._training.close()
