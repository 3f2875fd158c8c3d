"""A backend that trains on the workers of a Dask cluster, where the rows are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import (
    Contents,
    ModelState,
    Monitor,
    Shards,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.backends.dask_cluster import connected
from sklearn_sagemaker.backends.dask_shards import DaskShards, import_dask
from sklearn_sagemaker.backends.local import LocalBackend
from sklearn_sagemaker.backends.protocol import Backend, FitRows
from sklearn_sagemaker.training.shards.shard import rows_of_shards

MEMORY = 256 << 20
"""Bytes of rows that come to the client: a sample, and those held out."""
UNSHARDED = ("als", "mcmc")
"""Solvers that need all rows at once."""


class DaskBackend(Backend):
    """Trains on the workers of a Dask cluster, each shard of the rows where it is.

    All candidates are trained in one pass over the rows, as by `LocalBackend`. What
    comes to this process are models, sums, and two samples of the rows: those held
    out, which select the candidate and the threshold, and as many of the others.

    Parameters
    ----------
    client : distributed.Client, str or None, default=None
        The cluster: a client, which keeps its security, or the address of a
        scheduler. None is the current client of this process; if there is none, a
        cluster of this machine's processors for the time of the fit.
    n_shards : int, default=8
        Parts of the rows that are trained side by side. The model depends on the rows,
        the seed and this number, and not on how many workers there are; it is in
        ``resolved_params_``. As many workers at most have work.
    memory : int, default=268435456
        Bytes of rows of which the two samples take a sixth each at most.
    checkpoint : str, path-like or None, default=None
        Folder of this process for checkpoints, as of `LocalBackend`. The same fit
        again goes on from the newest one, if this process or the cluster was lost.
    every : float, default=60.0
        Seconds from one checkpoint to the next.
    stop : callable or None, default=None
        As of `LocalBackend`.

    Raises
    ------
    OptionalDependencyError
        In `fit`, if Dask is not installed: ``pip install 'sklearn_sagemaker[dask]'``.

    See Also
    --------
    LocalBackend : Trains in this process.

    Notes
    -----
    `fit` takes as X: arrays and CSR, which are sent once; Dask arrays and data frames
    with y and sample_weight of the same partitions; lists of `dask.delayed` blocks of
    rows, with lists of those for y; a `sklearn_sagemaker.io.FileDataset` whose paths
    all workers can read, and `sklearn_sagemaker.io.S3Data`. Partitions, files and
    objects are dealt to shards in turn; if there are fewer than shards, pieces of them
    are. Rows of files that take no more than the dataset's ``memory`` are loaded, each
    share where its shard is; more are read anew in each epoch. Other sources of rows
    are loaded here, if they fit.

    A worker that is lost takes nothing with it: its rows are read, computed or sent
    anew, and the model has the same bits.

    A script that makes no client must protect its main part by
    ``if __name__ == "__main__":``, as the cluster's processes import it.

    Examples
    --------
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.backends import DaskBackend
    >>> backend = DaskBackend("tcp://10.0.0.1:8786", n_shards=16)
    >>> LinearLearnerClassifier(backend=backend).backend
    DaskBackend(client='tcp://10.0.0.1:8786', n_shards=16)
    """

    continues = True

    def __init__(
        self,
        client: Any = None,
        *,
        n_shards: int = 8,
        memory: int = MEMORY,
        checkpoint: str | os.PathLike[str] | None = None,
        every: float = 60.0,
        stop: Callable[[], Any] | None = None,
    ):
        self.client = client
        self.n_shards = n_shards
        self.memory = memory
        self.checkpoint = checkpoint
        self.every = every
        self.stop = stop

    def __sklearn_clone__(self) -> DaskBackend:
        # A client is a connection: copies share it.
        return type(self)(**self.get_params(deep=False))

    def __getstate__(self) -> dict[str, Any]:
        # In another process the cluster is found by its address.
        state = dict(super().__getstate__())
        state["client"] = _address(self.client)
        return state

    def __deepcopy__(self, memo: dict[int, Any]) -> DaskBackend:
        return self.__sklearn_clone__()

    def takes(self, X: Any) -> bool:
        """Whether it trains on rows that are as these are: it asks in `placed`.

        Parameters
        ----------
        X : object
            As passed to `fit`.
        """
        return True

    @contextmanager
    def placed(self, rows: FitRows, settings: Mapping[str, Any]) -> Iterator[FitRows]:
        """The rows of a fit, where they are trained on: collections become shards.

        Parameters
        ----------
        rows : FitRows
        settings : mapping
            Parameters of the estimator.

        Raises
        ------
        ClusterLostError
            If the cluster cannot be reached, or is lost.
        DataFileError
            If a partition cannot be trained on.
        TypeError
            If y or sample_weight are no collections like X.
        ValueError
            If a setting asks for what this backend cannot do.
        """
        self._check(settings)
        if rows.X_val is None and not isinstance(settings.get("cv", "auto"), str):
            self._check_cv(settings["cv"])
        from sklearn_sagemaker.backends.dask_collections import (
            gathered,
            is_collection,
            rows_of,
            stays,
        )

        sharded = stays(rows.X)
        if not sharded and not any(map(is_collection, rows)):
            yield rows
            return
        found = rows_of(rows, self.n_shards) if sharded else None
        with ExitStack() as stack:
            client = stack.enter_context(connected(self.client))
            rows = gathered(client, rows, self.memory)
            if found is not None:
                shards = DaskShards(
                    client, found, self.n_shards, self.memory, place=self._place()
                )
                stack.callback(shards.close)
                rows = rows._replace(X=shards, y=None, sample_weight=None)
            yield rows

    def _place(self) -> str:
        """Where a training that is cut off goes on from."""
        if self.checkpoint is None:
            return " No checkpoint was written, as none was asked for."
        return f" The same fit goes on from {os.fspath(self.checkpoint)}."

    def _check(self, settings: Mapping[str, Any]) -> None:
        # Late, as all that reads files or partitions: most fits are of arrays, here.
        from sklearn_sagemaker.io.rows import check_count

        check_count("n_shards", self.n_shards)
        check_count("memory", self.memory)
        solver = settings.get("solver")
        if solver in UNSHARDED:
            raise ValueError(
                f"solver={solver!r} needs all rows at once, and backend=DaskBackend "
                "has them in shards; set solver='gradient', or backend='local'."
            )
        import_dask()

    def check(self, spec: TrainingSpec) -> None:
        """Refuse what it cannot train, before any work.

        Parameters
        ----------
        spec : TrainingSpec

        Raises
        ------
        OptionalDependencyError
            If Dask is not installed.
        ValueError
            Naming what it cannot do, or what is out of range.
        """
        super().check(spec)
        self._check(spec.hyperparameters)
        if isinstance(spec.cv, tuple):
            self._check_cv(spec.cv)
        self._here().check(spec)

    @staticmethod
    def _check_cv(cv: Any) -> None:
        if cv is not False:
            raise ValueError(
                f"cv={'...' if isinstance(cv, tuple) else repr(cv)} asks for folds, "
                "which need all rows in memory, and backend=DaskBackend has them in "
                "shards; use cv='auto' with validation_fraction for a hold-out, "
                "cv=False for none, or pass X_val."
            )

    def _here(self) -> LocalBackend:
        """What runs in this process: all but what the shards do."""
        return LocalBackend(
            checkpoint=self.checkpoint, every=self.every, stop=self.stop
        )

    def train(
        self,
        spec: TrainingSpec,
        data: TrainingData | WindowedData,
        monitor: Monitor | None = None,
    ) -> ModelState:
        """Train the spec's algorithm on the data.

        Parameters
        ----------
        spec : TrainingSpec
        data : TrainingData or WindowedData
        monitor : callable or None
            Called after each epoch; a true answer ends the training.

        Returns
        -------
        state : ModelState

        Raises
        ------
        ClusterLostError
            If the scheduler, or the last worker, is lost; it names the checkpoint.
        TypeError, ValueError
            As in `check`.
        """
        self.check(spec)
        if isinstance(data, TrainingData):
            with (
                connected(self.client) as client,
                closing(self._sent(client, spec, data)) as source,
            ):
                held = data.X_val, data.y_val, data.sample_weight_val
                return self._trained(spec, WindowedData(source, *held), monitor)
        if not isinstance(data.source, Shards):
            raise TypeError(
                f"backend=DaskBackend does not train on a {type(data.source).__name__}."
            )
        return self._trained(spec, data, monitor)

    def _trained(self, spec: TrainingSpec, data: WindowedData, monitor) -> ModelState:
        state = self._here().train(spec, data, monitor)
        resolved = {**state.resolved, "n_shards": self.n_shards}
        return replace(state, resolved=resolved)

    def _sent(self, client: Any, spec: TrainingSpec, data: TrainingData) -> DaskShards:
        """Rows of this process, on workers."""
        from sklearn_sagemaker.backends.dask_rows import ArrayRows

        X, y = data.X, data.y
        if spec.classes is not None:
            y = spec.classes[y.astype(np.intp)]
        parts = [X.data, X.indices, X.indptr] if sp.issparse(X) else [X]
        contents = Contents(
            n_rows=int(np.count_nonzero(data.sample_weight)),
            n_features=X.shape[1],
            sparse=sp.issparse(X),
            dtype=RowReader(X[:0]).dtype,
            n_bytes=sum(part.nbytes for part in parts),
            labels=None,
            counts=None,
        )
        dealt = rows_of_shards(len(y), self.n_shards, spec.seed)
        rows = ArrayRows(X, y, data.sample_weight, dealt)
        return DaskShards(
            client, rows, self.n_shards, self.memory, contents, place=self._place()
        )


def _address(client: Any) -> Any:
    if client is None or isinstance(client, str):
        return client
    return client.scheduler.address
