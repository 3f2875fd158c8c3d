"""A block of columns: the models that one pass over the data trains together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import (
    LOSS_IDS,
    OPTIMIZER_IDS,
    OPTIMIZERS,
    Batches,
    Columns,
    RowReader,
    kernels,
)
from sklearn_sagemaker.training.linear.best import BestColumns
from sklearn_sagemaker.training.linear.candidates import Candidates
from sklearn_sagemaker.training.linear.layout import Layout
from sklearn_sagemaker.training.linear.objective import Objective
from sklearn_sagemaker.training.linear.passes import WorkSpace, catch_up_ranges
from sklearn_sagemaker.training.linear.scoring import Parts, Pieces, margins_of
from sklearn_sagemaker.training.memory import aligned_zeros
from sklearn_sagemaker.training.team import Team

_MOVING = ("active", "W", "S", "bias", "steps", "counts")
"""What a pass over rows changes."""


class ColumnBlock:
    """Weights and optimizer states of some candidates, and the best of their epochs.

    A candidate is ``n_fits * n_classes`` columns: see `Layout`. Candidates that stop
    are dropped: the arrays are packed again when that makes them narrower.

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

    Attributes
    ----------
    layout : Layout
    best : BestColumns
    """

    def __init__(
        self,
        reader: RowReader,
        candidates: Candidates,
        scales: list[np.ndarray],
        shift: np.ndarray | None,
        label_scaler: np.ndarray,
        boost: np.ndarray | None,
        objective: Objective,
        initial: Callable[[int], np.ndarray] | None = None,
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
        self.team = team or Team()
        self.shift = self._array(shift)
        self._fit_scaler = label_scaler
        self._boost = self._array(boost)
        self.lazy = bool(
            reader.sparse
            and shift is None
            and OPTIMIZERS[objective.optimizer].lazy_exact
        )
        self._constants = objective.constants_of(self.dtype)
        self._corrections = objective.corrections(reader)
        self._space, self._pieces = WorkSpace(reader, self.lazy), Pieces()
        layout = self.layout = Layout(
            reader, candidates, scales, label_scaler, objective, alone
        )
        self.W = layout.zeros()
        if initial is not None:
            self._set_initial(initial)
        self.S = [layout.zeros() for _ in range(objective.n_states)]
        self.bias = np.zeros((3, layout.ld), dtype=self.dtype)
        self.bias[0, : layout.used] = initial_bias
        self.steps = np.zeros(layout.ld, dtype=np.int64)
        self.counts = np.zeros(
            reader.n_features if reader.sparse else 0, dtype=np.int32
        )
        self._columns = self._described()
        self.best = BestColumns(
            layout, self.W, self.bias, self.shift, label_scaler, self.team, alone
        )
        self._parked = self._empty_state() if park else None

    def _array(self, values: np.ndarray | None) -> np.ndarray:
        return np.ascontiguousarray([] if values is None else values, dtype=self.dtype)

    def _set_initial(self, initial: Callable[[int], np.ndarray]) -> None:
        layout = self.layout
        columns, scale = layout.columns, layout.by_feature(layout.scale)
        values = initial(columns[0].size)
        values = values.reshape(self.reader.n_features, *columns.shape[1:])
        scaled = values * scale[:, None, layout.kinds[: self.n_models]]
        for of_fit in columns:
            for k, of_class in enumerate(of_fit):
                layout.by_feature(self.W)[:, of_class] = scaled[:, k]

    def _described(self) -> Columns:
        """The arrays as they are laid out, for the kernels."""
        objective, layout = self.objective, self.layout
        return Columns(
            n_models=len(layout.active),
            n_classes=layout.n_classes,
            n_used=layout.used,
            narrow=layout.narrow,
            loss=LOSS_IDS[objective.loss],
            coupled=objective.of_loss.coupled,
            optimizer=OPTIMIZER_IDS[objective.optimizer],
            weights=self.W,
            states=self.S,
            bias=self.bias,
            steps=self.steps,
            counts=self.counts,
            penalties=layout.penalties,
            boost=self._boost,
            scale=layout.scale,
            kinds=layout.kinds,
            shift=self.shift,
            label_scaler=layout.label_scaler,
            constants=self._constants,
            corrections=self._corrections,
            use_bias=objective.use_bias,
            bias_lr_mult=objective.bias_lr_mult,
        )

    @property
    def active(self) -> np.ndarray:
        """Numbers of the models that train."""
        return self.layout.active

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
        layout = self.layout
        per_column = np.zeros((len(rates), layout.ld), dtype=self.dtype)
        per_column[:, : layout.used] = rates[:, layout.models]
        masked = np.where(fold >= 0, fold + 1, -1).astype(np.int32)
        losses, loss_weights = np.zeros((2, layout.ld))
        extents = kernels.extents(reader, order, bounds)
        arrays, members = self._space.of(
            self._columns, layout, reader, extents, self.team.members
        )
        if trains is None:
            trains = np.empty((0, 0), dtype=np.uint8)
        empty = np.empty((0, 0))
        ranges = [(0, len(rates), empty, empty)]
        if self.lazy:
            ranges = catch_up_ranges(layout, per_column, masked)
        for first, last, products, sums in ranges:
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
                **arrays,
            )
            call = partial(kernels.train, self._columns, batches)
            self.team.together(call, members)
        # Those of the refits, with a coupled loss in the columns of the first class.
        n = len(self.active)
        return losses[:n] / np.maximum(loss_weights[:n], 1e-300)

    # ----------------------------------------------------------------- scoring
    def _margins(self, reader: RowReader, rows: np.ndarray, fit: int) -> np.ndarray:
        return margins_of(
            reader,
            rows,
            self.W,
            self.bias[:1],
            self.shift,
            self.layout.narrow,
            self.layout.columns_of_fit(fit),
        )

    def margins(self, reader: RowReader, rows: np.ndarray) -> np.ndarray:
        """Margins of the active models' refits, in the labels' units of training.

        Parameters
        ----------
        reader : RowReader
        rows : int64 array

        Returns
        -------
        margins : array of shape (n_rows, n_classes * n_active)
        """
        return self._margins(reader, rows, 0)

    def finite(self) -> np.ndarray:
        """Whether weights and states of each active model's refit are finite."""
        columns = self.layout.columns[0]
        weights = np.concatenate(
            [self.layout.by_feature(part)[:, columns] for part in (self.W, *self.S)]
        )
        return np.isfinite(weights).all(axis=(0, 1)) & np.isfinite(
            self.bias[0, columns]
        ).all(axis=0)

    def validation_loss(
        self, reader: RowReader, parts: Parts, labels: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
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
        loss, layout = self.objective.of_loss, self.layout
        row_bytes = layout.width * self.dtype.itemsize
        pieces, total = self._pieces.of(parts, weights, row_bytes)

        def losses(piece: tuple[int, int, np.ndarray]) -> np.ndarray:
            _, fit, rows = piece
            sums = np.zeros(layout.width)
            kernels.losses(
                self._margins(reader, rows, fit),
                rows,
                labels,
                weights,
                # A fit's margins are in its own label units, so is its loss.
                layout.scaler_of_fit[fit],
                LOSS_IDS[self.objective.loss],
                loss.coupled,
                layout.n_classes,
                len(self.active),
                sums,
            )
            return sums[: len(self.active)]

        sums = np.zeros((len(parts), len(self.active)))
        for (number, fit, _), part in zip(
            pieces, self.team.map(losses, pieces), strict=True
        ):
            sums[number] += part * self._fit_scaler[1, fit] ** loss.degree
        return sums, total

    def penalty(self) -> np.ndarray:
        """``wd / 2 * ||w||**2 + l1 * ||w||_1`` of the active models' refits."""
        layout = self.layout
        weights, scale = map(layout.by_feature, (self.W, layout.scale))
        total = np.zeros(len(self.active))
        for lanes in layout.columns[0]:
            w = weights[:, lanes].astype(np.float64)
            w /= scale[:, layout.kinds[lanes]]
            wd, l1 = layout.penalties[:2, lanes].astype(np.float64)
            total += 0.5 * wd * np.sum(w**2, axis=0) + l1 * np.sum(np.abs(w), axis=0)
        return total

    # --------------------------------------------------------- which models train
    def keep(self, positions: np.ndarray) -> None:
        """Snapshot the models at these positions of the active ones."""
        self.best.keep(self.layout, self.W, self.bias, positions)

    def drop(self, positions: np.ndarray) -> None:
        """Drop models that stopped; the others keep weights and state."""
        if len(positions) == 0:
            return
        if self._parked is not None:
            self._park(self._parked, positions)
        before = self.layout
        kept = np.setdiff1d(np.arange(len(self.active)), positions)
        source = before.columns_of(kept).ravel()
        layout = self.layout = before.of(self.active[kept])
        if len(self.active) == 0:
            return

        def packed(array: np.ndarray) -> np.ndarray:
            found = layout.zeros()
            columns = before.by_feature(array)[:, source]
            layout.by_feature(found)[:, : layout.used] = columns
            return found

        self.W, self.S = packed(self.W), [packed(state) for state in self.S]
        bias, steps = self.bias[:, source], self.steps[source]
        self.bias = np.zeros((3, layout.ld), dtype=self.dtype)
        self.bias[:, : layout.used] = bias
        self.steps = np.zeros(layout.ld, dtype=np.int64)
        self.steps[: layout.used] = steps
        self._columns = self._described()

    # ----------------------------------------------------------- resumable state
    def _empty_state(self) -> dict[str, np.ndarray]:
        d, n = self.best.weights.shape[0], self.best.columns.size
        return {
            "weights": np.zeros((d, n), self.dtype),
            "states": np.zeros((self.objective.n_states, d, n), self.dtype),
            "bias": np.zeros((3, n), self.dtype),
            "steps": np.zeros(n, np.int64),
        }

    def _park(self, into: dict[str, np.ndarray], positions: np.ndarray) -> None:
        """Copy what the models at these positions of the active ones hold."""
        if len(positions) == 0:
            # Where none is left to train, arrays are laid out as for the last ones.
            return
        to = self.best.columns[:, :, self.active[positions]].ravel()
        source = self.layout.columns_of(positions).ravel()
        into["weights"][:, to] = self.layout.by_feature(self.W)[:, source]
        for state, values in zip(into["states"], self.S, strict=True):
            state[:, to] = self.layout.by_feature(values)[:, source]
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
        n, by_feature = self.best.columns.size, self.layout.by_feature
        by_feature(self.W)[places, :n] = state["weights"]
        for mine, values in zip(self.S, state["states"], strict=True):
            by_feature(mine)[places, :n] = values
        self.bias[:, :n] = state["bias"]
        self.steps[:n] = state["steps"]
        if len(self.counts):
            self.counts[places] = state["counts"]
        self.best.weights[places, :n] = state["weights"]
        self.best.bias[:n] = state["bias"][0]

    def checkpoint(self) -> dict[str, Any]:
        """Plain values that say all that training has changed."""
        return {
            **self.moving(),
            "best_weights": self.best.weights,
            "best_bias": self.best.bias,
            "_parked": self._parked,
        }

    def continue_from(self, checkpoint: dict[str, Any]) -> None:
        """Be as when the checkpoint was taken."""
        self.best.weights = checkpoint["best_weights"]
        self.best.bias = checkpoint["best_bias"]
        self._parked = checkpoint["_parked"]
        self.move_to(checkpoint)

    def moving(self) -> dict[str, Any]:
        """What the models that are active have of their training until now."""
        return {name: getattr(self, name) for name in _MOVING}

    def move_to(self, state: dict[str, Any]) -> None:
        """Train on from a state of such a block, which stays as it is."""
        self.layout = self.layout.of(state["active"])
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
