"""Fitting to rows that come from files: checks, and the way to arrays or windows."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any

from sklearn_sagemaker._state import RowSource, Shards


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
    if isinstance(X, Shards):
        # They are where they are trained on.
        return X, None, None
    X = X.snapshot()
    return X.load() if fits(X) else (X, None, None)


def validation_rows(X_val: Any, y_val: Any, sample_weight_val: Any) -> tuple:
    """The user's validation rows as arrays, loaded if they are a source here.

    Raises
    ------
    ValueError
        If labels stand beside a source, or it takes more than its memory.
    """
    if not isinstance(X_val, RowSource):
        return X_val, y_val, sample_weight_val
    refuse_beside(X_val, y_val=y_val, sample_weight_val=sample_weight_val)
    X_val = X_val.snapshot()
    if X_val.remote:
        return X_val, None, None
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


def next_windows(source: RowSource, seed: int, epoch: int) -> Generator[tuple]:
    """Rows, labels and weights of the windows of a source, without empty ones."""
    with closing(source.windows(seed, epoch)) as windows:
        for X, y, weights, _ in windows:
            # Rows of weight zero are absent, so may be a whole window.
            if weights is None or (weights != 0).any():
                yield X, y, weights
