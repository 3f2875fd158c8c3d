"""Every exception and warning that sklearn_sagemaker raises itself."""

from __future__ import annotations

__all__ = [
    "AWSAccessError",
    "AWSConnectionError",
    "AWSCredentialsError",
    "AWSError",
    "AllCandidatesDivergedError",
    "AnswerError",
    "ArtifactError",
    "BuiltInImageWarning",
    "CandidateDivergedWarning",
    "CapacityError",
    "CheckpointError",
    "CheckpointWarning",
    "CleanUpError",
    "ClusterLostError",
    "DataFileError",
    "EndpointFailedError",
    "FeatureScaleError",
    "HyperparameterScaleWarning",
    "IdentifierColumnsWarning",
    "InapplicableHyperparameterWarning",
    "JobFailedError",
    "JobHostsError",
    "JobStoppedError",
    "ModelError",
    "ModelFormatError",
    "NameInUseError",
    "OnnxExportError",
    "OptionalDependencyError",
    "QuotaExceededError",
    "QuotaWarning",
    "RecordIOError",
    "RequestTooLargeError",
    "ResourceNotFoundError",
    "S3AccessError",
    "S3CredentialsError",
    "S3Error",
    "S3NotFoundError",
    "StoredStateError",
    "TargetNotReachedWarning",
    "ThrottledError",
    "TrainingFailedError",
    "TrainingJobCapacityError",
    "TrainingJobFailedError",
    "TrainingJobStoppedError",
    "TrainingStoppedError",
    "TrainingTooLargeError",
    "TrainingUnknownError",
    "UnexpectedStatusException",
    "WaitTimeoutError",
]


class AWSError(RuntimeError):
    """A call of AWS failed; the message names what it was for, and the remedy.

    Parameters
    ----------
    message : str
    operation : str, default=""
        As the service calls it, such as ``CreateTrainingJob``.
    code : str, default=""
        What the service answered, such as ``ValidationException``, or the name of what
        went wrong on the way.
    retryable : bool, default=False
        Whether the same call may succeed later.
    attempts : int, default=1
        How often it was tried.
    """

    def __init__(
        self,
        message: str,
        operation: str = "",
        code: str = "",
        retryable: bool = False,
        attempts: int = 1,
    ):
        self.operation, self.code = operation, code
        self.retryable, self.attempts = retryable, attempts
        super().__init__(message)

    def __reduce__(self):
        # Its own: with Dask comes a way to pickle exceptions that fails for those of
        # two kinds at once.
        return type(self), self.args, vars(self)


class AWSAccessError(AWSError, PermissionError):
    """Access is denied; the message names the permission."""


class AWSCredentialsError(AWSAccessError):
    """There are no credentials, or they have expired or are wrong."""


class AWSConnectionError(AWSError, ConnectionError):
    """A service cannot be reached, or does not answer."""


class AllCandidatesDivergedError(FloatingPointError, ValueError):
    """Every candidate model overflowed during training.

    The message names the features whose scales are to blame and the remedy.
    """


class AnswerError(ValueError):
    """What an endpoint answers does not fit the request, or cannot be read."""


class ArtifactError(ValueError):
    """A model artifact cannot be read or written; the message names the member."""


class BuiltInImageWarning(UserWarning):
    """SageMaker's own image trains otherwise than the estimator says; and how."""


class CandidateDivergedWarning(RuntimeWarning):
    """Some candidates overflowed at the user's learning rate and were dropped."""


class CheckpointError(ValueError):
    """A folder of checkpoints is of another training, or cannot be read.

    The message names the folder, what differs, and the remedy.
    """


class CheckpointWarning(RuntimeWarning):
    """A checkpoint could not be written, or goes on with other bits than before."""


class CleanUpError(RuntimeError):
    """Something in the cloud could not be deleted; the message names each, and why."""


class DataFileError(ValueError):
    """A data file cannot be read as asked; the message names file and row."""


class FeatureScaleError(FloatingPointError, ValueError):
    """A model has no finite or no exact form in the units of X and y.

    The message names the feature, or the targets, and the remedy.
    """


class HyperparameterScaleWarning(UserWarning):
    """A hyperparameter in the units of y is tiny, or vast, against the spread of y.

    The message names the value, the spread, and the remedy.
    """


class IdentifierColumnsWarning(UserWarning):
    """Columns look like numbers of users or items, and are read as quantities.

    The message names the columns and the remedy.
    """


class InapplicableHyperparameterWarning(UserWarning):
    """A hyperparameter is set that has no effect with the other ones.

    The message names the value, why it has none, and what it applies to.
    """


class ModelError(AWSError):
    """The model behind an endpoint refused a request, or broke.

    Attributes
    ----------
    original_status : int or None
        HTTP status of the container's answer.
    original_message : str
        The container's answer.
    """

    original_status: int | None = None
    original_message: str = ""


class ModelFormatError(ValueError):
    """A stored model has a newer format than this version of the package reads."""


class NameInUseError(AWSError):
    """Something of this name exists already; the message says what to do."""


class OnnxExportError(ValueError):
    """A model has no equal in ONNX; the message says why and what to do instead."""


class OptionalDependencyError(ImportError):
    """An optional package is missing; the message names the extra to install."""


class QuotaExceededError(AWSError):
    """An account's quota does not allow a request; the message names the quota."""


class QuotaWarning(UserWarning):
    """A job waits, as an account's quota does not allow it yet."""


