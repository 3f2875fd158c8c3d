"""Factorization Machines as scikit-learn estimators."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.base import is_classifier, is_regressor

from sklearn_sagemaker._columns import draws_by_feature
from sklearn_sagemaker._compat import StrOptions
from sklearn_sagemaker._hyperparameters import (
    CLASSIFIERS,
    REGRESSOR,
)
from sklearn_sagemaker._hyperparameters.tables import hyperparameters_for
from sklearn_sagemaker._kernels.prediction import factor_scores, machine_margins
from sklearn_sagemaker._sparse import summed
from sklearn_sagemaker._threads import thread_count, threads
from sklearn_sagemaker.estimators._attributes import scorer_of, state_of
from sklearn_sagemaker.estimators._base import SageMakerEstimator
from sklearn_sagemaker.estimators._classifier import SageMakerClassifier
from sklearn_sagemaker.estimators._constraints import constraints
from sklearn_sagemaker.estimators._frames import FramesMixin
from sklearn_sagemaker.estimators._recommending import RecommendingMixin
from sklearn_sagemaker.estimators._regressor import SageMakerRegressor
from sklearn_sagemaker.estimators._validation import rows_to_score

_CLASSIFIER_TABLE = hyperparameters_for("factorization-machines", CLASSIFIERS)
_REGRESSOR_TABLE = hyperparameters_for("factorization-machines", (REGRESSOR,))

_CONSTRAINTS = {"groups": ["array-like", StrOptions({"auto"}), None]}

THREAD_WORK = 10_000_000
"""Multiplications of a prediction below which threads do not pay."""


class FactorizationMachinesMixin(RecommendingMixin, FramesMixin, SageMakerEstimator):
    """What makes an estimator Factorization Machines."""

    _algorithm = "factorization-machines"
    groups: Any

    @property
    def factors_(self) -> np.ndarray:
        """Factors of all features, made when asked for where few of them are held."""
        if "_held" not in vars(self):
            return _fitted(self, "factors_")
        factors = state_of(self).all_factors()
        return factors[0] if is_regressor(self) else factors

    @factors_.setter
    def factors_(self, factors: np.ndarray) -> None:
        self._hold_all()
        self.__dict__["factors_"] = factors

    @property
    def draws_(self) -> Any:
        """Draws, made for all features when asked for where few of them are held."""
        draws = _fitted(self, "draws_")
        return state_of(self).all_draws() if "_held" in vars(self) else draws

    @draws_.setter
    def draws_(self, draws: dict[str, np.ndarray]) -> None:
        self._hold_all()
        self.__dict__["draws_"] = draws

    def __setstate__(self, state):
        super().__setstate__(state)
        if vars(self).get("draws_") is not None:
            self.__dict__["draws_"] = draws_by_feature(vars(self)["draws_"])

    def _hold_all(self) -> None:
        """Hold the numbers of all features from here on."""
        if "_held" not in vars(self):
            return
        every = {name: getattr(self, name, None) for name in ("factors_", "draws_")}
        del self._held
        given = {name: part for name, part in every.items() if part is not None}
        self.__dict__.update(given)

    @classmethod
    def sagemaker_defaults(cls, **parameters: Any):
        """Build an estimator that trains as SageMaker does, step for step.

        Its defaults, MXNet's Adam on mini-batches of 1000 rows, and no validation
        rows: the algorithm has no such channel.

        Parameters
        ----------
        **parameters
            Constructor arguments that override them.

        Returns
        -------
        estimator : instance of this class

        Examples
        --------
        >>> from sklearn_sagemaker import FactorizationMachinesClassifier
        >>> model = FactorizationMachinesClassifier.sagemaker_defaults(epochs=5)
        >>> model.factors_lr, model.mini_batch_size, model.cv
        (0.0001, 1000, False)
        """
        return super().sagemaker_defaults(**{"cv": False, **parameters})

    def _machines(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Intercepts, coefficients and factors whose mean score is the model's."""
        return state_of(self).machines()  # type: ignore[return-value]

    def _margins(self, X) -> np.ndarray:
        # Entries that add up are one value, whose square is not the sum of theirs.
        X = rows_to_score(self, X)
        X = summed(X) if sp.issparse(X) else X
        n_outputs = np.size(self.intercept_)
        X, machines = scorer_of(self).machines_for(X)
        return machine_margins(X, *machines, n_outputs, self._probit(), self._scores)

    def _scores(self, X, intercept, coef, factors) -> np.ndarray:
        """Scores of all machines, in threads where they pay."""
        stored = X.nnz if sp.issparse(X) else X.size
        jobs = 1
        if stored * factors[:, 0].size >= THREAD_WORK:
            jobs = thread_count(self.n_jobs)
        if jobs == 1:
            return factor_scores(X, intercept, coef, factors)
        with threads(jobs) as spread:
            return factor_scores(X, intercept, coef, factors, 4 * jobs, spread)

    def _score_link(self) -> str:
        return "probit" if self._probit() else super()._score_link()

    def _probit(self) -> bool:
        """Whether scores become probabilities by the normal distribution."""
        solver = self.resolved_params_.get("solver", "gradient")
        return is_classifier(self) and solver != "gradient"


