"""A block of columns: the models that one pass over the data trains together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sklearn_sagemaker._kernels import (
    CONSTANTS,
    LOSS_IDS,
    LOSSES,
    OPTIMIZER_IDS,
    OPTIMIZERS,
    RowReader,
    kernels,
)

LANES = 16
"""Strips are padded to a multiple of this many models."""
NARROW = 8
"""Below this many columns dense data train column by column, without padding."""
SCORE_BYTES = 8 << 20
"""Margins are computed in pieces of about this many bytes."""


def aligned_zeros(shape: tuple[int, ...], dtype) -> np.ndarray:
    """Zeros that start on a cache line: a strip across two lines costs twice."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(size + 64, dtype=np.uint8)
    start = -memory.__array_interface__["data"][0] % 64
    return memory[start : start + size].view(dtype).reshape(shape)


@dataclass(frozen=True)
class Objective:
    """What the columns of a block minimise, and by which steps."""

    loss: str
    loss_parameter: float
    n_classes: int
    optimizer: str
    constants: dict[str, float]
    use_bias: bool
    bias_lr_mult: float
    bias_wd_mult: float


class ColumnBlock:
    """Weights, optimizer states and snapshots of some candidates.

    A candidate is ``n_groups * n_columns`` columns: the refit, then one group a
    fold, each with one column a class. Columns are laid out group by group,
    class by class, model by model. Candidates that stop are dropped: the arrays
    are packed again when that makes them narrower.

    Parameters
    ----------
    reader : RowReader
        Rows to train on.
    candidates : Candidates
        The models of this block.
    scales : list of float64 arrays of shape (n_features,)
        Feature scale of each candidate.
    shift : float64 array of shape (n_features,) or None
        Subtracted from every row (centring).
    label_shift, label_scale : float64 arrays of shape (n_groups,)
        Label scaler of each group; training sees ``(y - shift) / scale``.
    boost : float64 array of shape (n_features,) or None
        CSR only: factor on the penalties of a touched feature.
    objective : Objective
    initial : callable or None
        ``initial(n) -> (n_features, n)`` starting weights in scaled space.
    initial_bias : float
        Starting intercept.
    """

    def __init__(
        self,
        reader: RowReader,
        candidates,
        scales,
        shift,
        label_shift,
        label_scale,
        boost,
        objective: Objective,
        initial=None,
        initial_bias: float = 0.0,
    ):
        self.reader = reader
        self.candidates = candidates
        self.objective = objective
        self.dtype = reader.dtype
        self.n_models = len(candidates)
        self.n_groups = len(label_shift)
        loss = LOSSES[objective.loss]
        self.coupled = loss.coupled
        self.n_classes = objective.n_classes if loss.coupled else 1
        self.shift = self._array(shift if shift is not None else np.empty(0))
        self._label_shift = label_shift
        self._label_scale = label_scale
        same = all(scale is scales[0] for scale in scales)
        self._scales = self._array(
            scales[0][:, None] if same else np.stack(scales, axis=1)
        )
        self._boost = self._array(boost if boost is not None else np.empty(0))
        self._kernel_optimizer = OPTIMIZERS[objective.optimizer]
        self.lazy = bool(
            reader.sparse and shift is None and self._kernel_optimizer.lazy_exact
        )
        self._constants = self._array([objective.constants[name] for name in CONSTANTS])
        self._corrections = self._touch_corrections()
        self.active = np.arange(self.n_models)
        self._lay_out()
        n_states = self._kernel_optimizer.n_states
        self.W = aligned_zeros(self._weights_shape, self.dtype)
        if initial is not None:
            self._set_initial(initial)
        self.S = [
            aligned_zeros(self._weights_shape if i < n_states else (0, 0), self.dtype)
            for i in range(2)
        ]
        self.bias = np.zeros((3, self.ld), dtype=self.dtype)
        self.bias[0, : self.used] = initial_bias
        self.steps = np.zeros(self.ld, dtype=np.int64)
        self.counts = np.zeros(
            reader.n_features if reader.sparse else 0, dtype=np.int32
        )
        # Snapshot of each model's best epoch, always in the full layout.
        self.full_columns = self.columns_of(np.arange(self.n_models))
        self.best_weights = self._columns_view(self.W).copy()
        self.best_bias = self.bias[0].copy()

    # ------------------------------------------------------------------ layout
    def _array(self, values):
        return np.ascontiguousarray(values, dtype=self.dtype)

    def _lay_out(self):
        self.used = self.n_groups * self.n_classes * len(self.active)
        self.narrow = not self.reader.sparse and self.used < NARROW
        padded = -(-self.used // LANES) * LANES
        self.ld = self.used if self.used < NARROW else padded
        d = self.reader.n_features
        self._weights_shape = (self.used, d) if self.narrow else (d, self.ld)
        if self._scales.shape[1] == 1:
            self.scale = self._scales
        else:
            models = self.active[np.arange(self.used) % len(self.active)]
            scale = self._scales[:, models]
            if not self.narrow:
                pad = ((0, 0), (0, self.ld - self.used))
                scale = np.pad(scale, pad, constant_values=1.0)
            self.scale = self._array(scale.T if self.narrow else scale)
        self.penalties = np.zeros((3, self.ld), dtype=self.dtype)
        models = self.active[np.arange(self.used) % max(1, len(self.active))]
        wd = self.candidates.wd[models]
        self.penalties[0, : self.used] = wd
        self.penalties[1, : self.used] = self.candidates.l1[models]
        self.penalties[2, : self.used] = wd * self.objective.bias_wd_mult
        groups = np.arange(self.used) // (self.n_classes * max(1, len(self.active)))
        self.label_scaler = np.zeros((2, self.ld), dtype=self.dtype)
        self.label_scaler[1] = 1.0
        self.label_scaler[0, : self.used] = self._label_shift[groups]
        self.label_scaler[1, : self.used] = 1.0 / self._label_scale[groups]

    def _touch_corrections(self):
        """Adam's bias corrections by number of touches of a CSR feature."""
        if not self.reader.sparse:
            return np.ones((2, 1), dtype=self.dtype)
        betas = [self.objective.constants[name] for name in ("beta_1", "beta_2")]
        # Until the larger power no longer shows next to 1, but 1 MB at most.
        largest = min(max(betas), 1.0 - 1e-7)
        depth = np.log(np.finfo(self.dtype).eps) / np.log(max(largest, 1e-3))
        touches = np.arange(1, min(int(depth) + 2, 1 << 17))
        table = [1.0 / (1.0 - np.power(beta, touches)) for beta in betas]
        return self._array(np.pad(table, ((0, 0), (1, 0)), constant_values=1.0))

    def columns_of(self, positions: np.ndarray) -> np.ndarray:
        """Columns of the models at these positions of the active ones.

        Returns
        -------
        columns : int array of shape (n_groups, n_classes, len(positions))
        """
        width = len(self.active)
        lanes = np.arange(self.n_groups * self.n_classes)[:, None] * width
        return (lanes + positions).reshape(self.n_groups, self.n_classes, -1)

    def _columns_view(self, array):
        """The array as (n_features, n_columns), whatever the layout."""
        return array.T if self.narrow else array

    def _set_initial(self, initial):
        values = initial(self.n_classes * self.n_models)
        values = values.reshape(self.reader.n_features, self.n_classes, self.n_models)
        scaled = values * np.broadcast_to(
            self._scales[:, None, :], (values.shape[0], 1, self._scales.shape[1])
        )
        columns = self.columns_of(np.arange(self.n_models))
        for group in range(self.n_groups):
            for k in range(self.n_classes):
                self._columns_view(self.W)[:, columns[group, k]] = scaled[:, k]

    # ---------------------------------------------------------------- training
    def train_epoch(self, order, bounds, fold, labels, weights, rates):
        """One pass; returns the training loss of each active model.

        Parameters
        ----------
        order, bounds, fold : arrays
            See `schedule.epoch_order`. ``fold`` is -1 throughout without folds.
        labels, weights : arrays indexed by row number
        rates : float64 array of shape (n_batches, n_models)
            Learning rates of all models of the block.
        """
        objective = self.objective
        lanes = np.arange(self.used) % len(self.active)
        per_column = np.zeros((len(rates), self.ld), dtype=self.dtype)
        per_column[:, : self.used] = rates[:, self.active][:, lanes]
        masked = np.where(fold >= 0, fold + 1, -1).astype(np.int32)
        loss_sum, weight_sum = np.zeros((2, self.ld))
        for first, last, lazy_p, lazy_q in self._segments(per_column, masked):
            kernels.train(
                self.reader,
                order,
                bounds[first : last + 1],
                masked[first:last],
                self.W,
                self.S[0],
                self.S[1],
                self.bias,
                labels,
                weights,
                per_column[first:last],
                self.penalties,
                self.scale,
                self.shift,
                self.label_scaler,
                self.steps,
                self.counts,
                self._boost,
                self._corrections,
                lazy_p,
                lazy_q,
                LOSS_IDS[objective.loss],
                self.coupled,
                self.n_classes,
                len(self.active),
                self.used,
                objective.loss_parameter,
                OPTIMIZER_IDS[objective.optimizer],
                self._kernel_optimizer.n_states,
                self._constants,
                objective.use_bias,
                objective.bias_lr_mult,
                self.narrow,
                loss_sum,
                weight_sum,
            )
        columns = self.columns_of(np.arange(len(self.active)))[0, 0]
        return loss_sum[columns] / np.maximum(weight_sum[columns], 1e-300)

    def _segments(self, rates, masked) -> Iterator[tuple]:
        """Ranges of batches, with the tables of the lazy catch-up if it applies.

        A range ends before the running product of (1 - lr wd) could underflow.
        """
        empty = np.empty((0, 0))
        if not self.lazy:
            yield 0, len(rates), empty, empty
            return
        rates = rates.astype(np.float64)
        for fold in range(1, self.n_groups):
            group = self.n_classes * len(self.active)
            rates[masked == fold, fold * group : (fold + 1) * group] = 0.0
        shrink = np.maximum(1.0 - rates * self.penalties[0], 1e-30)
        threshold = rates * self.penalties[1]
        first = 0
        while first < len(rates):
            depth = -np.cumsum(np.log(shrink[first:]), axis=0).max(axis=1)
            last = first + max(1, int(np.searchsorted(depth, 200.0)))
            product = np.ones((last - first + 1, rates.shape[1]))
            product[1:] = np.cumprod(shrink[first:last], axis=0)
            total = np.zeros_like(product)
            total[1:] = np.cumsum(threshold[first:last] / product[1:], axis=0)
            yield first, last, product, total
            first = last

    # ----------------------------------------------------------------- scoring
    def margins(self, reader, rows, group: int):
        """Margins of one group of columns, piece by piece.

        Yields
        ------
        piece : int64 array
            The row numbers.
        margins : array of shape (len(piece), n_classes * n_models)
        """
        weights, narrow = self.W, self.narrow
        if narrow and reader.sparse:
            # Dense rows to train on, sparse ones to judge: those are read by strips.
            weights, narrow = self._array(self.W.T), False
        width = self.n_classes * len(self.active)
        first = group * width
        step = max(256, SCORE_BYTES // (width * self.dtype.itemsize))
        buffer = np.empty((min(step, len(rows)), width), dtype=self.dtype)
        for start in range(0, len(rows), step):
            piece = rows[start : start + step]
            out = buffer[: len(piece)]
            kernels.score(
                reader,
                piece,
                weights,
                self.bias[:1],
                self.shift,
                first,
                first + width,
                narrow,
                out,
            )
            yield piece, out

    def validation_loss(self, reader, parts, labels, weights):
        """Pooled weighted loss of the active models on validation rows.

        Parameters
        ----------
        reader : RowReader
        parts : list of (group, int64 array)
            Which columns score which rows.
        labels, weights : arrays indexed by row number

        Returns
        -------
        loss : float64 array of shape (n_active,)
        """
        width = self.n_classes * len(self.active)
        total, weight = np.zeros(width), 0.0
        degree = LOSSES[self.objective.loss].degree
        for group, rows in parts:
            part = np.zeros(width)
            # The group's margins are in its own label units, so is its loss.
            columns = slice(group * width, (group + 1) * width)
            scaler = self._array(self.label_scaler[:, columns])
            weight += float(weights[rows].sum(dtype=np.float64))
            for piece, margins in self.margins(reader, rows, group):
                kernels.losses(
                    margins,
                    piece,
                    labels,
                    weights,
                    scaler,
                    LOSS_IDS[self.objective.loss],
                    self.coupled,
                    self.n_classes,
                    len(self.active),
                    self.objective.loss_parameter,
                    part,
                )
            total += part * self._label_scale[group] ** degree
        return total[: len(self.active)] / weight

    def penalty(self) -> np.ndarray:
        """``wd / 2 * ||w||**2 + l1 * ||w||_1`` of the active models' refits."""
        columns = self.columns_of(np.arange(len(self.active)))[0]
        scale = (
            self._columns_view(self.scale) if self.scale.shape[1] > 1 else self.scale
        )
        total = np.zeros(len(self.active))
        for lanes in columns:
            rates = scale[:, lanes] if scale.shape[1] > 1 else scale
            w = self._columns_view(self.W)[:, lanes].astype(np.float64) / rates
            wd, l1 = self.penalties[:2, lanes].astype(np.float64)
            total += 0.5 * wd * np.sum(w**2, axis=0) + l1 * np.sum(np.abs(w), axis=0)
        return total

    # --------------------------------------------------------------- snapshots
    def keep(self, positions: np.ndarray) -> None:
        """Snapshot the models at these positions of the active ones."""
        if len(positions) == 0:
            return
        to = self.full_columns[:, :, self.active[positions]].ravel()
        if len(positions) == len(self.active) == self.n_models:
            np.copyto(self.best_weights, self._columns_view(self.W))
            np.copyto(self.best_bias, self.bias[0])
            return
        source = self.columns_of(positions).ravel()
        self.best_weights[:, to] = self._columns_view(self.W)[:, source]
        self.best_bias[to] = self.bias[0, source]

    def drop(self, positions: np.ndarray) -> None:
        """Drop models that stopped; the others keep weights and state."""
        if len(positions) == 0:
            return
        kept = np.setdiff1d(np.arange(len(self.active)), positions)
        source = self.columns_of(kept).ravel()
        old_W = self._columns_view(self.W)
        old_S = [self._columns_view(state) for state in self.S]
        old_bias, old_steps = self.bias, self.steps
        self.active = self.active[kept]
        if len(self.active) == 0:
            return
        self._lay_out()
        self.W = self._packed(old_W, source)
        n_states = self._kernel_optimizer.n_states
        self.S = [
            self._packed(state, source) if i < n_states else state
            for i, state in enumerate(old_S)
        ]
        self.bias = np.zeros((3, self.ld), dtype=self.dtype)
        self.bias[:, : self.used] = old_bias[:, source]
        self.steps = np.zeros(self.ld, dtype=np.int64)
        self.steps[: self.used] = old_steps[source]

    def _packed(self, columns, source):
        packed = aligned_zeros(self._weights_shape, self.dtype)
        self._columns_view(packed)[:, : self.used] = columns[:, source]
        return packed

    def best_scores(self, reader, parts, model: int, n_rows: int):
        """Margins of one model's snapshot, each row by the group that may score it.

        Returns
        -------
        margins : float64 array of shape (n_rows, n_classes)
            Indexed by row number; rows outside ``parts`` are NaN.
        """
        out = np.full((n_rows, self.n_classes), np.nan)
        for group, rows in parts:
            columns = self.full_columns[group, :, model]
            weights = self._array(self.best_weights[:, columns].T)
            bias = self._array(self.best_bias[columns][None, :])
            margins = np.empty((len(rows), self.n_classes), dtype=self.dtype)
            kernels.score(
                reader,
                rows,
                weights if not reader.sparse else self._array(weights.T),
                bias,
                self.shift,
                0,
                self.n_classes,
                not reader.sparse,
                margins,
            )
            margins = margins.astype(np.float64)
            out[rows] = margins * self._label_scale[group] + self._label_shift[group]
        return out

    def solution(self, model: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and intercept of one model's snapshot, in data units.

        The scales are part of the weights already; centring and the label
        scaler are folded back here, in float64.
        """
        columns = self.full_columns[0, :, model]
        coef = self.best_weights[:, columns].T.astype(np.float64)
        intercept = self.best_bias[columns].astype(np.float64)
        if len(self.shift):
            intercept = intercept - coef @ self.shift.astype(np.float64)
        scale = self._label_scale[0]
        return coef * scale, intercept * scale + self._label_shift[0]
