"""Reading a table of any format, chosen by the name of the file."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.formats import Format, format_of_file
from sklearn_sagemaker.io.labels import LabelKind, labels_from_array
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.opening import file_name, file_size
from sklearn_sagemaker.io.rows import Rows, check_finite, check_width, stacked
from sklearn_sagemaker.io.table import Table
from sklearn_sagemaker.io.text.csv_layout import CsvLayout, Header, names_in_header

__all__ = ["Table", "file_format", "read_table"]

BATCH = 10_000
"""Rows that are parsed at a time where a file is read as a stream."""


def file_format(path: str | os.PathLike[str]) -> str:
    """The name of the format of a file, by the file's name.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    name : str
        A key of `sklearn_sagemaker.io.formats.FORMATS`.

    Raises
    ------
    DataFileError
        If the ending is unknown; the message lists the known ones.
    """
    return format_of_file(path).name


def read_table(
    path: str | os.PathLike[str],
    header: Header = "auto",
    *,
    label: str | int | None = None,
    with_label: bool = True,
    labels: LabelKind = "auto",
    n_features: int | None = None,
    zero_based: bool | None = None,
    format: str | None = None,
    **options: Any,
) -> Table:
    r"""Read a data file of any format in `sklearn_sagemaker.io.formats.FORMATS`.

    Parameters
    ----------
    path : str or path-like
    header : {"auto", "yes", "no"} or bool
        Whether a CSV file starts with names; see `inspect_csv`.
    label : str, int or None
        Column of the label in a CSV or Parquet file, array in an ``.npz`` file (by
        default "y"); in files of other formats each row has it.
    with_label : bool
        Whether labels are wanted at all; a CSV file without needs no ``label``.
    labels : {"auto", "text", "number"}
        How to read them.
    n_features : int or None
        How many features rows of libsvm, JSON and RecordIO files have; None takes what
        the file says.
    zero_based : bool or None
        Whether a libsvm file counts features from 0; None finds out.
    format : str or None
        Name of the format, a key of `FORMATS`; None tells by the file's ending.
    **options : object
        Others of the format's ``reading_options``, such as ``separator``, ``decimal``
        and ``encoding`` of CSV files, and ``memory`` of ``.npz`` and JSON files, which
        are loaded whole: bytes that they may have.

    Returns
    -------
    table : Table

    Raises
    ------
    DataFileError
        One line that names the file, what is wrong in it, and the remedy.
    ValueError
        If there is no such format or option.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_sagemaker.io import read_table
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.jsonl")
    >>> _ = path.write_text('{"features": [1.5, 16], "label": 1}\n')
    >>> table = read_table(path)
    >>> table.X.tolist(), table.y.tolist()
    ([[1.5, 16.0]], [1])
    >>> folder.cleanup()
    """
    path = file_name(path)
    kind = format_of_file(path, format)
    kind.check_options(path, options)
    if label is not None and "label" not in kind.reading_options:
        raise DataFileError(
            f"{path}: no label can be chosen ({label!r}): each row of a {kind.title} "
            "file has its label; name none."
        )
    if kind.inspect is not None and kind.read_columns is not None:
        layout = kind.inspect(path, header, names_in_header(label), **options)
        place = _label_place(layout, label) if with_label else None
        return kind.read_columns(layout, label=place, labels=labels)
    if kind.read_table is not None:
        return kind.read_table(
            path, label=label, with_label=with_label, labels=labels, **options
        )
    common = {"n_features": n_features, "zero_based": zero_based, "labels": labels}
    options |= {name: common[name] for name in kind.reading_options if name in common}
    return _read_rows(kind, path, with_label, labels, options)


def _label_place(layout: CsvLayout, label: str | int | None) -> int:
    """The column of the label that is named, or of the usual one."""
    label = layout.usual_label if label is None else label
    if label is None:
        columns = (
            f"numbered 0 to {layout.n_columns - 1}"
            if layout.names is None
            else listed(layout.names)
        )
        raise DataFileError(
            f"{layout.path}: no label is named, and a CSV file needs one; its columns "
            f"are {columns}."
        )
    return layout.position(label)


def _read_rows(
    kind: Format,
    path: str,
    with_label: bool,
    labels: LabelKind,
    options: dict[str, Any],
) -> Table:
    """Read a file whose rows have their labels inside."""
    wide = options.get("n_features")
    options = kind.settled([path], options)
    batches = list(kind.iter_rows(path, BATCH, **options))
    parts = [batch.X for batch in batches]
    if any(map(sparse.issparse, parts)):
        parts = [sparse.csr_matrix(part) for part in parts]
    X = stacked(parts)
    if wide is None:
        check_width(path, X.shape[1], file_size(path))
    check_finite(X, lambda row: f"{path}: row {row} (counted from 0)")
    weighted = any(batch.sample_weight is not None for batch in batches)
    return Table(
        path=path,
        X=X,
        y=_joined_labels(path, batches, labels) if with_label else None,
        zero_based=options.get("zero_based"),
        unused=("weights",) if weighted else (),
    )


def _joined_labels(path: str, batches: list[Rows], labels: LabelKind) -> np.ndarray:
    found = [batch.y for batch in batches if batch.y is not None]
    if len(found) < len(batches):
        some = "some rows have" if found else "the rows have"
        raise DataFileError(f"{path}: {some} no label; every row needs one here.")
    if len({y.dtype.kind for y in found}) > 1:
        raise DataFileError(
            f"{path}: some labels are text and some are numbers; all must be of one "
            "kind."
        )
    return labels_from_array(np.concatenate(found), labels, f"{path}: the label")
