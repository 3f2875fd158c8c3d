"""Choice of the compiled kernels for this processor."""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType

from sklearn_sagemaker._kernels._cpu import supported_levels

ENVIRONMENT_VARIABLE = "SKLEARN_SAGEMAKER_CPU_LEVEL"
"""Forces a level ("base", "v3" or "v4") when set before the import."""


def available_levels() -> tuple[str, ...]:
    """Levels that were built and that this processor runs, the lowest first."""
    return tuple(
        level
        for level in supported_levels()
        if importlib.util.find_spec(f"{__package__}._linear_{level}") is not None
    )


def load_level(level: str, family: str = "_linear") -> ModuleType:
    """The compiled module of one level and family of kernels.

    Raises
    ------
    ValueError
        If the level was not built or the processor lacks it.
    """
    if level not in available_levels():
        raise ValueError(
            f"{ENVIRONMENT_VARIABLE}={level!r} is not a level that this build and this "
            f"processor have; choose one of {', '.join(available_levels())}, or unset "
            "the variable to get the fastest."
        )
    return importlib.import_module(f"{__package__}.{family}_{level}")


LEVEL: str = os.environ.get(ENVIRONMENT_VARIABLE) or available_levels()[-1]
kernels: ModuleType = load_level(LEVEL)
factor_kernels: ModuleType = load_level(LEVEL, "_factors")
sweep_kernels: ModuleType = load_level(LEVEL, "_sweeps")
