"""One factorization machine that is trained by gradient steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sklearn_sagemaker._columns import start_numbers
from sklearn_sagemaker._kernels import (
    CONSTANTS,
    LOSS_IDS,
    OPTIMIZER_IDS,
    OPTIMIZERS,
    RowReader,
    factor_kernels,
    kernels,
)
from sklearn_sagemaker._threads import ALONE, Map, processors
from sklearn_sagemaker.training.factors.axes import decay_by_axis
from sklearn_sagemaker.training.factors.settings import FactorSettings, start_of
from sklearn_sagemaker.training.memory import WORK_BYTES, aligned_zeros
from sklearn_sagemaker.training.team import broken_by_errors, new_barrier

BETAS = {"beta_1": 0.9, "beta_2": 0.999, "momentum": 0.0}
"""MXNet's."""
RISE = 1.08
"""Times as large factors are after an epoch in which they still come up."""
UP = 5.0
"""Times as large as at the start factors are when their axes can be told apart."""
MOST_SHARES, SHARED_WORK, SHARED_STORED = 8, 1 << 16, 32
"""Threads that share a mini-batch at most, and multiplications of one and stored values
of a row from which on they do: each thread reads the sums of all rows."""

Scorer = Callable[[np.ndarray], np.ndarray]
"""Of numbers of rows: their margins, of shape (n, n_outputs). Several threads may ask
it at a time."""


@dataclass(frozen=True)
class Scaler:
    """How the kernels see features: ``(x - shift) * scale``; None leaves them.

    Attributes
    ----------
    shift, scale : float64 arrays of shape (n_features,) or None
    rest : float
        Scale of features that no row has.
    """

    shift: np.ndarray | None = None
    scale: np.ndarray | None = None
    rest: float = 1.0

    def arrays(self, dtype) -> tuple[np.ndarray, np.ndarray]:
        """Both in the precision of the kernels, empty for None."""
        empty = np.empty(0, dtype)
        return tuple(  # type: ignore[return-value]
            empty if part is None else np.ascontiguousarray(part, dtype)
            for part in (self.shift, self.scale)
        )


@dataclass(frozen=True)
class Solution:
    """The parameters of one model.

    Attributes
    ----------
    intercept : float64 array of shape (n_outputs,)
    coef : float64 array of shape (n_outputs, n_features)
    factors : array of shape (n_outputs, n_features, k)
    """

    intercept: np.ndarray
    coef: np.ndarray
    factors: np.ndarray


