"""The environment of this process, in which clients talk to an emulator."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sklearn_sagemaker.testing.child import sitecustomize

_OURS = {
    "NO_PROXY",
    "PYTHONPATH",
    "SAGEMAKER_ADMIN_CONFIG_OVERRIDE",
    "SAGEMAKER_ROLE",
    "no_proxy",
}


@contextlib.contextmanager
def replaced(variables: Mapping[str, str]) -> Iterator[None]:
    """Have an emulator's variables in the environment, and not the user's of AWS.

    boto3's default session, which may have taken others, is left out meanwhile.
    """
    before = dict(os.environ)
    session = _default_session(None)
    _take({name: text for name, text in before.items() if not _is_aws(name)})
    os.environ.update(variables)
    sitecustomize.install()
    try:
        yield
    finally:
        sitecustomize.remove()
        _take(before)
        _default_session(session)


def _take(variables: Mapping[str, str]) -> None:
    """Set those that an emulator replaces, or leaves out, to what they are here."""
    for name in [*os.environ]:
        if _is_replaced(name):
            os.environ.pop(name)
    os.environ.update(
        {name: text for name, text in variables.items() if _is_replaced(name)}
    )


def _is_replaced(name: str) -> bool:
    return _is_aws(name) or name in _OURS


def _is_aws(name: str) -> bool:
    return name.startswith("AWS_")


def python_path() -> str:
    """The PYTHONPATH of a child: ours, before the one that is there."""
    ours = str(Path(sitecustomize.__file__).parent)
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([ours, *(path for path in before if path not in ("", ours))])


def _default_session(session: Any) -> Any:
    """Replace boto3's default session; the one that was there."""
    import boto3

    before = boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION = session
    return before
