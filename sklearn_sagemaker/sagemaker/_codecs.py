"""The serializer and the deserializer of a predictor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def check_codec(name: str, codec: Any) -> None:
    """Refuse a class of serializers, which a pair of parentheses makes one of.

    Parameters
    ----------
    name : {"serializer", "deserializer"}
    codec : object

    Raises
    ------
    TypeError
    """
    if isinstance(codec, type):
        raise TypeError(
            f"{name}={codec.__name__} is a class; give an object of it: "
            f"{name}={codec.__name__}()."
        )


class Codec:
    """An attribute of predictors that is checked when it is set.

    Parameters
    ----------
    default : callable
        Makes what None stands for, as it did in version 1 of the SDK.
    """

    def __init__(self, default: Callable[[], Any]):
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, predictor: Any, owner: type) -> Any:
        return self if predictor is None else vars(predictor)[self._name]

    def __set__(self, predictor: Any, codec: Any) -> None:
        check_codec(self._name, codec)
        vars(predictor)[self._name] = self._default() if codec is None else codec
