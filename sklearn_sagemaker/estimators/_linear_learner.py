"""Linear Learner as scikit-learn estimators."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sklearn_sagemaker._compat import StrOptions
from sklearn_sagemaker._hyperparameters import (
    CLASSIFIERS,
    REGRESSOR,
)
from sklearn_sagemaker._hyperparameters.tables import hyperparameters_for
from sklearn_sagemaker._kernels.prediction import linear_margins
from sklearn_sagemaker.estimators._base import SageMakerEstimator
from sklearn_sagemaker.estimators._classifier import SageMakerClassifier
from sklearn_sagemaker.estimators._constraints import constraints
from sklearn_sagemaker.estimators._frames import FramesMixin
from sklearn_sagemaker.estimators._regressor import SageMakerRegressor
from sklearn_sagemaker.estimators._validation import rows_to_score

_CLASSIFIER_TABLE = hyperparameters_for("linear-learner", CLASSIFIERS)
_REGRESSOR_TABLE = hyperparameters_for("linear-learner", (REGRESSOR,))
_SIGNS = {"positive": ["boolean", "array-like"]}


class LinearLearnerMixin(FramesMixin, SageMakerEstimator):
    """What makes an estimator Linear Learner."""

    _algorithm = "linear-learner"

    def _margins(self, X) -> np.ndarray:
        rows = rows_to_score(self, X, finite=False)
        margins = linear_margins(rows, self.coef_, self.intercept_, checked=True)
        if not np.isfinite(margins).all():
            # By a number of X, which is refused, or by large ones, which are not.
            rows_to_score(self, X)
        return margins


class LinearLearnerClassifier(LinearLearnerMixin, SageMakerClassifier):
    """Linear classifier: many models trained in one pass, the best one kept.

    Amazon SageMaker's Linear Learner. Candidate models that differ in learning
    rate, penalties and feature scaling are trained together on the same
    mini-batches; the one that does best on validation rows is kept, and for two
    classes its decision threshold is calibrated on them.

    Parameters
    ----------
    loss : {"auto", "logistic", "hinge_loss", "softmax_loss"}, default="auto"
        Loss to minimise. "auto" is "logistic" for two classes, "softmax_loss" for
        more.
    binary_classifier_model_selection_criteria : {"accuracy", "f1", "f_beta", \
            "precision_at_target_recall", "recall_at_target_precision", \
            "cross_entropy_loss", "loss_function"}, default="accuracy"
        What the selected model, and its threshold, do best on the validation rows.
        The criteria with a target take the best precision (or recall) among the
        thresholds that reach target_recall (or target_precision). "loss_function"
        and "cross_entropy_loss" leave the threshold at 0.5.
    mini_batch_size : int in [1, inf) or "auto", default="auto"
        Rows of a mini-batch. "auto" is between 16 and 1000, so that small data get
        enough updates; a number is obeyed. SageMaker's own default is 1000.
    epochs : int in [1, inf) or "auto", default="auto"
        Passes over the data at most. "auto" is 15, and as many more as it takes to
        make 1500 updates. SageMaker's own default is 15.
    num_models : int in [1, inf) or "auto", default="auto"
        Candidate models to train in the one pass. "auto" is 32, or some fewer where
        L1 penalties that are solved stay behind. Candidates are distinct, so there are
        fewer when most hyperparameters are fixed.
    optimizer : {"auto", "sgd", "adam", "rmsprop", "adagrad", "newton"}, default="auto"
        How weights are found. "newton" solves for the optimum of each candidate; the
        others take steps towards it. "auto" solves where that pays and no value asks
        for steps, and is "adam" elsewhere. SageMaker's guide names "adagrad"; its
        container and its SDK have the others only.
    learning_rate : float in (0, inf) or "auto", default="auto"
        Size of a step. "auto" varies it over the candidates.
    wd : float in [0, inf) or "auto", default="auto"
        L2 penalty ``wd / 2 * ||w||**2``. "auto" varies it over the candidates.
    l1 : float in [0, inf) or "auto", default="auto"
        L1 penalty ``l1 * ||w||_1``. "auto" varies it over the candidates.
    momentum : float in [0, 1) or "auto", default="auto"
        Momentum of sgd. "auto" is 0.
    beta_1 : float in [0, 1) or "auto", default="auto"
        Decay of adam's mean of gradients. "auto" is 0.9.
    beta_2 : float in [0, 1) or "auto", default="auto"
        Decay of the mean of squared gradients of adam and rmsprop. "auto" is 0.999.
    use_bias : bool, default=True
        Whether to fit an intercept.
    bias_lr_mult : float in (0, inf) or "auto", default="auto"
        Learning rate of the intercept, times ``learning_rate``. "auto" is 10, but 1
        for dense features that are not centred.
    bias_wd_mult : float in [0, inf) or "auto", default="auto"
        L2 penalty of the intercept, times ``wd``. "auto" is 0.
    init_method : {"auto", "uniform", "normal"}, default="auto"
        Starting weights: "uniform" in [-init_scale, init_scale], "normal" with
        deviation init_sigma. "auto" is zero, which the convex losses do not mind.
        SageMaker's own default is uniform.
    init_scale : float in (0, inf), default=0.07
        For init_method="uniform".
    init_sigma : float in (0, inf), default=0.01
        For init_method="normal".
    init_bias : float, default=0.0
        Starting value of the intercept.
    use_lr_scheduler : bool, default=True
        Whether the learning rate falls during training.
    lr_scheduler_step : int in [1, inf) or "auto", default="auto"
        Updates between two falls of the learning rate. With all three of "auto" the
        rate follows half a cosine to zero over all epochs.
    lr_scheduler_factor : float in (0, 1) or "auto", default="auto"
        Factor of each fall.
    lr_scheduler_minimum_lr : float in (0, inf) or "auto", default="auto"
        The learning rate never falls below this.
    normalize_data : bool or "auto", default="auto"
        Whether to divide features by their standard deviation. "auto" lets
        candidates differ. Dense data: some divide by it, some by no less than the
        root mean square of all deviations, so that rare features are not blown up.
        Sparse data: some do the latter, some divide all features by the root mean
        square length of a row. SageMaker's own default is True.
    unbias_data : bool or "auto", default="auto"
        Whether to centre features. "auto" does for dense data if use_bias, unless
        most values are zeros, as in images, and normalize_data is not True. Sparse
        data stay sparse, and with True are centred exactly all the same.
    num_point_for_scaler : int in [1, inf), default=10000
        Rows, the first ones, that means and deviations are taken from.
    early_stopping_patience : int in [1, inf) or "auto", default="auto"
        Epochs without an improvement before a candidate stops. "auto" is 3, but
        lets a cosine schedule run to its end. SageMaker's own default is 3.
    early_stopping_tolerance : float in (0, inf), default=0.001
        Relative improvement of the validation loss that counts as one.
    sagemaker_rules : bool, default=False
        Whether to scale, stop and balance as SageMaker does where we do not. Means
        and deviations come from whole mini-batches, the first ones that hold more
        than num_point_for_scaler rows, and constant features keep their size. A
        candidate keeps its last epoch that improved by early_stopping_tolerance,
        not that of the lowest loss, and stops with the first epoch without
        improvement beyond early_stopping_patience. balance_multiclass_weights
        counts the rows that means come from. SageMaker's own default is True.
    num_calibration_samples : int in [1, inf) or "auto", default=10000000
        Validation rows at most that the threshold is calibrated on. "auto" is
        10,000,000.
    positive_example_weight_mult : float in (0, inf) or "auto", "balanced", default=1.0
        Factor of the loss of positive rows, in training and in the validation loss.
        Criteria, thresholds and all metrics but objective_loss see sample weights
        only. "balanced" is negatives / positives, by sample weight. "auto" is what
        trains best here: 1 for the criteria "accuracy", "cross_entropy_loss" and
        "loss_function", "balanced" for the others.
    target_recall : float in (0, 1), default=0.8
        Recall to reach, for the criterion "precision_at_target_recall".
    target_precision : float in (0, 1), default=0.8
        Precision to reach, for the criterion "recall_at_target_precision".
    f_beta : float in (0, inf), default=1.0
        How many times as much recall counts as precision in the criterion "f_beta"
        and in the metrics binary_f_beta and macro_f_beta.
    margin : float in [0, inf), default=1.0
        Margin of "hinge_loss": positive rows should score at least ``(1 + margin) /
        2``, the others at most ``(1 - margin) / 2``.
    accuracy_top_k : int in [1, 1000000], default=3
        k of the metric multiclass_top_k_accuracy.
    balance_multiclass_weights : bool, default=False
        Whether to multiply the loss of each row by one over the frequency of its
        class, in training and in the validation loss.
    multiclass_model_selection_criteria : {"loss_function", "accuracy"}, \
            default="loss_function"
        What the selected model does best on the validation rows when there are more
        than two classes.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, times ``sample_weight``, in training, selection
        and calibration. `partial_fit` takes no "balanced".
    cv : "auto", int, splitter, iterable, None or False, default="auto"
        How to validate when `fit` gets no ``X_val``. "auto" is stratified shuffled
        folds, ``min(5, rows of the rarest class)`` of them (eight for "squared_loss" of
        up to 100 rows with more features), on small data, and one hold-out where
        models times classes times stored values exceed 5e8, there are more than 30
        classes or ``validation_fraction`` is a number. None is
        scikit-learn's 5 folds. False holds nothing out: candidates are selected on the
        training rows. Folds are trained in the same pass as the model that is kept,
        which is trained on all rows; with a hold-out it is trained on the others.
        `partial_fit` ignores it.
    validation_fraction : float in (0, 1) or "auto", default="auto"
        Share of the rows to hold out when ``cv="auto"``. "auto" is 0.1, and only
        where folds would be too much work.
    ensemble_size : int, default=1
        How many of the best candidates to average, margin by margin: for linear models
        that is one set of coefficients, so that predictions cost no more.
    positive : bool or array-like of shape (n_features,), default=False
        Signs that coefficients may have. True is at least zero, all of them; an array
        says it feature by feature: -1 is at most zero, 0 either and 1 at least zero.
        For "squared_loss" and "logistic" that are solved, not for steps or
        `partial_fit`.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights and optimizer states that the last `fit`
        of all candidates ended with. Scalers stay as they were. Keeps those states in
        ``training_state_``.
    n_jobs : int or None, default=None
        Threads, as in joblib: over blocks of models and, within a block, over rows.
        They are threads of this process whatever backend `joblib.parallel_config`
        names. Never changes the result.
    random_state : int, RandomState instance or None, default=None
        Seed of shuffling, folds and starting weights.
    verbose : int, default=0
        Above zero shows the progress of `fit` epoch by epoch: scikit-learn's progress
        bar where it is available (scikit-learn 1.9 and rich), else lines; and a line
        for each call of `partial_fit`, or window of a dataset. Lines go to standard
        error, or to the log if the logger "sklearn_sagemaker" has a handler and takes
        INFO.
    backend : str, backend or None, default=None
        Where the fit runs: "local", "subprocess", "sagemaker" or one of
        `sklearn_sagemaker.backends`.
        None is what `sklearn_sagemaker.set_config` says, "local" at first.

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
        ``threshold``, ``best_epoch``, ``n_iter``, ``status``, ``optimality`` (how far
        it may be above its optimum; NaN after steps), and with folds
        ``split0_validation_loss``, ``split0_validation_score`` and so on.
    best_index_ : int
        The selected candidate: where all are solved, perhaps not the one with the best
        score, but one that chance does not tell from it.
    best_params_ : dict
        Its hyperparameters.
    best_score_ : float
        Its validation score: the criterion, or minus the loss.
    n_iter_ : int
        Epochs that the selected candidate was trained; the weights kept are
        those of its best epoch.
    loss_curve_, validation_curve_ : ndarray of shape (`n_iter_`,)
        Its mean loss on training and validation rows, epoch by epoch; the
        second is None when there are no validation rows.
    resolved_params_ : dict
        What "auto" became where candidates do not differ by it, else see
        ``best_params_``; without what has no effect.
    metrics_ : dict of dict
        SageMaker's metrics by SageMaker's names, of the selected model on the
        "train" and, if there are any, "validation" rows (out of fold with folds).
    training_state_ : dict
        With ``warm_start`` or `partial_fit`: weights and optimizer states of all
        candidates, to go on from.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
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
        **_SIGNS,
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
        positive=False,
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
        self.positive = positive
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.backend = backend


