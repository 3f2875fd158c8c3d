"""What travels between estimators and backends: frozen, plain, picklable.

Only arrays, scalars and containers of them: no estimator, client, session or
compiled object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Monitor = Callable[[int, int, dict[str, float]], Any]
"""Called after each epoch with its number, the planned number of epochs and a dict of
losses; a true answer ends the training there."""

FORMAT_VERSION = 1
"""Version of the layout of these classes; raised when a field changes meaning."""


def feature_label(number: int, names: Any = None) -> str:
    """What messages call a feature: its number, and its name if there are names."""
    if names is None:
        return f"feature {number}"
    return f"feature {number} ({str(names[number])[:40]!r})"


@dataclass(frozen=True)
class TrainingSpec:
    """What to train.

    Attributes
    ----------
    algorithm : str
        SageMaker's name of the algorithm, such as ``"linear-learner"``.
    predictor_type : str
        ``"binary_classifier"``, ``"multiclass_classifier"`` or ``"regressor"``.
    hyperparameters : dict
        Validated hyperparameters by SageMaker's names; may hold ``"auto"``.
    n_classes : int
        Number of classes (1 for regression).
    cv, validation_fraction : object
        How to validate when the data bring no validation rows.
    n_jobs : int or None
        Threads over blocks of models. Never changes the result.
    seed : int
        Seed of every random stream.
    multiclass_criterion : str
        ``"loss_function"`` or ``"accuracy"``: what selects a model of more than two
        classes.
    ensemble_size : int
        How many of the best candidates to average.
    resume : dict or None
        ``ModelState.resume`` of the training to go on from.
    groups : int ndarray of shape (n_features,), "auto" or None
        Group of each feature, for decays that are drawn (factorization machines).
    keep_state : bool
        Whether the result must have a ``resume``.
    stream : bool
        Whether the rows are the next ones of a stream (``partial_fit``).
    feature_names : ndarray of str or None
        For messages.
    """

    algorithm: str
    predictor_type: str
    hyperparameters: dict[str, Any]
    n_classes: int = 1
    cv: Any = "auto"
    validation_fraction: float | str = "auto"
    n_jobs: int | None = None
    seed: int = 0
    multiclass_criterion: str = "loss_function"
    ensemble_size: int = 1
    resume: dict[str, Any] | None = None
    keep_state: bool = False
    stream: bool = False
    groups: Any = None
    feature_names: Any = None
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on, already validated and with encoded labels.

    Attributes
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
    y : float64 ndarray of shape (n_samples,)
        Targets: 0.0/1.0, class index, or the number to predict.
    sample_weight : float64 ndarray of shape (n_samples,)
        Sample weight times class weight.
    X_val, y_val, sample_weight_val : like the above, or None
        The user's validation rows.
    """

    X: Any
    y: np.ndarray
    sample_weight: np.ndarray
    X_val: Any = None
    y_val: np.ndarray | None = None
    sample_weight_val: np.ndarray | None = None

    def __repr__(self) -> str:
        # Rows never reach a log or a traceback.
        shape = getattr(self.X, "shape", None)
        return f"TrainingData(shape={shape}, validation={self.X_val is not None})"


@dataclass(frozen=True)
class Contents:
    """What a `RowSource` holds.

    Attributes
    ----------
    n_rows, n_features : int
        Rows of weight zero do not count.
    sparse : bool
    dtype : dtype
        Of X.
    n_bytes : int
        Memory that the rows would take, with what is known of each.
    labels : ndarray or None
        The distinct labels in ascending order; None if they are too many for classes.
    counts : int64 ndarray or None
        Rows of each.
    """

    n_rows: int
    n_features: int
    sparse: bool
    dtype: np.dtype
    n_bytes: int
    labels: np.ndarray | None
    counts: np.ndarray | None


