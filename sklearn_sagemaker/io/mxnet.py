"""MXNet's files of arrays (``.params``), read and written with NumPy alone.

The layout is that of ``NDArray::Save`` and ``Load`` in MXNet's
``src/ndarray/ndarray.cc``, little-endian throughout. A list is

===================  ======================================================
uint64               0x112, then uint64 0
uint64               number of arrays, then the arrays
uint64               number of names: 0, or one for each array
each name            uint64 length, then its bytes
===================  ======================================================

and an array is a uint32 of its version (V1 ``0xF993FAC8``, V2 ``0xF993FAC9``, V3
``0xF993FACA``; any other number is V0 and the number of dimensions itself), then

===================  ======================================================
V2, V3               int32 storage type: 0 dense, 1 row_sparse, 2 csr
V2, V3, sparse       shape of the stored values
shape                int32 dimensions, int64 each; V0: uint32 each
device               int32 type, int32 number (read over)
type                 int32 flag: see ``TYPES``
V2, V3, sparse       for each index array: int32 type flag, shape
values               contiguous
V2, V3, sparse       the index arrays
===================  ======================================================

An array of no dimensions ends after its shape and is "none", but in V3, where it is a
scalar and "none" has -1 dimensions.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sklearn_sagemaker.exceptions import ArtifactError

LIST_MAGIC = 0x112
MAGICS = {1: 0xF993FAC8, 2: 0xF993FAC9, 3: 0xF993FACA}
VERSIONS = {magic: version for version, magic in MAGICS.items()}

TYPES: dict[int, np.dtype] = {
    0: np.dtype("<f4"),
    1: np.dtype("<f8"),
    2: np.dtype("<f2"),
    3: np.dtype("u1"),
    4: np.dtype("<i4"),
    5: np.dtype("i1"),
    6: np.dtype("<i8"),
    7: np.dtype("?"),
}
"""dtypes by MXNet's type flag."""
FLAGS = {dtype: flag for flag, dtype in TYPES.items()}

MAX_DIMENSIONS = 32
DENSE, ROW_SPARSE, CSR = 0, 1, 2


@dataclass(frozen=True, eq=False)
class RowSparse:
    """An array of which only some rows are stored; the others are zero.

    Attributes
    ----------
    shape : tuple of int
    indices : integer ndarray of shape (n_stored,)
        Numbers of the stored rows, ascending.
    data : ndarray of shape (n_stored, *shape[1:])
    """

    shape: tuple[int, ...]
    indices: np.ndarray
    data: np.ndarray

    @property
    def dtype(self) -> np.dtype:
        """Of the values."""
        return self.data.dtype

    def toarray(self) -> np.ndarray:
        """The whole array, zeros included."""
        dense = np.zeros(self.shape, self.data.dtype)
        dense[self.indices] = self.data
        return dense


@dataclass(frozen=True, eq=False)
class Csr:
    """A matrix in compressed sparse rows.

    Attributes
    ----------
    shape : tuple of two int
    indptr : integer ndarray of shape (shape[0] + 1,)
    indices : integer ndarray of shape (n_stored,)
    data : ndarray of shape (n_stored,)
    """

    shape: tuple[int, ...]
    indptr: np.ndarray
    indices: np.ndarray
    data: np.ndarray

    @property
    def dtype(self) -> np.dtype:
        """Of the values."""
        return self.data.dtype

    def toarray(self) -> np.ndarray:
        """The whole matrix, zeros included; of an entry stored twice, the sum."""
        dense = np.zeros(self.shape, self.data.dtype)
        rows = np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))
        np.add.at(dense, (rows, self.indices), self.data)
        return dense


Array: TypeAlias = np.ndarray | RowSparse | Csr | None


