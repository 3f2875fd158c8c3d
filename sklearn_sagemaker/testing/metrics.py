"""Metrics that the service reads from the lines of a log."""

from __future__ import annotations

import math
import re
from typing import Any

from sklearn_sagemaker.testing.errors import invalid

_EACH = ("train", "validation", "test")
_SCORES = {
    "absolute_loss": r"absolute_loss <loss>",
    "binary_classification_accuracy": r"binary_classification_accuracy <score>",
    "binary_classification_cross_entropy": (
        r"binary_classification_cross_entropy <loss>"
    ),
    "binary_f_beta": r"binary_f_\S+ <score>",
    "dcg": r"dcg <score>",
    "macro_f_beta": r"macro_f_\S+ <score>",
    "macro_precision": r"macro_precision <score>",
    "macro_recall": r"macro_recall <score>",
    "mse": r"mse <loss>",
    "multiclass_accuracy": r"multiclass_accuracy <score>",
    "multiclass_top_k_accuracy": r"multiclass_top_k_accuracy_\S+ <score>",
    "precision": r"precision <score>",
    "recall": r"recall <score>",
    "rmse": r"rmse <loss>",
    "roc_auc_score": r"roc_auc_score <score>",
}
_START = r"#quality_metric: host=\S+, "
_OBJECTIVE = r" \S+_objective <loss>=(\S+)"


def _built_in() -> list[dict[str, str]]:
    found = {
        "train:progress": r"#progress_metric: host=\S+, completed (\S+) %",
        "train:throughput": (
            r"#throughput_metric: host=\S+, train throughput=(\S+) records/second"
        ),
        "test:objective_loss": f"{_START}test{_OBJECTIVE}",
    }
    for part in _EACH[:2]:
        found[f"{part}:objective_loss"] = rf"{_START}epoch=\S+, {part}{_OBJECTIVE}"
        found[f"{part}:objective_loss:final"] = f"{_START}{part}{_OBJECTIVE}"
    for part in _EACH:
        for name, text in _SCORES.items():
            found[f"{part}:{name}"] = rf"{_START}{part} {text}=(\S+)"
    return [{"Name": name, "Regex": regex} for name, regex in found.items()]


BUILT_IN = _built_in()
"""Definitions that the service adds to jobs of the built-in algorithms."""
OBJECTIVE = "ObjectiveMetric"
"""What the service calls a copy of what the jobs of a tuning job are tuned by."""


class Metrics:
    """Values found in a log.

    Parameters
    ----------
    definitions : list of dict
        With ``Name`` and ``Regex``.
    """

    def __init__(self, definitions: list[dict[str, str]]):
        self._all = [(item["Name"], compiled(item)) for item in definitions]
        self.last: dict[str, tuple[float, float]] = {}

    def read(self, line: str, seconds: float) -> list[dict[str, Any]]:
        """Data points of a line, as CloudWatch takes them.

        Parameters
        ----------
        line : str
        seconds : float
            When it was printed, since 1970.
        """
        points = []
        for name, regex in self._all:
            found = regex.search(line)
            if found is None:
                continue
            try:
                value = float(found[1])
            except ValueError:
                continue
            if not math.isfinite(value):
                # CloudWatch refuses it.
                continue
            self.last[name] = value, seconds
            points.append({"MetricName": name, "Value": value, "Timestamp": seconds})
        return points

    def final(self) -> list[dict[str, Any]]:
        """The last value of each."""
        return [
            {"MetricName": name, "Value": value, "Timestamp": seconds}
            for name, (value, seconds) in self.last.items()
        ]


def compiled(definition: dict[str, str]) -> re.Pattern[str]:
    """The regular expression of a metric, with its one group.

    Raises
    ------
    ServiceError
    """
    try:
        regex = re.compile(definition["Regex"])
    except re.error as error:
        raise invalid(
            f"The regular expression of the metric {definition['Name']} is none: "
            f"{error}"
        ) from None
    if regex.groups < 1:
        raise invalid(
            f"The regular expression of the metric {definition['Name']} has no group "
            "for the value."
        )
    return regex
