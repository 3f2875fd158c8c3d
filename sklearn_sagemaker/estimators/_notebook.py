"""What notebooks show of a fitted estimator beside scikit-learn's diagram."""

from __future__ import annotations

from html import escape
from typing import Any

from sklearn_sagemaker.estimators._summary import summary

_CELL = "text-align:left;vertical-align:top;padding:0.1em 1em 0.1em 0"


def summary_table(estimator: Any) -> str:
    """A table of HTML of what was chosen and why; empty if it is not fitted.

    Parameters
    ----------
    estimator : estimator

    Notes
    -----
    It inherits the colours of the page, dark ones too.
    """
    if not hasattr(estimator, "coef_"):
        return ""
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL}">{escape(name)}</th>'
        f'<td style="{_CELL}">{escape(text)}</td></tr>'
        for name, text in summary(estimator)
    )
    return (
        '<table class="sklearn-sagemaker-summary" style="border-collapse:collapse;'
        f'margin:0.5em 0;font-size:0.9em"><tbody>{rows}</tbody></table>'
    )
