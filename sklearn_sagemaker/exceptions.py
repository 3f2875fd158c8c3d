"""Every exception and warning that sklearn_sagemaker raises itself."""

from __future__ import annotations

__all__ = [
    "AllCandidatesDivergedError",
    "ArtifactError",
    "CandidateDivergedWarning",
    "CheckpointError",
    "CheckpointWarning",
    "DataFileError",
    "FeatureScaleError",
    "HyperparameterScaleWarning",
    "IdentifierColumnsWarning",
    "InapplicableHyperparameterWarning",
    "ModelFormatError",
    "OnnxExportError",
    "OptionalDependencyError",
    "QuotaExceededError",
    "RecordIOError",
    "S3AccessError",
    "S3Error",
    "S3NotFoundError",
    "StoredStateError",
    "TargetNotReachedWarning",
    "TrainingFailedError",
    "TrainingJobFailedError",
    "TrainingJobStoppedError",
    "TrainingStoppedError",
    "TrainingTooLargeError",
]


class AllCandidatesDivergedError(FloatingPointError, ValueError):
    """Every candidate model overflowed during training.

    The message names the features whose scales are to blame and the remedy.
    """


class ArtifactError(ValueError):
    """A model artifact cannot be read or written; the message names the member."""


class CandidateDivergedWarning(RuntimeWarning):
    """Some candidates overflowed at the user's learning rate and were dropped."""


class CheckpointError(ValueError):
    """A folder of checkpoints is of another training, or cannot be read.

    The message names the folder, what differs, and the remedy.
    """


class CheckpointWarning(RuntimeWarning):
    """A checkpoint could not be written, or goes on with other bits than before."""


class DataFileError(ValueError):
    """A data file cannot be read as asked; the message names file and row."""


class FeatureScaleError(FloatingPointError, ValueError):
    """A model has no finite or no exact form in the units of X and y.

    The message names the feature, or the targets, and the remedy.
    """


class HyperparameterScaleWarning(UserWarning):
    """A hyperparameter in the units of y is tiny against the spread of y.

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


class ModelFormatError(ValueError):
    """A stored model has a newer format than this version of the package reads."""


class OnnxExportError(ValueError):
    """A model has no equal in ONNX; the message says why and what to do instead."""


class OptionalDependencyError(ImportError):
    """An optional package is missing; the message names the extra to install."""


class QuotaExceededError(RuntimeError):
    """An account's quota does not allow a request; the message names the quota."""


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


class S3Error(OSError):
    """An object of S3 cannot be read; the message names it, the reason, the remedy."""


class S3AccessError(S3Error, PermissionError):
    """There are no credentials for an object of S3, or they do not open it."""


class S3NotFoundError(S3Error, FileNotFoundError):
    """There is no such bucket, or no such object in it."""


class StoredStateError(ValueError):
    """Stored values are damaged or incomplete; the message names the file."""


class TargetNotReachedWarning(UserWarning):
    """No threshold reaches the target precision or recall; the nearest is used."""


class TrainingFailedError(RuntimeError):
    """A training elsewhere failed; the message has reason and end of the log."""


class TrainingJobFailedError(TrainingFailedError):
    """A training job of SageMaker failed.

    Parameters
    ----------
    job_name : str
        By which the job is found again.
    reason : str
        What the service says.
    log_tail : str
        The last lines of its log.
    """

    def __init__(self, job_name: str, reason: str, log_tail: str = ""):
        self.job_name, self.reason, self.log_tail = job_name, reason, log_tail
        super().__init__(self._message())

    def _message(self) -> str:
        tail = f" The end of its log:\n{self.log_tail}" if self.log_tail else ""
        return f"The training job {self.job_name!r} failed: {self.reason}{tail}"

    def __reduce__(self):
        return type(self), (self.job_name, self.reason, self.log_tail)


class TrainingJobStoppedError(TrainingJobFailedError):
    """A training job of SageMaker was stopped before it had a model."""

    def _message(self) -> str:
        tail = f" The end of its log:\n{self.log_tail}" if self.log_tail else ""
        return f"The training job {self.job_name!r} was stopped: {self.reason}{tail}"


class TrainingStoppedError(RuntimeError):
    """A training was asked to stop; the message names where it can go on from."""


class TrainingTooLargeError(MemoryError, ValueError):
    """A hyperparameter asks for more memory than a training may take.

    The message names the value, the bytes that it takes, and the remedy.
    """
