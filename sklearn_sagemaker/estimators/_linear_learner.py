"""Linear Learner as scikit-learn estimators."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, logit, softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from sklearn_sagemaker._compat import StrOptions, fit_context, with_callbacks
from sklearn_sagemaker._hyperparameters import (
    BINARY,
    CLASSIFIERS,
    MULTICLASS,
    REGRESSOR,
    hyperparameters_for,
)
from sklearn_sagemaker._kernels import DEFAULT_LOSS, LOSSES
from sklearn_sagemaker._state import ModelState, TrainingData, TrainingSpec
from sklearn_sagemaker.estimators._base import (
    SHARED_PARAMETERS,
    SageMakerEstimator,
    constraints,
)
from sklearn_sagemaker.estimators._documentation import document
from sklearn_sagemaker.estimators._frames import LinearFramesMixin

_CLASSIFIER_TABLE = hyperparameters_for("linear-learner", CLASSIFIERS)
_REGRESSOR_TABLE = hyperparameters_for("linear-learner", (REGRESSOR,))


@document(_CLASSIFIER_TABLE, SHARED_PARAMETERS)
class LinearLearnerClassifier(ClassifierMixin, LinearFramesMixin, SageMakerEstimator):
    """Linear classifier: many models trained in one pass, the best one kept.

    Amazon SageMaker's Linear Learner. Candidate models that differ in learning
    rate, penalties and feature scaling are trained together on the same
    mini-batches; the one that does best on validation rows is kept, and for two
    classes its decision threshold is calibrated on them.

    Parameters
    ----------
    {hyperparameters}
    multiclass_model_selection_criteria : {"loss_function", "accuracy"}, \
            default="loss_function"
        What the selected model does best on the validation rows when there are more
        than two classes.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, times ``sample_weight``, in training, selection
        and calibration. `partial_fit` takes no "balanced".
    {shared}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    coef_ : float64 ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients in the units of X.
    intercept_ : float64 ndarray of shape (1,) or (n_classes,)
        Intercepts.
    threshold_ : float
        For two classes: `predict` answers ``classes_[1]`` above this
        probability, or with "hinge_loss" above this score. `predict_proba` and
        `decision_function` ignore it.
    candidates_ : dict of arrays
        One row a candidate, like ``cv_results_``: ``params``, ``param_*``,
        ``train_loss`` and ``validation_loss`` at its best epoch,
        ``validation_score`` (greater is better), ``rank_validation_score``,
        ``threshold``, ``best_epoch``, ``n_iter``, ``status``, and with folds
        ``split0_validation_loss``, ``split0_validation_score`` and so on.
    best_index_ : int
        The selected candidate.
    best_params_ : dict
        Its hyperparameters.
    best_score_ : float
        Its validation score: the criterion, or minus the loss.
    n_iter_ : int
        Epochs that the selected candidate was trained; the weights kept are
        those of its best epoch.
    loss_curve_, validation_curve_ : ndarray of shape (n_iter_,)
        Its mean loss on training and validation rows, epoch by epoch; the
        second is None when there are no validation rows.
    resolved_params_ : dict
        What "auto" became where all candidates share it.
    metrics_ : dict of dict
        SageMaker's metrics by SageMaker's names, of the selected model on the
        "train" and, if there are any, "validation" rows (out of fold with folds).
    training_state_ : dict
        With ``warm_start`` or `partial_fit`: weights and optimizer states of all
        candidates, to go on from.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    LinearLearnerRegressor : The same for regression.
    sklearn.linear_model.SGDClassifier : One model a fit.

    Notes
    -----
    Each candidate minimises the weighted mean loss plus ``wd / 2 * ||w||**2 +
    l1 * ||w||_1``, the weights taken in the scaled feature space and the
    intercept free. Rows of zero weight are absent in every respect.

    References
    ----------
    Amazon SageMaker developer guide, "How Linear Learner Works".

    E. Liberty et al., "Elastic Machine Learning Algorithms in Amazon
    SageMaker", SIGMOD 2020. https://doi.org/10.1145/3318464.3386126

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LinearLearnerClassifier(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.97)
    True
    >>> len(model.candidates_["validation_loss"])
    32
    """

    _algorithm = "linear-learner"
    _table = _CLASSIFIER_TABLE
    _parameter_constraints: ClassVar[dict] = {
        **constraints(_CLASSIFIER_TABLE),
        "multiclass_model_selection_criteria": [
            StrOptions({"loss_function", "accuracy"})
        ],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        *,
        loss="auto",
        binary_classifier_model_selection_criteria="accuracy",
        mini_batch_size="auto",
        epochs="auto",
        num_models="auto",
        optimizer="auto",
        learning_rate="auto",
        wd="auto",
        l1="auto",
        momentum="auto",
        beta_1="auto",
        beta_2="auto",
        use_bias=True,
        bias_lr_mult="auto",
        bias_wd_mult="auto",
        init_method="auto",
        init_scale=0.07,
        init_sigma=0.01,
        init_bias=0.0,
        use_lr_scheduler=True,
        lr_scheduler_step="auto",
        lr_scheduler_factor="auto",
        lr_scheduler_minimum_lr="auto",
        normalize_data="auto",
        unbias_data="auto",
        num_point_for_scaler=10000,
        early_stopping_patience="auto",
        early_stopping_tolerance=0.001,
        num_calibration_samples=10_000_000,
        positive_example_weight_mult=1.0,
        target_recall=0.8,
        target_precision=0.8,
        f_beta=1.0,
        margin=1.0,
        accuracy_top_k=3,
        balance_multiclass_weights=False,
        multiclass_model_selection_criteria="loss_function",
        class_weight=None,
        cv="auto",
        validation_fraction="auto",
        ensemble_size=1,
        warm_start=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        backend=None,
    ):
        self.loss = loss
        self.binary_classifier_model_selection_criteria = (
            binary_classifier_model_selection_criteria
        )
        self.mini_batch_size = mini_batch_size
        self.epochs = epochs
        self.num_models = num_models
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.wd = wd
        self.l1 = l1
        self.momentum = momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.use_bias = use_bias
        self.bias_lr_mult = bias_lr_mult
        self.bias_wd_mult = bias_wd_mult
        self.init_method = init_method
        self.init_scale = init_scale
        self.init_sigma = init_sigma
        self.init_bias = init_bias
        self.use_lr_scheduler = use_lr_scheduler
        self.lr_scheduler_step = lr_scheduler_step
        self.lr_scheduler_factor = lr_scheduler_factor
        self.lr_scheduler_minimum_lr = lr_scheduler_minimum_lr
        self.normalize_data = normalize_data
        self.unbias_data = unbias_data
        self.num_point_for_scaler = num_point_for_scaler
        self.early_stopping_patience = early_stopping_patience
        self.early_stopping_tolerance = early_stopping_tolerance
        self.num_calibration_samples = num_calibration_samples
        self.positive_example_weight_mult = positive_example_weight_mult
        self.target_recall = target_recall
        self.target_precision = target_precision
        self.f_beta = f_beta
        self.margin = margin
        self.accuracy_top_k = accuracy_top_k
        self.balance_multiclass_weights = balance_multiclass_weights
        self.multiclass_model_selection_criteria = multiclass_model_selection_criteria
        self.class_weight = class_weight
        self.cv = cv
        self.validation_fraction = validation_fraction
        self.ensemble_size = ensemble_size
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.backend = backend

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train the candidates and keep the best.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. float32, float64 and integer arrays in C or F order,
            and CSR with int32 or int64 indices, are read in place.
        y : array-like of shape (n_samples,)
            Class labels, numbers or strings.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; a row of weight zero is absent.
        X_val, y_val : like X and y, default=None
            Validation rows, used instead of ``cv``. In a Pipeline they reach
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

        Warns
        -----
        InapplicableHyperparameterWarning
            If a hyperparameter is set that has no effect with the others.
        """
        with self._all_or_nothing():
            return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    def _fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        warm = self._warm()
        X, y = self._check_rows(X, y, reset="resume" not in warm)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        X = self._canonical(X)
        weights = self._check_weights(sample_weight, X)
        classes = np.unique(y[weights > 0])
        multipliers = compute_class_weight(
            self.class_weight, classes=classes, y=y[weights > 0]
        )
        # A class of weight zero is as absent as its rows.
        classes, multipliers = classes[multipliers > 0], multipliers[multipliers > 0]
        if len(classes) < 2:
            raise ValueError(
                f"LinearLearnerClassifier needs rows of at least 2 classes, but y has "
                f"{len(classes)} class ({', '.join(map(repr, classes.tolist()))}) "
                "among the rows of non-zero weight; check the labels, class_weight, or "
                "the filter that made this sample."
            )
        encoded = np.searchsorted(classes, y).clip(0, len(classes) - 1)
        weights = weights * np.where(classes[encoded] == y, multipliers[encoded], 0.0)
        validation = self._check_validation(X_val, y_val, sample_weight_val)
        if validation is not None:
            rows_val, y_val, weights_val = validation
            y_val = column_or_1d(y_val)
            encoded_val = self._encode_validation(y_val, rows_val, classes)
            validation = (
                rows_val,
                encoded_val.astype(np.float64),
                weights_val * multipliers[encoded_val],
            )
        data = TrainingData(
            X, encoded.astype(np.float64), weights, *(validation or (None,) * 3)
        )
        if "resume" in warm and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"y has the classes {classes[:10].tolist()!r}, the fit that "
                f"warm_start=True is to continue had {self.classes_[:10].tolist()!r}; "
                "pass rows of the same classes, or set warm_start=False."
            )
        spec = self._classifier_spec(classes, **warm)
        state = self._train(spec, data, X, y)
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
        """SageMaker's predictor type, which the loss must suit."""
        kind = BINARY if len(classes) == 2 else MULTICLASS
        if self.loss != "auto" and kind not in LOSSES[self.loss].predictor_types:
            raise ValueError(
                f"loss={self.loss!r} does not train {len(classes)} classes; set "
                f"loss={DEFAULT_LOSS[kind]!r}, or 'auto'."
            )
        return kind

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train all candidates on the next rows of a stream, once.

        Every row is scored before it is trained on; ``candidates_`` are ranked by
        the mean of these losses (test-then-train), and the threshold is calibrated
        on the scores of the last 10,000 rows. ``cv`` and ``epochs`` do not apply, and
        memory does not grow with the stream. Feature scalers follow the rows until
        ``num_point_for_scaler`` of them were seen, then they are frozen. Where
        the learning rate would follow a cosine it falls with the square root of the
        number of updates, and "auto" mini-batches hold 64 rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The next rows; all dense or all sparse.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All classes of the stream; needed in the first call.
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
            return self._partial_fit(X, y, classes, sample_weight)

    def _partial_fit(self, X, y, classes, sample_weight):
        first = not hasattr(self, "coef_")
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
    def _encode_validation(y_val, X_val, classes) -> np.ndarray:
        if len(y_val) != X_val.shape[0]:
            raise ValueError(
                f"y_val has {len(y_val)} labels for the {X_val.shape[0]} rows of "
                "X_val; they must be as many."
            )
        encoded = np.searchsorted(classes, y_val).clip(0, len(classes) - 1)
        unknown = classes[encoded] != y_val
        if unknown.any():
            raise ValueError(
                f"y_val has the label {y_val[unknown].tolist()[0]!r}, which y lacks; "
                f"validation labels must be among {classes[:10].tolist()!r}."
            )
        return encoded

    def _set_state(self, state: ModelState) -> None:
        super()._set_state(state)
        if state.threshold is not None:
            self.threshold_ = state.threshold
        elif hasattr(self, "threshold_"):
            del self.threshold_

    def decision_function(self, X):
        """Margins: the linear scores, before any threshold.

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
        """Whether the loss has probabilities, for `available_if`."""
        if self.loss != "auto" and LOSSES[self.loss].link == "score":
            raise AttributeError(
                "predict_proba is not available with loss='hinge_loss', whose scores "
                "are no log-odds; use decision_function, sklearn.calibration."
                "CalibratedClassifierCV, or loss='logistic'."
            )
        return True

    @available_if(_check_probable)
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

    @available_if(_check_probable)
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
            above ``threshold_``; for more, the most probable one.
        """
        margins = self._margins(X)
        if margins.shape[1] > 1:
            return self.classes_[margins.argmax(axis=1)]
        scores = self.loss != "auto" and LOSSES[self.loss].link == "score"
        cut = self.threshold_ if scores else logit(self.threshold_)
        return self.classes_[(margins[:, 0] > cut).astype(int)]


