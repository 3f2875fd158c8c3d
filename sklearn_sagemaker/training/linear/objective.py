"""What the columns of a block minimise, and by which steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sklearn_sagemaker._kernels import CONSTANTS, LOSSES, OPTIMIZERS, RowReader
from sklearn_sagemaker._kernels.losses import Loss


@dataclass(frozen=True)
class Objective:
    """What the columns of a block minimise, and by which steps."""

    loss: str
    n_classes: int
    optimizer: str
    constants: dict[str, float]
    use_bias: bool
    bias_lr_mult: float
    bias_wd_mult: float

    @property
    def of_loss(self) -> Loss:
        """The loss by its name."""
        return LOSSES[self.loss]

    @property
    def columns(self) -> int:
        """Columns of each fit of a model."""
        return self.n_classes if self.of_loss.coupled else 1

    @property
    def n_states(self) -> int:
        """Numbers that the optimizer keeps for each weight."""
        return OPTIMIZERS[self.optimizer].n_states

    def constants_of(self, dtype: np.dtype) -> np.ndarray:
        """The optimizer's constants, in the order of the kernels."""
        return np.array([self.constants[name] for name in CONSTANTS], dtype=dtype)

    def corrections(self, reader: RowReader) -> np.ndarray:
        """Adam's bias corrections by number of touches of a CSR feature."""
        if not reader.sparse:
            return np.ones((2, 1), dtype=reader.dtype)
        beta_1, beta_2 = self.constants["beta_1"], self.constants["beta_2"]
        return _corrections(beta_1, beta_2, reader.dtype)


@lru_cache(maxsize=8)
def _corrections(beta_1: float, beta_2: float, dtype: np.dtype) -> np.ndarray:
    """``1 / (1 - beta**t)`` for both, until it no longer shows next to 1."""
    largest = min(max(beta_1, beta_2), 1.0 - 1e-7)
    depth = np.log(np.finfo(dtype).eps) / np.log(max(largest, 1e-3))
    # 1 MB at most.
    touches = np.arange(1, min(int(depth) + 2, 1 << 17))
    table = np.ones((2, len(touches) + 1), dtype=dtype)
    for row, beta in zip(table, (beta_1, beta_2), strict=True):
        row[1:] = 1.0 / (1.0 - np.power(beta, touches))
    table.flags.writeable = False
    return table
