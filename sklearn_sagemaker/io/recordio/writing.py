"""RecordIO-protobuf files: rows out, byte for byte as SageMaker's SDK writes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from scipy import sparse

from sklearn_sagemaker._sparse import checked_csr
from sklearn_sagemaker.io.atomic import replacing
from sklearn_sagemaker.io.opening import file_name, is_gzip
from sklearn_sagemaker.io.recordio._codec import TAGS, Encoder
from sklearn_sagemaker.io.recordio.frames import HEADER
from sklearn_sagemaker.io.rows import Rows, check_count, cut_rows
from sklearn_sagemaker.io.writing import packing, writing

__all__ = ["RecordIOWriter", "write_recordio"]

TensorType = Literal["float32", "float64", "int32"]

CHUNK = 2**18
"""Bytes encoded before they are written, if a row is not longer: they stay in cache."""

CAST_AT_ONCE = 2**20
"""Values that are cast to another type at once."""

LARGEST_INTEGER = 2**24
"""Above it float32 skips whole numbers."""

# The SDK's map of types, and int32, which it refuses though it has a tensor for it.
_OWN_TYPES = {"int64": "int32", "int32": "int32", "float64": "float64"}
_OWN_TYPES["float32"] = "float32"


def write_recordio(
    target: str | os.PathLike[str] | BinaryIO | None,
    X: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    dtype: TensorType | None = "float32",
    shards: int | None = None,
) -> bytes | list[Path] | None:
    """Write rows as RecordIO-protobuf records, which SageMaker's algorithms train on.

    Parameters
    ----------
    target : path, binary file object, or None
        A path appears whole or not at all, compressed if it ends in ``.gz``. A file
        object is written to from where it stands. None returns the bytes.
    X : array-like or sparse matrix of shape (n_rows, n_features)
        Sparse formats other than CSR are converted. Stored zeros, the order of keys
        and NaN are kept.
    y : array-like of shape (n_rows,) or None, default=None
        Numeric labels, under the key "values".
    sample_weight : array-like of shape (n_rows,) or None, default=None
        Under the label key "weights", which this package reads and SageMaker's
        algorithms do not know. They may come without y.
    dtype : {"float32", "float64", "int32"} or None, default="float32"
        Type of the tensors. SageMaker's Linear Learner and Factorization Machines
        accept float32 only. "int32" writes the features, and labels of an integer
        type, as integers, other labels as float32. None keeps the types of X and y as
        the SDK does: int64 to int32, float64 and float32 as they are.
    shards : int or None, default=None
        Write so many files of ``n_rows // shards`` rows, the last one with the rest,
        as the SDK's ``record_set`` does: ``matrix.pbr`` becomes ``matrix_0.pbr`` and
        so on, with as many digits as the number of shards.

    Returns
    -------
    result : bytes, list of Path, or None
        The bytes if ``target`` is None, the paths in order if ``shards`` is given.

    Raises
    ------
    ValueError
        If shapes do not agree, a value does not fit the type (a whole number beyond
        int32 or with a fraction, a float64 beyond float32, a label that float32
        would change), labels are not finite numbers, or there are no rows.
    TypeError
        If ``target`` cannot be written to.

    See Also
    --------
    read_recordio : The other direction.

    Notes
    -----
    The bytes are those of ``write_numpy_to_dense_tensor`` and
    ``write_spmatrix_to_sparse_tensor`` (``serializer_utils.py`` of SageMaker's Python
    SDK 2.257.7) for an array of the same type: dense rows have values only, sparse ones
    values, keys and shape, in this order.

    Examples
    --------
    >>> from sklearn_sagemaker.io import write_recordio
    >>> data = write_recordio(None, [[1.5, 16.0, 14.0, 23.0]], [1.0])
    >>> len(data), data[:8].hex()
    (60, '0a23d7ce34000000')
    """
    X = check_matrix(X)
    y = check_column("y", y, X.shape[0])
    sample_weight = check_column("sample_weight", sample_weight, X.shape[0])
    if X.shape[0] == 0:
        raise ValueError("X has no rows; a file of records needs at least one.")
    if shards is not None:
        return _write_shards(target, Rows(X, y, sample_weight), dtype, shards)
    rows = Rows(X, y, sample_weight)
    if target is None:
        check_dtype(dtype)
        parts = [encoder.to_bytes() for encoder in encoders(rows, dtype)]
        return parts[0] if len(parts) == 1 else b"".join(parts)
    with RecordIOWriter(target, dtype=dtype) as writer:
        writer._write_checked(rows)
    return None


def shard_bounds(n_rows: int, shards: int) -> list[tuple[int, int]]:
    """First row and row after the last of each shard, as ``record_set`` splits.

    Parameters
    ----------
    n_rows, shards : int

    Returns
    -------
    bounds : list of (int, int)
    """
    shards = check_count("shards", shards)
    if shards > n_rows:
        raise ValueError(f"shards={shards} is more than the number of rows, {n_rows}.")
    size = n_rows // shards
    starts = [i * size for i in range(shards)]
    return list(zip(starts, [*starts[1:], n_rows], strict=True))


def shard_names(name: str, shards: int) -> list[str]:
    """Names of the shards of a file: ``_0``, ``_1``, ... before its suffixes."""
    ending = ".gz" if is_gzip(name) else ""
    stem, suffix = os.path.splitext(name[: len(name) - len(ending)])
    ending = suffix + name[len(name) - len(ending) :]
    digits = len(str(shards))
    return [f"{stem}_{i:0{digits}d}{ending}" for i in range(shards)]


def _write_shards(
    target: Any, rows: Rows, dtype: TensorType | None, shards: int
) -> list[Path]:
    if not isinstance(target, (str, os.PathLike)):
        raise TypeError(
            f"shards={shards} needs a path, of which it makes the names of the files; "
            f"got {type(target).__name__}."
        )
    bounds = shard_bounds(len(rows), shards)
    paths = [Path(name) for name in shard_names(file_name(target), shards)]
    with ExitStack() as stack:
        # All files or none: they get their names when the last one is written.
        places = [stack.enter_context(replacing(path)) for path in paths]
        for (start, stop), place, path in zip(bounds, places, paths, strict=True):
            with (
                open(place, "wb") as handle,
                packing(handle, path) as packed,
                RecordIOWriter(packed, dtype=dtype) as writer,
            ):
                writer._write_checked(cut_rows(rows, slice(start, stop)))
    return paths


class RecordIOWriter:
    """Write rows as they come.

    Parameters
    ----------
    target : path or binary file object
        A path appears when the ``with`` block ends, or not at all if it fails.
    dtype : {"float32", "float64", "int32"} or None, default="float32"
        As for `write_recordio`.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.recordio.writing import RecordIOWriter
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> target = io.BytesIO()
    >>> with RecordIOWriter(target) as writer:
    ...     for batch in np.array_split(np.eye(4), 2):
    ...         writer.write(Rows(batch))
    >>> len(target.getvalue())
    160
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | BinaryIO,
        *,
        dtype: TensorType | None = "float32",
    ):
        check_dtype(dtype)
        if not isinstance(target, (str, os.PathLike)) and not hasattr(target, "write"):
            raise TypeError(
                f"records cannot be written to {type(target).__name__}; give a path or "
                "a binary file object."
            )
        self.target, self.dtype = target, dtype
        self._stack = ExitStack()
        self._handle: Any = None
        self._layout: tuple[Any, ...] | None = None
        self._buffer = np.empty(0, np.uint8)

    def __enter__(self) -> RecordIOWriter:
        with ExitStack() as stack:
            self._handle = stack.enter_context(writing(self.target))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> bool | None:
        self._handle = None
        return self._stack.__exit__(*error)

    def write(self, rows: Rows) -> None:
        """Write some rows.

        Parameters
        ----------
        rows : Rows
            Of the same width and kind as those before, with labels and weights if
            those had them.

        Raises
        ------
        ValueError
            As `write_recordio`.
        """
        if self._handle is None:
            raise ValueError("the writer is not open; use it in a with statement.")
        X = check_matrix(rows.X)
        y = check_column("y", rows.y, X.shape[0])
        weight = check_column("sample_weight", rows.sample_weight, X.shape[0])
        layout = (sparse.issparse(X), X.shape[1], y is not None, weight is not None)
        if self._layout not in (None, layout):
            raise ValueError(
                "rows must be alike in all of a file: (sparse, features, labels, "
                f"weights) were {self._layout} and are now {layout}."
            )
        self._layout = layout
        self._write_checked(Rows(X, y, weight))

    def _write_checked(self, rows: Rows) -> None:
        for encoder in encoders(rows, self.dtype):
            self._write_all(encoder)

    def _write_all(self, encoder: Encoder) -> None:
        if type(self._handle) is BytesIO and not self._handle.getbuffer().nbytes:
            _fill(self._handle, encoder.to_bytes())
        else:
            self._write_pieces(encoder)

    def _write_pieces(self, encoder: Encoder) -> None:
        encoder.check()
        room = max(CHUNK, encoder.largest + HEADER.size + 3)
        if room > len(self._buffer):
            self._buffer = np.empty(room, np.uint8)
        start = 0
        while start < encoder.n_rows:
            size, count = encoder.write(start, self._buffer)
            assert count  # there is room for the largest record
            start += count
            rest = self._buffer[:size].data
            while rest:
                # An unbuffered file may take less than it is given.
                done = self._handle.write(rest)
                rest = rest[done:] if isinstance(done, int) else rest[:0]


