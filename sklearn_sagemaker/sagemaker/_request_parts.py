"""Rows for an endpoint, cut into requests that are not too large."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker.exceptions import AWSError, RequestTooLargeError

REAL_TIME = 6_291_456
"""Bytes of a request to an endpoint with instances."""
SERVERLESS = 4 << 20
"""Bytes of a request to an endpoint without."""
SMALL = 4 * REAL_TIME
"""Bytes of rows in memory that are serialised as a whole to learn their size."""


def count_rows(data: Any) -> int | None:
    """The number of rows that data is, None if it is no table.

    Parameters
    ----------
    data : object
        Arrays, sparse matrices and DataFrames have rows, and lists of sequences; one
        dimension is one row. ``{"instances": [...]}`` has one for each.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker._request_parts import count_rows
    >>> count_rows([[1, 2], [3, 4]]), count_rows([1, 2]), count_rows("1,2")
    (2, 1, None)
    """
    if isinstance(data, dict):
        instances = data.get("instances")
        return len(instances) if isinstance(instances, list) else None
    ndim = getattr(data, "ndim", None)
    if ndim in (1, 2):
        return int(data.shape[0]) if ndim == 2 else 1
    if isinstance(data, list) and data:
        if isinstance(data[0], (list, tuple, np.ndarray)):
            return len(data)
        return 1 if isinstance(data[0], (int, float, np.number)) else None
    return None


def can_cut(data: Any) -> bool:
    """Whether data has rows that can be sent apart."""
    if isinstance(data, list):
        return bool(data) and isinstance(data[0], (list, tuple, np.ndarray))
    return not isinstance(data, dict) and getattr(data, "ndim", None) == 2


def is_small(data: Any) -> bool:
    """Whether data may be serialised as a whole to learn its size."""
    if sparse.issparse(data):
        return data.nnz * 12 <= SMALL
    return getattr(data, "nbytes", 0) <= SMALL


def limit_of(
    size: int | None, look_up: Callable[[], tuple[str, list[dict[str, Any]] | None]]
) -> int:
    """Bytes that a request to an endpoint may have.

    Parameters
    ----------
    size : int or None
        Of the request; one that fits any endpoint needs no look at this one.
    look_up : callable
        Returns the endpoint's configuration and its variants.

    Returns
    -------
    limit : int
        The smaller one, which always holds, for those who may not look.
    """
    if size is not None and size <= SERVERLESS:
        return SERVERLESS
    with contextlib.suppress(AWSError):
        _, variants = look_up()
        if variants and not any("ServerlessConfig" in part for part in variants):
            return REAL_TIME
    return SERVERLESS


def as_bytes(body: Any, serializer: Any) -> bytes:
    """What a serializer gave, as it is sent.

    Raises
    ------
    TypeError
        If it is nothing that can be sent.
    """
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    name = getattr(serializer, "__name__", type(serializer).__name__)
    raise TypeError(
        f"{name} gives {type(body).__name__}, and a request needs bytes, text or a "
        "file; choose a serializer for the data, such as RecordSerializer() or "
        "CSVSerializer()."
    )


def cut(
    serialize: Callable[[Any], bytes], data: Any, limit: int
) -> Iterator[tuple[bytes, int]]:
    """Cut rows into requests.

    Parameters
    ----------
    serialize : callable
    data : ndarray, sparse matrix, DataFrame or list of rows
    limit : int
        Bytes of a request.

    Yields
    ------
    body : bytes
    n_rows : int

    Raises
    ------
    RequestTooLargeError
        If a row alone is larger.
    """
    if sparse.issparse(data):
        data = sparse.csr_matrix(data)
    rows = getattr(data, "iloc", data)
    n_rows = data.shape[0] if hasattr(data, "shape") else len(data)
    start, step, shrunk = 0, 1, False
    while start < n_rows:
        stop = min(start + step, n_rows)
        body = serialize(rows[start:stop])
        fitting = max(int(0.95 * limit * (stop - start) / max(len(body), 1)), 1)
        if len(body) > limit:
            if stop - start == 1:
                raise RequestTooLargeError(_too_large(len(body), limit, f"row {start}"))
            step, shrunk = min(fitting, (stop - start) // 2), True
        elif stop < n_rows and fitting > 2 * (stop - start) and not shrunk:
            step = fitting
        else:
            yield body, stop - start
            start, step, shrunk = stop, fitting, False


def too_large(size: int, limit: int) -> RequestTooLargeError:
    """The error for data that cannot be cut."""
    return RequestTooLargeError(
        _too_large(size, limit, "the data")
        + " Give an array, a sparse matrix or a list of rows, which is sent in parts."
    )


def _too_large(size: int, limit: int, what: str) -> str:
    return (
        f"{what} takes {size:,} bytes, and a request to this endpoint may have "
        f"{limit:,}. A batch transform, or an asynchronous endpoint, takes more; so "
        "does RecordSerializer() in less space than text."
    )
