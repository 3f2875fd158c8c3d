"""Bytes in and out, without cloud or training: rows, requests, answers and models.

`read_recordio` and `write_recordio` are for SageMaker's RecordIO-protobuf,
`FileDataset` for training from files larger than memory. `read_table` reads a file
of any format of `sklearn_sagemaker.io.formats`, the registry of all of them. Every
fault in a file is a `sklearn_sagemaker.exceptions.DataFileError` of one line.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn_sagemaker.io.atomic import check_can_write, replacing
    from sklearn_sagemaker.io.datasets.dataset import FileDataset
    from sklearn_sagemaker.io.formats import (
        FORMATS,
        Format,
        format_for_content_type,
        format_of_file,
        negotiate,
    )
    from sklearn_sagemaker.io.recordio.reading import (
        iter_recordio,
        iter_records,
        read_recordio,
    )
    from sklearn_sagemaker.io.recordio.writing import write_recordio
    from sklearn_sagemaker.io.rows import Predictions, Rows
    from sklearn_sagemaker.io.s3_data import S3Data
    from sklearn_sagemaker.io.table_files import Table, file_format, read_table
    from sklearn_sagemaker.io.text.csv_files import read_csv
    from sklearn_sagemaker.io.text.csv_layout import CsvLayout, inspect_csv

# Each name and its home, imported when it is first used: the registry of formats alone
# costs next to nothing, which help texts of the command line count on.
_HOME = {
    "CsvLayout": "text.csv_layout",
    "FORMATS": "formats",
    "FileDataset": "datasets.dataset",
    "Format": "formats",
    "Predictions": "rows",
    "Rows": "rows",
    "S3Data": "s3_data",
    "Table": "table_files",
    "check_can_write": "atomic",
    "file_format": "table_files",
    "format_for_content_type": "formats",
    "format_of_file": "formats",
    "inspect_csv": "text.csv_layout",
    "iter_recordio": "recordio.reading",
    "iter_records": "recordio.reading",
    "negotiate": "formats",
    "read_csv": "text.csv_files",
    "read_recordio": "recordio.reading",
    "read_table": "table_files",
    "replacing": "atomic",
    "write_recordio": "recordio.writing",
}

__all__ = [
    "FORMATS",
    "CsvLayout",
    "FileDataset",
    "Format",
    "Predictions",
    "Rows",
    "S3Data",
    "Table",
    "check_can_write",
    "file_format",
    "format_for_content_type",
    "format_of_file",
    "inspect_csv",
    "iter_recordio",
    "iter_records",
    "negotiate",
    "read_csv",
    "read_recordio",
    "read_table",
    "replacing",
    "write_recordio",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        module = importlib.import_module(f"{__name__}.{_HOME[name]}")
        value = globals()[name] = getattr(module, name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
