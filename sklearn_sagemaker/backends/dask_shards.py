"""Shards that live on the workers of a Dask cluster."""

from __future__ import annotations

import concurrent.futures
import itertools
import pickle
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker._state import Contents, Shards
from sklearn_sagemaker.exceptions import ClusterLostError, DataFileError
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.training.blas import single_threaded_blas
from sklearn_sagemaker.training.shards.shard import Shard

TRIES = 10
"""Of one call, while workers are lost."""
WAIT = 60.0
"""Seconds that lost workers have to come back in, if none is left."""
LOST = "cancelled", "lost", "error"


def import_dask() -> Any:
    """Dask's package of clusters.

    Raises
    ------
    OptionalDependencyError
        If it is not installed.
    """
    return import_optional("distributed", "dask", "backend='dask'")


class Rows(ABC):
    """Where the rows of the shards come from."""

    names: np.ndarray | None = None
    """Names of the features."""

    @abstractmethod
    def held(self, client: Any, number: int, worker: str) -> Any:
        """A future of what a shard is made of, on a worker.

        Parameters
        ----------
        client : distributed.Client
        number : int
            Of the shard.
        worker : str
            Address.

        Returns
        -------
        future : distributed.Future
            Of something with ``look() -> Look`` and ``shard(contents) -> Shard``.
        """


