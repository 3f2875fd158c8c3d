"""``sklearn-sagemaker-train``: what SageMaker calls as ``train`` in a container.

Reads a job from /opt/ml, trains it, and writes the model where SageMaker takes it from.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import scipy.sparse as sp

from sklearn_sagemaker._memory import memory
from sklearn_sagemaker._state import ModelState, RowSource, TrainingSpec
from sklearn_sagemaker.artifacts.writing import artifact_of_state
from sklearn_sagemaker.estimators._artifact_saving import write_model
from sklearn_sagemaker.estimators._row_sources import loaded
from sklearn_sagemaker.exceptions import (
    ArtifactError,
    TrainingStoppedError,
)
from sklearn_sagemaker.io.artifacts.files import write_model as write_folder
from sklearn_sagemaker.io.problem_files import write_state
from sklearn_sagemaker.serving.channels import (
    OURS,
    TEST,
    TRAIN,
    VALIDATION,
    read_arrays,
)
from sklearn_sagemaker.serving.cluster.job_hosts import JobHosts
from sklearn_sagemaker.serving.cluster.training import (
    TrainOnCluster,
)
from sklearn_sagemaker.serving.failures import HyperparameterError, fail
from sklearn_sagemaker.serving.logs import JobLog
from sklearn_sagemaker.serving.train_backend import (
    JobBackend,
    JobTraining,
)
from sklearn_sagemaker.serving.train_hosts import HostsProgram, measured_of
from sklearn_sagemaker.serving.train_job import (
    MEMORY_SHARE,
    OWN,
    Folders,
    TrainingJob,
    read_job,
)
from sklearn_sagemaker.serving.train_problem import stored_rows, stored_spec

TERMINATED = 128 + signal.SIGTERM
STATE = "state.zip"
"""Every field of the trained model, in the folder of the job's other output."""


class Termination:
    """A handler of SIGTERM: ends the program, or the training after its epoch."""

    def __init__(self) -> None:
        self.asked = self.training = False

    def __call__(self, *_: Any) -> None:
        """Handle the signal."""
        self.asked = True
        if not self.training:
            raise SystemExit(TERMINATED)


