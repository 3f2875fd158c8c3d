"""A training run of Factorization Machines: from rows to the trained candidates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker._kernels import RowReader, sweep_kernels
from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    Shards,
    SomeFeatures,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker._threads import (
    ALONE,
    Map,
    beside,
    longest_first,
    quietly,
    thread_count,
    threads,
)
from sklearn_sagemaker.training.factors.choice import TrainedFactors, select
from sklearn_sagemaker.training.factors.gradient import GradientModel, Scaler
from sklearn_sagemaker.training.factors.groups import check_groups
from sklearn_sagemaker.training.factors.making import (
    SweepPreparation,
    models_that_start_alike,
)
from sklearn_sagemaker.training.factors.pair_models import PairModels, for_pairs
from sklearn_sagemaker.training.factors.rounds import Blueprint, FactorShards
from sklearn_sagemaker.training.factors.scaling import feature_scaler, stored_shares
from sklearn_sagemaker.training.factors.settings import (
    FACTORS,
    MOST_LOST,
    RISING,
    ROWS_EACH,
    SETTLED_PATIENCE,
    FactorSettings,
)
from sklearn_sagemaker.training.factors.sweeps import SweepModels
from sklearn_sagemaker.training.factors.validating import Validation
from sklearn_sagemaker.training.identifiers import warn_of_identifiers
from sklearn_sagemaker.training.memory import check_epochs
from sklearn_sagemaker.training.pieces import Piece, train_epoch
from sklearn_sagemaker.training.prequential import storage_of
from sklearn_sagemaker.training.progress import Checkpoints, Progress, run_epochs
from sklearn_sagemaker.training.rows import (
    ArrayRows,
    ShardRows,
    plan_rows,
    rows_of,
)
from sklearn_sagemaker.training.scaling import check_targets, label_statistics
from sklearn_sagemaker.training.schedule import shuffled_runs
from sklearn_sagemaker.training.selection.validation import CV_BUDGET
from sklearn_sagemaker.training.targets import Targets
from sklearn_sagemaker.training.team import Teams

LARGE_DATA = 8 << 20
"""Bytes of X from which on rows are shuffled in windows of runs of neighbours."""
RUN_ROWS = 8
WINDOW_ROWS = 2048
FOLD_MODEL_BYTES = 40 << 20
"""Of the factors of all candidates, above which ``cv="auto"`` holds rows out: with the
states and the best of them, those of folds take some fifteen times as much."""
FEW_STORED = 1 << 16
"""Stored values up to which sweeps have their linear part alone as a candidate: where
rows are few, factors fit noise."""
LARGE_MODEL, MANY_ROWS = 1 << 16, 1 << 14
"""Numbers of a model, and rows of an epoch, from which on threads share what copies or
adds them up: handing over takes some hundredths of a millisecond."""
PLANNED_EPOCHS = 20
"""Of the work by which ``cv="auto"`` decides between folds and a hold-out."""


class FactorRun:
    """One training run; `train` does it all.

    A candidate is a model, or with folds one model for each fold and one that is
    trained on all rows; they stop as one.

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData or WindowedData

    Raises
    ------
    ValueError
        If ``spec.resume`` does not fit the spec and the data.
    """

    def __init__(self, spec: TrainingSpec, data: TrainingData | WindowedData):
        if FactorSettings(spec).pairs:
            spec = for_pairs(spec, data)
        self.source = rows_of(spec, data)
        self.spec = spec = self.source.spec
        self.data = data = self.source.data
        self.settings = FactorSettings(spec)
        self.values = self.settings.values
        features = spec.feature_names
        some = isinstance(features, SomeFeatures)
        self.columns = features.numbers if some else None
        self.n_features = features.n_features if some else data.X.shape[1]
        if not some:
            check_user_groups(spec, self.n_features)
        self.reader = RowReader(data.X)
        # Rows of zero weight are absent: from folds, shuffling and statistics.
        self.rows = np.flatnonzero(data.sample_weight > 0).astype(np.int64)
        self.n_outputs = self.settings.n_outputs
        warn_of_identifiers(data.X, self.rows, spec.feature_names)
        # Numbers of any size, before arrays are made of them.
        self.settings.check_memory(self.reader.n_features, self.n_outputs)
        factors = self.settings.candidates().columns["num_factors"]
        if self.values["num_factors"] == "auto" and self.n_outputs > 1:
            # The exponentials of many classes take more than their few factors.
            factors = np.maximum(factors, FACTORS[self.settings.solver])
        stored = self.source.stored(self.rows)
        work = PLANNED_EPOCHS * self.n_outputs * int(factors.sum())
        numbers = self.reader.n_features * self.n_outputs * int(factors.sum())
        few = numbers * 8 <= FOLD_MODEL_BYTES
        self.plan = plan_rows(
            self.source,
            self.reader,
            self.rows,
            stratify=not self.settings.regression,
            # Folds are no less work where their models are large.
            work=stored * work if few else 1 << 62,
        )
        self.train_rows = self.plan.train_rows
        validated = self.plan.kind != "training"
        self.epochs = self.settings.epochs(validated)
        self.alike = self.values["num_models"] == "auto"
        self.jobs = thread_count(spec.n_jobs)
        self.scaler, self.square = self._feature_scaler()
        full = self.settings.auto_factors == FACTORS[self.settings.solver]
        several = full and max(stored, self.reader.n_features) * work <= CV_BUDGET
        self.candidates = self.settings.candidates(
            self.square,
            several=several,
            validated=validated,
            few=stored <= FEW_STORED,
            rows_each=self._rows_each(),
        )
        self._check_memory()
        self.targets = Targets(
            self.source, self.plan, self.reader, *self._label_scaler()
        )
        self.start = self._constant_model()
        with threads(self.jobs, self.reader.nbytes) as spread:
            self.models = self._make_models(quietly(spread))
        self.on_shards = self._on_shards()
        self._trains: dict[int, np.ndarray] = {}
        self._ahead: tuple[int, list[np.ndarray]] = -1, []
        self.trained = 0
        self.validation = Validation(self.plan, self.targets, self.settings, self.jobs)
        if spec.resume is not None:
            self._resume(spec.resume)

    # ------------------------------------------------------------- preparation
    def _check_memory(self) -> None:
        """Refuse what cannot be held, before there is any of it."""
        n_models = len(self.candidates) * self.plan.n_fits
        self.settings.check_memory(
            self.reader.n_features, self.n_outputs, n_models, self.epochs
        )
        blind = self.plan.kind == "training" or self.settings.solver == "mcmc"
        patience = self.values["early_stopping_patience"]
        check_epochs(self.epochs, None if blind else patience, n_models)

    def _feature_scaler(self) -> tuple[Scaler, float]:
        if self.spec.resume is not None:
            return Scaler(*self.spec.resume["scaler"]), self.spec.resume["square"]
        return feature_scaler(
            self.reader,
            self.data.X,
            self.train_rows,
            self.data.sample_weight,
            self.settings.flag("normalize_data", True),
            self.spec.feature_names,
        )

    def _rows_each(self) -> float:
        """How many rows have a feature, in the mean."""
        self.shares = None
        if not self.settings.tells_axes or self.values["axis_decay"] == 1.0:
            return ROWS_EACH
        self.shares = stored_shares(self.reader, self.data.X, self.train_rows)
        seen = np.count_nonzero(self.shares)
        n_rows = self.source.n_train(self.plan)
        return max(1.0, self.shares.sum() * n_rows / max(1, seen))

    def _label_scaler(self) -> tuple[float, float]:
        """Origin and unit of the labels."""
        y, weights, rows = self.data.y, self.data.sample_weight, self.train_rows
        if self.settings.regression:
            check_targets(y[rows])
        if self.spec.resume is not None:
            return self.spec.resume["labels"]
        if self.settings.regression and self.settings.flag("normalize_label", True):
            return label_statistics(y[rows], weights[rows], True, True)
        return 0.0, 1.0

    def _constant_model(self) -> np.ndarray:
        """Margins that models start from: the best constant, as labels are scaled."""
        if self.spec.resume is not None:
            return np.zeros(self.n_outputs)
        if not self.settings.regression:
            return log_odds(*self.source.classes(self.plan), self.n_outputs)
        if self.settings.flag("normalize_label", True):
            return np.zeros(self.n_outputs)
        y, weights, rows = self.data.y, self.data.sample_weight, self.train_rows
        return np.array([np.average(y[rows], weights=weights[rows])])

    def _make_models(self, spread: Map) -> list[list[Any]]:
        """The models of each candidate: the one that is kept, then one a fold."""
        if self.settings.solver != "gradient":
            make = self._pair_models if self.settings.pairs else self._sweep_models
            return make(spread)
        starts = []
        for number in range(len(self.candidates)):
            params = self.candidates.params(number)
            sigma = params.get("factors_init_sigma")
            # Folds start as the kept model does, and candidates that are not told
            # apart by a number as each of them would alone.
            seed = 0 if self.alike else number
            starts.append((seed, params["num_factors"], sigma))
        return models_that_start_alike(
            self._gradient_model, starts, self.plan.n_fits, spread
        )

    def _gradient_model(
        self, number: int, parts: dict[str, Any] | None
    ) -> GradientModel:
        return GradientModel(
            self.settings,
            self.candidates.params(number),
            self.reader,
            self.n_outputs,
            self.scaler,
            self.start,
            [self.spec.seed, 0xFAC7, 0 if self.alike else number],
            self.columns,
            self.shares,
            parts,
        )

    def _on_shards(self) -> FactorShards | None:
        """What trains the models where the rows are, if they are in shards."""
        source = self.source
        if not isinstance(source, ShardRows):
            return None
        batch = self.values["mini_batch_size"]
        # As many steps as one machine takes, each by fewer rows.
        part = max(1, batch // source.shards.n_shards)
        spec, n_features = self.spec, self.reader.n_features
        values = {**spec.hyperparameters, "mini_batch_size": part}
        per_row, per_feature = float(n_features), np.inf
        if self.reader.sparse:
            counts, n_rows = source.stored_counts(self.rows)
            per_row, per_feature = counts.sum() / n_rows, counts.mean()
        blueprint = Blueprint(
            source.reading(),
            replace(spec, hyperparameters=values, resume=None, keep_state=False),
            self.candidates,
            self.n_outputs,
            self.scaler,
            self.targets.of_loss,
            bool(self.reader.sparse) and self.scaler.shift is None,
            per_row + 1.0,
            part / batch,
        )
        return FactorShards(source, blueprint, source.n_train(self.plan), per_feature)

    def _pair_models(self, spread: Map) -> list[list[PairModels]]:
        def make(number: int) -> PairModels:
            return PairModels(
                self.settings,
                self.candidates.params(number),
                self.data,
                self.train_rows,
                [self.spec.seed, 0xFAC7, number],
                self.columns,
                self.n_features,
            )

        # Nothing is held out of all pairs.
        return [[one] for one in spread(make, range(len(self.candidates)))]

    def _sweep_models(self, spread: Map) -> list[list[SweepModels]]:
        fits = range(self.plan.n_fits)
        rows = spread(self._rows_of, fits)
        shared = SweepPreparation(
            self.data, rows, self.scaler, self.spec.groups, spread, self.jobs
        )
        twins: dict[tuple, SweepModels] = {}

        def make(number: int, fit: int, lead: SweepModels | None) -> SweepModels:
            params = self.candidates.params(number)
            # Boosts say what becomes of what sampling finds.
            kind = tuple((k, v) for k, v in params.items() if not k.endswith("boost"))
            models = SweepModels(
                self.settings,
                params,
                shared.stores[fit],
                self.data,
                rows[fit],
                self.scaler,
                (self.targets.origin, self.targets.unit),
                self.n_outputs,
                self.epochs,
                self.plan.kind != "training",
                shared.groups,
                [self.spec.seed, 0xFAC7, number, fit],
                self.columns,
                lead,
                self.plan.n_fits - 1,
                twins.get(kind),
            )
            twins.setdefault(kind, models)
            return models

        found = [[make(number, 0, None)] for number in range(len(self.candidates))]
        shared.finish([models[0] for models in found])
        for number, models in enumerate(found):
            models += [make(number, fit, models[0]) for fit in fits[1:]]
        return found

    def _rows_of(self, fit: int) -> np.ndarray:
        return self.plan.trained_by(fit, self.train_rows)

    def _resume(self, resume: dict[str, Any]) -> None:
        """Go on from the state of another run.

        Raises
        ------
        ValueError
            If this run has other models than the state.
        """
        self.trained = resume["epochs"]
        ours = self._made()
        names = (
            "solver", "optimizer", "rows that are", "outputs", "features", "precision",
            "folds (and the refit)", "num_factors of the candidates",
        )  # fmt: skip
        for name, mine, theirs in zip(names, ours, resume["made"], strict=True):
            if mine != theirs:
                raise ValueError(
                    f"This training has {name} {mine}, the one that it is to continue "
                    f"has {theirs}; keep the settings, or set warm_start=False to "
                    "start anew."
                )
        for models, states in zip(self.models, resume["models"], strict=True):
            for model, state in zip(models, states, strict=True):
                model.restore(state)

    def _state(self) -> dict[str, Any]:
        """What another run can go on from."""
        return {
            "made": self._made(),
            "models": [[model.state() for model in models] for models in self.models],
            "epochs": self.trained + len(self.progress.train_curve),
            "seed": self.spec.seed,
            "scaler": (self.scaler.shift, self.scaler.scale, self.scaler.rest),
            "square": self.square,
            "labels": (self.targets.origin, self.targets.unit),
        }

    def _made(self) -> tuple[Any, ...]:
        """What two runs must have in common for one to continue the other."""
        return (
            self.settings.solver, self.settings.optimizer, storage_of(self.reader),
            self.n_outputs, self.n_features, str(self.reader.dtype),
            self.plan.n_fits,
            tuple(self.candidates.columns["num_factors"].tolist()),
        )  # fmt: skip

    # ---------------------------------------------------------------- training
    def train(
        self, monitor: Monitor | None = None, checkpoints: Checkpoints | None = None
    ) -> ModelState:
        """Train all candidates, select one, calibrate its threshold.

        Raises
        ------
        AllCandidatesDivergedError
            If no candidate stayed finite.
        """
        self.progress = Progress.start(len(self.candidates), len(self.plan.parts))
        self.active = np.arange(len(self.candidates))
        saved = checkpoints.restore() if checkpoints else None
        start = self._continue_from(saved) if saved else 0
        after = partial(self._keep, checkpoints) if checkpoints else None
        teams = Teams(self.jobs, sweep_kernels.MOST_ITEMS)
        # Sweeps over few rows take longer between the kernels than in them.
        locked = self.settings.solver != "gradient"
        with threads(self.jobs, self.reader.nbytes, locked) as spread, teams:
            spread = quietly(spread)
            epoch = partial(self._epoch, spread, teams)
            run_epochs(self.epochs, epoch, [self.progress], monitor, start, after)
            state = self._state() if self.spec.keep_state else None
            trained = TrainedFactors(
                spec=self.spec,
                settings=self.settings,
                plan=self.plan,
                targets=self.targets,
                candidates=self.candidates,
                progress=[self.progress],
                train=(self.reader, self.data.y, self.data.sample_weight),
                models=self.models,
                scaler=self.scaler,
                jobs=self.jobs,
                spread=spread,
            )
            return select(trained, self.epochs, state, self.data.X)

    def _keep(self, checkpoints: Checkpoints, number: int) -> None:
        """Offer the state after so many epochs."""
        checkpoints.epoch_ends(
            number,
            lambda: {
                "epochs": number,
                "active": self.active,
                "models": [[one.checkpoint() for one in fits] for fits in self.models],
                "progress": self.progress.checkpoint(),
            },
        )

    def _continue_from(self, checkpoint: dict[str, Any]) -> int:
        """Be as when the checkpoint was taken; returns the epochs done."""
        for models, states in zip(self.models, checkpoint["models"], strict=True):
            for model, saved in zip(models, states, strict=True):
                model.continue_from(saved)
        self.progress = Progress(**checkpoint["progress"])
        self.active = checkpoint["active"]
        return checkpoint["epochs"]

    def _order(
        self, rows: np.ndarray, n_bytes: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Rows in a random order; those of large data in windows of runs.

        Sweeps over the columns ask for none.
        """
        if self.settings.solver != "gradient":
            return rows
        run = RUN_ROWS if n_bytes > LARGE_DATA else 1
        return shuffled_runs(rows, run, rng, WINDOW_ROWS)

    def _epoch(self, spread: Map, teams: Teams, epoch: int) -> int:
        """Train and validate the active candidates; returns how many go on."""
        number = self.trained + epoch
        fits = [
            (self.models[candidate][fit], fit)
            for candidate in self.active
            for fit in range(self.plan.n_fits)
        ]
        for (model, _), team in zip(fits, teams.of(len(fits)), strict=True):
            if isinstance(model, SweepModels):
                model.share(team)
        losses = self._trained(number, fits, spread)
        found = self.validation.losses(fits, spread)
        with np.errstate(all="ignore"):
            # Of a diverged model only.
            self.active = self._record(self.active, epoch, losses, found, spread)
        return len(self.active)

    def _trained(self, number: int, fits: list[tuple], spread: Map) -> list[Any]:
        """Train models once over the rows; returns their mean losses."""
        if self.on_shards is not None:
            models = [model for model, _ in fits]
            return self.on_shards.epoch(
                number, list(zip(self.active, models, strict=True))
            )
        # Factors decide what a row takes; the kept model has the most rows.
        sizes = [model.k + (fit == 0) for model, fit in fits]
        shared = longest_first(spread, sizes)
        more = number + 1 < self.trained + self.epochs
        if more and self.jobs > 1 and self._shuffles:
            shared = beside(
                longest_first(spread, [*sizes, 0]),
                partial(self._shuffle_ahead, number + 1),
            )
        pieces = self.source.pieces(number, self.plan, self.reader)
        # Threads that models leave share mini-batches.
        begin = partial(self._begin, number, spread, max(1, self.jobs // len(fits)))
        return train_epoch(pieces, begin, fits, shared)

    def _begin(
        self, number: int, spread: Map, jobs: int, piece: Piece
    ) -> tuple[Callable[..., float], float]:
        """What trains a model on some rows, and their weight."""
        ahead, orders = self._ahead
        if ahead != number:
            orders = self._orders(piece, spread)
        labels, weights = self.targets.of(piece)

        def train(model: Any, fit: int) -> float:
            given = orders[fit], labels, weights, piece.reader
            return model.train(*given, spread, jobs)

        return train, piece.share(weights)

    @property
    def _shuffles(self) -> bool:
        """Whether an epoch has an order of its own, known from its number."""
        return self.settings.solver == "gradient" and isinstance(self.source, ArrayRows)

    def _shuffle_ahead(self, number: int) -> None:
        """Have the order of another epoch, whether it comes or not."""
        piece = next(self.source.pieces(number, self.plan, self.reader))
        self._ahead = number, self._orders(piece, ALONE)

    def _orders(self, piece: Piece, spread: Map) -> list[np.ndarray]:
        """Rows that train each of the fits, in order."""
        rows = self.train_rows if piece.whole else piece.folds[0]
        order = self._order(rows, piece.reader.nbytes, piece.rng)
        n_fits = self.plan.n_fits
        spread = spread if len(rows) >= MANY_ROWS else ALONE
        return spread(self._own, [order] * n_fits, range(n_fits))

    def _own(self, order: np.ndarray, fit: int) -> np.ndarray:
        """Those of the rows, in order, that a fit is trained on."""
        if fit == 0:
            return order
        if fit not in self._trains:
            trains = np.zeros(len(self.data.y), dtype=bool)
            trains[self._rows_of(fit)] = True
            self._trains[fit] = trains
        return order[self._trains[fit][order]]

    def _record(
        self,
        active: np.ndarray,
        epoch: int,
        train_losses: list,
        found: list,
        spread: Map,
    ) -> np.ndarray:
        """Take in an epoch; returns the candidates that go on."""
        most = int(self.candidates.columns["num_factors"].max()) * self.n_outputs
        if self.reader.n_features * most < LARGE_MODEL:
            spread = ALONE
        n_fits, degree = self.plan.n_fits, self.settings.loss.degree
        sums = np.zeros((len(self.plan.parts), len(active)))
        weight = np.ones_like(sums)
        train_loss = np.empty(len(active))
        for place in range(len(active)):
            mine = slice(place * n_fits, (place + 1) * n_fits)
            losses = [
                np.nan if parts is None else loss
                for loss, parts in zip(train_losses[mine], found[mine], strict=True)
            ]
            train_loss[place] = losses[0] + 0.0 * sum(losses)
            for parts in found[mine]:
                for number, total, share in parts or []:
                    sums[number, place], weight[number, place] = total, share
        blind = self.plan.kind == "training"
        loss = train_loss if blind else sums.sum(axis=0) / weight.sum(axis=0)
        factor = self.targets.unit**degree
        to_the_end = blind or self.settings.solver == "mcmc"
        if to_the_end:
            # Nothing tells when to stop, or there is nothing but more draws: the last
            # epoch is the best.
            self.progress.best_loss[active] = np.inf
        better, gone = self.progress.record(
            active,
            epoch,
            train_loss * factor,
            loss * factor,
            (train_loss[None] if blind else sums / weight) * factor,
            counted=self._counted(active, to_the_end, spread),
            patience=self._patience(active, loss * factor),
            tolerance=self.values["early_stopping_tolerance"],
        )
        models = [model for place in better for model in self.models[active[place]]]
        if models:
            spread(lambda model: model.keep(), models)
        return np.delete(active, gone)

    def _patience(self, active: np.ndarray, loss: np.ndarray) -> np.ndarray:
        """Epochs without an improvement that end each candidate, by now."""
        patience = np.full(len(active), self.values["early_stopping_patience"])
        if not self.settings.waits_for_factors:
            return patience
        for place, number in enumerate(active):
            if all(model.settled for model in self.models[number]):
                patience[place] = SETTLED_PATIENCE
            best = self.progress.best_loss[number]
            since = self.progress.best_epoch[number] + 1
            later = [one[number] for one in self.progress.validation_curve[since:]]
            later.append(loss[place])
            lost = np.sum(np.subtract(later, best)) > MOST_LOST * best
            # Losses that go up and down are on their way.
            last = later[-RISING:]
            if (
                lost
                and len(last) == RISING
                and np.all(np.diff([best, *last][-RISING:]) > 0)
            ):
                patience[place] = 1
        return patience

    def _counted(self, active: np.ndarray, to_the_end: bool, spread: Map) -> np.ndarray:
        """Whether the epoch counts for the patience of the active candidates.

        With a patience of our own none does while factors come up: what they are to
        add is yet to come.
        """
        asked = self.spec.hyperparameters.get("early_stopping_patience", "auto")
        if to_the_end or asked != "auto" or self.settings.solver != "gradient":
            return np.full(len(active), not to_the_end)
        kept = [self.models[number][0] for number in active]
        return ~np.array(spread(lambda model: model.rises(), kept))


def check_windows(spec: TrainingSpec, data: WindowedData) -> None:
    """Refuse windows and shards for solvers that read columns.

    Raises
    ------
    ValueError
        Naming the solver, the rule and the remedy.
    """
    solver = spec.hyperparameters["solver"]
    if solver in ("als", "mcmc"):
        where = "are read in windows"
        if isinstance(data.source, Shards):
            where = "are in shards that stay where they are"
        raise ValueError(
            f"solver={solver!r} needs the columns of all rows in memory, and these "
            f"rows {where}; use solver='gradient', or load them."
        )


def check_user_groups(spec: TrainingSpec, n_features: int) -> None:
    """Refuse groups that do not fit the features; warn if they have no effect.

    Raises
    ------
    ValueError
        Naming the value, the rule and the remedy.

    Warns
    -----
    InapplicableHyperparameterWarning
        If the solver takes no notice of them.
    """
    if spec.groups is None or isinstance(spec.groups, str):
        return
    check_groups(np.asarray(spec.groups), n_features)
    if spec.hyperparameters["solver"] == "gradient":
        warn_user(
            "groups has no effect with solver='gradient'; it applies to solver='als' "
            "or 'mcmc'."
        )


def log_odds(y: np.ndarray, weights: np.ndarray, n_outputs: int) -> np.ndarray:
    """Margins of the best constant classifier.

    Parameters
    ----------
    y, weights : float64 arrays of shape (n,)
        Class indices and weights.
    n_outputs : int
        1 for two classes, else their number.

    Returns
    -------
    margins : float64 array of shape (n_outputs,)
    """
    n_classes = max(2, n_outputs)
    shares = np.bincount(y.astype(int), weights, minlength=n_classes)
    logs = np.log(np.maximum(shares / shares.sum(), 1e-6))
    return logs - logs.mean() if n_outputs > 1 else logs[1:] - logs[0]
