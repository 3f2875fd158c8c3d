"""Train Linear Learner or Factorization Machines on a data file; write a model file.

FILE is .csv (with or without a line of names), .parquet, .npz (X and y; or data,
indices, indptr, shape of a CSR matrix, and y), .svm/.libsvm, SageMaker's
RecordIO-protobuf (.pbr), .jsonl or .json, all but .npz and .parquet plain or .gz.
Features must be numbers; the label may be text. Sparse rows stay sparse.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import Any

from sklearn_sagemaker._hyperparameters import ALL, BINARY, MULTICLASS, REGRESSOR
from sklearn_sagemaker.cli.algorithms import FACTORS, add_algorithm, estimator_class
from sklearn_sagemaker.cli.candidates import candidates_table
from sklearn_sagemaker.cli.examples import FILES, TRAIN, TRUST
from sklearn_sagemaker.cli.expected import Expected
from sklearn_sagemaker.cli.model_file import (
    SavedModel,
    check_can_save,
    label_kind,
    save_model,
)
from sklearn_sagemaker.cli.options import LABEL, jobs, refuse_same_file, seed
from sklearn_sagemaker.cli.reading import (
    Reading,
    add_reading,
    data_file,
    reading_of,
    shown_path,
)
from sklearn_sagemaker.cli.report import check_can_draw, write_report
from sklearn_sagemaker.cli.settings import parse_settings
from sklearn_sagemaker.cli.text import count, facts, note, seconds, short

HELP = "train a model on a data file"

EXAMPLES = f"""\
examples:
{FILES}{TRAIN}
  python -c "from sklearn.datasets import load_diabetes as load; \\
      load(as_frame=True).frame.to_csv('diabetes.csv.gz', header=False, index=False)"
  sklearn-sagemaker train diabetes.csv.gz --header no --label 10 \\
      --predictor-type regressor --model diabetes.joblib --set epochs=30 --set wd=0.001

  sklearn-sagemaker train train.csv --label target \\
      --predictor-type binary_classifier --model cancer.joblib --report cancer.html

  sklearn-sagemaker convert train.csv part.svm --label target --shards 2
  sklearn-sagemaker train part_0.svm --validation part_1.svm --algorithm fm \\
      --predictor-type binary_classifier --model factors.joblib --set num_factors=8

