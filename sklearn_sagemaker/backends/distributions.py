"""What is searched, as users of scikit-learn write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SCALINGS = {
    "uniform": "Linear",
    "loguniform": "Logarithmic",
    "reciprocal": "Logarithmic",
}


@dataclass(frozen=True)
class Interval:
    """A range of numbers.

    Attributes
    ----------
    low, high : float or int
    scaling : str
        As SageMaker calls it.
    whole : bool
        Whether it has whole numbers only.
    """

    low: float
    high: float
    scaling: str = "Auto"
    whole: bool = False


def searched(name: str, given: Any) -> Interval | list[Any]:
    """A range of numbers, or the values of a list.

    Parameters
    ----------
    name : str
        Of the hyperparameter.
    given : sequence, frozen distribution of scipy.stats, or ParameterRange

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> from scipy.stats import loguniform, randint
    >>> from sklearn_sagemaker.backends.distributions import searched
    >>> searched("wd", loguniform(1e-6, 1))
    Interval(low=1e-06, high=1.0, scaling='Logarithmic', whole=False)
    >>> searched("epochs", randint(1, 10))
    Interval(low=1, high=9, scaling='Linear', whole=True)
    """
    kind = getattr(given, "__name__", None)
    if kind == "Categorical":
        return [_parsed(value) for value in given.values]
    if kind in ("Continuous", "Integer"):
        whole = kind == "Integer"
        return Interval(given.min_value, given.max_value, given.scaling_type, whole)
    family = getattr(getattr(given, "dist", None), "name", None)
    if family in SCALINGS:
        low, high = map(float, given.support())
        return Interval(low, high, SCALINGS[family])
    if family == "randint":
        low, high = map(int, given.support())
        return Interval(low, high, "Linear", whole=True)
    if isinstance(given, np.ndarray | Sequence) and not isinstance(given, str | bytes):
        values = [value.item() if hasattr(value, "item") else value for value in given]
        if values:
            return values
    raise ValueError(
        f"distributions[{name!r}]={given!r}: SageMaker searches a list of values, "
        "scipy.stats.uniform, loguniform or randint, or a ContinuousParameter, "
        "IntegerParameter or CategoricalParameter of sklearn_sagemaker.sagemaker.tuner."
    )


def _parsed(text: str) -> Any:
    """A value of a CategoricalParameter, which holds text."""
    known = {"True": True, "False": False, "true": True, "false": False, "None": None}
    if text in known:
        return known[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
