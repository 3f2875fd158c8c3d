"""What least squares needs of the rows: sums of products, or triangles of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._threads import ALONE, Spread
from sklearn_sagemaker.training.linear.quadratic import Quadratic
from sklearn_sagemaker.training.linear.scaled_csr import ScaledCsr, stays_sparse
from sklearn_sagemaker.training.neighbours import at_once, rows_at

TILE_BYTES = 2 << 20
"""Rows are read in tiles of about this size, in float64."""
HELD_BYTES = 16 << 20
"""Rows of this size are read once."""

Problem = tuple[Quadratic, np.ndarray, float]
"""The error of a fit, and the means of its features and labels."""


class ScaledRows:
    """Rows as the objective sees them: shifted and scaled in float64, tile by tile.

    Before they are summed: products of raw numbers, less those of means, lose the
    digits of features that are far from zero.

    Parameters
    ----------
    shift, scale : float64 arrays of shape (d,)
    """

    def __init__(self, shift: np.ndarray, scale: np.ndarray):
        self.shift, self.scale = shift, scale
        self._reader: RowReader | None = None
        self._held = np.empty((0, 0))

    def hold(self, reader: RowReader, most: int = HELD_BYTES) -> None:
        """Read all rows once, if they have no more bytes."""
        if self._reader is reader:
            return
        if 8 * reader.shape[0] * reader.shape[1] <= most:
            self._held = self._read(reader, np.arange(reader.shape[0]))
            self._reader = reader

    def _read(self, reader: RowReader, rows) -> np.ndarray:
        """Some rows, piece by piece, so that what is made of them stays near."""
        found = np.empty((len(rows), len(self.shift)))
        step = self.tile_rows()
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            tile = found[start : start + step]
            np.subtract(reader.dense(at_once(some)), self.shift, out=tile)
            tile *= self.scale
        return found

    def whole(self, reader: RowReader, rows: np.ndarray) -> np.ndarray:
        """Some rows, in ascending order, in one piece that is not to be changed."""
        if reader is not self._reader:
            return self._read(reader, rows)
        return self._held if len(rows) == len(self._held) else self._held[rows]

    def tile_rows(self, beside: int = 0) -> int:
        """Rows of a tile where so many numbers are made of each."""
        return max(256, TILE_BYTES // (8 * max(len(self.shift), beside) + 16))

    def pieces(
        self, rows: np.ndarray, least: int = 0, beside: int = 0
    ) -> Iterator[np.ndarray]:
        """Row numbers, as many at a time as a tile has.

        Tiles are smaller where more numbers are made of a row than it has.
        """
        step = max(least, self.tile_rows(beside))
        for start in range(0, len(rows), step):
            yield rows[start : start + step]

    def pieces_seen(
        self, reader: RowReader, rows: np.ndarray, beside: int
    ) -> Iterator[np.ndarray]:
        """The same for what is made of `seen` rows: sparse ones take no room."""
        sparse = self.stays_sparse(reader)
        least = max(256, TILE_BYTES // (8 * beside + 16)) if sparse else 0
        return self.pieces(rows, least, beside)

    def tile(self, reader: RowReader, some: np.ndarray) -> np.ndarray:
        """Some rows, which are not to be changed."""
        if reader is self._reader:
            return rows_at(self._held, some)
        return self._read(reader, some)

    def stays_sparse(self, reader: RowReader) -> bool:
        """Whether `seen` are sparse rows."""
        held = reader is self._reader
        return not held and stays_sparse(reader, self.shift, self.scale)

    def seen(self, reader: RowReader, some: np.ndarray) -> Any:
        """Some rows for products, sparse ones as they are."""
        if not self.stays_sparse(reader):
            return self.tile(reader, some)
        return ScaledCsr(reader.matrix()[at_once(some)], self.shift, self.scale)

    def unread(
        self, reader: RowReader, rows: np.ndarray
    ) -> Iterator[tuple[np.ndarray, Callable[[], np.ndarray]]]:
        """Row numbers, and what reads those rows, tile by tile."""
        return ((some, partial(self.tile, reader, some)) for some in self.pieces(rows))

    def augmented(self, reader, y, weights, some: np.ndarray) -> np.ndarray:
        """Some rows with a column of ones before and the labels behind.

        Each row is multiplied by the root of its weight.
        """
        tile, root = self.tile(reader, some), np.sqrt(weights[some])
        found = np.empty((len(some), tile.shape[1] + 2))
        found[:, 0] = root
        np.multiply(tile, root[:, None], out=found[:, 1:-1])
        np.multiply(y[some], root, out=found[:, -1])
        return found


def moments(
    rows: ScaledRows,
    reader,
    y,
    weights,
    some,
    before=None,
    spread: Spread = ALONE,
) -> np.ndarray:
    """Sums of products of ones, features and labels over some rows.

    Parameters
    ----------
    rows : ScaledRows
    reader : RowReader
    y, weights : float64 arrays, indexed by row number
    some : int64 array
        The rows.
    before : float64 array of shape (d + 2, d + 2) or None
        Sums over others, which are added.
    spread : Spread
        For the tiles, whose sums are added in order.

    Returns
    -------
    sums : float64 array of shape (d + 2, d + 2)
    """

    def products(some: np.ndarray) -> np.ndarray:
        tile = rows.augmented(reader, y, weights, some)
        return tile.T @ tile

    d = len(rows.shift)
    found = np.zeros((d + 2, d + 2)) if before is None else before
    spread = spread.worth(rows.tile_rows() * d * d, found.nbytes)
    for product in spread.in_order(products, rows.pieces(some)):
        found += product
    return found


def triangle(rows: ScaledRows, reader, y, weights, some, before=None) -> np.ndarray:
    """A factor of the same sums, whose digits are those of the rows themselves.

    Parameters
    ----------
    rows, reader, y, weights, some, before : object
        As for `moments`.

    Returns
    -------
    factor : float64 array of shape (at most d + 2, d + 2)
    """
    d = len(rows.shift)
    found = np.zeros((0, d + 2)) if before is None else before
    for piece in rows.pieces(some, 4 * (d + 2)):
        tile = rows.augmented(reader, y, weights, piece)
        found = np.linalg.qr(np.concatenate([found, tile]), mode="r")
    return found


def squared_errors(parts: list[np.ndarray], weights, bias) -> np.ndarray:
    """Sums of the squared errors of some models over the rows of some sums.

    Parameters
    ----------
    parts : list of float64 arrays
        From `moments`.
    weights, bias : float64 arrays of shape (k, d) and (k,)

    Returns
    -------
    sums : float64 array of shape (k,)
        NaN where rounding may be a thousandth of a sum of `moments`.
    """
    k = len(bias)
    sides = np.concatenate([bias[:, None], weights, np.full((k, 1), -1.0)], axis=1)
    total = np.sum(parts, axis=0)
    sums = np.einsum("ij,ij->i", sides @ total, sides)
    size = np.abs(sides)
    noise = 1e-13 * np.einsum("ij,ij->i", size @ np.abs(total), size)
    return np.where(sums > noise, sums, np.nan)


def of_moments(parts: list[np.ndarray], share: float, origin: float) -> Problem:
    """The mean squared error on the rows of some sums.

    Sums are added, and none is taken from another, which would cost digits where the
    weight of few rows is left.

    Parameters
    ----------
    parts : list of float64 arrays
        From `moments`.
    share : float
        How much of its optimum the intercept has: 1 if it is free, 0 if there is none.
    origin : float
        Of the labels, where the intercept starts.

    Returns
    -------
    error : Quadratic
    mean : float64 array of shape (d,)
        Of the features.
    label : float
        Of the labels, from their origin on.
    """
    total = np.sum(parts, axis=0)
    total /= total[0, 0]
    mean, label = total[0, 1:-1], total[0, -1] - origin
    gram = total[1:-1, 1:-1] - share * np.outer(mean, mean)
    moment = total[1:-1, -1] - mean * (origin + share * label)
    size = total[-1, -1] - total[0, -1] ** 2 + (1 - share) * label**2
    return Quadratic(size, gram, moment), mean, label


def of_triangles(parts: list[np.ndarray], share: float, origin: float) -> Problem:
    """As `of_moments`, of what `triangle` returns."""
    factor = np.asarray(np.linalg.qr(np.concatenate(parts), mode="r"))
    factor = factor / factor[0, 0]
    mean, label = factor[0, 1:-1], factor[0, -1] - origin
    rest, target = factor[1:, 1:-1], factor[1:, -1]
    if share < 1:
        left = np.sqrt(1 - share)
        rest = np.concatenate([rest, left * mean[None]])
        target = np.append(target, left * label)
    return Quadratic(target @ target, factor=rest, target=target), mean, label


def of_rows(tile: np.ndarray, y, weights, share: float, origin: float) -> Problem:
    """As `of_moments`, of few rows, all of them in one tile."""
    weights = weights / weights.sum()
    mean, label = weights @ tile, weights @ y - origin
    root = np.sqrt(weights)
    bent = 1 - np.sqrt(1 - share)
    factor = (tile - bent * mean) * root[:, None]
    target = (y - origin - bent * label) * root
    return Quadratic(target @ target, factor=factor, target=target), mean, label
