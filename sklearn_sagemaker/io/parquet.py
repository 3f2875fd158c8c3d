"""Parquet files: read in batches or whole, and written."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.file_writer import FileWriter
from sklearn_sagemaker.io.labels import LabelKind, labels_from_array, whole_or_float
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.opening import (
    check_file,
    check_unpacked,
    file_name,
    open_file,
    reading,
)
from sklearn_sagemaker.io.rows import (
    Rows,
    check_count,
    check_sparse_width,
    stack_rows,
)
from sklearn_sagemaker.io.table import Table
from sklearn_sagemaker.io.text.csv_layout import CsvLayout, same_columns

BATCH = 1 << 16
"""Rows that are read at once where all are wanted."""

INDEX = "__index_level_"
"""What pandas calls a column that numbers the rows."""


def iter_parquet(
    path: str | os.PathLike[str], batch_size: int, *, label: str | int | None = "y"
) -> Iterator[Rows]:
    """Read a Parquet file in batches.

    Parameters
    ----------
    path : str or path-like
    batch_size : int
        Rows of a batch; the last one may have fewer.
    label : str, int or None, default="y"
        Column of the label, by name or place from 0; None if all are features.

    Returns
    -------
    batches : iterator of Rows
        ``X`` is dense, float32 if all columns are, float64 otherwise; True and False
        are 1 and 0. ``y`` is text, int64 or float64.

    Raises
    ------
    DataFileError
        Naming row (counted from 1) and column. What the types of the columns show is
        raised by the call, the rest by the iterator.
    OptionalDependencyError
        If pyarrow is not installed.
    ValueError
        If ``batch_size`` is no number of rows.
    """
    path = file_name(path)
    batch_size = check_count("batch_size", batch_size)
    layout = inspect_parquet(path)
    place = None if label is None else layout.position(label)
    return _Columns(layout, place).rows(batch_size)


def inspect_parquet(
    path: str | os.PathLike[str], header: Any = "auto", known_names: Any = ()
) -> CsvLayout:
    """The columns of a Parquet file.

    Parameters
    ----------
    path : str or path-like
    header, known_names : object
        As for `inspect_csv`; the file says its names itself.

    Returns
    -------
    layout : CsvLayout
    """
    path = file_name(path)
    with _open(path) as file:
        names, n_rows = list(file.schema_arrow.names), file.metadata.num_rows
    if not n_rows:
        raise DataFileError(f"{path}: has no rows; a data file needs rows.")
    for position, name in enumerate(names):
        if name in names[:position]:
            raise DataFileError(
                f"{path}: has two columns {quoted(name)}; names must differ."
            )
    return CsvLayout(path, names, len(names), False, usual_label="y")


def read_columns(
    layout: CsvLayout,
    *,
    features: Sequence[int] | None = None,
    label: int | None = None,
    labels: LabelKind = "auto",
) -> Table:
    """Read columns of a Parquet file, as `read_csv` does those of a CSV file."""
    columns = _Columns(layout, label, features)
    rows = stack_rows(list(columns.rows(BATCH)))
    y = rows.y
    if y is not None:
        where = f"{layout.path}: column {quoted(columns.label)}"
        y = labels_from_array(y, labels, where)
    return Table(layout.path, rows.X, y, columns.features, columns.label)


def parquet_options(paths: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """Options of `iter_parquet` for files whose rows belong together.

    Raises
    ------
    DataFileError
        If the files have other columns.
    """
    first = same_columns([inspect_parquet(path) for path in paths])
    return {"label": first.usual_label, **options}


@contextmanager
def _open(path: str) -> Generator[Any, None, None]:
    """The file, as pyarrow has it."""
    pa = import_optional("pyarrow", "data", "Parquet files")
    parquet = import_optional("pyarrow.parquet", "data", "Parquet files")
    check_file(path)
    with reading(path), open_file(path) as handle:
        try:
            with parquet.ParquetFile(handle) as file:
                size = os.fstat(handle.fileno()).st_size
                groups = range(file.metadata.num_row_groups)
                sizes = [file.metadata.row_group(i).total_byte_size for i in groups]
                check_unpacked(path, size, sum(sizes))
                yield file
        except pa.ArrowException as error:
            raise DataFileError(
                f"{path}: is not a whole Parquet file ({quoted(error)}); write or copy "
                "it again."
            ) from error


def _index_of(schema: Any) -> list[str]:
    """Names of the columns that pandas has as an index."""
    try:
        found = (schema.pandas_metadata or {}).get("index_columns")
    except (ValueError, AttributeError, RecursionError):
        # Anyone may have written it.
        return []
    return [name for name in found or () if isinstance(name, str)]


class _Columns:
    """Columns of a file, which are numbers, and a label of numbers or text."""

    def __init__(
        self,
        layout: CsvLayout,
        label: int | None,
        features: Sequence[int] | None = None,
    ):
        self.path, names = layout.path, layout.names or []
        places = layout.features(label) if features is None else features
        self.features = [names[j] for j in places]
        self.label = None if label is None else names[label]
        self._used = [*self.features, *([] if label is None else [names[label]])]
        with _open(self.path) as file:
            schema = file.schema_arrow
        self._index = _index_of(schema)
        for name in self._used:
            fault = self._type_fault(name, schema.field(name).type)
            if fault:
                raise DataFileError(f"{self.path}: {fault}")
        kinds = {str(schema.field(name).type) for name in self.features}
        self._dtype = np.float32 if kinds == {"float"} else np.float64

    def _type_fault(self, name: str, kind: Any) -> str:
        types = import_optional("pyarrow.types", "data", "Parquet files")
        inner = kind.value_type if types.is_dictionary(kind) else kind
        text = types.is_string(inner) or types.is_large_string(inner)
        text = text or str(inner) == "string_view"
        number = (
            types.is_boolean(inner)
            or types.is_integer(inner)
            or types.is_floating(inner)
            or types.is_decimal(inner)
        )
        where = f"column {quoted(name)}"
        if name.startswith(INDEX):
            return f"{where} only numbers the rows; drop it (in pandas: index=False)."
        if name in self._index and name != self.label:
            return (
                f"{where} is the index of a pandas table, which names the rows; drop "
                "it (in pandas: index=False), or make a column of it by reset_index()."
            )
        if number or (text and name == self.label):
            return ""
        if name == self.label:
            return f"{where} is of {kind}; labels must be numbers or text."
        if text:
            return (
                f"row 1, {where} is text; features must be numeric: encode text as "
                "numbers, or drop the column."
            )
        return (
            f"{where} is of {kind}; features must be numbers: spread it over columns "
            "of numbers, or drop it."
        )

    def rows(self, batch_size: int) -> Iterator[Rows]:
        """The rows in batches of one size; only the last may be smaller."""
        first = 1
        with _open(self.path) as file:
            for batch in file.iter_batches(batch_size, columns=self._used):
                if not len(batch):
                    continue
                X = np.empty((len(batch), len(self.features)), self._dtype)
                for j, name in enumerate(self.features):
                    X[:, j] = self._numbers(batch.column(name), name, first)
                y = None
                if self.label is not None:
                    y = self._labels(batch.column(self.label), first)
                yield Rows(X, y)
                first += len(batch)

    def _numbers(self, column: Any, name: str, first: int) -> np.ndarray:
        """Finite numbers of a column."""
        values = self._values(column, name, first)
        if values.dtype.kind == "O":
            # Decimals.
            values = values.astype(np.float64)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            at = int(np.flatnonzero(~np.isfinite(values))[0])
            raise self._fault(
                first + at, name, f"{values[at]} is no finite number; fill it in or"
            )
        return values

    def _labels(self, column: Any, first: int) -> np.ndarray:
        name = str(self.label)
        values = self._values(column, name, first)
        if values.dtype.kind != "O":
            found = self._numbers(column, name, first)
            where = f"{self.path}: column {quoted(name)}"
            return whole_or_float(found, where) if found.dtype.kind == "u" else found
        if not isinstance(values[0], str):
            return values.astype(np.float64)
        for at, text in enumerate(values):
            if not text:
                raise self._fault(first + at, name, "the label is an empty text;")
        return values.astype(str)

    def _values(self, column: Any, name: str, first: int) -> np.ndarray:
        if hasattr(column, "dictionary_decode"):
            column = column.dictionary_decode()
        if column.null_count:
            at = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
            raise self._fault(first + at, name, "the cell is null; fill it in or")
        return np.asarray(column.to_numpy(zero_copy_only=False))

    def _fault(self, row: int, name: str, what: str) -> DataFileError:
        where = f"{self.path}: row {row}, column {quoted(name)}"
        return DataFileError(f"{where}: {what} drop the row.")


class ParquetWriter(FileWriter):
    """Write rows as Parquet: the label in ``y``, the features in ``x0``, ``x1``, ...

    Parameters
    ----------
    target : str or path-like

    Raises
    ------
    ValueError
        By `write`: for rows that do not fit the ones before, numbers that are not
        finite, sample weights, for which there is no place, and sparse rows of more
        than 100,000 columns, whose zeros would be written out.

    Notes
    -----
    Numbers keep their dtype, but for float16 and what is longer than double.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from sklearn_sagemaker.io import Rows, read_table
    >>> from sklearn_sagemaker.io.parquet import ParquetWriter
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.parquet")
    >>> with ParquetWriter(path) as writer:
    ...     writer.write(Rows(np.array([[0.5, 2], [1.5, 3]]), np.array(["no", "yes"])))
    >>> table = read_table(path, label="y")
    >>> table.names, table.X.tolist(), table.y.tolist()
    (['x0', 'x1'], [[0.5, 2.0], [1.5, 3.0]], ['no', 'yes'])
    >>> folder.cleanup()
    """

    format = "parquet"

    def _start(self, stack: ExitStack) -> None:
        # Before anything is opened.
        self._parquet = import_optional("pyarrow.parquet", "data", "Parquet files")
        super()._start(stack)
        self._writer: Any = None

    def _label_fault(self, label: str) -> str:
        return "" if label else "is empty, which stands for a gap"

    def _write(self, rows: Rows) -> None:
        pa = import_optional("pyarrow", "data", "Parquet files")
        X, n_columns = rows.X, rows.X.shape[1]
        if sparse.issparse(X):
            check_sparse_width(n_columns, self._kind.title, f"{self.path}: ")
            X = X.toarray()
        columns = {} if rows.y is None else {"y": _written(rows.y)}
        X = _written(X)
        columns |= {f"x{j}": np.ascontiguousarray(X[:, j]) for j in range(n_columns)}
        table = pa.table(columns)
        if self._writer is None:
            self._writer = self._parquet.ParquetWriter(self.handle, table.schema)
            # Before the handle is, also where the file is given up.
            self._open.callback(self._writer.close)
        self._writer.write_table(table.cast(self._writer.schema))

    def _finish(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _written(values: np.ndarray) -> Any:
    """As pyarrow takes it."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "U":
        return values.tolist()
    if kind == "f":
        return values.astype(np.float32 if size <= 4 else np.float64)
    return values.astype(values.dtype.newbyteorder("="))
