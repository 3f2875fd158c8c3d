"""What an endpoint is sent: serializers, with the names of SageMaker's SDK v2.

A predictor takes any object with ``serialize(data)`` and ``CONTENT_TYPE``, and a plain
function of the data as well. SDK v3 takes those here, see
`sklearn_sagemaker.sagemaker.sdk_v3`.
"""

from __future__ import annotations

import abc
import csv
import io
import json
from typing import Any, Literal

import numpy as np
from scipy import sparse

from sklearn_sagemaker.io.formats import FORMATS
from sklearn_sagemaker.io.recordio.writing import check_whole_numbers, write_recordio
from sklearn_sagemaker.io.rows import Rows
from sklearn_sagemaker.sagemaker.sdk_v3 import SERIALIZERS, is_imported, join

__all__ = [
    "BaseSerializer",
    "CSVSerializer",
    "IdentitySerializer",
    "JSONLinesSerializer",
    "JSONSerializer",
    "LibSVMSerializer",
    "NumpySerializer",
    "RecordSerializer",
    "SimpleBaseSerializer",
    "SparseMatrixSerializer",
    "StringSerializer",
]


class BaseSerializer(abc.ABC):
    """What all serializers have: `serialize`, and the media type ``CONTENT_TYPE``."""

    @abc.abstractmethod
    def serialize(self, data: Any) -> Any:
        """Turn data into what a request is sent with: bytes, text or a file object."""

    @property
    @abc.abstractmethod
    def CONTENT_TYPE(self) -> str:  # noqa: N802 - the SDK's name
        """The media type of a request."""


class SimpleBaseSerializer(BaseSerializer):
    """A serializer whose media type is an attribute, to derive others from.

    Parameters
    ----------
    content_type : str, default="application/json"

    Raises
    ------
    ValueError
        If it is no text.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.serializers import SimpleBaseSerializer
    >>> class Instances(SimpleBaseSerializer):
    ...     def serialize(self, data):
    ...         rows = [{"features": row.tolist()} for row in data]
    ...         return json.dumps({"instances": rows})
    >>> Instances().CONTENT_TYPE
    'application/json'
    """

    def __init__(self, content_type: str = "application/json"):
        if not isinstance(content_type, str):
            raise ValueError(
                f"content_type={content_type!r} must be a text, the media type of a "
                "request: such as 'application/json' or 'text/csv'."
            )
        self.content_type = content_type
        join(BaseSerializer, SERIALIZERS)

    def __call__(self, data: Any) -> Any:
        """Serialize, as version 1 of the SDK calls its serializers."""
        return self.serialize(data)

    @property
    def CONTENT_TYPE(self) -> str:  # noqa: N802 - the SDK's name
        """The media type of a request."""
        return self.content_type


class CSVSerializer(SimpleBaseSerializer):
    r"""Rows as CSV text.

    Parameters
    ----------
    content_type : str, default="text/csv"

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.serializers import CSVSerializer
    >>> CSVSerializer().serialize([[1.5, 16], [2, 3]])
    '1.5,16\n2,3'
    """

    def __init__(self, content_type: str = "text/csv"):
        super().__init__(content_type)

    def serialize(self, data: Any) -> Any:
        """Turn rows into lines.

        Parameters
        ----------
        data : array-like, sparse matrix, DataFrame, str or file object
            A list or an array whose first entry is a sequence is one of rows, all else
            one row; texts, also as bytes, are taken as they are, files are read.

        Returns
        -------
        text : str or bytes

        Raises
        ------
        ValueError
            If a row is empty or no sequence.
        """
        if hasattr(data, "read"):
            return data.read()
        if isinstance(data, (bytes, bytearray)):
            return data  # text already, not numbers from 0 to 255
        if hasattr(data, "to_csv"):
            if data.ndim == 2:
                return data.to_csv(header=False, index=False)
            data = data.to_numpy()
        if sparse.issparse(data):
            return _encoded("csv", data)
        many = hasattr(data, "__setitem__") and len(data) > 0 and _is_sequence(data[0])
        return "\n".join(map(_csv_row, data)) if many else _csv_row(data)


