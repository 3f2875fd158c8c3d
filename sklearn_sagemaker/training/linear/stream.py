"""Training on a stream of rows: every call sees the next ones, once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import OPTIMIZERS, RowReader, read_in
from sklearn_sagemaker._state import ModelState, Monitor, TrainingData, TrainingSpec
from sklearn_sagemaker.exceptions import AllCandidatesDivergedError
from sklearn_sagemaker.training.linear.block import ColumnBlock
from sklearn_sagemaker.training.linear.blocks import (
    make_blocks,
    mean_solution,
    models_per_block,
    penalty_boost,
)
from sklearn_sagemaker.training.linear.candidates import check_models, make_candidates
from sklearn_sagemaker.training.linear.resume import merge_states, resume_blocks
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.linear.team import Team
from sklearn_sagemaker.training.precision import in_safe_precision
from sklearn_sagemaker.training.prequential import (
    PIECE_ROWS,
    remember,
    seen_exponent,
    stream_table,
    stream_threshold,
)
from sklearn_sagemaker.training.scaling import (
    FeatureStatistics,
    check_statistics,
    check_targets,
    feature_statistics,
    stored_counts,
    zeros_share,
)
from sklearn_sagemaker.training.schedule import (
    STREAM_BATCH,
    even_bounds,
    learning_rates,
    n_batches,
)
from sklearn_sagemaker.training.weights import comparable


class Moments:
    """Weighted mean and sum of squares about it, of rows that come in portions."""

    def __init__(self, weight, mean, square):
        self.weight, self.mean, self.square = weight, mean, square

    def add(self, weight: float, mean, variance) -> None:
        """Take in a portion, by its weight, mean and variance."""
        total = self.weight + weight
        step = mean - self.mean
        self.square = (
            self.square + weight * variance + step**2 * (self.weight * weight / total)
        )
        self.mean = self.mean + step * (weight / total)
        self.weight = total

    @property
    def deviation(self):
        """Standard deviation; rounding noise of the mean's size counts as zero."""
        deviation = np.sqrt(self.square / self.weight)
        return np.where(deviation <= 1e-12 * np.abs(self.mean), 0.0, deviation)


