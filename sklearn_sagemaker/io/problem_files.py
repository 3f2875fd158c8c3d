"""Training problems and trained models as files that another process reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, TypeVar

from sklearn_sagemaker._state import (
    FORMAT_VERSION,
    ModelState,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.exceptions import StoredStateError
from sklearn_sagemaker.io.datasets.dataset import FileDataset
from sklearn_sagemaker.io.plain_values import (
    encoded,
    quick_digest_of,
    read_values,
    values_of,
    write_values,
)

Made = TypeVar("Made")


def write_problem(
    path: str | os.PathLike[str],
    spec: TrainingSpec,
    data: TrainingData | WindowedData,
) -> None:
    """Write what to train, and on what: the rows, or where their files are.

    Parameters
    ----------
    path : str or path-like
    spec : TrainingSpec
    data : TrainingData or WindowedData

    Raises
    ------
    OSError
        If the file cannot be written, or the disk is full.
    TypeError
        If a field is not plain, or a source of rows cannot be described.
    """
    rows = _fields(data)
    if isinstance(data, WindowedData):
        rows["source"] = data.source.description()
    write_values(path, {"spec": _fields(spec), "data": rows})


def read_problem(
    path: str | os.PathLike[str],
) -> tuple[TrainingSpec, TrainingData | WindowedData]:
    """Read what `write_problem` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    spec : TrainingSpec
    data : TrainingData or WindowedData

    Raises
    ------
    ModelFormatError
        If a newer version of the package wrote it.
    OSError
        If the file cannot be read.
    StoredStateError
        If it is damaged, or no problem.
    """
    values = read_values(path)
    spec = _made(TrainingSpec, values.get("spec"), path)
    rows = values.get("data")
    if not isinstance(rows, dict) or "source" not in rows:
        return spec, _made(TrainingData, rows, path)
    if not isinstance(rows["source"], dict):
        raise StoredStateError(f"{path}: does not say where its rows are.")
    source = FileDataset(**rows["source"]).snapshot()
    return spec, _made(WindowedData, {**rows, "source": source}, path)


def encoded_rows(data: TrainingData) -> Iterator[bytes | memoryview]:
    """Rows as the pieces of a file that `read_rows` reads: a problem's larger part.

    Parameters
    ----------
    data : TrainingData
    """
    return encoded({"data": _fields(data)})


def rows_digest(data: TrainingData) -> str:
    """SHA-256 of rows: of types, shapes, layouts and bits of all arrays; of the format.

    Parameters
    ----------
    data : TrainingData
    """
    return quick_digest_of({"format_version": FORMAT_VERSION, **_fields(data)})


def read_rows(path: str | os.PathLike[str]) -> TrainingData:
    """Read rows that `encoded_rows` wrote.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    ModelFormatError, OSError, StoredStateError
        As of `read_problem`.
    """
    return _made(TrainingData, read_values(path).get("data"), path)


def encoded_spec(spec: TrainingSpec, **more: Any) -> bytes:
    """What to train, without the rows: a file that `spec_of` reads.

    Parameters
    ----------
    spec : TrainingSpec
    **more
        Plain values that whoever trains or reads the model needs.
    """
    return b"".join(encoded({"spec": _fields(spec), "more": more}))


def spec_of(data: bytes, name: str) -> tuple[TrainingSpec, dict[str, Any]]:
    """Read what `encoded_spec` wrote.

    Parameters
    ----------
    data : bytes
    name : str
        What messages call it.

    Raises
    ------
    ModelFormatError, StoredStateError
        As of `read_problem`.
    """
    values = values_of(data, name)
    return _made(TrainingSpec, values.get("spec"), name), values.get("more") or {}


def state_of_bytes(data: bytes | memoryview, name: str) -> ModelState:
    """Read the bytes of a file that `write_state` wrote.

    Parameters
    ----------
    data : bytes-like
    name : str
        What messages call it.

    Raises
    ------
    ModelFormatError, StoredStateError
        As of `read_state`.
    """
    return _made(ModelState, values_of(data, name).get("state"), name)


def write_state(path: str | os.PathLike[str], state: ModelState) -> None:
    """Write a trained model, every field of it.

    Parameters
    ----------
    path : str or path-like
    state : ModelState

    Raises
    ------
    OSError
        If the file cannot be written, or the disk is full.
    TypeError
        If a field is not plain.
    """
    write_values(path, {"state": _fields(state)})


def read_state(path: str | os.PathLike[str]) -> ModelState:
    """Read what `write_state` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    state : ModelState

    Raises
    ------
    ModelFormatError
        If a newer version of the package wrote it.
    OSError
        If the file cannot be read.
    StoredStateError
        If it is damaged, or no model.
    """
    return _made(ModelState, read_values(path).get("state"), path)


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _made(cls: type[Made], values: Any, path: Any) -> Made:
    """A dataclass of fields that were read; those of a later format have defaults."""
    try:
        return cls(**values)
    except TypeError as error:
        raise StoredStateError(
            f"{path}: holds no {cls.__name__} ({str(error)[:100]}); it is another file."
        ) from None
