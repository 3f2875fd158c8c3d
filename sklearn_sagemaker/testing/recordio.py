"""The frames of RecordIO: a head with a length, the content, zeros up to four bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sklearn_sagemaker.testing.errors import JobError

_MAGIC = 0xCED7230A
_HEAD = struct.Struct("<II")
_MOST = (1 << 29) - 1
"""The upper bits of a length say which part of a longer record this is."""
_WHOLE, _LAST = 0, 3


def wrapped(data: bytes) -> bytes:
    """A record with some content.

    Raises
    ------
    JobError
        If it is too long for one.
    """
    if len(data) > _MOST:
        raise JobError(
            f"ClientError: An object of {len(data):,} bytes is too long for a record "
            f"of RecordIO, which has {_MOST:,} at most."
        )
    return _HEAD.pack(_MAGIC, len(data)) + data + bytes(-len(data) % 4)


def records(data: bytes, *, padded: bool = True) -> Iterator[bytes]:
    """Cut data into its records, heads included.

    Parameters
    ----------
    data : bytes
    padded : bool, default=True
        Whether they keep the zeros at their ends.

    Raises
    ------
    JobError
        If it is no RecordIO.
    """
    begin = start = 0
    while start < len(data):
        if start + _HEAD.size > len(data):
            raise JobError(f"ClientError: The RecordIO data ends at byte {start}.")
        magic, word = _HEAD.unpack_from(data, start)
        if magic != _MAGIC:
            raise JobError(f"ClientError: There is no RecordIO record at byte {start}.")
        length = word & _MOST
        end = start + _HEAD.size + length
        if end > len(data):
            raise JobError(f"ClientError: The record at byte {start} is not complete.")
        start = end + -length % 4
        if word >> 29 in (_WHOLE, _LAST):
            yield data[begin : start if padded else end]
            begin = start
