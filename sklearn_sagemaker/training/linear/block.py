"""A block of columns: the models that one pass over the data trains together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import (
    CONSTANTS,
    LOSS_IDS,
    LOSSES,
    OPTIMIZER_IDS,
    OPTIMIZERS,
    Batches,
    Columns,
    RowReader,
    kernels,
)
from sklearn_sagemaker.training.linear.parts import cut_batches
from sklearn_sagemaker.training.linear.team import Team
from sklearn_sagemaker.training.memory import aligned_zeros

LANES = 16
"""Strips are padded to a multiple of this many models."""
NARROW = 8
"""Below this many columns dense data train column by column, without padding."""
SCORE_BYTES = 8 << 20
"""Margins are computed in pieces of no more than about this many bytes..."""
SCORE_ROWS = 2048
"""... and of so many rows, for several threads to share."""

_MOVING = ("active", "W", "S", "bias", "steps", "counts")
"""What a pass over rows changes..."""
_KEPT = ("best_weights", "best_bias", "_parked")
"""... and what the others change that training does."""


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


class ColumnBlock:
    """Weights, optimizer states and snapshots of some candidates.

    A candidate is ``n_fits * n_classes`` columns: the refit, then one fit a fold, each
    with one column a class. Columns are laid out fit by fit, class by class, model by
    model. Candidates that stop are dropped: the arrays are packed again when that
    makes them narrower.

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
    label_scaler : float64 array of shape (3, n_fits)
        Shift and scale of the labels of each fit, of which training sees
        ``(y - shift) / scale``, and the loss's parameter in the same units.
    boost : float64 array of shape (n_features,) or None
        CSR only: factor on the penalties of a touched feature.
    objective : Objective
    initial : callable or None
        ``initial(n) -> (n_features, n)`` starting weights in scaled space.
    initial_bias : float
        Starting intercept.
    team : Team or None
        Threads that share the work; one by default.
    park : bool
        Whether to keep the state of models that stop, for `state`.
    alone : bool
        Whether the run has no other column than the one of this block.
    """

    optimality = left_out = None

    def __init__(
        self,
        reader: RowReader,
        candidates,
        scales,
        shift,
        label_scaler,
        boost,
        objective: Objective,
        initial=None,
        initial_bias: float = 0.0,
        team: Team | None = None,
        park: bool = False,
        alone: bool = False,
    ):
        self.reader = reader
        self.candidates = candidates
        self.objective = objective
        self.dtype = reader.dtype
        self.n_models = len(candidates)
        self.n_fits = label_scaler.shape[1]
        self.team = team or Team()
        self.alone = alone
        loss = LOSSES[objective.loss]
        self.coupled = loss.coupled
        self.n_classes = objective.n_classes if loss.coupled else 1
        self.shift = self._array(shift if shift is not None else np.empty(0))
        self._fit_scaler = label_scaler
        # One array for each kind of scaling, not for each candidate: less to read.
        distinct = {id(scale): scale for scale in scales}
        self._scales = self._array(np.stack([*distinct.values()], axis=1))
        self._kinds = np.array([[*distinct].index(id(scale)) for scale in scales])
        self._boost = self._array(boost if boost is not None else np.empty(0))
        self._kernel_optimizer = OPTIMIZERS[objective.optimizer]
        self.lazy = bool(
            reader.sparse and shift is None and self._kernel_optimizer.lazy_exact
        )
        self._constants = self._array([objective.constants[name] for name in CONSTANTS])
        self._corrections = self._touch_corrections()
        self.active = np.arange(self.n_models)
        self._lay_out()
        self._gradients = np.empty((0, 0), dtype=self.dtype)
        self._gathered = np.empty((0, reader.n_features), dtype=self.dtype)
        self._space = np.empty(0, dtype=np.uint8)
        self._cut: tuple = (None, None, 0, [], np.zeros(0))
        self.W = aligned_zeros(self._weights_shape, self.dtype)
        if initial is not None:
            self._set_initial(initial)
        self.S = [
            aligned_zeros(self._weights_shape, self.dtype)
            for _ in range(self._kernel_optimizer.n_states)
        ]
        self.bias = np.zeros((3, self.ld), dtype=self.dtype)
        self.bias[0, : self.used] = initial_bias
        self.steps = np.zeros(self.ld, dtype=np.int64)
        self.counts = np.zeros(
            reader.n_features if reader.sparse else 0, dtype=np.int32
        )
        self._columns = self._described()
        # Snapshot of each model's best epoch, always in the full layout.
        self.full_columns = self.columns_of(np.arange(self.n_models))
        self.best_weights = self._columns_view(self.W).copy()
        self.best_bias = self.bias[0].copy()
        self._parked = self._empty_state() if park else None

    # ------------------------------------------------------------------ layout
    def _array(self, values):
        return np.ascontiguousarray(values, dtype=self.dtype)

    @staticmethod
    def _is_narrow(reader: RowReader, n_columns: int) -> bool:
        return not reader.sparse and n_columns < NARROW

    def _lay_out(self):
        self.used = self.n_fits * self.n_classes * len(self.active)
        self.narrow = self._is_narrow(self.reader, self.used)
        padded = -(-self.used // LANES) * LANES
        self.ld = self.used if self.used < NARROW else padded
        if self.used == 1 and self.reader.sparse and not self.alone:
            # A single sparse column is summed in another order: how many columns
            # share a block must not show.
            self.ld = 2
        d = self.reader.n_features
        self._weights_shape = (self.used, d) if self.narrow else (d, self.ld)
        n_active = max(1, len(self.active))
        models = self._models = self.active[np.arange(self.used) % n_active]
        left, places = np.unique(self._kinds[models], return_inverse=True)
        scale = self._scales[:, left]
        self.scale = self._array(scale.T if self.narrow else scale)
        self.kinds = np.zeros(self.ld, dtype=np.int32)
        self.kinds[: self.used] = places
        self.penalties = np.zeros((3, self.ld), dtype=self.dtype)
        wd = self.candidates.wd[models]
        self.penalties[0, : self.used] = wd
        self.penalties[1, : self.used] = self.candidates.l1[models]
        self.penalties[2, : self.used] = wd * self.objective.bias_wd_mult
        fits = np.arange(self.used) // (self.n_classes * n_active)
        self.label_scaler = np.zeros((3, self.ld), dtype=self.dtype)
        self.label_scaler[1] = 1.0
        shift, scale, parameter = self._fit_scaler[:, fits]
        self.label_scaler[:, : self.used] = shift, 1.0 / scale, parameter
        width = self.n_classes * len(self.active)
        self._scaler_of_fit = [
            self._array(self.label_scaler[:, fit * width : (fit + 1) * width])
            for fit in range(self.n_fits)
        ]

    def _described(self) -> Columns:
        """The arrays as they are laid out, for the kernels."""
        objective = self.objective
        return Columns(
            n_models=len(self.active),
            n_classes=self.n_classes,
            n_used=self.used,
            narrow=self.narrow,
            loss=LOSS_IDS[objective.loss],
            coupled=self.coupled,
            optimizer=OPTIMIZER_IDS[objective.optimizer],
            weights=self.W,
            states=self.S,
            bias=self.bias,
            steps=self.steps,
            counts=self.counts,
            penalties=self.penalties,
            boost=self._boost,
            scale=self.scale,
            kinds=self.kinds,
            shift=self.shift,
            label_scaler=self.label_scaler,
            constants=self._constants,
            corrections=self._corrections,
            use_bias=objective.use_bias,
            bias_lr_mult=objective.bias_lr_mult,
        )

    def _touch_corrections(self):
        """Adam's bias corrections by number of touches of a CSR feature."""
        if not self.reader.sparse:
            return np.ones((2, 1), dtype=self.dtype)
        constants = self.objective.constants
        return _corrections(constants["beta_1"], constants["beta_2"], self.dtype)

    def columns_of(self, positions: np.ndarray) -> np.ndarray:
        """Columns of the models at these positions of the active ones.

        Returns
        -------
        columns : int array of shape (n_fits, n_classes, len(positions))
        """
        width = len(self.active)
        lanes = np.arange(self.n_fits * self.n_classes)[:, None] * width
        return (lanes + positions).reshape(self.n_fits, self.n_classes, -1)

    def _columns_view(self, array):
        """The array as (n_features, n_columns), whatever the layout."""
        return array.T if self.narrow else array

    def _set_initial(self, initial):
        values = initial(self.n_classes * self.n_models)
        values = values.reshape(self.reader.n_features, self.n_classes, self.n_models)
        scaled = values * self._scales[:, None, self._kinds]
        columns = self.columns_of(np.arange(self.n_models))
        for fit in range(self.n_fits):
            for k in range(self.n_classes):
                self._columns_view(self.W)[:, columns[fit, k]] = scaled[:, k]

    # ---------------------------------------------------------------- training
    def train_epoch(
        self, order, bounds, fold, labels, weights, rates, trains=None, reader=None
    ):
        """One pass; returns the training loss of each active model.

        Parameters
        ----------
        order, bounds, fold : arrays
            See `schedule.epoch_order`. ``fold`` is -1 throughout without folds.
        labels, weights : arrays indexed by row number
        rates : float64 array of shape (n_batches, n_models)
            Learning rates of all models of the block.
        trains : uint8 array of shape (n_samples, n_fits) or None
            Which fit trains on which rows, for folds that are no partition.
        reader : RowReader or None
            Other rows than the block's, of the same kind and precision.
        """
        reader = self.reader if reader is None else reader
        per_column = np.zeros((len(rates), self.ld), dtype=self.dtype)
        per_column[:, : self.used] = rates[:, self._models]
        masked = np.where(fold >= 0, fold + 1, -1).astype(np.int32)
        losses, loss_weights = np.zeros((2, self.ld))
        extents = kernels.extents(reader, order, bounds)
        n_parts, n_slices, members, spread = cut_batches(
            reader, extents[0], self.used, self.narrow, self.team.members
        )
        size = kernels.space_bytes(self._columns, reader, extents, self.lazy, members)
        if size > len(self._space):
            self._space = np.empty(size, dtype=np.uint8)
        d = self.reader.n_features
        shape = (0, 0) if self.reader.sparse else (n_parts, d * self.ld)
        if self._gradients.shape != shape:
            self._gradients = aligned_zeros(shape, self.dtype)
        gathered = slopes = np.empty((0, 0), dtype=self.dtype)
        if spread:
            if len(self._gathered) < 2 * extents[0]:
                self._gathered = aligned_zeros((2 * extents[0], d), self.dtype)
            gathered = self._gathered
            slopes = aligned_zeros((extents[0], self.ld), self.dtype)
        part_sums = aligned_zeros((n_slices, 2 * self.ld), self.dtype)
        if trains is None:
            trains = np.empty((0, 0), dtype=np.uint8)
        for first, last, products, sums in self._segments(per_column, masked):
            batches = Batches(
                reader=reader,
                order=order,
                bounds=bounds[first : last + 1],
                masked=masked[first:last],
                trains=trains,
                labels=labels,
                weights=weights,
                rates=per_column[first:last],
                products=products,
                sums=sums,
                losses=losses,
                loss_weights=loss_weights,
                extents=extents,
                gradients=self._gradients,
                part_sums=part_sums,
                space=self._space,
                gathered=gathered,
                slopes=slopes,
            )
            call = partial(kernels.train, self._columns, batches)
            self.team.together(call, members)
        # Those of the refits, with a coupled loss in the columns of the first class.
        n = len(self.active)
        return losses[:n] / np.maximum(loss_weights[:n], 1e-300)

    def _segments(self, rates, masked) -> Iterator[tuple]:
        """Ranges of batches, with the tables of the lazy catch-up if it applies.

        A range ends before the running product of (1 - lr wd) could underflow.
        """
        empty = np.empty((0, 0))
        if not self.lazy:
            yield 0, len(rates), empty, empty
            return
        rates = rates.astype(np.float64)
        for fold in range(1, self.n_fits):
            width = self.n_classes * len(self.active)
            rates[masked == fold, fold * width : (fold + 1) * width] = 0.0
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
    def _score(self, reader, rows, weights, bias, narrow, columns):
        """Margins of some adjacent columns of the weights."""
        if narrow and reader.sparse:
            # Dense rows to train on, sparse ones to validate: those are read by strips.
            weights, narrow = self._array(weights.T), False
        out = np.empty((len(rows), columns.stop - columns.start), dtype=self.dtype)
        kernels.score(
            reader,
            rows,
            weights,
            bias,
            self.shift,
            columns.start,
            columns.stop,
            narrow,
            out,
        )
        return out

    def margins(self, reader, rows):
        """Margins of the active models' refits, in the labels' units of training.

        Parameters
        ----------
        reader : RowReader
        rows : int64 array

        Returns
        -------
        margins : array of shape (n_rows, n_classes * n_active)
        """
        columns = slice(0, self.n_classes * len(self.active))
        return self._score(reader, rows, self.W, self.bias[:1], self.narrow, columns)

    def finite(self) -> np.ndarray:
        """Whether weights and states of each active model's refit are finite."""
        columns = self.columns_of(np.arange(len(self.active)))[0]
        weights = np.concatenate(
            [self._columns_view(part)[:, columns] for part in (self.W, *self.S)]
        )
        return np.isfinite(weights).all(axis=(0, 1)) & np.isfinite(
            self.bias[0, columns]
        ).all(axis=0)

    def validation_loss(self, reader, parts, labels, weights):
        """Weighted loss of the active models on each part of the validation rows.

        Parameters
        ----------
        reader : RowReader
        parts : list of (fit, int64 array)
            Which fit scores which rows.
        labels, weights : arrays indexed by row number

        Returns
        -------
        sums : float64 array of shape (n_parts, n_active)
            Weighted sums of the losses.
        total : float64 array of shape (n_parts,)
            The weights behind them.
        """
        width = self.n_classes * len(self.active)
        step = SCORE_BYTES // (width * self.dtype.itemsize)
        step = min(max(step, 256), SCORE_ROWS)
        pieces, total = self._validation_pieces(parts, weights, step)

        def losses(piece):
            _, fit, rows = piece
            columns = slice(fit * width, (fit + 1) * width)
            sums = np.zeros(width)
            kernels.losses(
                self._score(reader, rows, self.W, self.bias[:1], self.narrow, columns),
                rows,
                labels,
                weights,
                # A fit's margins are in its own label units, so is its loss.
                self._scaler_of_fit[fit],
                LOSS_IDS[self.objective.loss],
                self.coupled,
                self.n_classes,
                len(self.active),
                sums,
            )
            return sums[: len(self.active)]

        degree = LOSSES[self.objective.loss].degree
        sums = np.zeros((len(parts), len(self.active)))
        for (number, fit, _), part in zip(
            pieces, self.team.map(losses, pieces), strict=True
        ):
            sums[number] += part * self._fit_scaler[1, fit] ** degree
        return sums, total

    def _validation_pieces(self, parts, weights, step):
        """The parts in pieces of so many rows, and the weight of each part.

        In most epochs they are those of the last.
        """
        known = self._cut
        if known[0] is not parts or known[1] is not weights or known[2] != step:
            pieces = [
                (number, fit, rows[start : start + step])
                for number, (fit, rows) in enumerate(parts)
                for start in range(0, len(rows), step)
            ]
            total = np.zeros(len(parts))
            for number, _, rows in pieces:
                total[number] += weights[rows].sum(dtype=np.float64)
            self._cut = parts, weights, step, pieces, total
        return self._cut[3:]

    def best_margins(self, reader, parts, models=None):
        """Margins of the snapshots, each row by the fit that may score it.

        Parameters
        ----------
        reader : RowReader
        parts : list of (fit, int64 array)
        models : int array or None
            Models of the block; all by default.

        Returns
        -------
        margins : array of shape (n_rows, n_classes, n_models)
            Part by part, in the units of the refit's labels.
        """
        if models is None:
            models = np.arange(self.n_models)
        found = []
        for fit, rows in parts:
            columns = self.full_columns[fit][:, models].ravel()
            narrow = self._is_narrow(reader, len(columns))
            weights, bias = self.best_weights[:, columns], self.best_bias[None, columns]
            if reader.sparse and len(columns) == 1 and not self.alone:
                weights, bias = np.repeat(weights, 2, 1), np.repeat(bias, 2, 1)
            weights = self._array(weights.T if narrow else weights)
            bias = self._array(bias)
            width = slice(0, len(columns))
            shift, scale, _ = self._array(self._fit_scaler[:, fit])

            def score(
                piece,
                w=weights,
                b=bias,
                narrow=narrow,
                width=width,
                shift=shift,
                scale=scale,
            ):
                out = self._score(reader, piece, w, b, narrow, width)
                return out * scale + shift

            pieces = np.split(rows, range(SCORE_ROWS, len(rows), SCORE_ROWS))
            found += self.team.map(score, pieces)
        return np.concatenate(found).reshape(-1, self.n_classes, len(models))

    def penalty(self) -> np.ndarray:
        """``wd / 2 * ||w||**2 + l1 * ||w||_1`` of the active models' refits."""
        columns = self.columns_of(np.arange(len(self.active)))[0]
        scale = self._columns_view(self.scale)
        total = np.zeros(len(self.active))
        for lanes in columns:
            w = self._columns_view(self.W)[:, lanes].astype(np.float64)
            w /= scale[:, self.kinds[lanes]]
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
        if self._parked is not None:
            self._park(self._parked, positions)
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
        self.S = [self._packed(state, source) for state in old_S]
        self.bias = np.zeros((3, self.ld), dtype=self.dtype)
        self.bias[:, : self.used] = old_bias[:, source]
        self.steps = np.zeros(self.ld, dtype=np.int64)
        self.steps[: self.used] = old_steps[source]
        self._columns = self._described()

    def _packed(self, columns, source):
        packed = aligned_zeros(self._weights_shape, self.dtype)
        self._columns_view(packed)[:, : self.used] = columns[:, source]
        return packed

    # ----------------------------------------------------------- resumable state
    def _empty_state(self) -> dict[str, np.ndarray]:
        d, n = self.reader.n_features, self.full_columns.size
        return {
            "weights": np.zeros((d, n), self.dtype),
            "states": np.zeros((self._kernel_optimizer.n_states, d, n), self.dtype),
            "bias": np.zeros((3, n), self.dtype),
            "steps": np.zeros(n, np.int64),
        }

    def _park(self, into: dict[str, np.ndarray], positions: np.ndarray) -> None:
        """Copy what the models at these positions of the active ones hold."""
        to = self.full_columns[:, :, self.active[positions]].ravel()
        source = self.columns_of(positions).ravel()
        into["weights"][:, to] = self._columns_view(self.W)[:, source]
        for number, state in enumerate(into["states"]):
            state[:, to] = self._columns_view(self.S[number])[:, source]
        into["bias"][:, to] = self.bias[:, source]
        into["steps"][to] = self.steps[source]

    def state(self) -> dict[str, np.ndarray]:
        """What all models, stopped ones too, need to be trained on.

        Returns
        -------
        state : dict of arrays
            ``weights`` (n_features, n_columns) in the units of the data,
            ``states`` of the optimizer, ``bias`` with its states, ``steps`` and,
            for CSR, ``counts``. Columns go fit by fit, class by class.
        """
        kept = self._empty_state() if self._parked is None else self._parked
        self._park(kept, np.arange(len(self.active)))
        return {**kept, "counts": self.counts}

    def restore(
        self, state: dict[str, np.ndarray], places: np.ndarray | slice = slice(None)
    ) -> None:
        """Go on from a `state`, whose features are at these places of the block's.

        All models are active, and other features are as they start.
        """
        n = self.full_columns.size
        self._columns_view(self.W)[places, :n] = state["weights"]
        for number, values in enumerate(state["states"]):
            self._columns_view(self.S[number])[places, :n] = values
        self.bias[:, :n] = state["bias"]
        self.steps[:n] = state["steps"]
        if len(self.counts):
            self.counts[places] = state["counts"]
        self.best_weights[places, :n] = state["weights"]
        self.best_bias[:n] = state["bias"][0]

    def checkpoint(self) -> dict[str, Any]:
        """Plain values that say all that training has changed."""
        return {name: getattr(self, name) for name in (*_MOVING, *_KEPT)}

    def continue_from(self, checkpoint: dict[str, Any]) -> None:
        """Be as when the checkpoint was taken."""
        for name in _KEPT:
            setattr(self, name, checkpoint[name])
        self.move_to(checkpoint)

    def moving(self) -> dict[str, Any]:
        """What the models that are active have of their training until now."""
        return {name: getattr(self, name) for name in _MOVING}

    def move_to(self, state: dict[str, Any]) -> None:
        """Train on from a state of such a block, which stays as it is."""
        self.active = state["active"]
        if len(self.active):
            self._lay_out()
        self.W = self._aligned(state["W"])
        self.S = [self._aligned(part) for part in state["S"]]
        self.bias = state["bias"].copy()
        self.steps, self.counts = (
            np.rint(state[name]).astype(kind)
            for name, kind in (("steps", np.int64), ("counts", np.int32))
        )
        self._columns = self._described()

    def _aligned(self, values: np.ndarray) -> np.ndarray:
        """A copy where vectors of the kernels begin at cache lines."""
        found = aligned_zeros(values.shape, self.dtype)
        found[:] = values
        return found

    def polish(self, model: int) -> None:
        """Nothing: steps are what there is."""

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
        shift, scale, _ = self._fit_scaler[:, 0]
        return coef * scale, intercept * scale + shift
