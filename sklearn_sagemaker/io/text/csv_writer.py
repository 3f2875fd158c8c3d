"""CSV as SageMaker reads it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from sklearn_sagemaker.io.file_writer import FileWriter
from sklearn_sagemaker.io.rows import Rows, check_sparse_width
from sklearn_sagemaker.io.text.csv_files import label_fault
from sklearn_sagemaker.io.text.number_text import number_texts

CELLS = 1 << 16
"""Numbers that are turned into text at once."""


class CsvWriter(FileWriter):
    r"""Write rows as CSV, label first and without a header, as SageMaker reads them.

    A context manager: the file appears when it ends without an error.

    Parameters
    ----------
    target : str or path-like
        File to write; compressed if its name ends in ``.gz``.
    header : sequence of str or None, default=None
        Names of all columns, the label's first. SageMaker's algorithms take none.

    Raises
    ------
    ValueError
        By `write`: for rows that do not fit the ones before, numbers that are not
        finite, sample weights, for which CSV has no place, and sparse rows of more
        than 100,000 columns, whose zeros would be written out.

    Notes
    -----
    Numbers are written with as many digits as it takes to read the same number of
    that dtype again. Sparse rows are written dense, a few at a time. Rows without
    labels are all features.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.csv")
    >>> with CsvWriter(path) as writer:
    ...     writer.write(Rows(np.array([[0.5, 2], [1.5, 3]]), np.array([1, 0])))
    >>> path.read_text()
    '1,0.5,2\n0,1.5,3\n'
    >>> folder.cleanup()
    """

    format = "csv"

    def __init__(
        self, target: str | os.PathLike[str], *, header: Sequence[str] | None = None
    ):
        super().__init__(target)
        self._header = None if header is None else list(header)

    def _label_fault(self, label: str) -> str:
        if label != label.strip():
            return "starts or ends with a blank, which CSV readers leave out"
        return "is empty or no label in CSV" if label_fault(label, "text") else ""

    def _write(self, rows: Rows) -> None:
        n_columns = rows.X.shape[1]
        is_sparse = sparse.issparse(rows.X)
        if is_sparse:
            check_sparse_width(n_columns, self._kind.title, f"{self.path}: ")
        if self._header is not None:
            self._write_header(n_columns + (rows.y is not None))
        step = max(1, CELLS // n_columns)
        for start in range(0, len(rows), step):
            X = rows.X[start : start + step]
            y = None if rows.y is None else rows.y[start : start + step]
            cells = number_texts(X.toarray() if is_sparse else X)
            if y is not None and y.dtype.kind != "U":
                labels = number_texts(y[:, np.newaxis])
                cells = [a + b for a, b in zip(labels, cells, strict=True)]
            # A comma after every number, so that "1.0" can be cut to "1" at once.
            text = ",\n".join([",".join(row) for row in cells]) + ",\n"
            text = text.replace(".0,", ",").replace(",\n", "\n")
            if y is not None and y.dtype.kind == "U":
                lines = zip(y.tolist(), text.splitlines(True), strict=True)
                text = "".join([f"{_quote(label)},{line}" for label, line in lines])
            self.handle.write(text.encode())

    def _write_header(self, n_columns: int) -> None:
        names, self._header = self._header or [], None
        if len(names) != n_columns:
            raise ValueError(
                f"{self.path}: the header has {len(names)} names for {n_columns} "
                "columns; name all of them, the label first."
            )
        self.handle.write((",".join(map(_quote, names)) + "\n").encode())


def _quote(text: str) -> str:
    """A cell of text, in quotes if it needs them."""
    if any(mark in text for mark in ',"\n\r') or text != text.strip():
        text = '"' + text.replace('"', '""') + '"'
    return text
