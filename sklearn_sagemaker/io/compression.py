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


COMPRESSIONS = (
    Compression(
        "gzip",
        ".gz",
        lambda handle: gzip.GzipFile(fileobj=handle),
        # No name and no time inside: equal rows make equal bytes.
        lambda handle: gzip.GzipFile("", "wb", 6, handle, mtime=0),
    ),
    Compression("bzip2", ".bz2", bz2.open, partial(bz2.open, mode="wb")),
    Compression("xz", ".xz", lzma.open, partial(lzma.open, mode="wb")),
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