{TRUST}"""

SHOWN_CANDIDATES = 5
SHOWN_CLASSES = 6


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the command's arguments."""
    parser.add_argument(
        "file", metavar="FILE", help="rows to train on; - is standard input"
    )
    add_algorithm(parser)
    parser.add_argument(
        "--label",
        metavar="NAME",
        help=LABEL.format(by_default=""),
    )
    parser.add_argument(
        "--validation",
        metavar="FILE",
        help="validation rows, with the same columns, which select the candidate; "
        "without it, folds or a share of the training rows do",
    )
    parser.add_argument(
        "--predictor-type", required=True, choices=ALL, help="what to predict"
    )
    parser.add_argument(
        "--model",
        required=True,
        metavar="OUT.joblib",
        help="model file to write: .skops, or SageMaker's .tar.gz, which 'serve' takes "
        "and which holds what predicts alone; else of joblib",
    )
    parser.add_argument(
        "--report",
        metavar="OUT.html",
        help="page of HTML to write, with what was chosen and why, candidates, losses, "
        "thresholds and coefficients; one file, which loads and runs nothing",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help="a hyperparameter of the algorithm by SageMaker's name, such as epochs=20 "
        "or l1=0.001, or another argument of the estimator, such as cv=5 or "
        "class_weight=balanced; may be repeated",
    )
    add_reading(parser, of="FILE and of the validation file")
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="seed of shuffling, folds and starting weights (default: 0)",
    )
    parser.add_argument(
        "--jobs",
        type=jobs,
        metavar="N",
        help="threads over models and rows; never changes the result (default: 1)",
    )
    parser.add_argument(
        "--backend",
        choices=["local", "dask"],
        default="local",
        help="where to train: in this process, or on the workers of a Dask cluster, "
        "which get the rows that this process reads (default: local)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of the Dask cluster, such as tcp://10.0.0.1:8786 (default: a cluster of "
        "this machine's processors, for the time of the training)",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="show the progress epoch by epoch"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, write the model, and say what came out."""
    kind = arguments.predictor_type
    settings = parse_settings(arguments.settings, arguments.algorithm, kind)
    estimator = _make_estimator(arguments, settings)

    from sklearn_sagemaker.io import check_can_write, read_table

    # Before the work, not after it.
    check_can_save(arguments.model)
    refuse_same_file(arguments.model, arguments.file, arguments.validation)
    if arguments.report is not None:
        check_can_draw()
        check_can_write(arguments.report)
        read = arguments.file, arguments.validation, arguments.model
        refuse_same_file(arguments.report, *read)
    reading = reading_of(arguments, arguments.file, arguments.validation)
    with data_file(arguments.file, reading) as path:
        table = read_table(
            path,
            label=arguments.label,
            labels="number" if kind == REGRESSOR else "auto",
            format=reading.format,
            **reading.of(path),
        )
    table = dataclasses.replace(table, path=shown_path(arguments.file))
    _check_labels(table, kind)
    expected = Expected(
        names=table.names,
        n_features=table.X.shape[1],
        label=table.label,
        label_kind=label_kind(table.y),
        zero_based=table.zero_based,
    )
    validation = _read_validation(arguments, reading, expected, table)
    described = _describe(table, validation)
    print(facts(described), flush=True)
    if table.unused:
        note(f"{table.path}: not used: {', '.join(table.unused[:10])}")

    given = {} if validation is None else {"X_val": validation.X, "y_val": validation.y}
    start = time.perf_counter()
    estimator.fit(table.X, table.y, **given)
    elapsed = time.perf_counter() - start
    # The model is of no cluster.
    estimator.set_params(backend=None)
    save_model(arguments.model, SavedModel(estimator, expected))
    _report(estimator, arguments.algorithm, elapsed, arguments.model)
    if arguments.report is not None:
        write_report(
            arguments.report,
            estimator,
            data=described,
            train=table,
            validation=validation,
        )
        print(facts([("report", f"written to {arguments.report}")]))
    return 0


def _backend(arguments: argparse.Namespace) -> Any:
    """Where to train; None is this process."""
    if arguments.backend != "dask":
        if arguments.scheduler is not None:
            raise ValueError("--scheduler is that of a cluster; say --backend dask.")
        return None
    from sklearn_sagemaker.backends import DaskBackend

    return DaskBackend(arguments.scheduler)


def _make_estimator(arguments: argparse.Namespace, settings: dict[str, Any]) -> Any:
    if "n_jobs" in settings and arguments.jobs is not None:
        raise ValueError("--set n_jobs and --jobs are the same; give one.")
    make = estimator_class(arguments.algorithm, arguments.predictor_type)
    estimator = make(
        random_state=arguments.seed,
        verbose=int(arguments.verbose),
        backend=_backend(arguments),
        **{"n_jobs": arguments.jobs, **settings},
    )
    # fit would refuse them too, but only once the file is read.
    estimator._validate_params()
    return estimator


def _read_validation(
    arguments: argparse.Namespace, reading: Reading, expected: Expected, table: Any
) -> Any:
    import numpy as np

    from sklearn_sagemaker.cli.matching import check_known, read_for

    if arguments.validation is None:
        return None
    validation = read_for(
        arguments.validation, expected, reading=reading, with_label=True
    )
    if arguments.predictor_type != REGRESSOR:
        check_known(np.unique(table.y), validation)
    return validation


def _check_labels(table: Any, kind: str) -> None:
    """Refuse labels that do not suit the type of predictor."""
    import numpy as np

    from sklearn_sagemaker.exceptions import DataFileError

    if kind == REGRESSOR:
        return
    name = "the label" if table.label is None else f"the label {table.label!r}"
    classes = np.unique(table.y)
    if table.y.dtype.kind == "f":
        fraction = next(value for value in classes if value != int(value))
        raise DataFileError(
            f"{table.path}: {name} has fractions such as {fraction:g}, which are no "
            f"classes; say --predictor-type {REGRESSOR}, or use whole numbers or text."
        )
    found = f"{table.path}: {name} has {count(len(classes), 'class', 'classes')}"
    if len(classes) == 1:
        raise DataFileError(
            f"{found}, and a classifier needs at least 2; check the label, or the "
            "filter that made this file."
        )
    if kind == BINARY and len(classes) > 2:
        raise DataFileError(
            f"{found}, and {BINARY} takes 2; say --predictor-type {MULTICLASS}."
        )
    if kind == MULTICLASS and len(classes) == 2:
        raise DataFileError(
            f"{found}, and {MULTICLASS} takes 3 or more; say --predictor-type {BINARY}."
        )


def _describe(table: Any, validation: Any) -> list[tuple[str, str]]:
    """Lines about the data."""
    import numpy as np

    rows, features = table.X.shape
    data = f"{table.path}: {count(rows, 'row')}, {count(features, 'feature')}"
    lines = [("data", data)]
    if table.header is not None:
        how = "detected" if table.detected else "yes, as you said"
        if not table.header:
            how = "no header: columns are numbered from 0"
        lines.append(("header", how))
    name = "" if table.label is None else f"{table.label!r}: "
    if table.label is None:
        name = "first in each line: "
    if table.y.dtype.kind == "f":
        low, high = table.y.min(), table.y.max()
        lines.append(("label", f"{name}numbers from {low:.6g} to {high:.6g}"))
    else:
        classes, sizes = np.unique(table.y, return_counts=True)
        shown = [
            f"{short(label)} ({size:,})"
            for label, size in zip(classes[:SHOWN_CLASSES], sizes, strict=False)
        ]
        if len(classes) > SHOWN_CLASSES:
            shown.append("...")
        lines.append(("label", f"{name}{len(classes)} classes: {', '.join(shown)}"))
    if validation is not None:
        lines.append(
            ("validation", f"{validation.path}: {count(validation.X.shape[0], 'row')}")
        )
    return lines


def _report(estimator: Any, algorithm: str, elapsed: float, path: str) -> None:
    from sklearn_sagemaker.estimators._summary import (
        VALIDATION,
        effort,
        score_name,
        threshold_text,
    )

    total = len(estimator.candidates_["validation_loss"])
    resolved = estimator.resolved_params_
    trained = f"{count(total, 'candidate')} in one pass"
    if algorithm == FACTORS:
        trained = count(total, "model") + (" side by side" if total > 1 else "")
    shown = f"The best {min(SHOWN_CANDIDATES, total)}:" if total > 1 else "It is:"
    rows = VALIDATION[resolved["validation"]]
    print(
        f"\nTrained {trained}, {effort(estimator)}, in "
        f"{seconds(elapsed)}.\nValidated on {rows}. {shown}\n"
    )
    print(candidates_table(estimator, SHOWN_CANDIDATES) + "\n")
    lines = []
    if hasattr(estimator, "threshold_"):
        lines.append(("threshold", threshold_text(estimator)))
    lines += [
        ("score", f"{estimator.best_score_:.6g} ({score_name(estimator)})"),
        ("model", f"written to {path}"),
    ]
    print(facts(lines))
