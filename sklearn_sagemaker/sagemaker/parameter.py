"""Ranges of the hyperparameters that a tuning job searches."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from sklearn_sagemaker._hyperparameters import plain


class ParameterRange:
    """A range of numbers.

    Parameters
    ----------
    min_value, max_value : float or int
    scaling_type : {"Auto", "Linear", "Logarithmic", "ReverseLogarithmic"}, \
default="Auto"
        Where the service looks more closely: "Logarithmic" near ``min_value``, for
        ranges above zero; "ReverseLogarithmic" near ``max_value``, for ranges of
        `ContinuousParameter` from 0 on and below 1. "Auto" leaves it to the service.
    """

    __all_types__: ClassVar = ("Continuous", "Categorical", "Integer")
    __name__ = ""

    def __init__(self, min_value: Any, max_value: Any, scaling_type: str = "Auto"):
        self.min_value, self.max_value = plain(min_value), plain(max_value)
        self.scaling_type = scaling_type

    def __repr__(self) -> str:
        scaling = "" if self.scaling_type == "Auto" else f", {self.scaling_type!r}"
        return f"{type(self).__name__}({self.min_value!r}, {self.max_value!r}{scaling})"

    def is_valid(self, value: Any) -> bool:
        """Whether a value is in the range.

        Parameters
        ----------
        value : float or int
        """
        return self.min_value <= value <= self.max_value

    @classmethod
    def cast_to_type(cls, value: Any) -> Any:
        """A value of the range, from text.

        Parameters
        ----------
        value : str
        """
        return float(value)

    def as_tuning_range(self, name: str) -> dict[str, Any]:
        """The range in a request.

        Parameters
        ----------
        name : str
            Of the hyperparameter.
        """
        return {
            "Name": name,
            "MinValue": str(self.min_value),
            "MaxValue": str(self.max_value),
            "ScalingType": self.scaling_type,
        }


class ContinuousParameter(ParameterRange):
    """A range of numbers of any kind.

    Parameters
    ----------
    min_value, max_value : float
    scaling_type : str, default="Auto"
        As of `ParameterRange`.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.parameter import ContinuousParameter
    >>> ContinuousParameter(1e-7, 1, scaling_type="Logarithmic").as_tuning_range("wd")
    {'Name': 'wd', 'MinValue': '1e-07', 'MaxValue': '1', 'ScalingType': 'Logarithmic'}
    """

    __name__ = "Continuous"


class IntegerParameter(ParameterRange):
    """A range of whole numbers.

    Parameters
    ----------
    min_value, max_value : int
    scaling_type : str, default="Auto"
        As of `ParameterRange`.
    """

    __name__ = "Integer"

    @classmethod
    def cast_to_type(cls, value: Any) -> Any:
        """A value of the range, from text.

        Parameters
        ----------
        value : str
        """
        return int(value)


class CategoricalParameter(ParameterRange):
    """Some values, in no order.

    Parameters
    ----------
    values : list or object
        Text, or what is written as text; one value need not be in a list.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.parameter import CategoricalParameter
    >>> CategoricalParameter([True, False]).values
    ['True', 'False']
    """

    __name__ = "Categorical"

    def __init__(self, values: Any):
        values = values if isinstance(values, list) else [values]
        self.values = [str(plain(value)) for value in values]

    def __repr__(self) -> str:
        return f"CategoricalParameter({self.values!r})"

    def is_valid(self, value: Any) -> bool:
        """Whether a value, as text, is one of them.

        Parameters
        ----------
        value : str
        """
        return value in self.values

    @classmethod
    def cast_to_type(cls, value: Any) -> Any:
        """A value, from text.

        Parameters
        ----------
        value : str
        """
        return str(value)

    def as_tuning_range(self, name: str) -> dict[str, Any]:
        """The values in a request.

        Parameters
        ----------
        name : str
            Of the hyperparameter.
        """
        return {"Name": name, "Values": self.values}

    def as_json_range(self, name: str) -> dict[str, Any]:
        """The values in a request, as programs of script mode read them.

        Parameters
        ----------
        name : str
            Of the hyperparameter.
        """
        return {"Name": name, "Values": [json.dumps(value) for value in self.values]}


def tuning_ranges(ranges: dict[str, ParameterRange]) -> dict[str, Any]:
    """``ParameterRanges`` of a request.

    Parameters
    ----------
    ranges : dict of str to ParameterRange
    """
    return {
        f"{kind}ParameterRanges": [
            one.as_tuning_range(name)
            for name, one in ranges.items()
            if one.__name__ == kind
        ]
        for kind in ParameterRange.__all_types__
    }


def ranges_of(found: dict[str, Any]) -> dict[str, ParameterRange]:
    """The ranges of a ``ParameterRanges``.

    Parameters
    ----------
    found : dict
    """
    ranges: dict[str, ParameterRange] = {}
    for one in found.get("CategoricalParameterRanges", ()):
        ranges[one["Name"]] = CategoricalParameter(one["Values"])
    numbers: tuple[tuple[str, Any], ...] = (
        ("ContinuousParameterRanges", ContinuousParameter),
        ("IntegerParameterRanges", IntegerParameter),
    )
    for member, kind in numbers:
        for one in found.get(member, ()):
            low, high = (
                kind.cast_to_type(one[end]) for end in ("MinValue", "MaxValue")
            )
            ranges[one["Name"]] = kind(low, high, one.get("ScalingType", "Auto"))
    return ranges
