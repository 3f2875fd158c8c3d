"""What a backend is: a value that trains a spec on data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from sklearn.base import BaseEstimator

from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    PendingTraining,
    RowSource,
    TrainingData,
    TrainingSpec,
    WindowedData,
)


class FitRows(NamedTuple):
    """What `fit` is given, as the user passes it.

    Attributes
    ----------
    X, y, sample_weight : object
    X_val, y_val, sample_weight_val : object
        The user's validation rows, or None.
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None


class Backend(BaseEstimator, ABC):
    """Base of all backends: where a fit runs.

    A backend is a value. It holds settings only, the arguments of its constructor, and
    makes clients and connections when it trains: so it clones, pickles, compares by its
    settings, and ``backend__name`` can be searched.

    Examples
    --------
    A backend that trains here, and says so:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.backends import Backend, LocalBackend
    >>> class Talkative(Backend):
    ...     def __init__(self, *, greeting="training"):
    ...         self.greeting = greeting
    ...
    ...     def train(self, spec, data, monitor=None):
    ...         print(self.greeting, spec.algorithm)
    ...         return LocalBackend().train(spec, data, monitor)
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LinearLearnerClassifier(backend=Talkative(), random_state=0).fit(X, y)
    training linear-learner
    """

    streams = False
    """Whether it trains the next rows of a stream, which `partial_fit` passes."""
    continues = False
    """Whether it goes on from the state of another training (``warm_start``)."""

    def takes(self, X: Any) -> bool:
        """Whether it can train on rows that are as these are.

        Asked before X is looked at, so that rows elsewhere are never gathered by
        accident. This one takes rows in the memory of this process, and sources of
        rows such as a `sklearn_sagemaker.io.FileDataset`.

        Parameters
        ----------
        X : object
            As passed to `fit`.
        """
        return not hasattr(X, "__dask_graph__")

    @contextmanager
    def placed(self, rows: FitRows, settings: Mapping[str, Any]) -> Iterator[FitRows]:
        """Rows of a fit as this backend trains on them, for the time of the fit.

        This one leaves them as they are. One that trains elsewhere may bring them
        there, or yield a `RowSource` with labels and weights inside in place of X.

        Parameters
        ----------
        rows : FitRows
        settings : mapping
            Parameters of the estimator by name, so that what cannot be trained is
            refused before any rows are brought anywhere.

        Yields
        ------
        rows : FitRows
        """
        yield rows

    def opened(self, X: Any) -> Any:
        """Rows as this backend trains on them: those in S3 are copied to this machine.

        Parameters
        ----------
        X : object
            As passed to `fit`.
        """
        if not (isinstance(X, RowSource) and X.remote):
            return X
        # Late: most rows are here, and S3 needs boto3.
        from sklearn_sagemaker.sagemaker.s3_rows import copied

        return copied(X)  # type: ignore[arg-type]

    def check(self, spec: TrainingSpec) -> None:
        """Refuse what it cannot train, before any work and before anything is sent.

        Parameters
        ----------
        spec : TrainingSpec

        Raises
        ------
        ValueError
            Naming what it cannot do.
        """
        name = type(self).__name__
        if spec.stream:
            self.check_stream()
        if spec.keep_state and not spec.stream and not self.continues:
            raise ValueError(
                f"warm_start=True cannot run on backend={name}, which keeps no state "
                "of a training; set warm_start=False, or backend='local'."
            )

    def check_stream(self) -> None:
        """Refuse the rows of a stream, before they are looked at.

        Raises
        ------
        ValueError
            If it does not train them.
        """
        if not self.streams:
            raise ValueError(
                f"partial_fit cannot run on backend={type(self).__name__}, which "
                "trains all rows at once; call fit, or set backend='local'."
            )

    @abstractmethod
    def train(
        self,
        spec: TrainingSpec,
        data: TrainingData | WindowedData,
        monitor: Monitor | None = None,
    ) -> ModelState | PendingTraining:
        """Train, and return the selected model or what will bring it.

        Parameters
        ----------
        spec : TrainingSpec
            That `check` did not refuse.
        data : TrainingData or WindowedData
        monitor : callable or None
            To be called after each epoch, if they are seen; a true answer ends the
            training.

        Returns
        -------
        state : ModelState or PendingTraining
        """
