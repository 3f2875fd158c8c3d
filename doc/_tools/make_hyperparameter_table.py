"""Write the tables of hyperparameters in the docs from their registry.

Those of the estimators are in doc/hyperparameters.md, those of SageMaker's containers
in doc/container_hyperparameters.md. Run it as
``python doc/_tools/make_hyperparameter_table.py``. With ``--check`` it writes nothing
and exits with 1 if a page is stale.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import (
    ALL,
    BINARY,
    CLASSIFIERS,
    MULTICLASS,
    REGRESSOR,
    Hyperparameter,
)
from sklearn_sagemaker._hyperparameters.container import (
    REQUIRED,
    container_table,
    our_table,
)
from sklearn_sagemaker._hyperparameters.tables import HYPERPARAMETERS
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.backends.container import container_values

PAGES = Path(__file__).resolve().parents[1]
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


CONTAINER_HEADS = (
    "name",
    "the container takes",
    "its default",
    "applies to",
    "our default, 100,000 rows",
)
CLASSES = {BINARY: np.arange(2), MULTICLASS: np.arange(3), REGRESSOR: None}
FROM_THE_DATA = {
    "predictor_type": "from the class and `y`",
    "feature_dim": "columns of `X`",
    "num_classes": "classes of `y`",
}


def container_rows(algorithm: str) -> str:
    """The table of what the container of an algorithm takes, in Markdown.

    Parameters
    ----------
    algorithm : str

    Returns
    -------
    text : str
    """
    kinds = container_table(algorithm, BINARY)["predictor_type"].choices
    entries: dict[tuple[str, str], dict[str, Hyperparameter]] = {}
    strings = {}
    for kind in kinds:
        for entry in container_table(algorithm, kind).values():
            entries.setdefault((entry.name, entry.type_text), {})[kind] = entry
        defaults = {
            name: entry.default for name, entry in our_table(algorithm, kind).items()
        }
        spec = TrainingSpec(algorithm, kind, defaults, CLASSES[kind])
        strings[kind] = container_values(spec, n_rows=100_000, n_features=10).strings
    lines = [f"| {' | '.join(CONTAINER_HEADS)} |", "|---" * len(CONTAINER_HEADS) + "|"]
    for (name, type_text), found in entries.items():
        required = name in (*REQUIRED[algorithm], "num_classes")
        entry = next(iter(found.values()))
        theirs = entry.sagemaker_default
        texts = {kind: strings[kind].get(name) for kind in found}
        cells = (
            f"`{name}`",
            _code(type_text),
            "required" if required else "none" if theirs is None else _string(entry),
            "all" if len(found) == len(kinds) else APPLIES[tuple(found)],
            FROM_THE_DATA.get(name) or _strings(texts),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _string(entry: Hyperparameter) -> str:
    return _code(entry.to_string(entry.sagemaker_default))


def _strings(texts: dict[str, str | None]) -> str:
    """What a job is told, by predictor type where they differ."""
    if len(set(texts.values())) == 1:
        (text,) = set(texts.values())
        return "left out" if text is None else _code(text)
    return ", ".join(f"`{text}` ({APPLIES[kind,]})" for kind, text in texts.items())


TABLES = {
    PAGES / "hyperparameters.md": table,
    PAGES / "container_hyperparameters.md": container_rows,
}


def updated(page: Path, text: str) -> str:
    """A page with a fresh table of each algorithm between two marker comments."""
    for algorithm in HYPERPARAMETERS:
        before, begin, rest = text.partition(BEGIN.format(algorithm))
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise SystemExit(
                f"{page} lacks the marker comments around the table of {algorithm}."
            )
        text = f"{before}{begin}\n\n{TABLES[page](algorithm)}\n\n{END}{after}"
    return text


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or with ``--check`` say whether one is stale."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments not in ([], ["--check"]):
        print("usage: make_hyperparameter_table.py [--check]", file=sys.stderr)
        return 2
    stale = False
    for page in TABLES:
        old = page.read_text(encoding="utf-8")
        new = updated(page, old)
        if old == new:
            continue
        stale = True
        if arguments:
            print(
                f"{page} is stale: run python doc/_tools/make_hyperparameter_table.py.",
                file=sys.stderr,
            )
        else:
            page.write_text(new, encoding="utf-8")
    return int(stale and bool(arguments))


if __name__ == "__main__":
    sys.exit(main())
