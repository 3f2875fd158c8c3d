"""Fitting to rows that come from files: checks, labels, and the way to windows."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._sparse import checked_csr, summed, without_zeros
from sklearn_sagemaker._state import RowSource, Window, WindowedData

HELD_SHARE = 6
"""Held-out rows, and as many of the others, take one part in so many of a source's
memory."""


def refuse_beside(source: RowSource, **arguments: Any) -> None:
    """Refuse labels and weights beside rows that have them inside.

    Raises
    ------
    ValueError
        Naming the argument.
    """
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"{name} is given beside a {type(source).__name__}, which has labels "
                "and weights inside; leave it out, or write it into the files."
            )


def loaded(X: Any, y: Any, sample_weight: Any) -> tuple:
    """Rows, labels and weights as arrays; a source that does not fit is left as X.

    Raises
    ------
    ValueError
        If labels or weights stand beside a source.
    """
    if not isinstance(X, RowSource):
        return X, y, sample_weight
    refuse_beside(X, y=y, sample_weight=sample_weight)
    X = X.snapshot()
    return X.load() if fits(X) else (X, None, None)


def validation_rows(X_val: Any, y_val: Any, sample_weight_val: Any) -> tuple:
    """The user's validation rows as arrays, loaded if they are a source.

    Raises
    ------
    ValueError
        If labels stand beside a source, or it takes more than its memory.
    """
    if not isinstance(X_val, RowSource):
        return X_val, y_val, sample_weight_val
    refuse_beside(X_val, y_val=y_val, sample_weight_val=sample_weight_val)
    X_val = X_val.snapshot()
    if not fits(X_val):
        found = X_val.contents
        raise ValueError(
            f"X_val holds {found.n_rows} rows of {found.n_bytes} bytes in all, more "
            f"than its memory={X_val.memory}; pass fewer validation rows, or a larger "
            "memory."
        )
    return X_val.load()


def fits(source: RowSource) -> bool:
    """Whether the rows may be loaded."""
    return source.contents.n_bytes <= source.memory


def windowed(
    source: RowSource,
    encode: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    validation: tuple[Any, np.ndarray | None, np.ndarray | None],
) -> WindowedData:
    """A source as the training takes it.

    Parameters
    ----------
    source : RowSource
    encode : callable
        ``encode(y, weights)`` gives float64 targets and weights.
    validation : (X, y, weights)
        The user's validation rows, encoded; three None if there are none.

    Raises
    ------
    ValueError
        Later, by a window of other width or type than the contents say.
    """
    contents = source.contents
    wanted = contents.sparse, contents.dtype, contents.n_features

    def windows(seed: int, epoch: int | None) -> Generator[Window, None, None]:
        with closing(source.windows(seed, epoch)) as found:
            for X, y, weights, draws in found:
                # The kernels trust these.
                if (sp.issparse(X), X.dtype, X.shape[1]) != wanted:
                    raise ValueError(
                        "The rows of the dataset have become others during the fit; "
                        "leave its files alone until it ends."
                    )
                if wanted[0]:
                    X = without_zeros(summed(checked_csr(X)))
                if weights is None:
                    weights = np.ones(len(y))
                yield Window(X, *encode(y, weights.astype(np.float64)), draws)

    return WindowedData(
        windows,
        contents.n_bytes,
        source.memory // HELD_SHARE,
        *validation,
    )


def next_windows(source: RowSource, seed: int, epoch: int) -> Generator[tuple]:
    """Rows, labels and weights of the windows of a source, without empty ones."""
    with closing(source.windows(seed, epoch)) as windows:
        for X, y, weights, _ in windows:
            # Rows of weight zero are absent, so may be a whole window.
            if weights is None or (weights != 0).any():
                yield X, y, weights
