"""Factorization Machines on rows in shards: the rounds of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.training.factors.gradient import GradientModel, Scaler
from sklearn_sagemaker.training.factors.joining import MEANS, SUMS, Stepping
from sklearn_sagemaker.training.factors.settings import Candidates, FactorSettings
from sklearn_sagemaker.training.pieces import Reading
from sklearn_sagemaker.training.rows import ShardRows
from sklearn_sagemaker.training.shards.shard import Part, Shard
from sklearn_sagemaker.training.targets import LossLabels

ROUNDS = 80.0
"""Joinings of an epoch are the coupling times the square root of the rows, over this:
steps shorten as the root of the sums of squared gradients, which grow with the rows.
They are twice as many in the first epoch, whose steps are longest."""
LEAST_ROUNDS, LEAST_ROWS = 8, 32
"""Joinings of an epoch at least, and rows of a shard between two, which come first."""
DENSE_ROUNDS = 16
"""Joinings of an epoch that are not too many, however few rows store a feature."""


@dataclass(frozen=True)
class Blueprint:
    """What a shard makes the models of a run from, and trains them with.

    Attributes
    ----------
    reading : Reading
    spec : TrainingSpec
        Of the columns that are trained, with the mini-batch of a shard.
    candidates, n_outputs, scaler : object
        As of `GradientModel`.
    of_loss : LossLabels
    sparse : bool
        Whether a row steps the features that it stores alone.
    coupling : float
        Numbers that a row steps at once, about: features and intercept.
    share : float
        Rows of a mini-batch of a shard over those of the run's.
    """

    reading: Reading
    spec: TrainingSpec
    candidates: Candidates
    n_outputs: int
    scaler: Scaler
    of_loss: LossLabels
    sparse: bool
    coupling: float
    share: float

    def models(self, states: Sequence[tuple[int, dict]]) -> list[GradientModel]:
        """The models of some candidates, by number and state."""
        empty = np.empty((0, len(self.reading.columns)), self.reading.dtype)
        settings, reader = FactorSettings(self.spec), RowReader(empty)
        return [
            GradientModel(
                settings,
                self.candidates.params(number),
                reader,
                self.n_outputs,
                self.scaler,
                np.zeros(self.n_outputs),
                [0],
                state=state,
            )
            for number, state in states
        ]

    def stepping(self, model: GradientModel) -> list[Stepping]:
        """How intercept, linear weights and factors of a model are stepped."""
        settings = model.settings
        optimizer, eps = settings.optimizer, settings.values["eps"]
        curvature, k = 1.0, max(1, model.k)
        if optimizer not in SUMS and optimizer not in MEANS and model.k:
            # In a factor it is the square of what the others of a row sum up to.
            numbers = model.factors[:, 0].astype(np.float64)
            curvature = (self.coupling - 1.0) * float(np.mean(numbers**2))
        whole = optimizer in MEANS or settings.rescale == 0
        gain = self.share if whole else 1.0
        # Factors are stepped together, too, some of them by little.
        of_factors = 1.0 + (self.coupling - 1.0) * float(np.sqrt(k))
        groups = (
            (self.coupling, 1.0),
            (self.coupling, 1.0),
            (of_factors, curvature),
        )
        return [
            Stepping(optimizer, rate, decay, eps, *group, gain)
            for (rate, decay), group in zip(model.rules().tolist(), groups, strict=True)
        ]


@dataclass
class Round:
    """What came of a round on some shards.

    Attributes
    ----------
    moved : list of lists of arrays
        Of intercept, linear weights and factors of each model: see `Stepping.moved`.
    features : int64 array of shape (m,) or None
        Those that were stepped, in ascending order; None is all.
    updates : float64 array of shape (m,) or (1,)
        Of each.
    losses : float64 array of shape (n_models,)
        Sums of the losses, by weight.
    batches : int
    weight : float
        Of the rows.
    """

    moved: list[list[np.ndarray]]
    features: np.ndarray | None
    updates: np.ndarray
    losses: np.ndarray
    batches: int
    weight: float

    def joined(self, other: Round) -> Round:
        """The same, with what came of it on other shards."""
        if not other.batches or not self.batches:
            return self if self.batches else other
        features = self.features
        if features is not None and other.features is not None:
            features = np.union1d(features, other.features)
        self.updates = self._added(other, features, self.updates, other.updates)
        self.moved = [
            [
                mine[0] + theirs[0],
                *(
                    self._added(other, features, *pair)
                    for pair in zip(mine[1:], theirs[1:], strict=True)
                ),
            ]
            for mine, theirs in zip(self.moved, other.moved, strict=True)
        ]
        self.features = features
        self.losses = self.losses + other.losses
        self.batches += other.batches
        self.weight += other.weight
        return self

    def _added(
        self,
        other: Round,
        features: np.ndarray | None,
        mine: np.ndarray,
        theirs: np.ndarray,
    ) -> np.ndarray:
        if features is None or self.features is None or other.features is None:
            return mine + theirs
        total = np.zeros((len(features), *mine.shape[1:]), mine.dtype)
        total[features.searchsorted(self.features)] = mine
        total[features.searchsorted(other.features)] += theirs
        return total


def train_round(
    shard: Shard,
    blueprint: Blueprint,
    states: Sequence[tuple[int, dict[str, Any]]],
    epoch: int,
    part: Part,
) -> Round:
    """Train some models on a part of the rows of a shard.

    Parameters
    ----------
    shard : Shard
    blueprint : Blueprint
    states : sequence of (int, dict)
        Candidates by number, and the states from which all shards start.
    epoch : int
        Among those of the trainings that this one continues.
    part : (int, int)
        Of the epoch.

    Returns
    -------
    round : Round
    """
    models = blueprint.models(states)
    stepping = [blueprint.stepping(model) for model in models]
    losses, weight, batches = np.zeros(len(models)), 0.0, 0
    batch = blueprint.spec.hyperparameters["mini_batch_size"]
    counts = np.zeros(len(blueprint.reading.columns))
    dtype, of_loss = blueprint.reading.dtype, blueprint.of_loss
    with (
        np.errstate(all="ignore"),
        closing(shard.pieces(blueprint.reading, epoch, part)) as pieces,
    ):
        for piece in pieces:
            order = piece.rng.permutation(piece.folds[0])
            labels = of_loss.scaled(piece.y).astype(dtype)
            weights = of_loss.weights(piece.y, piece.sample_weight).astype(dtype)
            share = piece.share(weights)
            for place, model in enumerate(models):
                losses[place] += share * model.train(
                    order, labels, weights, piece.reader
                )
            weight += share
            batches += -(-len(order) // batch)
            if blueprint.sparse:
                counts += updates_of(piece.reader.matrix()[order], batch)
        features, updates = None, np.array([float(batches)])
        if blueprint.sparse:
            features = np.flatnonzero(counts)
            updates = counts[features]
        moved = [
            _moved(rules, state, model, features, updates, batches)
            for rules, (_, state), model in zip(stepping, states, models, strict=True)
        ]
    return Round(moved, features, updates, losses, batches, weight)


def _moved(
    rules: list[Stepping],
    state: dict[str, Any],
    model: GradientModel,
    features: np.ndarray | None,
    updates: np.ndarray,
    batches: int,
) -> list[np.ndarray]:
    some = slice(None) if features is None else features
    # Intercepts take every step.
    every = np.array([float(batches)])
    return [
        rules[0].moved(state["bias"][None], model.bias[None], every),
        rules[1].moved(state["linear"][some], model.linear[some], updates),
        rules[2].moved(state["factors"][some], model.factors[some], updates),
    ]


def updates_of(X: Any, batch: int) -> np.ndarray:
    """Mini-batches that hold a row which stores a feature.

    Parameters
    ----------
    X : CSR of shape (n_rows, n_features)
        In the order of training.
    batch : int
        Rows of a mini-batch.

    Returns
    -------
    updates : int64 array of shape (n_features,)
    """
    d = X.shape[1]
    if batch == 1:
        return np.bincount(X.indices, minlength=d)
    of_row = np.arange(X.shape[0], dtype=np.int64) // batch
    key = np.repeat(of_row, np.diff(X.indptr)) * d + X.indices
    return np.bincount(np.unique(key) % d, minlength=d)


class FactorShards:
    """The epochs of a run on rows in shards.

    Parameters
    ----------
    source : ShardRows
    blueprint : Blueprint
    n_train : int
        Rows that train.
    per_feature : float
        Rows that store a feature, on average.
    """

    def __init__(
        self, source: ShardRows, blueprint: Blueprint, n_train: int, per_feature: float
    ):
        self._shards, self._blueprint = source.shards, blueprint
        self._n_train, self._per_feature = n_train, per_feature

    def rounds(self, number: int) -> int:
        """Joinings of an epoch.

        Parameters
        ----------
        number : int
            Of the epoch, among those of the trainings that this one continues.
        """
        wanted = self._shards.rounds
        if not isinstance(wanted, str):
            return wanted
        found = self._blueprint.coupling * np.sqrt(self._n_train) / ROUNDS
        # Each joining sends what a feature has, trained or not.
        found = min(found, max(DENSE_ROUNDS, self._per_feature))
        found = max(LEAST_ROUNDS, round(found)) * (1 if number else 2)
        return max(1, min(found, self._n_train // (self._shards.n_shards * LEAST_ROWS)))

    def epoch(
        self, number: int, models: Sequence[tuple[int, GradientModel]]
    ) -> list[np.float64]:
        """Train models once over the rows.

        Parameters
        ----------
        number : int
            Among those of the trainings that this one continues.
        models : sequence of (int, GradientModel)
            Of the candidates that train, by number.

        Returns
        -------
        losses : list of float64
            Mean training loss of each.
        """
        sums, weight = np.zeros(len(models)), 0.0
        rounds = self.rounds(number)
        for place in range(rounds):
            found: Round = self._shards.reduce(
                train_round,
                Round.joined,
                self._blueprint,
                [(candidate, model.state()) for candidate, model in models],
                number,
                (place, rounds),
            )
            if not found.batches:
                continue
            for (_, model), moved in zip(models, found.moved, strict=True):
                self._take(model, moved, found)
            sums += found.losses
            weight += found.weight
        for _, model in models:
            model.decay_axes(self._n_train)
        return list(sums / max(weight, 1e-300))

    def _take(self, model: GradientModel, moved: list, found: Round) -> None:
        """Let a model be what the shards have made of it."""
        some = slice(None) if found.features is None else found.features
        rules = self._blueprint.stepping(model)
        every = np.array([float(found.batches)])
        # Models that diverged are dropped when they are scored.
        with np.errstate(all="ignore"):
            bias = rules[0].joined(model.bias[None], moved[0], every)
            model.bias[:] = bias[0]
            for part, rule, sums in (
                (model.linear, rules[1], moved[1]),
                (model.factors, rules[2], moved[2]),
            ):
                part[some] = rule.joined(part[some], sums, found.updates)
        model.steps += max(1, round(self._blueprint.share * found.batches))
