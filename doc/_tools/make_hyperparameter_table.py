"""Write the tables in doc/hyperparameters.md from the registry of hyperparameters.

Run it as ``python doc/_tools/make_hyperparameter_table.py``. With ``--check`` it
writes nothing and exits with 1 if the page is stale.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from sklearn_sagemaker._hyperparameters import (
    ALL,
    BINARY,
    CLASSIFIERS,
    MULTICLASS,
    REGRESSOR,
    Hyperparameter,
)
from sklearn_sagemaker._hyperparameters.tables import HYPERPARAMETERS

PAGE = Path(__file__).resolve().parents[1] / "hyperparameters.md"
BEGIN = (
    "<!-- begin {}: written by doc/_tools/make_hyperparameter_table.py from "
    "sklearn_sagemaker/_hyperparameters; do not edit by hand -->"
)
END = "<!-- end -->"
HEADS = (
    "name",
    "type and range",
    "default here",
    "SageMaker's default",
    "applies to",
    "what it does",
)
APPLIES = {
    ALL: "all",
    CLASSIFIERS: "classification",
    (BINARY,): "two classes",
    (MULTICLASS,): "three or more classes",
    (REGRESSOR,): "regression",
}


def _code(text: str) -> str:
    """Code in a table cell, where a bare pipe would end the cell."""
    if "|" not in text:
        return f"`{text}`"
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    return f"<code>{escaped}</code>"


def _value(value: Any) -> str:
    return _code(f'"{value}"' if isinstance(value, str) else str(value))


def _applies(entry: Hyperparameter) -> str:
    text = APPLIES[entry.predictor_types]
    for name, values in entry.requires:
        text += f", if `{name}` is {' or '.join(_value(value) for value in values)}"
    return text


def _theirs(entry: Hyperparameter) -> str:
    value = _value(entry.sagemaker_default)
    return f"not in SageMaker; as if {value}" if entry.ours else value


def _row(entry: Hyperparameter) -> str:
    doc = re.sub(r"``(.+?)``", lambda match: _code(match[1]), entry.doc)
    cells = (
        f"`{entry.name}`",
        _code(entry.type_text),
        _value(entry.default),
        _theirs(entry),
        _applies(entry),
        doc,
    )
    return f"| {' | '.join(cells)} |"


def table(algorithm: str) -> str:
    """The table of one algorithm, in Markdown.

    Parameters
    ----------
    algorithm : str
        SageMaker's name of it.

    Returns
    -------
    text : str
    """
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    return "\n".join(lines + [_row(entry) for entry in HYPERPARAMETERS[algorithm]])


def updated(text: str) -> str:
    """The page with a fresh table of each algorithm between two marker comments."""
    for algorithm in HYPERPARAMETERS:
        before, begin, rest = text.partition(BEGIN.format(algorithm))
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise SystemExit(
                f"{PAGE} lacks the marker comments around the table of {algorithm}."
            )
        text = f"{before}{begin}\n\n{table(algorithm)}\n\n{END}{after}"
    return text


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` say whether it is stale."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments not in ([], ["--check"]):
        print("usage: make_hyperparameter_table.py [--check]", file=sys.stderr)
        return 2
    old = PAGE.read_text(encoding="utf-8")
    new = updated(old)
    if old == new:
        return 0
    if arguments:
        print(
            f"{PAGE} is stale: run python doc/_tools/make_hyperparameter_table.py.",
            file=sys.stderr,
        )
        return 1
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
