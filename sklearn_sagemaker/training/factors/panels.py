"""The numbers of a model in panels, as the kernels of the sweeps take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import sweep_kernels
from sklearn_sagemaker.training.factors.columns import ColumnStore
from sklearn_sagemaker.training.memory import aligned_zeros
from sklearn_sagemaker.training.team import Team, broken_by_errors, new_barrier

LANES: int = sweep_kernels.LANES
PANEL = LANES - 1
"""Numbers of a feature that are stepped at once: the error has a lane beside them."""
LINES_BYTES = 1 << 30
"""Panels keep the state of their rows from sweep to sweep within so many bytes."""


@dataclass
class Panel:
    """Some of the factors, perhaps the linear weight, and the rows' state in them."""

    factors: slice
    linear_lane: int  # or -1
    parameters: np.ndarray
    lines: np.ndarray = field(repr=False)

    @property
    def n_factors(self) -> int:
        """Factors among its numbers."""
        return self.factors.stop - self.factors.start

    @property
    def n_numbers(self) -> int:
        """Numbers of a feature."""
        return self.n_factors + (self.linear_lane >= 0)


class Panels:
    """All numbers of the features of a model, zero at first, and the errors of rows.

    Parameters
    ----------
    store : ColumnStore
    num_factors : int
    use_linear : bool
        Whether there are linear weights beside the factors.

    Attributes
    ----------
    team : Team
        Threads that share steps and sums, to the same bits however many they are.
    shared : bool
        Whether panels have the memory for the state of rows in common, which is then
        to be made again for each (`sums`).
    """

    def __init__(self, store: ColumnStore, num_factors: int, use_linear: bool):
        self._store, self._k, self._use_linear = store, num_factors, use_linear
        self.team = Team()
        numbers = num_factors + use_linear
        n_panels = max(1, -(-numbers // PANEL))
        sizes = [len(part) for part in np.array_split(np.arange(numbers), n_panels)]
        line_bytes = store.n_rows * LANES * store.dtype.itemsize
        self.shared = n_panels > 1 and n_panels * line_bytes > LINES_BYTES
        self._panels: list[Panel] = []
        at = 0
        for number, size in enumerate(sizes):
            linear = use_linear and number == 0
            n_factors = size - linear
            if number == 0 or not self.shared:
                lines = aligned_zeros((store.n_rows, LANES), store.dtype)
            panel = Panel(
                slice(at, at + n_factors),
                n_factors if linear else -1,
                np.zeros((store.n_features, LANES)),
                lines,
            )
            at += n_factors
            self._panels.append(panel)

    def __iter__(self) -> Iterator[Panel]:
        return iter(self._panels)

    def __getitem__(self, number: int) -> Panel:
        return self._panels[number]

    # ---------------------------------------------------------------- the numbers
    def set(self, name: str, values: np.ndarray) -> None:
        """Set ``"coef"`` or ``"factors"``, rounded to the precision of the rows."""
        # The kernels hold them in their precision.
        values = values.astype(self._store.dtype).astype(np.float64)
        for panel in self._panels:
            if name == "factors":
                panel.parameters[:, : panel.n_factors] = values[:, panel.factors]
            elif panel.linear_lane >= 0:
                panel.parameters[:, panel.linear_lane] = values

    def scale_factors(self, by: float) -> None:
        """Multiply all factors; errors and sums are to be made again."""
        for panel in self._panels:
            part = panel.parameters[:, : panel.n_factors]
            part[:] = (part * by).astype(self._store.dtype)

    @property
    def coef(self) -> np.ndarray:
        """Linear weights, float64 of shape (n_features,)."""
        if not self._use_linear:
            return np.zeros(self._store.n_features)
        return self._panels[0].parameters[:, self._panels[0].linear_lane].copy()

    def factors(self, dtype: Any = np.float64) -> np.ndarray:
        """Factors, of shape (n_features, num_factors)."""
        return self.factors_into(np.empty((self._store.n_features, self._k), dtype))

    def factors_into(self, out: np.ndarray) -> np.ndarray:
        """Factors, written to an array of shape (n_features, num_factors)."""
        for panel in self._panels:
            out[:, panel.factors] = panel.parameters[:, : panel.n_factors]
        return out

    def squares(self) -> np.ndarray:
        """Sum of the squares of the factors of each feature."""
        total = np.zeros(self._store.n_features)
        for panel in self._panels:
            part = panel.parameters[:, : panel.n_factors]
            total += np.einsum("ij,ij->i", part, part)
        return total

    @property
    def finite(self) -> bool:
        """Whether no number has overflowed."""
        return bool(np.isfinite([one.parameters.sum() for one in self._panels]).all())

    # ------------------------------------------------------------------- the rows
    @property
    def errors(self) -> np.ndarray:
        """Errors of the rows after the last panel; a view."""
        return self._panels[-1].lines[:, -1]

    def _shared(
        self,
        kernel: Callable[..., None],
        *arguments: Any,
        draw: Callable[[int, int], None] | None = None,
    ) -> None:
        """Call a kernel, by all threads of the team where that pays.

        The caller draws the noise first, and others step what has it.
        """
        if self.team.members == 1 or not self._store.stages.pay:
            if draw is not None:
                draw(0, self._store.n_features)
            kernel(*arguments)
            return
        stages, space = self._store.stages, np.empty(sweep_kernels.SHARED)
        drawn = None if draw is None else new_barrier()

        def call(barrier: np.ndarray, member: int, members: int) -> None:
            if draw is not None and drawn is not None and member == 0:
                with broken_by_errors(drawn):
                    for first, last, n_items in stages.chunks():
                        draw(first, last)
                        sweep_kernels.arrive(drawn, n_items)
            what = stages.counts, stages.bounds, space, drawn
            kernel(*arguments, (*what, barrier, member, members))

        self.team.together(call, late=True)

    def step(
        self,
        panel: Panel,
        roots: np.ndarray,
        groups: np.ndarray,
        precision: np.ndarray,
        mean: np.ndarray,
        noise: np.ndarray,
        alpha: float,
        draw: Callable[[int, int], None] | None = None,
    ) -> None:
        """Step the numbers of one feature after the other.

        Parameters
        ----------
        panel : Panel
        roots, groups, precision, mean, noise, alpha
            As the kernel takes them.
        draw : callable or None
            ``draw(first, last)`` draws the noise of some features; it is called for
            all of them in order.
        """
        self._shared(
            sweep_kernels.sweep_panel,
            self._store.indptr,
            self._store.row_numbers,
            self._store.values,
            roots,
            panel.lines,
            panel.parameters,
            groups,
            precision,
            mean,
            noise,
            alpha,
            panel.n_numbers,
            panel.linear_lane,
            draw=draw,
        )

    def sums(self, panel: Panel, out: np.ndarray) -> None:
        """Sums of the factors of every row from scratch.

        What the panel adds to predictions is added to ``out``, of shape (n_rows,).
        """
        self._shared(
            sweep_kernels.sum_panel,
            self._store.indptr,
            self._store.row_numbers,
            self._store.values,
            panel.lines,
            panel.parameters,
            panel.n_numbers,
            panel.linear_lane,
            out,
        )

    def refresh(self, target: np.ndarray, intercept: float) -> None:
        """Errors, and sums of the factors, from scratch."""
        predictions = np.full(self._store.n_rows, intercept)
        for panel in self._panels:
            self.sums(panel, predictions)
        self.errors[:] = target - predictions
