"""Compute kernels: passes over the data for many linear models at once.

``kernels`` is the compiled module of the best instruction-set level that this
processor has.
"""

from sklearn_sagemaker._kernels._ordering import (
    count_columns,
    descending,
    running_sums,
)
from sklearn_sagemaker._kernels.levels import (
    LEVEL,
    available_levels,
    factor_kernels,
    kernels,
    sweep_kernels,
)
from sklearn_sagemaker._kernels.losses import DEFAULT_LOSS, LOSS_IDS, LOSSES
from sklearn_sagemaker._kernels.optimizers import (
    CONSTANTS,
    FACTOR_CHOICES,
    LINEAR_CHOICES,
    LINEAR_OPTIMIZERS,
    OPTIMIZER_IDS,
    OPTIMIZERS,
    FactorDefaults,
)
from sklearn_sagemaker._kernels.passes import Batches, Columns
from sklearn_sagemaker._kernels.readers import RowReader, read_in

__all__ = [
    "CONSTANTS",
    "DEFAULT_LOSS",
    "FACTOR_CHOICES",
    "LEVEL",
    "LINEAR_CHOICES",
    "LINEAR_OPTIMIZERS",
    "LOSSES",
    "LOSS_IDS",
    "OPTIMIZERS",
    "OPTIMIZER_IDS",
    "Batches",
    "Columns",
    "FactorDefaults",
    "RowReader",
    "available_levels",
    "count_columns",
    "descending",
    "factor_kernels",
    "kernels",
    "read_in",
    "running_sums",
    "sweep_kernels",
]
