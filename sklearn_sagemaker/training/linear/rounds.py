"""Linear Learner on rows in shards: the rounds of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._kernels import OPTIMIZERS, RowReader
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.training.linear.block import ColumnBlock
from sklearn_sagemaker.training.linear.blocks import make_blocks
from sklearn_sagemaker.training.linear.candidates import Candidates
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.pieces import Reading
from sklearn_sagemaker.training.rows import ShardRows
from sklearn_sagemaker.training.scaling import FeatureStatistics
from sklearn_sagemaker.training.schedule import epoch_order, learning_rates
from sklearn_sagemaker.training.shards.merging import Updates, mean, moved
from sklearn_sagemaker.training.shards.shard import Part, Shard
from sklearn_sagemaker.training.targets import LossLabels
from sklearn_sagemaker.training.team import Team

UPDATES, MOST_ROUNDS = 16, 32
"""Mini-batches of a shard between two joinings, and joinings of an epoch at most: each
takes a trip over the network."""


@dataclass(frozen=True)
class Blueprint:
    """What a shard makes the blocks of a run from, and trains them with.

    Attributes
    ----------
    reading : Reading
    spec : TrainingSpec
        Of the columns that are trained.
    sparse : bool
        Whether rows are CSR.
    candidates, statistics, label_scaler, boost, per_block : object
        As of `make_blocks`.
    of_loss : LossLabels
    batch : float
        Rows of a mini-batch of a shard, on average.
    total : int
        Updates of the whole run.
    """

    reading: Reading
    spec: TrainingSpec
    sparse: bool
    candidates: Candidates
    statistics: FeatureStatistics
    label_scaler: np.ndarray
    boost: np.ndarray | None
    per_block: int
    of_loss: LossLabels
    batch: float
    total: int

    def __getstate__(self) -> dict[str, Any]:
        return {name: one for name, one in vars(self).items() if name != "blocks"}

    @cached_property
    def blocks(self) -> list[ColumnBlock]:
        """Blocks like those of the run, for one round after the other.

        Made once for all shards that share this.
        """
        columns, dtype = self.reading.columns, self.reading.dtype
        shape = (0, len(columns))
        empty = sp.csr_array(shape, dtype=dtype) if self.sparse else np.empty(shape)
        n_blocks = -(-len(self.candidates) // self.per_block)
        return make_blocks(
            LinearSettings(self.spec),
            RowReader(empty.astype(dtype)),
            columns,
            self.candidates,
            self.statistics,
            self.label_scaler,
            self.boost,
            self.per_block,
            [Team() for _ in range(n_blocks)],
        )


@dataclass
class Round:
    """What came of a round on some shards.

    Attributes
    ----------
    states : list of dict
        Of each block that trains, see `ColumnBlock.moving`: means by updates, but of
        ``W``, and of ``S`` where the optimizer adds up, sums of moves.
    updates : list of Updates
    losses : list of arrays
        Sums of the losses of each block's models, by weight.
    weight : float
        Of the rows.
    """

    states: list[dict[str, Any]]
    updates: list[Updates]
    losses: list[np.ndarray]
    weight: float

    def joined(self, other: Round) -> Round:
        """The same, with what came of it on other shards."""
        if not other.weight or not self.weight:
            return self if self.weight else other
        parts = zip(self.states, other.states, self.updates, other.updates, strict=True)
        for state, theirs, *updates in parts:
            _join(state, theirs, *updates)
        self.updates = [
            mine.joined(theirs)
            for mine, theirs in zip(self.updates, other.updates, strict=True)
        ]
        self.losses = [
            mine + theirs
            for mine, theirs in zip(self.losses, other.losses, strict=True)
        ]
        self.weight += other.weight
        return self


def _join(state: dict[str, Any], other: dict[str, Any], mine, theirs) -> None:
    """Take another block's state into one."""
    made = mine.made, theirs.made
    # Intercepts take every step.
    every = np.full(1, float(mine.steps)), np.full(1, float(theirs.steps))
    state["W"] = state["W"] + other["W"]
    pairs = list(zip(state["S"], other["S"], strict=True))
    if state["summed"]:
        state["S"] = [first + second for first, second in pairs]
    else:
        state["S"] = [mean(*pair, made) for pair in pairs]
    if len(state["counts"]):
        state["counts"] = mean(state["counts"], other["counts"], made)
    for name in ("bias", "steps"):
        state[name] = mean(state[name], other[name], every)


def _moves(block: ColumnBlock, start: dict[str, Any]) -> dict[str, Any]:
    """What a block has become since a state, for `Round.states`."""
    summed = OPTIMIZERS[block.objective.optimizer].sums
    with np.errstate(all="ignore"):
        return {
            "active": block.active,
            "W": block.W - start["W"],
            "S": [
                now - before if summed else now
                for now, before in zip(block.S, start["S"], strict=True)
            ],
            "bias": block.bias,
            "steps": block.steps.astype(float),
            "counts": block.counts.astype(float),
            "summed": summed,
        }


