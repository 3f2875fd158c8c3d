"""The default backend: this process, no cloud."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from typing import Any

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker._threads import fitting
from sklearn_sagemaker.backends.protocol import Backend


class LocalBackend(Backend):
    """Trains in this process with the compiled kernels.

    Needs neither boto3 nor credentials nor a container. It is a value: it holds
    settings only, and clones, pickles and compares by them.

    Parameters
    ----------
    checkpoint : str, path-like or None, default=None
        Folder for checkpoints of the training, made if it is missing, or an address
        that fsspec knows, such as ``"s3://bucket/folder"``. The same fit
        again goes on from the newest one, to the same bits as if it had not been cut
        off, and says so by a `CheckpointWarning`. None writes none.
    every : float, default=60.0
        Seconds from one checkpoint to the next; each is written at the end of an
        epoch. 0 writes one after each epoch.
    stop : callable or None, default=None
        Called without arguments at the end of each epoch; a true answer writes a
        checkpoint and ends the fit by a `TrainingStoppedError`. A handler of SIGTERM
        may set what it looks at.

    Notes
    -----
    A folder belongs to one problem: rows, labels, weights, settings and seed. Another
    one is refused by name, so set ``random_state`` to a number, and name one folder
    for each fit. Rows are compared by SHA-256. The number of threads may change;
    other versions, or another level of instruction sets, may change last bits, and the
    warning says so. The last two checkpoints are kept, until you remove the folder.
    Each file appears whole, also if several processes write into one folder at a time;
    but of two different trainings there, only the one that wrote last can go on.

    Examples
    --------
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.backends import LocalBackend
    >>> LinearLearnerClassifier(backend=LocalBackend()).backend
    LocalBackend()

    A fit that goes on where another one was stopped:

    >>> import tempfile, warnings
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_sagemaker.exceptions import TrainingStoppedError
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> folder = tempfile.TemporaryDirectory()
    >>> stopping = LocalBackend(checkpoint=folder.name, stop=lambda: True)
    >>> model = LinearLearnerClassifier(random_state=0, backend=stopping)
    >>> try:
    ...     model.fit(X, y)
    ... except TrainingStoppedError:
    ...     print("stopped")
    stopped
    >>> _ = model.set_params(backend__stop=None)
    >>> with warnings.catch_warnings(action="ignore"):
    ...     model = model.fit(X, y)
    >>> bool(model.score(X, y) > 0.97)
    True
    >>> folder.cleanup()
    """

    streams = True
    continues = True

    def __init__(
        self,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        every: float = 60.0,
        stop: Callable[[], Any] | None = None,
    ):
        self.checkpoint = checkpoint
        self.every = every
        self.stop = stop

    def check(self, spec: TrainingSpec) -> None:
        """Refuse settings that are out of range, or that do not go with the spec.

        Parameters
        ----------
        spec : TrainingSpec

        Raises
        ------
        TypeError
            If ``stop`` is not callable, or ``checkpoint`` no path.
        ValueError
            If ``checkpoint`` is no folder and no address, ``every`` is no number of
            seconds, ``stop`` lacks a folder, or a stream is to have checkpoints.
        """
        number = isinstance(self.every, Real) and not isinstance(self.every, bool)
        if not number or not 0 <= self.every < math.inf:
            raise ValueError(
                f"every={self.every!r} must be a number of seconds, from 0 on; 60 "
                "writes a checkpoint at the end of an epoch once a minute."
            )
        self._check_folder()
        if self.stop is not None and not callable(self.stop):
            raise TypeError(
                f"stop must be callable or None, got {type(self.stop).__name__}."
            )
        if self.checkpoint is None and self.stop is not None:
            raise ValueError(
                "stop is given, but there is no folder to go on from: set checkpoint."
            )
        if self.checkpoint is not None and spec.stream:
            raise ValueError(
                "partial_fit has no epochs to write checkpoints of; store the "
                "estimator between calls, or leave checkpoint out."
            )

    def _check_folder(self) -> None:
        folder = self.checkpoint
        if folder is None:
            return
        if not isinstance(folder, str | os.PathLike):
            raise TypeError(
                f"checkpoint must be the path of a folder or None, got "
                f"{type(folder).__name__}."
            )
        # Late: most fits write no file.
        from sklearn_sagemaker.backends.checkpoint_places import (
            check_address,
            is_address,
        )
        from sklearn_sagemaker.io.opening import file_name

        if isinstance(folder, str) and is_address(folder):
            check_address(folder)
            return
        name = file_name(folder, ValueError)
        if not name or (os.path.exists(name) and not os.path.isdir(name)):
            raise ValueError(
                f"checkpoint={name!r} is no folder; name one, which is made if it is "
                "missing."
            )
        if re.match(r"\w{2,}:/", name):
            raise ValueError(
                f"checkpoint={name!r} looks like an address, but is a path; pass an "
                "address as text, such as 's3://bucket/folder'."
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
        CheckpointError
            If ``checkpoint`` has those of another problem, or none that can be read.
        TrainingStoppedError
            If ``stop`` asked for it.
        TypeError, ValueError
            As in `check`.
        """
        self.check(spec)
        # Late, as all that trains is: it is half of the package.
        from sklearn_sagemaker.training.blas import single_threaded_blas

        with fitting(), single_threaded_blas():
            state = self._train(spec, data, monitor)
        return replace(
            state,
            link=_link(spec, state.resolved),
            classes=spec.classes,
            feature_names=spec.feature_names,
        )

    def _train(self, spec, data, monitor) -> ModelState:
        from sklearn_sagemaker.training.weights import class_weighted

        run = _training(spec)
        if spec.stream or self.checkpoint is None:
            return run(spec, class_weighted(spec, data)).train(monitor)
        # Late: most fits write no file.
        from sklearn_sagemaker.backends.checkpoints import Checkpoints
        from sklearn_sagemaker.backends.identity import (
            defaults_of,
            identified,
            platform_of_bits,
        )

        data, problem = identified(spec, data)
        training = run(spec, class_weighted(spec, data))
        checkpoints = Checkpoints(
            self.checkpoint,
            self.every,
            problem,
            platform_of_bits(),
            self.stop,
            defaults_of(spec),
        )
        return training.train(monitor, checkpoints)


def _training(spec: TrainingSpec) -> Any:
    """The training run of a spec: on arrays, windows, or the next rows of a stream."""
    if spec.algorithm == "factorization-machines":
        from sklearn_sagemaker.training.factors.wide import FactorTraining

        return FactorTraining
    if spec.stream:
        from sklearn_sagemaker.training.linear.stream import LinearStream

        return LinearStream
    from sklearn_sagemaker.training.linear.run import LinearRun

    return LinearRun


def _link(spec: TrainingSpec, resolved: dict[str, Any]) -> str:
    """What the scores of a trained model mean."""
    if spec.classes is not None and resolved.get("solver", "gradient") != "gradient":
        return "probit"
    return LOSSES[resolved["loss"]].link
