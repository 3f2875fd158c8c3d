"""Objects of a batch transform as bodies of requests."""

from __future__ import annotations

from collections.abc import Iterator

from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.recordio import records

MEGABYTE = 1 << 20


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
    if split == "Line":
        found = _lines(data)
    elif split == "RecordIO":
        # As the service documents it.
        found = records(data, padded=many)
    else:
        raise JobError(f"ClientError: The emulator does not have SplitType {split}.")
    waiting: list[bytes] = []
    size = 0
    for record in found:
        _fits(record, most_bytes)
        if waiting and (not many or size + len(record) > most_bytes):
            yield b"".join(waiting)
            waiting, size = [], 0
        waiting.append(record)
        size += len(record)
    if waiting:
        yield b"".join(waiting)


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
