"""Makes the Parquet files of the index; it needs pyarrow."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any


def columns() -> dict[str, dict[str, Any]]:
    """Columns of each file: lists, or arrays of pyarrow where a type is meant."""
    import pyarrow as pa

    text = pa.array(["no", "yes"])
    plain = {"a": [1.0, 3.0], "b": [2.5, 4.5], "y": [0, 1]}
    changed: dict[str, dict[str, Any]] = {
        "plain": {},
        "booleans": {"a": [True, False]},
        "text_label": {"y": text},
        "dictionary_label": {"y": text.dictionary_encode()},
        "zeros_in_text_label": {"y": ["007", "042"]},
        "decimals": {"b": [Decimal("2.25"), Decimal("4.50")]},
        "categories": {"b": text.dictionary_encode()},
        "nulls": {"b": [2.5, None]},
        "null_label": {"y": [0, None]},
        "nan": {"b": [2.5, float("nan")]},
        "times": {"b": [datetime.datetime(2024, 5, day) for day in (1, 2)]},
        "lists": {"b": [[1.0, 2.0], [3.0, 4.0]]},
        "no_rows": {
            name: pa.array([], pa.float64() if name != "y" else pa.int64())
            for name in plain
        },
    }
    return {f"{name}.parquet": {**plain, **new} for name, new in changed.items()}


def write_parquet(folder: Path, name: str) -> Path:
    """Write one of the files; gives its path."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / name
    pq.write_table(pa.table(columns()[name]), path)
    return path
