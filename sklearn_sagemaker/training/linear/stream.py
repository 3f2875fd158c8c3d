"""Training on a stream of rows: every call sees the next ones, once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sklearn_sagemaker._hyperparameters.linear_learner import SOLVER
from sklearn_sagemaker._hyperparameters.signs import check_signs
from sklearn_sagemaker._kernels import OPTIMIZERS
from sklearn_sagemaker._state import ModelState, Monitor, TrainingData, TrainingSpec
from sklearn_sagemaker.training.columns import columns_of
from sklearn_sagemaker.training.linear.block import ColumnBlock
from sklearn_sagemaker.training.linear.blocks import (
    make_blocks,
    mean_solution,
    models_per_block,
    penalty_boost,
)
from sklearn_sagemaker.training.linear.candidates import check_models, make_candidates
from sklearn_sagemaker.training.linear.resolved import resolved
from sklearn_sagemaker.training.linear.resume import (
    columns_state,
    known_columns,
    merge_states,
    on_columns,
    resume_blocks,
)
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.memory import check_width
from sklearn_sagemaker.training.prequential import StreamCall, earlier_calls
from sklearn_sagemaker.training.running import Moments
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
from sklearn_sagemaker.training.team import Team


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
        resume = earlier_calls(spec)
        earlier = None
        if resume is not None:
            storage = "sparse" if len(resume["counts"]) else "dense"
            earlier = storage, resume["weights"].dtype
        weights, width = data.sample_weight, data.X.shape[1]
        check_width(width, spec)
        check_signs(spec)
        self.columns, _ = columns_of(data.X, weights, known_columns(spec, width))
        spec = on_columns(spec, self.columns)
        spec = replace(spec, feature_names=self.columns.labels(spec.feature_names))
        data = replace(data, X=self.columns.of(data.X))
        self.spec, self.settings = spec, LinearSettings(spec)
        values = self.settings.values
        if self.settings.solver_alone:
            raise ValueError(
                f"optimizer={SOLVER!r} needs all rows at once, and partial_fit has "
                "the next ones; set optimizer='auto', or call fit."
            )
        self.call = StreamCall(spec, self.settings, data, earlier)
        self.data, self.reader = self.call.data, self.call.reader
        self.rows = self.call.rows
        self.weights = self.data.sample_weight[self.rows]
        sparse = bool(self.reader.sparse)
        found = make_candidates(values, sparse)
        layers = 2 + OPTIMIZERS[self.settings.kernel_optimizer].n_states
        numbers = self.reader.n_features * self.settings.n_outputs * layers
        check_models(len(found), numbers, self.reader.dtype, values["num_models"])
        endless = np.where(found.schedule == "cosine", "inverse", found.schedule)
        self.candidates = replace(found, schedule=endless)
        batch = values["mini_batch_size"]
        self.batch = STREAM_BATCH if batch == "auto" else batch
        if resume is None:
            d = self.reader.n_features
            self.call.start(
                len(self.candidates),
                updates=0,
                features=(0.0, np.zeros(d), np.zeros(d)),
                labels=(0.0, 0.0, 0.0),
                stored=np.zeros(d if sparse else 0, dtype=np.int64),
                classes=np.zeros(max(2, spec.n_classes)),
                shifted=None,
            )
        self.seen = self.call.seen

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
        self.call.count()
        if self.reader.sparse:
            seen["stored"] = seen["stored"] + stored_counts(data.X, self.rows)
        origin, unit = 0.0, 1.0
        if self.settings.regression:
            if self.settings.centres_labels:
                origin = float(labels.mean)
            if self.settings.scales_labels:
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
            step = step[resume.get("places", slice(None))]
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
        n_models, width = len(self.candidates), settings.n_outputs
        per_block = models_per_block(self.reader, n_models, width)
        n_blocks = -(-n_models // per_block)
        return make_blocks(
            settings,
            self.reader,
            self.columns,
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
        loss_weights = data.sample_weight
        if not settings.regression:
            shares = seen["classes"]
            if settings.binary and not shares.all():
                # Nothing to balance until both classes were seen.
                shares = np.ones(2)
            multipliers = settings.class_multipliers(np.arange(len(shares)), shares)
            loss_weights = loss_weights * multipliers[data.y.astype(int)]
        labels, weights = self.call.targets(loss_weights, origin, unit)

        def train(piece: np.ndarray) -> np.ndarray:
            bounds = even_bounds(len(piece), n_batches(len(piece), self.batch))
            fold = np.full(len(bounds) - 1, -1, dtype=np.int32)
            done = []
            for block in blocks:
                rates = learning_rates(
                    block.candidates, seen["updates"], len(fold), seen["updates"]
                )
                done.append(
                    block.train_epoch(piece, bounds, fold, labels, weights, rates)
                )
            seen["updates"] += len(fold)
            return np.concatenate(done)

        def margins(piece: np.ndarray) -> list[np.ndarray]:
            return [block.margins(self.reader, piece) for block in blocks]

        self.call.test_then_train(weights, unit, margins, train)
        for block in blocks:
            block.keep(block.active)

    # ------------------------------------------------------------------- selection
    def _result(self, blocks, statistics, origin: float, unit: float) -> ModelState:
        finite = np.concatenate([block.finite() for block in blocks])
        selection = self.call.select(self.candidates, finite, "a smaller learning_rate")
        coef, intercept = mean_solution(
            [block.best for block in blocks], selection.chosen, origin, unit
        )
        resume = {
            **merge_states(blocks),
            **columns_state(self.columns),
            "scaler": (statistics.mean, origin, unit),
            "stream": self.seen,
        }
        return ModelState(
            coef=self.columns.expanded(coef),
            intercept=intercept,
            resolved={
                **resolved(self.settings, self.candidates, statistics, self.batch),
                "validation": "test-then-train",
            },
            metrics={
                "train": {"objective_loss": float(selection.fields["loss_curve"][0])}
            },
            resume=resume,
            **selection.fields,
        )
