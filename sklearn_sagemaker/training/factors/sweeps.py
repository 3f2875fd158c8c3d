"""The models of "als" and "mcmc" as a training run has them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._columns import start_numbers
from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._kernels.prediction import DrawMean
from sklearn_sagemaker._state import TrainingData
from sklearn_sagemaker.training.factors.columns import ColumnStore
from sklearn_sagemaker.training.factors.gradient import (
    Scaler,
    Scorer,
    Solution,
    solution_scorer,
)
from sklearn_sagemaker.training.factors.groups import one_hot_groups, split_by_count
from sklearn_sagemaker.training.factors.scaling import centred_rows
from sklearn_sagemaker.training.factors.settings import FactorSettings, start_of
from sklearn_sagemaker.training.factors.sweep_model import SweepModel, pilot_of
from sklearn_sagemaker.training.team import Team

DRAW_BYTES = 256 << 20
"""Of the draws of a model that are kept, with ``num_draws="auto"``."""
MOST_DRAWS = 50
"""A prediction costs as many machines."""
BURN_IN = 5
"""Sweeps of "mcmc" that are not averaged, a quarter of all at most: early draws help
the mean more than they harm it."""
PATH_END = {False: 1.0, True: 0.3}
"""Share of the regularisation of the factors that "als" ends with, without and with
rows that tell which sweep was the best."""
SETTLED_SWEEPS = 6
"""Since factors are larger than they started, in which they find what there is."""
HYPER = (
    "alpha", "linear_mean", "linear_precision", "factors_mean", "factors_precision",
)  # fmt: skip
"""What "mcmc" draws besides the parameters."""
SWEEPS_SIGMA = 0.1
"""Of the factors at the start where the user sets how other parameters start."""


def make_store(data: TrainingData, rows: np.ndarray, scaler: Scaler) -> ColumnStore:
    """Training rows, column by column, for all models of a group."""
    scale = None if scaler.scale is None else 1.0 / scaler.scale
    X, shift = data.X, scaler.shift
    if shift is not None and sp.issparse(X):
        X, shift = centred_rows(X, shift), None
    return ColumnStore(X, rows, shift, scale)


def feature_groups(groups: Any, X, rows: np.ndarray, store: ColumnStore) -> np.ndarray:
    """Group of every feature, as the user asks.

    Parameters
    ----------
    groups : "auto", array-like of int of shape (n_features,) or None
    X : ndarray or CSR of shape (n_samples, n_features)
    rows : int64 array
        Training rows.
    store : ColumnStore
        Of these rows.

    Returns
    -------
    groups : int array of shape (n_features,)
    """
    if groups is None:
        return np.zeros(X.shape[1], dtype=np.intp)
    if not isinstance(groups, str):
        return np.asarray(groups)
    blocks = one_hot_groups(X if len(rows) == X.shape[0] else X[rows])
    return split_by_count(blocks, np.diff(store.indptr))


class SweepModels:
    """One model for each output, each against the rest, trained by sweeps.

    Parameters
    ----------
    settings : FactorSettings
    params : dict
        Its own hyperparameters.
    store : ColumnStore
    data : TrainingData
    rows : int64 array
        Those of the store.
    scaler : Scaler
    labels : (float, float)
        Origin and unit of the labels.
    n_outputs : int
    epochs : int
    validated : bool
        Whether the best sweep is kept.
    groups : int array of shape (n_features,)
    seed : list of int
    columns : int64 array of shape (n_features,) or None
        Numbers of the features by which they start; None counts them.
    lead : SweepModels or None
        Of the same candidate: decays of "als" come from its rows.
    n_folds : int
        Beside it. Their draws share half of the memory for draws.
    twin : SweepModels or None
        Of a candidate whose sampling for the decays would be the same but for chance.
    """

    def __init__(
        self,
        settings: FactorSettings,
        params: dict[str, Any],
        store: ColumnStore,
        data: TrainingData,
        rows: np.ndarray,
        scaler: Scaler,
        labels: tuple[float, float],
        n_outputs: int,
        epochs: int,
        validated: bool,
        groups: np.ndarray,
        seed: list[int],
        columns: np.ndarray | None = None,
        lead: SweepModels | None = None,
        n_folds: int = 0,
        twin: SweepModels | None = None,
    ):
        self.settings, self.n_outputs = settings, n_outputs
        self.sample = settings.solver == "mcmc"
        self.probit = settings.probit
        self.width, d = params["num_factors"], data.X.shape[1]
        # Factors of zero stay there, and need not be held.
        self.k = 0 if params.get("factors_init_sigma") == 0.0 else self.width
        self.dtype = RowReader(data.X).dtype
        self.scaler = scaler
        draw_bytes = DRAW_BYTES
        if n_folds:
            draw_bytes = DRAW_BYTES // 2 // (1 if lead is None else n_folds)
        self._arguments: dict[str, Any] = {
            "num_factors": self.k,
            "groups": groups,
            "sample": self.sample,
            "link": "probit" if self.probit else "identity",
            "num_draws": self._num_draws(d, draw_bytes) if self.sample else 0,
            "total_sweeps": epochs,
            "burn_in": min(BURN_IN, epochs // 4),
            "explore": PATH_END[validated],
            "columns": np.arange(d) if columns is None else columns,
        }
        if not self.sample:
            for name in ("linear_wd", "factors_wd"):
                self._arguments[name] = params[name]
            self._arguments["bias_wd"] = settings.values["bias_wd"]
            for name in ("factors_boost", "linear_boost"):
                if name in params:
                    self._arguments[name] = params[name]
        self._store, self._seed = store, seed
        self._lead: SweepModels = (twin or self) if lead is None else lead._lead
        self._pilots: dict[int, dict[str, np.ndarray]] = {}
        self._locks = [Lock() for _ in range(n_outputs)]
        self._team = Team()
        origin, unit = labels
        weights = data.sample_weight[rows]
        self._weights = weights / weights.mean()
        y = data.y[rows]
        if not self.probit:
            self._targets = [(y - origin) / unit]
        elif n_outputs == 1:
            self._targets = [y]
        else:
            self._targets = [(y == label).astype(float) for label in range(n_outputs)]
        self._models: list[SweepModel] | None = None
        self.best: Solution | None = None
        self._best_decays: dict[str, list[float]] = {}
        self.sweeps = 0
        # Of mcmc: what the draws so far say of each part of the validation rows.
        self._running: dict[int, DrawMean] = {}

    def share(self, team: Team) -> None:
        """Have the threads of a team share the sweeps from now on, to the same bits."""
        self._team = team
        for model in self._models or ():
            model.panels.team = self._team_of_one

    @property
    def _over_outputs(self) -> bool:
        """Whether the threads have a model each, which spares meetings."""
        return self.n_outputs >= self._team.members

    @property
    def _team_of_one(self) -> Team:
        """The threads that share the sweep of one model."""
        return Team() if self._over_outputs else self._team

    @property
    def models(self) -> list[SweepModel]:
        """One for each output; made when first needed, in the thread that trains."""
        if self._models is None:
            self._models = self._make(self._starts())
        return self._models

    @property
    def _own_start(self) -> bool:
        """Whether where to start is left to the sweeps."""
        values = self.settings.values
        return all(
            values[f"{group}_init_method"] == "normal"
            and values[f"{group}_init_sigma"] == "auto"
            for group in ("bias", "linear", "factors")
        )

    def _starts(self) -> list:
        """Where each output starts; None leaves it to the sweeps."""
        if self._own_start:
            return [None] * self.n_outputs
        values, starts = self.settings.values, []
        columns = self._arguments["columns"]
        seen = (np.diff(self._store.indptr) > 0) | self.sample
        for output in range(self.n_outputs):
            seed = [*self._seed, output, 1]
            bias, coef, factors = (
                start_numbers(start_of(values, group, sigma, seed), at, width)
                for group, sigma, at, width in (
                    ("bias", 0.0, columns[:1] * 0, 1),
                    ("linear", 0.0, columns, 1),
                    ("factors", SWEEPS_SIGMA, columns, self.k),
                )
            )
            # Where the objective is least for features without rows.
            coef, factors = coef[:, 0] * seen, factors * seen[:, None]
            starts.append((float(bias[0, 0]), coef, factors))
        return starts

    @property
    def init_sigma(self) -> float:
        """What ``"auto"`` is for the deviation of the factors at the start."""
        return self.models[0].init_sigma if self._own_start else SWEEPS_SIGMA

    @property
    def num_draws(self) -> int:
        """Draws that are kept at most."""
        return self._arguments["num_draws"]

    def decays(self) -> dict[str, list[float]]:
        """Decays of each group: means over the outputs, and over the factors.

        Of factors those by which as many equal ones would vary as much.
        """
        if self._best_decays:
            return self._best_decays
        found = {}
        for name in ("linear_wd", "factors_wd"):
            outputs = np.stack([model.hyper[name] for model in self.models])
            by_group = outputs.reshape(*outputs.shape[:2], -1)
            # There are none of no factors.
            shape = by_group.shape
            means = np.zeros(shape[1])
            if shape[2]:
                with np.errstate(divide="ignore"):
                    means = (1.0 / (1.0 / by_group).mean(axis=2)).mean(axis=0)
            found[name] = means.tolist()
        return found

    def _num_draws(self, n_features: int, draw_bytes: int) -> int:
        wanted = self.settings.values["num_draws"]
        if wanted != "auto":
            return wanted
        size = 4 * n_features * (self.k + 1) * self.n_outputs
        return int(np.clip(draw_bytes // size, 1, MOST_DRAWS))

    def _make(self, starts: list) -> list[SweepModel]:
        return [
            SweepModel(
                self._store,
                target,
                self._weights,
                init=start,
                seed=[*self._seed, output],
                pilot=partial(self._lead.pilot, output, self._team),
                team=self._team_of_one,
                **self._arguments,
            )
            for output, (target, start) in enumerate(
                zip(self._targets, starts, strict=True)
            )
        ]

    @property
    def has_pilots(self) -> bool:
        """Whether it samples for its own decays, and those of others."""
        names = ("linear_wd", "factors_wd")
        auto = any(isinstance(self._arguments.get(name), str) for name in names)
        return auto and self._lead is self

    def pilot(self, output: int, team: Team | None = None) -> dict[str, np.ndarray]:
        """What `pilot_of` says of an output, once for all folds."""
        with self._locks[output]:
            if output not in self._pilots:
                names = ("num_factors", "groups", "link", "linear_wd", "factors_wd",
                         "columns")  # fmt: skip
                self._pilots[output] = pilot_of(
                    self._store,
                    self._targets[output],
                    self._weights,
                    seed=[*self._seed, output],
                    team=team,
                    **{name: self._arguments[name] for name in names},
                )
            return self._pilots[output]

    def train(self, *_: Any) -> float:
        """One sweep over all parameters; returns the mean loss."""
        self.sweeps += 1
        spread = self._team.map if self._over_outputs else map
        losses = list(spread(SweepModel.sweep, self.models))
        burn_in = max(model.burn_in for model in self.models)
        for model in self.models:
            # Draws of all outputs are of the same sweeps.
            if model.burn_in < burn_in:
                model.draw_again_after(burn_in)
        if self.sweeps <= burn_in:
            self._running.clear()
        return float(np.mean(losses))

    @property
    def finite(self) -> bool:
        """Whether no number has overflowed."""
        return all(model.finite for model in self.models)

    @property
    def settled(self) -> bool:
        """Whether factors of all outputs came up a while ago, or there are none."""
        if self.k == 0:
            return True
        return all(model.sweeps_grown >= SETTLED_SWEEPS for model in self.models)

    def keep(self) -> None:
        """Remember the parameters as the best; "mcmc" goes on by its draws."""
        if not self.sample:
            self.best, self._best_decays = self._current(), {}
            self._best_decays = self.decays()

    def _current(self) -> Solution:
        """The parameters as they stand."""
        shape = self.n_outputs, self._store.n_features, self.k
        factors = np.empty(shape, dtype=self.dtype)
        for model, out in zip(self.models, factors, strict=True):
            model.panels.factors_into(out)
        return Solution(
            np.array([model.intercept for model in self.models]),
            np.stack([model.coef for model in self.models]),
            factors,
        )

    def draws(self) -> list[Solution]:
        """Draws that are kept, for features as the kernels see them."""
        return list(self._each_draw())

    def _each_draw(self) -> Iterator[Solution]:
        for draw in zip(*(model.draws for model in self.models), strict=True):
            yield Solution(
                np.array([intercept for intercept, _, _ in draw]),
                np.stack([coef for _, coef, _ in draw]).astype(np.float64),
                # Of one output without a copy: they are the most of all numbers.
                draw[0][2][None]
                if len(draw) == 1
                else np.stack([factors for _, _, factors in draw]),
            )

    def solution(self) -> Solution:
        """The best parameters; of draws the mean weights, and the last factors."""
        one = self._mean()
        lack = self.width - self.k
        padded = np.pad(one.factors, ((0, 0), (0, 0), (0, lack)))
        return Solution(one.intercept, one.coef, padded)

    def _mean(self) -> Solution:
        if not self.sample:
            return self.best or self._current()
        draws = self.draws()
        if not draws:
            return self._current()
        with np.errstate(over="ignore", invalid="ignore"):
            return Solution(
                np.mean([draw.intercept for draw in draws], axis=0),
                np.mean([draw.coef for draw in draws], axis=0),
                draws[-1].factors,
            )

    def best_scorer(self, reader: RowReader) -> Scorer:
        """What scores rows at the best; of "mcmc" by the means of the draws kept."""

        def margins(rows: np.ndarray) -> np.ndarray:
            mean = DrawMean(self.probit)
            several = any(model.draws for model in self.models)
            # One at a time, as each is a copy.
            for draw in self._each_draw() if several else [self._mean()]:
                mean.add(solution_scorer(reader, draw, self.scaler)(rows)[:, None])
            return mean.margins()

        return margins

    def scorer(self, reader: RowReader) -> Scorer:
        """What scores rows by the parameters as they stand."""
        return solution_scorer(reader, self._current(), self.scaler)

    def validation_margins(self, scores: np.ndarray, part: int) -> np.ndarray:
        """Margins of a part of the validation rows, by the scores of all its rows.

        Of "mcmc" they are the means over all sweeps so far.

        Parameters
        ----------
        scores : float64 array of shape (n, n_outputs)
            Of `scorer`, after each sweep once.
        part : int

        Returns
        -------
        margins : float64 array of shape (n, n_outputs)
        """
        mean = DrawMean(self.probit)
        if self.sample and self.sweeps > self.models[0].burn_in:
            # The draws so far need not be kept.
            mean = self._running.setdefault(part, mean)
        return mean.add(scores[:, None]).margins()

    def state(self) -> dict[str, Any]:
        """Arrays that training can go on from."""
        now = self._current()
        hyper = [
            {name: getattr(model, name) for name in HYPER} for model in self.models
        ]
        return {
            "intercept": now.intercept,
            "coef": now.coef,
            "factors": now.factors,
            "hyper": hyper,
            "sweeps": self.models[0].n_sweeps,
            "paths": [model.path for model in self.models],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state, whose shapes were checked."""
        names = ("intercept", "coef", "factors")
        self._models = self._make(
            list(zip(*(state[name] for name in names), strict=True))
        )
        if not self.sample:
            for number, model in enumerate(self.models):
                model.n_sweeps = state.get("sweeps", 0)
                # Of an earlier version: at the end.
                model.path = state["paths"][number] if "paths" in state else 0.0
            return
        for model, hyper in zip(self.models, state["hyper"], strict=True):
            for name, value in hyper.items():
                if np.shape(getattr(model, name)) != np.shape(value):
                    raise ValueError(
                        "groups has changed since the fit that warm_start=True is to "
                        "continue; keep it, or set warm_start=False to start anew."
                    )
                setattr(model, name, value)

    def checkpoint(self) -> dict[str, Any]:
        """Plain values that say all that training has changed."""
        best = self.best
        return {
            "models": [model.checkpoint() for model in self.models],
            "best": None if best is None else dict(vars(best)),
            "best_decays": self._best_decays,
            "sweeps": self.sweeps,
            "running": {part: dict(vars(one)) for part, one in self._running.items()},
        }

    def continue_from(self, checkpoint: dict[str, Any]) -> None:
        """Be as when the checkpoint was taken."""
        for model, saved in zip(self.models, checkpoint["models"], strict=True):
            model.continue_from(saved)
        best = checkpoint["best"]
        self.best = None if best is None else Solution(**best)
        self._best_decays = checkpoint.get("best_decays", {})
        self.sweeps = checkpoint["sweeps"]
        for part, saved in checkpoint["running"].items():
            self._running[part] = DrawMean(self.probit)
            vars(self._running[part]).update(saved)