class LinearStream:
    """One call of a stream: trains the candidates on its rows, once.

    Every row is scored by the candidates before they are trained on it, and the
    losses of these scores select among them (test-then-train). The scalers follow
    the rows until `num_point_for_scaler` of them were seen; then they are frozen.

    Parameters
    ----------
    spec : TrainingSpec
        ``resume`` is None at first, then the `ModelState.resume` of the call before;
        or a dict of ``coef`` and ``intercept``, where all start.
    data : TrainingData

    Raises
    ------
    ValueError
        If ``spec.resume`` does not fit the spec and the data.
    """

    def __init__(self, spec: TrainingSpec, data: TrainingData):
        self.spec = spec
        self.settings = LinearSettings(spec)
        values = self.settings.values
        resume = spec.resume if spec.resume and "stream" in spec.resume else None
        exponent = seen_exponent(resume, data)
        data = comparable(data, exponent)
        if resume is None:
            data = in_safe_precision(data, spec.feature_names)
        self.reader = RowReader(data.X)
        sparse = bool(self.reader.sparse)
        if resume is not None and sparse != bool(len(resume["counts"])):
            ours, theirs = ("sparse", "dense") if sparse else ("dense", "sparse")
            raise ValueError(
                f"X is {ours}, the rows of the calls before were {theirs}; a stream "
                "is all of one kind, so convert X."
            )
        if resume is not None:
            # The precision of a stream is that of its first rows.
            self.reader = read_in(data.X, resume["weights"].dtype)
        self.data = data
        self.rows = np.flatnonzero(data.sample_weight > 0).astype(np.int64)
        self.weights = data.sample_weight[self.rows]
        found = make_candidates(values, sparse)
        classes = spec.n_classes if self.settings.loss.coupled else 1
        layers = 2 + OPTIMIZERS[self.settings.kernel_optimizer].n_states
        numbers = self.reader.n_features * classes * layers
        check_models(len(found), numbers, self.reader.dtype, values["num_models"])
        endless = np.where(found.schedule == "cosine", "inverse", found.schedule)
        self.candidates = replace(found, schedule=endless)
        batch = values["mini_batch_size"]
        self.batch = STREAM_BATCH if batch == "auto" else batch
        n, d = len(self.candidates), self.reader.n_features
        self.seen: dict[str, Any] = {
            "calls": 0,
            "updates": 0,
            "rows": 0,
            "weight": 0.0,
            "features": (0.0, np.zeros(d), np.zeros(d)),
            "labels": (0.0, 0.0, 0.0),
            "stored": np.zeros(d if self.reader.sparse else 0, dtype=np.int64),
            "classes": np.zeros(max(2, spec.n_classes)),
            "loss": np.zeros(n),
            "loss_weight": 0.0,
            "recent": np.zeros((0, n + 2)),
            "seed": spec.seed,
            "shifted": None,
            "exponent": exponent,
        }
        if resume is not None:
            self.seen = dict(resume["stream"])

    # --------------------------------------------------------- what was seen so far
    def _look(self) -> tuple[FeatureStatistics, float, float]:
        """Scalers of features and labels, with the new rows while they still count."""
        seen, data, values = self.seen, self.data, self.settings.values
        if self.settings.regression:
            check_targets(data.y[self.rows])
            if seen["calls"] == 0:
                self.settings.warn_of_scale(data.y[self.rows], self.weights)
        features = Moments(*seen["features"])
        labels = Moments(*seen["labels"])
        left = values["num_point_for_scaler"] - seen["rows"]
        if left > 0:
            rows, weights = self.rows[:left], self.weights[:left]
            found = feature_statistics(self.reader, rows, weights)
            check_statistics(found, self.spec.feature_names)
            features.add(weights.sum(), found.mean, found.deviation**2)
            y = data.y[rows]
            mean = np.average(y, weights=weights)
            labels.add(
                weights.sum(), mean, np.average((y - mean) ** 2, weights=weights)
            )
        seen["features"] = (features.weight, features.mean, features.square)
        seen["labels"] = (labels.weight, labels.mean, labels.square)
        seen["rows"] += len(self.rows)
        seen["weight"] += float(self.weights.sum())
        if self.reader.sparse:
            seen["stored"] = seen["stored"] + stored_counts(data.X, self.rows)
        origin, unit = 0.0, 1.0
        if self.settings.regression:
            if self.settings.flag("unbias_label", values["use_bias"]):
                origin = float(labels.mean)
            if self.settings.flag("normalize_label", True):
                unit = float(labels.deviation) or 1.0
        else:
            seen["classes"] = seen["classes"] + np.bincount(
                data.y[self.rows].astype(int), self.weights, len(seen["classes"])
            )
        present = seen["stored"] / seen["rows"] if self.reader.sparse else None
        statistics = FeatureStatistics(
            features.mean,
            features.deviation,
            present,
            keep_constants=self.settings.sagemaker_rules,
        )
        if seen["shifted"] is None:
            zeros = zeros_share(data.X, self.rows)
            seen["shifted"] = self.settings.shifts_features(
                replace(statistics, zeros=zeros)
            )
        # Whether features are centred is settled by the first rows.
        settled = replace(statistics, centred=bool(seen["shifted"]))
        return settled, origin, unit

    def _resumed(self, statistics, origin: float, unit: float) -> dict | None:
        """The state to go on from, in the units of the scalers of today."""
        resume = self.spec.resume
        if resume is None:
            return None
        shifted = self.settings.shifts_features(statistics)
        if "stream" not in resume:
            return self._from_model(resume, statistics, origin, unit, shifted)
        old_mean, old_origin, old_unit = resume["scaler"]
        weights, bias = resume["weights"], resume["bias"].copy()
        # What a model predicts stays the same while the scalers still move.
        step = statistics.mean - old_mean
        if shifted and step.any():
            bias[0] += np.tensordot(step, weights.astype(np.float64), axes=(0, 0))
        if (old_origin, old_unit) != (origin, unit):
            ratio = old_unit / unit
            bias[0] = bias[0] * ratio + (old_origin - origin) / unit
            weights = weights * weights.dtype.type(ratio)
        return {**resume, "weights": weights, "bias": bias}

    def _from_model(self, model, statistics, origin, unit, shifted) -> dict:
        """All candidates at the coefficients of a fitted model."""
        optimizer = self.settings.kernel_optimizer
        blocks = self._blocks(statistics, origin, unit)
        state = merge_states(blocks)
        coef, intercept = model["coef"], model["intercept"]
        if shifted:
            intercept = intercept + coef @ statistics.mean
        state["weights"][:] = (coef.T / unit)[:, None, :, None]
        state["bias"][0] = ((intercept - origin) / unit)[None, :, None]
        return {**state, "optimizer": optimizer}

    def _blocks(self, statistics, origin: float, unit: float) -> list[ColumnBlock]:
        settings = self.settings
        boost = None
        if self.reader.sparse:
            boost = penalty_boost(
                settings,
                statistics,
                self.seen["stored"],
                self.seen["rows"],
                self.batch,
            )
        width = self.spec.n_classes if settings.loss.coupled else 1
        per_block = models_per_block(self.reader, len(self.candidates), width)
        n_blocks = -(-len(self.candidates) // per_block)
        return make_blocks(
            settings,
            self.reader,
            self.candidates,
            statistics,
            settings.label_scaler(np.zeros(1), np.ones(1), unit),
            boost,
            per_block,
            [Team(1)] * n_blocks,
        )

    # -------------------------------------------------------------------- training
    def train(self, monitor: Monitor | None = None) -> ModelState:
        """Score and train on the rows, and select the best candidate so far.

        A stream has no epochs, and never asks the monitor.

        Raises
        ------
        AllCandidatesDivergedError
            If no candidate stayed finite.
        """
        with np.errstate(all="ignore"):
            statistics, origin, unit = self._look()
            state = self._resumed(statistics, origin, unit)
            blocks = self._blocks(statistics, origin, unit)
            if state is not None:
                resume_blocks(blocks, state)
            self._pass(blocks, origin, unit)
            return self._result(blocks, statistics, origin, unit)

    def _pass(self, blocks, origin: float, unit: float) -> None:
        seen, data, settings = self.seen, self.data, self.settings
        dtype = self.reader.dtype
        factor: Any = 1.0
        if not settings.regression:
            shares = seen["classes"]
            if settings.binary and not shares.all():
                # Nothing to balance until both classes were seen.
                shares = np.ones(2)
            multipliers = settings.class_multipliers(np.arange(len(shares)), shares)
            factor = multipliers[data.y.astype(int)]
        loss_weights = data.sample_weight * factor
        # Mean weight 1, as far as that can be known.
        scaled = (loss_weights * (seen["rows"] / seen["weight"])).astype(dtype)
        labels = ((data.y - origin) / unit).astype(dtype)
        rng_seed = [seen["seed"], 0x57E3, seen["calls"]]
        order = self.rows[np.random.default_rng(rng_seed).permutation(len(self.rows))]
        recent = settings.binary and settings.criterion.curve is not None
        losses = np.zeros(len(self.candidates))
        for start in range(0, len(order), PIECE_ROWS):
            piece = order[start : start + PIECE_ROWS]
            # Scores of a model that has not seen a row calibrate nothing.
            if recent and (seen["updates"] or self.spec.resume is not None):
                self._remember(blocks, piece, data)
            bounds = even_bounds(len(piece), n_batches(len(piece), self.batch))
            fold = np.full(len(bounds) - 1, -1, dtype=np.int32)
            total = scaled[piece].sum(dtype=np.float64)
            done = []
            for block in blocks:
                rates = learning_rates(
                    block.candidates, seen["updates"], len(fold), seen["updates"]
                )
                mean = block.train_epoch(piece, bounds, fold, labels, scaled, rates)
                done.append(mean * total)
            losses += np.concatenate(done)
            seen["updates"] += len(fold)
        for block in blocks:
            block.keep(block.active)
        total = scaled[order].sum(dtype=np.float64)
        seen["loss"] = seen["loss"] + losses * unit**settings.loss.degree
        seen["loss_weight"] += total
        seen["calls"] += 1

    def _remember(self, blocks, piece: np.ndarray, data: TrainingData) -> None:
        """Keep the margins of rows before they are trained on."""
        margins = [block.margins(self.reader, piece) for block in blocks]
        self.seen["recent"] = remember(self.seen["recent"], data, piece, margins)

    # ------------------------------------------------------------------- selection
    def _result(self, blocks, statistics, origin: float, unit: float) -> ModelState:
        settings, seen = self.settings, self.seen
        loss = seen["loss"] / seen["loss_weight"]
        finite = np.concatenate([block.finite() for block in blocks])
        loss = np.where(finite & np.isfinite(loss), loss, np.inf)
        if not np.isfinite(loss).any():
            raise AllCandidatesDivergedError(
                f"All {len(loss)} candidate models diverged on the rows of this call; "
                "the estimator is as it was before. Check these rows for extreme "
                "values, or start again with a smaller learning_rate."
            )
        chosen = np.argsort(loss, kind="stable")[: self.spec.ensemble_size]
        chosen = chosen[np.isfinite(loss[chosen])]
        best = int(chosen[0])
        threshold = stream_threshold(settings, seen["recent"], chosen)
        coef, intercept = mean_solution(blocks, chosen, origin, unit)
        table = stream_table(self.candidates, loss, threshold)
        resume = {
            **merge_states(blocks),
            "scaler": (statistics.mean, origin, unit),
            "stream": seen,
        }
        return ModelState(
            coef=coef,
            intercept=intercept,
            threshold=threshold,
            n_iter=1,
            best_index=best,
            best_params=self.candidates.params(best),
            best_score=float(-loss[best]),
            candidates=table,
            loss_curve=loss[[best]],
            validation_curve=None,
            resolved={"validation": "test-then-train", "loss": settings.loss.name},
            metrics={"train": {"objective_loss": float(loss[best])}},
            resume=resume,
        )
