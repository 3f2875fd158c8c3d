"""The real data sets: ``.npz`` files, cut into three parts as they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp


@dataclass
class Split:
    """One data set, cut as its file says."""

    X_train: Any
    y_train: Any
    X_val: Any
    y_val: Any
    X_test: Any
    y_test: Any

    def map(self, function: Callable[[Any], Any]) -> Split:
        """The same split with ``function`` applied to the three matrices."""
        return Split(
            function(self.X_train),
            self.y_train,
            function(self.X_val),
            self.y_val,
            function(self.X_test),
            self.y_test,
        )

    def fit(self, model: Any) -> Any:
        """Fit an estimator of ours, which is given the validation rows."""
        return model.fit(self.X_train, self.y_train, X_val=self.X_val, y_val=self.y_val)


def load(data_dir: Path, name: str) -> Split:
    """Read ``name.npz``: dense arrays as they are, CSR with float32 values.

    "mnist-zero" is MNIST as "is it a zero": uint8 pixels as they are, y 0 or 1.
    """
    if name == "mnist-zero":
        split = load(data_dir, "mnist")
        for part in ("y_train", "y_val", "y_test"):
            setattr(split, part, (getattr(split, part) == 0).astype("int64"))
        return split
    with np.load(data_dir / f"{name}.npz") as file:
        if "X" in file:
            X = file["X"]
            X = X.reshape(len(X), -1)
        else:
            parts = (file["data"].astype(np.float32), file["indices"], file["indptr"])
            X = sp.csr_matrix(parts, shape=tuple(file["shape"]))
        y = file["y"]
        rows = [file[f"{part}_idx"] for part in ("train", "val", "test")]
    return Split(*(part for index in rows for part in (X[index], y[index])))
