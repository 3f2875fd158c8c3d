"""What classifiers share, and what regressors share, whatever the algorithm."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from sklearn_sagemaker._compat import fit_context, with_callbacks
from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR
from sklearn_sagemaker._kernels.decision import is_positive, least_positive
from sklearn_sagemaker._state import (
    ModelState,
    RowSource,
    TrainingData,
    TrainingSpec,
)
from sklearn_sagemaker.estimators._base import SageMakerEstimator
from sklearn_sagemaker.estimators._row_sources import refuse_beside, windowed


def _probable(estimator: Any) -> bool:
    """For `available_if`, which wants a function."""
    return estimator._check_probable()


def _streams(estimator: Any) -> bool:
    """Whether there is a `partial_fit`, for `available_if`."""
    return estimator._check_streams()


def whole_text(labels: Any) -> Any:
    """Labels with the zero characters that NumPy's text drops at the end.

    Parameters
    ----------
    labels : array-like

    Returns
    -------
    labels : array-like
        As they are, or of dtype object: with such a character it is another class.
    """
    if isinstance(labels, list | tuple):
        for label in labels:
            if isinstance(label, str | bytes) and label[-1:] in ("\0", b"\0"):
                return np.array(labels, dtype=object)
    return labels


def encode_known(
    y: np.ndarray, weights: np.ndarray, classes: np.ndarray, multipliers: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class numbers, weights with those of the classes, and which labels are known."""
    encoded = np.searchsorted(classes, y).clip(0, len(classes) - 1)
    known = classes[encoded] == y
    return encoded.astype(np.float64), weights * multipliers[encoded], known


