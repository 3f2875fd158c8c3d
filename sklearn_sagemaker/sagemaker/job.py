"""What a job reads, and the job itself: to wait for, to describe, to stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn_sagemaker.sagemaker.inputs import FileSystemInput, TrainingInput


def channels_of(inputs: Any, default: str = "training") -> list[dict[str, Any]]:
    """``InputDataConfig`` of a job.

    Parameters
    ----------
    inputs : None, str, TrainingInput, FileSystemInput, RecordSet, dict, or list
        A list is of record sets; a dict has channels' names, and a URI, a
        `TrainingInput`, a `FileSystemInput` or a record set for each.
    default : str, default="training"
        The channel of what says no name.

    Raises
    ------
    ValueError
        If two have the same name.
    TypeError
        If an input is none of these.
    """
    if inputs is None:
        return []
    if isinstance(inputs, Mapping):
        named = list(inputs.items())
    else:
        each = inputs if isinstance(inputs, list | tuple) else [inputs]
        if isinstance(inputs, list | tuple):
            _only_record_sets(each)
        named = [(getattr(item, "channel", default), item) for item in each]
    names = [name for name, _ in named]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"Two inputs are for the channel {name!r}; a job has one of each name. "
                'Give one of them another, such as channel="validation".'
            )
    return [{**_config(name, item), "ChannelName": name} for name, item in named]


def model_channel(uri: str, name: str, channels: list[dict[str, Any]]) -> dict:
    """The channel of a model that training starts from.

    Raises
    ------
    ValueError
        If there is a channel of that name.
    """
    if name in [channel["ChannelName"] for channel in channels]:
        raise ValueError(
            f"model_uri is read from the channel {name!r}, and there is an input of "
            "this name; set another model_channel_name."
        )
    source = TrainingInput(
        uri, content_type="application/x-sagemaker-model", input_mode="File"
    )
    return {**_config(name, uri), **source.config, "ChannelName": name}


def _only_record_sets(items: Any) -> None:
    for item in items:
        if not hasattr(item, "data_channel"):
            raise TypeError(
                f"A list of inputs is one of record sets, and has a "
                f"{type(item).__name__}; give other inputs as a dict, such as "
                '{"train": ..., "validation": ...}.'
            )


def _config(name: str, item: Any) -> dict[str, Any]:
    if hasattr(item, "data_channel"):
        (item,) = item.data_channel().values()
    if isinstance(item, TrainingInput | FileSystemInput):
        return dict(item.config)
    if isinstance(item, str):
        if item.startswith("s3://"):
            return dict(TrainingInput(item).config)
        raise ValueError(
            f"The input {item!r} of the channel {name!r} is not on S3: it must start "
            "with s3://. Session().upload_data(path) uploads a file and returns its "
            "address."
        )
    raise TypeError(
        f"The input of the channel {name!r} is a {type(item).__name__}; it must be a "
        "str with an address on S3, a TrainingInput, a FileSystemInput or a record "
        "set, which record_set(X, labels=y) of LinearLearner or FactorizationMachines "
        "makes of an array."
    )


class Job:
    """A job by its name.

    Parameters
    ----------
    sagemaker_session : Session
    job_name : str

    Attributes
    ----------
    name : str
    """

    def __init__(self, sagemaker_session: Any, job_name: str):
        self.sagemaker_session, self.job_name = sagemaker_session, job_name

    @property
    def name(self) -> str:
        """The job's name."""
        return self.job_name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.job_name!r}>"


class TrainingJob(Job):
    """A training job by its name.

    Parameters
    ----------
    sagemaker_session : Session
    job_name : str
    """

    def wait(self, logs: bool | str = True) -> None:
        """Wait for its end.

        Parameters
        ----------
        logs : bool, "All", "None" or "Rules", default=True
            Whether to show its log meanwhile.

        Raises
        ------
        TrainingJobFailedError
            If it fails; a `TrainingJobStoppedError` if it is stopped.
        """
        if logs and logs not in ("None", "Rules"):
            self.sagemaker_session.logs_for_job(self.job_name, wait=True)
        else:
            self.sagemaker_session.wait_for_job(self.job_name)

    def describe(self) -> dict[str, Any]:
        """What the service says of it."""
        return self.sagemaker_session.describe_training_job(self.job_name)

    def stop(self) -> None:
        """Ask it to stop."""
        self.sagemaker_session.stop_training_job(self.job_name)


class TransformJob(Job):
    """A batch transform by its name.

    Parameters
    ----------
    sagemaker_session : Session
    job_name : str
    """

    def wait(self, logs: bool = True) -> None:
        """Wait for its end.

        Parameters
        ----------
        logs : bool, default=True
            Whether to show its log meanwhile.
        """
        if logs:
            self.sagemaker_session.logs_for_transform_job(self.job_name, wait=True)
        else:
            self.sagemaker_session.wait_for_transform_job(self.job_name)

    def describe(self) -> dict[str, Any]:
        """What the service says of it."""
        return self.sagemaker_session.describe_transform_job(self.job_name)

    def stop(self) -> None:
        """Ask it to stop."""
        self.sagemaker_session.stop_transform_job(self.job_name)


class TuningJob(Job):
    """A tuning job by its name.

    Parameters
    ----------
    sagemaker_session : Session
    job_name : str
    """

    def wait(self) -> None:
        """Wait for its end.

        Raises
        ------
        JobFailedError
            If it fails.
        """
        self.sagemaker_session.wait_for_tuning_job(self.job_name)

    def describe(self) -> dict[str, Any]:
        """What the service says of it."""
        return self.sagemaker_session.describe_tuning_job(self.job_name)

    def stop(self) -> None:
        """Ask it to stop, and its training jobs."""
        self.sagemaker_session.stop_tuning_job(self.job_name)
