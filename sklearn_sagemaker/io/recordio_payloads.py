"""Rows as RecordIO-protobuf bodies of requests."""

from __future__ import annotations

import io

from sklearn_sagemaker.io.rows import Rows


def decode_recordio(body: bytes) -> Rows:
    """Read the rows of a RecordIO body.

    Parameters
    ----------
    body : bytes

    Returns
    -------
    rows : Rows

    Raises
    ------
    RecordIOError
        Naming the record and the byte.
    """
    from sklearn_sagemaker.io.recordio import read_recordio

    X, y = read_recordio(io.BytesIO(body))
    return Rows(X, y)


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
    from sklearn_sagemaker.io.recordio import write_recordio

    target = io.BytesIO()
    write_recordio(target, rows.X)
    return target.getvalue()