def read_ndarrays(
    source: bytes | memoryview, *, what: str = "NDArray list"
) -> dict[str, Array] | list[Array]:
    """Read a list of arrays, as ``mx.nd.load`` does.

    Parameters
    ----------
    source : bytes
        A whole ``.params`` file.
    what : str, default="NDArray list"
        What messages call it.

    Returns
    -------
    arrays : dict or list
        A dict if the arrays have names. Dense arrays are ndarrays, sparse ones
        `RowSparse` and `Csr`, "none" is None. No more memory is taken than the
        bytes justify: sparse arrays stay sparse.

    Raises
    ------
    ArtifactError
        If the bytes are no such list, are cut short or go on after it, or an index
        array does not fit its shape; the message has the array's number and the
        byte.

    Examples
    --------
    >>> import numpy as np
    >>> data = write_ndarrays({"arg:fc0_bias": np.array([0.5], np.float32)})
    >>> read_ndarrays(data)
    {'arg:fc0_bias': array([0.5], dtype=float32)}
    """
    reader = _Reader(source, what)
    magic, reserved, count = reader.numbers("<3Q", "header")
    if magic != LIST_MAGIC or reserved != 0:
        reader.fail(f"starts with {magic:#x}, {reserved:#x} instead of 0x112, 0x0", 0)
    # Each takes a version or number of dimensions at least, and no dimensions.
    if count > reader.left // 4:
        reader.fail(f"says it has {count} arrays in {reader.left} bytes", 16)
    arrays = []
    for number in range(count):
        reader.place = f"array {number}"
        arrays.append(_read_array(reader))
    reader.place = "names"
    start = reader.at
    (n_names,) = reader.numbers("<Q", "number of names")
    if n_names not in (0, count):
        reader.fail(f"has {n_names} names for {count} arrays", start)
    names = []
    for _ in range(n_names):
        start = reader.at
        (length,) = reader.numbers("<Q", "length of a name")
        try:
            names.append(bytes(reader.take(length, "name")).decode("utf-8"))
        except UnicodeDecodeError:
            reader.fail("has a name that is not UTF-8", start)
    if reader.left:
        reader.fail(f"has {reader.left} bytes after its end", reader.at)
    if not names:
        return arrays
    if len(set(names)) < len(names):
        reader.fail("has two arrays of one name", start)
    return dict(zip(names, arrays, strict=True))


def write_ndarrays(
    arrays: Mapping[str, Array] | Sequence[Array], *, version: int = 2
) -> bytes:
    """Write a list of arrays, as ``mx.nd.save`` does.

    Parameters
    ----------
    arrays : dict or sequence of ndarray, RowSparse, Csr or None
        float16, float32, float64, uint8, int8, int32, int64 or bool.
    version : {0, 1, 2, 3}, default=2
        Of each array's layout. MXNet 1.x writes 2; 3 is for NumPy semantics, where
        arrays may be scalars or empty. Only 2 is for sparse arrays.

    Returns
    -------
    data : bytes
        The same for the same arrays.

    Raises
    ------
    ArtifactError
        If the version cannot hold an array, or its dtype has no type flag.
    """
    if version not in (0, 1, 2, 3):
        raise ArtifactError(f"version={version!r} must be 0, 1, 2 or 3.")
    names: list[str] = list(arrays) if isinstance(arrays, Mapping) else []
    values = list(arrays.values()) if isinstance(arrays, Mapping) else arrays
    parts = [struct.pack("<3Q", LIST_MAGIC, 0, len(values))]
    for number, array in enumerate(values):
        place = repr(names[number]) if names else f"array {number}"
        parts += _array_parts(array, version, place)
    parts.append(struct.pack("<Q", len(names)))
    for name in names:
        encoded = name.encode("utf-8")
        parts += [struct.pack("<Q", len(encoded)), encoded]
    return b"".join(parts)


