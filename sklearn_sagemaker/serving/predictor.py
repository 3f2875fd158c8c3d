"""A fitted estimator as a server asks it: checked rows in, SageMaker's answers out."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker.io.rows import Predictions


class Predictor:
    """Answers of a fitted estimator, in one call of the model.

    What formats decode is checked already, so the checks of ``predict``, which take ten
    times as long as a row, are left out; the numbers are those of the estimator.

    Parameters
    ----------
    estimator : fitted estimator of this package

    Attributes
    ----------
    n_features : int
    n_outputs : int
        Scores of a row.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.serving.predictor import Predictor
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LinearLearnerClassifier(epochs=3, random_state=0).fit(X, y)
    >>> answers = Predictor(model).predict(X)
    >>> bool((answers.predicted_label == model.predict(X)).all())
    True
    """

    def __init__(self, estimator: Any):
        self._estimator = estimator
        self.n_features = int(estimator.n_features_in_)
        self.n_outputs = int(np.size(estimator.intercept_))
        self._classifies = hasattr(estimator, "classes_")
        # Losses without probabilities have scores of their own.
        self._has_probabilities = hasattr(estimator, "predict_proba")

    def predict(self, X: Any) -> Predictions:
        """Scores, and for classifiers the numbers of the predicted classes.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_rows, n_features)
            Finite.

        Returns
        -------
        predictions : Predictions
            Scores are float32, as SageMaker's are.

        Raises
        ------
        ValueError
            If the rows have another number of features, or a score is not finite.
        """
        if X.shape[1] != self.n_features:
            raise ValueError(
                f"the rows have {X.shape[1]} features, but the model was trained on "
                f"{self.n_features}; send as many."
            )
        # Rows of the largest numbers have scores that no float can hold.
        with np.errstate(over="ignore", invalid="ignore"):
            margins = self._estimator._margins_of(X)
            labels = None
            scores = margins
            if self._classifies:
                labels = self._estimator._numbers(margins)
                if self._has_probabilities:
                    scores = self._estimator._probabilities(margins)
                    scores = scores if self.n_outputs > 1 else scores[:, 1:]
            scores = scores.astype(np.float32)
        finite = np.isfinite(scores)
        if not finite.all():
            row = int(np.flatnonzero(~finite.all(axis=1))[0])
            raise ValueError(
                f"row {row}: the score is beyond the range of float32; check the "
                "features, which are too large."
            )
        return Predictions(scores[:, 0] if self.n_outputs == 1 else scores, labels)
