"""What a pass over the data is given: the columns of a block, and rows in batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_sagemaker._kernels.readers import RowReader


@dataclass(frozen=True)
class Columns:
    """Models that one pass trains together, and what they minimise, by which steps.

    A model has a column for each of its fits and classes: column
    ``(fit * n_classes + class) * n_models + model``. Arrays of the precision of the
    rows may be padded to more columns than ``n_used``.

    Attributes
    ----------
    n_models, n_classes, n_used : int
        Columns in all are ``n_fits * n_classes * n_models``; one class unless the
        loss is coupled.
    narrow : bool
        Whether ``weights`` and what is like them is ``(n_columns, n_features)``, for
        a few columns of dense rows; else it is ``(n_features, n_columns)``.
    loss, optimizer : int
        Places in the registries (`LOSS_IDS`, `OPTIMIZER_IDS`).
    coupled : bool
        Whether the loss is one of all classes.
    weights : array of shape (n_features, n_columns)
        Changed in place.
    states : list of arrays
        Of the optimizer, like ``weights``, as many as it has. Changed in place.
    bias : array of shape (3, n_columns)
        Biases and their two states. Changed in place.
    steps : int64 array of shape (n_columns,)
        Steps taken so far. Changed in place.
    counts : int32 array of shape (n_features,) or (0,)
        For CSR: touches of each feature so far. Changed in place.
    penalties : array of shape (3, n_columns)
        ``wd``, ``l1`` and the bias's ``wd``.
    boost : array of shape (n_features,) or (0,)
        For CSR: factor on the penalties of a touched feature.
    scale : array of shape (n_features, n_kinds), or (n_kinds, n_features) if narrow
        Of each feature (0 switches it off), for each kind of scaling.
    kinds : int32 array of shape (n_columns,)
        The kind of each column.
    shift : array of shape (n_features,) or (0,)
        Subtracted from every row.
    label_scaler : array of shape (3, n_columns)
        Shift and factor of the labels, and the loss's parameter.
    constants : array of shape (n_constants,)
        Of the optimizer, in the order of `CONSTANTS`.
    corrections : array of shape (2, n_table) or (2, 1)
        For CSR: Adam's bias corrections after 0, 1, ... touches of a feature; the
        last entry serves all later ones.
    use_bias : bool
    bias_lr_mult : float
    """

    n_models: int
    n_classes: int
    n_used: int
    narrow: bool
    loss: int
    coupled: bool
    optimizer: int
    weights: np.ndarray
    states: list[np.ndarray]
    bias: np.ndarray
    steps: np.ndarray
    counts: np.ndarray
    penalties: np.ndarray
    boost: np.ndarray
    scale: np.ndarray
    kinds: np.ndarray
    shift: np.ndarray
    label_scaler: np.ndarray
    constants: np.ndarray
    corrections: np.ndarray
    use_bias: bool
    bias_lr_mult: float


@dataclass(frozen=True)
class Batches:
    """Mini-batches ``order[bounds[t]:bounds[t + 1]]``, with a step after each.

    Attributes
    ----------
    reader : RowReader
        The rows, dense or CSR.
    order : int64 array of shape (n_rows,)
        Row numbers in the order of the pass.
    bounds : int64 array of shape (n_batches + 1,)
        Where each mini-batch starts in ``order``.
    masked : int32 array of shape (n_batches,)
        The fit whose columns skip the batch, or -1.
    trains : uint8 array of shape (n_samples, n_fits) or (0, 0)
        Whether each fit trains on each row, for folds that are no partition. In a
        batch the rows of a fit weigh as if the others were absent.
    labels, weights : arrays indexed by row number
        Targets (class index for softmax) and weights (mean 1 over the training
        rows). In a batch a row weighs its weight over the batch's rows.
    rates : array of shape (n_batches, n_columns)
        Learning rates.
    products, sums : float64 arrays of shape (n_batches + 1, n_columns) or (0, 0)
        Running product and sum for the exact catch-up of weights whose features no
        row stored.
    losses, loss_weights : float64 arrays of shape (n_columns,)
        Grow by the weighted losses and by the weights behind them.
    extents : tuple of int
        Sizes of mini-batches, as ``kernels.extents`` says, or larger.
    gradients : array of shape (n_parts, n_features * n_columns) or (0, 0)
        Work space for dense rows: each mini-batch is cut into so many parts, whose
        gradients are added in order. The result depends on their number only...
    part_sums : array of shape (n_slices, 2 * n_columns)
        Work space: ... and on that of the parts of rows whose sums of slopes and losses
        are added in order, as many in each of the others.
    space : uint8 array
        Work space for CSR rows, of as many bytes as ``kernels.space_bytes`` says.
    gathered : array of shape (2 * n_rows, n_features) or (0, 0)
        Work space for two of the largest mini-batches of dense rows, if members are to
        share parts: only where ``kernels.can_spread``, and not narrow.
    slopes : array of shape (n_rows, n_columns) or (0, 0)
        Likewise.
    """

    reader: RowReader
    order: np.ndarray
    bounds: np.ndarray
    masked: np.ndarray
    trains: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    rates: np.ndarray
    products: np.ndarray
    sums: np.ndarray
    losses: np.ndarray
    loss_weights: np.ndarray
    extents: tuple[int, int, int]
    gradients: np.ndarray
    part_sums: np.ndarray
    space: np.ndarray
    gathered: np.ndarray
    slopes: np.ndarray
