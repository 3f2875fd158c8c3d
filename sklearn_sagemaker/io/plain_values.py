"""Plain values in a file: a zip of one JSON document and a ``.npy`` file an array.

Nothing that is read is run: no pickle, no name of a class that is looked up. What can
be written is None, bool, int, float, str, bytes, lists, tuples, dicts, NumPy's scalars
and arrays (those of objects, if these are plain) and SciPy's CSR rows; it is read back
as the same types and the same bits. One file appears at once, on a disk as in a bucket
that a folder is copied to.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._sparse import checked_csr
from sklearn_sagemaker._state import FORMAT_VERSION
from sklearn_sagemaker.exceptions import ModelFormatError, StoredStateError
from sklearn_sagemaker.io.atomic import replacing
from sklearn_sagemaker.io.opening import file_name, open_file

DOCUMENT = "values.json"
DEEPEST = 50
"""No value that is written here nests as deep."""
CHUNK = 1 << 24
HASHING = 4
"""Threads; hashing lets go of the interpreter's lock."""
# A dict has "$" keys only for what JSON lacks; other dicts are dicts.
_MARK = "$"
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, TypeError,
    ValueError, IndexError, OverflowError, RuntimeError, NotImplementedError,
    AttributeError, RecursionError, OSError,
)  # fmt: skip
"""What damaged bytes raise in zipfile, NumPy, SciPy and json."""


def write_values(path: str | os.PathLike[str], values: dict[str, Any]) -> None:
    """Write plain values into a file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        An older file of this name is replaced.
    values : dict
        Plain values by name.

    Raises
    ------
    OSError
        If the file cannot be written, or the disk is full.
    TypeError
        If a value is not plain; the message names where it is.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.plain_values import read_values, write_values
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "state.zip")
    ...     write_values(path, {"coef": np.ones(2), "names": ("a", "b")})
    ...     read_values(path)
    {'coef': array([1., 1.]), 'names': ('a', 'b')}
    """
    with replacing(path) as temporary, open(temporary, "wb") as handle:
        for piece in encoded(values):
            handle.write(piece)


def encoded(values: dict[str, Any]) -> Iterator[bytes | memoryview]:
    """The bytes of the file that `write_values` writes, piece by piece.

    Parameters
    ----------
    values : dict
        Plain values by name. Arrays are not copied but for pieces of those that are
        not contiguous.

    Yields
    ------
    piece : bytes-like
        Valid until the next one is asked for.

    Raises
    ------
    TypeError
        If a value is not plain, before the first piece.
    """
    arrays: list[np.ndarray] = []

    def store(array: np.ndarray) -> int:
        arrays.append(array)
        return len(arrays) - 1

    found = _encoded(values, store, "values", 0)
    document = {"format_version": FORMAT_VERSION, "values": found}
    text = json.dumps(document, allow_nan=False)
    out = _Pieces()
    with zipfile.ZipFile(out, "w") as archive:  # type: ignore[call-overload]
        archive.writestr(DOCUMENT, text)
        for number, array in enumerate(arrays):
            with archive.open(f"{number}.npy", "w", force_zip64=True) as member:
                header = np.lib.format.header_data_from_array_1_0(array)
                np.lib.format.write_array_header_1_0(member, header)
                for part in _parts(array):
                    member.write(part)
                    yield from out.taken()
    yield from out.taken()


