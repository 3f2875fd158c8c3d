"""Rows as JSON and JSON Lines, in the forms of SageMaker's inference requests.

An instance is a row. It is dense or sparse, in any of these forms, and the instances of
one body may differ in form::

    {"features": [1.5, 16.0, 14.0, 23.0]}
    {"data": {"features": [1.5, 16.0, 14.0, 23.0]}}
    {"data": {"features": {"values": [1.5, 16.0, 14.0, 23.0]}}}
    {"data": {"features": {"keys": [26, 182], "shape": [2000], "values": [1, 4]}}}

JSON wraps them in ``{"instances": [...]}``, JSON Lines has one a line. The source of
the forms is "Common Data Formats for Inference" in SageMaker's developer guide. For
training files an instance may have a ``"label"`` and a ``"weight"`` beside its
features; these two are ours.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.rows import Rows, canonical
from sklearn_sagemaker.io.text.json_instances import Instances
from sklearn_sagemaker.io.text.json_parsing import JsonDocument, json_lines
from sklearn_sagemaker.io.text.number_text import python_numbers


def decode_json(body: bytes) -> Rows:
    """Read the rows of a JSON request.

    Parameters
    ----------
    body : bytes
        ``{"instances": [...]}`` in UTF-8.

    Returns
    -------
    rows : Rows
        X is float64, dense if all instances are dense, CSR otherwise.

    Raises
    ------
    DataFileError
        Naming the instance, counted from 0.

    Examples
    --------
    >>> from sklearn_sagemaker.io.text.json_rows import decode_json
    >>> rows = decode_json(b'{"instances": [{"features": [1.5, 16, 14, 23]}]}')
    >>> rows.X
    array([[ 1.5, 16. , 14. , 23. ]])
    """
    rows = Instances("instances[{}]".format)
    for number, instance in JsonDocument(body).elements("instances"):
        rows.add(number, instance)
    if not len(rows):
        raise DataFileError("the request has no instances; send one or more.")
    return rows.take()


def decode_jsonlines(body: bytes) -> Rows:
    r"""Read the rows of a JSON Lines request.

    Parameters
    ----------
    body : bytes
        One instance a line, in UTF-8; blank lines are skipped.

    Returns
    -------
    rows : Rows
        X is float64, dense if all instances are dense, CSR otherwise.

    Raises
    ------
    DataFileError
        Naming the line, counted from 1.

    Examples
    --------
    >>> from sklearn_sagemaker.io.text.json_rows import decode_jsonlines
    >>> decode_jsonlines(b'{"features": [1, 2]}\n{"features": [3, 4]}\n').X
    array([[1., 2.],
           [3., 4.]])
    """
    rows = Instances("line {}".format)
    for number, instance in json_lines(io.BytesIO(body), "line {}".format):
        rows.add(number, instance)
    if not len(rows):
        raise DataFileError("the request is empty; send one instance a line.")
    return rows.take()


ENCODER = json.JSONEncoder(allow_nan=False)
"""Separators are ``", "`` and ``": "``, as in SageMaker's own bodies."""


def encode_instances(rows: Rows, with_labels: bool = False) -> Iterator[str]:
    """Write rows as JSON, one text an instance, without newlines.

    Parameters
    ----------
    rows : Rows
        Dense rows become ``features``, CSR rows ``data`` with keys, shape and values.
        float32 is widened and printed in full, so that it reads back exactly.
    with_labels : bool, default=False
        Whether to write labels and weights, which requests do not have.

    Yields
    ------
    text : str

    Raises
    ------
    ValueError
        If a value is not a finite number.
    """
    X = rows.X
    beside: dict[str, list[Any]] = {}
    if with_labels and rows.y is not None:
        beside["label"] = python_numbers(rows.y, "y", text=True)
    if with_labels and rows.sample_weight is not None:
        beside["weight"] = python_numbers(rows.sample_weight, "sample_weight")
    for name, values in beside.items():
        if len(values) != len(rows):
            raise ValueError(
                f"there are {len(values)} {name}s for {len(rows)} rows; they must be "
                "as many."
            )
    columns = zip(*beside.values(), strict=True)
    more = [dict(zip(beside, row, strict=True)) for row in columns]
    if sparse.issparse(X):
        # A key that comes twice is refused wherever JSON is read.
        X = canonical(X)
        data, keys = python_numbers(X.data, "X.data"), X.indices.tolist()
        shape, ends = [X.shape[1]], X.indptr.tolist()
        for row in range(X.shape[0]):
            part = slice(ends[row], ends[row + 1])
            tensor = {"keys": keys[part], "shape": shape, "values": data[part]}
            instance = {"data": {"features": tensor}}
            yield ENCODER.encode(instance | more[row] if more else instance)
        return
    for row, features in enumerate(python_numbers(X, "X")):
        instance = {"features": features}
        yield ENCODER.encode(instance | more[row] if more else instance)


def encode_json(rows: Rows) -> bytes:
    """Write rows as a JSON request.

    Parameters
    ----------
    rows : Rows
        Labels and weights are left out: a request has none.

    Returns
    -------
    body : bytes

    Raises
    ------
    ValueError
        If a value is not a finite number.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.text.json_rows import encode_json
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> encode_json(Rows(np.array([[1.5, 16.0]])))
    b'{"instances": [{"features": [1.5, 16.0]}]}'
    """
    return f'{{"instances": [{", ".join(encode_instances(rows))}]}}'.encode()


def encode_jsonlines(rows: Rows) -> bytes:
    """Write rows as a JSON Lines request.

    Parameters
    ----------
    rows : Rows
        Labels and weights are left out: a request has none.

    Returns
    -------
    body : bytes
        Lines are separated, not ended, by newlines.

    Raises
    ------
    ValueError
        If a value is not a finite number.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from sklearn_sagemaker.io.text.json_rows import encode_jsonlines
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> encode_jsonlines(Rows(sparse.csr_matrix([[0.0, 1.5]])))
    b'{"data": {"features": {"keys": [1], "shape": [2], "values": [1.5]}}}'
    """
    return "\n".join(encode_instances(rows)).encode()
