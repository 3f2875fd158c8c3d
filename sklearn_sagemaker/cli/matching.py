"""Reading a data file for a model that exists: its columns in the model's order."""

from __future__ import annotations

import dataclasses

import numpy as np

from sklearn_sagemaker.cli.expected import Expected
from sklearn_sagemaker.cli.progress import Progress
from sklearn_sagemaker.cli.reading import Reading, data_file, shown_path
from sklearn_sagemaker.cli.text import note
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import CsvLayout, Table, format_of_file
from sklearn_sagemaker.io.labels import LabelKind
from sklearn_sagemaker.io.messages import listed, quoted
from sklearn_sagemaker.io.table_files import read_table


def read_for(
    path: str,
    expected: Expected,
    *,
    reading: Reading,
    label: str | None = None,
    with_label: bool,
) -> Table:
    """Read a file, its features matched to the model's.

    Parameters
    ----------
    path : str
        "-" is standard input.
    expected : Expected
    reading : Reading
        What the user says of it.
    label : str or None
        Column of the label, if it is not where the model had it.
    with_label : bool
        Whether the labels are wanted. If not, a column of them is dropped.

    Returns
    -------
    table : Table

    Raises
    ------
    DataFileError
        If the features are not the model's.
    """
    what = f"reading {shown_path(path)}"
    with data_file(path, reading) as name, Progress(what=what):
        table = _read(name, expected, reading, label, with_label)
    return dataclasses.replace(table, path=shown_path(path))


def _read(
    path: str, expected: Expected, reading: Reading, label: str | None, with_label: bool
) -> Table:
    entry = format_of_file(path, reading.format)
    options = reading.of(path)
    labels: LabelKind = "text" if expected.label_kind == "text" else "number"
    if entry.inspect is not None and entry.read_columns is not None:
        header = options.pop("header", "auto")
        layout = entry.inspect(path, header, expected.names or (), **options)
        place = _label_place(layout, expected, label, with_label)
        features = _feature_places(layout, expected, place)
        if not with_label:
            return entry.read_columns(layout, features=features)
        return entry.read_columns(layout, features=features, label=place, labels=labels)
    choosable = "label" in entry.reading_options
    if choosable and label is None and isinstance(expected.label, str):
        # A model of a CSV file has the name of a column; an archive has y.
        label = None if expected.names else expected.label
    table = read_table(
        path,
        label=label if with_label or not choosable else None,
        with_label=with_label,
        labels=labels,
        n_features=expected.n_features,
        zero_based=expected.zero_based,
        format=reading.format,
        **options,
    )
    if table.X.shape[1] != expected.n_features:
        raise DataFileError(
            f"{path}: has {table.X.shape[1]} features, but the model was trained on "
            f"{expected.n_features}; use the same features in the same order."
        )
    return table


def _label_place(
    layout: CsvLayout, expected: Expected, label: str | None, with_label: bool
) -> int | None:
    """Column of the label; None if the file has none and needs none."""
    if label is not None:
        return layout.position(label)
    if layout.names is not None and isinstance(expected.label, str):
        if with_label or expected.label in layout.names:
            place = layout.position(expected.label)
            if not with_label:
                note(f"{layout.path}: the label column {expected.label!r} is dropped")
            return place
        return None
    if not with_label:
        if layout.n_columns == expected.n_features + 1 and not (
            layout.names and expected.names
        ):
            raise DataFileError(
                f"{layout.path}: has {layout.n_columns} columns, one more than the "
                f"model's {expected.n_features} features; if one of them is the label, "
                "name it with --label, and it is dropped."
            )
        return None
    if isinstance(expected.label, int) and layout.names is None:
        return layout.position(expected.label)
    raise DataFileError(
        f"{layout.path}: which column is the label? Name it with --label."
    )


def _feature_places(
    layout: CsvLayout, expected: Expected, label: int | None
) -> list[int]:
    """Columns of the features, in the model's order."""
    places = [j for j in range(layout.n_columns) if j != label]
    if layout.names is not None and expected.names is not None:
        at = {name: place for place, name in enumerate(layout.names)}
        missing = [name for name in expected.names if name not in at]
        if missing:
            raise DataFileError(
                f"{layout.path}: no column {listed(missing, 3)}, which the model was "
                f"trained on; the file's columns are {listed(layout.names, 10)}."
            )
        chosen = [at[name] for name in expected.names]
        if label in chosen:
            raise DataFileError(
                f"{layout.path}: column {quoted(layout.names[label])} is a feature of "
                "the model; name another column as the label."
            )
        unused = set(places) - set(chosen)
        extra = [layout.names[j] for j in sorted(unused)]
        if extra:
            note(f"{layout.path}: ignored, not features of the model: {listed(extra)}")
        return chosen
    if len(places) != expected.n_features:
        raise DataFileError(
            f"{layout.path}: has {len(places)} feature columns, but the model was "
            f"trained on {expected.n_features}; use the same columns in the same order."
        )
    if expected.names is not None:
        note(f"{layout.path}: no header, so columns are taken in the model's order")
    return places


def check_known(classes: np.ndarray, table: Table) -> None:
    """Refuse labels that the model was not trained on."""
    unknown = np.setdiff1d(np.asarray(table.y), classes)
    if len(unknown):
        raise DataFileError(
            f"{table.path}: the label {quoted(unknown[0])} is no class of the model, "
            f"which knows {listed(classes.tolist())}; drop such rows, or train with "
            "them."
        )
