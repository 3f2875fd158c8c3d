"""Files of JSON and JSON Lines, read and written batch by batch.

Their instances are those of `sklearn_sagemaker.io.text.json_rows`, with labels and
weights beside the features.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, ClassVar

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.file_writer import FileWriter
from sklearn_sagemaker.io.opening import (
    check_file,
    file_name,
    open_bytes,
    read_whole,
    reading,
)
from sklearn_sagemaker.io.rows import Rows, check_count
from sklearn_sagemaker.io.text.json_instances import Instances, is_label
from sklearn_sagemaker.io.text.json_parsing import JsonDocument, json_lines
from sklearn_sagemaker.io.text.json_rows import encode_instances

REMEDY = (
    "write JSON Lines, one instance a line, or convert it to a format that is read in "
    "pieces (sklearn-sagemaker convert IN OUT.jsonl)"
)
"""What to do with a document that is too large."""


def iter_json(
    path: str | os.PathLike[str],
    batch_size: int,
    *,
    n_features: int | None = None,
    memory: int | None = None,
) -> Iterator[Rows]:
    """Load a JSON file, ``{"instances": [...]}``, and give its rows in batches.

    Parameters
    ----------
    path : str or path-like
        Plain, or gzip if it ends in ``.gz``.
    batch_size : int
        Rows at most in a batch.
    n_features : int or None, default=None
        Features that each row must have; None is as many as the first row has. The
        shape of a sparse row may be smaller than this, or missing.
    memory : int or None, default=None
        Bytes that its text may have; None is half of this machine's memory.

    Yields
    ------
    rows : Rows
        X is float64, CSR in each batch that has a sparse instance.

    Raises
    ------
    DataFileError
        Naming the file and the instance, counted from 0.
    ValueError
        If ``batch_size`` is no number of rows.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_sagemaker.io.text.json_files import iter_json
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.json")
    >>> _ = path.write_text('{"instances": [{"features": [1.5, 16], "label": 1}]}')
    >>> for rows in iter_json(path, 100):
    ...     print(rows.y, rows.X.tolist())
    [1.] [[1.5, 16.0]]
    >>> folder.cleanup()
    """
    name = file_name(path)
    check_file(name)
    return _batches(
        name,
        check_count("batch_size", batch_size),
        Instances(lambda number: f"{name}: instances[{number}]", n_features),
        lambda handle: JsonDocument(
            read_whole(name, handle, memory, REMEDY), name
        ).elements("instances"),
    )


def iter_jsonlines(
    path: str | os.PathLike[str], batch_size: int, *, n_features: int | None = None
) -> Iterator[Rows]:
    r"""Read a JSON Lines file in batches.

    Parameters
    ----------
    path : str or path-like
        Plain, or gzip if it ends in ``.gz``. It may be larger than memory.
    batch_size : int
        Rows at most in a batch.
    n_features : int or None, default=None
        Features that each row must have; None is as many as the first row has. The
        shape of a sparse row may be smaller than this, or missing.

    Yields
    ------
    rows : Rows
        X is float64, CSR in each batch that has a sparse instance.

    Raises
    ------
    DataFileError
        Naming the file and the line, counted from 1.
    ValueError
        If ``batch_size`` is no number of rows.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_sagemaker.io.text.json_files import iter_jsonlines
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.jsonl")
    >>> _ = path.write_text('{"features": [1.5, 16], "label": "yes"}\n')
    >>> for rows in iter_jsonlines(path, 100):
    ...     print(rows.y, rows.X.tolist())
    ['yes'] [[1.5, 16.0]]
    >>> folder.cleanup()
    """
    name = file_name(path)

    check_file(name)

    def place(number: int) -> str:
        return f"{name}: line {number}"

    return _batches(
        name,
        check_count("batch_size", batch_size),
        Instances(place, n_features),
        lambda handle: json_lines(handle, place),
    )


def _batches(
    path: str,
    batch_size: int,
    rows: Instances,
    parse: Callable[[BinaryIO], Iterable[tuple[int, Any]]],
) -> Iterator[Rows]:
    empty = True
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


class JsonLinesWriter(FileWriter):
    """Write rows to a JSON Lines file, one instance a line.

    A context manager: the file appears when it ends without an error.

    Parameters
    ----------
    target : str or path-like
        File to write; compressed if its name ends in ``.gz``.

    Raises
    ------
    ValueError
        By `write`: for rows that do not fit the ones before, and numbers that are not
        finite.

    Notes
    -----
    Labels (numbers or text) and weights stand beside the features. float32 is widened
    and printed in full.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.text.json_files import JsonLinesWriter
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.jsonl")
    >>> with JsonLinesWriter(path) as writer:
    ...     writer.write(Rows(np.array([[1.5, 16.0], [2.0, 3.0]]), np.array([1, 0])))
    >>> print(path.read_text(), end="")
    {"features": [1.5, 16.0], "label": 1}
    {"features": [2.0, 3.0], "label": 0}
    >>> folder.cleanup()
    """

    format = "jsonlines"
    between: ClassVar[str] = "\n"
    end: ClassVar[bytes] = b"\n"

    def _label_fault(self, label: str) -> str:
        return "" if is_label(label) else "is empty or not valid text"

    def _write(self, rows: Rows) -> None:
        text = self.between.join(encode_instances(rows, with_labels=True))
        self.handle.write((self.between * bool(self.n_rows) + text).encode())

    def _finish(self) -> None:
        self.handle.write(self.end)


class JsonWriter(JsonLinesWriter):
    """Write rows to a JSON file, ``{"instances": [...]}``.

    A context manager: the file appears when it ends without an error.

    Parameters
    ----------
    target : str or path-like
        File to write; compressed if its name ends in ``.gz``.

    Raises
    ------
    ValueError
        By `write`: for rows that do not fit the ones before, and numbers that are not
        finite.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.text.json_files import JsonWriter
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.json")
    >>> with JsonWriter(path) as writer:
    ...     writer.write(Rows(np.array([[1.5, 16.0], [2.0, 3.0]]), np.array([1, 0])))
    >>> print(path.read_text(), end="")
    {"instances": [{"features": [1.5, 16.0], "label": 1},
    {"features": [2.0, 3.0], "label": 0}]}
    >>> folder.cleanup()
    """

    format = "json"
    between = ",\n"
    end = b"]}\n"

    def _start(self, stack: ExitStack) -> None:
        super()._start(stack)
        self.handle.write(b'{"instances": [')
