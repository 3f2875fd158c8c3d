"""Reading a table of any format, chosen by the name of the file."""

from __future__ import annotations

import math

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.csv_tables import Header, inspect_csv, read_csv
from sklearn_sagemaker.io.labels import LabelKind, parse_number
from sklearn_sagemaker.io.npz_tables import read_npz
from sklearn_sagemaker.io.opening import listed
from sklearn_sagemaker.io.svm_tables import read_svm
from sklearn_sagemaker.io.table import Table

__all__ = ["FORMATS", "Table", "file_format", "read_table"]

FORMATS = {
    "csv": (".csv", ".csv.gz"),
    "npz": (".npz",),
    "svm": (".svm", ".svm.gz", ".libsvm", ".libsvm.gz"),
}
"""Endings of file names, by format."""


def file_format(path: str) -> str:
    """The format of a file, by its name.

    Raises
    ------
    DataFileError
        If the ending is unknown; the message lists the known ones.
    """
    for name, endings in FORMATS.items():
        if path.lower().endswith(endings):
            return name
    known = ", ".join(ending for endings in FORMATS.values() for ending in endings)
    raise DataFileError(
        f"{path}: unknown kind of file; the name must end in one of {known}."
    )


def read_table(
    path: str,
    header: Header = "auto",
    *,
    label: str | int | None = None,
    with_label: bool = True,
    labels: LabelKind = "auto",
    n_features: int | None = None,
    zero_based: bool | None = None,
) -> Table:
    """Read a data file: CSV, ``.npz`` or libsvm.

    Parameters
    ----------
    path : str
    header : {"auto", "yes", "no"}
        Whether a CSV file starts with names.
    label : str, int or None
        Column of the label in a CSV file, array in an ``.npz`` file (by default
        "y"); libsvm files have it at the start of each line.
    with_label : bool
        Whether labels are wanted at all; a CSV file without needs no ``label``.
    labels : {"auto", "text", "number"}
        How to read them.
    n_features, zero_based : int, bool or None
        For libsvm files: how many features to make, and whether they are counted
        from 0; None finds out.

    Returns
    -------
    table : Table

    Raises
    ------
    DataFileError
        One line that names the file, what is wrong in it, and the remedy.
    """
    kind = file_format(path)
    if kind == "npz":
        name = "y" if label is None else str(label)
        return read_npz(path, name if with_label else None, labels)
    if kind == "svm":
        if label is not None:
            raise DataFileError(
                f"{path}: no label can be chosen ({label!r}): a libsvm line starts "
                "with its label; name none."
            )
        return read_svm(
            path, labels, with_label, n_features=n_features, zero_based=zero_based
        )
    # A label that is a name, and stands in the first line, makes it a header.
    named = isinstance(label, str) and math.isnan(parse_number(label))
    layout = inspect_csv(path, header, (str(label),) if named else ())
    if not with_label:
        return read_csv(layout)
    if label is None:
        columns = (
            f"numbered 0 to {layout.n_columns - 1}"
            if layout.names is None
            else listed(layout.names)
        )
        raise DataFileError(
            f"{path}: no label is named, and a CSV file needs one; its columns are "
            f"{columns}."
        )
    return read_csv(layout, label=layout.position(label), labels=labels)
