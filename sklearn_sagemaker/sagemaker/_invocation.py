"""One request to an endpoint: bounded attempts, and an answer that is whole."""

from __future__ import annotations

import random
import time
from contextlib import closing
from typing import Any

from sklearn_sagemaker.exceptions import AWSConnectionError, AWSError, ModelError
from sklearn_sagemaker.sagemaker._calls import call, translated

ATTEMPTS = 4
"""Calls in all where the model fails, or is not ready; boto3 repeats others itself."""
PAUSE = 0.25
"""Seconds before the second one, twice as many before each that follows."""
_NOT_READY = ("ModelNotReadyException", "InternalDependencyException")


def invoke(
    client: Any, what: str, request: dict[str, Any], raw: bool = False
) -> tuple[Any, str]:
    """Send a request, again if it may succeed then.

    Parameters
    ----------
    client : botocore client
        Of SageMaker's runtime.
    what : str
        Which endpoint, for messages.
    request : dict
        As ``invoke_endpoint`` takes it.
    raw : bool, default=False
        Whether the answer is not read: its stream is given back.

    Returns
    -------
    body : bytes or stream
    content_type : str

    Raises
    ------
    ModelError
        If the model's container refuses the request (4xx, at once), or fails (5xx).
    AWSError
        One of its kinds, as `call` raises them.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _once(client, what, request, raw)
        except AWSError as error:
            error.attempts = max(error.attempts, attempt)
            if attempt == ATTEMPTS or not _may_pass(error):
                raise
        time.sleep(PAUSE * 2**attempt * random.uniform(0.5, 1))
    raise AssertionError("not reached")


def _once(
    client: Any, what: str, request: dict[str, Any], raw: bool
) -> tuple[Any, str]:
    answer = call(client, "invoke_endpoint", what=what, **request)
    content_type = answer.get("ContentType") or "application/octet-stream"
    stream = answer["Body"]
    if raw:
        return stream, content_type
    with translated(what, client, "invoke_endpoint"), closing(stream):
        try:
            return stream.read(), content_type
        except Exception as error:
            # What urllib3 raises in place of botocore is no error of the caller's.
            if type(error).__module__.partition(".")[0] != "urllib3":
                raise
            cut = AWSConnectionError(
                f"{what}: the answer breaks off ({type(error).__name__}); try again.",
                "InvokeEndpoint",
                type(error).__name__,
                True,
            )
        raise cut from None


def _may_pass(error: AWSError) -> bool:
    """Whether the same request may succeed, and boto3 has not repeated it."""
    if isinstance(error, ModelError):
        status = error.original_status or 0
        return status == 429 or status >= 500
    broken = isinstance(error, AWSConnectionError) and error.code in (
        "IncompleteReadError",
        "ResponseStreamingError",
        "ProtocolError",
        "IncompleteRead",
    )
    return error.code in _NOT_READY or broken
