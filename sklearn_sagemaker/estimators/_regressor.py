"""What regressors share, whatever the algorithm."""

from __future__ import annotations

from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from sklearn_sagemaker._compat import fit_context, with_callbacks
from sklearn_sagemaker.estimators._base import SageMakerEstimator, streams
from sklearn_sagemaker.estimators._targets import NumberTargets


class SageMakerRegressor(RegressorMixin, SageMakerEstimator):
    """Fitting and prediction of regressors."""

    _targets = NumberTargets

    def _score_link(self) -> str:
        return "identity"

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
            If huber_delta or loss_insensitivity is tiny against the spread of y, or no
            error is above loss_insensitivity.
        """
        from sklearn_sagemaker.estimators._fit import fit

        return fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val)

    @available_if(streams)
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
        from sklearn_sagemaker.estimators._fit import partial_fit

        return partial_fit(self, X, y, sample_weight)

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