class Program(HostsProgram):
    """One run of the program.

    Parameters
    ----------
    folders : Folders
    log : JobLog
    termination : Termination
    train_on_cluster : callable or None, default=None
        What trains a job of several hosts; see `TrainOnCluster`.
    """

    def __init__(
        self,
        folders: Folders,
        log: JobLog,
        termination: Termination,
        train_on_cluster: TrainOnCluster | None = None,
    ):
        self.folders, self.log, self.termination = folders, log, termination
        self._train_on_cluster = train_on_cluster or self._train_by_dask

    def run(self, scratch: Path) -> int:
        """Train the job; the program's exit code.

        Parameters
        ----------
        scratch : Path
            An empty folder for temporary files.
        """
        strings = self.folders.read("hyperparameters", {})
        hosts = JobHosts.of(self.folders.read("resourceconfig", {}))
        if len(hosts.names) > 1:
            return self._run_on(hosts, scratch, strings)
        try:
            stored = stored_spec(self.folders.data / OURS, strings)
        except ValueError as error:
            raise HyperparameterError(str(error)) from error
        if stored is not None:
            return self._train_stored(scratch, strings, *stored)
        job = self._job(strings)
        channels = self.folders.channels()

        def read(name: str, n_features: int | None) -> RowSource:
            channel = channels[name]
            return channel.rows(job.memory, n_features, scratch, self._waiting)

        arrays = read_arrays(channels.get(OURS))
        X, y, weights, n_features = self._rows(read(TRAIN, job.n_features), arrays)
        validation = None
        if VALIDATION in channels:
            validation = read(VALIDATION, n_features)
        given = self._validation(validation, arrays)
        test = None
        if TEST in channels:
            # What is wrong in it is said before the training.
            test = read(TEST, n_features).snapshot()
            job.check_labels(test.contents.labels, TEST)
        backend = self._backend(job.seed, job.checkpoint_every)
        estimator = job.estimator(backend=backend, **_settings(job, arrays))
        self.termination.training = True
        estimator.fit(X, y, weights, **given)
        self._report(backend)
        graph = "sparse" if _is_sparse(X) else "dense"
        write_model(estimator, self.folders.model, graph=graph)
        scores = None if test is None else _measured(test, estimator, backend)
        return self._leave(backend, scores)

    def _train_stored(
        self,
        scratch: Path,
        strings: dict[str, str],
        spec: TrainingSpec,
        more: dict[str, Any],
    ) -> int:
        """Train what a backend sent; the program's exit code."""
        channels, source = self.folders.channels(), more.get("source")
        self._begins(spec.algorithm, {}, strings)
        every = float(self._said(strings, "checkpoint_every", 60.0))
        backend = self._backend(spec.seed, every)

        def read(name: str) -> RowSource:
            most = (source or {}).get("memory", memory() // MEMORY_SHARE)
            n_features = more["n_features"]
            return channels[name].rows(most, n_features, scratch, self._waiting)

        data = stored_rows(spec, channels, source, read)
        self.termination.training = True
        return self._write_stored(backend, spec, backend.train(spec, data))

    def _write_stored(
        self, backend: JobTraining, spec: TrainingSpec, state: ModelState
    ) -> int:
        """Write a model for the backend that asked; the program's exit code."""
        self._report(backend)
        graph = "sparse" if backend.sparse else "dense"
        try:
            artifact = artifact_of_state(state, spec.hyperparameters)
            write_folder(artifact, self.folders.model, graph=graph)
        except ArtifactError as error:
            # The state has all of the model, and the backend reads that.
            self.log.line(f"There is no model_algo-1: {error}", "WARNING")
        return self._leave(backend, None)

    def _backend(self, seed: int | None, every: float) -> JobBackend:
        return JobBackend(
            log=self.log,
            seed=seed,
            asked=lambda: self.termination.asked,
            checkpoint=self.folders.checkpoints,
            every=every,
        )

    def _leave(self, backend: JobTraining, scores: dict[str, float] | None) -> int:
        """Write all that is known of the training; the program's exit code."""
        output = self.folders.output / "data"
        output.mkdir(parents=True, exist_ok=True)
        write_state(output / STATE, backend.state)
        if scores is None:
            self.log.line("Test data is not provided.")
        else:
            self.log.scores(TEST, scores)
        self.log.ends()
        return TERMINATED if backend.cut_short else 0

    def _job(self, strings: dict[str, str]) -> TrainingJob:
        try:
            job = read_job(strings)
            job.estimator()._validate_params()
        except ValueError as error:
            raise HyperparameterError(str(error)) from error
        self._begins(job.algorithm, job.configuration, strings)
        return job

    def _begins(
        self, algorithm: str, configuration: dict[str, str], strings: dict[str, str]
    ) -> None:
        self.log.begins(
            algorithm,
            configuration,
            strings,
            str(self.folders.configuration("hyperparameters")),
            self.folders.checkpoints is not None,
        )

    def _waiting(self) -> None:
        """End while nothing comes, if that is asked for."""
        if self.termination.asked:
            raise TrainingStoppedError(
                "The training was asked to stop while it waited for rows; it goes on "
                "from its last checkpoint."
            )

    def _rows(self, source: RowSource, arrays: dict[str, Any]) -> tuple:
        """X, y, weights and the number of features; X alone of rows in windows."""
        X, y, weights = loaded(source, None, None)
        if isinstance(X, RowSource):
            n_features = X.contents.n_features
            if "sample_weight" in arrays:
                raise ValueError(
                    f"sample_weight.npy needs all rows in memory, and these "
                    f"{X.contents.n_rows} rows are read in windows; write the weights "
                    "into the records, or take an instance with more memory."
                )
        else:
            n_features = X.shape[1]
            weights = _weights(arrays, "sample_weight", weights)
        return X, y, weights, n_features

    def _validation(
        self, source: RowSource | None, arrays: dict[str, Any]
    ) -> dict[str, Any]:
        """The arguments of `fit` that bring validation rows."""
        name = "sample_weight_validation"
        if source is None and name in arrays:
            raise ValueError(f"{name}.npy is given, but no channel 'validation'.")
        if name not in arrays:
            return {"X_val": source}
        assert source is not None
        X, y, weights = source.load()
        weights = _weights(arrays, name, weights)
        return {"X_val": X, "y_val": y, "sample_weight_val": weights}

    def _report(self, backend: JobTraining) -> None:
        for part, metrics in backend.state.metrics.items():
            self.log.scores(part, metrics)
        best = {"optimizer": backend.state.resolved.get("optimizer")}
        self.log.best({**best, **(backend.state.best_params or {})})


def _measured(
    source: RowSource, estimator: Any, backend: JobBackend
) -> dict[str, float]:
    """SageMaker's metrics of the model on the rows of the channel "test"."""
    X, y, weights = loaded(source, None, None)
    pieces: Any = [(X, y, weights, None)]
    if isinstance(X, RowSource):
        pieces = X.windows(0, None)
    return measured_of((piece[:3] for piece in pieces), estimator, backend)


def _settings(job: TrainingJob, arrays: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the estimator that are arrays."""
    found: dict[str, Any] = {
        name: arrays[name] for name in ("cv", "groups") if name in arrays
    }
    for name in found:
        if name in job.arguments:
            raise ValueError(
                f"{OWN}{name} is given, and its files in the channel {OURS!r} too; "
                "leave one out."
            )
    known = type(job.estimator())._get_param_names()
    if "groups" in found and "groups" not in known:
        raise ValueError(
            f"groups.npy is for factorization machines; {job.algorithm} has no groups."
        )
    return found


def _weights(arrays: dict[str, Any], name: str, inside: Any) -> Any:
    """Weights of rows: from a file of ours, or those that stand in the records."""
    if name in arrays and inside is not None:
        raise ValueError(
            f"{name}.npy is given, but the records have weights too; leave one out."
        )
    return arrays.get(name, inside)


def _is_sparse(X: Any) -> bool:
    return X.contents.sparse if isinstance(X, RowSource) else sp.issparse(X)


def main(
    arguments: Sequence[str] | None = None,
    *,
    train_on_cluster: TrainOnCluster | None = None,
) -> int:
    """Train the job; the program's exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        Of the command line.
    train_on_cluster : callable or None, default=None
        What trains a job of several hosts.
    """
    parser = argparse.ArgumentParser(
        "sklearn-sagemaker-train", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("/opt/ml"),
        help="folder laid out as SageMaker's (default: /opt/ml)",
    )
    folders = Folders(parser.parse_args(arguments).root)
    folders.failure.unlink(missing_ok=True)
    termination = Termination()
    signal.signal(signal.SIGTERM, termination)
    log = JobLog(sys.stdout)
    log.plain("Docker entrypoint called with argument(s): train")

    def warned(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        log.line(f"{category.__name__}: {message}", "WARNING")

    warnings.showwarning = warned
    try:
        with tempfile.TemporaryDirectory(prefix="sklearn-sagemaker-") as scratch:
            program = Program(folders, log, termination, train_on_cluster)
            return program.run(Path(scratch))
    except TrainingStoppedError as error:
        log.line(str(error))
        return TERMINATED
    except Exception as error:
        return fail(error, folders, log)
