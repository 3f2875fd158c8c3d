"""The part of the program of a job that several hosts train together."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_sagemaker._state import ModelState, TrainingSpec
from sklearn_sagemaker.backends.dask import MEMORY
from sklearn_sagemaker.estimators._artifact_saving import write_model
from sklearn_sagemaker.serving.channels import OURS, TEST, VALIDATION
from sklearn_sagemaker.serving.cluster.host_files import host_files
from sklearn_sagemaker.serving.cluster.job_cluster import JobCluster
from sklearn_sagemaker.serving.cluster.job_hosts import JOIN_SECONDS, JobHosts
from sklearn_sagemaker.serving.cluster.job_rows import JobRows, stored_shards
from sklearn_sagemaker.serving.cluster.training import (
    ClusterTraining,
    TrainOnCluster,
    check_distributed,
)
from sklearn_sagemaker.serving.failures import FAILED, HyperparameterError, fail, reason
from sklearn_sagemaker.serving.logs import JobLog
from sklearn_sagemaker.serving.train_backend import ClusterJobBackend, JobTraining
from sklearn_sagemaker.serving.train_job import OWN, Folders, TrainingJob, parsed
from sklearn_sagemaker.serving.train_problem import stored_spec


class HostsProgram:
    """What `Program` does in a job of several hosts.

    Attributes
    ----------
    folders : Folders
    log : JobLog
    termination : Termination
    """

    folders: Folders
    log: JobLog
    termination: Any
    _train_on_cluster: TrainOnCluster

    @abstractmethod
    def _job(self, strings: dict[str, str]) -> TrainingJob: ...

    @abstractmethod
    def _begins(
        self, algorithm: str, configuration: dict[str, str], strings: dict[str, str]
    ) -> None: ...

    @abstractmethod
    def _report(self, backend: JobTraining) -> None: ...

    @abstractmethod
    def _leave(self, backend: JobTraining, scores: dict[str, float] | None) -> int: ...

    @abstractmethod
    def _write_stored(
        self, backend: JobTraining, spec: TrainingSpec, state: ModelState
    ) -> int: ...

    def _run_on(self, hosts: JobHosts, scratch: Path, strings: dict[str, str]) -> int:
        """Train the job, or work for the host that does; the program's exit code."""
        channels = self.folders.channels()
        try:
            stored = stored_spec(self.folders.data / OURS, strings)
        except ValueError as error:
            raise HyperparameterError(str(error)) from error
        job: TrainingJob | None = None
        if stored is None:
            job = self._job(strings)
            check_distributed(hosts, channels, job.arguments)
        else:
            check_distributed(hosts, channels, stored[0].hyperparameters, stored=True)
            self._begins(stored[0].algorithm, {}, strings)
        timeout = self._said(strings, "hosts_timeout", JOIN_SECONDS)

        def abandon(error: Exception) -> None:
            fail(error, self.folders, self.log)
            os._exit(FAILED)

        def waits_for_the_first() -> None:
            self.termination.training = True

        with JobCluster(
            hosts,
            scratch,
            self.folders.data,
            seconds=timeout,
            said=reason,
            abandon=abandon,
            works=waits_for_the_first,
            log=self.log.line,
        ) as client:
            if client is None:
                return 0
            files = {
                name: host_files(client, channel, hosts.names)
                for name, channel in channels.items()
                if name != OURS
            }
            self.termination.training = True
            training = ClusterTraining(
                job,
                channels,
                files,
                self.folders,
                self.log,
                lambda: self.termination.asked,
                hosts.names,
            )
            if stored is not None:
                return self._train_stored_by_dask(client, training, strings, *stored)
            return self._train_on_cluster(client, training)

    @staticmethod
    def _said(strings: Mapping[str, str], name: str, default: Any) -> Any:
        """A setting of the program in a job whatever it trains."""
        key = f"{OWN}{name}"
        return parsed(key, strings[key]) if key in strings else default

    def _on_cluster(
        self,
        client: Any,
        training: ClusterTraining,
        n_shards: int,
        memory: int,
        seed: int | None,
        every: float,
    ) -> ClusterJobBackend:
        return ClusterJobBackend(
            client=client,
            n_shards=n_shards,
            memory=memory,
            log=self.log,
            seed=seed,
            asked=training.asked,
            checkpoint=self.folders.checkpoints,
            every=every,
        )

    def _train_by_dask(self, client: Any, training: ClusterTraining) -> int:
        """Train a job on all its hosts; the program's exit code."""
        job = training.job
        assert job is not None
        rows = JobRows(client, training, job.n_shards, job.memory, job.n_features)
        test, given = None, {}
        if TEST in training.channels:
            # What is wrong in it is said before the training.
            test = rows.brought(TEST)
            job.check_labels(test.labels, TEST)
        if VALIDATION in training.channels:
            names = ("X_val", "y_val", "sample_weight_val")
            held = rows.brought(VALIDATION).together(job.memory)
            given = dict(zip(names, held, strict=True))
        backend = self._on_cluster(
            client, training, job.n_shards, job.memory, job.seed, job.checkpoint_every
        )
        estimator = job.estimator(backend=backend)
        estimator.fit(rows.shards(), **given)
        self._report(backend)
        graph = "sparse" if backend.sparse else "dense"
        write_model(estimator, self.folders.model, graph=graph)
        scores = None
        if test is not None:
            scores = measured_of(test, estimator, backend)
        return self._leave(backend, scores)

    def _train_stored_by_dask(
        self,
        client: Any,
        training: ClusterTraining,
        strings: dict[str, str],
        spec: TrainingSpec,
        more: dict[str, Any],
    ) -> int:
        """Train what a backend sent on all hosts; the program's exit code."""
        n_shards = self._said(strings, "n_shards", 8)
        backend = self._on_cluster(
            client,
            training,
            n_shards,
            MEMORY,
            spec.seed,
            float(self._said(strings, "checkpoint_every", 60.0)),
        )
        data = stored_shards(client, training, spec, more, n_shards, MEMORY)
        return self._write_stored(backend, spec, backend.train(spec, data))


def measured_of(
    pieces: Iterable[tuple], estimator: Any, backend: JobTraining
) -> dict[str, float]:
    """SageMaker's metrics of a model on rows that come some after others.

    Parameters
    ----------
    pieces : iterable of (X, y, sample_weight)
    estimator : estimator
        Fitted.
    backend : JobTraining
        That has trained it.
    """
    parts = []
    for X, y, weights in pieces:
        weights = np.ones(len(y)) if weights is None else weights
        parts.append((estimator._margins(X), y, weights))
    margins, y, weights = map(np.concatenate, zip(*parts, strict=True))
    return backend.measure(margins, y.astype(np.float64), weights)
