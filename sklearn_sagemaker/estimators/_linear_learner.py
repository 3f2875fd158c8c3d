"""Linear Learner as scikit-learn estimators."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sklearn_sagemaker._compat import StrOptions
from sklearn_sagemaker._hyperparameters import (
    CLASSIFIERS,
    REGRESSOR,
    hyperparameters_for,
)
from sklearn_sagemaker._kernels.prediction import linear_margins
from sklearn_sagemaker.estimators._base import SHARED_PARAMETERS, SageMakerEstimator
from sklearn_sagemaker.estimators._classifier import SageMakerClassifier
from sklearn_sagemaker.estimators._constraints import constraints
from sklearn_sagemaker.estimators._documentation import document
from sklearn_sagemaker.estimators._frames import FramesMixin
from sklearn_sagemaker.estimators._regressor import SageMakerRegressor
from sklearn_sagemaker.estimators._validation import rows_to_score

_CLASSIFIER_TABLE = hyperparameters_for("linear-learner", CLASSIFIERS)
_REGRESSOR_TABLE = hyperparameters_for("linear-learner", (REGRESSOR,))


class LinearLearnerMixin(FramesMixin, SageMakerEstimator):
    """What makes an estimator Linear Learner."""

    _algorithm = "linear-learner"

    def _margins(self, X) -> np.ndarray:
        X = rows_to_score(self, X)
        return linear_margins(X, self.coef_, self.intercept_)


@document(_CLASSIFIER_TABLE, SHARED_PARAMETERS)
class LinearLearnerClassifier(LinearLearnerMixin, SageMakerClassifier):
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
        For two classes: `predict` answers ``classes_[1]`` from this probability
        on, or with "hinge_loss" from this score on. `predict_proba` and
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
        sagemaker_rules=False,
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
        self.sagemaker_rules = sagemaker_rules
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


@document(_REGRESSOR_TABLE, SHARED_PARAMETERS)
class LinearLearnerRegressor(LinearLearnerMixin, SageMakerRegressor):
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
        sagemaker_rules=False,
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
        self.sagemaker_rules = sagemaker_rules
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
