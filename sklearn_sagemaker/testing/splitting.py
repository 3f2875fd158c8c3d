"""Objects of a batch transform as bodies of requests."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sklearn_sagemaker.testing.errors import JobError

MEGABYTE = 1 << 20
_MAGIC = 0xCED7230A
_HEAD = struct.Struct("<II")


def bodies(data: bytes, split: str, *, many: bool, most_bytes: int) -> Iterator[bytes]:
    """Cut an object into the bodies of requests.

    Parameters
    ----------
    data : bytes
    split : {"None", "Line", "RecordIO"}
    many : bool
        Whether a body has as many records as fit into it.
    most_bytes : int
        Of a body.

    Raises
    ------
    JobError
        If a record alone is larger, or there is none of RecordIO.
    """
    if split == "None":
        yield _fits(data, most_bytes)
        return
    kinds = {"Line": _lines, "RecordIO": _records}
    if split not in kinds:
        raise JobError(f"ClientError: The emulator does not have SplitType {split}.")
    waiting = b""
    for record in kinds[split](data):
        _fits(record, most_bytes)
        if waiting and (not many or len(waiting) + len(record) > most_bytes):
            yield waiting
            waiting = b""
        waiting += record
    if waiting:
        yield waiting


def _fits(body: bytes, most_bytes: int) -> bytes:
    if len(body) > most_bytes:
        raise JobError(
            f"ClientError: A record has {len(body):,} bytes, but MaxPayloadInMB allows "
            f"{most_bytes:,}."
        )
    return body


def _lines(data: bytes) -> Iterator[bytes]:
    for line in data.splitlines(keepends=True):
        if line.strip():
            yield line if line.endswith(b"\n") else line + b"\n"


def _records(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        if start + _HEAD.size > len(data):
            raise JobError(f"ClientError: The RecordIO data ends at byte {start}.")
        magic, length = _HEAD.unpack_from(data, start)
        if magic != _MAGIC:
            raise JobError(f"ClientError: There is no RecordIO record at byte {start}.")
        end = start + _HEAD.size + (length + 3) // 4 * 4
        yield data[start:end]
        start = end
