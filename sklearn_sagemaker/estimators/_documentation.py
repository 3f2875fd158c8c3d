"""Docstrings of the estimators: their hyperparameters come from the table."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable

from sklearn_sagemaker._hyperparameters import Hyperparameter


def document(table: dict[str, Hyperparameter], shared: str) -> Callable[[type], type]:
    """Fill ``{hyperparameters}`` and ``{shared}`` of a class docstring.

    Parameters
    ----------
    table : dict of str to Hyperparameter
        Hyperparameters of the class.
    shared : str
        Description of the parameters that are not hyperparameters.

    Returns
    -------
    decorator : callable
    """

    def fill(cls: type) -> type:
        lines = []
        for entry in table.values():
            default = (
                f'"{entry.default}"'
                if isinstance(entry.default, str)
                else entry.default
            )
            lines.append(f"{entry.name} : {entry.type_text}, default={default}")
            text = entry.doc
            if entry.default != entry.sagemaker_default:
                text += f" SageMaker's own default is {entry.sagemaker_default}."
            lines.append(textwrap.indent(textwrap.fill(text, 76), "    "))
        body = "\n".join(lines)
        doc = inspect.cleandoc(cls.__doc__ or "")
        doc = doc.replace("{hyperparameters}", body)
        cls.__doc__ = doc.replace("{shared}", textwrap.dedent(shared).strip())
        return cls

    return fill
