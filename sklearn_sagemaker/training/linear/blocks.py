"""The blocks of columns of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from sklearn_sagemaker._kernels import OPTIMIZERS, RowReader
from sklearn_sagemaker.training.columns import Columns
from sklearn_sagemaker.training.linear.block import ColumnBlock
from sklearn_sagemaker.training.linear.candidates import Candidates
from sklearn_sagemaker.training.linear.layout import LANES
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.scaling import FeatureStatistics
from sklearn_sagemaker.training.team import Team

BLOCK_COLUMNS = 128
"""Columns that one pass trains together..."""
BLOCK_BYTES = 512 << 10
"""... or as many of dense rows as make weights of this size: with few features wider
strips pay, and arrays of half a megabyte stay in the cache."""
MOST_COLUMNS = 1024
SPARSE_BYTES = 8 << 20
"""Sparse rows jump about in weights, states and gradients: with more features than fit
a block takes fewer columns, so that they stay in the last cache."""


def block_columns(reader: RowReader) -> int:
    """Columns that one pass trains together; never a matter of threads."""
    if reader.sparse:
        fitting = SPARSE_BYTES // (reader.n_features * reader.dtype.itemsize)
        return int(np.clip(fitting // LANES * LANES, 2 * LANES, BLOCK_COLUMNS))
    fitting = BLOCK_BYTES // (reader.n_features * reader.dtype.itemsize)
    return int(np.clip(fitting, BLOCK_COLUMNS, MOST_COLUMNS))


def models_per_block(reader: RowReader, n_models: int, width: int) -> int:
    """Models that one block trains; never a matter of threads.

    Parameters
    ----------
    reader : RowReader
    n_models : int
        Of the run.
    width : int
        Columns of a model: fits times classes.

    Returns
    -------
    per_block : int
    """
    per_block = max(1, block_columns(reader) // width)
    n_blocks = -(-n_models // per_block)
    return -(-n_models // n_blocks)


class TrainedBlock(Protocol):
    """What is left of some candidates when they are trained, or solved."""

    n_models: int

    @property
    def optimality(self) -> np.ndarray | None:
        """How far each may be from its optimum; None where steps do not tell."""

    @property
    def left_out(self) -> np.ndarray | None:
        """Margins of rows that train as if they did not, where steps are none."""

    def best_margins(self, reader: RowReader, parts, models=None) -> np.ndarray:
        """Margins of some of them, each row by the fit that may score it."""

    def polish(self, model: int) -> None:
        """Bring one to its optimum, if it is only near it."""

    def solution(self, model: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and intercept of one of them."""


def models_of(blocks: Sequence[TrainedBlock]) -> list[tuple[int, int]]:
    """Block of each candidate and its place there."""
    return [
        (number, model)
        for number, block in enumerate(blocks)
        for model in range(block.n_models)
    ]


def mean_solution(
    blocks: Sequence[TrainedBlock], chosen: np.ndarray, origin: float, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean coefficients and intercepts of some candidates, in the user's units.

    Parameters
    ----------
    blocks : sequence of TrainedBlock
    chosen : int array
        Candidates.
    origin, unit : float
        Labels were trained as ``(y - origin) / unit``.

    Returns
    -------
    coef, intercept : float64 arrays of shape (n_classes, n_features), (n_classes,)
    """
    models = models_of(blocks)
    found = [blocks[models[i][0]].solution(models[i][1]) for i in chosen]
    coef, intercept = (np.mean(part, axis=0) for part in zip(*found, strict=True))
    return coef * unit, intercept * unit + origin


def penalty_boost(
    settings: LinearSettings,
    statistics: FeatureStatistics,
    counts: np.ndarray,
    n_rows: int,
    batch: int,
) -> np.ndarray:
    """Factors on the penalties of the features of CSR rows.

    Penalties act when a batch touches a feature: as much stronger as that is
    rarer. Lazy steps, those of SGD without momentum, catch up exactly instead, and
    features that are centred are touched by every batch.

    Parameters
    ----------
    settings, statistics : object
        Of the run.
    counts : int array of shape (n_features,)
        Rows that store each feature.
    n_rows, batch : int
        Rows in all, and of a mini-batch.

    Returns
    -------
    boost : float64 array of shape (n_features,)
    """
    lazy = OPTIMIZERS[settings.kernel_optimizer].lazy_exact
    if lazy or settings.shifts_features(statistics):
        return np.ones(len(counts))
    share = counts / n_rows
    touched = -np.expm1(batch * np.log1p(-share.clip(0, 1 - 1e-16)))
    return 1.0 / np.maximum(touched, 1.0 / n_rows)


def make_blocks(
    settings: LinearSettings,
    reader: RowReader,
    columns: Columns,
    candidates: Candidates,
    statistics: FeatureStatistics,
    label_scaler: np.ndarray,
    boost: np.ndarray | None,
    per_block: int,
    teams: list[Team],
) -> list[ColumnBlock]:
    """Blocks of at most ``per_block`` candidates each, as even as can be.

    Parameters
    ----------
    settings, reader, columns, candidates, statistics : object
        Of the run.
    label_scaler : float64 array of shape (3, n_fits)
    boost : float64 array of shape (n_features,) or None
        For CSR rows.
    per_block : int
    teams : list of Team
        Threads of each block.

    Returns
    -------
    blocks : list of ColumnBlock
    """
    kinds = dict.fromkeys(candidates.scaling)
    scales = {kind: statistics.scale(kind) for kind in kinds}
    shift = statistics.mean if settings.shifts_features(statistics) else None
    n_blocks = -(-len(candidates) // per_block)
    parts = np.array_split(np.arange(len(candidates)), n_blocks)
    blocks = []
    for index, team in zip(parts, teams, strict=True):
        chosen = candidates.take(index)
        blocks.append(
            ColumnBlock(
                reader,
                chosen,
                [scales[kind] for kind in chosen.scaling],
                shift,
                label_scaler,
                boost,
                settings.objective(statistics),
                settings.initial_weights(columns, index),
                settings.initial_bias,
                team=team,
                park=settings.spec.keep_state,
                alone=len(candidates) == 1,
            )
        )
    return blocks
