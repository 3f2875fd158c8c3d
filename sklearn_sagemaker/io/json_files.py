"""Files of JSON and JSON Lines, read and written batch by batch.

Their instances are those of `sklearn_sagemaker.io.json_rows`, with labels and weights
beside the features.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, ClassVar, Self

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.json_parsing import JsonDocument, json_lines
from sklearn_sagemaker.io.json_rows import Instances, encode_instances
from sklearn_sagemaker.io.opening import check_file, open_bytes, reading
from sklearn_sagemaker.io.rows import Rows
from sklearn_sagemaker.io.writing import Target, writing


def iter_json(
    path: str | os.PathLike[str], batch_size: int, *, n_features: int | None = None
) -> Iterator[Rows]:
    """Read a JSON file, ``{"instances": [...]}``, in batches.

    Parameters
    ----------
    path : str or path-like
        Plain, or gzip if it ends in ``.gz``. It may be larger than memory.
    batch_size : int
        Rows at most in a batch.
    n_features : int or None, default=None
        Features that each row must have; None is as many as the first row has.

    Yields
    ------
    rows : Rows
        X is float64, CSR in each batch that has a sparse instance.

    Raises
    ------
    DataFileError
        Naming the file and the instance, counted from 0.
    """
    name = os.fspath(path)
    return _batches(
        name,
        batch_size,
        Instances(lambda number: f"{name}: instances[{number}]", n_features),
        lambda handle: JsonDocument(handle, name).elements("instances"),
    )


def iter_jsonlines(
    path: str | os.PathLike[str], batch_size: int, *, n_features: int | None = None
) -> Iterator[Rows]:
    """Read a JSON Lines file in batches.

    Parameters
    ----------
    path : str or path-like
        Plain, or gzip if it ends in ``.gz``. It may be larger than memory.
    batch_size : int
        Rows at most in a batch.
    n_features : int or None, default=None
        Features that each row must have; None is as many as the first row has.

    Yields
    ------
    rows : Rows
        X is float64, CSR in each batch that has a sparse instance.

    Raises
    ------
    DataFileError
        Naming the file and the line, counted from 1.
    """
    name = os.fspath(path)

    def place(number: int) -> str:
        return f"{name}: line {number}"

    return _batches(
        name,
        batch_size,
        Instances(place, n_features),
        lambda handle: json_lines(handle, place),
    )


def _batches(
    path: str,
    batch_size: int,
    rows: Instances,
    parse: Callable[[BinaryIO], Iterable[tuple[int, Any]]],
) -> Iterator[Rows]:
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size} is below 1; read 1 or more rows.")
    empty = True
    check_file(path)
    with reading(path), open_bytes(path) as handle:
        for number, instance in parse(handle):
            rows.add(number, instance)
            empty = False
            if len(rows) == batch_size:
                yield rows.take()
    if empty:
        raise DataFileError(f"{path}: is empty; a data file needs rows.")
    if len(rows):
        yield rows.take()


class JsonLinesWriter:
    """Write rows to a JSON Lines file, one instance a line.

    Parameters
    ----------
    target : str, path-like or binary file object
        A path is written whole or not at all, and compressed if it ends in ``.gz``.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.json_files import JsonLinesWriter
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> target = io.BytesIO()
    >>> with JsonLinesWriter(target) as writer:
    ...     writer.write(Rows(np.array([[1.5, 16.0], [2.0, 3.0]]), np.array([1, 0])))
    >>> print(target.getvalue().decode(), end="")
    {"features": [1.5, 16.0], "label": 1}
    {"features": [2.0, 3.0], "label": 0}
    """

    start: ClassVar[bytes] = b""
    between: ClassVar[bytes] = b"\n"
    end: ClassVar[bytes] = b"\n"
    """Goes after the last row, if there is one."""
    end_of_none: ClassVar[bytes] = b""

    def __init__(self, target: Target):
        self._target = target
        self._file: BinaryIO | None = None
        self._n_features: int | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._opened())
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._stack.__exit__(*error)

    @contextmanager
    def _opened(self) -> Iterator[None]:
        with writing(self._target) as self._file:
            self._file.write(self.start)
            yield
            none = self._n_features is None
            self._file.write(self.end_of_none if none else self.end)

    def write(self, rows: Rows) -> None:
        """Add rows.

        Parameters
        ----------
        rows : Rows
            Labels and weights are written beside the features.

        Raises
        ------
        ValueError
            If a value is not finite, or the rows have other features than those
            before.
        """
        if self._file is None:
            raise ValueError("the writer is not open; use it in a with block.")
        n_features = rows.X.shape[1]
        if self._n_features not in (None, n_features):
            raise ValueError(
                f"the rows have {n_features} features, those before had "
                f"{self._n_features}; all rows of a file need as many."
            )
        if not len(rows):
            return
        text = self.between.decode().join(encode_instances(rows, with_labels=True))
        if self._n_features is not None:
            self._file.write(self.between)
        self._file.write(text.encode())
        self._n_features = n_features


class JsonWriter(JsonLinesWriter):
    """Write rows to a JSON file, ``{"instances": [...]}``.

    Parameters
    ----------
    target : str, path-like or binary file object
        A path is written whole or not at all, and compressed if it ends in ``.gz``.
    """

    start = b'{"instances": ['
    between = b",\n"
    end = b"]}\n"
    end_of_none = b"]}\n"
