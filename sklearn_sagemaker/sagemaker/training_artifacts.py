"""The artifact of a training job: by its name, or by what trained it."""

from __future__ import annotations

import os
import re
from typing import Any

from sklearn_sagemaker.exceptions import ArtifactError, AWSError
from sklearn_sagemaker.sagemaker._calls import make_client
from sklearn_sagemaker.sagemaker.s3 import read_object

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_ARN = re.compile(r"arn:[\w-]+:sagemaker:[\w-]+:\d{12}:training-job/(.+)")


def read_artifact_of_job(source: Any, *, max_bytes: int) -> bytes | None:
    """The artifact of a training job, as bytes.

    Parameters
    ----------
    source : object
        The job's name or ARN, unless there is a file of that name; an estimator of
        `sklearn_sagemaker.sagemaker` or of SageMaker's SDK v2, or its
        ``latest_training_job``; a ``ModelTrainer`` or a ``TrainingJob`` of SDK v3.
    max_bytes : int

    Returns
    -------
    data : bytes or None
        None if the source is none of these.

    Raises
    ------
    ArtifactError
        If the job has no artifact, or one that is not a ``model.tar.gz``.
    FileNotFoundError
        If there is neither a file nor a training job of the name.
    """
    if isinstance(source, str):
        return _by_name(source, max_bytes)
    job = getattr(source, "_latest_training_job", source)
    session = getattr(source, "sagemaker_session", None)
    if hasattr(job, "model_artifacts"):  # SDK v3
        return _of_v3(job, session, max_bytes)
    job = getattr(source, "latest_training_job", source)
    name = getattr(job, "job_name", None)
    if session is None or not isinstance(name, str):
        return None
    return _of_job(session.describe_training_job(name), session, max_bytes)


def _by_name(text: str, max_bytes: int) -> bytes | None:
    arn = _ARN.fullmatch(text)
    if arn is None and (os.path.exists(text) or not _NAME.fullmatch(text)):
        return None
    from sklearn_sagemaker.sagemaker.session import Session

    if arn:
        session = Session()
        return _of_job(session.describe_training_job(arn[1]), session, max_bytes)
    try:
        session = Session()
        found = session.describe_training_job(text)
    except (AWSError, ImportError, ValueError) as error:
        raise FileNotFoundError(
            f"There is no file {text!r}, and no training job of this name: {error}"
        ) from None
    return _of_job(found, session, max_bytes)


def _of_v3(job: Any, session: Any, max_bytes: int) -> bytes:
    """Of a resource of SDK v3, whose description may be of the time of its start."""
    if getattr(job, "training_job_status", None) not in ("Completed", "Stopped"):
        job.refresh()
    uri = _checked(
        getattr(job.model_artifacts, "s3_model_artifacts", None),
        job.training_job_name,
        job.training_job_status,
    )
    return read_object(uri, max_bytes=max_bytes, client=_client(session))


def _of_job(found: dict[str, Any], session: Any, max_bytes: int) -> bytes:
    uri = found.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    uri = _checked(uri, found["TrainingJobName"], found["TrainingJobStatus"])
    return read_object(uri, max_bytes=max_bytes, client=_client(session))


def _client(session: Any) -> Any:
    """A client of S3 with the credentials of a session, whoever's it is."""
    boto = getattr(session, "boto_session", None)
    return None if boto is None else make_client(boto, "s3", boto.region_name)


def _checked(uri: Any, name: str, status: str) -> str:
    if status not in ("Completed", "Stopped") or not isinstance(uri, str):
        raise ArtifactError(
            f"The training job {name!r} has no model: it is {status}. Wait for its "
            "end, and read its log if it failed."
        )
    return uri
