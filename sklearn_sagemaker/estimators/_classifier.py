"""What classifiers share, whatever the algorithm."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from sklearn_sagemaker._compat import fit_context, with_callbacks
from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker._kernels.decision import is_positive, least_positive
from sklearn_sagemaker.estimators._base import SageMakerEstimator, streams
from sklearn_sagemaker.estimators._targets import ClassTargets


def _has_probabilities(estimator: Any) -> bool:
    """Whether the loss has probabilities, for `available_if`."""
    if _link(estimator) == "score":
        raise AttributeError(
            f"predict_proba is not available with loss={_loss(estimator)!r}, whose "
            "scores are no log-odds; use decision_function, sklearn.calibration."
            "CalibratedClassifierCV, or loss='logistic'."
        )
    return True


def _loss(estimator: Any) -> str:
    """That of the fit, if there was one: the parameter may have been set since."""
    fitted = getattr(estimator, "resolved_params_", {})
    return fitted.get("loss", getattr(estimator, "loss", "auto"))


def _link(estimator: Any) -> str:
    """From margins to the scores that have a threshold."""
    loss = _loss(estimator)
    return "logit" if loss == "auto" else LOSSES[loss].link


class SageMakerClassifier(ClassifierMixin, SageMakerEstimator):
    """Fitting and prediction of classifiers."""

    _targets = ClassTargets
    classes_: np.ndarray
    threshold_: float

    def _score_link(self) -> str:
        return "softmax" if np.size(self.intercept_) > 1 else _link(self)

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
            from files, which may be larger than memory, and a
            `sklearn_sagemaker.io.S3Data` from S3.
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
        from sklearn_sagemaker.estimators._fit import fit

        return fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val)

    @available_if(streams)
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
        from sklearn_sagemaker.estimators._fit import partial_fit

        return partial_fit(self, X, y, sample_weight, classes)

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

    def _cut(self) -> float:
        """The lowest margin that is called positive."""
        return least_positive(self.threshold_, _link(self))

    @available_if(_has_probabilities)
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

    @available_if(_has_probabilities)
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
        positive = is_positive(margins[:, 0], self.threshold_, _link(self))
        return self.classes_[positive.astype(int)]