class _Reader:
    """A place in some bytes; whatever is read is there."""

    def __init__(self, source: bytes | memoryview, what: str):
        self.data = memoryview(source)
        self.what, self.place, self.at = what, "", 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def fail(self, fault: str, at: int) -> None:
        place = f", {self.place}" if self.place else ""
        raise ArtifactError(
            f"{self.what}{place} (byte {at}): {fault}; write or copy the file again."
        )

    def take(self, size: int, name: str) -> memoryview:
        if size > self.left:
            self.fail(f"{name} wants {size} bytes, {self.left} are left", self.at)
        self.at += size
        return self.data[self.at - size : self.at]

    def numbers(self, layout: str, name: str) -> tuple[int, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout), name))

    def shape(self, name: str, ndim: int | None = None, size: str = "q"):
        """The dimensions; None if there are -1 of them."""
        start = self.at
        if ndim is None:
            (ndim,) = self.numbers("<i", name)
        if ndim == -1:
            return None
        if not 0 <= ndim <= MAX_DIMENSIONS:
            self.fail(
                f"{name} has {ndim} dimensions, more than {MAX_DIMENSIONS}", start
            )
        shape = self.numbers(f"<{ndim}{size}", name)
        if any(length < 0 for length in shape):
            self.fail(f"{name} has a negative length {shape}", start)
        return shape

    def dtype(self) -> np.dtype:
        (flag,) = self.numbers("<i", "type flag")
        if flag not in TYPES:
            self.fail(f"type flag {flag} is not among 0 to {max(TYPES)}", self.at - 4)
        return TYPES[flag]

    def array(self, dtype: np.dtype, shape: tuple[int, ...], name: str) -> np.ndarray:
        # Python's integers: a product cannot overflow past the check.
        data = self.take(math.prod(shape) * dtype.itemsize, name)
        flat = np.frombuffer(data, np.uint8 if dtype.kind == "b" else dtype)
        # Whatever is not 0 is true; NumPy trusts that it is 1.
        flat = flat != 0 if dtype.kind == "b" else flat.copy()
        try:
            return flat.reshape(shape)
        except ValueError:  # empty, and other lengths beyond what NumPy counts
            self.fail(f"{name} cannot have shape {shape}", self.at)
            raise


def _read_array(reader: _Reader) -> Array:
    start = reader.at
    (magic,) = reader.numbers("<I", "version")
    version = VERSIONS.get(magic, 0)
    stype, stored = DENSE, None
    if version >= 2:
        (stype,) = reader.numbers("<i", "storage type")
        if stype not in (-1, DENSE, ROW_SPARSE, CSR):
            reader.fail(f"storage type {stype} is not 0, 1 or 2", reader.at - 4)
        if stype > DENSE:
            stored = reader.shape("shape of the values")
            if stored is None:
                reader.fail("shape of the values is unknown", start)
    if version == 0:
        if magic > MAX_DIMENSIONS:
            reader.fail(f"{magic:#x} is no version of an array", start)
        shape = reader.shape("shape", ndim=magic, size="I")
    else:
        shape = reader.shape("shape")
    if shape is None and version != 3:
        reader.fail("shape has -1 dimensions", start)
    if shape is None or (not shape and version != 3):
        return None
    reader.numbers("<2i", "device")
    dtype = reader.dtype()
    if stype <= DENSE:
        return reader.array(dtype, shape, "values")
    return _read_sparse(reader, stype, dtype, shape, stored, start)


def _read_sparse(reader, stype, dtype, shape, stored, start) -> RowSparse | Csr:
    wanted = 1 if stype == ROW_SPARSE else 2
    aux = []
    for _ in range(wanted):
        kind = reader.dtype()
        if kind.kind not in "iu":
            reader.fail(f"indices are {kind}, which are no whole numbers", start)
        aux.append((kind, reader.shape("shape of the indices")))
    if any(lengths is None or len(lengths) != 1 for _, lengths in aux):
        reader.fail("indices must have one dimension", start)
    data = reader.array(dtype, stored, "values")
    found = [reader.array(kind, lengths, "indices") for kind, lengths in aux]
    if stype == ROW_SPARSE:
        array: RowSparse | Csr = RowSparse(shape, found[0], data)
    else:
        array = Csr(shape, found[0], found[1], data)
    fault = _fault(array)
    if fault:
        reader.fail(fault, start)
    return array


