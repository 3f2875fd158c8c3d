"""What one hyperparameter is: name, range, defaults, and when it applies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

BINARY = "binary_classifier"
MULTICLASS = "multiclass_classifier"
REGRESSOR = "regressor"
CLASSIFIERS = (BINARY, MULTICLASS)
ALL = (BINARY, MULTICLASS, REGRESSOR)

Requirement = tuple[tuple[str, tuple[Any, ...]], ...]
"""Names of other hyperparameters, each with the values of it that are needed."""


def _bound(value: float | None) -> str:
    return "inf" if value is None else f"{value:.10g}"


@dataclass(frozen=True)
class Hyperparameter:
    """One hyperparameter.

    Attributes
    ----------
    name : str
        Name here and in SageMaker's container.
    kind : {"int", "float", "bool", "choice"}
    default : object
        Default here.
    sagemaker_default : object
        Default of SageMaker's container.
    doc : str
        What it does, for docstrings and tables.
    predictor_types : tuple of str
        Predictor types that it applies to.
    low, high, closed : float, float, str
        Range of a number; ``closed`` as in scikit-learn's ``Interval``.
    choices : tuple of str
        Texts that are allowed, beside a number if the kind is one.
    requires : tuple of (str, tuple)
        Names of other hyperparameters, each with the values of it under which
        this one has an effect; all must hold.
    ours : bool
        Whether SageMaker's algorithm lacks it: then its SageMaker default is what
        does as SageMaker does.
    """

    name: str
    kind: str
    default: Any
    sagemaker_default: Any
    doc: str
    predictor_types: tuple[str, ...] = ALL
    low: float | None = None
    high: float | None = None
    closed: str = "neither"
    choices: tuple[str, ...] = ()
    requires: Requirement = ()
    ours: bool = False

    @property
    def type_text(self) -> str:
        """Type and range as a docstring states them."""
        texts = ", ".join(f'"{choice}"' for choice in self.choices)
        if self.kind == "choice":
            return "{" + texts + "}"
        base = {"int": "int", "float": "float", "bool": "bool"}[self.kind]
        if self.low is not None and self.kind != "bool":
            left = "[" if self.closed in ("left", "both") else "("
            right = "]" if self.closed in ("right", "both") else ")"
            low, high = (_bound(value) for value in (self.low, self.high))
            base += f" in {left}{low}, {high}{right}"
        return f"{base} or {texts}" if texts else base

    def parse(self, text: str) -> Any:
        """A value from text, as typed on a command line or sent to SageMaker.

        Raises
        ------
        ValueError
            If the text is no value of this hyperparameter; the message names the
            value, the rule and an example.
        """
        value: Any
        text = text.strip()
        if text in self.choices:
            return text
        try:
            if self.kind == "bool":
                value = {"true": True, "false": False}[text.lower()]
            elif self.kind == "int":
                value = int(text)
            elif self.kind == "float":
                value = float(text)
            else:
                raise ValueError(text)
        except (ValueError, KeyError):
            raise ValueError(self._refusal(text)) from None
        if not self._in_range(value):
            raise ValueError(self._refusal(text))
        return value

    def to_string(self, value: Any) -> str:
        """The text that SageMaker's container accepts for a value."""
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    def _in_range(self, value: Any) -> bool:
        if self.kind == "bool" or self.low is None:
            return True
        high = math.inf if self.high is None else self.high
        above = value >= self.low if self.closed in ("left", "both") else True
        above = above and (value > self.low or self.closed in ("left", "both"))
        below = value <= high if self.closed in ("right", "both") else value < high
        return bool(above and below)

    def _refusal(self, text: str) -> str:
        example = self.default if self.default is not None else self.sagemaker_default
        return (
            f"{self.name}={text!r} is not valid: it must be {self.type_text}, "
            f"for example {self.to_string(example)}."
        )


def number(
    name: str,
    kind: str,
    default: Any,
    sagemaker_default: Any,
    doc: str,
    low: float,
    high: float | None = None,
    closed: str | None = None,
    auto: bool = False,
    **more: Any,
) -> Hyperparameter:
    """A number; the ends of its range are open unless ``closed`` says otherwise.

    Whole numbers without an upper end include the lower one.
    """
    if closed is None:
        closed = "neither" if high is not None or kind == "float" else "left"
    choices = ("auto",) if auto else ()
    return Hyperparameter(
        name,
        kind,
        default,
        sagemaker_default,
        doc,
        low=low,
        high=high,
        closed=closed,
        choices=choices,
        **more,
    )


def flag(
    name: str,
    default: Any,
    sagemaker_default: Any,
    doc: str,
    auto: bool = False,
    **more: Any,
) -> Hyperparameter:
    """True or False."""
    choices = ("auto",) if auto else ()
    return Hyperparameter(
        name, "bool", default, sagemaker_default, doc, choices=choices, **more
    )


def choice(
    name: str,
    default: Any,
    sagemaker_default: Any,
    doc: str,
    choices: tuple[str, ...],
    **more: Any,
) -> Hyperparameter:
    """One of some texts."""
    return Hyperparameter(
        name, "choice", default, sagemaker_default, doc, choices=choices, **more
    )


class _AboveZero(tuple[Any, ...]):
    """All numbers above zero, for ``requires``; as a text it says so."""

    def __contains__(self, value: object) -> bool:
        return isinstance(value, (int, float)) and value > 0


class _Words:
    """Shown as they are, without quotes."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def when_positive(name: str) -> Requirement:
    """For ``requires``: another hyperparameter is above zero."""
    return ((name, _AboveZero([_Words("above 0")])),)


def when(name: str, *values: Any) -> Requirement:
    """For ``requires``: another hyperparameter has one of these values."""
    return ((name, values),)
