"""Dask's collections as rows to train on, and as validation rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.backends.dask_rows import PartitionRows
from sklearn_sagemaker.backends.dask_shards import Rows
from sklearn_sagemaker.backends.protocol import FitRows

VALIDATION = ("X_val", "y_val", "sample_weight_val")


def is_collection(X: Any) -> bool:
    """Whether rows are those of a Dask collection, or a list of delayed blocks."""
    if hasattr(X, "__dask_graph__"):
        return True
    return (
        isinstance(X, list | tuple)
        and len(X) > 0
        and all(hasattr(block, "__dask_graph__") for block in X)
    )


def stays(X: Any) -> bool:
    """Whether rows stay where they are: those of a collection, of files, or in S3."""
    if is_collection(X):
        return True
    # Late: most rows are in memory.
    from sklearn_sagemaker.io.datasets.dataset import FileDataset
    from sklearn_sagemaker.io.s3_data import S3Data

    return isinstance(X, FileDataset | S3Data)


def rows_of(rows: FitRows, n_shards: int) -> Rows:
    """The rows of the shards, from where they stay.

    Parameters
    ----------
    rows : FitRows
        Of which X stays where it is.
    n_shards : int

    Raises
    ------
    TypeError
        If y or weights are not.
    ValueError
        If they have other partitions, or X has columns that are no numbers.
    """
    X, names = rows.X, None
    if not is_collection(X):
        from sklearn_sagemaker.backends.dask_files import FileRows

        return FileRows(X, n_shards)
    if isinstance(X, list | tuple):
        parts = list(X)
    elif _is_frame(X):
        names = _names(X)
        parts = X.to_delayed()
    elif hasattr(X, "to_delayed") and hasattr(X, "chunks"):
        if X.ndim != 2:
            raise ValueError(
                f"X has {X.ndim} dimensions; it must have rows and columns."
            )
        # One block of columns: rows are trained on whole.
        X = X.rechunk({1: -1})
        parts = X.to_delayed().ravel().tolist()
    else:
        raise TypeError(
            f"X is a {type(X).__module__}.{type(X).__qualname__}; pass a Dask array or "
            "data frame, or a list of delayed blocks of rows."
        )
    y = _parts_like("y", rows.y, X, len(parts))
    weights = None
    if rows.sample_weight is not None:
        weights = _parts_like("sample_weight", rows.sample_weight, X, len(parts))
    return PartitionRows(parts, y, weights, n_shards, names)


def _is_frame(X: Any) -> bool:
    return hasattr(X, "to_delayed") and hasattr(X, "columns")


def _names(X: Any) -> np.ndarray | None:
    """Names of the columns, which must be numbers, by what Dask knows of them."""
    columns = list(X.columns)
    bad = [
        f"{column!r} ({dtype})"
        for column, dtype in zip(columns, X.dtypes, strict=True)
        if getattr(dtype, "kind", "O") not in "biuf"
    ]
    if bad:
        raise ValueError(
            f"Columns of X have values that are no numbers: {', '.join(bad[:6])}; "
            "encode them, for example by dask_ml's OneHotEncoder or "
            "X.map_partitions, or drop them."
        )
    if all(isinstance(column, str) for column in columns):
        return np.asarray(columns, dtype=object)
    return None


def _parts_like(name: str, values: Any, X: Any, n_parts: int) -> Sequence[Any]:
    """The partitions of labels or weights, which must be those of X."""
    if isinstance(X, list | tuple):
        if not isinstance(values, list | tuple) or len(values) != n_parts:
            found = (
                f"{len(values)} of them"
                if isinstance(values, list | tuple)
                else f"a {type(values).__name__}"
            )
            raise TypeError(
                f"{name} must be a list of {n_parts} blocks, one for each of X, got "
                f"{found}."
            )
        return values
    if not hasattr(values, "to_delayed"):
        raise TypeError(
            f"{name} must be a Dask collection, as X is, got "
            f"{type(values).__name__}; pass dask.array.from_array({name}, "
            "chunks=X.chunks[0]), or an array as X."
        )
    if hasattr(values, "chunks"):
        parts = _blocks_like(name, values, X)
    else:
        parts = values.to_delayed()
    if len(parts) != n_parts:
        raise ValueError(
            f"{name} has {len(parts)} partitions, and X has {n_parts}; "
            "they must be of the same rows."
        )
    return parts


def _blocks_like(name: str, values: Any, X: Any) -> list[Any]:
    """Blocks of an array of labels, of the rows of those of X if these are known."""
    rows = X.chunks[0] if hasattr(X, "chunks") else (np.nan,)
    n_rows, n_values = sum(rows), sum(values.chunks[0])
    if not np.isnan(n_rows + n_values):
        if n_rows != n_values:
            raise ValueError(
                f"{name} has {n_values} numbers for the {n_rows} rows of X; they must "
                "be as many."
            )
        if values.ndim == 2:
            values = values.rechunk({1: -1})
        values = values.rechunk({0: rows})
    return values.to_delayed().ravel().tolist()


def gathered(client: Any, rows: FitRows, memory: int) -> FitRows:
    """The rows of a fit with validation rows in memory.

    Parameters
    ----------
    client : distributed.Client
    rows : FitRows
    memory : int
        Bytes that each of them may take.

    Raises
    ------
    ValueError
        If one takes more.
    """
    changed = {
        name: _in_memory(client, name, getattr(rows, name), memory)
        for name in VALIDATION
        if is_collection(getattr(rows, name))
    }
    return rows._replace(**changed)


def _in_memory(client: Any, name: str, values: Any, memory: int) -> Any:
    from dask.sizeof import sizeof

    parts = values
    if not isinstance(values, list | tuple):
        if getattr(values, "ndim", 1) == 2 and hasattr(values, "rechunk"):
            values = values.rechunk({1: -1})
        parts = np.ravel(np.asarray(values.to_delayed(), dtype=object)).tolist()
    blocks = client.compute(list(parts))
    # Before any of it comes here.
    sizes = [client.submit(sizeof, block, pure=False) for block in blocks]
    n_bytes = sum(client.gather(sizes))
    if n_bytes > memory:
        raise ValueError(
            f"{name} takes {n_bytes} bytes, more than memory={memory}, and validation "
            "rows come to this process; pass fewer, or a larger memory."
        )
    return _together(client.gather(blocks))


def _together(blocks: list[Any]) -> Any:
    if sp.issparse(blocks[0]):
        return sp.vstack(blocks, format="csr")
    if hasattr(blocks[0], "iloc"):
        pandas = import_optional("pandas", "pandas", "validation rows in data frames")
        return pandas.concat(blocks)
    return np.concatenate(blocks)
