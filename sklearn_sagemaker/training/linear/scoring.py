"""Margins of columns, in pieces of rows for several threads to share."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._kernels import RowReader, kernels

SCORE_BYTES = 8 << 20
"""Margins are computed in pieces of no more than about this many bytes..."""
SCORE_ROWS = 2048
"""... and of so many rows."""

Parts = list[tuple[int, np.ndarray]]
"""Which fit scores which rows."""


def margins_of(
    reader: RowReader,
    rows: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
    shift: np.ndarray,
    narrow: bool,
    columns: slice,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Margins of some adjacent columns of the weights.

    Parameters
    ----------
    reader : RowReader
    rows : int64 array
    weights : array of shape (n_features, n_columns), or transposed if narrow
    bias : array of shape (1, n_columns)
    shift : array of shape (n_features,) or (0,)
        Subtracted from every row.
    narrow : bool
    columns : slice
    out : array of shape (n_rows, n_wanted) or None

    Returns
    -------
    margins : array of shape (n_rows, n_wanted)
        In the labels' units of training.
    """
    if narrow and reader.sparse:
        # Dense rows to train on, sparse ones to validate: those are read by strips.
        weights, narrow = np.ascontiguousarray(weights.T), False
    if out is None:
        out = np.empty((len(rows), columns.stop - columns.start), weights.dtype)
    kernels.score(
        reader, rows, weights, bias, shift, columns.start, columns.stop, narrow, out
    )
    return out


class Pieces:
    """The parts of validation rows in pieces, kept for the next epoch."""

    def __init__(self) -> None:
        self._known: tuple = (None, None, 0, [], np.zeros(0))

    def of(
        self, parts: Parts, weights: np.ndarray, row_bytes: int
    ) -> tuple[list[tuple[int, int, np.ndarray]], np.ndarray]:
        """Pieces of the parts, and the weight of each part.

        In most epochs they are those of the last.

        Parameters
        ----------
        parts : list of (fit, int64 array)
        weights : array indexed by row number
        row_bytes : int
            Of the margins of a row.

        Returns
        -------
        pieces : list of (number of the part, fit, int64 array)
        total : float64 array of shape (n_parts,)
        """
        step = min(max(SCORE_BYTES // row_bytes, 256), SCORE_ROWS)
        known = self._known
        if known[0] is not parts or known[1] is not weights or known[2] != step:
            pieces = [
                (number, fit, rows[start : start + step])
                for number, (fit, rows) in enumerate(parts)
                for start in range(0, len(rows), step)
            ]
            total = np.zeros(len(parts))
            for number, _, rows in pieces:
                total[number] += weights[rows].sum(dtype=np.float64)
            self._known = parts, weights, step, pieces, total
        return self._known[3:]