def _after(start: dict[str, Any], found: dict[str, Any], updates: Updates):
    """The state after a round that began with one."""
    S = found["S"]
    if found["summed"]:
        S = [
            moved(before, moves, updates)
            for before, moves in zip(start["S"], S, strict=True)
        ]
    return {**found, "W": moved(start["W"], found["W"], updates), "S": S}


def train_round(
    shard: Shard,
    blueprint: Blueprint,
    states: Sequence[dict[str, Any] | None],
    epoch: int,
    part: Part,
    step: int,
) -> Round:
    """Train some models on a part of the rows of a shard.

    Parameters
    ----------
    shard : Shard
    blueprint : Blueprint
    states : sequence of dict or None
        Of each block, from which all shards start; None if it trains no longer.
    epoch : int
        Among those of the trainings that this one continues.
    part : (int, int)
        Of the epoch.
    step : int
        Updates of the run before this round.

    Returns
    -------
    round : Round
    """
    running = []
    for block, state in zip(blueprint.blocks, states, strict=True):
        if state is not None:
            block.move_to(state)
            running.append(block)
    before = [block.counts.copy() for block in running]
    losses = [np.zeros(len(block.active)) for block in running]
    seen, batches, dtype = 0.0, 0, blueprint.reading.dtype
    with (
        np.errstate(all="ignore"),
        closing(shard.pieces(blueprint.reading, epoch, part)) as pieces,
    ):
        for piece in pieces:
            of_loss = blueprint.of_loss
            labels = of_loss.scaled(piece.y).astype(dtype)
            weights = of_loss.weights(piece.y, piece.sample_weight).astype(dtype)
            order, bounds, fold = epoch_order(piece.folds, blueprint.batch, piece.rng)
            fold = np.full_like(fold, -1)
            share = piece.share(weights)
            for block, loss in zip(running, losses, strict=True):
                rates = learning_rates(
                    block.candidates, step + batches, len(fold), blueprint.total
                )
                loss += share * block.train_epoch(
                    order, bounds, fold, labels, weights, rates, None, piece.reader
                )
            seen += share
            batches += len(fold)
    updates = [
        Updates.of_shard(_made(block, counts, batches), batches)
        for block, counts in zip(running, before, strict=True)
    ]
    given = [state for state in states if state is not None]
    moves = [_moves(*pair) for pair in zip(running, given, strict=True)]
    return Round(moves, updates, losses, seen)


def _made(block: ColumnBlock, before: np.ndarray, batches: int) -> np.ndarray:
    """Mini-batches that trained each feature, or all of them."""
    adaptive = OPTIMIZERS[block.objective.optimizer].adaptive
    # Steps of SGD are as long as the share of the rows that store a feature: their mean
    # over all mini-batches is that of one machine. Steps that are divided by the size
    # of gradients are as long wherever the feature is.
    if not adaptive or not len(before) or len(block.shift):
        return np.array([float(batches)])
    return (block.counts - before).astype(float)


def rounds_of(updates: int) -> int:
    """Joinings of an epoch of so many mini-batches."""
    return min(MOST_ROUNDS, max(1, round(updates / UPDATES)))


class LinearShards:
    """The epochs of a run on rows in shards.

    Parameters
    ----------
    source : ShardRows
    blueprint : Blueprint
    updates : int
        Mini-batches of an epoch.
    """

    def __init__(self, source: ShardRows, blueprint: Blueprint, updates: int):
        self._shards, self._blueprint = source.shards, blueprint
        rounds = source.shards.rounds
        if isinstance(rounds, str):
            rounds = rounds_of(updates)
        self._rounds: int = rounds

    def epoch(
        self, number: int, blocks: Sequence[ColumnBlock], step: int
    ) -> tuple[list[np.ndarray], int]:
        """Train the active models of the blocks once over the rows.

        Parameters
        ----------
        number : int
            Among those of the trainings that this one continues.
        blocks : sequence of ColumnBlock
            All of the run.
        step : int
            Updates before.

        Returns
        -------
        losses : list of arrays
            Mean training loss of the active models of each block that has some.
        step : int
            Updates until now.
        """
        running = [block for block in blocks if len(block.active)]
        sums, weight = [np.zeros(len(block.active)) for block in running], 0.0
        for place in range(self._rounds):
            states = [block.moving() if len(block.active) else None for block in blocks]
            found: Round = self._shards.reduce(
                train_round,
                Round.joined,
                self._blueprint,
                states,
                number,
                (place, self._rounds),
                step,
            )
            if not found.weight:
                continue
            given = [state for state in states if state is not None]
            for block, before, state, updates in zip(
                running, given, found.states, found.updates, strict=True
            ):
                block.move_to(_after(before, state, updates))
            for total, loss in zip(sums, found.losses, strict=True):
                total += loss
            weight += found.weight
            step += max(one.steps for one in found.updates)
        return [total / max(weight, 1e-300) for total in sums], step