class RowSource(ABC):
    """Rows with their labels inside, which `fit` takes in place of X.

    Attributes
    ----------
    memory : int
        Bytes of rows that may be loaded; more are read in windows.
    """

    memory: int

    @property
    @abstractmethod
    def contents(self) -> Contents:
        """What it holds; found by one pass."""

    def snapshot(self) -> RowSource:
        """The same rows for all of a fit, which raises where they become others."""
        return self

    @abstractmethod
    def load(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """X, y and sample weights of all rows, in order."""

    @abstractmethod
    def windows(
        self, seed: int, epoch: int | None
    ) -> Generator[tuple[Any, np.ndarray, np.ndarray | None, np.ndarray], None, None]:
        """X, y, sample weights and a fixed random number of each row, in windows.

        With None for the epoch in order, else shuffled as that epoch has it.
        """


@dataclass(frozen=True)
class Window:
    """Some rows of `WindowedData`, in memory.

    Attributes
    ----------
    X : ndarray or CSR of shape (n, n_features)
        float32 or float64, the same for all windows.
    y, sample_weight : float64 ndarrays of shape (n,)
        As in `TrainingData`.
    draws : float64 ndarray of shape (n,)
        A random number in [0, 1) for each row: the same in each pass.
    """

    X: Any
    y: np.ndarray
    sample_weight: np.ndarray
    draws: np.ndarray

    def __repr__(self) -> str:
        return f"Window(shape={self.X.shape})"


@dataclass(frozen=True)
class WindowedData:
    """Rows to train on that are not held in memory, but read anew in each pass.

    Attributes
    ----------
    windows : callable
        ``windows(seed, epoch)`` iterates over `Window`, in the shuffled order of
        that epoch; with None for the epoch in the order of the data.
    n_bytes : int
        Memory that all rows would take, with what is known of each.
    held_bytes : int
        Memory for the rows that are held out, and as much again for a sample of those
        that train, which scalers and the training metrics are taken from.
    X_val, y_val, sample_weight_val : object
        As in `TrainingData`.
    """

    windows: Callable[[int, int | None], Generator[Window, None, None]]
    n_bytes: int
    held_bytes: int
    X_val: Any = None
    y_val: np.ndarray | None = None
    sample_weight_val: np.ndarray | None = None


@dataclass(frozen=True)
class ModelState:
    """A trained model: what an estimator takes its fitted attributes from.

    Attributes
    ----------
    coef : float64 ndarray of shape (n_outputs, n_features)
        In the user's units.
    intercept : float64 ndarray of shape (n_outputs,)
    threshold : float or None
        Decision threshold on the probability (binary classification).
    n_iter : int
        Epochs that the selected model was trained.
    best_index, best_params, best_score : object
        The selected candidate.
    candidates : dict of arrays
        One row a candidate, shaped like scikit-learn's ``cv_results_``.
    loss_curve, validation_curve : ndarray of shape (n_iter,)
        Training and validation loss of the selected candidate, epoch by epoch;
        the second is None without validation rows.
    resolved : dict
        What every ``"auto"`` became, where it is the same for all candidates.
    metrics : dict of dict
        SageMaker's metrics on the training and, if there are any, on the validation
        rows.
    resume : dict or None
        Arrays and scalars that training can go on from, if the spec asks for them.
    factors : ndarray of shape (n_outputs, n_features, k) or None
        Of a factorization machine.
    draws : dict of arrays or None
        Draws whose predictions are averaged: ``intercept``, ``coef`` and ``factors``
        of the shapes above behind one more axis, the first.
    source : dict or None
        Of a model that was read and not trained: what was said by whom. Such a model
        has no candidates and no curves.
    """

    coef: np.ndarray
    intercept: np.ndarray
    threshold: float | None
    n_iter: int | None = None
    best_index: int | None = None
    best_params: dict[str, Any] | None = None
    best_score: float | None = None
    candidates: dict[str, Any] | None = None
    loss_curve: np.ndarray | None = None
    validation_curve: np.ndarray | None = None
    resolved: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    resume: dict[str, Any] | None = None
    factors: np.ndarray | None = None
    draws: dict[str, np.ndarray] | None = None
    source: dict[str, str] | None = None
    format_version: int = FORMAT_VERSION