def _encoded(name: str, data: Any) -> str:
    """Rows in a format that the algorithms take."""
    X = sparse.csr_matrix(data) if sparse.issparse(data) else np.asarray(data)
    encode = FORMATS[name].encode
    assert encode is not None
    return encode(Rows(X)).decode()


def _is_sequence(value: Any) -> bool:
    return hasattr(value, "__iter__") and hasattr(value, "__getitem__")


def _csv_row(row: Any) -> str:
    if isinstance(row, str):
        return row
    if isinstance(row, np.ndarray):
        row = row.flatten()
    if not hasattr(row, "__len__"):
        raise ValueError(
            f"{type(row).__name__} cannot be written as CSV; give an array, a list of "
            "numbers or rows, or a text."
        )
    if len(row) == 0:
        raise ValueError("A row of CSV needs at least one value; this one is empty.")
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().rstrip("\r\n")


class NumpySerializer(SimpleBaseSerializer):
    """An array in NumPy's ``.npy`` format.

    Parameters
    ----------
    dtype : dtype or None, default=None
        Of lists.
    content_type : str, default="application/x-npy"
    """

    def __init__(self, dtype: Any = None, content_type: str = "application/x-npy"):
        super().__init__(content_type)
        self.dtype = dtype

    def serialize(self, data: Any) -> bytes:
        """Turn an array, a list or a file into bytes.

        Raises
        ------
        ValueError
            If it is empty.
        """
        if hasattr(data, "read"):
            return data.read()
        dtype = self.dtype if isinstance(data, list) else None
        array = np.asarray(data, dtype)
        if array.size == 0:
            raise ValueError("The array is empty; a request needs at least one value.")
        target = io.BytesIO()
        np.save(target, array)
        return target.getvalue()


class JSONSerializer(SimpleBaseSerializer):
    """Data as JSON text.

    Parameters
    ----------
    content_type : str, default="application/json"

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.sagemaker.serializers import JSONSerializer
    >>> JSONSerializer().serialize({"instances": [{"features": np.array([1.5, 2])}]})
    '{"instances": [{"features": [1.5, 2.0]}]}'
    """

    def serialize(self, data: Any) -> Any:
        """Turn data into JSON.

        Parameters
        ----------
        data : dict, list, array, sparse matrix or file object
            Files are read. A sparse matrix becomes ``{"instances": [...]}`` of keys
            and values, as Linear Learner and Factorization Machines take them.

        Returns
        -------
        text : str

        Raises
        ------
        TypeError
            If a part has no form in JSON.
        """
        if hasattr(data, "read"):
            return data.read()
        if sparse.issparse(data):
            return _encoded("json", data)
        return json.dumps(data, default=_plain)


