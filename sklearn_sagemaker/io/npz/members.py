"""The arrays of an ``.npz`` file: their sizes are checked, and then they are loaded."""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tokenize import TokenError
from typing import IO

import numpy as np

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.opening import (
    check_file,
    check_unpacked,
    most_loaded,
    open_file,
    reading,
    too_much_to_load,
)

LONGEST_HEADER = 10_000
"""Bytes of an array's header; NumPy takes no more."""

MOST_DEFLATED = 1032
"""Bytes that a byte of a compressed file can stand for."""

REMEDY = (
    "convert it to a format that is read in pieces (sklearn-sagemaker convert IN "
    "OUT.pbr), save X as .npy and pass numpy.load(PATH, mmap_mode='r') as X"
)
"""What to do with arrays that are too large."""


@contextmanager
def open_archive(path: str, memory: int | None = None) -> Iterator[Archive]:
    """An ``.npz`` file; each way it can be damaged is a `DataFileError`.

    Parameters
    ----------
    path : str
    memory : int or None, default=None
        Bytes of arrays that may be loaded; None is what this machine has.
    """
    check_file(path)
    with reading(path), open_file(path) as handle:
        if not zipfile.is_zipfile(handle):
            raise DataFileError(
                f"{path}: is not an .npz file, or is cut short; write one with "
                "numpy.savez."
            )
        try:
            with zipfile.ZipFile(handle) as archive:
                in_file = os.fstat(handle.fileno()).st_size
                yield Archive(path, archive, in_file, most_loaded(memory))
        except DataFileError:
            raise
        # zipfile lets the errors of what it builds on through.
        except (
            zlib.error,
            struct.error,
            EOFError,
            ValueError,
            OverflowError,
            RuntimeError,
        ) as error:
            raise zipfile.BadZipFile(error) from error


class Archive:
    """An open ``.npz`` file.

    Parameters
    ----------
    path : str
    archive : ZipFile
    in_file : int
        Bytes of the file.
    most : int
        Bytes of arrays that may be loaded.

    Attributes
    ----------
    path : str
    names : list of str
        Its arrays. Whatever else is in it is never looked at.
    """

    def __init__(self, path: str, archive: zipfile.ZipFile, in_file: int, most: int):
        self.path, self._archive = path, archive
        self._in_file, self._most = in_file, most
        self.names = [
            name.removesuffix(".npy")
            for name in archive.namelist()
            if name.endswith(".npy")
        ]

    def load(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """Some of the arrays, in the machine's byte order.

        Raises
        ------
        DataFileError
            If one holds Python objects, its shape does not fit its size in the file, or
            they have more bytes than may be loaded. Only then is memory asked for.
        """
        infos = {name: self._archive.getinfo(f"{name}.npy") for name in names}
        for name, info in infos.items():
            check_entry(self.path, name, info, self._in_file)
            with self._archive.open(info) as stream:
                check_header(self.path, name, stream, info.file_size)
        # Of all, as several may be of the same bytes.
        size = sum(info.file_size for info in infos.values())
        check_unpacked(self.path, self._in_file, size)
        if size > self._most:
            raise too_much_to_load(self.path, self._most, REMEDY)
        arrays = {}
        for name, info in infos.items():
            with self._archive.open(info) as stream:
                array = np.lib.format.read_array(stream, allow_pickle=False)
            arrays[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
        return arrays


def check_entry(path: str, name: str, info: zipfile.ZipInfo, in_file: int) -> None:
    """Refuse what NumPy does not write, and sizes that the file cannot have."""
    if info.flag_bits & 1:
        raise DataFileError(
            f"{path}: the array {name!r} is encrypted; save it with numpy.savez."
        )
    most = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: MOST_DEFLATED}.get(
        info.compress_type
    )
    if most is None:
        raise DataFileError(
            f"{path}: the array {name!r} is compressed in a way that NumPy does not "
            "write; save it with numpy.savez_compressed."
        )
    if info.compress_size > in_file or info.file_size > most * info.compress_size:
        raise zipfile.BadZipFile(f"{name!r} is said to be larger than it is")


def check_header(path: str, name: str, stream: IO[bytes], size: int) -> None:
    """Refuse an array of Python objects, or of another size than its shape's.

    The layout is that of `numpy.lib.format`: a magic string, a version, the length of
    a header, the header (a Python literal) and the numbers.

    Parameters
    ----------
    path, name : str
        File and array, for messages.
    stream : binary file object
        At the beginning of the array.
    size : int
        Its bytes.

    Raises
    ------
    DataFileError
    """
    damaged = (
        f"{path}: the array {name!r} holds Python objects or is damaged; save it as an "
        "array of numbers or text."
    )
    try:
        version = np.lib.format.read_magic(stream)
        read, width = {
            (1, 0): (np.lib.format.read_array_header_1_0, 2),
            (2, 0): (np.lib.format.read_array_header_2_0, 4),
        }[version]
        # NumPy reads all of a header, before it finds it too long.
        length = stream.read(width)
        header = stream.read(min(int.from_bytes(length, "little"), LONGEST_HEADER))
        shape, _, dtype = read(io.BytesIO(length + header))
    # What Python's parser and tokenizer raise is not told by NumPy.
    except (
        ValueError,
        KeyError,
        TypeError,
        SyntaxError,
        RecursionError,
        MemoryError,
        TokenError,
    ) as error:
        raise DataFileError(damaged) from error
    if dtype.hasobject or dtype.subdtype:
        raise DataFileError(damaged)
    expected = stream.tell() + math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size != expected:
        raise DataFileError(
            f"{path}: the array {name!r} has shape {shape} and dtype {dtype}, which is "
            "not the size it has in the file; save it again."
        )
