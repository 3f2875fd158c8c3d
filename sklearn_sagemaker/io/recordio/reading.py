"""RecordIO-protobuf files: rows in, whole or in batches.

A file is a row of records without header or trailer. Each is the magic number
0xCED7230A, a length, so many bytes of a protobuf message ``Record``
(`sklearn_sagemaker.io.recordio.record_messages`), and zeros up to a multiple of four.
The three high bits of the length tell a whole record (0) from the first, a middle and
the last part of one (1, 2, 3). Byte order is little-endian. Sources: ``recordio.h`` of
dmlc-core, ``recordio_header.cc`` of awslabs/ml-io, and ``serializer_utils.py`` of
SageMaker's Python SDK 2.257.7.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sklearn_sagemaker._sparse import summed
from sklearn_sagemaker.exceptions import RecordIOError
from sklearn_sagemaker.io.recordio._codec import Decoder, Status
from sklearn_sagemaker.io.recordio.frames import (
    ByteWindow,
    canonical_record,
    cut_short,
    fault_at,
    open_window,
    parse,
    read_parts,
)
from sklearn_sagemaker.io.rows import Rows, check_count

__all__ = ["iter_recordio", "iter_records", "iter_rows", "read_recordio"]

Path = str | os.PathLike[str]
Source = Path | Sequence[Path] | BinaryIO | bytes | bytearray | memoryview

EVERYTHING = 2**62
"""More rows than there can be."""


def read_recordio(
    source: Source, *, n_features: int | None = None
) -> tuple[Any, np.ndarray | None]:
    """Read RecordIO-protobuf records, as SageMaker's algorithms take them.

    Parameters
    ----------
    source : path, sequence of paths, binary file object, or bytes-like
        Files whose name ends in ``.gz`` are decompressed. Several files are read one
        after the other, as the parts of one table. A file object is read from where
        it stands to its end.
    n_features : int or None, default=None
        Number of columns. None takes it from the first record. Sparse records may
        have a smaller shape than this, or none; dense ones must have as many values.

    Returns
    -------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
        CSR if the records have keys; float32, float64 or int32, as their tensors.
        Rows of unsorted keys are sorted and values of the same key are summed, as
        SciPy does. NaN and infinities are handed on.
    y : ndarray of shape (n_rows,) or None
        The labels under the key "values", of their tensors' type (float64 if they
        differ); None if no record has one.

    Raises
    ------
    RecordIOError
        If the bytes are no whole records, there is no record, or records do not
        agree (dense or sparse, type, number of features, having a label); it has the
        number of the record and the offset of its first byte.
    DataFileError
        If the file cannot be opened or decompressed.

    See Also
    --------
    iter_recordio : Batch by batch, for files larger than memory.
    iter_records : The messages themselves, with all their fields.
    write_recordio : The other direction.

    Notes
    -----
    What other writers may do is read as well: fields in another order, numbers that
    are not packed, unknown fields, ``uid`` and ``metadata``, features and labels under
    other keys (left alone), records in parts.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io import read_recordio, write_recordio
    >>> data = write_recordio(None, np.array([[1.5, 16.0], [14.0, 23.0]]), [1, 0])
    >>> X, y = read_recordio(data)
    >>> X
    array([[ 1.5, 16. ],
           [14. , 23. ]], dtype=float32)
    >>> y
    array([1., 0.], dtype=float32)
    """
    rows = next(iter_rows(source, EVERYTHING, n_features=n_features))
    return rows.X, rows.y


def iter_recordio(
    source: Source, batch_size: int, *, n_features: int | None = None
) -> Iterator[tuple[Any, np.ndarray | None]]:
    """Read RecordIO-protobuf records in batches, with flat memory.

    Parameters
    ----------
    source : path, sequence of paths, binary file object, or bytes-like
        As for `read_recordio`.
    batch_size : int
        Rows of a batch; the last one may have fewer. Batches run on from one file to
        the next.
    n_features : int or None, default=None
        As for `read_recordio`.

    Yields
    ------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,) or None

    Raises
    ------
    RecordIOError, DataFileError
        As `read_recordio`; rows of whole batches before the fault come first.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io import iter_recordio, write_recordio
    >>> data = write_recordio(None, np.eye(5), np.arange(5))
    >>> for X, y in iter_recordio(data, batch_size=2):
    ...     print(X.shape, y)
    (2, 5) [0. 1.]
    (2, 5) [2. 3.]
    (1, 5) [4.]
    """
    for rows in iter_rows(source, batch_size, n_features=n_features):
        yield rows.X, rows.y


def iter_rows(
    source: Source, batch_size: int, *, n_features: int | None = None
) -> Iterator[Rows]:
    """Read batches as `iter_recordio` does, with sample weights.

    Parameters
    ----------
    source : path, sequence of paths, binary file object, or bytes-like
    batch_size : int
    n_features : int or None, default=None

    Yields
    ------
    rows : Rows
        ``sample_weight`` holds the labels under the key "weights".
    """
    batch_size = check_count("batch_size", batch_size)
    if n_features is not None:
        n_features = check_count("n_features", n_features)
    parts = list(source) if isinstance(source, (list, tuple)) else [source]
    if not parts:
        raise ValueError("the list of files is empty; name at least one.")
    return _iter_rows(parts, batch_size, n_features)


def _iter_rows(
    parts: list[Any], batch_size: int, n_features: int | None
) -> Iterator[Rows]:
    decoder = Decoder(-1 if n_features is None else n_features)
    found = False
    for part in parts:
        with open_window(part) as window:
            while _fill(decoder, window, batch_size):
                found = True
                yield _rows(decoder)
            name = window.name
    if decoder.n_rows:
        yield _rows(decoder)
    elif not found:
        raise RecordIOError("is empty; it needs at least one record.", 0, 0, name)


def iter_pieces(
    path: Path, piece_bytes: int, *, n_features: int | None = None
) -> Iterator[tuple[int, Rows]]:
    """Read a file in pieces of about the same size, and say where they end.

    The bytes from the end of one piece to that of the next are records of their own,
    so that they can be read again alone.

    Parameters
    ----------
    path : str or path-like
        Not compressed.
    piece_bytes : int
        Bytes of a piece, by the mean size of the records before it.
    n_features : int or None, default=None

    Yields
    ------
    stop : int
        Offset behind the piece.
    rows : Rows
    """
    decoder = Decoder(-1 if n_features is None else n_features)
    with open_window(path) as window:
        more, wanted = True, 1
        while more:
            more = _fill(decoder, window, wanted)
            if decoder.n_rows:
                yield window.offset, _rows(decoder)
                wanted = max(1, piece_bytes * window.record // window.offset)


def iter_records(source: Source) -> Iterator[Any]:
    """Read the protobuf messages one by one, with all their fields.

    Parameters
    ----------
    source : path, sequence of paths, binary file object, or bytes-like
        As for `read_recordio`.

    Yields
    ------
    record : sklearn_sagemaker.io.recordio.record_messages.Record
        With ``features``, ``label``, ``uid``, ``metadata`` and ``configuration``.

    Raises
    ------
    RecordIOError, DataFileError
        As `read_recordio`.

    Examples
    --------
    >>> from sklearn_sagemaker.io import iter_records, write_recordio
    >>> record, = iter_records(write_recordio(None, [[1.5, 16.0]]))
    >>> list(record.features["values"].float32_tensor.values)
    [1.5, 16.0]
    """
    for record, _ in walk_records(source):
        yield record


def walk_records(source: Source) -> Iterator[tuple[Any, ByteWindow]]:
    """Messages as `iter_records` reads them, and the window that stands at each."""
    from sklearn_sagemaker.io.recordio.record_messages import Record

    for part in source if isinstance(source, (list, tuple)) else [source]:
        with open_window(part) as window:
            while len(window) or window.more():
                parts, size = read_parts(window)
                try:
                    record = parse(parts, Record)
                except ValueError as error:
                    raise window.error(str(error)) from error
                yield record, window
                window.start += size
                window.record += 1


def _fill(decoder: Decoder, window: ByteWindow, max_rows: int) -> bool:
    """Decode until there are max_rows rows (True) or the window ends (False)."""
    while True:
        before = decoder.n_rows
        status = decoder.feed(
            window.data,
            window.start,
            window.stop,
            max_rows,
            max(window.size - window.offset, 0),
        )
        window.record += decoder.n_rows - before
        window.start = decoder.position
        if status == Status.FULL:
            return True
        if status == Status.STARVED:
            if not window.more():
                if len(window):
                    raise cut_short(window)
                return False
        elif status == Status.FAULT:
            raise fault_at(window, decoder.fault, decoder.found, decoder.expected)
        else:
            _decode_slowly(decoder, window, max_rows)


def _decode_slowly(decoder: Decoder, window: ByteWindow, max_rows: int) -> None:
    """Take one record through protobuf."""
    parts, size = read_parts(window)
    try:
        data = canonical_record(parts)
    except ValueError as error:
        raise window.error(str(error)) from error
    # It makes room for all rows to come: one by one, each would copy those before.
    left = max(window.size - window.offset, len(data))
    status = decoder.feed(np.frombuffer(data, np.uint8), 0, len(data), max_rows, left)
    if status == Status.FAULT:
        raise fault_at(window, decoder.fault, decoder.found, decoder.expected)
    if decoder.position != len(data):
        raise window.error("cannot be read as a row.")
    window.start += size
    window.record += 1


def _rows(decoder: Decoder) -> Rows:
    values, indices, indptr, ordered, y, sample_weight = decoder.take()
    if indptr is None:
        return Rows(values, y, sample_weight)
    if len(values) <= np.iinfo(np.int32).max and indices.dtype == np.int32:
        indptr = indptr.astype(np.int32)
    else:
        indices = indices.astype(np.int64, copy=False)
    X = sparse.csr_matrix(
        (values, indices, indptr), shape=(len(indptr) - 1, decoder.width), copy=False
    )
    if ordered:
        X.has_sorted_indices = X.has_canonical_format = True
    else:
        try:
            X = summed(X)
        except ValueError as error:
            raise RecordIOError(str(error)) from error
    return Rows(X, y, sample_weight)
