"""Plain values in a folder: one JSON document, and a ``.npy`` file for each array.

Nothing that is read is run: no pickle, no name of a class that is looked up. What can
be written is None, bool, int, float, str, bytes, lists, tuples, dicts, NumPy's scalars
and arrays (those of objects, if these are plain) and SciPy's CSR rows; it is read back
as the same types and the same bits.
"""

from __future__ import annotations

import base64
import json
import math
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._state import FORMAT_VERSION
from sklearn_sagemaker.exceptions import ModelFormatError, StoredStateError

DOCUMENT = "values.json"
"""Written last: a folder without it was not written to its end."""
DEEPEST = 50
"""No value that is written here nests as deep."""
MOST_JSON = 1 << 30
"""Bytes of the document."""
CHUNK = 1 << 24
# A dict has "$" keys only for what JSON lacks; other dicts are dicts.
_MARK = "$"


def write_values(folder: str | os.PathLike[str], values: dict[str, Any]) -> None:
    """Write plain values into a new folder, which appears whole or not at all.

    Parameters
    ----------
    folder : str or path-like
        Is made; an older one of this name is replaced.
    values : dict
        Plain values by name.

    Raises
    ------
    OSError
        If the folder cannot be made, or the disk is full.
    TypeError
        If a value is not plain; the message names where it is.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.plain_values import read_values, write_values
    >>> with tempfile.TemporaryDirectory() as root:
    ...     folder = os.path.join(root, "state")
    ...     write_values(folder, {"coef": np.ones(2), "names": ("a", "b")})
    ...     read_values(folder)
    {'coef': array([1., 1.]), 'names': ('a', 'b')}
    """
    target = Path(folder)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        arrays: list[dict[str, Any]] = []

        def store(array: np.ndarray) -> int:
            arrays.append(_write_array(temporary / f"{len(arrays)}.npy", array))
            return len(arrays) - 1

        found = {"values": _encoded(values, store, "values", 0)}
        document = {"format_version": FORMAT_VERSION, **found, "arrays": arrays}
        with open(temporary / DOCUMENT, "w", encoding="ascii") as handle:
            json.dump(document, handle, allow_nan=False)
            handle.flush()
            os.fsync(handle.fileno())
        _replace(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _replace(temporary: Path, target: Path) -> None:
    """Rename a folder, over an older one too, which a rename alone does not."""
    if target.is_dir() and not target.is_symlink():
        older = target.with_name(f".{target.name}.{os.getpid()}.older")
        shutil.rmtree(older, ignore_errors=True)
        os.replace(target, older)
        os.replace(temporary, target)
        shutil.rmtree(older, ignore_errors=True)
    else:
        os.replace(temporary, target)


class _Counted:
    """A file that counts and sums up what is written to it."""

    def __init__(self, handle: Any):
        self._handle, self.size, self.crc = handle, 0, 0

    def write(self, data: Any) -> int:
        self.size += memoryview(data).nbytes
        self.crc = zlib.crc32(data, self.crc)
        return self._handle.write(data)


def _write_array(path: Path, array: np.ndarray) -> dict[str, Any]:
    """Write one ``.npy`` file; returns its size and CRC-32."""
    with open(path, "wb") as handle:
        counted = _Counted(handle)
        np.lib.format.write_array(counted, np.asarray(array), allow_pickle=False)
        handle.flush()
        os.fsync(handle.fileno())
    return {"size": counted.size, "crc32": counted.crc}


def _encoded(
    value: Any, store: Callable[[np.ndarray], int], place: str, depth: int
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


def read_values(
    folder: str | os.PathLike[str], *, mmap: bool = False
) -> dict[str, Any]:
    """Read what `write_values` wrote.

    Parameters
    ----------
    folder : str or path-like
    mmap : bool, default=False
        Whether arrays stay on disk until they are used; then the sums of their bytes
        are not compared.

    Returns
    -------
    values : dict

    Raises
    ------
    ModelFormatError
        If a newer version of the package wrote it.
    StoredStateError
        If it is damaged, or was not written to its end; the message names the file.
    """
    root = Path(folder)
    document = _read_document(root)
    sizes = document["arrays"]

    def load(number: Any) -> np.ndarray:
        if type(number) is not int or not 0 <= number < len(sizes):
            raise _damaged(root / DOCUMENT, f"names an array {number!r}")
        return _read_array(root / f"{number}.npy", sizes[number], mmap)

    try:
        values = _decoded(document["values"], load, 0)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        if isinstance(error, StoredStateError):
            raise
        raise _damaged(root / DOCUMENT, f"{type(error).__name__}") from None
    if not isinstance(values, dict):
        raise _damaged(root / DOCUMENT, "holds no values by name")
    return values


def _read_document(root: Path) -> dict[str, Any]:
    path = root / DOCUMENT
    try:
        if path.stat().st_size > MOST_JSON:
            raise _damaged(path, f"has more than {MOST_JSON} bytes")
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise StoredStateError(
            f"{path}: does not exist; the folder is another one, or was not written to "
            "its end."
        ) from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, StoredStateError):
            raise
        raise _damaged(path, "is no JSON") from None
    version = document.get("format_version") if isinstance(document, dict) else None
    if type(version) is not int or not isinstance(document.get("arrays"), list):
        raise _damaged(path, "does not say its format")
    if version > FORMAT_VERSION:
        raise ModelFormatError(
            f"{path} is of format {version}; this version of sklearn_sagemaker reads "
            f"formats up to {FORMAT_VERSION}: install the version that wrote it."
        )
    return document


def _read_array(path: Path, entry: Any, mmap: bool) -> np.ndarray:
    """One array, compared with the size and sum that were noted when it was written."""
    try:
        size, crc = entry["size"], entry["crc32"]
        if path.stat().st_size != size:
            raise _damaged(path, "has another size")
        if not mmap:
            found = 0
            with open(path, "rb") as handle:
                while chunk := handle.read(CHUNK):
                    found = zlib.crc32(chunk, found)
            if found != crc:
                raise _damaged(path, "has another CRC-32")
        large = mmap and size > CHUNK
        return np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
    except FileNotFoundError:
        raise _damaged(path, "does not exist") from None
    except (KeyError, TypeError, ValueError, EOFError) as error:
        if isinstance(error, StoredStateError):
            raise
        raise _damaged(path, f"{type(error).__name__}") from None


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
        return (sp.csr_matrix if old else sp.csr_array)(parts, shape=tuple(shape))
    raise ValueError(f"unknown mark {mark!r}")


def _damaged(path: Path, fault: str) -> StoredStateError:
    return StoredStateError(
        f"{path}: is damaged ({fault}); write or copy the folder again."
    )
