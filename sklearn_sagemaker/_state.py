"""What travels between estimators and backends: frozen, plain, picklable.

Only arrays, scalars and containers of them: no estimator, client, session or
compiled object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._columns import at_columns, csr_of, of_met_columns
from sklearn_sagemaker._memory import memory

Monitor = Callable[[int, int, dict[str, Any]], Any]
"""Called after each epoch with its number, the planned number of epochs and a dict:
``train_loss`` and ``validation_loss`` of the best candidate so far, ``n_active`` that
go on, and ``train_losses`` and ``validation_losses``, arrays with one number for each
candidate in the epoch, NaN if it trains no longer. A true answer ends the training."""

FORMAT_VERSION = 1
"""Version of the layout of these classes; raised when a field changes meaning.

The table of formats is in doc/data_and_models.md. A field that is added has a default
that means what was before, and needs no new number."""

HELD_SHARE = 6
"""Held-out rows, and as many of the others, take one part in so many of a source's
memory."""


@dataclass(frozen=True)
class SomeFeatures:
    """Names of features, of which a training sees some, as if there were no others.

    Attributes
    ----------
    numbers : int64 ndarray of shape (m,)
        Among all, in ascending order.
    n_features : int
        How many there are.
    names : ndarray of str of shape (n_features,) or None
    """

    numbers: np.ndarray
    n_features: int
    names: Any = None


def feature_label(number: int, names: Any = None) -> str:
    """What messages call a feature: its number, and its name if there are names."""
    if isinstance(names, SomeFeatures):
        number, names = int(names.numbers[number]), names.names
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
    classes : ndarray of shape (n_classes,) or None
        Class labels in ascending order, those without rows among them; None for
        regression.
    cv : "auto", False or tuple of (int64 array, int64 array)
        How to validate when the data bring no validation rows: by folds or a hold-out
        that the training makes, not at all, or by numbers of the rows that train and
        that are scored, split by split.
    validation_fraction : float or "auto"
        Share of the rows that are held out.
    class_weight : float64 ndarray of shape (n_classes,) or None
        What multiplies the weights of the rows of each class.
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
    positive : bool or int8 ndarray of shape (n_features,)
        Whether all coefficients are at least zero, or which sign each may have: -1 is
        at most zero, 0 either, 1 at least zero.
    feature_names : ndarray of str or None
        Or `SomeFeatures`, within a training that leaves out features without values.
    """

    algorithm: str
    predictor_type: str
    hyperparameters: dict[str, Any]
    classes: np.ndarray | None = None
    cv: Any = "auto"
    validation_fraction: float | str = "auto"
    class_weight: np.ndarray | None = None
    n_jobs: int | None = None
    seed: int = 0
    multiclass_criterion: str = "loss_function"
    ensemble_size: int = 1
    resume: dict[str, Any] | None = None
    keep_state: bool = False
    stream: bool = False
    groups: Any = None
    positive: Any = False
    feature_names: Any = None
    format_version: int = FORMAT_VERSION

    @property
    def n_classes(self) -> int:
        """Number of classes; 1 for regression."""
        return 1 if self.classes is None else len(self.classes)


