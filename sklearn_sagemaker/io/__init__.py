"""Files in and out, without cloud or training.

`read_table` reads CSV, NumPy ``.npz`` and libsvm files; every fault in a file is
a `sklearn_sagemaker.exceptions.DataFileError` of one line.
"""

from __future__ import annotations

from sklearn_sagemaker.io.atomic import check_can_write, replacing
from sklearn_sagemaker.io.csv_tables import CsvLayout, inspect_csv, read_csv
from sklearn_sagemaker.io.recordio import iter_recordio, iter_records, read_recordio
from sklearn_sagemaker.io.recordio_writing import write_recordio
from sklearn_sagemaker.io.tables import Table, file_format, read_table

__all__ = [
    "CsvLayout",
    "Table",
    "check_can_write",
    "file_format",
    "inspect_csv",
    "iter_recordio",
    "iter_records",
    "read_csv",
    "read_recordio",
    "read_table",
    "replacing",
    "write_recordio",
]
