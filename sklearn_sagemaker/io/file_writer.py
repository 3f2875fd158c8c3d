"""What writers of data files share: rows that fit each other, and whole files."""

from __future__ import annotations

import os
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO, ClassVar, Self

import numpy as np
from scipy import sparse

from sklearn_sagemaker._sparse import checked_csr
from sklearn_sagemaker.io.formats import FORMATS
from sklearn_sagemaker.io.labels import decoded, labels_from_array
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.opening import file_name
from sklearn_sagemaker.io.rows import Rows, canonical
from sklearn_sagemaker.io.writing import writing


class FileWriter:
    """Base of writers: checks rows, and makes the file appear whole or not at all.

    Parameters
    ----------
    target : str or path-like

    Attributes
    ----------
    path : str
    handle : binary file
        Open between ``with`` and its end.
    n_rows : int
        Written so far.
    n_features : int or None
        None before the first rows.
    """

    format: ClassVar[str]
    """Its name in `sklearn_sagemaker.io.formats`, which knows what it has room for."""

    handle: BinaryIO

    def __init__(self, target: str | os.PathLike[str]):
        self.path = file_name(target)
        self._kind = FORMATS[self.format]
        self.n_rows = 0
        self.n_features: int | None = None
        self._fields: tuple[bool, ...] = ()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            # `writing` must see it, or it would put a half file in place.
            self._open.__exit__(kind, error, trace)
            return
        with self._open:
            if not self.n_rows:
                raise ValueError(
                    f"{self.path}: no rows were written; a data file needs rows."
                )
            self._finish()

    def _start(self, stack: ExitStack) -> None:
        """Open what `_write` writes to."""
        self.handle = stack.enter_context(writing(self.path))

    def _write(self, rows: Rows) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        """What is left to do once all rows are there."""

    def write(self, rows: Rows) -> None:
        """Add rows below those before.

        Parameters
        ----------
        rows : Rows
            With as many features as the rows before, and labels, weights and
            sparseness as they have them.

        Raises
        ------
        ValueError
            If the rows do not fit, or hold what the format does not.
        """
        if not len(rows):
            return
        X, y = rows.X, rows.y
        if y is not None and y.dtype.kind == "S":
            y = decoded(y, f"{self.path}: the label")
        if sparse.issparse(X):
            X = checked_csr(X)
        self._check(Rows(X, y, rows.sample_weight))
        if sparse.issparse(X):
            X = canonical(X)
        if y is not None and y.dtype.kind == "b":
            y = y.astype(np.int64)
        self._write(Rows(X, y, rows.sample_weight))
        self.n_rows += len(rows)
        self.n_features = X.shape[1]

    def _check(self, rows: Rows) -> None:
        X, y, weights = rows.X, rows.y, rows.sample_weight
        at = f"{self.path}: rows from {self.n_rows} (counted from 0)"
        fields = (y is not None, weights is not None, sparse.issparse(X))
        if self.n_features is None:
            self._check_fields(fields)
            self._fields = fields
        elif X.shape[1] != self.n_features:
            raise ValueError(
                f"{at} have {X.shape[1]} features, and the rows before have "
                f"{self.n_features}; all rows of a file need as many."
            )
        elif fields != self._fields:
            names = ("labels", "sample weights", "sparse features")
            name = next(
                name
                for name, now, then in zip(names, fields, self._fields, strict=True)
                if now != then
            )
            raise ValueError(
                f"{at} and the rows before do not both have {name}; give {name} to "
                "all rows of a file or to none."
            )
        if X.shape[1] == 0:
            raise ValueError(f"{at} have no features; a data file needs some.")
        values = X.data if sparse.issparse(X) else X
        if values.dtype.kind not in "iufb":
            raise ValueError(
                f"{at} have features of dtype {values.dtype}; they must be real "
                "numbers."
            )
        _check_finite(values, f"{at}: a feature")
        for name, given in (("labels", y), ("sample weights", weights)):
            if given is not None and given.shape != (len(rows),):
                raise ValueError(
                    f"{at}: {len(rows)} rows have {name} of shape {given.shape}; give "
                    "one to each row."
                )
        if weights is not None:
            _check_finite(weights, f"{at}: a sample weight")
        if y is None:
            return
        if y.dtype.kind == "U" and not self._kind.text_labels:
            raise ValueError(
                f"{at} have labels of text, and {self._kind.title} holds numbers only; "
                "number the classes from 0 first, or write CSV, JSON Lines or .npz."
            )
        labels_from_array(y, "auto", f"{at}: the label")
        for label in sorted(set(y.tolist())) if y.dtype.kind == "U" else ():
            fault = self._label_fault(label)
            if fault:
                raise ValueError(
                    f"{at} have the label {quoted(label)}, which {fault}; give the "
                    "class another name, or write .npz."
                )

    def _label_fault(self, label: str) -> str:
        """Why a text would not be read again as it is; an empty text if it would."""
        return ""

    def _check_fields(self, fields: tuple[bool, ...]) -> None:
        labels, weights, _ = fields
        if weights and not self._kind.sample_weights:
            raise ValueError(
                f"{self.path}: {self._kind.title} has no place for sample weights; "
                "write .npz or RecordIO, or rows without weights."
            )
        if not labels and self._kind.needs_labels:
            raise ValueError(
                f"{self.path}: the rows have no labels, and every row of "
                f"{self._kind.title} starts with one; add labels (zeros, if they do "
                "not matter), or write another format."
            )


def _check_finite(values: np.ndarray, what: str) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = values[~np.isfinite(values)][0]
        raise ValueError(
            f"{what} is {bad}; numbers must be finite: fill it in or drop the row."
        )
