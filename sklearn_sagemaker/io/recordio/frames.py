"""Frames of RecordIO: bytes of a source through a window, and what is wrong in them."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np

from sklearn_sagemaker.exceptions import RecordIOError
from sklearn_sagemaker.io.opening import (
    file_name,
    is_gzip,
    open_bytes,
    open_file,
    reading,
)
from sklearn_sagemaker.io.recordio._codec import Fault

MAGIC = 0xCED7230A
HEADER = struct.Struct("<II")
LARGEST_PAYLOAD = 2**29 - 1
"""The length has 29 bits."""

MOST_PARTS = 2**16
"""Parts of a record; it is cut where the magic number stands in it, which is seldom."""

CHUNK = 2**18
"""Bytes read at once: they stay in the processor's cache until they are decoded."""


def frame(payload: bytes) -> bytes:
    """A whole record: header, payload and padding."""
    if len(payload) > LARGEST_PAYLOAD:
        raise ValueError(
            f"a record of {len(payload)} bytes is longer than RecordIO's "
            f"{LARGEST_PAYLOAD}."
        )
    return b"".join(
        (HEADER.pack(MAGIC, len(payload)), payload, bytes(-len(payload) % 4))
    )


class ByteWindow:
    """The bytes of a source that are in memory, ``data[start:stop]``.

    Parameters
    ----------
    data : bytes-like or None
        All of the source; None to read it from ``handle``.
    handle : binary file object or None
    name : str
        Of the source, for messages.
    size : int
        Bytes of the source, 0 if not known.
    """

    def __init__(
        self,
        data: Any = None,
        handle: BinaryIO | None = None,
        name: str = "",
        size: int = 0,
    ):
        self.handle, self.name, self.size = handle, name, size
        self.base = self.start = self.stop = 0
        self.record = 0
        if handle is None:
            self.data = np.frombuffer(data, np.uint8)
            self.size = self.stop = len(self.data)
        else:
            self.data = np.empty(CHUNK, np.uint8)

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def offset(self) -> int:
        """Where in the source ``start`` is."""
        return self.base + self.start

    def more(self) -> bool:
        """Read on, and move or enlarge the window if it is full; False at the end."""
        if self.handle is None:
            return False
        if self.start and (self.start == self.stop or self.stop == len(self.data)):
            kept = self.data[self.start : self.stop].copy()
            self.data[: len(kept)] = kept
            self.base += self.start
            self.start, self.stop = 0, len(kept)
        if self.stop == len(self.data):
            # Twice what has really come: a length in a header proves nothing.
            larger = np.empty(2 * len(self.data), np.uint8)
            larger[: self.stop] = self.data
            self.data = larger
        count = self._read_into(memoryview(self.data[self.stop :]))  # type: ignore[arg-type]
        self.stop += count
        return count > 0

    def _read_into(self, space: memoryview) -> int:
        handle: Any = self.handle
        if hasattr(handle, "readinto"):
            return handle.readinto(space) or 0
        chunk = handle.read(len(space))
        if isinstance(chunk, str):
            raise TypeError(
                "records need a file that is open for bytes; open it with mode 'rb'."
            )
        space[: len(chunk)] = chunk
        return len(chunk)

    def bytes_at(self, start: int, size: int) -> bytes:
        """Some bytes that are in memory, counted from ``start``."""
        first = self.start + start
        return self.data[first : min(first + size, self.stop)].tobytes()

    def error(self, message: str, ahead: int = 0) -> RecordIOError:
        """A fault in the record at ``start``, so many bytes ahead."""
        return RecordIOError(message, self.record, self.offset + ahead, self.name)


