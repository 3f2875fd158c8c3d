"""Rows as SageMaker's own images read them: records of float32, in files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker._state import TrainingData, WindowedData
from sklearn_sagemaker.backends.sagemaker_body import Upload, channel
from sklearn_sagemaker.exceptions import BuiltInImageWarning
from sklearn_sagemaker.io.plain_values import quick_digest_of
from sklearn_sagemaker.io.recordio.streaming import RecordStream
from sklearn_sagemaker.io.recordio.writing import shard_bounds, shard_names
from sklearn_sagemaker.io.rows import Rows

RECORDIO = "application/x-recordio-protobuf"
LAYOUT = 1
"""Of the objects that rows are written to; raised when it changes."""
VALUES = 1 << 21
"""Values that are cast and encoded at a time: enough for a part of an upload."""
PIECE = 1 << 22
"""Bytes of records that are handed on at a time."""
CHANGE = 1e-6
"""Of a value, by which float32 may change it without a word."""


def check_float32(data: TrainingData | WindowedData) -> None:
    """Refuse what float32 cannot hold; warn once of what it changes.

    Parameters
    ----------
    data : TrainingData or WindowedData
        Of which the arrays are looked at.
    """
    changed = False
    for name in ("X", "y", "X_val", "y_val"):
        values: Any = getattr(data, name, None)
        if sp.issparse(values):
            values = values.data
        if not isinstance(values, np.ndarray) or values.dtype.itemsize <= 4:
            continue
        step = max(1, VALUES // max(1, values[:1].size))
        for start in range(0, len(values), step):
            part = values[start : start + step].astype(np.float64)
            with np.errstate(over="ignore"):
                there = part.astype(np.float32)
            if not np.isfinite(there).all():
                raise ValueError(
                    f"A value beyond {np.finfo(np.float32).max:.3g} is too large for "
                    "the built-in image, which reads float32; scale it, or set "
                    "image='sklearn-sagemaker'."
                )
            changed |= bool((np.abs(there - part) > CHANGE * np.abs(part)).any())
    if changed:
        warn_user(
            "The built-in image reads float32, which changes some values by more than "
            f"{CHANGE:g} of them; scale them, or set image='sklearn-sagemaker'.",
            BuiltInImageWarning,
        )


def records(
    root: str, name: str, X: Any, y: np.ndarray, rows: np.ndarray, shards: int
) -> tuple[list[Upload], dict[str, Any]]:
    """Rows as files of records, and the channel that has them.

    Parameters
    ----------
    root : str
        URI below which rows are kept.
    name : str
        Of the channel.
    X, y : ndarray or CSR, ndarray
    rows : int64 ndarray
        Numbers of those that are written.
    shards : int
        Files.

    Returns
    -------
    uploads : list of Upload
    channel : dict
    """
    digest = quick_digest_of(
        {"layout": LAYOUT, "X": X, "y": y, "rows": rows, "shards": shards}
    )
    folder = f"{root}/data/{digest}/"
    uploads = [
        Upload(
            folder + file,
            partial(_encoded, X, y, rows[start:stop]),
        )
        for file, (start, stop) in zip(
            shard_names("matrix.pbr", shards),
            shard_bounds(len(rows), shards),
            strict=True,
        )
    ]
    return uploads, channel(name, folder, RECORDIO, **sharded(shards))


def sharded(shards: int) -> dict[str, str]:
    """How several instances share the files of a channel."""
    return {"S3DataDistributionType": "ShardedByS3Key"} if shards > 1 else {}


def _encoded(X: Any, y: np.ndarray, rows: np.ndarray) -> Iterator[bytes]:
    """Some rows as records, piece by piece."""
    per_row = X.shape[1]
    if sp.issparse(X):
        per_row = max(1, X.nnz // max(1, X.shape[0]))
    step = max(1, VALUES // per_row)
    room = None
    if not sp.issparse(X):
        # The same memory for all parts: new pages cost as much as the copy.
        room = np.empty((min(step, len(rows)), X.shape[1]), X.dtype)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        if room is None:
            chosen = X[part]
        else:
            chosen = np.take(X, part, axis=0, out=room[: len(part)], mode="clip")
        stream = RecordStream(Rows(chosen, y[part]))
        while piece := stream.read(PIECE):
            yield piece
