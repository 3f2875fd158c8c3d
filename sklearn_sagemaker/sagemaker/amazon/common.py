"""RecordIO-protobuf under the names of SageMaker's SDK v2, and of version 1.

The bytes are those of the SDK's functions. `sklearn_sagemaker.io.write_recordio` and
`read_recordio` do the same with float32 by default and with arrays back.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker.io.recordio.reading import iter_records
from sklearn_sagemaker.io.recordio.writing import write_recordio
from sklearn_sagemaker.sagemaker.deserializers import RecordDeserializer
from sklearn_sagemaker.sagemaker.serializers import RecordSerializer

__all__ = [
    "RecordDeserializer",
    "RecordSerializer",
    "numpy_to_record_serializer",
    "read_records",
    "record_deserializer",
    "write_numpy_to_dense_tensor",
    "write_spmatrix_to_sparse_tensor",
]


def write_numpy_to_dense_tensor(file: BinaryIO, array: Any, labels: Any = None) -> None:
    """Write rows as dense records.

    Parameters
    ----------
    file : binary file object
        Written to from where it stands, and left at the end of what is written.
    array : ndarray of shape (n_rows, n_features)
        Of type float32, float64 or int64, which becomes int32. SageMaker's algorithms
        train on float32 only.
    labels : ndarray of shape (n_rows,) or None, default=None

    Raises
    ------
    ValueError
        If shapes do not fit, a type has no tensor, or a label is not finite.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from sklearn_sagemaker.sagemaker.amazon.common import (
    ...     write_numpy_to_dense_tensor,
    ... )
    >>> buffer = io.BytesIO()
    >>> X = np.array([[1.5, 16, 14, 23]], np.float32)
    >>> write_numpy_to_dense_tensor(buffer, X, np.array([1.0], np.float32))
    >>> buffer.tell()
    60
    """
    write_recordio(file, np.asarray(array), labels, dtype=None)


def write_spmatrix_to_sparse_tensor(
    file: BinaryIO, array: Any, labels: Any = None
) -> None:
    """Write the rows of a sparse matrix as records of keys and values.

    Parameters
    ----------
    file : binary file object
        Written to from where it stands, and left at the end of what is written.
    array : sparse matrix of shape (n_rows, n_features)
        Types as for `write_numpy_to_dense_tensor`. Zeros that it stores are kept.
    labels : ndarray of shape (n_rows,) or None, default=None

    Raises
    ------
    TypeError
        If the array is not sparse.
    ValueError
        If shapes do not fit, a type has no tensor, or a label is not finite.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from sklearn_sagemaker.sagemaker.amazon.common import (
    ...     write_spmatrix_to_sparse_tensor,
    ... )
    >>> buffer = io.BytesIO()
    >>> X = sparse.csr_matrix(np.array([[0, 1, 0, 2]], np.float32))
    >>> write_spmatrix_to_sparse_tensor(buffer, X)
    >>> buffer.tell()
    40
    """
    if not sparse.issparse(array):
        raise TypeError(
            f"{type(array).__name__} is not sparse; write it by "
            "write_numpy_to_dense_tensor, or make it a scipy.sparse.csr_matrix."
        )
    write_recordio(file, array, labels, dtype=None)


def read_records(file: BinaryIO) -> list[Any]:
    """Read records to the end of a file.

    Parameters
    ----------
    file : binary file object

    Returns
    -------
    records : list of Record
        Of `sklearn_sagemaker.sagemaker.amazon.record_pb2`.

    Raises
    ------
    RecordIOError
        If the bytes are no whole records.
    """
    return list(iter_records(file))


class numpy_to_record_serializer(RecordSerializer):  # noqa: N801 - version 1's name
    """`RecordSerializer` under the name that version 1 of the SDK has for it.

    Parameters
    ----------
    content_type : str, default="application/x-recordio-protobuf"
    """

    def __init__(self, content_type: str = "application/x-recordio-protobuf"):
        warn_user(
            "numpy_to_record_serializer is called RecordSerializer now.",
            DeprecationWarning,
        )
        super().__init__(content_type)


class record_deserializer(RecordDeserializer):  # noqa: N801 - version 1's name
    """`RecordDeserializer` under the name that version 1 of the SDK has for it.

    Parameters
    ----------
    accept : str, default="application/x-recordio-protobuf"
    """

    def __init__(self, accept: str = "application/x-recordio-protobuf"):
        warn_user(
            "record_deserializer is called RecordDeserializer now.",
            DeprecationWarning,
        )
        super().__init__(accept)