def _fill(target: BytesIO, data: bytes) -> None:
    """Write to an empty file in memory that shares the bytes until it is changed."""
    if target.tell():
        # Zeros come first.
        target.write(data)
        return
    BytesIO.__init__(target, data)
    target.seek(len(data))


def check_dtype(dtype: object) -> None:
    """Refuse a type that has no tensor."""
    if dtype not in ("float32", "float64", "int32", None):
        raise ValueError(
            f"dtype={dtype!r} is not one of 'float32', 'float64', 'int32', None."
        )


def check_matrix(X: Any) -> Any:
    """X as a numeric table, dense or CSR."""
    X = checked_csr(X) if sparse.issparse(X) else np.asarray(X)
    if X.ndim != 2 or X.shape[1] == 0:
        raise ValueError(
            f"X has shape {X.shape}; records need a table of rows and features."
        )
    if X.dtype.kind not in "biuf":
        raise ValueError(
            f"X has dtype {X.dtype}; features must be real numbers: encode text first."
        )
    return X


def check_column(name: str, values: Any, n_rows: int) -> np.ndarray | None:
    """One finite number for each row."""
    if values is None:
        return None
    values = np.asarray(values)
    if values.shape != (n_rows,):
        raise ValueError(
            f"{name} has shape {values.shape}; X has {n_rows} rows, each needs one."
        )
    if values.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} has dtype {values.dtype}; records hold numbers: number text "
            "labels first, for example with LabelEncoder."
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"{name} has {values[row]} at row {row}; it must be finite.")
    return values