class _Pieces:
    """A file that nothing can be read from but what was written last."""

    def __init__(self) -> None:
        self._pieces: list[Any] = []

    def write(self, piece: Any) -> int:
        self._pieces.append(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> list[Any]:
        found, self._pieces = self._pieces, []
        return found


def _parts(array: np.ndarray) -> Iterator[memoryview]:
    """The bytes of an array as a ``.npy`` file has them."""
    turned = array.flags.f_contiguous and not array.flags.c_contiguous
    rows = np.atleast_1d(array.T if turned else array)
    if not rows.size:
        return
    if rows.flags.c_contiguous:
        flat = rows.reshape(-1).view(np.uint8)
        for start in range(0, len(flat), CHUNK):
            yield flat[start : start + CHUNK].data
        return
    # Without a copy of all of it.
    step = max(1, CHUNK // max(1, rows[:1].nbytes))
    for start in range(0, len(rows), step):
        part = np.ascontiguousarray(rows[start : start + step])
        yield part.reshape(-1).view(np.uint8).data


def digest_of(value: Any) -> str:
    """SHA-256 of a plain value: the same for the same types, bits and layouts.

    Parameters
    ----------
    value : object
        As for `write_values`.

    Returns
    -------
    digest : str
        64 hexadecimal digits.

    Raises
    ------
    TypeError
        If it is not plain.

    Examples
    --------
    >>> from sklearn_sagemaker.io.plain_values import digest_of
    >>> digest_of([1, "a"])[:8], digest_of((1, "a"))[:8]
    ('4a72386a', 'e146c91b')
    """
    text = json.dumps(_encoded(value, _array_digest, "value", 0), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def quick_digest_of(value: Any) -> str:
    """SHA-256 of a plain value, by several threads: another number than `digest_of`.

    Parameters
    ----------
    value : object
        As for `write_values`. Large arrays are hashed part by part, and then their
        parts' digests.

    Returns
    -------
    digest : str
        64 hexadecimal digits.

    Raises
    ------
    TypeError
        If it is not plain.
    """
    with ThreadPoolExecutor(HASHING) as pool:

        def digest(array: np.ndarray) -> Any:
            whole = array.flags.c_contiguous or array.flags.f_contiguous
            if array.nbytes <= CHUNK or not whole:
                return _array_digest(array)
            parts = pool.map(_sha256, _parts(array))
            turned = not array.flags.c_contiguous
            return [array.dtype.str, list(array.shape), turned, *parts]

        found = _encoded(value, digest, "value", 0)
    text = json.dumps(found, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _sha256(part: memoryview) -> str:
    return hashlib.sha256(part).hexdigest()


def _array_digest(array: np.ndarray) -> str:
    turned = array.flags.f_contiguous and not array.flags.c_contiguous
    found = hashlib.sha256(repr((array.dtype.str, array.shape, turned)).encode())
    for part in _parts(array):
        found.update(part)
    return found.hexdigest()


def _encoded(
    value: Any, store: Callable[[np.ndarray], Any], place: str, depth: int
) -> Any:
    """A value as JSON has it; arrays go to ``store``."""
    if depth > DEEPEST:
        raise TypeError(f"{place} nests deeper than {DEEPEST}, which no value may.")

    def inner(part: Any, name: Any) -> Any:
        return _encoded(part, store, f"{place}[{name!r}]", depth + 1)

    if isinstance(value, np.memmap):
        value = np.asarray(value)
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        return [inner(part, i) for i, part in enumerate(value)]
    if kind is tuple:
        return {"$tuple": [inner(part, i) for i, part in enumerate(value)]}
    if kind is dict:
        if all(type(key) is str and not key.startswith(_MARK) for key in value):
            return {key: inner(part, key) for key, part in value.items()}
        pairs = [[inner(key, key), inner(part, key)] for key, part in value.items()]
        return {"$dict": pairs}
    if kind is bytes:
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, np.generic) and value.dtype.kind != "O":
        return {"$scalar": store(np.asarray(value))}
    if kind is np.ndarray and value.dtype.kind == "O":
        parts = [inner(part, i) for i, part in enumerate(value.ravel().tolist())]
        return {"$objects": [list(value.shape), parts]}
    if kind is np.ndarray:
        return {"$array": store(value)}
    if kind in (sp.csr_array, sp.csr_matrix):
        parts = [store(part) for part in (value.data, value.indices, value.indptr)]
        return {"$csr": [*parts, list(value.shape), kind is sp.csr_matrix]}
    raise TypeError(
        f"{place} is a {kind.__module__}.{kind.__qualname__}, which is no plain value: "
        "only numbers, text, arrays and containers of them can be written."
    )


def read_values(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `write_values` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    values : dict

    Raises
    ------
    ModelFormatError
        If a newer version of the package wrote it.
    OSError
        If the file cannot be read.
    StoredStateError
        If it is damaged, cut short, or another file; the message names it.
    """
    with open_file(file_name(path)) as handle:
        return _checked(handle, str(path))


def values_of(data: bytes | memoryview, name: str) -> dict[str, Any]:
    """Read the bytes of a file that `write_values` wrote.

    Parameters
    ----------
    data : bytes-like
    name : str
        What messages call it.

    Returns
    -------
    values : dict

    Raises
    ------
    ModelFormatError, StoredStateError
        As of `read_values`.
    """
    return _checked(io.BytesIO(data), name)


def _checked(handle: BinaryIO, name: str) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(handle) as archive:
            return _read(archive, name)
    except ModelFormatError:
        raise
    except _DAMAGE as error:
        text = f"{type(error).__name__}: {str(error)[:80]}"
        raise StoredStateError(
            f"{name}: is damaged, or no file of stored values ({text}); write or "
            "copy it again."
        ) from None


def _read(archive: zipfile.ZipFile, path: str) -> dict[str, Any]:
    for entry in archive.infolist():
        # Stored members are no larger than the file.
        if entry.compress_type or entry.file_size != entry.compress_size:
            raise ValueError("a member is compressed")
    document = json.loads(archive.read(DOCUMENT))
    version = document["format_version"]
    if type(version) is not int:
        raise ValueError("it does not say its format")
    if version > FORMAT_VERSION:
        raise ModelFormatError(
            f"{path} is of format {version}; this version of sklearn_sagemaker reads "
            f"formats up to {FORMAT_VERSION}: install the version that wrote it."
        )

    def load(number: Any) -> np.ndarray:
        if type(number) is not int:
            raise ValueError(f"an array is called {number!r}")
        # Not by way of bytes: rows are as large as memory allows.
        with archive.open(f"{number}.npy") as member:
            array = np.lib.format.read_array(member, allow_pickle=False)
            # What is read to its end has its checksum compared.
            if member.read(1):
                raise ValueError("an array is longer than it says")
        return array

    values = _decoded(document["values"], load, 0)
    if not isinstance(values, dict):
        raise ValueError("it holds no values by name")
    return values


def _decoded(value: Any, load: Callable[[Any], np.ndarray], depth: int) -> Any:
    """The way back from JSON."""
    if depth > 2 * DEEPEST:
        raise ValueError("nests too deep")

    def inner(part: Any) -> Any:
        return _decoded(part, load, depth + 1)

    if isinstance(value, list):
        return [inner(part) for part in value]
    if not isinstance(value, dict):
        return value
    if not any(key.startswith(_MARK) for key in value):
        return {key: inner(part) for key, part in value.items()}
    ((mark, found),) = value.items()
    if mark == "$float":
        return float(found)
    if mark == "$tuple":
        return tuple(inner(part) for part in found)
    if mark == "$dict":
        return {inner(key): inner(part) for key, part in found}
    if mark == "$bytes":
        return base64.b64decode(found, validate=True)
    if mark == "$scalar":
        return load(found)[()]
    if mark == "$array":
        return load(found)
    if mark == "$objects":
        shape, parts = found
        filled = np.empty(len(parts), dtype=object)
        for place, part in enumerate(parts):
            filled[place] = inner(part)
        return filled.reshape(shape)
    if mark == "$csr":
        data, indices, indptr, shape, old = found
        parts = load(data), load(indices), load(indptr)
        rows = (sp.csr_matrix if old else sp.csr_array)(parts, shape=tuple(shape))
        # Kernels go where the indices say.
        return checked_csr(rows)
    raise ValueError(f"unknown mark {mark!r}")
