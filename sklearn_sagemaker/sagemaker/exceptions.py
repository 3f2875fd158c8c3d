"""Exceptions under the names that they have in SageMaker's SDK.

All classes are in `sklearn_sagemaker.exceptions`.
"""

from sklearn_sagemaker.exceptions import (
    AWSAccessError,
    AWSConnectionError,
    AWSCredentialsError,
    AWSError,
    CapacityError,
    EndpointFailedError,
    JobFailedError,
    JobStoppedError,
    ModelError,
    NameInUseError,
    QuotaExceededError,
    ResourceNotFoundError,
    S3AccessError,
    S3CredentialsError,
    S3Error,
    S3NotFoundError,
    ThrottledError,
    TrainingJobCapacityError,
    TrainingJobFailedError,
    TrainingJobStoppedError,
    UnexpectedStatusException,
    WaitTimeoutError,
)

# What an asynchronous answer that is not there, or is none, raises.
ObjectNotExistedError = PollingTimeoutError = WaitTimeoutError
AsyncInferenceModelError = ModelError

__all__ = [
    "AWSAccessError",
    "AWSConnectionError",
    "AWSCredentialsError",
    "AWSError",
    "AsyncInferenceModelError",
    "CapacityError",
    "EndpointFailedError",
    "JobFailedError",
    "JobStoppedError",
    "ModelError",
    "NameInUseError",
    "ObjectNotExistedError",
    "PollingTimeoutError",
    "QuotaExceededError",
    "ResourceNotFoundError",
    "S3AccessError",
    "S3CredentialsError",
    "S3Error",
    "S3NotFoundError",
    "ThrottledError",
    "TrainingJobCapacityError",
    "TrainingJobFailedError",
    "TrainingJobStoppedError",
    "UnexpectedStatusException",
    "WaitTimeoutError",
]
