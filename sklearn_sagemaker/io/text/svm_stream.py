"""libsvm files in batches of rows, and written from batches."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.file_writer import FileWriter
from sklearn_sagemaker.io.labels import LabelKind
from sklearn_sagemaker.io.opening import check_file, file_name, file_size, reading
from sklearn_sagemaker.io.rows import (
    Rows,
    batches,
    check_count,
    check_width,
)
from sklearn_sagemaker.io.text.blocks import line_blocks
from sklearn_sagemaker.io.text.svm_lines import (
    SvmLabels,
    first_label_kind,
    load_svm,
    split_lines,
)


@dataclass(frozen=True)
class SvmLayout:
    """What a libsvm file shows only as a whole.

    Attributes
    ----------
    n_features : int
        1 more than the largest index, if features are counted from 0.
    zero_based : bool
        Whether they are: whether there is a feature 0.
    """

    n_features: int
    zero_based: bool


def scan_svm(*paths: str | os.PathLike[str], labels: SvmLabels = "number") -> SvmLayout:
    """Read libsvm files once to find out how wide their rows are.

    Parameters
    ----------
    *paths : str or path-like
        Files whose rows belong together.
    labels : {"text", "number"}, default="number"

    Returns
    -------
    layout : SvmLayout

    Raises
    ------
    DataFileError
        If a file cannot be read, or no row has a feature.
    """
    low, high = 1, -1
    names = [file_name(path) for path in paths]
    for path in names:
        check_file(path)
        with reading(path):
            for first, block in line_blocks(path):
                try:
                    ends = _ends(block)
                except ValueError:
                    # Right for odd lines; a fault is blamed on its line.
                    ends = load_svm(path, block, first, labels)[0].indices
                if len(ends):
                    low, high = min(low, min(ends)), max(high, max(ends))
    if not 0 <= high < 2**31:
        for name in names:
            _check_lines(name, labels)
        raise DataFileError(f"{names[0]}: has no feature in any row, or is empty.")
    return SvmLayout(int(high) + (low == 0), bool(low == 0))


def _check_lines(path: str, labels: SvmLabels) -> None:
    """Blame the line that is none, if there is one."""
    with reading(path):
        for first, block in line_blocks(path):
            load_svm(path, block, first, labels)


def _ends(block: bytes) -> list[int]:
    """First and last index of each line, which has them in order or is refused later.

    Ten times faster than parsing all of it.
    """
    ends = []
    # Blank lines are passed over at once.
    for line in re.findall(rb"\S[^\n]*", block):
        fields = line.partition(b"#")[0].split()
        start = 2 if len(fields) > 1 and fields[1].startswith(b"qid:") else 1
        if len(fields) > start:
            ends.append(int(fields[start].partition(b":")[0]))
            ends.append(int(fields[-1].partition(b":")[0]))
    return ends


def iter_svm(
    path: str | os.PathLike[str],
    batch_size: int,
    *,
    n_features: int | None = None,
    zero_based: bool | None = None,
    labels: LabelKind = "auto",
) -> Iterator[Rows]:
    r"""Read a libsvm file in batches, in memory that does not grow with the file.

    Parameters
    ----------
    path : str or path-like
        A ``.svm`` or ``.libsvm`` file, plain or ``.gz``: lines of
        ``label index:value index:value ...``.
    batch_size : int
        Rows of a batch; the last one may have fewer.
    n_features : int or None, default=None
        Features of every row. None finds the largest index, for which the call reads
        the whole file first.
    zero_based : bool or None, default=None
        Whether the first feature is 0 or 1. None is 0 if the file has a feature 0; it
        too reads the file first. Give both (`scan_svm` finds both) where a file is
        read often, or is one of several.
    labels : {"auto", "text", "number"}, default="auto"
        "auto" is as the first label is: text if it is no number, or would lose digits
        as one. A later label that is no number is then refused.

    Returns
    -------
    batches : iterator of Rows
        ``X`` is CSR of float64, ``y`` float64 or text as it stands in the file.

    Raises
    ------
    DataFileError
        Naming the row, counted from 1 as in the file.
    ValueError
        If ``batch_size`` is no number of rows.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.svm")
    >>> _ = path.write_text("1 1:0.5 3:2\n0 2:1.5\n")
    >>> for rows in iter_svm(path, 1):
    ...     print(rows.y, rows.X.toarray().tolist())
    [1.] [[0.5, 0.0, 2.0]]
    [0.] [[0.0, 1.5, 0.0]]
    >>> folder.cleanup()
    """
    path = file_name(path)
    batch_size = check_count("batch_size", batch_size)
    check_file(path)
    given = {"n_features": n_features, "zero_based": zero_based, "labels": labels}
    return batches(_parts(path, **svm_options([path], given)), batch_size)


def svm_options(paths: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """Options of `iter_svm` for files whose rows belong together, none left open.

    Parameters
    ----------
    paths : list of str
    options : dict
        ``n_features``, ``zero_based`` and ``labels``, as for `iter_svm`.

    Returns
    -------
    options : dict
        The same, none None or "auto": the first file's first label says what the
        labels of all are.

    Raises
    ------
    DataFileError
        As `scan_svm`, if one is None; or if an index is too large for the files' size.
    ValueError
        If ``labels`` is none of its values.
    """
    n_features, zero_based = options.get("n_features"), options.get("zero_based")
    labels: Any = options.get("labels") or "auto"
    if labels not in ("auto", "text", "number"):
        raise ValueError(
            f"labels={labels!r} must be one of 'auto', 'text' and 'number'."
        )
    if labels == "auto":
        check_file(paths[0])
        with reading(paths[0]):
            labels = first_label_kind(paths[0])
    if n_features is None or zero_based is None:
        layout = scan_svm(*paths, labels=labels)
        zero_based = layout.zero_based if zero_based is None else zero_based
        if n_features is None:
            check_width(paths[0], layout.n_features, sum(map(file_size, paths)))
            n_features = layout.n_features
            # A file without feature 0 that counts from 0 all the same.
            n_features += zero_based and not layout.zero_based
    return {"n_features": n_features, "zero_based": zero_based, "labels": labels}


def _parts(
    path: str, n_features: int, zero_based: bool, labels: SvmLabels
) -> Iterator[Rows]:
    """The rows of each block of lines."""
    found, base = False, 0 if zero_based else 1
    with reading(path):
        for first, block in line_blocks(path):
            if block.isspace():
                continue
            X, y = load_svm(path, block, first, labels)
            if not len(y):
                continue
            found = True
            columns = X.indices - base
            if len(columns) and not 0 <= columns.min() <= columns.max() < n_features:
                raise DataFileError(_outside(path, block, first, n_features, base))
            shape = (len(y), n_features)
            yield Rows(sparse.csr_matrix((X.data, columns, X.indptr), shape=shape), y)
    if not found:
        raise DataFileError(f"{path}: is empty; a data file needs rows.")


def _outside(path: str, block: bytes, first: int, n_features: int, base: int) -> str:
    """Blame the first index that is out of range."""
    last = n_features - 1 + base
    for line, fields in split_lines(block, first):
        indices = [int(field.partition(":")[0]) for field in fields[1:]]
        if any(j < base for j in indices):
            return (
                f"{path}: row {line}: has feature 0, but features are said to be "
                "counted from 1; count them from 1, or say that they start at 0."
            )
        if any(j > last for j in indices):
            return (
                f"{path}: row {line}: has feature {max(indices)}, but there are "
                f"{n_features} features, {base} to {last}, by the model or n_features; "
                "leave out what the model has not, or give a larger n_features."
            )
    return f"{path}: has features beyond {n_features}."


class SvmWriter(FileWriter):
    r"""Write rows as a libsvm file, features counted from 1.

    A context manager: the file appears when it ends without an error.

    Parameters
    ----------
    target : str or path-like
        File to write; compressed if its name ends in ``.gz``.

    Raises
    ------
    ValueError
        By `write`: for rows that do not fit the ones before, numbers that are not
        finite, rows without labels, and text labels or sample weights, for which the
        format has no place.

    Notes
    -----
    Written by `sklearn.datasets.dump_svmlight_file`, which gives numbers 16
    significant digits: enough for float32; of float64 the last bit may change. A file
    does not say how many features it has: if the last ones are 0 in all rows, give
    ``n_features`` to the reader.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.svm")
    >>> with SvmWriter(path) as writer:
    ...     writer.write(Rows(np.array([[0.5, 0, 2], [0, 1.5, 0]]), np.array([1, 0])))
    >>> path.read_text()
    '1 1:0.5 3:2\n0 2:1.5\n'
    >>> folder.cleanup()
    """

    format = "svm"

    def _write(self, rows: Rows) -> None:
        from sklearn.datasets import dump_svmlight_file

        text = io.BytesIO()
        y = np.asarray(rows.y)
        dump_svmlight_file(_dumped(rows.X), _dumped(y), text, zero_based=False)
        self.handle.write(text.getvalue())


def _dumped(values: Any) -> Any:
    """Values in a dtype that scikit-learn's compiled writer takes."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind in "bi" or (kind == "u" and size < 8):
        return values.astype(np.int64, copy=False)
    single = kind == "f" and size == 4
    return values.astype(np.float32 if single else np.float64, copy=False)
