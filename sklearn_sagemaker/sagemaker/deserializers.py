"""What an endpoint answers: deserializers, with the names of SageMaker's SDK v2.

A predictor takes any object with ``deserialize(stream, content_type)`` and ``ACCEPT``,
and a plain function of the two as well. SDK v3 takes those here, see
`sklearn_sagemaker.sagemaker.sdk_v3`.
"""

from __future__ import annotations

import abc
import csv
import io
import json
from contextlib import closing
from typing import Any

import numpy as np

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.io.media_types import MediaType
from sklearn_sagemaker.io.recordio.reading import iter_records
from sklearn_sagemaker.sagemaker.sdk_v3 import DESERIALIZERS, join

__all__ = [
    "BaseDeserializer",
    "BytesDeserializer",
    "CSVDeserializer",
    "JSONDeserializer",
    "JSONLinesDeserializer",
    "NumpyDeserializer",
    "PandasDeserializer",
    "RecordDeserializer",
    "SimpleBaseDeserializer",
    "StreamDeserializer",
    "StringDeserializer",
]


class BaseDeserializer(abc.ABC):
    """What all deserializers have: `deserialize`, and the media types ``ACCEPT``."""

    @abc.abstractmethod
    def deserialize(self, stream: Any, content_type: str) -> Any:
        """Read an answer, and close it."""

    @property
    @abc.abstractmethod
    def ACCEPT(self) -> tuple[str, ...]:  # noqa: N802 - the SDK's name
        """The media types to ask for."""


class SimpleBaseDeserializer(BaseDeserializer):
    """A deserializer whose media types are an attribute, to derive others from.

    Parameters
    ----------
    accept : str or tuple of str, default="*/*"
    """

    def __init__(self, accept: str | tuple[str, ...] = "*/*"):
        self.accept = accept
        join(BaseDeserializer, DESERIALIZERS)

    def __call__(self, stream: Any, content_type: str) -> Any:
        """Deserialize, as version 1 of the SDK calls its deserializers."""
        return self.deserialize(stream, content_type)

    @property
    def ACCEPT(self) -> tuple[str, ...]:  # noqa: N802 - the SDK's name
        """The media types to ask for."""
        return (self.accept,) if isinstance(self.accept, str) else self.accept


class StringDeserializer(SimpleBaseDeserializer):
    """An answer as text.

    Parameters
    ----------
    encoding : str, default="UTF-8"
    accept : str or tuple of str, default="application/json"
    """

    def __init__(
        self,
        encoding: str = "UTF-8",
        accept: str | tuple[str, ...] = "application/json",
    ):
        super().__init__(accept)
        self.encoding = encoding

    def deserialize(self, stream: Any, content_type: str) -> str:
        """Read a text."""
        with closing(stream):
            return stream.read().decode(self.encoding)


class BytesDeserializer(SimpleBaseDeserializer):
    """An answer as it is.

    Parameters
    ----------
    accept : str or tuple of str, default="*/*"
    """

    def deserialize(self, stream: Any, content_type: str) -> bytes:
        """Read the bytes."""
        with closing(stream):
            return stream.read()


class CSVDeserializer(SimpleBaseDeserializer):
    r"""Lines of CSV as lists of texts.

    Linear Learner and Factorization Machines do not answer CSV.

    Parameters
    ----------
    encoding : str, default="utf-8"
    accept : str or tuple of str, default="text/csv"

    Examples
    --------
    >>> import io
    >>> from sklearn_sagemaker.sagemaker.deserializers import CSVDeserializer
    >>> CSVDeserializer().deserialize(io.BytesIO(b"1,2\n3,4"), "text/csv")
    [['1', '2'], ['3', '4']]
    """

    def __init__(
        self, encoding: str = "utf-8", accept: str | tuple[str, ...] = "text/csv"
    ):
        super().__init__(accept)
        self.encoding = encoding

    def deserialize(self, stream: Any, content_type: str) -> list[list[str]]:
        """Read the lines."""
        with closing(stream):
            text = stream.read().decode(self.encoding)
        return list(csv.reader(text.splitlines()))


class StreamDeserializer(SimpleBaseDeserializer):
    """The stream of an answer, which is the caller's to close, and its media type.

    Parameters
    ----------
    accept : str or tuple of str, default="*/*"
    """

    def deserialize(self, stream: Any, content_type: str) -> tuple[Any, str]:
        """Give back both."""
        return stream, content_type


