"""Convert a data file to another format, larger than memory or not.

IN and OUT are data files of the formats below. CSV has the label first and no header,
as SageMaker reads it; a header is read, not written. IN may be a quoted pattern such as
'part-*.csv', whose files are read in the order of their names.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from sklearn_sagemaker.cli.examples import FILES
from sklearn_sagemaker.cli.options import LABEL, refuse_same_file, whole_number
from sklearn_sagemaker.cli.progress import Progress
from sklearn_sagemaker.cli.reading import (
    ENDINGS,
    NAMES,
    OPTIONS,
    add_reading,
    data_file,
    reading_of,
)
from sklearn_sagemaker.cli.text import count, size

HELP = "convert a data file to another format"

EXAMPLES = f"""\
formats, by the endings of names:
{ENDINGS}

examples:
{FILES}\
  sklearn-sagemaker convert train.csv train.pbr --label target
  sklearn-sagemaker convert train.csv part.csv.gz --label target --shards 4
  sklearn-sagemaker convert 'part_*.csv.gz' train.svm
  sklearn-sagemaker convert train.svm train.npz --n-features 30

You need not trust IN: nothing in it is run, and files of Python objects are refused."""

READING = ("label", "labels", *OPTIONS, "n_features", "zero_based")
"""Arguments that are options of `Format.iter_rows`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the command's arguments."""
    parser.add_argument(
        "source", metavar="IN", help="file to read, or a pattern; - is standard input"
    )
    parser.add_argument(
        "target", metavar="OUT", help="file to write; - is standard output"
    )
    add_reading(parser, "--format", "--from", of="IN")
    parser.add_argument(
        "--to",
        choices=NAMES,
        dest="to_format",
        help="format of OUT (default: by the ending of its name)",
    )
    parser.add_argument(
        "--label",
        metavar="NAME",
        help=LABEL.format(by_default=" (default there: 0, the first)"),
    )
    parser.add_argument(
        "--no-label",
        action="store_true",
        help="IN has no labels, or they are left out",
    )
    parser.add_argument(
        "--labels",
        choices=("number", "text"),
        help="how to read the labels of a CSV or libsvm file (default: text if the "
        "first one is)",
    )
    parser.add_argument(
        "--n-features",
        type=whole_number,
        metavar="N",
        help="features of each row of libsvm, JSON or RecordIO; libsvm files cannot "
        "say it (default there: the largest index in IN)",
    )
    parser.add_argument(
        "--zero-based",
        choices=("auto", "yes", "no"),
        help="whether a libsvm file counts features from 0 (default: auto, if it has a "
        "feature 0); OUT counts from 1",
    )
    parser.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        help="numbers of the features in OUT (default: float32 for RecordIO, which is "
        "what SageMaker takes; otherwise those of IN)",
    )
    parser.add_argument(
        "--drop-weights",
        action="store_true",
        help="leave sample weights out, for which CSV and libsvm have no place",
    )
    parser.add_argument(
        "--shards",
        type=whole_number,
        default=1,
        metavar="N",
        help="deal the rows to N files of equal size: OUT_0, OUT_1 ... before its "
        "ending (default: 1 file, named OUT)",
    )
    parser.add_argument(
        "--batch-size",
        type=whole_number,
        default=1000,
        metavar="N",
        help="rows in memory at once (default: 1000)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Read, write, and say what was written."""
    from sklearn_sagemaker.io.opening import matching_files

    if arguments.target == "-":
        if arguments.to_format is None:
            raise ValueError(
                "standard output: has no name that tells its format; say --to "
                f"{', '.join(NAMES[:-1])} or {NAMES[-1]}."
            )
        if arguments.shards > 1:
            raise ValueError("standard output: is one file; leave --shards out.")
        sys.stdout.flush()
        arguments.target = "/dev/stdout"
    if arguments.source != "-":
        return _convert(arguments, matching_files(arguments.source))
    with data_file("-", reading_of(arguments, "-")) as path:
        return _convert(arguments, [path])


def _convert(arguments: argparse.Namespace, paths: list[str]) -> int:
    from sklearn_sagemaker.io import check_can_write
    from sklearn_sagemaker.io.formats import format_of_file
    from sklearn_sagemaker.io.recordio.writing import shard_names
    from sklearn_sagemaker.io.rows import memory_of

    target, shards = arguments.target, arguments.shards
    source = format_of_file(paths[0], arguments.format)
    sink = format_of_file(target, arguments.to_format)
    _check_options(arguments, source)
    outputs = [target] if shards == 1 else shard_names(target, shards)
    for path in outputs:
        refuse_same_file(path, *paths)
        check_can_write(path)
    options = source.settled(paths, _reading_options(arguments, source))
    writing = {}
    if "dtype" in sink.writing_options:
        writing["dtype"] = arguments.dtype or "float32"
    dealer = _Dealer(shards)
    with ExitStack() as stack:
        progress = stack.enter_context(Progress())
        writers = [
            stack.enter_context(sink.open_writer(path, **writing)) for path in outputs
        ]
        for rows in _read(arguments, paths, source, sink, options):
            dealer.deal(rows, writers)
            progress.add(len(rows), memory_of(rows.X))
        # Before the files appear.
        dealer.check(target)
    _report(dealer, outputs, writing.get("dtype"))
    return 0


def _check_options(arguments: argparse.Namespace, source: Any) -> None:
    for name in READING:
        given = getattr(arguments, name) is not None
        if given and name not in source.reading_options:
            raise ValueError(
                f"{arguments.source}: --{name.replace('_', '-')} is not for "
                f"{source.title}; leave it out."
            )
    if arguments.no_label and arguments.label is not None:
        raise ValueError("--label and --no-label contradict each other; give one.")


def _reading_options(arguments: argparse.Namespace, source: Any) -> dict[str, Any]:
    """What the user says of the files to read."""
    given = {name: getattr(arguments, name) for name in READING}
    options = {name: value for name, value in given.items() if value is not None}
    if "zero_based" in options:
        options["zero_based"] = {"yes": True, "no": False}.get(options["zero_based"])
    if arguments.no_label and "label" in source.reading_options:
        options["label"] = None
    return options


def _read(
    arguments: argparse.Namespace,
    paths: list[str],
    source: Any,
    sink: Any,
    options: dict[str, Any],
) -> Iterator[Any]:
    """Batches of all files, in the form that OUT takes."""
    from scipy import sparse

    from sklearn_sagemaker.exceptions import DataFileError
    from sklearn_sagemaker.io.rows import Rows

    is_sparse = n_features = None
    for path in paths:
        for rows in source.iter_rows(path, arguments.batch_size, **options):
            X, y, weights = rows.X, rows.y, rows.sample_weight
            if n_features is None:
                n_features, is_sparse = X.shape[1], sparse.issparse(X)
            if X.shape[1] != n_features:
                raise DataFileError(
                    f"{path}: has rows of {count(X.shape[1], 'feature')}, and the rows "
                    f"before have {n_features:,}; all rows need as many."
                )
            # JSON and RecordIO may change in mid-file.
            if is_sparse and not sparse.issparse(X):
                X = sparse.csr_matrix(X)
            elif sparse.issparse(X) and not is_sparse:
                X = X.toarray()
            # Some writers cast by themselves.
            if arguments.dtype is not None and "dtype" not in sink.writing_options:
                X = _cast(path, X, arguments.dtype)
            y = None if arguments.no_label else y
            weights = None if arguments.drop_weights else weights
            _check_fit(path, y, weights, sink)
            yield Rows(X, y, weights)


def _cast(path: str, X: Any, dtype: str) -> Any:
    """Features in another dtype, none of which becomes infinite by that."""
    from numpy import errstate, isfinite

    from sklearn_sagemaker.exceptions import DataFileError
    from sklearn_sagemaker.io.rows import not_finite

    with errstate(over="ignore"):
        cast = X.astype(dtype, copy=False)
    found = not_finite(cast)
    if found is not None and isfinite(X[found[:2]]):
        raise DataFileError(
            f"{path}: a feature is {X[found[:2]]}, which is beyond the range of "
            f"{dtype}; say another --dtype, or scale it."
        )
    return cast


def _check_fit(path: str, y: Any, weights: Any, sink: Any) -> None:
    """Refuse what OUT has no place for, by the option that helps."""
    from sklearn_sagemaker.exceptions import DataFileError
    from sklearn_sagemaker.io.messages import quoted

    if y is not None and y.dtype.kind not in "biuf" and not sink.text_labels:
        raise DataFileError(
            f"{path}: the labels are text such as {quoted(y[0])}, and {sink.title} "
            "holds numbers only; number the classes from 0 first, or write CSV, JSON "
            "Lines or .npz."
        )
    if y is None and sink.needs_labels:
        raise DataFileError(
            f"{path}: there are no labels, and every line of {sink.title} starts with "
            "one; write another format, or add labels (zeros, if they do not matter)."
        )
    if weights is not None and not sink.sample_weights:
        raise DataFileError(
            f"{path}: the rows have sample weights, and {sink.title} has no place for "
            "them; say --drop-weights, or write RecordIO, JSON Lines or .npz."
        )


class _Dealer:
    """Gives row i to file i mod N, and remembers what the rows were like."""

    def __init__(self, shards: int):
        self.shards = shards
        self.n_rows = 0
        self.last: Any = None

    def deal(self, rows: Any, writers: list[Any]) -> None:
        from sklearn_sagemaker.io.rows import cut_rows

        for place, writer in enumerate(writers):
            first = (place - self.n_rows) % self.shards
            if first < len(rows):
                part = slice(first, None, self.shards)
                writer.write(rows if self.shards == 1 else cut_rows(rows, part))
        self.n_rows += len(rows)
        self.last = rows

    def check(self, target: str) -> None:
        """Refuse files without rows."""
        if self.n_rows < self.shards:
            raise ValueError(
                f"{target}: --shards {self.shards} needs as many rows, and there are "
                f"{self.n_rows}; ask for fewer shards."
            )


def _report(dealer: _Dealer, outputs: list[str], dtype: str | None) -> None:
    """Say what was written, in one line: beside it, if it is on standard output."""
    from scipy import sparse

    from sklearn_sagemaker.io.atomic import is_standard_output

    X, y = dealer.last.X, dealer.last.y
    name = outputs[0]
    if len(outputs) > 1:
        name += f" ... {os.path.basename(outputs[-1])} ({len(outputs)} files)"
    said = [
        count(dealer.n_rows, "row"),
        count(X.shape[1], "feature"),
        f"{'sparse' if sparse.issparse(X) else 'dense'} {dtype or X.dtype}",
        "no labels" if y is None else "labels",
    ]
    if dealer.last.sample_weight is not None:
        said.append("weights")
    # Pipes and devices have no size.
    if all(map(os.path.isfile, outputs)):
        said.append(size(sum(map(os.path.getsize, outputs))))
    beside = sys.stderr if is_standard_output(name) else sys.stdout
    print(f"written to {name}: {', '.join(said)}", file=beside)
