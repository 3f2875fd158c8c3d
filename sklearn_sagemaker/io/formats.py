"""The registry of formats: files, requests and answers, by name, ending and media type.

Files, the command line, the endpoint client and the server look formats up here and
nowhere else. The functions of a format are imported when they are called, and nothing
heavy is imported here: help texts of the command line list the formats.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, Self

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.media_types import MediaType
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.opening import file_name

if TYPE_CHECKING:
    from sklearn_sagemaker.io.rows import Predictions, Rows
    from sklearn_sagemaker.io.table import Table
    from sklearn_sagemaker.io.text.csv_layout import CsvLayout

LINEAR_LEARNER = "linear-learner"
FACTORIZATION_MACHINES = "factorization-machines"
BOTH = (LINEAR_LEARNER, FACTORIZATION_MACHINES)


class Writer(Protocol):
    """What `Format.open_writer` gives: a context manager that rows are written to."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: Any) -> bool | None: ...

    def write(self, rows: Rows) -> None:
        """Add rows to the file."""


def _late(module: str, name: str) -> Callable[..., Any]:
    """A function or class of this folder, imported when it is called."""

    def call(*arguments: Any, **options: Any) -> Any:
        found = importlib.import_module(f"sklearn_sagemaker.io.{module}")
        return getattr(found, name)(*arguments, **options)

    call.__name__ = call.__qualname__ = name
    call.__module__ = f"sklearn_sagemaker.io.{module}"
    return call


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes
    ----------
    name : str
    title : str
        As it stands in a sentence.
    endings : tuple of str
        Of file names, in lower case; the first is the usual one.
    iter_rows : callable
        ``(path, batch_size, **options) -> iterator of Rows``.
    open_writer : callable
        ``(path, **options) -> Writer``; the file appears when it ends well.
    content_types : tuple of str
        Media types; the first is sent, all are understood. Empty if it has none.
    parameters : mapping of str to callable
        Parameters of the media type that matter, each with the function that turns its
        text into an option of `decode` and `encode`, or raises ValueError.
    decode : callable or None
        ``(bytes, **options) -> Rows``, for bodies of requests.
    encode : callable or None
        ``(Rows, **options) -> bytes``.
    decode_predictions : callable or None
        ``bytes -> Predictions``, for answers; None if SageMaker offers no such answer.
    encode_predictions : callable or None
        ``Predictions -> bytes``.
    trains : tuple of str
        SageMaker's algorithms that train from it.
    predicts : tuple of str
        SageMaker's algorithms that take requests of it.
    split_type : str
        ``SplitType`` of a batch transform that reads it.
    assemble_with : str
        ``AssembleWith`` of a batch transform that answers in it.
    reading_options : tuple of str
        Names of the options of `iter_rows`.
    writing_options : tuple of str
        Names of the options of `open_writer`, "dtype" among them if it casts features.
    settle : callable or None
        ``(paths, options) -> options`` of `iter_rows` for files whose rows belong
        together, where they must be found out from all of them; see `settled`.
    read_table : callable or None
        ``(path, *, label, with_label, labels, **options) -> Table`` of a whole file,
        with the other ``reading_options``; None reads the columns, or puts the rows of
        `iter_rows` together, each of which has its label.
    inspect : callable or None
        ``(path, header, known_names) -> CsvLayout``, if columns have names.
    read_columns : callable or None
        ``(layout, *, features, label, labels) -> Table`` of the columns that are named.
    text_labels : bool
        Whether labels may be text.
    needs_labels : bool
        Whether every row has one.
    sample_weights : bool
        Whether there is a place for them.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    iter_rows: Callable[..., Iterator[Rows]]
    open_writer: Callable[..., Writer]
    content_types: tuple[str, ...] = ()
    parameters: Mapping[str, Callable[[str], Any]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    decode: Callable[..., Rows] | None = None
    encode: Callable[..., bytes] | None = None
    decode_predictions: Callable[[bytes], Predictions] | None = None
    encode_predictions: Callable[[Predictions], bytes] | None = None
    trains: tuple[str, ...] = ()
    predicts: tuple[str, ...] = ()
    split_type: str = "None"
    assemble_with: str = "None"
    reading_options: tuple[str, ...] = ()
    writing_options: tuple[str, ...] = ()
    settle: Callable[[list[str], dict[str, Any]], dict[str, Any]] | None = None
    read_table: Callable[..., Table] | None = None
    inspect: Callable[..., CsvLayout] | None = None
    read_columns: Callable[..., Table] | None = None
    text_labels: bool = False
    needs_labels: bool = False
    sample_weights: bool = False

    @property
    def content_type(self) -> str:
        """The media type to send; an empty text if there is none."""
        return self.content_types[0] if self.content_types else ""

    def settled(self, paths: list[str], options: dict[str, Any]) -> dict[str, Any]:
        """Options of `iter_rows` for files whose rows belong together.

        Parameters
        ----------
        paths : list of str
        options : dict
            What the user says.

        Returns
        -------
        options : dict
            With what all of the files decide, such as the width of libsvm rows.

        Raises
        ------
        ValueError
            If an option is unknown; the message lists those of the format.
        DataFileError
            If a file cannot be read, or they contradict each other.
        """
        self.check_options(paths[0], options)
        return dict(options) if self.settle is None else self.settle(paths, options)

    def check_options(self, path: str, options: Iterable[str]) -> None:
        """Refuse options that the format has not.

        Raises
        ------
        ValueError
            The message lists those of the format.
        """
        for name in options:
            if name not in self.reading_options:
                known = ", ".join(self.reading_options) or "none"
                raise ValueError(
                    f"{path}: {name}= is no option of {self.title} files; theirs are "
                    f"{known}."
                )


_ALL = (
    Format(
        "csv",
        "CSV",
        (".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst"),
        _late("text.csv_files", "iter_csv"),
        _late("text.csv_writer", "CsvWriter"),
        ("text/csv",),
        MappingProxyType({"label_size": _late("text.csv_payloads", "label_size")}),
        _late("text.csv_payloads", "decode_csv"),
        _late("text.csv_payloads", "encode_csv"),
        trains=(LINEAR_LEARNER,),
        predicts=(LINEAR_LEARNER,),
        split_type="Line",
        reading_options=(
            "label",
            "header",
            "labels",
            "separator",
            "decimal",
            "encoding",
        ),
        writing_options=("header",),
        settle=_late("text.csv_files", "csv_options"),
        inspect=_late("text.csv_layout", "inspect_csv"),
        read_columns=_late("text.csv_files", "read_csv"),
        text_labels=True,
    ),
    Format(
        "parquet",
        "Parquet",
        (".parquet", ".pq"),
        _late("parquet", "iter_parquet"),
        _late("parquet", "ParquetWriter"),
        reading_options=("label",),
        settle=_late("parquet", "parquet_options"),
        inspect=_late("parquet", "inspect_parquet"),
        read_columns=_late("parquet", "read_columns"),
        text_labels=True,
    ),
    Format(
        "npz",
        "NumPy .npz",
        (".npz",),
        _late("npz.tables", "iter_npz"),
        _late("npz.writer", "NpzWriter"),
        reading_options=("label", "memory"),
        writing_options=("compress",),
        read_table=_late("npz.tables", "read_npz"),
        text_labels=True,
        sample_weights=True,
    ),
    Format(
        "svm",
        "libsvm",
        (".svm", ".svm.gz", ".libsvm", ".libsvm.gz"),
        _late("text.svm_stream", "iter_svm"),
        _late("text.svm_stream", "SvmWriter"),
        ("text/libsvm", "text/x-libsvm"),
        reading_options=("n_features", "zero_based", "labels"),
        settle=_late("text.svm_stream", "svm_options"),
        needs_labels=True,
    ),
    Format(
        "json",
        "JSON",
        (".json", ".json.gz"),
        _late("text.json_files", "iter_json"),
        _late("text.json_files", "JsonWriter"),
        ("application/json",),
        decode=_late("text.json_rows", "decode_json"),
        encode=_late("text.json_rows", "encode_json"),
        decode_predictions=_late("text.json_predictions", "decode_json_predictions"),
        encode_predictions=_late("text.json_predictions", "encode_json_predictions"),
        predicts=BOTH,
        reading_options=("n_features", "memory"),
        text_labels=True,
        sample_weights=True,
    ),
    Format(
        "jsonlines",
        "JSON Lines",
        (".jsonl", ".jsonl.gz", ".jsonlines", ".jsonlines.gz", ".ndjson", ".ndjson.gz"),
        _late("text.json_files", "iter_jsonlines"),
        _late("text.json_files", "JsonLinesWriter"),
        ("application/jsonlines", "application/x-jsonlines", "application/jsonl"),
        decode=_late("text.json_rows", "decode_jsonlines"),
        encode=_late("text.json_rows", "encode_jsonlines"),
        decode_predictions=_late(
            "text.json_predictions", "decode_jsonlines_predictions"
        ),
        encode_predictions=_late(
            "text.json_predictions", "encode_jsonlines_predictions"
        ),
        predicts=BOTH,
        split_type="Line",
        assemble_with="Line",
        reading_options=("n_features",),
        text_labels=True,
        sample_weights=True,
    ),
    Format(
        "recordio",
        "RecordIO-protobuf",
        (".pbr", ".pbr.gz", ".recordio", ".recordio.gz"),
        _late("recordio.reading", "iter_rows"),
        _late("recordio.writing", "RecordIOWriter"),
        ("application/x-recordio-protobuf",),
        decode=_late("recordio.payloads", "decode_recordio"),
        encode=_late("recordio.payloads", "encode_recordio"),
        decode_predictions=_late("recordio.predictions", "decode_predictions"),
        encode_predictions=_late("recordio.predictions", "encode_predictions"),
        trains=BOTH,
        predicts=BOTH,
        split_type="RecordIO",
        reading_options=("n_features",),
        writing_options=("dtype",),
        sample_weights=True,
    ),
)

FORMATS: Mapping[str, Format] = MappingProxyType({entry.name: entry for entry in _ALL})
"""Every format, by its name."""

DEFAULT_ANSWER = "json"
"""Answers where no ``Accept`` header says otherwise, as observed at SageMaker."""

DEFAULT_TRAINING = "recordio"
"""What SageMaker's algorithms read in a channel without a content type."""

CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")


def format_of_file(path: str | os.PathLike[str], format: str | None = None) -> Format:
    """The format of a file, by its own name or the ending of the file's.

    Parameters
    ----------
    path : str or path-like
    format : str or None, default=None
        A key of `FORMATS`, for a file whose name says nothing, such as ``a9a.t``.

    Returns
    -------
    format : Format

    Raises
    ------
    DataFileError
        If the ending is unknown, of which the message lists the known ones, or it is
        a folder.
    ValueError
        If there is no such format.

    Examples
    --------
    >>> from sklearn_sagemaker.io.formats import format_of_file
    >>> format_of_file("train.jsonl.gz").name
    'jsonlines'
    """
    path = file_name(path)
    if format is not None:
        if format not in FORMATS:
            raise ValueError(
                f"format={format!r} must be one of {list(FORMATS)}, or None."
            )
        return FORMATS[format]
    for entry in FORMATS.values():
        if path.lower().endswith(entry.endings):
            return entry
    if os.path.isdir(path):
        raise DataFileError(f"{path}: is a folder; name a file in it.")
    known = ", ".join(ending for entry in FORMATS.values() for ending in entry.endings)
    raise DataFileError(
        f"{path}: unknown kind of file; the name must end in one of {known}, or its "
        "format be named, by --format, in Python format=."
    )


def format_for_content_type(content_type: str | None) -> tuple[Format, dict[str, Any]]:
    """The format of a body, by its ``Content-Type``.

    Parameters
    ----------
    content_type : str or None
        A media type; parameters that do not matter are ignored. None and an empty text
        are unknown.

    Returns
    -------
    format : Format
    options : dict
        For its `decode` and `encode`.

    Raises
    ------
    ValueError
        If it is unknown, the message lists the known ones; or if a parameter has a
        wrong value.

    Examples
    --------
    >>> from sklearn_sagemaker.io.formats import format_for_content_type
    >>> format, options = format_for_content_type("text/csv; label_size=1")
    >>> format.decode(b"1,1.5,16.0", **options)
    Rows(shape=(1, 2), labels=True)
    """
    media_type = MediaType.parse(content_type or "")
    for entry in FORMATS.values():
        if media_type.name in entry.content_types:
            break
    else:
        known = ", ".join(entry.content_type for entry in with_bodies())
        raise ValueError(
            f"the content type {quoted(media_type.name)} is not known; send one of "
            f"{known}."
        )
    charset = media_type.parameters.get("charset", "utf-8")
    if charset.lower() not in CHARSETS:
        raise ValueError(f"charset={quoted(charset)} is not read; send UTF-8.")
    return entry, {
        name: parse(media_type.parameters[name])
        for name, parse in entry.parameters.items()
        if name in media_type.parameters
    }


def negotiate(accept: str | None, algorithm: str | None = None) -> Format:
    """The format of an answer, by the ``Accept`` header of the request.

    Parameters
    ----------
    accept : str or None
        Media types with ``q`` values, which may be ranges such as ``*/*``. None, an
        empty text and ``*/*`` get JSON, as from SageMaker's endpoints. Of two with the
        same ``q`` the more specific one wins, then the one that comes first.
    algorithm : str or None, default=None
        SageMaker's name, if only its formats may be chosen.

    Returns
    -------
    format : Format
        Has `encode_predictions`.

    Raises
    ------
    ValueError
        If none is acceptable (the message lists those on offer), or the header is not
        one.

    Examples
    --------
    >>> from sklearn_sagemaker.io.formats import negotiate
    >>> negotiate("text/csv, application/jsonlines; q=0.5, */*; q=0.1").name
    'jsonlines'
    """
    offered = [
        entry
        for entry in FORMATS.values()
        if entry.encode_predictions and algorithm in (None, *entry.predicts)
    ]
    offered.sort(key=lambda entry: entry.name != DEFAULT_ANSWER)
    ranges = MediaType.parse_list(accept or "") or [MediaType("*/*")]
    best: tuple[float, int, int] = (0.0, 0, 0)
    found = None
    for entry in offered:
        matching = [
            (each.specificity, -place, each.quality)
            for place, each in enumerate(ranges)
            if any(map(each.matches, entry.content_types))
        ]
        if not matching:
            continue
        # The most specific range decides, so that "q=0" can exclude a format.
        specificity, place, quality = max(matching)
        rank = (quality, specificity, place)
        if quality > 0 and rank > best:
            best, found = rank, entry
    if found is None:
        known = ", ".join(entry.content_type for entry in offered)
        raise ValueError(
            f"no answer can be given as {quoted(accept)}; accept one of {known}."
        )
    return found


def with_bodies() -> list[Format]:
    """Formats that requests may have."""
    return [entry for entry in FORMATS.values() if entry.decode is not None]
