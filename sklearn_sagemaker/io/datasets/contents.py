"""What some files hold together."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._state import Contents
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.rows import (
    Rows,
    check_finite,
    check_weights,
    check_width,
    footprint,
)

MOST_LABELS = 1 << 16
"""Distinct labels up to which they may be classes."""


class Look:
    """Adds up what the pieces of a pass hold, and refuses what does not go together."""

    def __init__(self) -> None:
        self.n_rows = self.n_bytes = self.n_features = 0
        # All rows, those of weight zero too, and the values that they store.
        self.n_all = self.n_stored = 0
        self.sparse: bool | None = None
        self.weighted = False
        self.dtype: Any = None
        self.labels: np.ndarray | None = None
        self.counts: np.ndarray | None = None
        self.many = False
        self.first = self._path = ""
        self._row = 0

    def add(self, path: str, rows: Rows) -> None:
        """Take in a piece of a file.

        Raises
        ------
        DataFileError
            If it does not go with those before, or holds what cannot be trained on.
        """
        X, y, weights = rows.X, rows.y, rows.sample_weight
        if y is None:
            raise DataFileError(
                f"{path}: has no labels; a dataset to train on has them inside."
            )
        sparse = sp.issparse(X)
        if self.sparse is None:
            self.sparse, self.first, self.dtype = sparse, path, X.dtype
            self.n_features = X.shape[1]
        self._check_layout(path, sparse, X.shape[1])
        self.n_features = max(self.n_features, X.shape[1])
        self.dtype = np.result_type(self.dtype, X.dtype)
        if path != self._path:
            self._path, self._row = path, 0
        self._check_numbers(path, rows)
        self._row += len(rows)
        self.n_all += len(rows)
        self.n_stored += X.nnz if sparse else X.size
        self.n_bytes += footprint(rows)
        self.weighted |= weights is not None
        if weights is not None:
            y = y[weights > 0]
        self.n_rows += len(y)
        self._count(path, *np.unique(y, return_counts=True))

    def _check_layout(self, path: str, sparse: bool, n_features: int) -> None:
        """Refuse rows of another kind or width."""
        if sparse != self.sparse:
            ours, theirs = ("sparse", "dense") if sparse else ("dense", "sparse")
            raise DataFileError(
                f"{path}: its rows are {ours}, those of {self.first} are {theirs}; "
                "write all of them the same way."
            )
        if n_features != self.n_features and not sparse:
            raise DataFileError(
                f"{path}: its rows have {n_features} features, those of {self.first} "
                f"have {self.n_features}; write all of them the same way."
            )

    def take_in(self, other: Look) -> None:
        """Add what another look has found.

        Raises
        ------
        DataFileError
            If that does not go with what this one has.
        """
        if other.sparse is None:
            return
        if self.sparse is None:
            vars(self).update(vars(other))
            return
        self._check_layout(other.first, bool(other.sparse), other.n_features)
        self.n_features = max(self.n_features, other.n_features)
        self.dtype = np.result_type(self.dtype, other.dtype)
        for name in ("n_rows", "n_bytes", "n_all", "n_stored"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.weighted |= other.weighted
        if other.many:
            self.many, self.labels, self.counts = True, None, None
        elif other.labels is not None and other.counts is not None:
            self._count(other.first, other.labels, other.counts)

    def _check_numbers(self, path: str, rows: Rows) -> None:
        """Refuse features, labels and weights that are not finite."""

        def place(row: int) -> str:
            return f"{path}: row {self._row + row} (counted from 0)"

        check_finite(rows.X, place)
        if rows.sample_weight is not None:
            check_weights(rows.sample_weight, place)
        y = rows.y
        if y is not None and y.dtype.kind == "f" and not np.isfinite(y).all():
            at = int(np.flatnonzero(~np.isfinite(y))[0])
            raise DataFileError(
                f"{place(at)}: the label is {y[at]}; it must be a finite number."
            )

    def _count(self, path: str, labels: np.ndarray, counts: np.ndarray) -> None:
        if self.many:
            return
        if self.labels is not None and (labels.dtype.kind in "US") != (
            self.labels.dtype.kind in "US"
        ):
            raise DataFileError(
                f"{path}: some labels are text and others numbers; write them all the "
                "same way."
            )
        if self.labels is not None and self.counts is not None:
            merged = np.concatenate([self.labels, labels])
            counts = np.concatenate([self.counts, counts])
            labels, places = np.unique(merged, return_inverse=True)
            counts = np.bincount(places, counts, len(labels)).astype(np.int64)
        self.labels, self.counts = labels, counts
        if len(labels) > MOST_LABELS:
            self.many, self.labels, self.counts = True, None, None

    def contents(self, n_features: int | None, n_bytes: int) -> Contents:
        """What all pieces hold together.

        Parameters
        ----------
        n_features : int or None
            What the user says.
        n_bytes : int
            Size of the files.

        Raises
        ------
        DataFileError
            If the files hold more features, too many for their size, or no row.
        """
        if n_features is None:
            check_width(self.first, self.n_features, n_bytes)
        if n_features is not None and n_features < self.n_features:
            raise DataFileError(
                f"{self.first}: n_features={n_features}, but the files have "
                f"{self.n_features}; pass at least as many, or None."
            )
        if n_features is not None and not self.sparse and n_features > self.n_features:
            raise DataFileError(
                f"{self.first}: n_features={n_features}, but its dense rows have "
                f"{self.n_features}; pass as many, or None."
            )
        if not self.n_rows:
            raise DataFileError(f"{self.first}: no row of non-zero weight in any file.")
        return Contents(
            n_rows=self.n_rows,
            n_features=n_features or self.n_features,
            sparse=bool(self.sparse),
            dtype=self.dtype,
            n_bytes=self.n_bytes,
            labels=self.labels,
            counts=self.counts,
        )