class DaskShards(Shards):
    """Shards that live on workers, where the tasks of a run go.

    What comes of a run depends on the rows and on the number of shards, and not on
    how many workers there are, which of them are lost, or which is done first.

    Parameters
    ----------
    client : distributed.Client
    rows : Rows
    n_shards : int
    memory : int
        For samples of the rows.
    contents : Contents or None
        Of all rows; None is looked up where they are.
    rounds : int or "auto"
        How often an epoch joins what the shards have trained.
    place : str, default=""
        What a message says of a training that is cut off.

    Attributes
    ----------
    n_sent : int
        Bytes of arguments and of answers, as if none of the shards shared a worker.
    feature_names : ndarray of str or None

    Raises
    ------
    ClusterLostError
        If the scheduler, or all workers, are lost for good.
    DataFileError
        If the rows cannot be trained on, naming the partition.
    """

    def __init__(
        self,
        client: Any,
        rows: Rows,
        n_shards: int,
        memory: int,
        contents: Contents | None = None,
        rounds: int | str = "auto",
        place: str = "",
    ):
        self.n_shards, self.rounds, self.memory = n_shards, rounds, memory
        self.feature_names = rows.names
        self.place = place
        self.n_sent = 0
        self._client, self._rows = client, rows
        self._shards: list[Any] = [None] * n_shards
        self._contents = contents
        if contents is None:
            self._contents = self._surveyed()

    @property
    def contents(self) -> Contents:
        """What they hold together."""
        assert self._contents is not None
        return self._contents

    # ------------------------------------------------------------ where shards are
    def _workers(self) -> list[str]:
        """The address of a worker for each shard: neighbours are together."""
        found = sorted(self._client.nthreads())
        if not found:
            self._client.wait_for_workers(1, timeout=WAIT)
            found = sorted(self._client.nthreads())
        n = self.n_shards
        return [found[number * len(found) // n] for number in range(n)]

    def _surveyed(self) -> Contents:
        held: list[Any] = [None] * self.n_shards

        def place() -> list[Any]:
            for number, worker in enumerate(self._workers()):
                if held[number] is None or held[number].status in LOST:
                    held[number] = self._rows.held(self._client, number, worker)
            return held

        found = self._tried(lambda: self._joined(_look_of, _joined_looks, b"", place()))
        if found.sparse is None:
            raise DataFileError("There is no row in any of the partitions.")
        contents = found.contents(None, found.n_bytes)
        # Rows are read as the kernels do.
        reader = RowReader(np.empty((0, 1), contents.dtype))
        contents = replace(contents, dtype=reader.dtype)
        self._contents = contents
        for number, (worker, one) in enumerate(zip(self._workers(), held, strict=True)):
            self._shards[number] = self._made(number, worker, one)
        return contents

    def _made(self, number: int, worker: str, held: Any) -> Any:
        return self._client.submit(
            _shard_of,
            held,
            self.contents,
            key=f"shard-{number}-{uuid.uuid4().hex}",
            pure=False,
            **on_worker(worker),
        )

    def _placed(self) -> list[Any]:
        """Futures of the shards; those that are lost are made anew."""
        lost = [
            number
            for number, shard in enumerate(self._shards)
            if shard is None or shard.status in LOST
        ]
        if lost:
            workers = self._workers()
            for number in lost:
                held = self._rows.held(self._client, number, workers[number])
                self._shards[number] = self._made(number, workers[number], held)
        return self._shards

    # ------------------------------------------------------------------- its calls
    def reduce(
        self, task: Callable[..., Any], join: Callable[[Any, Any], Any], *arguments: Any
    ) -> Any:
        """See `Shards`."""
        packed = pickle.dumps(arguments, pickle.HIGHEST_PROTOCOL)
        self.n_sent += self.n_shards * len(packed)
        return self._tried(lambda: self._joined(task, join, packed, self._placed()))

    def _joined(
        self, task: Callable, join: Callable, packed: bytes, shards: Sequence[Any]
    ) -> Any:
        """What a task finds on all shards, by one try."""
        client, workers = self._client, self._workers()
        name = f"{task.__name__.strip('_')}-{uuid.uuid4().hex}"
        places = itertools.count()
        # Once to a worker, from where the others have it.
        given = client.scatter(packed, hash=False) if packed else packed

        def submit(function: Callable, worker: str, *parts: Any) -> Any:
            key = f"{name}-{next(places)}"
            return client.submit(
                _packed, function, *parts, key=key, pure=False, **on_worker(worker)
            )

        level = [
            (submit(_Task(task), worker, shard, given), worker)
            for shard, worker in zip(shards, workers, strict=True)
        ]
        while len(level) > 1:
            pairs = [level[k : k + 2] for k in range(0, len(level), 2)]
            level = [
                (submit(_Join(join), one[0][1], *[part for part, _ in one]), one[0][1])
                if len(one) == 2
                else one[0]
                for one in pairs
            ]
        root = level[0][0]
        try:
            found = client.gather(root)
        except Exception as error:
            killed = isinstance(error, import_dask().KilledWorker)
            if root.status != "error" or killed:
                raise
            # What made the rows has failed: trying again would not help.
            raise _Carried(error) from None
        self.n_sent += self.n_shards * len(found)
        answer = pickle.loads(found)
        if isinstance(answer, _Raised):
            raise _Carried(answer.error)
        return answer

    def _tried(self, call: Callable[[], Any]) -> Any:
        """What a call returns, which is made again when a worker is lost."""
        raised: BaseException | None = None
        for _ in range(TRIES):
            try:
                return call()
            except _Carried as error:
                raise error.error from None
            except import_dask().KilledWorker as error:
                raise ClusterLostError(
                    f"A task has ended its worker again and again ({error}); the rows "
                    "of a shard may take more memory than a worker has: raise "
                    f"n_shards, or give workers more.{self.place}"
                ) from error
            except (concurrent.futures.CancelledError, OSError, RuntimeError) as error:
                raised = error
                self._check_alive(error)
        raise ClusterLostError(
            f"Workers were lost {TRIES} times in one call; the last time it was "
            f"{type(raised).__name__}: {raised}.{self.place}"
        ) from raised

    def _check_alive(self, error: BaseException) -> None:
        """Raise if the cluster is lost, or wait for a worker."""
        client = self._client
        try:
            if client.status not in ("running", "connecting"):
                raise OSError(f"the client is {client.status}")
            client.wait_for_workers(1, timeout=WAIT)
        except Exception as lost:
            raise ClusterLostError(
                "The scheduler of the Dask cluster, or the last of its workers, was "
                f"lost ({lost or type(lost).__name__}); start it again.{self.place}"
            ) from error


def on_worker(worker: str) -> dict[str, Any]:
    """Where a task is to run; elsewhere if that worker is lost."""
    return {"workers": [worker], "allow_other_workers": True}


# ------------------------------------------------------------------- on the workers
class _Raised:
    """An exception of a task, which is no fault of the cluster."""

    def __init__(self, error: BaseException):
        self.error = error


class _Carried(Exception):  # noqa: N818 - not raised to users
    """Carries what a task has raised past the faults of the cluster."""

    def __init__(self, error: BaseException):
        self.error = error


class _Task:
    """A task, of a shard and of packed arguments."""

    def __init__(self, task: Callable[..., Any]):
        self._task = task

    def __call__(self, shard: Shard, packed: bytes) -> Any:
        arguments = pickle.loads(packed) if packed else ()
        return self._task(shard, *arguments)


class _Join:
    """What joins two packed answers; the first that was raised, if one was."""

    def __init__(self, join: Callable[[Any, Any], Any]):
        self._join = join

    def __call__(self, *packed: bytes) -> Any:
        first, second = map(pickle.loads, packed)
        for one in (first, second):
            if isinstance(one, _Raised):
                return one
        return self._join(first, second)


def _packed(function: Callable[..., Any], *parts: Any) -> bytes:
    """A packed answer.

    In bytes nobody can change it, so a task that joins it may run again; and Dask
    knows how much memory they take.
    """
    try:
        with single_threaded_blas():
            found = function(*parts)
        return pickle.dumps(found, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        try:
            return pickle.dumps(_Raised(error), pickle.HIGHEST_PROTOCOL)
        except Exception:
            plain = RuntimeError(f"{type(error).__name__}: {error}")
            return pickle.dumps(_Raised(plain), pickle.HIGHEST_PROTOCOL)


def _look_of(held: Any) -> Look:
    return held.look()


def _joined_looks(first: Look, second: Look) -> Look:
    first.take_in(second)
    return first


def _shard_of(held: Any, contents: Contents) -> Shard:
    return held.shard(contents)
