"""How mini-batches are cut, for several threads to share."""

from __future__ import annotations

from typing import NamedTuple

from sklearn_sagemaker._kernels import RowReader, kernels

MOST_PARTS = 8
"""Parts that a mini-batch is cut into at most: as many threads have work there..."""
DENSE_ROWS = 75
"""... but of dense rows at least so many each, since a part costs a gradient of its
own: 4 parts of 300 rows, or 8 of 1,000, take 3 % longer than 2. A power of two, for
as many threads to have as much each..."""
SPLIT_ROWS = 64
"""... and a batch of fewer rows is whole."""
SLICE_ROWS = 8
"""Dense rows of a slice at least, which costs no more than a row of sums."""
MEMBER_WORK = 250_000
"""Multiplications of a batch that are worth a thread more, where a part has several:
some ten microseconds, of which meetings take two or three..."""
OF_MARGIN = 48
"""... and of which the loss of a margin takes as long as so many."""
GATHERED_BYTES = 64 << 20
"""Gathered rows of two batches at most."""


class Cut(NamedTuple):
    """What a mini-batch is cut into, and how many threads share it, and how."""

    parts: int
    """Of rows, with a gradient each."""
    slices: int
    """Of rows, with sums of slopes and losses each: as many in each part."""
    members: int
    spread: bool
    """Whether members share slices and then features of gathered rows, not parts."""


def row_parts(n_rows: int, sparse: bool) -> int:
    """Parts that the mini-batches of a pass are cut into, the largest of so many rows.

    Never a matter of threads, so that results are none.

    Parameters
    ----------
    n_rows : int
    sparse : bool
        Whether rows are CSR.

    Returns
    -------
    n_parts : int

    Examples
    --------
    >>> [row_parts(n_rows, sparse=False) for n_rows in (63, 64, 500, 1000)]
    [1, 2, 4, 8]
    >>> row_parts(64, sparse=True)
    8
    """
    if n_rows < SPLIT_ROWS:
        return 1
    return MOST_PARTS if sparse else _power_of_two(n_rows // DENSE_ROWS, 2)


def _power_of_two(most: int, least: int) -> int:
    """The largest that is no more than so many, nor than parts can be."""
    return 1 << (min(max(most, least), MOST_PARTS).bit_length() - 1)


def cut_batches(
    reader: RowReader, n_rows: int, n_columns: int, narrow: bool, threads: int
) -> Cut:
    """How so many threads share the mini-batches of a pass.

    Results depend on parts and slices, which are the same for any number of threads.

    Parameters
    ----------
    reader : RowReader
    n_rows : int
        Of the largest mini-batch.
    n_columns : int
    narrow : bool
        Whether they train column by column.
    threads : int
        At hand.

    Returns
    -------
    cut : Cut
    """
    d, parts = reader.n_features, row_parts(n_rows, reader.sparse)
    if reader.sparse or narrow:
        return Cut(parts, parts, min(threads, parts), False)
    slices = _power_of_two(n_rows // SLICE_ROWS, parts)
    if kernels.can_spread() and 2 * n_rows * d * reader.dtype.itemsize < GATHERED_BYTES:
        work = n_rows * n_columns * (d + OF_MARGIN)
        members = min(threads, slices, work // MEMBER_WORK)
        if members > parts:
            return Cut(parts, slices, members, True)
    return Cut(parts, slices, min(threads, parts), False)