class NumpyDeserializer(SimpleBaseDeserializer):
    """An answer in ``.npy``, ``.npz``, CSV or JSON as an array.

    Parameters
    ----------
    dtype : dtype or None, default=None
        Of CSV and JSON.
    accept : str or tuple of str, default="application/x-npy"
    allow_pickle : bool, default=False
        Whether to load arrays of objects, which runs code of whoever made them.

    Examples
    --------
    >>> import io
    >>> from sklearn_sagemaker.sagemaker.deserializers import NumpyDeserializer
    >>> NumpyDeserializer().deserialize(io.BytesIO(b"[1, 2]"), "application/json")
    array([1, 2])
    """

    def __init__(
        self,
        dtype: Any = None,
        accept: str | tuple[str, ...] = "application/x-npy",
        allow_pickle: bool = False,
    ):
        super().__init__(accept)
        self.dtype, self.allow_pickle = dtype, allow_pickle

    def deserialize(self, stream: Any, content_type: str) -> Any:
        """Read an array; of ``.npz`` what `numpy.load` gives.

        Raises
        ------
        ValueError
            If it is of another media type, or cannot be read.
        """
        with closing(stream):
            data = io.BytesIO(stream.read())
        name = _essence(content_type)
        if name in ("application/x-npy", "application/x-npz"):
            return np.load(data, allow_pickle=self.allow_pickle)
        if name == "text/csv":
            return np.genfromtxt(data, delimiter=",", dtype=self.dtype)
        if name == "application/json":
            return np.array(json.load(data), dtype=self.dtype)
        raise _cannot_read(self, content_type)


class JSONDeserializer(SimpleBaseDeserializer):
    """An answer in JSON.

    Parameters
    ----------
    accept : str or tuple of str, default="application/json"

    Examples
    --------
    >>> import io
    >>> from sklearn_sagemaker.sagemaker.deserializers import JSONDeserializer
    >>> body = io.BytesIO(b'{"predictions": [{"score": 0.4}]}')
    >>> JSONDeserializer().deserialize(body, "application/json")
    {'predictions': [{'score': 0.4}]}
    """

    def __init__(self, accept: str | tuple[str, ...] = "application/json"):
        super().__init__(accept)

    def deserialize(self, stream: Any, content_type: str) -> Any:
        """Read JSON.

        Raises
        ------
        ValueError
            If it is none.
        """
        with closing(stream):
            return json.loads(stream.read().decode())


class PandasDeserializer(SimpleBaseDeserializer):
    """An answer in CSV or JSON as a DataFrame.

    Parameters
    ----------
    accept : str or tuple of str, default=("text/csv", "application/json")
    """

    def __init__(
        self, accept: str | tuple[str, ...] = ("text/csv", "application/json")
    ):
        super().__init__(accept)

    def deserialize(self, stream: Any, content_type: str) -> Any:
        """Read a table.

        Raises
        ------
        ValueError
            If it is of another media type, or cannot be read.
        """
        pandas = import_optional("pandas", "pandas", "PandasDeserializer")
        with closing(stream):
            data = io.BytesIO(stream.read())
        name = _essence(content_type)
        if name == "text/csv":
            return pandas.read_csv(data)
        if name == "application/json":
            return pandas.read_json(data)
        raise _cannot_read(self, content_type)


class JSONLinesDeserializer(SimpleBaseDeserializer):
    """Lines of JSON as a list.

    Parameters
    ----------
    accept : str or tuple of str, default="application/jsonlines"
    """

    def __init__(self, accept: str | tuple[str, ...] = "application/jsonlines"):
        super().__init__(accept)

    def deserialize(self, stream: Any, content_type: str) -> list[Any]:
        """Read the lines.

        Raises
        ------
        ValueError
            If one is no JSON.
        """
        with closing(stream):
            text = stream.read().decode()
        return [json.loads(line) for line in text.rstrip().split("\n")]


class RecordDeserializer(SimpleBaseDeserializer):
    """Records of RecordIO-protobuf, which Amazon's algorithms answer by default.

    Parameters
    ----------
    accept : str or tuple of str, default="application/x-recordio-protobuf"

    Examples
    --------
    >>> import io
    >>> from sklearn_sagemaker.sagemaker.deserializers import RecordDeserializer
    >>> body = bytes.fromhex("0a23d7ce13000000 1211 0a05 73636f7265 1208 1206 0a04"
    ...                      "cdcccc3e 00")
    >>> answers = RecordDeserializer().deserialize(
    ...     io.BytesIO(body), "application/x-recordio-protobuf"
    ... )
    >>> round(answers[0].label["score"].float32_tensor.values[0], 3)
    0.4
    """

    def __init__(
        self, accept: str | tuple[str, ...] = "application/x-recordio-protobuf"
    ):
        super().__init__(accept)

    def deserialize(self, data: Any, content_type: str) -> list[Any]:
        """Read the records.

        Returns
        -------
        records : list of Record
            Of `sklearn_sagemaker.sagemaker.amazon.record_pb2`.

        Raises
        ------
        RecordIOError
            If the bytes are no whole records.
        """
        with closing(data):
            return list(iter_records(data.read()))


def _essence(content_type: str) -> str:
    """A media type without its parameters."""
    return MediaType.parse(content_type).name


def _cannot_read(deserializer: BaseDeserializer, content_type: str) -> ValueError:
    return ValueError(
        f"{type(deserializer).__name__} cannot read {content_type!r}; take the "
        "deserializer of that type, or another accept=."
    )
