"""Opening files for writing: compressed or not, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from sklearn_sagemaker.io.atomic import replacing
from sklearn_sagemaker.io.compression import compression_of

Target = str | os.PathLike[str] | BinaryIO
"""Where bytes go: a path, or a file object that is open for writing bytes."""


@contextmanager
def writing(target: Target) -> Iterator[BinaryIO]:
    """Open a file that appears when the block ends without an error.

    Parameters
    ----------
    target : str, path-like or binary file object
        A path that ends in ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` is compressed.
        A file object is written to as it is, and left open.

    Yields
    ------
    handle : binary file object
    """
    if not isinstance(target, (str, os.PathLike)):
        yield target
        return
    with (
        replacing(target) as temporary,
        temporary.open("wb") as handle,
        packing(handle, target) as packed,
    ):
        yield packed


@contextmanager
def packing(handle: BinaryIO, target: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """The file itself, or one that packs into it if the name of the target says so.

    Parameters
    ----------
    handle : binary file object
    target : str or path-like

    Yields
    ------
    handle : binary file object
    """
    kind = compression_of(target)
    if kind is None:
        yield handle
        return
    with kind.pack(handle) as compressed:
        yield cast(BinaryIO, compressed)