@contextmanager
def open_window(source: Any) -> Iterator[ByteWindow]:
    """Open a path (gzip by its suffix), a binary file object, or bytes."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield ByteWindow(source)
        return
    if not isinstance(source, (str, os.PathLike)):
        if not hasattr(source, "read"):
            raise TypeError(
                f"records cannot be read from {type(source).__name__}; give a path, a "
                "list of paths, a binary file object or bytes."
            )
        name = getattr(source, "name", "")
        name = name if isinstance(name, str) else ""
        with reading(name or "the file object"):
            if type(source) is BytesIO:
                # Its bytes are shared until someone writes to it.
                start = source.tell()
                data = memoryview(source.getvalue())[start:]
                source.seek(start + len(data))
                yield ByteWindow(data)
            else:
                yield ByteWindow(handle=source, name=name)
        return
    name = file_name(source)
    with reading(name):
        if is_gzip(name):
            with open_bytes(name) as unpacked:
                yield ByteWindow(handle=unpacked, name=name)
        else:
            with open_file(name, buffering=0) as handle:
                size = os.fstat(handle.fileno()).st_size
                yield ByteWindow(handle=handle, name=name, size=size)


def cut_short(window: ByteWindow, ahead: int = 0) -> RecordIOError:
    """What is wrong where a source ends too early."""
    rest = len(window) - ahead
    if rest >= 4:
        magic = int.from_bytes(window.bytes_at(ahead, 4), "little")
        if magic != MAGIC:
            return window.error(_bad_magic(window, magic), ahead)
    if rest < HEADER.size:
        return window.error(
            f"ends after {rest} of the {HEADER.size} bytes of a header; the file is "
            "cut short, or something follows its last record.",
            ahead,
        )
    _, word = HEADER.unpack(window.bytes_at(ahead, HEADER.size))
    length, rest = word & LARGEST_PAYLOAD, rest - HEADER.size
    if length > rest:
        return window.error(
            f"has a length of {length} bytes, but only {rest} are left; the file is "
            "cut short or damaged.",
            ahead,
        )
    return window.error(
        f"has {rest - length} of {-length % 4} bytes of padding; records are filled "
        "up with zeros to a multiple of 4 bytes.",
        ahead,
    )


def _bad_magic(window: ByteWindow, magic: int) -> str:
    text = f"starts with 0x{magic:08x} instead of the magic number 0x{MAGIC:08x}"
    if window.record:
        return (
            f"{text}; the length of the record before it is wrong, or bytes are lost."
        )
    if magic & 0xFFFF == 0x8B1F:
        return f"{text}; this is gzip: give the file a name that ends in .gz."
    return f"{text}; this is no RecordIO file."


def read_parts(window: ByteWindow) -> tuple[list[bytes], int]:
    """The parts of the record at ``start`` (one if whole), and all their bytes."""
    parts: list[bytes] = []
    ahead = total = 0
    while True:
        while len(window) < ahead + HEADER.size:
            if not window.more():
                raise cut_short(window, ahead)
        magic, word = HEADER.unpack(window.bytes_at(ahead, HEADER.size))
        if magic != MAGIC:
            raise window.error(_bad_magic(window, magic), ahead)
        flag, length = word >> 29, word & LARGEST_PAYLOAD
        if flag not in ((2, 3) if parts else (0, 1)):
            raise window.error(
                f"has the part flag {flag}; a record is whole (0), or a first part (1) "
                "is followed by middle ones (2) and a last one (3).",
                ahead,
            )
        total += length
        if total > LARGEST_PAYLOAD:
            raise window.error("its parts are longer than a record can be.", ahead)
        framed = HEADER.size + length + -length % 4
        while len(window) < ahead + framed:
            if not window.more():
                raise cut_short(window, ahead)
        if any(window.bytes_at(ahead + HEADER.size + length, -length % 4)):
            raise window.error("has padding that is not zero.", ahead)
        if len(parts) == MOST_PARTS:
            raise window.error(f"has more than {MOST_PARTS} parts.", ahead)
        parts.append(window.bytes_at(ahead + HEADER.size, length))
        ahead += framed
        if flag in (0, 3):
            return parts, ahead


_DTYPES = {0x12: "float32", 0x1A: "float64", 0x3A: "int32"}
_KINDS = {1: "dense", 2: "sparse"}


def fault_at(
    window: ByteWindow, fault: int, found: int, expected: int
) -> RecordIOError:
    """What the decoder found wrong with the record at ``start``."""
    if fault == Fault.BAD_MAGIC:
        return window.error(_bad_magic(window, found))
    messages = {
        Fault.BAD_PADDING: "has padding that is not zero.",
        Fault.NO_VALUES: "has no values and no shape, so its width is not known.",
        Fault.NO_SHAPE: (
            "is sparse and has no shape; say how many features there are (n_features)."
        ),
        Fault.SHAPE_OVERFLOW: "has a shape of 2**63 features or more.",
        Fault.COUNTS_DIFFER: f"has {found} keys for {expected} values.",
        Fault.KEY_OVER_SHAPE: (
            f"has the key {found}, but its shape allows 0 to {expected - 1}."
        ),
        Fault.SHAPE_NOT_VALUES: (
            f"is dense with {expected} values, but its shape says {found}."
        ),
        Fault.KIND_DIFFERS: (
            f"is {_KINDS.get(found)}, but those before it are {_KINDS.get(expected)}."
        ),
        Fault.WIDTH_DIFFERS: f"has {found} features; expected are {expected}.",
        Fault.TOO_WIDE: (
            f"has {found} features, more than n_features={expected}; raise it."
        ),
        Fault.DTYPE_DIFFERS: (
            f"holds {_DTYPES.get(found)}, but those before it {_DTYPES.get(expected)}."
        ),
        Fault.LABEL_NOT_ONE: "has a label that is not one number.",
        Fault.LABEL_DIFFERS: (
            f"has {'a' if found else 'no'} label, unlike those before it."
        ),
        Fault.WEIGHT_NOT_ONE: "has a weight that is not one number.",
        Fault.WEIGHT_DIFFERS: (
            f"has {'a' if found else 'no'} weight, unlike those before it."
        ),
    }
    return window.error(messages[Fault(fault)])


def parse(parts: list[bytes], message: Any) -> Any:
    """A message from the parts of a record.

    Raises
    ------
    ValueError
        If they are none.
    """
    # Loaded late: most files never need protobuf.
    from google.protobuf.message import DecodeError

    record = message()
    try:
        # Writers cut a record where the magic number stands in it, and leave that out.
        record.ParseFromString(HEADER.pack(MAGIC, 0)[:4].join(parts))
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        # Old protobuf in pure Python goes as deep as the bytes say.
        raise ValueError(f"is no Record message ({error}).") from error
    return record


def canonical_record(parts: list[bytes]) -> bytes:
    """What rows need of a record, framed, in the layout that the decoder knows.

    Other features, labels and fields are left out.

    Raises
    ------
    ValueError
        If it is no row of data.
    """
    from sklearn_sagemaker.io.recordio.record_messages import EntryRecord

    record = parse(parts, EntryRecord)
    # Of two entries with one key the last holds, in protobuf's maps.
    features = {entry.key: entry.value for entry in record.features}
    labels = {entry.key: entry.value for entry in record.label}
    if b"values" not in features:
        raise ValueError(
            "has no feature 'values'; rows need it"
            + (" (answers are for decode_predictions)." if b"score" in labels else ".")
        )
    row = EntryRecord()
    row.features.add(key=b"values", value=features[b"values"])
    for key in (b"values", b"weights"):
        if key in labels:
            row.label.add(key=key, value=labels[key])
    for where, entries in (("feature", row.features), ("label", row.label)):
        for entry in entries:
            kind = entry.value.WhichOneof("value")
            if kind is None or kind == "bytes":
                raise ValueError(
                    f"the {where} {entry.key.decode()!r} holds {kind or 'nothing'}; "
                    "rows need a tensor of numbers (iter_records reads all kinds)."
                )
    row.DiscardUnknownFields()
    return frame(row.SerializeToString())
