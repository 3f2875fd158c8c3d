"""Training jobs of a backend: named, counted, created once."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from sklearn_sagemaker.exceptions import AWSError, NameInUseError, QuotaExceededError
from sklearn_sagemaker.sagemaker._names import MAX_LENGTH
from sklearn_sagemaker.sagemaker._session_clients import covers
from sklearn_sagemaker.sagemaker._waiting import TRAINING

_LIMIT = re.compile(r"is (\d+) Instances.*?delta of (\d+) Instances", re.DOTALL)


def nonce() -> str:
    """The time, and a random number that nobody else can have chosen."""
    return f"{time.strftime('%y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(6)}"


def job_name(base: str, end: str, longest: int = MAX_LENGTH) -> str:
    """The name of a job: a base, cut if the name were too long, and what it ends in.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.training_jobs import job_name
    >>> job_name("churn", "261129-101500-0a1b2c3d4e5f")
    'churn-261129-101500-0a1b2c3d4e5f'
    """
    return f"{base[: longest - len(end) - 1].strip('-')}-{end}"


def create(session: Any, request: dict[str, Any]) -> None:
    """Create a job, once, also where the answer is lost.

    The service has no tokens for it: a call that is repeated finds the name taken, by
    the job that the first one made. The name is random, so a job of this name that is
    as the request asks is that one.

    Parameters
    ----------
    session : Session
    request : dict
        With a name that ends in a `nonce`.

    Raises
    ------
    AWSError
        If there is no such job after it, or nobody can say.
    """
    try:
        session.create_training_job(request)
    except AWSError as error:
        if not error.retryable and not isinstance(error, NameInUseError):
            raise
        try:
            found = TRAINING.describe(session, request["TrainingJobName"])
        except AWSError:
            found = None
        if not covers(found, request):
            raise


def hopeless(error: QuotaExceededError) -> bool:
    """Whether a quota is too small for a request, whatever ends meanwhile.

    Examples
    --------
    >>> from sklearn_sagemaker.exceptions import QuotaExceededError
    >>> from sklearn_sagemaker.sagemaker.training_jobs import hopeless
    >>> said = "The limit is 0 Instances, with a request delta of 1 Instances."
    >>> hopeless(QuotaExceededError(said))
    True
    """
    said = _LIMIT.search(str(error))
    return said is not None and int(said[1]) < int(said[2])


def count(session: Any, base: str) -> int:
    """How many jobs the service knows whose names begin so.

    Parameters
    ----------
    session : Session
    base : str
    """
    request: dict[str, Any] = {"NameContains": base, "MaxResults": 100}
    what = f"training jobs {base}-*"
    return sum(
        one["TrainingJobName"].startswith(f"{base}-")
        for page in session._pages("list_training_jobs", what, **request)
        for one in page["TrainingJobSummaries"]
    )
