"""What a model expects of a data file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """Columns and labels of the file that a model was trained on.

    Attributes
    ----------
    names : list of str or None
        Features, in the order of the coefficients.
    n_features : int
    label : str, int or None
        Where the label was.
    label_kind : {"text", "int", "float"}
    zero_based : bool or None
        Whether a libsvm file counted features from 0.
    """

    names: list[str] | None
    n_features: int
    label: str | int | None
    label_kind: str
    zero_based: bool | None = None