class RecordIOError(DataFileError):
    """RecordIO bytes are malformed.

    Parameters
    ----------
    message : str
        What is wrong, without the place.
    record : int or None
        Number of the record, from 0.
    offset : int or None
        Where in the (uncompressed) bytes the fault is.
    source : str
        Name of the file, if there is one.
    """

    def __init__(
        self,
        message: str,
        record: int | None = None,
        offset: int | None = None,
        source: str = "",
    ):
        self.message, self.record, self.offset = message, record, offset
        self.source = source
        place = f"{source}: " if source else ""
        if record is not None:
            place += f"record {record} (byte {offset}): "
        super().__init__(place + message)

    def __reduce__(self):
        return type(self), (self.message, self.record, self.offset, self.source)


class RequestTooLargeError(ValueError):
    """A request would be larger than an endpoint takes; the message names the row."""


class ResourceNotFoundError(AWSError, LookupError):
    """There is no job, model, endpoint, role or log of this name."""


class S3Error(AWSError, OSError):
    """A call of S3 failed; the message names the object, the reason, the remedy."""


class S3AccessError(S3Error, AWSAccessError):
    """There are no credentials for a bucket or an object, or they do not open it."""


class S3CredentialsError(S3AccessError, AWSCredentialsError):
    """There are no credentials for S3, or they have expired or are wrong."""


class S3NotFoundError(S3Error, ResourceNotFoundError, FileNotFoundError):
    """There is no such bucket, or no such object in it."""


class StoredStateError(ValueError):
    """Stored values are damaged or incomplete; the message names the file."""


class TargetNotReachedWarning(UserWarning):
    """No threshold reaches the target precision or recall; the nearest is used."""


class ThrottledError(AWSError):
    """A service refused a call again and again because there were too many."""


class TrainingFailedError(RuntimeError):
    """A training elsewhere failed; the message has reason and end of the log."""


class TrainingUnknownError(ValueError, AttributeError):
    """A fitted model does not know this of its training; the message says why.

    Models of artifacts and of SageMaker's own images have weights, but no candidates.
    """


class UnexpectedStatusException(ValueError):  # noqa: N818 - the SDK's name
    """A job or an endpoint ended otherwise than it should.

    Parameters
    ----------
    message : str
    allowed_statuses : list of str
    actual_status : str
    """

    def __init__(self, message: str, allowed_statuses: list[str], actual_status: str):
        self.allowed_statuses = allowed_statuses
        self.actual_status = actual_status
        super().__init__(message)

    def __reduce__(self):
        return (
            type(self),
            (str(self), self.allowed_statuses, self.actual_status),
            self.__dict__,
        )


class CapacityError(UnexpectedStatusException):
    """There were no instances of the type; the same request may succeed later."""

    @property
    def retryable(self) -> bool:
        """True."""
        return True


class EndpointFailedError(UnexpectedStatusException):
    """An endpoint is not in service; the message has the service's reason."""


class JobFailedError(UnexpectedStatusException):
    """A job failed.

    Parameters
    ----------
    job_name : str
        By which the job is found again.
    reason : str
        What the service says.
    log_tail : str, default=""
        The last lines of its log.
    kind : str, default="transform job"

    Attributes
    ----------
    retryable : bool
        Whether the same job may succeed later: the fault was the service's.
    """

    _status, _verb = "Failed", "failed"

    def __init__(
        self,
        job_name: str,
        reason: str,
        log_tail: str = "",
        kind: str = "transform job",
    ):
        self.job_name, self.reason, self.log_tail = job_name, reason, log_tail
        self.kind = kind
        tail = f" The end of its log:\n{log_tail}" if log_tail else ""
        message = f"The {kind} {job_name!r} {self._verb}: {reason}{tail}"
        super().__init__(message, ["Completed"], self._status)

    @property
    def retryable(self) -> bool:
        """Whether the fault was the service's."""
        known = self.reason.startswith("InternalServerError")
        return known or isinstance(self, CapacityError)

    def __reduce__(self):
        return type(self), (self.job_name, self.reason, self.log_tail, self.kind)


class JobHostsError(RuntimeError):
    """The hosts of a job do not come together, or one is lost; the message names it."""


class JobStoppedError(JobFailedError):
    """A job was stopped before it was through."""

    _status, _verb = "Stopped", "was stopped"


class ClusterLostError(TrainingFailedError):
    """A cluster cannot be reached, or was lost during a training.

    The message says what is lost, and where the training can go on from.
    """


class TrainingJobFailedError(JobFailedError, TrainingFailedError):
    """A training job of SageMaker failed.

    Parameters
    ----------
    job_name : str
        By which the job is found again.
    reason : str
        What the service says.
    log_tail : str, default=""
        The last lines of its log.
    kind : str, default="training job"

    Attributes
    ----------
    retryable : bool
        Whether the same job may succeed later: the fault was the service's.
    """

    def __init__(
        self,
        job_name: str,
        reason: str,
        log_tail: str = "",
        kind: str = "training job",
    ):
        super().__init__(job_name, reason, log_tail, kind)


class TrainingJobCapacityError(TrainingJobFailedError, CapacityError):
    """There were no instances for a training job; it may succeed later."""


class TrainingJobStoppedError(TrainingJobFailedError, JobStoppedError):
    """A training job of SageMaker was stopped before it was through."""


class TrainingStoppedError(RuntimeError):
    """A training was asked to stop; the message names where it can go on from."""


class TrainingTooLargeError(MemoryError, ValueError):
    """A hyperparameter asks for more memory than a training may take.

    The message names the value, the bytes that it takes, and the remedy.
    """


class WaitTimeoutError(TimeoutError):
    """What is waited for is not there in time; the message names it."""
