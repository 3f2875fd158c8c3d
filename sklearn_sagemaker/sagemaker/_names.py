"""Names of jobs, models and endpoints: a base and the time."""

from __future__ import annotations

import re
import secrets
import threading
import time

MAX_LENGTH = 63
_VALID = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_IMAGE = re.compile(r"(.+/)?([^:/]+)(:[^:]+)?")
_STAMPED = re.compile(r"(.+)-(\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}-\d{3}|\d{6}-\d{4})")


class _Clock:
    """Milliseconds since 1970, each once."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def read(self) -> int:
        with self._lock:
            self._last = max(time.time_ns() // 1_000_000, self._last + 1)
            return self._last


_clock = _Clock()


def name_from_base(base: str, max_length: int = MAX_LENGTH, short: bool = False) -> str:
    """Append the time to a base.

    Parameters
    ----------
    base : str
        Its end is cut off if the name were too long.
    max_length : int, default=63
    short : bool, default=False
        Whether the time has minutes only.

    Returns
    -------
    name : str
        With milliseconds another one at each call of this process.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker._names import name_from_base
    >>> name_from_base("linear-learner")
    'linear-learner-20...'
    """
    stamp = sagemaker_short_timestamp() if short else sagemaker_timestamp()
    return f"{base[: max_length - len(stamp) - 1]}-{stamp}"


def sagemaker_timestamp() -> str:
    """The time to the millisecond, as names have it; never the same twice."""
    seconds, ms = divmod(_clock.read(), 1000)
    return time.strftime(f"%Y-%m-%d-%H-%M-%S-{ms:03d}", time.gmtime(seconds))


def sagemaker_short_timestamp() -> str:
    """The local time to the minute, as short names have it."""
    return time.strftime("%y%m%d-%H%M")


def unique_name_from_base(base: str, max_length: int = MAX_LENGTH) -> str:
    """Append the time in seconds and four random digits to a base.

    Parameters
    ----------
    base : str
    max_length : int, default=63

    Returns
    -------
    name : str
    """
    end = f"-{int(time.time())}-{secrets.token_hex(2)}"
    return base[: max_length - len(end)] + end


def base_from_name(name: str) -> str:
    """The base of a name: what stands before the time.

    Parameters
    ----------
    name : str

    Returns
    -------
    base : str
        The name itself if it has no time.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker._names import base_from_name
    >>> base_from_name("linear-learner-2026-11-20-20-24-31-052")
    'linear-learner'
    """
    found = _STAMPED.match(name)
    return found[1] if found else name


def base_name_from_image(image: str) -> str:
    """The name of an image's repository.

    Parameters
    ----------
    image : str

    Returns
    -------
    name : str

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker._names import base_name_from_image
    >>> base_name_from_image("1234.dkr.ecr.eu-west-1.amazonaws.com/mine:1")
    'mine'
    """
    found = _IMAGE.fullmatch(image)
    return found[2] if found else image


def name_from_image(image: str, max_length: int = MAX_LENGTH) -> str:
    """The name of an image's repository, and the time.

    Parameters
    ----------
    image : str
    max_length : int, default=63

    Returns
    -------
    name : str
    """
    return name_from_base(base_name_from_image(image), max_length=max_length)


def check_name(what: str, name: str, max_length: int = MAX_LENGTH) -> None:
    """Refuse a name that SageMaker would refuse.

    Parameters
    ----------
    what : str
        What is named, such as ``"training job"``.
    name : str
    max_length : int, default=63

    Raises
    ------
    ValueError
    """
    if not isinstance(name, str) or not _VALID.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot name a {what}: letters, digits and, between them, "
            "hyphens; no underscores, dots or spaces."
        )
    if len(name) > max_length:
        raise ValueError(
            f"{name!r} cannot name a {what}: it has {len(name)} characters, and "
            f"{max_length} are allowed."
        )