def _fitted(estimator: Any, name: str) -> Any:
    """An attribute as the fit left it."""
    try:
        return vars(estimator)[name]
    except KeyError:
        raise AttributeError(
            f"{type(estimator).__name__!r} object has no attribute {name!r}"
        ) from None


class FactorizationMachinesClassifier(FactorizationMachinesMixin, SageMakerClassifier):
    """Factorization machine for classification.

    Amazon SageMaker's Factorization Machines, and more solvers, classes and
    criteria than it has.

    The model is ``y(x) = w_0 + sum_i w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j``
    with k = ``num_factors`` numbers v_i for each feature: interactions of all pairs
    at the cost of a linear model times k, and of pairs that never met in training.

    Parameters
    ----------
    solver : {"gradient", "als", "mcmc"}, default="gradient"
        How the model is trained. "gradient" takes steps row by row or mini-batch by
        mini-batch, as SageMaker does. "als" is alternating least squares, which
        solves for one parameter after the other; "mcmc" is Gibbs sampling, which
        draws them, and the decays with them, and averages the predictions of many
        draws. Both keep a copy of X by columns, and classify by a probit link.
    num_factors : int in [1, inf) or "auto", default="auto"
        Factors of each feature, k. "auto" is 64 for "gradient" and 14 for the
        others; with more than 8 classes as many fewer, down to 8. SageMaker's own
        default is 64.
    optimizer : {"auto", "sgd", "adam", "rmsprop", "adagrad", "ftrl"}, default="auto"
        How the gradient solver steps. "auto" is "adagrad". "adam" is MXNet's: its
        states change only with the rows that touch them. SageMaker has it alone.
        SageMaker's own default is adam.
    epochs : int in [1, inf) or "auto", default="auto"
        Passes over the data at most; draws of "mcmc". "auto" is 100 with validation
        rows to stop by, and else 15; for "als" 50, for "mcmc" 100. SageMaker's own
        default is 1.
    mini_batch_size : int in [1, inf) or "auto", default="auto"
        Rows of a mini-batch. "auto" is 1: a step for each row. SageMaker's own
        default is 1000.
    num_models : int in [1, inf) or "auto", default="auto"
        Candidate models to train side by side. They differ in learning rates,
        decays and number of factors, as far as these are left to us; the best one
        on the validation rows is kept. "auto" is one; with "gradient" and
        validation rows also its linear part alone, and on small data two of other
        rates and decays (and fewer factors); with the other solvers the linear part
        alone if rows are few. SageMaker's own default is 1.
    clip_gradient : float in (0, inf) or "auto", default="auto"
        Gradients are clipped to [-clip_gradient, clip_gradient], after
        rescale_grad. "auto" does not clip.
    eps : float in (0, inf) or "auto", default="auto"
        Small number in the denominator of a step. "auto" is 1 for adagrad, and for
        ftrl, whose beta it is, and 1e-8 for the others.
    rescale_grad : float in (0, inf) or "auto", default="auto"
        Gradients, sums over a mini-batch, are multiplied by this first. "auto" is
        one over the rows of the mini-batch, but 1 for adagrad and ftrl.
    bias_lr : float in [0, inf) or "auto", default="auto"
        Learning rate of the intercept. "auto" is that of the linear weights.
        SageMaker's own default is 0.1.
    linear_lr : float in [0, inf) or "auto", default="auto"
        Learning rate of the linear weights. "auto" depends on the optimizer, and
        varies over num_models. SageMaker's own default is 0.001.
    factors_lr : float in [0, inf) or "auto", default="auto"
        Learning rate of the factors. "auto" depends on the optimizer, and varies
        over num_models. SageMaker's own default is 0.0001.
    bias_wd : float in [0, inf) or "auto", default="auto"
        L2 penalty of the intercept. "auto" is 0. SageMaker's own default is 0.01.
    linear_wd : float in [0, inf) or "auto", default="auto"
        L2 penalty of the linear weights. The gradient solver adds it with each row
        (or mini-batch) that holds the feature; "als" adds wd / 2 times the sum of
        squares to the mean loss. "auto" depends on the solver, and varies over
        num_models. SageMaker's own default is 0.001.
    factors_wd : float in [0, inf) or "auto", default="auto"
        L2 penalty of the factors. As linear_wd. "auto" depends on the solver, and
        varies over num_models. SageMaker's own default is 1e-05.
    bias_init_method : {"normal", "uniform", "constant"}, default="normal"
        How the intercept's values start: "normal", "uniform" or "constant".
    bias_init_sigma : float in [0, inf) or "auto", default="auto"
        Deviation of the normal distribution, whose mean is 0. "auto" starts at the
        best constant model. SageMaker's own default is 0.01.
    bias_init_scale : float in [0, inf) or "auto", default="auto"
        The uniform distribution is over [-scale, scale]. "auto" gives it the
        deviation of the normal one.
    bias_init_value : float, default=0.0
        The constant.
    linear_init_method : {"normal", "uniform", "constant"}, default="normal"
        How the linear weights start: "normal", "uniform" or "constant".
    linear_init_sigma : float in [0, inf) or "auto", default="auto"
        Deviation of the normal distribution, whose mean is 0. "auto" is 0.
        SageMaker's own default is 0.01.
    linear_init_scale : float in [0, inf) or "auto", default="auto"
        The uniform distribution is over [-scale, scale]. "auto" gives it the
        deviation of the normal one.
    linear_init_value : float, default=0.0
        The constant.
    factors_init_method : {"normal", "uniform", "constant"}, default="normal"
        How the factors start: "normal", "uniform" or "constant".
    factors_init_sigma : float in [0, inf) or "auto", default="auto"
        Deviation of the normal distribution, whose mean is 0. "auto" depends on the
        solver. SageMaker's own default is 0.001.
    factors_init_scale : float in [0, inf) or "auto", default="auto"
        The uniform distribution is over [-scale, scale]. "auto" gives it the
        deviation of the normal one.
    factors_init_value : float, default=0.0
        The constant.
    num_draws : int in [1, inf) or "auto", default="auto"
        Draws of "mcmc" that are kept and averaged at most, evenly thinned. "auto"
        is as many as take 256 MB, and 50 at most.
    normalize_data : bool or "auto", default="auto"
        Whether to standardise dense features, and to scale sparse ones whose stored
        values are large or tiny. The model is in the units of X all the same. "auto"
        does. SageMaker's own default is False.
    early_stopping_patience : int in [1, inf) or "auto", default="auto"
        Epochs without an improvement on the validation rows before a candidate
        stops. "auto" is 4; it is 24 for the "als" solver if it chooses factors_wd.
        Without validation rows all epochs are trained.
    early_stopping_tolerance : float in [0, inf), default=0.0
        Relative improvement of the validation loss that counts as one.
    binary_classifier_model_selection_criteria : {"accuracy", "f1", "f_beta", \
            "precision_at_target_recall", "recall_at_target_precision", \
            "cross_entropy_loss", "loss_function"}, default="loss_function"
        What the selected model, and its threshold, do best on the validation rows.
        "loss_function" and "cross_entropy_loss" leave the threshold at SageMaker's
        0.5. The criteria with a target take the best precision (or recall) among
        the thresholds that reach target_recall (or target_precision).
    num_calibration_samples : int in [1, inf) or "auto", default=10000000
        Validation rows at most that the threshold is calibrated on. "auto" is
        10,000,000.
    target_recall : float in (0, 1), default=0.8
        Recall to reach, for the criterion "precision_at_target_recall".
    target_precision : float in (0, 1), default=0.8
        Precision to reach, for the criterion "recall_at_target_precision".
    f_beta : float in (0, inf), default=1.0
        How many times as much recall counts as precision in the criterion "f_beta"
        and in the metrics binary_f_beta and macro_f_beta.
    accuracy_top_k : int in [1, 1000000], default=3
        k of the metric multiclass_top_k_accuracy.
    multiclass_model_selection_criteria : {"loss_function", "accuracy"}, \
            default="loss_function"
        What the selected candidate does best on the validation rows when there are
        more than two classes.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, times ``sample_weight``, in training, selection
        and calibration. `partial_fit` takes no "balanced".
    groups : "auto", array-like of int of shape (n_features,) or None, default="auto"
        Group of every feature, from 0; "als" and "mcmc" decay each on its own, as libFM
        does with a meta file. "auto" finds blocks of neighbouring columns that each row
        holds equally many of, such as one-hot users, then items, and divides large ones
        by how many rows hold a feature. None is one group.
    cv : "auto", int, splitter, iterable, None or False, default="auto"
        How to validate when `fit` gets no ``X_val``. "auto" is stratified shuffled
        folds, ``min(5, rows of the rarest class)`` of them, on small data, and one
        hold-out where 20 times the factors of all models times classes times stored
        values exceed 5e8 or ``validation_fraction`` is a number. None is
        scikit-learn's 5 folds. False holds nothing out: candidates are selected on
        the training rows. Folds are trained in the same pass as the model that is
        kept, which is trained on all rows; with a hold-out it is trained on the
        others. `partial_fit` ignores it.
    validation_fraction : float in (0, 1) or "auto", default="auto"
        Share of the rows to hold out when ``cv="auto"``. "auto" is 0.1, and only
        where folds would be too much work.
    ensemble_size : int, default=1
        How many of the best candidates to average, margin by margin, as one model
        of all their factors; probit models by their probabilities.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights and optimizer states that the last `fit`
        of all candidates ended with. Scalers stay as they were. Keeps those states in
        ``training_state_``.
    n_jobs : int or None, default=None
        Threads, as in joblib: over candidates and folds, then mini-batches or, of "als"
        and "mcmc", within sweeps; over validation rows and those of a large prediction.
        Steps of one model row by row take one thread. They are threads of this process
        whatever backend `joblib.parallel_config` names. Never changes the result.
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
        Linear weights in the units of X.
    intercept_ : float64 ndarray of shape (1,) or (n_classes,)
        Intercepts.
    factors_ : ndarray of shape (1, n_features, k) or (n_classes, n_features, k)
        Factors in the units of X: float32 where X is, and is not centred.
        If half of the columns of a sparse X or more hold no value, 50,000 at least,
        those of the others are kept, and this array is made whenever it is asked for.
    threshold_ : float
        For two classes: `predict` answers ``classes_[1]`` from this probability on,
        0.5 unless a criterion asks for its calibration. `predict_proba` and
        `decision_function` ignore it.
    resolved_params_ : dict
        What "auto" became where candidates do not differ by it, else see
        ``best_params_``. The decays of "als" are lists of a number for each group.
    candidates_ : dict of arrays
        One row a candidate, like ``cv_results_``: ``params``, ``param_*``,
        ``train_loss`` and ``validation_loss`` at its best epoch,
        ``validation_score`` (greater is better), ``rank_validation_score``,
        ``best_epoch``, ``n_iter``, ``status``, and with folds
        ``split0_validation_loss``, ``split0_validation_score`` and so on.
    best_index_ : int
        The selected candidate.
    best_params_ : dict
        Its hyperparameters.
    best_score_ : float
        Its validation score: the criterion, or minus the loss.
    n_iter_ : int
        Epochs that the selected candidate was trained; the weights kept are those
        of its best epoch.
    loss_curve_, validation_curve_ : ndarray of shape (`n_iter_`,)
        Its mean loss on training rows (each taken before the step that it led to)
        and on validation rows, epoch by epoch; the second is None when there are
        no validation rows.
    metrics_ : dict of dict
        SageMaker's metrics by SageMaker's names, of the selected model on the
        "train" and, if there are any, "validation" rows (out of fold with folds).
    draws_ : dict of arrays
        With ``solver="mcmc"``: ``intercept``, ``coef`` and ``factors`` of every draw
        that is kept. Predictions are the mean of theirs; ``intercept_`` and
        ``coef_`` are their means, and ``factors_`` are those of the last.
    training_state_ : dict
        With ``warm_start`` or `partial_fit`: weights and optimizer states of all
        candidates, to go on from.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had any.

    See Also
    --------
    FactorizationMachinesRegressor : The same for regression.
    LinearLearnerClassifier : Without the interactions.

    Notes
    -----
    The gradient solver trains the log loss; "als" and "mcmc" train a probit model,
    whose `decision_function` are the log-odds of its probabilities. More than two
    classes have one set of factors each: under a softmax with "gradient", each
    against the rest with the others.

    References
    ----------
    S. Rendle, "Factorization Machines", ICDM 2010.
    https://doi.org/10.1109/ICDM.2010.127

    S. Rendle, "Factorization Machines with libFM", ACM TIST 3(3), 2012.
    https://doi.org/10.1145/2168752.2168771

    Amazon SageMaker developer guide, "Factorization Machines Algorithm".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker import FactorizationMachinesClassifier
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 50)
    >>> y = X[:, 0] ^ X[:, 1]
    >>> model = FactorizationMachinesClassifier(num_factors=2, random_state=0)
    >>> float(model.fit(X, y).score(X, y))
    1.0
    """

    _table = _CLASSIFIER_TABLE
    _parameter_constraints: ClassVar[dict] = {
        **constraints(_CLASSIFIER_TABLE),
        **_CONSTRAINTS,
        "multiclass_model_selection_criteria": [
            StrOptions({"loss_function", "accuracy"})
        ],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        *,
        solver="gradient",
        num_factors="auto",
        optimizer="auto",
        epochs="auto",
        mini_batch_size="auto",
        num_models="auto",
        clip_gradient="auto",
        eps="auto",
        rescale_grad="auto",
        bias_lr="auto",
        linear_lr="auto",
        factors_lr="auto",
        bias_wd="auto",
        linear_wd="auto",
        factors_wd="auto",
        bias_init_method="normal",
        bias_init_sigma="auto",
        bias_init_scale="auto",
        bias_init_value=0.0,
        linear_init_method="normal",
        linear_init_sigma="auto",
        linear_init_scale="auto",
        linear_init_value=0.0,
        factors_init_method="normal",
        factors_init_sigma="auto",
        factors_init_scale="auto",
        factors_init_value=0.0,
        num_draws="auto",
        normalize_data="auto",
        early_stopping_patience="auto",
        early_stopping_tolerance=0.0,
        binary_classifier_model_selection_criteria="loss_function",
        num_calibration_samples=10_000_000,
        target_recall=0.8,
        target_precision=0.8,
        f_beta=1.0,
        accuracy_top_k=3,
        multiclass_model_selection_criteria="loss_function",
        class_weight=None,
        groups="auto",
        cv="auto",
        validation_fraction="auto",
        ensemble_size=1,
        warm_start=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        backend=None,
    ):
        self.solver = solver
        self.num_factors = num_factors
        self.optimizer = optimizer
        self.epochs = epochs
        self.mini_batch_size = mini_batch_size
        self.num_models = num_models
        self.clip_gradient = clip_gradient
        self.eps = eps
        self.rescale_grad = rescale_grad
        self.bias_lr = bias_lr
        self.linear_lr = linear_lr
        self.factors_lr = factors_lr
        self.bias_wd = bias_wd
        self.linear_wd = linear_wd
        self.factors_wd = factors_wd
        self.bias_init_method = bias_init_method
        self.bias_init_sigma = bias_init_sigma
        self.bias_init_scale = bias_init_scale
        self.bias_init_value = bias_init_value
        self.linear_init_method = linear_init_method
        self.linear_init_sigma = linear_init_sigma
        self.linear_init_scale = linear_init_scale
        self.linear_init_value = linear_init_value
        self.factors_init_method = factors_init_method
        self.factors_init_sigma = factors_init_sigma
        self.factors_init_scale = factors_init_scale
        self.factors_init_value = factors_init_value
        self.num_draws = num_draws
        self.normalize_data = normalize_data
        self.early_stopping_patience = early_stopping_patience
        self.early_stopping_tolerance = early_stopping_tolerance
        self.binary_classifier_model_selection_criteria = (
            binary_classifier_model_selection_criteria
        )
        self.num_calibration_samples = num_calibration_samples
        self.target_recall = target_recall
        self.target_precision = target_precision
        self.f_beta = f_beta
        self.accuracy_top_k = accuracy_top_k
        self.multiclass_model_selection_criteria = multiclass_model_selection_criteria
        self.class_weight = class_weight
        self.groups = groups
        self.cv = cv
        self.validation_fraction = validation_fraction
        self.ensemble_size = ensemble_size
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.backend = backend


