"""Arrays of an ``.npz`` file, read and written piece by piece."""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tokenize import TokenError
from typing import Any, cast

import numpy as np

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.opening import check_file, check_unpacked, open_file, reading

PIECE = 1 << 20
"""Bytes that are copied out of the archive at once: what a processor caches."""

LONGEST_HEADER = 10_000
"""Bytes of an array's header; NumPy takes no more."""

MOST_DEFLATED = 1032
"""Bytes that a byte of a compressed file can stand for."""


@contextmanager
def open_archive(path: str) -> Iterator[Archive]:
    """An ``.npz`` file; each way it can be damaged is a `DataFileError`."""
    check_file(path)
    with reading(path), ExitStack() as streams:
        handle = streams.enter_context(open_file(path))
        if not zipfile.is_zipfile(handle):
            raise DataFileError(
                f"{path}: is not an .npz file, or is cut short; write one with "
                "numpy.savez."
            )
        try:
            archive = streams.enter_context(zipfile.ZipFile(handle))
            in_file = os.fstat(handle.fileno()).st_size
            yield Archive(path, archive, streams, in_file)
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

    Attributes
    ----------
    path : str
    files : list of str
        Names of all that is in it.
    names : list of str
        Its arrays.
    """

    def __init__(
        self, path: str, archive: zipfile.ZipFile, streams: ExitStack, in_file: int
    ):
        self.path, self._archive, self._streams = path, archive, streams
        self._in_file, self._unpacked = in_file, 0
        self.files = archive.namelist()
        self.names = [
            name.removesuffix(".npy") for name in self.files if name.endswith(".npy")
        ]

    def member(self, name: str) -> Member:
        """One of the arrays, at its beginning."""
        info = self._archive.getinfo(name + ".npy")
        check_entry(self.path, name, info, self._in_file)
        # Of all, as several may be of the same bytes.
        self._unpacked += info.file_size
        check_unpacked(self.path, self._in_file, self._unpacked)
        stream = self._streams.enter_context(self._archive.open(info))
        return Member(self.path, name, cast(io.BufferedIOBase, stream), info.file_size)


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


class Member:
    """An array of an archive, read from its beginning to its end.

    Parameters
    ----------
    path, name : str
        File and array, for messages.
    stream : binary file object
    size : int
        Its bytes.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    fortran_order : bool

    Raises
    ------
    DataFileError
        If the array holds Python objects, or its shape does not fit its size in the
        file. Only then is memory asked for.

    Notes
    -----
    The layout is that of `numpy.lib.format`: a magic string, a version, the length of
    a header, the header (a Python literal) and the numbers.
    """

    def __init__(self, path: str, name: str, stream: io.BufferedIOBase, size: int):
        self.path, self.name, self._stream = path, name, stream
        try:
            version = np.lib.format.read_magic(self._stream)
            read, width = {
                (1, 0): (np.lib.format.read_array_header_1_0, 2),
                (2, 0): (np.lib.format.read_array_header_2_0, 4),
            }[version]
            # NumPy reads all of a header, before it finds it too long.
            length = self._stream.read(width)
            header = self._stream.read(
                min(int.from_bytes(length, "little"), LONGEST_HEADER)
            )
            self.shape, self.fortran_order, self.dtype = read(
                io.BytesIO(length + header)
            )
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
            raise DataFileError(self._damaged()) from error
        if self.dtype.hasobject or self.dtype.subdtype:
            raise DataFileError(self._damaged())
        self.n_items = math.prod(self.shape)
        expected = self._stream.tell() + self.n_items * self.dtype.itemsize
        if min(self.shape, default=0) < 0 or size != expected:
            raise DataFileError(
                f"{self.path}: the array {name!r} has shape {self.shape} and dtype "
                f"{self.dtype}, which is not the size it has in the file; save it "
                "again."
            )
        self._left = self.n_items

    def _damaged(self) -> str:
        return (
            f"{self.path}: the array {self.name!r} holds Python objects or is damaged; "
            "save it as an array of numbers or text."
        )

    def take(self, n_items: int) -> np.ndarray:
        """The next items, in the order of the file, in the machine's byte order."""
        items = np.empty(n_items, self.dtype)
        if self.dtype.itemsize and n_items:
            view = items.view(np.uint8)
            for start in range(0, len(view), PIECE):
                self._fill(view[start : start + PIECE])
        self._left -= n_items
        # At the end the archive compares its checksum.
        if not self._left and self._stream.read(1):
            raise zipfile.BadZipFile(f"{self.name!r} is longer than it is said to be")
        return items.astype(self.dtype.newbyteorder("="), copy=False)

    def _fill(self, view: Any) -> None:
        done = 0
        while done < len(view):
            got = self._stream.readinto(view[done:])
            if not got:
                raise zipfile.BadZipFile(f"{self.name!r} is cut short")
            done += got

    def rows(self, n_rows: int) -> np.ndarray:
        """The next items along the first axis of an array in C order."""
        tail = self.shape[1:]
        return self.take(n_rows * math.prod(tail)).reshape(n_rows, *tail)

    def whole(self) -> np.ndarray:
        """All of the array, which must be small or be needed at once."""
        items = self.take(self.n_items)
        if self.fortran_order:
            return items.reshape(self.shape[::-1]).transpose()
        return items.reshape(self.shape)


class Staged:
    """An array of unknown length in a temporary file."""

    def __init__(self, file: Any):
        self._file = file
        self._parts: list[tuple[np.dtype, int]] = []

    @property
    def dtype(self) -> np.dtype:
        """The dtype that holds all parts; labels may get longer, or fractions."""
        return np.result_type(*{dtype for dtype, _ in self._parts})

    @property
    def n_items(self) -> int:
        """How many were added."""
        return sum(n_items for _, n_items in self._parts)

    def add(self, values: np.ndarray) -> None:
        """Put values behind those before.

        Raises
        ------
        ValueError
            If only some of them are text.
        """
        values = np.ascontiguousarray(values)
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        if self._parts and (values.dtype.kind == "U") != (
            self._parts[-1][0].kind == "U"
        ):
            raise ValueError(
                "some labels are text and some are numbers; give all rows labels of "
                "one kind."
            )
        self._file.write(values.reshape(-1).view(np.uint8).data if values.size else b"")
        n_items = values.size
        if self._parts and self._parts[-1][0] == values.dtype:
            n_items += self._parts.pop()[1]
        self._parts.append((values.dtype, n_items))

    def pieces(self, dtype: np.dtype) -> Iterator[np.ndarray]:
        """All of it again, as one dtype."""
        self._file.seek(0)
        for stored, n_items in self._parts:
            at_once = max(1, PIECE // max(stored.itemsize, dtype.itemsize, 1))
            for start in range(0, n_items, at_once):
                n = min(at_once, n_items - start)
                values = np.frombuffer(self._file.read(n * stored.itemsize), stored)
                yield values.astype(dtype, copy=False)


def add_array(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    pieces: Any,
) -> None:
    """Write an array as `numpy.savez` does, but without the time of day.

    Parameters
    ----------
    archive : ZipFile
        Open for writing.
    name : str
    shape : tuple of int
    dtype : dtype
    pieces : iterable of ndarray
        Of this dtype; together they have the shape, in C order.
    """
    info = zipfile.ZipInfo(name + ".npy")
    info.compress_type = archive.compression
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    # Its size is not said ahead, so leave room for more than 4 GiB.
    with archive.open(info, "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for piece in pieces:
            member.write(piece.tobytes())
