"""Show what a model holds: what was chosen and why, candidates, coefficients.

It takes every model that 'predict' takes. A model of SageMaker's own images has no
candidates, which is said.
"""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

from sklearn_sagemaker.cli.candidates import candidates_table
from sklearn_sagemaker.cli.examples import TRUST, WITH_MODEL
from sklearn_sagemaker.cli.model_file import load_model
from sklearn_sagemaker.cli.options import MODEL, whole_number
from sklearn_sagemaker.cli.text import count, facts, number, short, table

HELP = "show what a model holds"

EXAMPLES = f"""\
{WITH_MODEL}
  sklearn-sagemaker inspect cancer.joblib
  sklearn-sagemaker inspect cancer.joblib --top 3 --json

{TRUST}"""

SHOWN, SHOWN_CLASSES = 10, 6
LONGEST = 30


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the command's arguments."""
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument(
        "--top",
        type=whole_number,
        metavar="N",
        help="coefficients and candidates to show, the largest and the best "
        "(default: 10; with --json, all)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Read the model, and say what is in it."""
    saved = load_model(arguments.model)
    if arguments.json:
        found = inspected(saved, arguments.top)
        print(json.dumps(found, indent=2, allow_nan=False))
        return 0
    print(_as_text(saved, arguments.top or SHOWN))
    return 0


def inspected(saved: Any, top: int | None = None) -> dict[str, Any]:
    """What a model holds, as plain values.

    Parameters
    ----------
    saved : SavedModel
    top : int or None
        Coefficients and candidates to give; None gives all.

    Returns
    -------
    found : dict
        Plain numbers, lists and texts; None is what the model does not know.
    """
    from sklearn_sagemaker.estimators._summary import summary

    estimator = saved.estimator
    fitted = vars(estimator)
    found: dict[str, Any] = {
        "estimator": type(estimator).__name__,
        "summary": dict(summary(estimator)),
    }
    for name in (
        "n_features_in_", "classes_", "threshold_", "intercept_", "best_index_",
        "best_params_", "best_score_", "n_iter_", "metrics_", "resolved_params_",
        "artifact_source_", "training_job_",
    ):  # fmt: skip
        found[name] = _plain(fitted.get(name))
    order, names, coef = _coefficients(saved)
    found["coefficients"] = [
        {"feature": str(names[place]), "coef": _plain(coef[place])}
        for place in order[:top]
    ]
    found["candidates"] = _candidates(fitted.get("candidates_"), top)
    return found


def _candidates(candidates: dict[str, Any] | None, top: int | None) -> Any:
    if candidates is None:
        return None
    order = candidates["rank_validation_score"].argsort(kind="stable")
    return [
        {"candidate": int(place)}
        | {name: _plain(values[place]) for name, values in candidates.items()}
        for place in order[:top]
    ]


def _coefficients(saved: Any) -> tuple[Any, Any, Any]:
    """Features by the size of their coefficients, their names, and these by feature."""
    import numpy as np

    coef = np.atleast_2d(saved.estimator.coef_).T
    names = saved.expected.names or [f"x{number}" for number in range(len(coef))]
    order = np.argsort(-np.abs(coef).max(axis=1), kind="stable")
    return order, names, coef[:, 0] if coef.shape[1] == 1 else coef


def _plain(value: Any) -> Any:
    """A value as JSON has it: numbers that are not finite are None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, int | str) else str(value)


def _as_text(saved: Any, top: int) -> str:
    import numpy as np

    from sklearn_sagemaker.estimators._summary import summary

    estimator = saved.estimator
    parts = [facts(summary(estimator))]
    if hasattr(estimator, "candidates_"):
        total = len(estimator.candidates_["status"])
        parts.append(
            f"Candidates, the best {min(top, total)} of {total}:\n\n"
            + candidates_table(estimator, top)
        )
    order, names, coef = _coefficients(saved)
    coef = coef.reshape(len(coef), -1)
    heads = ["feature"]
    heads += (
        ["coefficient"]
        if coef.shape[1] == 1
        else [f"class|{short(label, 12)}" for label in estimator.classes_]
    )
    shown = coef[:, :SHOWN_CLASSES]
    rows = [
        [short(names[place], LONGEST), *(number(float(one)) for one in shown[place])]
        for place in order[:top]
    ]
    hidden = coef.shape[1] - shown.shape[1]
    more = f" ({count(hidden, 'class', 'classes')} more by --json)" if hidden else ""
    size = f"the largest {min(top, len(coef))} of {len(coef):,}"
    intercept = np.atleast_1d(estimator.intercept_)[:SHOWN_CLASSES]
    rows.append(["(intercept)", *(number(float(one)) for one in intercept)])
    parts.append(
        f"Coefficients, {size}{more}:\n\n"
        + table(heads[: 1 + shown.shape[1]], rows, indent="")
    )
    return "\n\n".join(parts)
