"""Compressed files, by the ending of their names."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from sklearn_sagemaker._optional import import_optional


@dataclass(frozen=True)
class Compression:
    """One kind.

    Attributes
    ----------
    name : str
    ending : str
    unpack : callable
        Makes of a binary file one that reads what is packed in it.
    pack : callable
        Makes of a binary file one that packs what is written.
    """

    name: str
    ending: str
    unpack: Callable[[BinaryIO], Any]
    pack: Callable[[BinaryIO], Any]


def _zstd(stream: str, handle: BinaryIO) -> Any:
    pa = import_optional("pyarrow", "data", "files of zstd (.zst)")
    return getattr(pa, stream)(pa.PythonFile(handle), "zstd")


class _Streams:
    """Streams of bzip2 or xz that follow each other, as parallel packers write them.

    Python's own readers take a stream that is damaged, behind the first, for the end.

    Parameters
    ----------
    make : callable
        Makes a decompressor of one stream.
    handle : binary file object
    """

    def __init__(self, make: Callable[[], Any], handle: BinaryIO):
        self._make, self._handle = make, handle
        self._stream = make()

    def readinto(self, space: memoryview) -> int:
        """Unpack as much as there is room for, or less; nothing at the end."""
        data = packed = b""
        while not data:
            if self._stream.eof:
                # Zeros may follow a stream.
                packed = self._stream.unused_data.lstrip(b"\0")
                while not packed:
                    packed = self._handle.read(_PACKED)
                    if not packed:
                        return 0
                    packed = packed.lstrip(b"\0")
                self._stream = self._make()
            elif self._stream.needs_input:
                packed = self._handle.read(_PACKED)
                if not packed:
                    raise EOFError("it ends before its last stream does")
            data, packed = self._stream.decompress(packed, len(space)), b""
        space[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Leave the file open, as other readers do."""


_PACKED = 1 << 16
"""Bytes that are read at once."""

COMPRESSIONS = (
    Compression(
        "gzip",
        ".gz",
        lambda handle: gzip.GzipFile(fileobj=handle),
        # No name and no time inside: equal rows make equal bytes.
        lambda handle: gzip.GzipFile("", "wb", 6, handle, mtime=0),
    ),
    Compression(
        "bzip2",
        ".bz2",
        partial(_Streams, bz2.BZ2Decompressor),
        partial(bz2.open, mode="wb"),
    ),
    Compression(
        "xz",
        ".xz",
        partial(_Streams, lzma.LZMADecompressor),
        partial(lzma.open, mode="wb"),
    ),
    Compression(
        "zstd",
        ".zst",
        lambda handle: _zstd("CompressedInputStream", handle),
        lambda handle: _zstd("CompressedOutputStream", handle),
    ),
)

FAULTS = (gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError)
"""What unpacking raises if a file is not whole, beside plain OSError."""


def compression_of(path: str | os.PathLike[str]) -> Compression | None:
    """How a file is compressed, by its name: for reading and for writing."""
    name = os.fspath(path).lower()
    found = (one for one in COMPRESSIONS if name.endswith(one.ending))
    return next(found, None)
