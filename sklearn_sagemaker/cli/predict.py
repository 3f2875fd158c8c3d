"""Predict the rows of a data file with a model that 'train' wrote.

The answers are CSV, on standard output or in a file. Columns are matched by name
where both the model and FILE have names, by place otherwise. A label column in FILE is
dropped.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from typing import Any, TextIO

from sklearn_sagemaker.cli.examples import TRUST, WITH_MODEL
from sklearn_sagemaker.cli.model_file import load_model
from sklearn_sagemaker.cli.options import add_model, refuse_same_file
from sklearn_sagemaker.cli.progress import by_parts
from sklearn_sagemaker.cli.reading import add_reading, reading_of
from sklearn_sagemaker.cli.text import count

HELP = "predict the rows of a data file"

EXAMPLES = f"""\
{WITH_MODEL}
  sklearn-sagemaker predict test.csv --model cancer.joblib
  sklearn-sagemaker predict test.csv --model cancer.joblib --proba --output answers.csv

{TRUST}"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the command's arguments."""
    parser.add_argument(
        "file", metavar="FILE", help="rows to predict; - is standard input"
    )
    add_model(parser)
    parser.add_argument(
        "--output",
        metavar="OUT.csv",
        help="file to write, compressed if its name ends in .gz, .bz2, .xz or .zst "
        "(default: -, which is standard output)",
    )
    parser.add_argument(
        "--proba",
        action="store_true",
        help="add a column with the probability of each class",
    )
    parser.add_argument(
        "--label",
        metavar="NAME",
        help="column to drop, by name, or by number from 0 if there is no header "
        "(default: the column that the model learnt, if FILE names it)",
    )
    add_reading(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read, predict, write."""
    from sklearn_sagemaker.cli.matching import read_for
    from sklearn_sagemaker.io import check_can_write
    from sklearn_sagemaker.io.writing import writing

    reading = reading_of(arguments, arguments.file)
    output = None if arguments.output == "-" else arguments.output
    if output is not None:
        check_can_write(output)
        refuse_same_file(output, arguments.file, arguments.model)
    model = load_model(arguments.model)
    if arguments.proba and not model.is_classifier:
        raise ValueError(
            f"{arguments.model}: --proba needs a classifier, and this model is a "
            "regressor; leave it out."
        )
    if arguments.proba and not hasattr(model.estimator, "predict_proba"):
        raise ValueError(
            f"{arguments.model}: --proba needs probabilities, which a model of "
            "hinge_loss does not have; leave it out."
        )
    table = read_for(
        arguments.file,
        model.expected,
        reading=reading,
        label=arguments.label,
        with_label=False,
    )
    columns = _columns(model.estimator, table.X, arguments.proba)
    if output is None:
        _write(sys.stdout, columns)
        return 0
    with (
        writing(output) as binary,
        io.TextIOWrapper(binary, encoding="utf-8", newline="") as handle,
    ):
        _write(handle, columns)
    rows = count(len(columns["prediction"]), "row")
    # Beside the answers, as the other notes: standard output is for data.
    print(
        f"written to {output}: {rows}, {count(len(columns), 'column')}", file=sys.stderr
    )
    return 0


def _columns(estimator: Any, X: Any, proba: bool) -> dict[str, list[Any]]:
    columns = {"prediction": by_parts(estimator.predict, X).tolist()}
    if proba:
        found = by_parts(estimator.predict_proba, X, "predicting probabilities")
        for place, label in enumerate(estimator.classes_):
            columns[f"probability_{label}"] = found[:, place].tolist()
    return columns


def _write(handle: TextIO, columns: dict[str, list[Any]]) -> None:
    writer = csv.writer(handle, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