def class_numbers(y: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of classes, and which labels are among them.

    Parameters
    ----------
    y : ndarray of shape (n,)
    classes : ndarray of shape (n_classes,)
        In ascending order.

    Returns
    -------
    numbers : int ndarray of shape (n,)
        Anything for labels that are no class.
    known : bool ndarray of shape (n,)
    """
    try:
        numbers = np.searchsorted(classes, y).clip(0, len(classes) - 1)
    except TypeError:
        # Text among numbers has no place, nor is it one of them.
        return np.zeros(len(y), dtype=np.intp), np.zeros(len(y), dtype=bool)
    return numbers, classes[numbers] == y


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on, already validated and with encoded labels.

    Attributes
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
    y : float64 ndarray of shape (n_samples,)
        Targets: 0.0/1.0, class index, or the number to predict.
    sample_weight : float64 ndarray of shape (n_samples,)
        Weights of the rows; zero if the label is no class.
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
    remote: ClassVar[bool] = False
    """Whether they are not on this machine, and nobody has looked at them."""
    feature_names: np.ndarray | None = None
    """Names of the features, if they have some."""

    def description(self) -> dict[str, Any]:
        """Plain values that another process finds the rows by.

        Raises
        ------
        TypeError
            If only this process has them.
        """
        raise TypeError(
            f"The rows of a {type(self).__name__} cannot be described to another "
            "process; pass a sklearn_sagemaker.io.FileDataset, or train locally."
        )

    @property
    @abstractmethod
    def contents(self) -> Contents:
        """What it holds; found by one pass."""

    def snapshot(self) -> RowSource:
        """The same rows for all of a fit, which raises where they become others."""
        return self

    def check(self) -> None:  # noqa: B027
        """Raise if the rows are no longer those of the snapshot, as a pass does."""

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


class Shards(RowSource):
    """Rows in shards that stay where they are, and are trained on there.

    A run asks for nothing but `contents` and what `reduce` returns.

    Attributes
    ----------
    n_shards : int
    rounds : int or "auto"
        How often an epoch joins what the shards have trained.
    """

    n_shards: int
    rounds: int | str = "auto"

    @abstractmethod
    def reduce(
        self, task: Callable[..., Any], join: Callable[[Any, Any], Any], *arguments: Any
    ) -> Any:
        """What a task finds on all shards.

        Parameters
        ----------
        task : callable
            ``task(shard, *arguments)``, a function of a module whose answer depends on
            these alone, so that it may be called again when an answer is lost.
        join : callable
            ``join(first, second)`` of two answers; those of neighbours are joined, and
            then those of neighbours among these: an order that depends on nothing but
            the number of shards. It may use up both.
        *arguments : object
            Plain values.
        """

    def load(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """None of them is brought here.

        Raises
        ------
        TypeError
        """
        raise TypeError("Rows in shards are trained on where they are.")

    def windows(
        self, seed: int, epoch: int | None
    ) -> Generator[tuple[Any, np.ndarray, np.ndarray | None, np.ndarray], None, None]:
        """None of them is brought here.

        Raises
        ------
        TypeError
        """
        raise TypeError("Rows in shards are trained on where they are.")


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
    source : RowSource
        With labels as the user has them: the spec says which numbers they become.
    X_val, y_val, sample_weight_val : object
        As in `TrainingData`.
    """

    source: RowSource
    X_val: Any = None
    y_val: np.ndarray | None = None
    sample_weight_val: np.ndarray | None = None

    @property
    def n_bytes(self) -> int:
        """Memory that all rows would take, with what is known of each."""
        return self.source.contents.n_bytes

    @property
    def held_bytes(self) -> int:
        """Memory for a sample of the rows that train, or of those held out.

        Scalers and the training metrics are taken from the first.
        """
        return self.source.memory // HELD_SHARE


class PendingTraining(ABC):
    """A training that goes on elsewhere, and that a fit does not wait for.

    It holds plain values, so that an estimator with it can be stored and cloned.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """By which the training is found again."""

    def attributes(self) -> dict[str, Any]:
        """Fitted attributes beside those of the model, when that is there."""
        return {}

    @abstractmethod
    def result(self, timeout: float | None = None) -> ModelState:
        """Wait for the model, for so many seconds at most.

        Raises
        ------
        TimeoutError
            If it is not there yet.
        TrainingFailedError
            If there will be none.
        """


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
    link : str or None
        What a score means: "logit", "softmax", "score" (hinge), "identity" or
        "probit"; None if nobody said.
    classes, feature_names : ndarray or None
        As in `TrainingSpec`.
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
    held : dict or None
        Of a factorization machine that holds the factors of few of its features, and
        draws of no others: see `sklearn_sagemaker._columns.at_columns`.
    source : dict or None
        Of a model that was read and not trained: what was said by whom.
    training_job : dict or None
        Of a training in SageMaker: name, artifact, image, billable seconds and so on.
    unknown : tuple of str
        Names of the fields that this training did not yield. Those of a training
        elsewhere may lack some; None in another field is an answer.
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
    link: str | None = None
    classes: np.ndarray | None = None
    feature_names: np.ndarray | None = None
    training_job: dict[str, Any] | None = None
    unknown: tuple[str, ...] = ()
    format_version: int = FORMAT_VERSION
    held: dict[str, Any] | None = None

    def machines(
        self, columns: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Intercepts, coefficients and factors whose mean score is the model's.

        Parameters
        ----------
        columns : int64 array or None
            Features that are meant; None is all of them.

        Returns
        -------
        intercept, coef, factors : arrays
            Of shape (n,), (n, n_features) and (n, n_features, k): one for each
            output, or for each draw and output. Linear models have no factors.
        """
        intercept, coef, factors = self._all_machines()
        if self.held is None or factors is None:
            if columns is not None:
                coef = coef[:, columns]
                factors = None if factors is None else factors[:, columns]
            return intercept, coef, factors
        if columns is None:
            columns = np.arange(self.coef.shape[1])
        places = columns if self.draws is None else self.held["place"][columns]
        return intercept, coef[:, places], at_columns(factors, self.held, columns)

    def _all_machines(self) -> tuple[Any, Any, Any]:
        """Machines of the features that are held."""
        if self.draws is None:
            return self.intercept, self.coef, self.factors
        m, k = self.draws["factors"].shape[-2:]
        return (
            self.draws["intercept"].reshape(-1),
            self.draws["coef"].reshape(-1, m),
            self.draws["factors"].reshape(-1, m, k),
        )

    def machines_for(self, X: Any) -> tuple[Any, tuple[Any, Any, Any]]:
        """Rows and machines that score them: those of the columns that they store.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_rows, n_features)

        Returns
        -------
        X : ndarray or CSR of shape (n_rows, m)
        machines : (array, array, array or None)
            As of `machines`, for its m features.
        """
        if self.held is None or X.shape[1] != self.coef.shape[1]:
            return X, self.machines()
        if self.draws is not None and sp.issparse(X) and X.format == "csr":
            # Draws are held of a column for each: nothing is copied.
            places = self.held["place"][X.indices]
            if len(places) == 0 or places.min() >= 0:
                width = self.draws["coef"].shape[-1]
                parts = X.data, places.astype(X.indices.dtype, copy=False), X.indptr
                return csr_of(type(X), *parts, width), self._all_machines()
        columns, X = of_met_columns(sp.csr_array(X))
        return X, self.machines(columns)

    def all_factors(self) -> np.ndarray:
        """Factors of all features, of shape (n_outputs, n_features, k)."""
        assert self.factors is not None
        if self.held is None:
            return self.factors
        return at_columns(self.factors, self.held, np.arange(self.coef.shape[1]))

    def all_draws(self) -> dict[str, np.ndarray] | None:
        """Draws of all features, of the shapes of `draws`.

        Raises
        ------
        MemoryError
            If this machine has not as much.
        """
        if self.held is None or self.draws is None:
            return self.draws
        place = self.held["place"]
        factors, coef = self.draws["factors"], self.draws["coef"]
        n_bytes = (factors.nbytes + coef.nbytes) / coef.shape[-1] * len(place)
        if n_bytes > memory():
            raise MemoryError(
                f"draws_ of all {len(place)} features would take {n_bytes / 1e9:.3g} "
                "GB, which this machine does not have; predict needs none of them, and "
                "num_draws keeps fewer."
            )
        return {
            "intercept": self.draws["intercept"],
            "coef": coef[..., place],
            "factors": factors[..., place, :],
        }


OF_TRAINING = (
    "n_iter", "best_index", "best_params", "best_score", "candidates", "loss_curve",
    "validation_curve",
)  # fmt: skip
"""Fields of a `ModelState` that describe the training, and that some do not yield."""
