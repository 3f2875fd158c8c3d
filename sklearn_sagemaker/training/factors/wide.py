"""Training on the columns that rows store, as if there were no others, and back."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._columns import (
    at_columns,
    met_columns,
    narrowed,
    start_numbers,
)
from sklearn_sagemaker._state import (
    Contents,
    ModelState,
    Monitor,
    RowSource,
    Shards,
    SomeFeatures,
    TrainingData,
    TrainingSpec,
    Window,
    WindowedData,
)
from sklearn_sagemaker.training.columns import Columns
from sklearn_sagemaker.training.factors.groups import one_hot_groups
from sklearn_sagemaker.training.factors.run import (
    FactorRun,
    check_user_groups,
    check_windows,
)
from sklearn_sagemaker.training.factors.stream import FactorStream
from sklearn_sagemaker.training.memory import check_bytes
from sklearn_sagemaker.training.pieces import Piece, Reading
from sklearn_sagemaker.training.progress import Checkpoints
from sklearn_sagemaker.training.shards.shard import Part, Shard

LEAST = 50_000
"""Columns without values from which on they are left out, if they are at least half."""


class FactorTraining:
    """A run, or a call of a stream, on the columns that its rows store.

    All that is said of features is said of all of them: in messages, in the model and
    in the state that another training goes on from. What it takes follows the columns
    with values, if those without are many (`LEAST`).

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData or WindowedData

    Raises
    ------
    ValueError
        As of `FactorRun` and `FactorStream`.
    """

    def __init__(self, spec: TrainingSpec, data: TrainingData | WindowedData):
        if isinstance(data, WindowedData):
            check_windows(spec, data)
        resume = spec.resume or {}
        earlier = resume.get("held")
        self._columns: Any = None
        self._n_features = 0
        if resume and earlier is None:
            pass  # It has numbers for all features.
        elif (met := _met(spec, data)) is not None:
            d, found = met
            check_user_groups(spec, d)
            self._n_features = d
            sweeps = spec.hyperparameters["solver"] in ("als", "mcmc")
            if earlier is not None:
                found = np.union1d(found, earlier["columns"])
            # Windows are not for sweeps.
            if sweeps and not spec.stream and isinstance(data, TrainingData):
                found, self._place = _with_others(spec, data, found, d)
            if d - len(found) >= max(LEAST, len(found)):
                self._columns = found
            if earlier is not None:
                every = np.arange(d) if self._columns is None else self._columns
                spec = replace(spec, resume=_at(resume, earlier, every))
            if self._columns is not None:
                spec, data = self._narrowed(spec, data)
        run: Any = FactorStream if spec.stream else FactorRun
        self._run: Any = run(spec, data)

    def _narrowed(self, spec: TrainingSpec, data: Any) -> tuple[TrainingSpec, Any]:
        columns, d = self._columns, self._n_features
        n_outputs = max(1, spec.n_classes if spec.n_classes > 2 else 1)
        check_bytes(
            8 * d * n_outputs, f"{d} features: coef_ of {n_outputs} outputs",
            "hash into fewer columns",
        )  # fmt: skip
        groups = spec.groups
        if groups is not None and not isinstance(groups, str):
            groups = np.asarray(groups)[columns]
        names = SomeFeatures(columns, d, spec.feature_names)
        spec = replace(spec, groups=groups, feature_names=names)
        X_val = data.X_val
        if X_val is not None:
            X_val = narrowed(sp.csr_array(X_val), columns)
        if isinstance(data, WindowedData):
            source: RowSource = data.source
            if isinstance(source, Shards):
                source = NarrowShards(source, columns)
            else:
                source = NarrowSource(source, columns)
            return spec, replace(data, source=source, X_val=X_val)
        return spec, replace(data, X=narrowed(data.X, columns), X_val=X_val)

    def train(
        self, monitor: Monitor | None = None, checkpoints: Checkpoints | None = None
    ) -> ModelState:
        """Train; see `FactorRun.train` and `FactorStream.train`."""
        if checkpoints is None:
            state = self._run.train(monitor)
        else:
            state = self._run.train(monitor, checkpoints)
        return state if self._columns is None else self._of_all(state)

    def _of_all(self, state: ModelState) -> ModelState:
        """The model of all features."""
        columns, d = self._columns, self._n_features
        started = state.held or {"starts": [], "linear": []}
        n_outputs = len(state.coef)
        if started["starts"]:
            place = np.full(d, -1, dtype=np.int32)
            place[columns] = np.arange(len(columns))
        else:
            place = self._place
        held = {"columns": columns, "place": place, "starts": started["starts"]}
        if (place >= 0).all():
            coef = np.ascontiguousarray(state.coef[:, place])
        else:
            coef = np.zeros((n_outputs, d))
            for rule in started["linear"]:
                if rule["size"]:
                    coef += start_numbers(rule, np.arange(d), n_outputs).T
            coef[:, columns] = state.coef
        resume = state.resume
        if resume is not None:
            resume = {**resume, "held": held}
        return replace(state, coef=coef, held=held, resume=resume)


class NarrowSource(RowSource):
    """The rows of another source, with some of their columns.

    Parameters
    ----------
    source : RowSource
        Of CSR rows.
    columns : int64 array of shape (m,)
        All that they store.
    """

    def __init__(self, source: RowSource, columns: np.ndarray):
        self._source, self._columns = source, columns
        self.memory = source.memory

    @property
    def contents(self) -> Contents:
        """See `RowSource`."""
        return replace(self._source.contents, n_features=len(self._columns))

    def load(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """See `RowSource`."""
        X, y, weights = self._source.load()
        return narrowed(X, self._columns), y, weights

    def windows(
        self, seed: int, epoch: int | None
    ) -> Generator[tuple[Any, np.ndarray, np.ndarray | None, np.ndarray], None, None]:
        """See `RowSource`."""
        with closing(self._source.windows(seed, epoch)) as found:
            for X, *others in found:
                yield narrowed(X, self._columns), *others


class NarrowShards(Shards):
    """Other shards, with some of their columns.

    Parameters
    ----------
    source : Shards
        Of CSR rows.
    columns : int64 array of shape (m,)
        All that they store.
    """

    def __init__(self, source: Shards, columns: np.ndarray):
        self._source, self._columns = source, columns
        self.memory, self.rounds = source.memory, source.rounds
        self.n_shards = source.n_shards

    @property
    def contents(self) -> Contents:
        """See `RowSource`."""
        return replace(self._source.contents, n_features=len(self._columns))

    def reduce(
        self, task: Callable[..., Any], join: Callable[[Any, Any], Any], *arguments: Any
    ) -> Any:
        """See `Shards`."""
        return self._source.reduce(on_columns, join, self._columns, task, *arguments)


class NarrowShard(Shard):
    """Another shard, with some of its columns.

    Parameters
    ----------
    shard : Shard
    columns : int64 array of shape (m,)
    """

    def __init__(self, shard: Shard, columns: np.ndarray):
        contents = replace(shard.contents, n_features=len(columns))
        super().__init__(shard.number, contents)
        self._shard, self._columns = shard, columns

    def windows(self, spec: TrainingSpec) -> Generator[Window, None, None]:
        """See `Shard`."""
        with closing(self._shard.windows(spec)) as found:
            for window in found:
                yield replace(window, X=narrowed(window.X, self._columns))

    def pieces(
        self, reading: Reading, epoch: int, part: Part = (0, 1)
    ) -> Generator[Piece, None, None]:
        """See `Shard`."""
        columns = Columns(self._shard.contents.n_features, self._columns)
        wider = replace(reading, columns=columns)
        yield from self._shard.pieces(wider, epoch, part)


def on_columns(
    shard: Shard, columns: np.ndarray, task: Callable[..., Any], *arguments: Any
) -> Any:
    """What a task finds on some columns of a shard."""
    return task(NarrowShard(shard, columns), *arguments)


def met_by(shard: Shard, spec: TrainingSpec) -> np.ndarray:
    """Which features have values in the rows of a shard."""
    met = np.zeros(shard.contents.n_features, dtype=bool)
    with closing(shard.windows(spec)) as windows:
        for window in windows:
            met[window.X.indices] = True
    return met


def _met(spec: TrainingSpec, data: Any) -> tuple[int, np.ndarray] | None:
    """How many features there are, and which have values; None if nobody looked."""
    if isinstance(data, WindowedData):
        contents = data.source.contents
        if not contents.sparse or contents.n_features <= LEAST:
            return None
        d, met = contents.n_features, np.zeros(contents.n_features, dtype=bool)
        if isinstance(data.source, Shards):
            plain = replace(spec, resume=None)
            met = data.source.reduce(met_by, np.logical_or, plain)
        else:
            with closing(data.source.windows(spec.seed, None)) as windows:
                for X, *_ in windows:
                    met[X.indices] = True
        columns = np.flatnonzero(met)
    else:
        d = data.X.shape[1]
        if not sp.issparse(data.X) or d <= LEAST:
            return None
        columns = met_columns(data.X)
    if data.X_val is not None:
        columns = np.union1d(columns, met_columns(sp.csr_array(data.X_val)))
    return d, columns


def _with_others(
    spec: TrainingSpec, data: TrainingData, columns: np.ndarray, d: int
) -> tuple[np.ndarray, np.ndarray]:
    """One column without values more for each block that has some.

    Sweeps give all of them the same numbers, by their group.

    Returns
    -------
    columns : int64 array
    place : int32 array of shape (d,)
        Of each feature, or of that which stands for it.
    """
    if spec.groups is None:
        group = np.zeros(d, dtype=np.int64)
    elif isinstance(spec.groups, str):
        # They belong to the block before them.
        blocks = one_hot_groups(narrowed(data.X, columns))
        before = np.searchsorted(columns, np.arange(d), side="right") - 1
        group = blocks[np.maximum(before, 0)] if len(blocks) else np.zeros(d, int)
    else:
        group = np.asarray(spec.groups)
    others = np.ones(d, dtype=bool)
    others[columns] = False
    absent = np.flatnonzero(others)
    _, first, which = np.unique(group[absent], return_index=True, return_inverse=True)
    every = np.union1d(columns, absent[first])
    place = np.empty(d, dtype=np.int32)
    place[every] = np.arange(len(every))
    place[absent] = place[absent[first][which]]
    return every, place


def _at(
    resume: dict[str, Any], held: dict[str, Any], columns: np.ndarray
) -> dict[str, Any]:
    """What a training that held some features left, for a training of others."""
    places = held["place"][columns]
    known = np.flatnonzero(places >= 0)
    if "models" not in resume:
        return {
            "intercept": resume["intercept"],
            "coef": resume["coef"][:, columns],
            "factors": at_columns(resume["factors"], held, columns),
        }

    def moved(state: Any) -> Any:
        if isinstance(state, list):
            return [moved(one) for one in state]
        if "linear" in state:
            mine = {name: state[name][places[known]] for name in ("linear", "factors")}
            return {**state, **mine, "features": known}
        mine = {name: state[name][:, places] for name in ("coef", "factors")}
        return {**state, **mine}

    def scaled(shift: Any, scale: Any, rest: float = 1.0) -> tuple[Any, Any, float]:
        if scale is None:
            return shift, None, rest
        wider = np.full(len(columns), rest)
        wider[known] = scale[places[known]]
        return shift, wider, rest

    def widened(values: Any) -> Any:
        """Sums of features; of those not met they are zero."""
        if not isinstance(values, np.ndarray) or values.ndim == 0:
            return values
        wider = np.zeros(len(columns))
        wider[known] = values[places[known]]
        return wider

    found = {**resume, "models": moved(resume["models"])}
    if "scaler" in resume:
        found["scaler"] = scaled(*resume["scaler"])
    if "stream" in resume:
        stream = resume["stream"]
        found["stream"] = {**stream, "scaler": scaled(*stream["scaler"])}
        if "features" in stream:
            sums = tuple(widened(one) for one in stream["features"])
            more = {name: widened(stream[name]) for name in ("stored", "sizes")}
            found["stream"] |= {"features": sums, **more}
    return found
