"""Exceptions under the SDK's names."""

import pytest

from sklearn_sagemaker import exceptions
from sklearn_sagemaker.sagemaker import exceptions as names


def test_every_name_is_a_class_of_the_package():
    for name in names.__all__:
        assert getattr(names, name) in vars(exceptions).values()


@pytest.mark.parametrize("kind", ["UnexpectedStatusException", "CapacityError"])
def test_the_sdks_own_constructor(kind):
    error = getattr(names, kind)(
        message="why", allowed_statuses=["Completed"], actual_status="Failed"
    )
    assert isinstance(error, ValueError)
    assert (str(error), error.allowed_statuses, error.actual_status) == (
        "why",
        ["Completed"],
        "Failed",
    )


def test_what_old_notebooks_catch():
    for ours, theirs in (
        (names.TrainingJobFailedError("j", "why"), names.UnexpectedStatusException),
        (names.TrainingJobStoppedError("j", "why"), names.UnexpectedStatusException),
        (names.TrainingJobCapacityError("j", "why"), names.CapacityError),
        (names.JobFailedError("j", "why"), names.UnexpectedStatusException),
        (names.EndpointFailedError("e", [], ""), names.UnexpectedStatusException),
        (names.WaitTimeoutError("late"), names.PollingTimeoutError),
        (names.S3NotFoundError("none"), FileNotFoundError),
        (names.S3CredentialsError("none"), names.AWSCredentialsError),
        (names.AWSConnectionError("none"), ConnectionError),
    ):
        assert isinstance(ours, theirs)