def check_whole_numbers(what: str, values: Any) -> None:
    """Refuse whole numbers that float32 may make others of.

    Parameters
    ----------
    what : str
        Their name, for the message.
    values : ndarray or sparse matrix

    Raises
    ------
    ValueError
    """
    values = values.data if sparse.issparse(values) else values
    if values.dtype.kind not in "iu" or not values.size:
        return
    for value in (values.min(), values.max()):
        if abs(int(value)) > LARGEST_INTEGER:
            raise ValueError(
                f"{what} has the whole number {value}; float32, which SageMaker's "
                f"algorithms train on, holds those up to {LARGEST_INTEGER:,} only. "
                "Number identifiers from 0, cast quantities to float, or choose "
                "dtype='int32'."
            )


def encoders(rows: Rows, dtype: TensorType | None) -> Iterator[Encoder]:
    """Encoders of the rows: one if they can be read as they are, else of a few each.

    Parameters
    ----------
    rows : Rows
        As `check_matrix` and `check_column` leave them.
    dtype : {"float32", "float64", "int32"} or None
    """
    X, n_rows = rows.X, len(rows)
    if not n_rows:
        return
    values, tensor = _features(X, dtype)
    as_is = values.dtype == tensor and (
        not _narrowed(X) if sparse.issparse(X) else X.flags.c_contiguous
    )
    step = n_rows
    if not as_is:
        step = max(CAST_AT_ONCE * n_rows // max(values.size, n_rows), 1)
    for start in range(0, n_rows, max(step, 1)):
        part = rows if step >= n_rows else cut_rows(rows, slice(start, start + step))
        yield _encoder(part, dtype, start)


def _encoder(rows: Rows, dtype: TensorType | None, first: int) -> Encoder:
    """An encoder of some rows, the first of which the user calls ``first``."""
    X, n_features = rows.X, rows.X.shape[1]
    values, tensor = _features(X, dtype)
    columns: dict[str, Any] = {}
    if rows.y is not None:
        columns["labels"], columns["label_tag"] = _labels(rows.y, dtype, first)
    if rows.sample_weight is not None:
        wanted = np.dtype("float64" if tensor == np.float64 else "float32")
        weights = _cast(rows.sample_weight, wanted, "sample_weight")
        columns["weights"] = weights.astype(np.float64)
        columns["weight_tag"] = TAGS[wanted]
    if sparse.issparse(X):
        columns["indptr"], columns["indices"] = _row_ends_and_keys(X)
    return Encoder(_cast(values, tensor, "X"), n_features, first=first, **columns)


def _narrowed(X: Any) -> bool:
    """Whether columns are made int32: all fit, and are another type."""
    return X.indices.dtype != np.int32 and X.shape[1] <= np.iinfo(np.int32).max


def _row_ends_and_keys(X: Any) -> tuple[np.ndarray, np.ndarray]:
    indices = np.ascontiguousarray(X.indices)
    if _narrowed(X):
        indices = indices.astype(np.int32)
    return X.indptr.astype(np.int64), indices


def _features(X: Any, dtype: TensorType | None) -> tuple[np.ndarray, np.dtype]:
    """The stored values, and the type that they are written in."""
    values = X.data if sparse.issparse(X) else X
    name = _OWN_TYPES.get(values.dtype.name) if dtype is None else dtype
    if name is None:
        raise ValueError(
            f"X has dtype {values.dtype}, which records cannot hold; choose "
            "dtype='float32'."
        )
    return values, np.dtype(name)


def _labels(
    y: np.ndarray, dtype: TensorType | None, first: int
) -> tuple[np.ndarray, int]:
    """Labels as float64, which holds all three types, and the tag of theirs."""
    name = dtype
    if dtype is None:
        name = _OWN_TYPES.get(y.dtype.name)  # type: ignore[assignment]
        if name is None:
            raise ValueError(
                f"y has dtype {y.dtype}, which records cannot hold; choose "
                "dtype='float32'."
            )
    elif dtype == "int32" and y.dtype.kind == "f":
        name = "float32"
    cast = _cast(y, np.dtype(name), "y")
    if y.dtype.kind in "iu" and cast.dtype.kind == "f":
        changed = np.flatnonzero(cast.astype(np.float64) != y.astype(np.float64))
        if len(changed):
            raise ValueError(
                f"y has {y[changed[0]]} at row {first + changed[0]}, which {name} "
                "cannot hold; number the classes from 0, or choose dtype='float64'."
            )
    return cast.astype(np.float64), TAGS[cast.dtype]


def _cast(values: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    """Values in another type, refused where that would make others of them."""
    if values.dtype == dtype:
        return np.ascontiguousarray(values)
    with np.errstate(over="ignore", invalid="ignore"):
        cast = np.ascontiguousarray(values.astype(dtype))
        if dtype.kind == "i":
            wrong = cast != values
            rule = "is not a whole number that int32 can hold"
        elif values.dtype.kind == "f" and values.itemsize > dtype.itemsize:
            wrong = np.isinf(cast) & np.isfinite(values)
            rule = f"is beyond the range of {dtype}"
        else:
            return cast
    if wrong.any():
        place = np.argwhere(wrong)[0]
        raise ValueError(
            f"{name} has {values[tuple(place)]}, which {rule}; choose another dtype, "
            "or scale it."
        )
    return cast