def _plain(value: Any) -> Any:
    """NumPy's arrays and numbers within JSON."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(
        f"{type(value).__name__} has no form in JSON; give lists, dicts, arrays, "
        "numbers or texts."
    )


class IdentitySerializer(SimpleBaseSerializer):
    """What is sent as it is.

    Parameters
    ----------
    content_type : str, default="application/octet-stream"
    """

    def __init__(self, content_type: str = "application/octet-stream"):
        super().__init__(content_type)

    def serialize(self, data: Any) -> Any:
        """Give back the data."""
        return data


class JSONLinesSerializer(SimpleBaseSerializer):
    r"""Data as lines of JSON.

    Parameters
    ----------
    content_type : str, default="application/jsonlines"

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.serializers import JSONLinesSerializer
    >>> JSONLinesSerializer().serialize([{"features": [1, 2]}, {"features": [3, 4]}])
    '{"features": [1, 2]}\n{"features": [3, 4]}'
    """

    def __init__(self, content_type: str = "application/jsonlines"):
        super().__init__(content_type)

    def serialize(self, data: Any) -> Any:
        """Turn data into lines.

        Parameters
        ----------
        data : iterable, 2-D array, sparse matrix, str or file object
            Texts are taken as they are, files are read. Rows of arrays and sparse
            matrices become the lines that Linear Learner and Factorization Machines
            take.

        Returns
        -------
        text : str

        Raises
        ------
        ValueError
            If the data is no iterable.
        TypeError
            If a part has no form in JSON.
        """
        if isinstance(data, str):
            return data
        if hasattr(data, "read"):
            return data.read()
        if sparse.issparse(data) or getattr(data, "ndim", 0) == 2:
            return _encoded("jsonlines", data).rstrip("\n")
        if not hasattr(data, "__iter__"):
            raise ValueError(
                f"{type(data).__name__} cannot be written as JSON Lines; give a list, "
                "with an entry for each line."
            )
        return "\n".join(json.dumps(line, default=_plain) for line in data)


class SparseMatrixSerializer(SimpleBaseSerializer):
    """A sparse matrix in SciPy's ``.npz`` format.

    Parameters
    ----------
    content_type : str, default="application/x-npz"
    """

    def __init__(self, content_type: str = "application/x-npz"):
        super().__init__(content_type)

    def serialize(self, data: Any) -> bytes:
        """Turn a sparse matrix into bytes."""
        target = io.BytesIO()
        sparse.save_npz(target, data)
        return target.getvalue()


class LibSVMSerializer(SimpleBaseSerializer):
    """Lines that are libsvm text already.

    Parameters
    ----------
    content_type : str, default="text/libsvm"
    """

    def __init__(self, content_type: str = "text/libsvm"):
        super().__init__(content_type)

    def serialize(self, data: Any) -> Any:
        """Give back a text, or what a file holds.

        Raises
        ------
        ValueError
            If it is neither.
        """
        if isinstance(data, str):
            return data
        if hasattr(data, "read"):
            return data.read()
        raise ValueError(
            f"{type(data).__name__} is no libsvm text; give a str or a file. For "
            "arrays, write them with sklearn.datasets.dump_svmlight_file."
        )


class StringSerializer(SimpleBaseSerializer):
    """A text as UTF-8.

    Parameters
    ----------
    content_type : str, default="text/plain"
    """

    def __init__(self, content_type: str = "text/plain"):
        super().__init__(content_type)

    def serialize(self, data: str) -> bytes:
        """Turn a text into bytes.

        Raises
        ------
        ValueError
            If it is none.
        """
        if isinstance(data, str):
            return data.encode()
        raise ValueError(f"{type(data).__name__} is no text; give a str.")


class RecordSerializer(SimpleBaseSerializer):
    """Rows as RecordIO-protobuf, which Linear Learner and Factorization Machines read.

    Parameters
    ----------
    content_type : str, default="application/x-recordio-protobuf"
    dtype : {"float32", "float64", "int32"} or None, default=None
        Type of the tensors. None keeps that of the data as SageMaker's SDK does: int64
        to int32, float64 and float32 as they are; other types, which the SDK refuses,
        to float32.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.sagemaker.serializers import RecordSerializer
    >>> RecordSerializer().serialize(np.array([1.5, 16], np.float32)).read()[:8].hex()
    '0a23d7ce18000000'
    """

    def __init__(
        self,
        content_type: str = "application/x-recordio-protobuf",
        dtype: Literal["float32", "float64", "int32"] | None = None,
    ):
        super().__init__(content_type)
        self.dtype = dtype

    def serialize(self, data: Any) -> io.BytesIO | bytes:
        """Turn rows into records.

        Parameters
        ----------
        data : array-like or sparse matrix of shape (n_rows, n_features), or 1-D
            One dimension is one row.

        Returns
        -------
        body : io.BytesIO, or bytes beside SDK v3
            A file at its start, as SDK v2 gives it. SDK v3 takes no files: where it is
            imported, these are the bytes.

        Raises
        ------
        ValueError
            If it has more dimensions, holds no numbers, or a number does not fit the
            type: whole ones beyond 2**24 do not fit float32.
        """
        if not sparse.issparse(data):
            data = np.asarray(data)
            if data.ndim not in (1, 2):
                raise ValueError(
                    f"The data has {data.ndim} dimensions; give rows (2), or one row "
                    "(1)."
                )
            data = data.reshape(-1, data.shape[-1])
        dtype = self.dtype
        if dtype is None and data.dtype.name not in ("int64", "float64", "float32"):
            dtype = "float32"
        if dtype == "float32":
            check_whole_numbers("the data", data)
        buffer = io.BytesIO()
        write_recordio(buffer, data, dtype=dtype)
        buffer.seek(0)
        return buffer.getvalue() if is_imported() else buffer
