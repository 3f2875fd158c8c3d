"""Rows on S3 as training jobs read them: an object an instance, and their manifest."""

from __future__ import annotations

import json
import logging
from typing import Any, NamedTuple

from scipy import sparse

from sklearn_sagemaker.exceptions import AWSError, S3Error
from sklearn_sagemaker.io.recordio.streaming import RecordStream
from sklearn_sagemaker.io.recordio.writing import (
    TensorType,
    check_column,
    check_matrix,
    check_whole_numbers,
    shard_bounds,
    shard_names,
)
from sklearn_sagemaker.io.rows import Rows
from sklearn_sagemaker.sagemaker._calls import call, translated
from sklearn_sagemaker.sagemaker._names import sagemaker_timestamp
from sklearn_sagemaker.sagemaker.s3 import parse_s3_url

_log = logging.getLogger(__name__)
MANIFEST = ".amazon.manifest"
FOLDERS = 10
"""How many names are tried, if others take them at the same millisecond."""


class Uploaded(NamedTuple):
    """Where rows are.

    Attributes
    ----------
    manifest : str
        URI of the list of the objects.
    n_rows, n_features : int
    """

    manifest: str
    n_rows: int
    n_features: int


def upload_rows(
    session: Any,
    location: str,
    name: str,
    X: Any,
    y: Any = None,
    *,
    shards: int = 1,
    dtype: TensorType | None = "float32",
    encrypt: bool = False,
    kms_key: str | None = None,
) -> Uploaded:
    """Upload rows as the ``record_set`` of SageMaker's SDK does.

    They are encoded while they are sent, so that they take no memory of their own.

    Parameters
    ----------
    session : Session
    location : str
        Such as ``s3://bucket/prefix/``; a folder is made in it.
    name : str
        What the folder's name begins with; the time follows.
    X : array-like or sparse matrix of shape (n_rows, n_features)
    y : array-like of shape (n_rows,) or None, default=None
    shards : int, default=1
        Number of objects, one for each instance of a job.
    dtype : {"float32", "float64", "int32"} or None, default="float32"
        Type of the tensors. SageMaker's algorithms train on float32 only; None keeps
        the types of X and y as the SDK does.
    encrypt : bool, default=False
        Whether S3 encrypts the objects with a key of its own.
    kms_key : str or None, default=None
        Key of KMS to encrypt them with.

    Returns
    -------
    uploaded : Uploaded

    Raises
    ------
    ValueError
        Before anything is sent, if there are fewer rows than objects, shapes do not
        agree, labels are not finite, or a whole number is beyond 2**24 and the tensors
        are float32; while it is sent, if a float64 is beyond float32. What has been
        sent by then is deleted.
    S3Error
        If S3 refuses, or cannot be reached. What has been sent is deleted.
    """
    X = check_matrix(X)
    y = check_column("y", y, X.shape[0])
    bounds = shard_bounds(X.shape[0], shards)
    if dtype == "float32":
        for what, values in (("X", X), ("y", y)):
            if values is not None:
                check_whole_numbers(what, values)
    # Wrong types are found out before the first byte is sent.
    RecordStream(Rows(_part(X, 0, 1), None if y is None else y[:1]), dtype)
    bucket, prefix = parse_s3_url(location)
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    extra = session._owner(bucket)
    if kms_key is not None:
        extra.update(ServerSideEncryption="aws:kms", SSEKMSKeyId=kms_key)
    elif encrypt:
        extra.update(ServerSideEncryption="AES256")
    names = shard_names("matrix.pbr", len(bounds))
    client = session.s3_client
    folder = _claim(client, bucket, prefix + name, names, extra)
    sent = [MANIFEST]
    try:
        for shard, (start, stop) in zip(names, bounds, strict=True):
            rows = Rows(_part(X, start, stop), None if y is None else y[start:stop])
            key = folder + shard
            # It may be there although its upload fails, if only the answer is lost.
            sent.append(shard)
            with translated(f"s3://{bucket}/{key}", client, "put_object"):
                client.upload_fileobj(
                    RecordStream(rows, dtype), bucket, key, ExtraArgs=extra or None
                )
    except BaseException:
        _delete(client, bucket, [folder + part for part in sent])
        raise
    return Uploaded(f"s3://{bucket}/{folder}{MANIFEST}", *X.shape)


def _part(X: Any, start: int, stop: int) -> Any:
    """Some of the rows, not copied, as SciPy does."""
    if not sparse.issparse(X):
        return X[start:stop]
    first, last = X.indptr[start], X.indptr[stop]
    return sparse.csr_matrix(
        (
            X.data[first:last],
            X.indices[first:last],
            X.indptr[start : stop + 1] - first,
        ),
        shape=(stop - start, X.shape[1]),
        copy=False,
    )


def _claim(
    client: Any, bucket: str, start: str, names: list[str], extra: dict[str, str]
) -> str:
    """Make the folder that no other upload has, by writing its manifest.

    The name has milliseconds, so processes that start together may choose the same.
    """
    shape = client.meta.service_model.operation_model("PutObject").input_shape
    # boto3 before 1.35 does not know it.
    alone = {"IfNoneMatch": "*"} if "IfNoneMatch" in shape.members else {}
    for attempt in range(FOLDERS):
        folder = f"{start}-{sagemaker_timestamp()}/"
        place = f"s3://{bucket}/{folder}"
        try:
            call(
                client,
                "put_object",
                what=place + MANIFEST,
                Bucket=bucket,
                Key=folder + MANIFEST,
                Body=json.dumps([{"prefix": place}, *names]).encode(),
                **alone,
                **extra,
            )
        except S3Error as error:
            taken = ("PreconditionFailed", "ConditionalRequestConflict")
            if error.code not in taken or attempt == FOLDERS - 1:
                raise
            # The answer to the first attempt was lost: it is ours.
            if error.attempts == 1:
                continue
        return folder
    raise AssertionError("not reached")


def _delete(client: Any, bucket: str, keys: list[str]) -> None:
    """Delete what a failed upload has left; its error is the one that counts."""
    try:
        for key in keys:
            uri = f"s3://{bucket}/{key}"
            call(client, "delete_object", what=uri, Bucket=bucket, Key=key)
    except AWSError as error:
        # The others would fail like it, and each takes its time.
        _log.warning("An upload failed, and this is left of it: %s", error)
