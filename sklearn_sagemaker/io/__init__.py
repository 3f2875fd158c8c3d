"""Bytes in and out, without cloud or training: rows, requests, answers and models.

`read_recordio` and `write_recordio` are for SageMaker's RecordIO-protobuf,
`FileDataset` for training from files larger than memory. `read_table` reads a file
of any format of `sklearn_sagemaker.io.formats`, the registry of all of them. Every
fault in a file is a `sklearn_sagemaker.exceptions.DataFileError` of one line.
"""

from __future__ import annotations

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
from sklearn_sagemaker.io.table_files import Table, file_format, read_table
from sklearn_sagemaker.io.text.csv_files import read_csv
from sklearn_sagemaker.io.text.csv_layout import CsvLayout, inspect_csv

__all__ = [
    "FORMATS",
    "CsvLayout",
    "FileDataset",
    "Format",
    "Predictions",
    "Rows",
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
