"""Which backend a fit uses when the estimator does not say."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sklearn_sagemaker.backends.dask import DaskBackend
from sklearn_sagemaker.backends.local import LocalBackend
from sklearn_sagemaker.backends.protocol import Backend
from sklearn_sagemaker.backends.sagemaker import SageMakerBackend
from sklearn_sagemaker.backends.subprocess import SubprocessBackend

BACKENDS: dict[str, type[Backend]] = {
    "dask": DaskBackend,
    "local": LocalBackend,
    "sagemaker": SageMakerBackend,
    "subprocess": SubprocessBackend,
}
"""Backends that a name stands for."""

_DEFAULTS: dict[str, Any] = {"backend": "local"}
_current = threading.local()


def get_config() -> dict[str, Any]:
    """The settings in force in the calling thread.

    Returns
    -------
    config : dict
        ``backend``: name or backend used by estimators with ``backend=None``; and
        ``sagemaker`` if it was set: settings that "sagemaker" stands for.

    Examples
    --------
    >>> from sklearn_sagemaker import get_config
    >>> get_config()
    {'backend': 'local'}
    """
    return dict(getattr(_current, "config", _DEFAULTS))


def set_config(
    *,
    backend: str | Backend | None = None,
    sagemaker: Mapping[str, Any] | None = None,
) -> None:
    """Change the settings of the calling thread.

    Threads and processes that joblib starts do not see them: set ``backend`` on
    the estimator for those.

    Parameters
    ----------
    backend : str, backend or None
        Name (``"local"``) or backend; None leaves it as it is.
    sagemaker : mapping or None, default=None
        Parameters of the `SageMakerBackend` that the name "sagemaker" stands for, in
        place of those that were set before; None leaves them as they are. They win
        over environment variables ``SKLEARN_SAGEMAKER_ROLE``, ``..._INSTANCE_TYPE``
        and so on.

    Raises
    ------
    ValueError
        If the name, or a parameter, is unknown.
    TypeError
        If it is neither a name nor a backend.
    """
    config = get_config()
    if sagemaker is not None:
        SageMakerBackend.of_settings(sagemaker)
        config["sagemaker"] = dict(sagemaker)
    if backend is not None:
        resolve_backend(backend)
        config["backend"] = backend
    _current.config = config


@contextmanager
def config_context(
    *,
    backend: str | Backend | None = None,
    sagemaker: Mapping[str, Any] | None = None,
) -> Iterator[None]:
    """Settings for a ``with`` block of the calling thread.

    Parameters
    ----------
    backend : str, backend or None
    sagemaker : mapping or None
        As in `set_config`.

    Examples
    --------
    >>> from sklearn_sagemaker import config_context, get_config
    >>> with config_context(backend="local"):
    ...     get_config()["backend"]
    'local'
    """
    before = get_config()
    set_config(backend=backend, sagemaker=sagemaker)
    try:
        yield
    finally:
        _current.config = before


def resolve_backend(backend: str | Backend | None) -> Backend:
    """The backend that a value of ``backend=`` stands for.

    Parameters
    ----------
    backend : str, backend or None
        None stands for the configured one.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither a name nor a backend.
    """
    if backend is None:
        backend = get_config()["backend"]
    if isinstance(backend, str):
        if backend not in BACKENDS:
            known = ", ".join(repr(name) for name in BACKENDS)
            raise ValueError(
                f"backend={backend!r} is not known; use one of {known}, or pass a "
                "backend such as sklearn_sagemaker.backends.LocalBackend()."
            )
        if BACKENDS[backend] is SageMakerBackend:
            return SageMakerBackend.of_settings(get_config().get("sagemaker", {}))
        return BACKENDS[backend]()
    if isinstance(backend, type):
        raise TypeError(
            f"backend must be a name or a backend, got the class {backend.__name__}; "
            f"make one of it: {backend.__name__}()."
        )
    if not isinstance(backend, Backend):
        raise TypeError(
            f"backend must be a name or a backend, got {type(backend).__name__}, which "
            "is no subclass of sklearn_sagemaker.backends.Backend; use for example "
            "'local'."
        )
    return backend
