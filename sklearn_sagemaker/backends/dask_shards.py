"""Shards that live on the workers of a Dask cluster."""

from __future__ import annotations

import concurrent.futures
import itertools
import pickle
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker._state import Contents, Shards
from sklearn_sagemaker.backends.dask_service import Service
from sklearn_sagemaker.backends.dask_tasks import (
    OfGroup,
    OfPair,
    Raised,
    answered,
    itself,
    joined_looks,
    look_of,
    shard_of,
)
from sklearn_sagemaker.exceptions import ClusterLostError, DataFileError

TRIES = 10
"""Of one call, while workers are lost."""
PAUSE = 0.2
"""Seconds that are added before each further try."""
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
    n_features: int | None = None
    """Columns, as far as they are said; the rows say it else."""
    workers: Sequence[str] | None = None
    """Of each shard, where its rows are and nowhere else; None if others will do."""

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
        self._service = Service(client)
        self._shards: list[Any] = [None] * n_shards
        self._where: list[str] = [""] * n_shards
        self._workers: list[str] = []
        self._contents = contents
        if contents is None:
            self._contents = self._surveyed()

    @property
    def contents(self) -> Contents:
        """What they hold together."""
        assert self._contents is not None
        return self._contents

    def close(self) -> None:
        """Let the workers forget the shards."""
        self._service.close()
        self._shards = [None] * self.n_shards

    # ------------------------------------------------------------ where shards are
    def _arranged(self) -> int:
        """Look which workers there are, and say which shards are to be where.

        Returns
        -------
        size : int
            So many neighbours are on one worker, and are served by one task: a power
            of two, so that it joins the pairs that all shards have.
        """
        threads = self._client.nthreads()
        if not threads:
            self._client.wait_for_workers(1, timeout=WAIT)
            threads = self._client.nthreads()
        n_shards, n_threads = self.n_shards, sum(threads.values())
        if self._rows.workers is not None:
            self._workers = list(self._rows.workers)
            return 1
        size, longest = 1, _longest(n_shards, n_threads)
        while size < n_shards and _longest(n_shards, n_threads, 2 * size) <= longest:
            size *= 2
        n_groups = ceil(n_shards / size)
        workers = [name for name in sorted(threads) for _ in range(threads[name])]
        if n_groups < len(workers):
            workers = sorted(threads)
        self._workers = [
            workers[number // size * len(workers) // n_groups]
            for number in range(n_shards)
        ]
        return size

    def _surveyed(self) -> Contents:
        held: list[Any] = [None] * self.n_shards

        def place() -> list[Any]:
            for number in range(self.n_shards):
                if held[number] is None or held[number].status in LOST:
                    held[number] = self._held(number)
            return held

        found = self._tried(lambda: self._joined(look_of, joined_looks, b"", place))
        if found.sparse is None:
            raise DataFileError("There is no row in any of the partitions.")
        contents = found.contents(self._rows.n_features, found.n_bytes)
        # Rows are read as the kernels do.
        reader = RowReader(np.empty((0, 1), contents.dtype))
        self._contents = replace(contents, dtype=reader.dtype)
        for number, one in enumerate(held):
            self._make(number, one)
        return self._contents

    def _on(self, worker: str) -> dict[str, Any]:
        if self._rows.workers is not None:
            return {"workers": [worker]}
        return on_worker(worker)

    def _held(self, number: int) -> Any:
        return self._rows.held(self._client, number, self._workers[number])

    def _make(self, number: int, held: Any) -> None:
        """Have a shard made where it is to be."""
        self._put(number, shard_of, held, self.contents)

    def _put(self, number: int, function: Callable[..., Any], *parts: Any) -> None:
        worker = self._workers[number]
        key = f"shard-{number}-{uuid.uuid4().hex}"
        self._shards[number] = self._client.submit(
            function, *parts, key=key, pure=False, **self._on(worker)
        )
        self._where[number] = worker

    def _placed(self) -> list[Any]:
        """Futures of the shards; those that are lost are made anew."""
        for number, shard in enumerate(self._shards):
            if shard is None or shard.status in LOST:
                self._make(number, self._held(number))
            elif self._where[number] != self._workers[number]:
                # There are other workers than before.
                self._put(number, itself, shard)
        return self._shards

    # ------------------------------------------------------------------- its calls
    def reduce(
        self, task: Callable[..., Any], join: Callable[[Any, Any], Any], *arguments: Any
    ) -> Any:
        """See `Shards`."""
        packed = pickle.dumps(arguments, pickle.HIGHEST_PROTOCOL)
        self.n_sent += self.n_shards * len(packed)
        return self._tried(lambda: self._asked(task, join, packed))

    def _asked(
        self, task: Callable[..., Any], join: Callable[[Any, Any], Any], packed: bytes
    ) -> Any:
        """What a task finds, by one try: by one message to each worker if they can."""
        size = self._arranged()
        groups = [
            (self._workers[k], self._shards[k : k + size])
            for k in range(0, self.n_shards, size)
        ]
        found = self._service.ask(groups, task, join, packed)
        if found is None:
            before = self.n_sent
            answer = self._joined(task, join, packed, self._placed)
            self._service.note(task, (self.n_sent - before) // self.n_shards)
            return answer
        answer, n_bytes = found
        self.n_sent += self.n_shards * n_bytes
        return answer

    def _joined(
        self,
        task: Callable[..., Any],
        join: Callable[[Any, Any], Any],
        packed: bytes,
        place: Callable[[], list[Any]],
    ) -> Any:
        """The same by a graph of tasks."""
        client, size = self._client, self._arranged()
        shards = place()
        name = f"{task.__name__.strip('_')}-{uuid.uuid4().hex}"
        places = itertools.count()
        # Once to a worker, from where the others have it.
        given = client.scatter(packed, hash=False) if packed else packed

        def submit(worker: str, function: Callable[..., Any], *parts: Any) -> Any:
            key = f"{name}-{next(places)}"
            future = client.submit(
                answered, function, *parts, key=key, pure=False, **self._on(worker)
            )
            return future, worker

        of_group, of_pair = OfGroup(task, join), OfPair(join)
        level = [
            submit(self._workers[k], of_group, given, *shards[k : k + size])
            for k in range(0, self.n_shards, size)
        ]
        while len(level) > 1:
            pairs = [level[k : k + 2] for k in range(0, len(level), 2)]
            level = [
                submit(pair[0][1], of_pair, *[future for future, _ in pair])
                if len(pair) == 2
                else pair[0]
                for pair in pairs
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
        if isinstance(answer, Raised):
            raise _Carried(answer.error)
        return answer

    def _tried(self, call: Callable[[], Any]) -> Any:
        """What a call returns, which is made again when a worker is lost."""
        raised: BaseException | None = None
        for attempt in range(TRIES):
            try:
                return call()
            except _Carried as error:
                raise error.error from None
            except import_dask().KilledWorker as error:
                raise ClusterLostError(
                    "A task has ended its worker again and again: the rows of a shard "
                    "may take more memory than a worker has. Raise n_shards, or give "
                    f"workers more.{self.place}"
                ) from error
            except (concurrent.futures.CancelledError, OSError, RuntimeError) as error:
                raised = error
                self._check_alive(error)
                # The scheduler may not know yet of what is lost.
                time.sleep(PAUSE * attempt)
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


def _longest(n_shards: int, n_threads: int, size: int = 1) -> int:
    """Shards that one thread has to do, if they come in groups."""
    return ceil(ceil(n_shards / size) / n_threads) * min(size, n_shards)


def on_worker(worker: str) -> dict[str, Any]:
    """Where a task is to run; elsewhere if that worker is lost."""
    return {"workers": [worker], "allow_other_workers": True}


class _Carried(Exception):  # noqa: N818 - not raised to users
    """Carries what a task has raised past the faults of the cluster."""

    def __init__(self, error: BaseException):
        self.error = error