def encode_labels(
    y: np.ndarray, weights: np.ndarray, classes: np.ndarray, multipliers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Class numbers, and weights with those of the classes.

    Rows of other labels are absent: their weights become zero.

    Parameters
    ----------
    y, weights : arrays of shape (n,)
    classes, multipliers : arrays of shape (n_classes,)

    Returns
    -------
    encoded, weights : float64 arrays of shape (n,)
    """
    encoded, weights, known = encode_known(y, weights, classes, multipliers)
    return encoded, np.where(known, weights, 0.0)


class SageMakerClassifier(ClassifierMixin, SageMakerEstimator):
    """Fitting and prediction of classifiers."""

    # Set by the constructors of the classes.
    class_weight: Any
    multiclass_model_selection_criteria: str

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train the candidates and keep the best.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or dataset
            Training rows. float32, float64 and integer arrays in C or F order,
            and CSR with int32 or int64 indices, are read in place. A
            `sklearn_sagemaker.io.FileDataset` brings rows, labels and weights
            from files, which may be larger than memory.
        y : array-like of shape (n_samples,), default=None
            Class labels, numbers or strings; None with a dataset.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; a row of weight zero is absent.
        X_val, y_val : like X and y, default=None
            Validation rows, used instead of ``cv``; a dataset must fit in its
            ``memory``. In a Pipeline they reach
            the classifier untransformed unless the pipeline has
            ``transform_input=["X_val"]``.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation rows.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If y has a single class, only one of ``X_val`` and ``y_val`` is
            given, ``y_val`` has a class that y lacks, or a weight is negative.
        AllCandidatesDivergedError
            If no candidate stayed finite.
        FeatureScaleError
            If a feature is too large, too small, or too far from zero for
            the model to have a finite and exact form in its units.
        TrainingTooLargeError
            If a hyperparameter asks for more memory than the machine has.

        Warns
        -----
        InapplicableHyperparameterWarning
            If a hyperparameter is set that has no effect with the others.
        IdentifierColumnsWarning
            If Factorization Machines are given numbers of users or items as columns.
        """
        with self._all_or_nothing():
            return self._fit_rows(X, y, sample_weight, X_val, y_val, sample_weight_val)

    def _fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        warm = self._warm()
        y = whole_text(y)
        X, y = self._check_rows(X, y, reset="resume" not in warm)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        X = self._canonical(X)
        weights = self._check_weights(sample_weight, X)
        classes = np.unique(y[weights > 0])
        multipliers = compute_class_weight(
            self.class_weight, classes=classes, y=y[weights > 0]
        )
        classes, multipliers = self._check_classes(classes, multipliers, warm)
        encoded, weights = encode_labels(y, weights, classes, multipliers)
        validation = self._check_validation(X_val, y_val, sample_weight_val)
        validation = self._encode_validation(validation, classes, multipliers)
        data = TrainingData(X, encoded, weights, *(validation or (None,) * 3))
        return self._finish(classes, warm, data, X, y)

    def _fit_windows(self, source, X_val, y_val, sample_weight_val):
        warm = self._warm()
        self._check_source(source, reset="resume" not in warm)
        classes, counts = source.contents.labels, source.contents.counts
        if classes is None:
            raise ValueError(
                f"The labels of this {type(source).__name__} have too many distinct "
                "values for classes; use a regressor, or bin them."
            )
        check_classification_targets(classes)
        if self.class_weight == "balanced":
            multipliers = counts.sum() / (len(counts) * counts)
        else:
            multipliers = compute_class_weight(
                self.class_weight, classes=classes, y=classes
            )
        classes, multipliers = self._check_classes(classes, multipliers, warm)
        validation = self._check_validation(X_val, y_val, sample_weight_val)
        validation = self._encode_validation(validation, classes, multipliers)

        def encode(y, weights):
            return encode_labels(y, weights, classes, multipliers)

        data = windowed(source, encode, validation)
        return self._finish(classes, warm, data, source, None)

    def _check_classes(self, classes, multipliers, warm):
        """The classes that have a weight, and their weights."""
        # A class of weight zero is as absent as its rows.
        classes, multipliers = classes[multipliers > 0], multipliers[multipliers > 0]
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least 2 classes, but y has "
                f"{len(classes)} class ({', '.join(map(repr, classes.tolist()))}) "
                "among the rows of non-zero weight; check the labels, class_weight, or "
                "the filter that made this sample."
            )
        if "resume" in warm and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"y has the classes {classes[:10].tolist()!r}, the fit that "
                f"warm_start=True is to continue had {self.classes_[:10].tolist()!r}; "
                "pass rows of the same classes, or set warm_start=False."
            )
        return classes, multipliers

    def _finish(self, classes, warm, data, X, y):
        """Train, and take the fitted attributes."""
        state = self._train(self._classifier_spec(classes, **warm), data, X, y)
        self.classes_ = classes
        self._set_state(state)
        return self

    def _classifier_spec(self, classes: np.ndarray, **more: Any) -> TrainingSpec:
        return self._spec(
            self._kind(classes),
            len(classes),
            multiclass_criterion=self.multiclass_model_selection_criteria,
            **more,
        )

    def _kind(self, classes: np.ndarray) -> str:
        """SageMaker's predictor type."""
        return BINARY if len(classes) == 2 else MULTICLASS

    @available_if(_streams)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, classes=None, sample_weight=None):
        """Train all candidates on the next rows of a stream, once.

        Every row is scored before it is trained on; ``candidates_`` are ranked by
        the mean of these losses (test-then-train), and the threshold is calibrated
        on the scores of the last 10,000 rows. ``cv`` and ``epochs`` do not apply, and
        memory does not grow with the stream. What scales features and labels follows
        the first rows, then it is frozen: with Linear Learner after
        ``num_point_for_scaler`` rows, with Factorization Machines after the first
        call. Linear Learner's rates that would follow a cosine fall with the square
        root of the number of updates, and its "auto" mini-batches hold 64 rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or dataset
            The next rows; all dense or all sparse. The rows of a
            `sklearn_sagemaker.io.FileDataset` are read in shuffled windows.
        y : array-like of shape (n_samples,), default=None
            Class labels; None with a dataset.
        classes : array-like of shape (n_classes,), default=None
            All classes of the stream; needed in the first call, unless that has a
            dataset with all of them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; a row of weight zero is absent.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the first call lacks ``classes``, a later one names others, y has a
            label that is not among them, or ``class_weight="balanced"``.
        AllCandidatesDivergedError
            If no candidate stayed finite; the estimator is as before the call.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn_sagemaker import LinearLearnerClassifier
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> model = LinearLearnerClassifier(random_state=0)
        >>> for start in range(0, len(X), 100):
        ...     rows = slice(start, start + 100)
        ...     model = model.partial_fit(X[rows], y[rows], classes=[0, 1])
        >>> bool(model.score(X, y) > 0.95)
        True
        """
        with self._all_or_nothing():
            if isinstance(X, RowSource):
                refuse_beside(X, y=y, sample_weight=sample_weight)
                X = X.snapshot()
                if classes is None and not hasattr(self, "coef_"):
                    classes = X.contents.labels
                for rows, labels, weights, _ in self._next_windows(X):
                    self._partial_fit(rows, labels, classes, weights)
                return self
            return self._partial_fit(X, y, classes, sample_weight)

    def _partial_fit(self, X, y, classes, sample_weight):
        first = not hasattr(self, "coef_")
        y, classes = whole_text(y), whole_text(classes)
        if first and classes is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: all labels "
                "that the stream may have, for example classes=[0, 1]."
            )
        known = np.unique(classes) if first else self.classes_
        if classes is not None and not np.array_equal(np.unique(classes), known):
            raise ValueError(
                f"classes={np.unique(classes)[:10].tolist()!r} differs from the first "
                f"call's {known[:10].tolist()!r}; pass the same, or leave it out."
            )
        if len(known) < 2:
            raise ValueError(
                f"classes={known.tolist()!r} must hold at least 2 classes: all labels "
                "that the stream may have."
            )
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all labels at once, which partial_fit "
                "does not have; pass a dict of class weights, or sample_weight."
            )
        X, y = self._check_rows(X, y, reset=first)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        X = self._canonical(X)
        weights = self._check_weights(sample_weight, X)
        encoded = np.searchsorted(known, y).clip(0, len(known) - 1)
        unknown = known[encoded] != y
        if unknown.any():
            raise ValueError(
                f"y has the label {y[unknown].tolist()[0]!r}, which is not among the "
                f"classes {known[:10].tolist()!r} of the first call; pass all classes "
                "there."
            )
        multipliers = compute_class_weight(self.class_weight, classes=known, y=known)
        weights = weights * multipliers[encoded]
        if not (weights > 0).any():
            raise ValueError(
                "class_weight makes the weights of all rows of this call zero: at "
                "least one row must have a weight above zero."
            )
        data = TrainingData(X, encoded.astype(np.float64), weights)
        state = self._stream(
            self._kind(known),
            len(known),
            data,
            multiclass_criterion=self.multiclass_model_selection_criteria,
        )
        self.classes_ = known
        self._set_state(state)
        return self

    @staticmethod
    def _encode_validation(validation, classes, multipliers):
        """Validation rows with encoded labels and weights; None if there are none."""
        if validation is None:
            return None
        X_val, y_val, weights_val = validation
        y_val = column_or_1d(whole_text(y_val))
        if len(y_val) != X_val.shape[0]:
            raise ValueError(
                f"y_val has {len(y_val)} labels for the {X_val.shape[0]} rows of "
                "X_val; they must be as many."
            )
        encoded, weights_val, known = encode_known(
            y_val, weights_val, classes, multipliers
        )
        if not known.all():
            raise ValueError(
                f"y_val has the label {y_val[~known].tolist()[0]!r}, which y lacks; "
                f"validation labels must be among {classes[:10].tolist()!r}."
            )
        return X_val, encoded, weights_val

    def _set_state(self, state: ModelState) -> None:
        super()._set_state(state)
        if state.threshold is not None:
            self.threshold_ = state.threshold
        elif hasattr(self, "threshold_"):
            del self.threshold_

    def decision_function(self, X):
        """Margins: the scores of the model, before any threshold.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        margins : float64 ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the log-odds of ``classes_[1]``, or with "hinge_loss"
            SageMaker's score, whose middle between the classes is 0.5.
        """
        margins = self._margins(X)
        return margins[:, 0] if margins.shape[1] == 1 else margins

    def _check_probable(self) -> bool:
        """Whether there are probabilities, for `available_if`."""
        return True

    def _link(self) -> str:
        """From margins to the scores that have a threshold."""
        return "logit"

    def _cut(self) -> float:
        """The lowest margin that is called positive."""
        return least_positive(self.threshold_, self._link())

    @available_if(_probable)
    def predict_proba(self, X):
        """Probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        probabilities : float64 ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``; ``threshold_`` plays no part.
        """
        margins = self._margins(X)
        if margins.shape[1] > 1:
            return softmax(margins, axis=1)
        positive = expit(margins)
        return np.hstack([1.0 - positive, positive])

    @available_if(_probable)
    def predict_log_proba(self, X):
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        log_probabilities : float64 ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X):
        """Class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            For two classes ``classes_[1]`` where its probability (or score) is
            ``threshold_`` or above; for more, the most probable one.
        """
        margins = self._margins(X)
        if margins.shape[1] > 1:
            return self.classes_[margins.argmax(axis=1)]
        positive = is_positive(margins[:, 0], self.threshold_, self._link())
        return self.classes_[positive.astype(int)]