@document(_REGRESSOR_TABLE, SHARED_PARAMETERS)
class LinearLearnerRegressor(RegressorMixin, LinearFramesMixin, SageMakerEstimator):
    """Linear regression: many models trained in one pass, the best one kept.

    Amazon SageMaker's Linear Learner. Candidate models that differ in learning
    rate, penalties and feature scaling are trained together on the same
    mini-batches; the one with the lowest loss on validation rows is kept.

    Parameters
    ----------
    {hyperparameters}
    {shared}

    Attributes
    ----------
    coef_ : float64 ndarray of shape (n_features,)
        Coefficients in the units of X and y.
    intercept_ : float
        Intercept.
    candidates_ : dict of arrays
        One row a candidate, like ``cv_results_``: ``params``, ``param_*``,
        ``train_loss`` and ``validation_loss`` at its best epoch,
        ``validation_score`` (minus the loss), ``rank_validation_score``,
        ``best_epoch``, ``n_iter``, ``status``, and with folds
        ``split0_validation_loss``, ``split0_validation_score`` and so on.
    best_index_ : int
        The selected candidate.
    best_params_ : dict
        Its hyperparameters.
    best_score_ : float
        Minus its validation loss, in the units of the loss.
    n_iter_ : int
        Epochs that the selected candidate was trained; the weights kept are
        those of its best epoch.
    loss_curve_, validation_curve_ : ndarray of shape (n_iter_,)
        Its mean loss on training and validation rows, epoch by epoch; the
        second is None when there are no validation rows.
    resolved_params_ : dict
        What "auto" became where all candidates share it.
    metrics_ : dict of dict
        SageMaker's metrics by SageMaker's names, of the selected model on the
        "train" and, if there are any, "validation" rows (out of fold with folds).
    training_state_ : dict
        With ``warm_start`` or `partial_fit`: weights and optimizer states of all
        candidates, to go on from.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    LinearLearnerClassifier : The same for classification.
    sklearn.linear_model.SGDRegressor : One model a fit.

    Notes
    -----
    Each candidate minimises the weighted mean loss plus ``wd / 2 * ||w||**2 +
    l1 * ||w||_1``, features and labels taken as scaled and the intercept free.
    Rows of zero weight are absent in every respect.

    References
    ----------
    Amazon SageMaker developer guide, "How Linear Learner Works".

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_sagemaker import LinearLearnerRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LinearLearnerRegressor(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.5)
    True
    """

    _algorithm = "linear-learner"
    _table = _REGRESSOR_TABLE
    _parameter_constraints: ClassVar[dict] = constraints(_REGRESSOR_TABLE)

    def __init__(
        self,
        *,
        loss="auto",
        mini_batch_size="auto",
        epochs="auto",
        num_models="auto",
        optimizer="auto",
        learning_rate="auto",
        wd="auto",
        l1="auto",
        momentum="auto",
        beta_1="auto",
        beta_2="auto",
        use_bias=True,
        bias_lr_mult="auto",
        bias_wd_mult="auto",
        init_method="auto",
        init_scale=0.07,
        init_sigma=0.01,
        init_bias=0.0,
        use_lr_scheduler=True,
        lr_scheduler_step="auto",
        lr_scheduler_factor="auto",
        lr_scheduler_minimum_lr="auto",
        normalize_data="auto",
        normalize_label="auto",
        unbias_data="auto",
        unbias_label="auto",
        num_point_for_scaler=10000,
        early_stopping_patience="auto",
        early_stopping_tolerance=0.001,
        quantile=0.5,
        loss_insensitivity=0.01,
        huber_delta=1.0,
        cv="auto",
        validation_fraction="auto",
        ensemble_size=1,
        warm_start=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        backend=None,
    ):
        self.loss = loss
        self.mini_batch_size = mini_batch_size
        self.epochs = epochs
        self.num_models = num_models
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.wd = wd
        self.l1 = l1
        self.momentum = momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.use_bias = use_bias
        self.bias_lr_mult = bias_lr_mult
        self.bias_wd_mult = bias_wd_mult
        self.init_method = init_method
        self.init_scale = init_scale
        self.init_sigma = init_sigma
        self.init_bias = init_bias
        self.use_lr_scheduler = use_lr_scheduler
        self.lr_scheduler_step = lr_scheduler_step
        self.lr_scheduler_factor = lr_scheduler_factor
        self.lr_scheduler_minimum_lr = lr_scheduler_minimum_lr
        self.normalize_data = normalize_data
        self.normalize_label = normalize_label
        self.unbias_data = unbias_data
        self.unbias_label = unbias_label
        self.num_point_for_scaler = num_point_for_scaler
        self.early_stopping_patience = early_stopping_patience
        self.early_stopping_tolerance = early_stopping_tolerance
        self.quantile = quantile
        self.loss_insensitivity = loss_insensitivity
        self.huber_delta = huber_delta
        self.cv = cv
        self.validation_fraction = validation_fraction
        self.ensemble_size = ensemble_size
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.backend = backend

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train the candidates and keep the best.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. float32, float64 and integer arrays in C or F order,
            and CSR with int32 or int64 indices, are read in place.
        y : array-like of shape (n_samples,)
            Numbers to predict.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; a row of weight zero is absent.
        X_val, y_val : like X and y, default=None
            Validation rows, used instead of ``cv``. In a Pipeline they reach
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

        Warns
        -----
        InapplicableHyperparameterWarning
            If a hyperparameter is set that has no effect with the others.
        """
        with self._all_or_nothing():
            return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    def _fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        warm = self._warm()
        X, y = self._check_rows(X, y, reset="resume" not in warm, y_numeric=True)
        X = self._canonical(X)
        target = np.asarray(y, dtype=np.float64)
        weights = self._check_weights(sample_weight, X)
        validation = self._check_validation(X_val, y_val, sample_weight_val)
        if validation is not None:
            rows_val, y_val, weights_val = validation
            y_val = column_or_1d(y_val, dtype=np.float64)
            if len(y_val) != rows_val.shape[0] or not np.isfinite(y_val).all():
                raise ValueError(
                    f"y_val must hold {rows_val.shape[0]} finite numbers, one for each "
                    f"row of X_val; it has {len(y_val)}, of which "
                    f"{np.count_nonzero(~np.isfinite(y_val))} are NaN or infinite."
                )
            validation = (rows_val, y_val, weights_val)
        data = TrainingData(X, target, weights, *(validation or (None,) * 3))
        self._set_state(self._train(self._spec(REGRESSOR, 1, **warm), data, X, y))
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train all candidates on the next rows of a stream, once.

        Every row is scored before it is trained on; ``candidates_`` are ranked by
        the mean of these losses (test-then-train). ``cv`` and ``epochs`` do not
        apply, and memory does not grow with the stream. Scalers of features and of
        y follow the rows until ``num_point_for_scaler`` of them were seen, then they
        are frozen. Where the learning rate would follow a cosine it falls with the
        square root of the number of updates, and "auto" mini-batches hold 64 rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The next rows; all dense or all sparse.
        y : array-like of shape (n_samples,)
            Numbers to predict.
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
            X, y = self._check_rows(
                X, y, reset=not hasattr(self, "coef_"), y_numeric=True
            )
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