class LinearLearnerRegressor(LinearLearnerMixin, SageMakerRegressor):
    """Linear regression: many models trained in one pass, the best one kept.

    Amazon SageMaker's Linear Learner. Candidate models that differ in learning
    rate, penalties and feature scaling are trained together on the same
    mini-batches; the one with the lowest loss on validation rows is kept.

    Parameters
    ----------
    loss : {"auto", "squared_loss", "absolute_loss", "eps_insensitive_squared_loss", \
            "eps_insensitive_absolute_loss", "quantile_loss", "huber_loss"}, \
            default="auto"
        Loss to minimise. "auto" is "squared_loss", the squared error itself,
        without a factor of one half.
    mini_batch_size : int in [1, inf) or "auto", default="auto"
        Rows of a mini-batch. "auto" is between 16 and 1000, so that small data get
        enough updates; a number is obeyed. SageMaker's own default is 1000.
    epochs : int in [1, inf) or "auto", default="auto"
        Passes over the data at most. "auto" is 15, and as many more as it takes to
        make 1500 updates. SageMaker's own default is 15.
    num_models : int in [1, inf) or "auto", default="auto"
        Candidate models to train in the one pass. "auto" is 32, or some fewer where
        L1 penalties that are solved stay behind. Candidates are distinct, so there are
        fewer when most hyperparameters are fixed.
    optimizer : {"auto", "sgd", "adam", "rmsprop", "adagrad", "newton"}, default="auto"
        How weights are found. "newton" solves for the optimum of each candidate; the
        others take steps towards it. "auto" solves where that pays and no value asks
        for steps, and is "adam" elsewhere. SageMaker's guide names "adagrad"; its
        container and its SDK have the others only.
    learning_rate : float in (0, inf) or "auto", default="auto"
        Size of a step. "auto" varies it over the candidates.
    wd : float in [0, inf) or "auto", default="auto"
        L2 penalty ``wd / 2 * ||w||**2``. "auto" varies it over the candidates.
    l1 : float in [0, inf) or "auto", default="auto"
        L1 penalty ``l1 * ||w||_1``. "auto" varies it over the candidates.
    momentum : float in [0, 1) or "auto", default="auto"
        Momentum of sgd. "auto" is 0.
    beta_1 : float in [0, 1) or "auto", default="auto"
        Decay of adam's mean of gradients. "auto" is 0.9.
    beta_2 : float in [0, 1) or "auto", default="auto"
        Decay of the mean of squared gradients of adam and rmsprop. "auto" is 0.999.
    use_bias : bool, default=True
        Whether to fit an intercept.
    bias_lr_mult : float in (0, inf) or "auto", default="auto"
        Learning rate of the intercept, times ``learning_rate``. "auto" is 10, but 1
        for dense features that are not centred.
    bias_wd_mult : float in [0, inf) or "auto", default="auto"
        L2 penalty of the intercept, times ``wd``. "auto" is 0.
    init_method : {"auto", "uniform", "normal"}, default="auto"
        Starting weights: "uniform" in [-init_scale, init_scale], "normal" with
        deviation init_sigma. "auto" is zero, which the convex losses do not mind.
        SageMaker's own default is uniform.
    init_scale : float in (0, inf), default=0.07
        For init_method="uniform".
    init_sigma : float in (0, inf), default=0.01
        For init_method="normal".
    init_bias : float, default=0.0
        Starting value of the intercept.
    use_lr_scheduler : bool, default=True
        Whether the learning rate falls during training.
    lr_scheduler_step : int in [1, inf) or "auto", default="auto"
        Updates between two falls of the learning rate. With all three of "auto" the
        rate follows half a cosine to zero over all epochs.
    lr_scheduler_factor : float in (0, 1) or "auto", default="auto"
        Factor of each fall.
    lr_scheduler_minimum_lr : float in (0, inf) or "auto", default="auto"
        The learning rate never falls below this.
    normalize_data : bool or "auto", default="auto"
        Whether to divide features by their standard deviation. "auto" lets
        candidates differ. Dense data: some divide by it, some by no less than the
        root mean square of all deviations, so that rare features are not blown up.
        Sparse data: some do the latter, some divide all features by the root mean
        square length of a row. SageMaker's own default is True.
    normalize_label : bool or "auto", default="auto"
        Whether to divide labels by their standard deviation. "auto" does.
    unbias_data : bool or "auto", default="auto"
        Whether to centre features. "auto" does for dense data if use_bias, unless
        most values are zeros, as in images, and normalize_data is not True. Sparse
        data stay sparse, and with True are centred exactly all the same.
    unbias_label : bool or "auto", default="auto"
        Whether to centre labels. "auto" does if use_bias.
    num_point_for_scaler : int in [1, inf), default=10000
        Rows, the first ones, that means and deviations are taken from.
    early_stopping_patience : int in [1, inf) or "auto", default="auto"
        Epochs without an improvement before a candidate stops. "auto" is 3, but
        lets a cosine schedule run to its end. SageMaker's own default is 3.
    early_stopping_tolerance : float in (0, inf), default=0.001
        Relative improvement of the validation loss that counts as one.
    sagemaker_rules : bool, default=False
        Whether to scale, stop and balance as SageMaker does where we do not. Means
        and deviations come from whole mini-batches, the first ones that hold more
        than num_point_for_scaler rows, and constant features keep their size. A
        candidate keeps its last epoch that improved by early_stopping_tolerance,
        not that of the lowest loss, and stops with the first epoch without
        improvement beyond early_stopping_patience. balance_multiclass_weights
        counts the rows that means come from. SageMaker's own default is True.
    quantile : float in (0, 1), default=0.5
        Quantile of "quantile_loss".
    loss_insensitivity : float in (0, inf), default=0.01
        Half width of the band in which the eps_insensitive losses are zero, in the
        units of y.
    huber_delta : float in [0, inf), default=1.0
        Error from which on "huber_loss" is linear, in the units of y.
    cv : "auto", int, splitter, iterable, None or False, default="auto"
        How to validate when `fit` gets no ``X_val``. "auto" is stratified shuffled
        folds, ``min(5, rows of the rarest class)`` of them (eight for "squared_loss" of
        up to 100 rows with more features), on small data, and one hold-out where
        models times classes times stored values exceed 5e8, there are more than 30
        classes or ``validation_fraction`` is a number. None is
        scikit-learn's 5 folds. False holds nothing out: candidates are selected on the
        training rows. Folds are trained in the same pass as the model that is kept,
        which is trained on all rows; with a hold-out it is trained on the others.
        `partial_fit` ignores it.
    validation_fraction : float in (0, 1) or "auto", default="auto"
        Share of the rows to hold out when ``cv="auto"``. "auto" is 0.1, and only
        where folds would be too much work.
    ensemble_size : int, default=1
        How many of the best candidates to average, margin by margin: for linear models
        that is one set of coefficients, so that predictions cost no more.
    positive : bool or array-like of shape (n_features,), default=False
        Signs that coefficients may have. True is at least zero, all of them; an array
        says it feature by feature: -1 is at most zero, 0 either and 1 at least zero.
        For "squared_loss" and "logistic" that are solved, not for steps or
        `partial_fit`.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights and optimizer states that the last `fit`
        of all candidates ended with. Scalers stay as they were. Keeps those states in
        ``training_state_``.
    n_jobs : int or None, default=None
        Threads, as in joblib: over blocks of models and, within a block, over rows.
        They are threads of this process whatever backend `joblib.parallel_config`
        names. Never changes the result.
    random_state : int, RandomState instance or None, default=None
        Seed of shuffling, folds and starting weights.
    verbose : int, default=0
        Above zero shows the progress of `fit` epoch by epoch: scikit-learn's progress
        bar where it is available (scikit-learn 1.9 and rich), else lines; and a line
        for each call of `partial_fit`, or window of a dataset. Lines go to standard
        error, or to the log if the logger "sklearn_sagemaker" has a handler and takes
        INFO.
    backend : str, backend or None, default=None
        Where the fit runs: "local", "subprocess", "sagemaker" or one of
        `sklearn_sagemaker.backends`.
        None is what `sklearn_sagemaker.set_config` says, "local" at first.

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
        ``best_epoch``, ``n_iter``, ``status``, ``optimality`` (how far it may be
        above its optimum; NaN after steps), and with folds
        ``split0_validation_loss``, ``split0_validation_score`` and so on.
    best_index_ : int
        The selected candidate: where all are solved, perhaps not the one with the best
        score, but one that chance does not tell from it.
    best_params_ : dict
        Its hyperparameters.
    best_score_ : float
        Minus its validation loss, in the units of the loss.
    n_iter_ : int
        Epochs that the selected candidate was trained; the weights kept are
        those of its best epoch.
    loss_curve_, validation_curve_ : ndarray of shape (`n_iter_`,)
        Its mean loss on training and validation rows, epoch by epoch; the
        second is None when there are no validation rows.
    resolved_params_ : dict
        What "auto" became where candidates do not differ by it, else see
        ``best_params_``; without what has no effect.
    metrics_ : dict of dict
        SageMaker's metrics by SageMaker's names, of the selected model on the
        "train" and, if there are any, "validation" rows (out of fold with folds).
    training_state_ : dict
        With ``warm_start`` or `partial_fit`: weights and optimizer states of all
        candidates, to go on from.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
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
    _parameter_constraints: ClassVar[dict] = {
        **constraints(_REGRESSOR_TABLE),
        **_SIGNS,
    }

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
        positive=False,
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
        self.positive = positive
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.backend = backend
