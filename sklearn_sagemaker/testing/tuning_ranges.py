"""Ranges of hyperparameters: their ends are text, and so is what is drawn from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn_sagemaker.testing.errors import invalid

KINDS = ("Continuous", "Integer", "Categorical")
AUTO = "Auto"
WIDE = 100.0
"""Auto is logarithmic where the ends of a positive range are so far apart."""
_SCALES = {
    "Linear": (lambda x: x, lambda x: x),
    "Logarithmic": (math.log, math.exp),
    "ReverseLogarithmic": (lambda x: -math.log1p(-x), lambda x: -math.expm1(-x)),
}


@dataclass(frozen=True)
class Range:
    """The values that a hyperparameter may have.

    Attributes
    ----------
    name : str
    kind : {"Continuous", "Integer", "Categorical"}
    low, high : float
        Ends of a range of numbers.
    scaling : {"Linear", "Logarithmic", "ReverseLogarithmic"}
    values : tuple of str
        Of a categorical one.
    """

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    scaling: str = "Linear"
    values: tuple[str, ...] = ()

    def text(self, place: float) -> str:
        """The value at a place from 0 to 1, as requests have it."""
        if self.values:
            return self.values[min(int(place * len(self.values)), len(self.values) - 1)]
        scaled, value = _SCALES[self.scaling]
        low, high = self._ends()
        found = value(scaled(low) + place * (scaled(high) - scaled(low)))
        if self.kind == "Integer":
            found = round(found)
        found = min(max(found, self.low), self.high)
        return str(int(found)) if self.kind == "Integer" else repr(float(found))

    def has(self, text: str) -> bool:
        """Whether a value is one of the range."""
        if self.values:
            return text in self.values
        try:
            return self.low <= float(text) <= self.high
        except ValueError:
            return False

    def coordinates(self, text: str) -> list[float]:
        """Where a value of the range is: a number from 0 to 1, or one a category."""
        if self.values:
            return [float(text == value) for value in self.values]
        scaled, _ = _SCALES[self.scaling]
        low, high = self._ends()
        width = scaled(high) - scaled(low)
        place = (scaled(float(text)) - scaled(low)) / width if width else 0.0
        return [min(max(place, 0.0), 1.0)]

    def _ends(self) -> tuple[float, float]:
        """Ends such that whole numbers at both have as much room as the others."""
        half = 0.5 if self.kind == "Integer" else 0.0
        return self.low - half, self.high + half


def ranges_of(document: Mapping[str, Any]) -> list[Range]:
    """The ranges of a ``ParameterRanges``.

    Raises
    ------
    ServiceError
        If one is none, two have a name, or there is none.
    """
    if document.get("AutoParameters"):
        raise invalid(
            "The emulator has no Autotune; say the ranges of all hyperparameters that "
            "are to be searched."
        )
    found = [
        _read(kind, item)
        for kind in KINDS
        for item in document.get(f"{kind}ParameterRanges", ())
    ]
    names = [item.name for item in found]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"The hyperparameter {name} has more than one range.")
    if not found:
        raise invalid("There are no ParameterRanges, so that there is nothing to tune.")
    return found


def _read(kind: str, item: Mapping[str, Any]) -> Range:
    name = item["Name"]
    if kind == "Categorical":
        return Range(name, kind, values=tuple(item["Values"]))
    low, high = (_number(kind, item, end) for end in ("MinValue", "MaxValue"))
    if low > high:
        raise invalid(
            f"The MinValue {item['MinValue']} of the hyperparameter {name} is greater "
            f"than its MaxValue {item['MaxValue']}."
        )
    scaling = item.get("ScalingType", AUTO)
    if scaling == AUTO:
        wide = low > 0 and high >= WIDE * low
        scaling = "Logarithmic" if wide else "Linear"
    if scaling == "Logarithmic" and low <= 0:
        raise invalid(
            f"The hyperparameter {name} has the ScalingType Logarithmic, so that its "
            f"MinValue {item['MinValue']} must be greater than 0."
        )
    if scaling == "ReverseLogarithmic" and not (
        kind == "Continuous" and low >= 0 and high < 1
    ):
        raise invalid(
            f"The hyperparameter {name} has the ScalingType ReverseLogarithmic, which "
            "is for continuous ranges from 0 on and below 1."
        )
    return Range(name, kind, low, high, scaling)


def _number(kind: str, item: Mapping[str, Any], end: str) -> float:
    text = item[end]
    try:
        found = float(text)
        if kind == "Integer":
            found = int(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise invalid(
            f"The {end} {text!r} of the hyperparameter {item['Name']} is no "
            f"{'whole ' if kind == 'Integer' else ''}number."
        )
    return found


def texts(ranges: Sequence[Range], places: Sequence[float]) -> dict[str, str]:
    """The values at places from 0 to 1, by name."""
    return {
        item.name: item.text(place) for item, place in zip(ranges, places, strict=True)
    }


def coordinates(ranges: Sequence[Range], values: Mapping[str, str]) -> list[float]:
    """Where values are, one after the other."""
    return [x for item in ranges for x in item.coordinates(values[item.name])]