class FactorizationMachinesRegressor(FactorizationMachinesMixin, SageMakerRegressor):
    """Factorization machine for regression.

    Amazon SageMaker's Factorization Machines, and more solvers than it has.

    The model is ``y(x) = w_0 + sum_i w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j``
    with k = ``num_factors`` numbers v_i for each feature: interactions of all pairs
    at the cost of a linear model times k, and of pairs that never met in training.

    Parameters
    ----------
    solver : {"gradient", "als", "mcmc"}, default="gradient"
        How the model is trained. "gradient" takes steps row by row or mini-batch by
        mini-batch, as SageMaker does. "als" is alternating least squares, which
        solves for one parameter after the other; "mcmc" is Gibbs sampling, which
        draws them, and the decays with them, and averages the predictions of many
        draws. Both keep a copy of X by columns, and classify by a probit link.
    num_factors : int in [1, inf) or "auto", default="auto"
        Factors of each feature, k. "auto" is 64 for "gradient" and 14 for the
        others; with more than 8 classes as many fewer, down to 8. SageMaker's own
        default is 64.
    optimizer : {"auto", "sgd", "adam", "rmsprop", "adagrad", "ftrl"}, default="auto"
        How the gradient solver steps. "auto" is "adagrad". "adam" is MXNet's: its
        states change only with the rows that touch them. SageMaker has it alone.
        SageMaker's own default is adam.
    epochs : int in [1, inf) or "auto", default="auto"
        Passes over the data at most; draws of "mcmc". "auto" is 100 with validation
        rows to stop by, and else 15; for "als" 50, for "mcmc" 100. SageMaker's own
        default is 1.
    mini_batch_size : int in [1, inf) or "auto", default="auto"
        Rows of a mini-batch. "auto" is 1: a step for each row. SageMaker's own
        default is 1000.
    num_models : int in [1, inf) or "auto", default="auto"
        Candidate models to train side by side. They differ in learning rates,
        decays and number of factors, as far as these are left to us; the best one
        on the validation rows is kept. "auto" is one; with "gradient" and
        validation rows also its linear part alone, and on small data two of other
        rates and decays (and fewer factors); with the other solvers the linear part
        alone if rows are few. SageMaker's own default is 1.
    clip_gradient : float in (0, inf) or "auto", default="auto"
        Gradients are clipped to [-clip_gradient, clip_gradient], after
        rescale_grad. "auto" does not clip.
    eps : float in (0, inf) or "auto", default="auto"
        Small number in the denominator of a step. "auto" is 1 for adagrad, and for
        ftrl, whose beta it is, and 1e-8 for the others.
    rescale_grad : float in (0, inf) or "auto", default="auto"
        Gradients, sums over a mini-batch, are multiplied by this first. "auto" is
        one over the rows of the mini-batch, but 1 for adagrad and ftrl.
    bias_lr : float in [0, inf) or "auto", default="auto"
        Learning rate of the intercept. "auto" is that of the linear weights.
        SageMaker's own default is 0.1.
    linear_lr : float in [0, inf) or "auto", default="auto"
        Learning rate of the linear weights. "auto" depends on the optimizer, and
        varies over num_models. SageMaker's own default is 0.001.
    factors_lr : float in [0, inf) or "auto", default="auto"
        Learning rate of the factors. "auto" depends on the optimizer, and varies
        over num_models. SageMaker's own default is 0.0001.
    bias_wd : float in [0, inf) or "auto", default="auto"
        L2 penalty of the intercept. "auto" is 0. SageMaker's own default is 0.01.
    linear_wd : float in [0, inf) or "auto", default="auto"
        L2 penalty of the linear weights. The gradient solver adds it with each row
        (or mini-batch) that holds the feature; "als" adds wd / 2 times the sum of
        squares to the mean loss. "auto" depends on the solver, and varies over
        num_models. SageMaker's own default is 0.001.
    factors_wd : float in [0, inf) or "auto", default="auto"
        L2 penalty of the factors. As linear_wd. "auto" depends on the solver, and
        varies over num_models. SageMaker's own default is 1e-05.
    axis_decay : float in [1, inf) or "auto", default="auto"
        Times factors_wd, at most, that the factors decay along the axes along which
        they vary little; along others it is less, and factors_wd along the first.
        Then the data decide how many axes there are. 1 decays all alike. "auto" is
        1 and varies over num_models. SageMaker's own default is 1.0.
    bias_init_method : {"normal", "uniform", "constant"}, default="normal"
        How the intercept's values start: "normal", "uniform" or "constant".
    bias_init_sigma : float in [0, inf) or "auto", default="auto"
        Deviation of the normal distribution, whose mean is 0. "auto" starts at the
        best constant model. SageMaker's own default is 0.01.
    bias_init_scale : float in [0, inf) or "auto", default="auto"
        The uniform distribution is over [-scale, scale]. "auto" gives it the
        deviation of the normal one.
    bias_init_value : float, default=0.0
        The constant.
    linear_init_method : {"normal", "uniform", "constant"}, default="normal"
        How the linear weights start: "normal", "uniform" or "constant".
    linear_init_sigma : float in [0, inf) or "auto", default="auto"
        Deviation of the normal distribution, whose mean is 0. "auto" is 0.
        SageMaker's own default is 0.01.
    linear_init_scale : float in [0, inf) or "auto", default="auto"
        The uniform distribution is over [-scale, scale]. "auto" gives it the
        deviation of the normal one.
    linear_init_value : float, default=0.0
        The constant.
    factors_init_method : {"normal", "uniform", "constant"}, default="normal"
        How the factors start: "normal", "uniform" or "constant".
    factors_init_sigma : float in [0, inf) or "auto", default="auto"
        Deviation of the normal distribution, whose mean is 0. "auto" depends on the
        solver. SageMaker's own default is 0.001.
    factors_init_scale : float in [0, inf) or "auto", default="auto"
        The uniform distribution is over [-scale, scale]. "auto" gives it the
        deviation of the normal one.
    factors_init_value : float, default=0.0
        The constant.
    num_draws : int in [1, inf) or "auto", default="auto"
        Draws of "mcmc" that are kept and averaged at most, evenly thinned. "auto"
        is as many as take 256 MB, and 50 at most.
    unobserved_weight : float in [0, inf), default=0.0
        For rows that are clicks, purchases and the like. Above 0, each pair of a
        query (such as a user) and an item that no row has counts as a row of label
        0 and of this weight, where the mean weight of a row is 1; 0.1 to 1 are
        usual. The pairs are never made.
    num_query_features : int in [1, inf) or "auto", default="auto"
        With unobserved_weight: how many columns, the first of X, describe the
        query; the others describe the item. "auto" takes one-hot queries, then
        one-hot items.
    normalize_data : bool or "auto", default="auto"
        Whether to standardise dense features, and to scale sparse ones whose stored
        values are large or tiny. The model is in the units of X all the same. "auto"
        does. SageMaker's own default is False.
    normalize_label : bool or "auto", default="auto"
        Whether to centre labels and divide them by their standard deviation. "auto"
        does. SageMaker's own default is False.
    early_stopping_patience : int in [1, inf) or "auto", default="auto"
        Epochs without an improvement on the validation rows before a candidate
        stops. "auto" is 4; it is 24 for the "als" solver if it chooses factors_wd.
        Without validation rows all epochs are trained.
    early_stopping_tolerance : float in [0, inf), default=0.0
        Relative improvement of the validation loss that counts as one.
    groups : "auto", array-like of int of shape (n_features,) or None, default="auto"
        Group of every feature, from 0; "als" and "mcmc" decay each on its own, as libFM
        does with a meta file. "auto" finds blocks of neighbouring columns that each row
        holds equally many of, such as one-hot users, then items, and divides large ones
        by how many rows hold a feature. None is one group.
    cv : "auto", int, splitter, iterable, None or False, default="auto"
        How to validate when `fit` gets no ``X_val``. "auto" is stratified shuffled
        folds, ``min(5, rows of the rarest class)`` of them, on small data, and one
        hold-out where 20 times the factors of all models times classes times stored
        values exceed 5e8 or ``validation_fraction`` is a number. None is
        scikit-learn's 5 folds. False holds nothing out: candidates are selected on
        the training rows. Folds are trained in the same pass as the model that is
        kept, which is trained on all rows; with a hold-out it is trained on the
        others. `partial_fit` ignores it.
    validation_fraction : float in (0, 1) or "auto", default="auto"
        Share of the rows to hold out when ``cv="auto"``. "auto" is 0.1, and only
        where folds would be too much work.
    ensemble_size : int, default=1
        How many of the best candidates to average, margin by margin, as one model
        of all their factors; probit models by their probabilities.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights and optimizer states that the last `fit`
        of all candidates ended with. Scalers stay as they were. Keeps those states in
        ``training_state_``.
    n_jobs : int or None, default=None
        Threads, as in joblib: over candidates and folds, then mini-batches or, of "als"
        and "mcmc", within sweeps; over validation rows and those of a large prediction.
        Steps of one model row by row take one thread. They are threads of this process
        whatever backend `joblib.parallel_config` names. Never changes the result.
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
        Linear weights in the units of X and y.
    intercept_ : float
        Intercept.
    factors_ : ndarray of shape (n_features, k)
        Factors in the units of X and y: float32 where X is, and is not centred.
        If half of the columns of a sparse X or more hold no value, 50,000 at least,
        those of the others are kept, and this array is made whenever it is asked for.
    resolved_params_ : dict
        What "auto" became where candidates do not differ by it, else see
        ``best_params_``. The decays of "als" are lists of a number for each group.
    candidates_ : dict of arrays
        One row a candidate, like ``cv_results_``: ``params``, ``param_*``,
        ``train_loss`` and ``validation_loss`` at its best epoch,
        ``validation_score`` (greater is better), ``rank_validation_score``,
        ``best_epoch``, ``n_iter``, ``status``, and with folds
        ``split0_validation_loss``, ``split0_validation_score`` and so on.
    best_index_ : int
        The selected candidate.
    best_params_ : dict
        Its hyperparameters.
    best_score_ : float
        Its validation score: the criterion, or minus the loss.
    n_iter_ : int
        Epochs that the selected candidate was trained; the weights kept are those
        of its best epoch.
    loss_curve_, validation_curve_ : ndarray of shape (`n_iter_`,)
        Its mean loss on training rows (each taken before the step that it led to)
        and on validation rows, epoch by epoch; the second is None when there are
        no validation rows.
    metrics_ : dict of dict
        SageMaker's metrics by SageMaker's names, of the selected model on the
        "train" and, if there are any, "validation" rows (out of fold with folds).
    draws_ : dict of arrays
        With ``solver="mcmc"``: ``intercept``, ``coef`` and ``factors`` of every draw
        that is kept. Predictions are the mean of theirs; ``intercept_`` and
        ``coef_`` are their means, and ``factors_`` are those of the last.
    training_state_ : dict
        With ``warm_start`` or `partial_fit`: weights and optimizer states of all
        candidates, to go on from.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had any.

    See Also
    --------
    FactorizationMachinesClassifier : The same for classification.
    LinearLearnerRegressor : Without the interactions.

    References
    ----------
    S. Rendle, "Factorization Machines", ICDM 2010.
    https://doi.org/10.1109/ICDM.2010.127

    S. Rendle, "Factorization Machines with libFM", ACM TIST 3(3), 2012.
    https://doi.org/10.1145/2168752.2168771

    Amazon SageMaker developer guide, "Factorization Machines Algorithm".

    Examples
    --------
    Ratings of films by users, one-hot: the factors learn who likes what.

    >>> import numpy as np
    >>> from scipy.sparse import csr_matrix
    >>> from sklearn_sagemaker import FactorizationMachinesRegressor
    >>> rng = np.random.default_rng(0)
    >>> user, film = rng.integers(30, size=2000), rng.integers(40, size=2000)
    >>> y = 3.0 + np.where(user % 2 == film % 2, 1.0, -1.0)
    >>> rows = np.repeat(np.arange(2000), 2)
    >>> columns = np.stack([user, 30 + film], axis=1).ravel()
    >>> X = csr_matrix((np.ones(4000), (rows, columns)), shape=(2000, 70))
    >>> model = FactorizationMachinesRegressor(num_factors=8, random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.95)
    True
    """

    _table = _REGRESSOR_TABLE
    _parameter_constraints: ClassVar[dict] = {
        **constraints(_REGRESSOR_TABLE),
        **_CONSTRAINTS,
    }

    def __init__(
        self,
        *,
        solver="gradient",
        num_factors="auto",
        optimizer="auto",
        epochs="auto",
        mini_batch_size="auto",
        num_models="auto",
        clip_gradient="auto",
        eps="auto",
        rescale_grad="auto",
        bias_lr="auto",
        linear_lr="auto",
        factors_lr="auto",
        bias_wd="auto",
        linear_wd="auto",
        factors_wd="auto",
        axis_decay="auto",
        bias_init_method="normal",
        bias_init_sigma="auto",
        bias_init_scale="auto",
        bias_init_value=0.0,
        linear_init_method="normal",
        linear_init_sigma="auto",
        linear_init_scale="auto",
        linear_init_value=0.0,
        factors_init_method="normal",
        factors_init_sigma="auto",
        factors_init_scale="auto",
        factors_init_value=0.0,
        num_draws="auto",
        unobserved_weight=0.0,
        num_query_features="auto",
        normalize_data="auto",
        normalize_label="auto",
        early_stopping_patience="auto",
        early_stopping_tolerance=0.0,
        groups="auto",
        cv="auto",
        validation_fraction="auto",
        ensemble_size=1,
        warm_start=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        backend=None,
    ):
        self.solver = solver
        self.num_factors = num_factors
        self.optimizer = optimizer
        self.epochs = epochs
        self.mini_batch_size = mini_batch_size
        self.num_models = num_models
        self.clip_gradient = clip_gradient
        self.eps = eps
        self.rescale_grad = rescale_grad
        self.bias_lr = bias_lr
        self.linear_lr = linear_lr
        self.factors_lr = factors_lr
        self.bias_wd = bias_wd
        self.linear_wd = linear_wd
        self.factors_wd = factors_wd
        self.axis_decay = axis_decay
        self.bias_init_method = bias_init_method
        self.bias_init_sigma = bias_init_sigma
        self.bias_init_scale = bias_init_scale
        self.bias_init_value = bias_init_value
        self.linear_init_method = linear_init_method
        self.linear_init_sigma = linear_init_sigma
        self.linear_init_scale = linear_init_scale
        self.linear_init_value = linear_init_value
        self.factors_init_method = factors_init_method
        self.factors_init_sigma = factors_init_sigma
        self.factors_init_scale = factors_init_scale
        self.factors_init_value = factors_init_value
        self.num_draws = num_draws
        self.unobserved_weight = unobserved_weight
        self.num_query_features = num_query_features
        self.normalize_data = normalize_data
        self.normalize_label = normalize_label
        self.early_stopping_patience = early_stopping_patience
        self.early_stopping_tolerance = early_stopping_tolerance
        self.groups = groups
        self.cv = cv
        self.validation_fraction = validation_fraction
        self.ensemble_size = ensemble_size
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.backend = backend
