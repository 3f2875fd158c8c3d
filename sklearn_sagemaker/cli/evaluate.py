"""Measure a model that 'train' wrote on the rows of a data file with labels.

Two classes: accuracy, precision, recall, F1, ROC AUC, average precision, log loss,
confusion matrix. More: accuracy, macro F1, log loss, confusion matrix up to 20 classes.
Regression: MSE, RMSE, MAE, R2.
"""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

from sklearn_sagemaker.cli.examples import TRUST, WITH_MODEL
from sklearn_sagemaker.cli.model_file import SavedModel, load_model
from sklearn_sagemaker.cli.options import add_model
from sklearn_sagemaker.cli.progress import by_parts
from sklearn_sagemaker.cli.reading import add_reading, reading_of
from sklearn_sagemaker.cli.text import confusion_table, count, facts, short

HELP = "measure a model on a data file with labels"

EXAMPLES = f"""\
{WITH_MODEL}
  sklearn-sagemaker evaluate test.csv --model cancer.joblib
  sklearn-sagemaker evaluate test.csv --model cancer.joblib --json

{TRUST}"""

LARGEST_MATRIX = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the command's arguments."""
    parser.add_argument(
        "file", metavar="FILE", help="rows with labels; - is standard input"
    )
    add_model(parser)
    parser.add_argument(
        "--label",
        metavar="NAME",
        help="the label, as for train (default: where the model had it)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_reading(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read, predict, measure."""
    from sklearn_sagemaker.cli.matching import read_for

    reading = reading_of(arguments, arguments.file)
    model = load_model(arguments.model)
    table = read_for(
        arguments.file,
        model.expected,
        reading=reading,
        label=arguments.label,
        with_label=True,
    )
    found = measure(model, table)
    if arguments.json:
        print(json.dumps(found, indent=2, allow_nan=False))
    else:
        print(_as_text(found, table.path))
    return 0


def measure(model: SavedModel, table: Any) -> dict[str, Any]:
    """Metrics of a model on a table with labels.

    Returns
    -------
    metrics : dict
        Plain numbers, lists and texts; None where a metric is not defined.
    """
    metrics = _classes if model.is_classifier else _numbers
    found = metrics(model.estimator, table)
    plain = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in found.items()
    }
    return {"rows": int(table.X.shape[0]), **plain}


def _numbers(estimator: Any, table: Any) -> dict[str, Any]:
    from sklearn import metrics

    answers = by_parts(estimator.predict, table.X)
    squared = float(metrics.mean_squared_error(table.y, answers))
    return {
        "mse": squared,
        "rmse": math.sqrt(squared),
        "mae": float(metrics.mean_absolute_error(table.y, answers)),
        # One row has no variance to explain.
        "r2": float(metrics.r2_score(table.y, answers)) if len(answers) > 1 else None,
    }


def _classes(estimator: Any, table: Any) -> dict[str, Any]:
    import numpy as np
    from sklearn import metrics

    from sklearn_sagemaker.cli.matching import check_known

    classes = estimator.classes_
    check_known(classes, table)
    answers = by_parts(estimator.predict, table.X)
    found: dict[str, Any] = {"accuracy": float(np.mean(answers == table.y))}
    probabilities = None
    # Losses without probabilities, such as the hinge loss, have none.
    if hasattr(estimator, "predict_proba"):
        probabilities = by_parts(estimator.predict_proba, table.X, "probabilities")
    if len(classes) == 2:
        hits, actual = answers == classes[1], table.y == classes[1]
        for name in ("precision", "recall", "f1"):
            score = getattr(metrics, f"{name}_score")
            found[name] = float(score(actual, hits, zero_division=0))
        found["roc_auc"] = found["average_precision"] = None
        if actual.any() and not actual.all():
            margins = by_parts(estimator.decision_function, table.X, "scores")
            for name in ("roc_auc", "average_precision"):
                score = getattr(metrics, f"{name}_score")
                found[name] = float(score(actual, margins))
    else:
        found["macro_f1"] = float(
            metrics.f1_score(
                table.y, answers, labels=classes, average="macro", zero_division=0
            )
        )
    if probabilities is not None:
        found["log_loss"] = float(
            metrics.log_loss(table.y, probabilities, labels=classes)
        )
    found["classes"] = classes.tolist()
    if len(classes) <= LARGEST_MATRIX:
        found["confusion_matrix"] = metrics.confusion_matrix(
            table.y, answers, labels=classes
        ).tolist()
    return found


NAMES = {
    "roc_auc": "ROC AUC",
    "average_precision": "avg precision",
    "f1": "F1",
    "macro_f1": "macro F1",
    "r2": "R2",
}
NAMES |= {name: name.upper() for name in ("mse", "rmse", "mae")}


def _as_text(found: dict[str, Any], path: str) -> str:
    lines = [("data", f"{path}: {count(found['rows'], 'row')}")]
    for name, value in found.items():
        if name in ("rows", "classes", "confusion_matrix"):
            continue
        title = NAMES.get(name, name.replace("_", " "))
        lines.append((title, "not defined here" if value is None else f"{value:.6g}"))
    text = facts(lines)
    if "classes" in found and len(found["classes"]) == 2:
        text += f"\n(the positive class is {short(found['classes'][1])})"
    if "confusion_matrix" in found:
        matrix = confusion_table(found["classes"], found["confusion_matrix"])
        text += f"\n\nConfusion matrix:\n{matrix}"
    return text
