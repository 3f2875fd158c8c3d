"""Rows as RecordIO-protobuf bodies of requests."""

from __future__ import annotations

import io

from sklearn_sagemaker.io.recordio.frames import HEADER, MAGIC
from sklearn_sagemaker.io.recordio.reading import read_recordio
from sklearn_sagemaker.io.recordio.writing import write_recordio
from sklearn_sagemaker.io.rows import Rows, check_finite


def decode_recordio(body: bytes) -> Rows:
    """Read the rows of a RecordIO body.

    Parameters
    ----------
    body : bytes
        If it is one record, its padding may be missing: a batch transform of the
        strategy ``SingleRecord`` strips it.

    Returns
    -------
    rows : Rows
        Dense or CSR, in the type of its tensors.

    Raises
    ------
    RecordIOError
        Naming the record, counted from 0, and the byte.
    DataFileError
        If a value is not finite, as a body of any other format would not be.
    """
    X, y = read_recordio(_padded(body))
    check_finite(X, "record {}".format)
    return Rows(X, y)


def _padded(body: bytes) -> bytes:
    """The body, with the padding of its only record."""
    if len(body) >= HEADER.size:
        magic, word = HEADER.unpack_from(body)
        if magic == MAGIC and len(body) == HEADER.size + word:
            return body + bytes(-word % 4)
    return body


def encode_recordio(rows: Rows) -> bytes:
    """Write rows as a RecordIO body.

    Parameters
    ----------
    rows : Rows
        Labels and weights are left out: a request has none. Values are cast to
        float32, the only type that SageMaker's algorithms read.

    Returns
    -------
    body : bytes
    """
    target = io.BytesIO()
    write_recordio(target, rows.X)
    return target.getvalue()
