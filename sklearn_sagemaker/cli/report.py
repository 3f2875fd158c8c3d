"""``--report``: one page of HTML about a training, with everything in it."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

from sklearn_sagemaker.cli.candidates import OF_STEPS
from sklearn_sagemaker.cli.text import count, number

SHOWN_CANDIDATES = 10
SHOWN_FEATURES = 20
WIDTH = 7.2
"""Of pictures, in inches."""

STYLE = """\
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
  max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .15rem 1rem .15rem 0; }
.numbers th, .numbers td { text-align: right; white-space: nowrap; }
.numbers tr.best { background: #fdeee3; font-weight: 600; }
.wide { overflow-x: auto; } img { max-width: 100%; height: auto; }
p.note { color: #555; font-size: .9rem; }
thead th { border-bottom: 1px solid #bbb; }"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A browser loads nothing for the page, and runs nothing in it."""


def check_can_draw() -> None:
    """Raise before the work if there is nothing to draw with."""
    from sklearn_sagemaker._optional import import_optional

    import_optional("matplotlib.figure", "plot", "reports")


def write_report(
    path: str,
    estimator: Any,
    *,
    data: list[tuple[str, str]],
    train: Any,
    validation: Any = None,
) -> None:
    """Write the report of a training, whole or not at all.

    Parameters
    ----------
    path : str
    estimator : fitted estimator
    data : list of (str, str)
        Facts about the data.
    train, validation : Table
        What it was trained and validated on; None for no validation rows.
    """
    from sklearn_sagemaker.io import replacing

    page = _page(estimator, data, train, validation)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _page(estimator: Any, data: Any, train: Any, validation: Any) -> str:
    from sklearn_sagemaker import __version__
    from sklearn_sagemaker.estimators._notebook import summary_table

    title = f"{type(estimator).__name__} on {train.path}"
    parts = [f"<h1>{escape(title)}</h1>", _facts(data), "<h2>What was chosen</h2>"]
    parts.append(summary_table(estimator))
    parts.append("<h2>Candidates</h2>")
    parts.append(_candidates(estimator))
    parts += _pictures(estimator, train, validation)
    parts.append(f'<p class="note">sklearn_sagemaker {escape(__version__)}</p>')
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}\n</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _facts(pairs: Any) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in pairs
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _candidates(estimator: Any) -> str:
    """The best candidates as a table, the chosen one marked."""
    from sklearn_sagemaker.estimators._summary import DIFFERENCES, score_name

    found = estimator.candidates_
    order = found["rank_validation_score"].argsort(kind="stable")[:SHOWN_CANDIDATES]
    names = [name for name in DIFFERENCES if f"param_{name}" in found]
    steps = "epochs" in estimator.resolved_params_
    names = [name for name in names if steps or name not in OF_STEPS]
    columns = {name: f"param_{name}" for name in names}
    if steps:
        columns["best epoch"] = "best_epoch"
    columns |= {"training loss": "train_loss", "validation loss": "validation_loss"}
    columns[score_name(estimator)] = "validation_score"
    if steps:
        columns["status"] = "status"
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in columns)
    rows = []
    for place in order:
        best = ' class="best"' if place == estimator.best_index_ else ""
        cells = (found[column][place] for column in columns.values())
        texts = (escape(number(cell.item())) for cell in cells)
        rows.append(f"<tr{best}>{''.join(f'<td>{text}</td>' for text in texts)}</tr>")
    shown = f"The best {len(order)} of {count(len(found['status']), 'candidate')}."
    return (
        f'<p class="note">{shown}</p><div class="wide"><table class="numbers"><thead>'
        f"<tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _pictures(estimator: Any, train: Any, validation: Any) -> list[str]:
    from sklearn_sagemaker.inspection import (
        CandidatesDisplay,
        CoefficientsDisplay,
        LossCurveDisplay,
        ThresholdDisplay,
    )

    parts = [
        _picture(
            "Validation score of every candidate",
            lambda ax: CandidatesDisplay.from_estimator(estimator, ax=ax),
        )
    ]
    if "epochs" in estimator.resolved_params_:
        parts.append("<h2>Losses</h2>")
        parts.append(
            _picture(
                "Training and validation loss by epoch",
                lambda ax: LossCurveDisplay.from_estimator(estimator, ax=ax),
            )
        )
    if hasattr(estimator, "threshold_"):
        rows, whose = (validation, "the validation rows")
        if validation is None:
            rows, whose = train, "the training rows, which flatter the model"
        parts.append("<h2>Threshold</h2>")
        parts.append(f'<p class="note">On {whose}.</p>')
        parts.append(
            _picture(
                "Precision, recall, F score and accuracy by threshold",
                lambda ax: ThresholdDisplay.from_estimator(
                    estimator, rows.X, rows.y, ax=ax
                ),
            )
        )
    shown = min(SHOWN_FEATURES, int(estimator.n_features_in_))
    parts.append("<h2>Coefficients</h2>")
    parts.append(
        '<p class="note">Times the standard deviation of each feature, so that those '
        "of different units compare.</p>"
    )
    parts.append(
        _picture(
            "The largest coefficients",
            lambda ax: CoefficientsDisplay.from_estimator(
                estimator,
                X=train.X,
                feature_names=train.names,
                max_features=SHOWN_FEATURES,
                ax=ax,
            ),
            height=1.3 + 0.21 * shown,
        )
    )
    return parts


def _picture(title: str, draw: Any, height: float = 4.2) -> str:
    """A picture within the page, as text of SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    draw(figure.add_subplot())
    file = io.BytesIO()
    # The same model, the same bytes.
    with mpl.rc_context({"svg.hashsalt": title}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    code = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="{escape(title)}" src="data:image/svg+xml;base64,{code}">'
