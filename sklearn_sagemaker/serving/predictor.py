"""A trained model as a server asks it: checked rows in, SageMaker's answers out."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import softmax

from sklearn_sagemaker._kernels.decision import binary_score, is_positive
from sklearn_sagemaker._kernels.prediction import linear_margins, machine_margins
from sklearn_sagemaker._sparse import summed
from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.io.rows import Predictions


class Predictor:
    """Answers of a model, in one call.

    The numbers are those of the estimator that has this model. Without one a server
    starts in a third of the time, which is that of importing scikit-learn; and the
    checks of ``predict``, which take ten times as long as a row, are left out, for what
    formats decode is checked already.

    Parameters
    ----------
    state : ModelState

    Attributes
    ----------
    n_features : int
    n_outputs : int
        Scores of a row.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker._state import ModelState
    >>> from sklearn_sagemaker.serving.predictor import Predictor
    >>> state = ModelState(
    ...     coef=np.array([[1.0, -1.0]]), intercept=np.zeros(1), threshold=0.5,
    ...     link="logit", classes=np.array(["no", "yes"]),
    ... )
    >>> answers = Predictor(state).predict(np.array([[0.0, 0.0], [0.0, 2.0]]))
    >>> answers.score
    array([0.5       , 0.11920292], dtype=float32)
    >>> answers.predicted_label
    array([1, 0])
    """

    def __init__(self, state: ModelState):
        self._state = state
        self.n_outputs, self.n_features = state.coef.shape
        # As the kernels read it, or they would copy it for each request.
        self._by_feature = np.asfortranarray(state.coef)
        # Endpoints write 1 for Linear Learner, and 1.0 for Factorization Machines.
        self._label_type = int if state.factors is None else float
        self._link = "score" if state.link == "score" else "logit"
        self._threshold = 0.5 if state.threshold is None else state.threshold

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
            margins = self._margins(X)
            scores, labels = margins, None
            if self._state.classes is not None and self.n_outputs == 1:
                scores = binary_score(margins, self._link)
                positive = is_positive(margins[:, 0], self._threshold, self._link)
                labels = positive.astype(self._label_type)
            elif self._state.classes is not None:
                scores = softmax(margins, axis=1)
                labels = margins.argmax(axis=1).astype(self._label_type)
            scores = scores.astype(np.float32)
        finite = np.isfinite(scores)
        if not finite.all():
            row = int(np.flatnonzero(~finite.all(axis=1))[0])
            raise ValueError(
                f"row {row}: the score is beyond the range of float32; check the "
                "features, which are too large."
            )
        return Predictions(scores[:, 0] if self.n_outputs == 1 else scores, labels)

    def _margins(self, X: Any) -> np.ndarray:
        state = self._state
        if state.factors is None:
            coef = self._by_feature if sparse.issparse(X) else state.coef
            return linear_margins(X, coef, state.intercept)
        X = summed(X) if sparse.issparse(X) else X
        X, (intercept, coef, factors) = state.machines_for(X)
        probit = state.link == "probit"
        return machine_margins(X, intercept, coef, factors, self.n_outputs, probit)
