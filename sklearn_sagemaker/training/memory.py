"""Memory of a training: what it takes, told before it is taken, and where it lies."""

from __future__ import annotations

import math

import numpy as np

from sklearn_sagemaker._memory import memory
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.exceptions import TrainingTooLargeError


def check_bytes(n_bytes: int, what: str, remedy: str) -> None:
    """Refuse what takes more memory than this machine has.

    Parameters
    ----------
    n_bytes : int
    what : str
        The values that ask for it, and for what.
    remedy : str

    Raises
    ------
    TrainingTooLargeError
        Naming the bytes.
    """
    most = memory()
    if n_bytes > most:
        raise TrainingTooLargeError(
            f"{what} would take {in_words(n_bytes)}, and this machine has "
            f"{in_words(most)}; {remedy}."
        )


def in_words(n_bytes: int) -> str:
    """A number of bytes as people read it."""
    if n_bytes >= 10**18:
        return "more than 10^18 bytes"
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes} bytes"


WORK_BYTES = 32 << 20
"""Of one array of passing results, where work can be cut into pieces."""
EPOCH_BYTES, MODEL_BYTES = 256, 2048
"""What reports keep of each epoch, and of each candidate, besides numbers."""


def check_epochs(epochs: int, patience: int | None, n_models: int) -> None:
    """Refuse so many epochs that their curves do not fit into memory.

    Parameters
    ----------
    epochs : int
    patience : int or None
        Epochs without an improvement that end the training; None if it always
        makes all of them.
    n_models : int

    Raises
    ------
    TrainingTooLargeError
    """
    least = epochs if patience is None else min(epochs, patience + 1)
    check_bytes(
        least * (EPOCH_BYTES + 16 * n_models),
        f"epochs={epochs}: the losses of at least {least} epochs of {n_models} models",
        "set fewer epochs, or stop early with early_stopping_patience",
    )


COEF_ARRAYS = 3
"""Arrays of all coefficients, zeros too, that there are at the end of a training."""


def check_width(width: int, spec: TrainingSpec) -> None:
    """Refuse so many columns that their coefficients do not fit into memory.

    Those of columns that no row stores take no part in training, but are there.

    Parameters
    ----------
    width : int
        Columns of X.
    spec : TrainingSpec

    Raises
    ------
    TrainingTooLargeError
    """
    outputs = spec.n_classes if spec.predictor_type == "multiclass_classifier" else 1
    check_bytes(
        COEF_ARRAYS * 8 * width * outputs,
        f"X has {width} features: their coefficients for {outputs} output"
        f"{'s' if outputs > 1 else ''}",
        "hash the features into fewer columns, or drop those that no row stores",
    )


def aligned_zeros(shape: tuple[int, ...], dtype) -> np.ndarray:
    """Zeros that start on a cache line: a strip across two lines costs twice."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.zeros(size + 64, dtype=np.uint8)
    start = -memory.__array_interface__["data"][0] % 64
    return memory[start : start + size].view(dtype).reshape(shape)
