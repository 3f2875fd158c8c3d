"""Choice of the compiled kernels for this processor."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
from types import ModuleType

from sklearn_sagemaker._kernels._codegen import loss_lines, optimizer_lines
from sklearn_sagemaker._kernels._cpu import supported_levels
from sklearn_sagemaker._kernels.losses import LOSSES
from sklearn_sagemaker._kernels.optimizers import OPTIMIZERS

ENVIRONMENT_VARIABLE = "SKLEARN_SAGEMAKER_CPU_LEVEL"
"""Forces a level ("base", "v3" or "v4") when set before the import."""
GENERATED = ("_linear", "_factors")
"""Families whose kernels are written from the registries; "_sweeps" uses neither."""


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
    ImportError
        If it was built from other losses or optimizers than the registries hold.
    """
    if level not in available_levels():
        raise ValueError(
            f"{ENVIRONMENT_VARIABLE}={level!r} is not a level that this build and this "
            f"processor have; choose one of {', '.join(available_levels())}, or unset "
            "the variable to get the fastest."
        )
    module = importlib.import_module(f"{__package__}.{family}_{level}")
    if family in GENERATED:
        check_registries(module)
    return module


def check_registries(module: ModuleType) -> None:
    """Refuse kernels that know losses or optimizers by other numbers or formulas.

    They would train with a loss of zero, or with another one, and say nothing.

    Raises
    ------
    ImportError
        Naming the first entry that differs.
    """
    for name, lines in (
        ("LOSSES", loss_lines(LOSSES)),
        ("OPTIMIZERS", optimizer_lines(OPTIMIZERS)),
    ):
        built = getattr(module, name, ())
        for ours, theirs in itertools.zip_longest(lines, built, fillvalue="nothing"):
            if ours != theirs:
                raise ImportError(
                    f"{module.__name__} was built from other {name.lower()} than "
                    f"{name} holds now ({_entry(theirs)} where that has "
                    f"{_entry(ours)}); rebuild the kernels, in a checkout with "
                    "'python setup.py build_ext --inplace', else by installing "
                    "sklearn-sagemaker again."
                )


def _entry(line: str) -> str:
    """Name of a registry's entry, and its formulas as far as there is room."""
    return line if len(line) <= 60 else f"{line[:57]}..."


LEVEL: str = os.environ.get(ENVIRONMENT_VARIABLE) or available_levels()[-1]
kernels: ModuleType = load_level(LEVEL)
factor_kernels: ModuleType = load_level(LEVEL, "_factors")
sweep_kernels: ModuleType = load_level(LEVEL, "_sweeps")
