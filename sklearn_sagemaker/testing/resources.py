"""All that the emulator itself has of SageMaker."""

from __future__ import annotations

from sklearn_sagemaker.testing.account import Account
from sklearn_sagemaker.testing.control import Operation
from sklearn_sagemaker.testing.endpoints import Endpoints
from sklearn_sagemaker.testing.models import Models
from sklearn_sagemaker.testing.packages import Packages
from sklearn_sagemaker.testing.searching import Search
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
        self._packages = Packages(account)
        self._models = Models(account, self._packages)
        self._endpoints = Endpoints(account, self._models)
        self._transforms = TransformJobs(account, self._models)
        self.invoke = self._endpoints.invoke
        kinds = {
            "TrainingJob": self._training.records,
            "Endpoint": self._endpoints.records,
            "ModelPackage": self._packages.packages,
            "ModelPackageGroup": self._packages.groups,
        }
        self._search = Search(account, kinds)

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            **self._training.operations(),
            **self._packages.operations(),
            **self._models.operations(),
            **self._endpoints.operations(),
            **self._transforms.operations(),
            "Search": self._search,
        }

    def close(self) -> None:
        """End all of it."""
        self._training.close()
        self._transforms.close()
        self._endpoints.close()
