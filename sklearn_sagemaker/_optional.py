"""Optional packages, through one function that names the extra."""

from __future__ import annotations

import importlib
from types import ModuleType

from sklearn_sagemaker.exceptions import OptionalDependencyError


def import_optional(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a package that is not part of the core install.

    Parameters
    ----------
    module : str
        Name to import.
    extra : str
        Extra of sklearn_sagemaker that installs it.
    purpose : str
        What it is needed for, to complete "... is needed for ...".

    Raises
    ------
    OptionalDependencyError
        If it is not installed; the message says what to type.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise OptionalDependencyError(
            f"{module} is needed for {purpose} and is not installed; install it with "
            f"pip install 'sklearn_sagemaker[{extra}]'."
        ) from error
