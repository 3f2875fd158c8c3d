"""A pass of a block over rows: the memory that it takes, and its ranges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import Columns, RowReader, kernels
from sklearn_sagemaker.training.linear.layout import Layout
from sklearn_sagemaker.training.linear.parts import cut_batches
from sklearn_sagemaker.training.memory import aligned_zeros


class WorkSpace:
    """Arrays that passes of a block work in, kept from one to the next.

    Parameters
    ----------
    reader : RowReader
        Rows like those of the passes.
    lazy : bool
        Whether weights catch up when a row stores their feature.
    """

    def __init__(self, reader: RowReader, lazy: bool):
        self._lazy = lazy
        self._gradients = np.empty((0, 0), dtype=reader.dtype)
        self._gathered = np.empty((0, reader.n_features), dtype=reader.dtype)
        self._space = np.empty(0, dtype=np.uint8)

    def of(
        self,
        columns: Columns,
        layout: Layout,
        reader: RowReader,
        extents: tuple[int, int, int],
        threads: int,
    ) -> tuple[dict[str, Any], int]:
        """Arrays of a pass, and how many threads share it.

        Parameters
        ----------
        columns, layout : object
            Of the block.
        reader : RowReader
        extents : tuple of int
            Of the mini-batches.
        threads : int
            At hand.

        Returns
        -------
        arrays : dict
            As of `Batches`.
        members : int
        """
        n_parts, n_slices, members, spread = cut_batches(
            reader, extents[0], layout.used, layout.narrow, threads
        )
        size = kernels.space_bytes(columns, reader, extents, self._lazy, members)
        if size > len(self._space):
            self._space = np.empty(size, dtype=np.uint8)
        d, dtype = reader.n_features, layout.dtype
        shape = (0, 0) if reader.sparse else (n_parts, d * layout.ld)
        if self._gradients.shape != shape:
            self._gradients = aligned_zeros(shape, dtype)
        gathered = slopes = np.empty((0, 0), dtype=dtype)
        if spread:
            if len(self._gathered) < 2 * extents[0]:
                self._gathered = aligned_zeros((2 * extents[0], d), dtype)
            gathered = self._gathered
            slopes = aligned_zeros((extents[0], layout.ld), dtype)
        arrays = {
            "extents": extents,
            "gradients": self._gradients,
            "part_sums": aligned_zeros((n_slices, 2 * layout.ld), dtype),
            "space": self._space,
            "gathered": gathered,
            "slopes": slopes,
        }
        return arrays, members


def catch_up_ranges(
    layout: Layout, rates: np.ndarray, masked: np.ndarray
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Ranges of mini-batches, with the tables by which weights catch up.

    A range ends before the running product of (1 - lr wd) could underflow.

    Parameters
    ----------
    layout : Layout
    rates : array of shape (n_batches, ld)
    masked : int32 array of shape (n_batches,)
        As of `Batches`.

    Yields
    ------
    first, last : int
    products, sums : float64 arrays of shape (last - first + 1, ld)
        As of `Batches`.
    """
    rates = rates.astype(np.float64)
    for fold in range(1, layout.n_fits):
        rates[masked == fold, layout.columns_of_fit(fold)] = 0.0
    shrink = np.maximum(1.0 - rates * layout.penalties[0], 1e-30)
    threshold = rates * layout.penalties[1]
    first = 0
    while first < len(rates):
        depth = -np.cumsum(np.log(shrink[first:]), axis=0).max(axis=1)
        last = first + max(1, int(np.searchsorted(depth, 200.0)))
        product = np.ones((last - first + 1, rates.shape[1]))
        product[1:] = np.cumprod(shrink[first:last], axis=0)
        total = np.zeros_like(product)
        total[1:] = np.cumsum(threshold[first:last] / product[1:], axis=0)
        yield first, last, product, total
        first = last
