"""Arguments under the names that version 1 of SageMaker's SDK had for them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from sklearn_sagemaker._hyperparameters import warn_user

Function = TypeVar("Function", bound=Callable[..., Any])

TRAINING = {
    "train_instance_count": "instance_count",
    "train_instance_type": "instance_type",
    "train_volume_size": "volume_size",
    "train_volume_kms_key": "volume_kms_key",
    "train_max_run": "max_run",
    "train_max_wait": "max_wait",
    "train_use_spot_instances": "use_spot_instances",
}
"""Of estimators."""


def old_names(**names: str) -> Callable[[Function], Function]:
    """Let a function take arguments under older names, with a warning for each.

    Parameters
    ----------
    **names
        Old name = name of today. An argument that is given under both names is a
        TypeError, as one that is given twice.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_sagemaker.sagemaker._old_names import old_names
    >>> @old_names(image_name="image_uri")
    ... def run(image_uri):
    ...     return image_uri
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     run(image_name="mine:1")
    'mine:1'
    >>> [str(item.message) for item in caught]
    ['The argument image_name is called image_uri now.']
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def renamed(*args: Any, **kwargs: Any) -> Any:
            for old in [name for name in kwargs if name in names]:
                new = names[old]
                if new in kwargs:
                    raise TypeError(
                        f"{old} and {new} are two names of one argument; give {new} "
                        "only."
                    )
                warn_user(
                    f"The argument {old} is called {new} now.", DeprecationWarning
                )
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return renamed  # type: ignore[return-value]

    return decorate