def margins_of(
    reader: RowReader,
    rows: np.ndarray,
    bias: np.ndarray,
    linear: np.ndarray,
    factors: np.ndarray,
    scaler: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Margins of some rows by the arrays of a model, states among them or not.

    Parameters
    ----------
    reader : RowReader
    rows : int64 array of shape (n,)
    bias : array of shape (1 + n_states, n_outputs)
    linear : array of shape (n_features, 1 + n_states, n_outputs)
    factors : array of shape (n_features, 1 + n_states, n_outputs * k)
    scaler : (array, array)
        Of `Scaler.arrays`.

    Returns
    -------
    margins : float64 array of shape (n, n_outputs)
    """
    n_outputs = bias.shape[1]
    k = factors.shape[2] // n_outputs
    out = np.empty((len(rows), n_outputs))
    factor_kernels.score(
        reader,
        rows,
        bias[0].astype(np.float64),
        linear.reshape(-1),
        linear.shape[1] * n_outputs,
        1,
        factors.reshape(-1),
        factors.shape[1] * factors.shape[2],
        k,
        k,
        *scaler,
        out,
    )
    return out


def solution_scorer(reader: RowReader, one: Solution, scaler: Scaler) -> Scorer:
    """What scores rows by a model for features as the kernels see them."""
    n_outputs, d, k = one.factors.shape
    flat = one.factors.transpose(1, 0, 2).reshape(d, 1, n_outputs * k)
    arrays = (
        one.intercept[None],
        np.ascontiguousarray(one.coef.T, dtype=reader.dtype)[:, None],
        np.ascontiguousarray(flat, dtype=reader.dtype),
        scaler.arrays(reader.dtype),
    )
    return lambda rows: margins_of(reader, rows, *arrays)


def solution_margins(
    reader: RowReader, rows: np.ndarray, one: Solution, scaler: Scaler
) -> np.ndarray:
    """Margins of some rows by a model for features as the kernels see them.

    Returns
    -------
    margins : float64 array of shape (n, n_outputs)
    """
    return solution_scorer(reader, one, scaler)(rows)


class GradientModel:
    """A model, the states of its optimizer, and the best it has been.

    Parameters
    ----------
    settings : FactorSettings
    params : dict
        Its own hyperparameters.
    reader : RowReader
        The training rows.
    n_outputs : int
    scaler : Scaler
    start : float64 array of shape (n_outputs,)
        Starting intercepts that ``"auto"`` means.
    seed : list of int
        Of the starting weights.
    columns : int64 array of shape (n_features,) or None
        Numbers of the features by which they start; None counts them.
    shares : float64 array of shape (n_features,) or None
        Of the rows, that have each feature; without them all axes decay alike.
    state : dict or None
        Of `state`, to go on from, in place of a start.
    """

    def __init__(
        self,
        settings: FactorSettings,
        params: dict[str, Any],
        reader: RowReader,
        n_outputs: int,
        scaler: Scaler,
        start: np.ndarray,
        seed: list[int],
        columns: np.ndarray | None = None,
        shares: np.ndarray | None = None,
        state: dict[str, Any] | None = None,
    ):
        self.settings, self.params, self.reader = settings, params, reader
        values, dtype, d = settings.values, reader.dtype, reader.n_features
        self.scaler = scaler.arrays(dtype)
        self.num_factors = params["num_factors"]
        # Factors that start at zero stay there, and need not be held.
        self.k = self.num_factors if params.get("factors_init_sigma", 1.0) > 0 else 0
        self.n_outputs, self.steps, self.size = n_outputs, 0, 0.0
        self.shares = shares
        layers = 1 + OPTIMIZERS[settings.optimizer].n_states
        sigma = settings.init_sigma if self.k else 0.0
        self.starts = {
            group: start_of(values, group, sigma, seed)
            for group, sigma in (("linear", 0.0), ("factors", sigma))
        }
        self.bias = aligned_zeros((layers, n_outputs), dtype)
        self.linear = aligned_zeros((d, layers, n_outputs), dtype)
        self.factors = aligned_zeros((d, layers, n_outputs * self.k), dtype)
        self.best: tuple[np.ndarray, ...] | None = None
        if state is not None:
            self.restore(state)
            return
        self.bias[0] = start
        if not _left_to_us(values):
            rule = start_of(values, "bias", 0.0, seed)
            self.bias[0] = start_numbers(rule, np.zeros(1, np.int64), n_outputs)[0]
        self._begin(np.arange(d) if columns is None else columns)

    def _begin(self, columns: np.ndarray) -> None:
        """Draw the weights of features, by their numbers."""
        for group, part in (("linear", self.linear), ("factors", self.factors)):
            part[:, 0] = start_numbers(self.starts[group], columns, part.shape[2])
        self.size = self._size()

    def train(
        self,
        order: np.ndarray,
        labels: np.ndarray,
        weights: np.ndarray,
        reader: RowReader | None = None,
        spread: Map = ALONE,
        jobs: int = 1,
    ) -> float:
        """One pass over rows; returns their mean loss before each step.

        Parameters
        ----------
        order : int64 array of shape (n,)
        labels, weights : arrays of shape (n_rows,)
            In the precision of the reader.
        reader : RowReader or None
            Other rows than the model's, of the same kind and precision.
        spread : callable
        jobs : int
            Threads that share each mini-batch, if there is enough to share.
        """
        settings, values = self.settings, self.settings.values
        constants = {**BETAS, "eps": values["eps"]}
        # Mini-batches; none stands for steps row by row.
        batch, bounds = values["mini_batch_size"], np.empty(0, dtype=np.int64)
        if batch > 1:
            starts = np.arange(0, len(order), batch, dtype=np.int64)
            bounds = np.append(starts, len(order))
        reader = self.reader if reader is None else reader
        train = partial(
            factor_kernels.train,
            reader,
            order,
            bounds,
            labels,
            weights,
            self.bias,
            self.linear,
            self.factors,
            self.k,
            LOSS_IDS[settings.loss.name],
            settings.loss.coupled,
            0.0,
            OPTIMIZER_IDS[settings.optimizer],
            OPTIMIZERS[settings.optimizer].exact_eps,
            np.array([constants[name] for name in CONSTANTS]),
            self.rules(),
            settings.rescale,
            settings.clip,
            self.steps,
            *self.scaler,
        )
        rows = min(batch, len(order))
        shares = self._shares_of(reader, rows, jobs)
        total = self._together(train, rows, spread, shares) if shares > 1 else train()
        self.steps += len(bounds) - 1 if len(bounds) else len(order)
        self.decay_axes(len(order))
        return total / max(weights[order].sum(dtype=np.float64), 1e-300)

    def _shares_of(self, reader: RowReader, rows: int, jobs: int) -> int:
        """Shares of the work on a mini-batch of so many rows, for as many threads."""
        batches = self.settings.values["mini_batch_size"] > 1
        if jobs == 1 or not batches or not kernels.can_team():
            return 1
        width = self.n_outputs * max(1, self.k)
        stored = reader.stored / max(1, reader.shape[0])
        if stored < SHARED_STORED or stored * rows * width < SHARED_WORK:
            return 1
        if rows * width * self.bias.itemsize > WORK_BYTES:
            return 1
        return min(jobs, processors(), MOST_SHARES)

    def _together(
        self, train: Callable[..., float], rows: int, spread: Map, shares: int
    ) -> float:
        """A pass by several threads; returns what it returns in one."""
        barrier = new_barrier()
        dtype, n_outputs = self.bias.dtype, self.n_outputs
        # Each row on cache lines of its own.
        line = 64 // dtype.itemsize
        width = line * max(1, -(-n_outputs * self.k // line))
        sums = aligned_zeros((rows, width), dtype)
        slopes, losses = np.empty((rows, n_outputs), dtype), np.zeros(rows + 1)

        def join(member: int) -> None:
            with broken_by_errors(barrier):
                train((barrier, member, shares, sums, slopes, losses))

        spread(join, range(shares))
        return float(losses[-1])

    def decay_axes(self, n_rows: int) -> None:
        """Let the axes of the factors decay as much as in steps by so many rows."""
        most = self.params.get("axis_decay", 1.0)
        up = self.shares is not None and self._size() > UP * self.settings.init_sigma
        if most > 1.0 and up and self.finite:
            assert self.shares is not None
            (rate, decay), eps = self.rules()[2], self.settings.values["eps"]
            now, squares = self.factors[:, 0], self.factors[:, 1]
            given = self.shares * n_rows, (rate, decay), eps
            decay_by_axis(now, squares, *given, most)

    def rises(self) -> bool:
        """Whether the factors have grown much since this was asked last.

        From where they start they grow as compound interest does, and add nothing to
        the margins for a while.
        """
        before, self.size = self.size, self._size()
        return self.size > RISE * before

    def _size(self) -> float:
        """Root mean square of the factors."""
        now = self.factors[:, 0]
        with np.errstate(over="ignore"):
            # Feature by feature: no array of their size is made.
            squares = np.einsum("ij,ij->i", now, now)
            total = squares.sum(dtype=np.float64)
            return float(np.sqrt(total / max(1, now.size)))

    def rules(self) -> np.ndarray:
        """Rate and decay of intercept, linear weights and factors."""
        params, rules = self.params, np.empty((3, 2))
        rules[0] = params["bias_lr"], self.settings.values["bias_wd"]
        rules[1] = params["linear_lr"], params["linear_wd"]
        rules[2] = params["factors_lr"], params["factors_wd"]
        if OPTIMIZERS[self.settings.optimizer].own_decay:
            # The step divides by the rate: next to none stands for none.
            rules[:, 0] = np.maximum(rules[:, 0], 1e-20)
        return rules

    def scorer(self, reader: RowReader) -> Scorer:
        """What scores rows by the weights as trained last; see `Scorer`."""
        return self._scorer(reader, self._arrays())

    def best_scorer(self, reader: RowReader) -> Scorer:
        """What scores rows by the best weights; see `Scorer`."""
        return self._scorer(reader, self.best or self._arrays())

    def margins(self, reader: RowReader, rows: np.ndarray) -> np.ndarray:
        """Margins of some rows, as trained last.

        Returns
        -------
        margins : float64 array of shape (n, n_outputs)
        """
        return self.scorer(reader)(rows)

    def validation_margins(self, scores: np.ndarray, part: int) -> np.ndarray:
        """Margins of a part of the validation rows, by the scores of all its rows.

        Parameters
        ----------
        scores : float64 array of shape (n, n_outputs)
            Of `scorer`, after each epoch once.
        part : int
        """
        return scores

    def _scorer(self, reader: RowReader, arrays: tuple[np.ndarray, ...]) -> Scorer:
        # Rows of another precision are scored in theirs.
        bias, linear, factors, shift, scale = (
            part.astype(reader.dtype, copy=False) for part in (*arrays, *self.scaler)
        )
        return lambda rows: margins_of(
            reader, rows, bias, linear, factors, (shift, scale)
        )

    def _arrays(self) -> tuple[np.ndarray, ...]:
        return self.bias, self.linear, self.factors

    def keep(self) -> None:
        """Remember the weights as the best."""
        if self.best is None:
            self.best = tuple(part[..., :1, :].copy() for part in self._arrays())
            return
        for kept, part in zip(self.best, self._arrays(), strict=True):
            kept[:] = part[..., :1, :]

    @property
    def finite(self) -> bool:
        """Whether no weight has overflowed."""
        return bool(
            np.isfinite(self.bias[0]).all()
            and np.isfinite(self.linear[:, 0].sum(dtype=np.float64))
            and np.isfinite(self.factors[:, 0].sum(dtype=np.float64))
        )

    def solution(self) -> Solution:
        """The best parameters, for features as the kernels see them."""
        bias, linear, factors = self.best or self._arrays()
        d = linear.shape[0]
        if self.k:
            shaped = factors[:, 0].reshape(d, self.n_outputs, self.k)
        else:
            shaped = np.zeros((d, self.n_outputs, self.num_factors), factors.dtype)
        return Solution(
            bias[0].astype(np.float64),
            np.ascontiguousarray(linear[:, 0].T, dtype=np.float64),
            np.ascontiguousarray(shaped.transpose(1, 0, 2)),
        )

    def draws(self) -> list[Solution]:
        """None: the solution is all there is."""
        return []

    def state(self) -> dict[str, Any]:
        """Arrays that training can go on from."""
        return {
            name: part.copy() if isinstance(part, np.ndarray) else part
            for name, part in self.parts().items()
        }

    def parts(self) -> dict[str, Any]:
        """The arrays of `state` themselves, which training changes."""
        names = ("bias", "linear", "factors", "steps", "size")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state, whose shapes were checked; perhaps of some features."""
        self.bias[:] = state["bias"]
        some = state.get("features", slice(None))
        self.linear[some], self.factors[some] = state["linear"], state["factors"]
        self.steps = state["steps"]
        # A state that was stored may lack what came later.
        self.size = state["size"] if "size" in state else self._size()

    def checkpoint(self) -> dict[str, Any]:
        """Plain values that say all that training has changed."""
        return {**self.state(), "best": self.best}

    def continue_from(self, checkpoint: dict[str, Any]) -> None:
        """Be as when the checkpoint was taken."""
        self.restore(checkpoint)
        self.best = checkpoint["best"]


def _left_to_us(values: dict[str, Any]) -> bool:
    """Whether the intercept starts at the best constant model."""
    normal = values["bias_init_method"] == "normal"
    return normal and values["bias_init_sigma"] == "auto"
