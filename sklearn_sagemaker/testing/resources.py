"""All that the emulator itself has of SageMaker."""

from __future__ import annotations

from sklearn_sagemaker.testing.account import Account
from sklearn_sagemaker.testing.control import Operation
from sklearn_sagemaker.testing.endpoints import Endpoints
from sklearn_sagemaker.testing.models import Models
from sklearn_sagemaker.testing.training_jobs import TrainingJobs
from sklearn_sagemaker.testing.transform_jobs import TransformJobs


class Resources:
    """Jobs, models and endpoints.

    Parameters
    ----------
    account : Account
    """

    def __init__(self, account: Account):
        self._training = TrainingJobs(account)
        self._models = Models(account)
        self._endpoints = Endpoints(account, self._models)
        self._transforms = TransformJobs(account, self._models)
        self.invoke = self._endpoints.invoke

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            **self._training.operations(),
            **self._models.operations(),
            **self._endpoints.operations(),
            **self._transforms.operations(),
        }

    def close(self) -> None:
        """End all of it."""
        self._training.close()
        self._transforms.close()
        self._endpoints.close()