class SageMakerRegressor(RegressorMixin, SageMakerEstimator):
    """Fitting and prediction of regressors."""

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train the candidates and keep the best.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or dataset
            Training rows. float32, float64 and integer arrays in C or F order,
            and CSR with int32 or int64 indices, are read in place. A
            `sklearn_sagemaker.io.FileDataset` brings rows, labels and weights
            from files, which may be larger than memory.
        y : array-like of shape (n_samples,), default=None
            Numbers to predict; None with a dataset.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; a row of weight zero is absent.
        X_val, y_val : like X and y, default=None
            Validation rows, used instead of ``cv``; a dataset must fit in its
            ``memory``. In a Pipeline they reach
            the regressor untransformed unless the pipeline has
            ``transform_input=["X_val"]``.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation rows.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If only one of ``X_val`` and ``y_val`` is given, or a weight is
            negative.
        AllCandidatesDivergedError
            If no candidate stayed finite.
        FeatureScaleError
            If a feature, or y, is too large, too small, or too far from zero for
            the model to have a finite and exact form in its units.
        TrainingTooLargeError
            If a hyperparameter asks for more memory than the machine has.

        Warns
        -----
        InapplicableHyperparameterWarning
            If a hyperparameter is set that has no effect with the others.
        IdentifierColumnsWarning
            If Factorization Machines are given numbers of users or items as columns.
        HyperparameterScaleWarning
            If huber_delta or loss_insensitivity is tiny against the spread of y.
        """
        with self._all_or_nothing():
            return self._fit_rows(X, y, sample_weight, X_val, y_val, sample_weight_val)

    def _fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        warm = self._warm()
        X, y = self._check_rows(X, y, reset="resume" not in warm, y_numeric=True)
        X = self._canonical(X)
        target = np.asarray(y, dtype=np.float64)
        weights = self._check_weights(sample_weight, X)
        validation = self._check_targets_val(X_val, y_val, sample_weight_val)
        data = TrainingData(X, target, weights, *(validation or (None,) * 3))
        return self._finish(warm, data, X, y)

    def _fit_windows(self, source, X_val, y_val, sample_weight_val):
        warm = self._warm()
        self._check_source(source, reset="resume" not in warm)
        validation = self._check_targets_val(X_val, y_val, sample_weight_val)

        def encode(y, weights):
            target = np.asarray(y, dtype=np.float64)
            if not np.isfinite(target).all():
                raise ValueError("A label is NaN or infinite; drop its row.")
            return target, weights

        return self._finish(warm, windowed(source, encode, validation), source, None)

    def _check_targets_val(self, X_val, y_val, sample_weight_val):
        """The user's validation rows with float64 targets; None if there are none."""
        validation = self._check_validation(X_val, y_val, sample_weight_val)
        if validation is None:
            return None
        rows_val, y_val, weights_val = validation
        y_val = column_or_1d(y_val, dtype=np.float64)
        if len(y_val) != rows_val.shape[0] or not np.isfinite(y_val).all():
            raise ValueError(
                f"y_val must hold {rows_val.shape[0]} finite numbers, one for each "
                f"row of X_val; it has {len(y_val)}, of which "
                f"{np.count_nonzero(~np.isfinite(y_val))} are NaN or infinite."
            )
        return rows_val, y_val, weights_val

    def _finish(self, warm, data, X, y):
        """Train, and take the fitted attributes."""
        self._set_state(self._train(self._spec(REGRESSOR, 1, **warm), data, X, y))
        return self

    @available_if(_streams)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Train all candidates on the next rows of a stream, once.

        Every row is scored before it is trained on; ``candidates_`` are ranked by
        the mean of these losses (test-then-train). ``cv`` and ``epochs`` do not
        apply, and memory does not grow with the stream. What scales features and
        labels follows the first rows, then it is frozen: with Linear Learner after
        ``num_point_for_scaler`` rows, with Factorization Machines after the first
        call. Linear Learner's rates that would follow a cosine fall with the square
        root of the number of updates, and its "auto" mini-batches hold 64 rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or dataset
            The next rows; all dense or all sparse. The rows of a
            `sklearn_sagemaker.io.FileDataset` are read in shuffled windows.
        y : array-like of shape (n_samples,), default=None
            Numbers to predict; None with a dataset.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; a row of weight zero is absent.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a weight is negative, or sparse rows follow dense ones.
        AllCandidatesDivergedError
            If no candidate stayed finite; the estimator is as before the call.
        """
        with self._all_or_nothing():
            if isinstance(X, RowSource):
                refuse_beside(X, y=y, sample_weight=sample_weight)
                X = X.snapshot()
                for rows, labels, weights, _ in self._next_windows(X):
                    self._partial_fit(rows, labels, weights)
                return self
            return self._partial_fit(X, y, sample_weight)

    def _partial_fit(self, X, y, sample_weight):
        X, y = self._check_rows(X, y, reset=not hasattr(self, "coef_"), y_numeric=True)
        X = self._canonical(X)
        target = np.asarray(y, dtype=np.float64)
        weights = self._check_weights(sample_weight, X)
        data = TrainingData(X, target, weights)
        self._set_state(self._stream(REGRESSOR, 1, data))
        return self

    def _set_state(self, state: ModelState) -> None:
        super()._set_state(state)
        self.coef_ = state.coef[0]
        self.intercept_: Any = float(state.intercept[0])

    def predict(self, X):
        """Predicted numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        predictions : float64 ndarray of shape (n_samples,)
            In the units of y.
        """
        return self._margins(X)[:, 0]