def _fault(array: RowSparse | Csr) -> str:
    """What is wrong with the indices of a sparse array; "" if nothing."""
    shape, data, indices = array.shape, array.data, array.indices
    if isinstance(array, RowSparse):
        if not shape or data.shape != (len(indices), *shape[1:]):
            return f"values of shape {data.shape} are no rows of an array of {shape}"
        if len(indices) and (
            indices.min() < 0 or indices.max() >= shape[0] or _descends(indices)
        ):
            return f"row numbers do not ascend within 0 to {shape[0] - 1}"
        return ""
    indptr = array.indptr
    if len(shape) != 2 or data.ndim != 1 or len(data) != len(indices):
        return f"{data.shape} values, {indices.shape} columns make no matrix of {shape}"
    if len(indptr) != shape[0] + 1 or indptr[0] != 0 or indptr[-1] != len(indices):
        return f"indptr does not divide {len(indices)} values into {shape[0]} rows"
    if (indptr[1:] < indptr[:-1]).any():
        return "indptr descends"
    if len(indices) and (indices.min() < 0 or indices.max() >= shape[1]):
        return f"columns lie outside 0 to {shape[1] - 1}"
    return ""


def _descends(indices: np.ndarray) -> bool:
    return bool((indices[1:] <= indices[:-1]).any())


def _little(values: np.ndarray, place: str) -> tuple[int, bytes]:
    """Type flag and bytes of an array."""
    dtype = values.dtype.newbyteorder("<")
    if dtype not in FLAGS:
        names = ", ".join(str(one) for one in TYPES.values())
        raise ArtifactError(
            f"{place} has dtype {values.dtype}, which MXNet's files have no flag for; "
            f"convert it to one of {names}."
        )
    return FLAGS[dtype], np.ascontiguousarray(values, dtype=dtype).tobytes()


def _shape_bytes(shape: tuple[int, ...]) -> bytes:
    return struct.pack(f"<i{len(shape)}q", len(shape), *shape)


def _array_parts(array: Array, version: int, place: str) -> list[bytes]:
    """The pieces of one array in the file."""
    sparse = isinstance(array, (RowSparse, Csr))
    if sparse and version != 2:
        raise ArtifactError(
            f"{place} is sparse, which MXNet reads in version 2 only, not in {version}."
        )
    if isinstance(array, (RowSparse, Csr)):
        fault = _fault(array)
        if fault:
            raise ArtifactError(f"{place}: {fault}.")
    shape = None if array is None else tuple(array.shape)
    if shape is not None and version < 3 and (not shape or 0 in shape):
        raise ArtifactError(
            f"{place} has shape {shape}: only version 3 holds scalars and empty arrays."
        )
    parts = [struct.pack("<I", MAGICS[version])] if version else []
    if version >= 2:
        stype = ROW_SPARSE if isinstance(array, RowSparse) else CSR if sparse else DENSE
        parts.append(struct.pack("<i", stype))
    if array is None or shape is None:
        return [*parts, struct.pack("<i", -1 if version == 3 else 0)]
    values = array.data if isinstance(array, (RowSparse, Csr)) else np.asarray(array)
    if sparse:
        parts.append(_shape_bytes(values.shape))
    if version == 0:
        if max(shape) > 0xFFFFFFFF:
            raise ArtifactError(f"{place} is too long for version 0: {shape}.")
        parts.append(struct.pack(f"<{len(shape) + 1}I", len(shape), *shape))
    else:
        parts.append(_shape_bytes(shape))
    flag, data = _little(values, place)
    parts.append(struct.pack("<3i", 1, 0, flag))  # on the first CPU
    tail = [data]
    if isinstance(array, (RowSparse, Csr)):
        both = (array.indptr,) if isinstance(array, Csr) else ()
        for index in (*both, array.indices):
            kind, stored = _little(index, place)
            parts += [struct.pack("<i", kind), _shape_bytes(index.shape)]
            tail.append(stored)
    return parts + tail
