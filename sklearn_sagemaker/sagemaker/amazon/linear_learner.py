"""Linear Learner: estimator, model and predictor."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker.sagemaker._old_names import TRAINING, old_names
from sklearn_sagemaker.sagemaker.amazon.amazon_estimator import (
    AmazonAlgorithmEstimatorBase,
    AmazonAlgorithmModel,
)
from sklearn_sagemaker.sagemaker.amazon.hyperparameter import Hyperparameter
from sklearn_sagemaker.sagemaker.predictor import AlgorithmPredictor
from sklearn_sagemaker.sagemaker.vpc_utils import VPC_CONFIG_DEFAULT


class LinearLearnerPredictor(AlgorithmPredictor):
    """An endpoint of Linear Learner, which answers lists of records.

    Parameters
    ----------
    endpoint_name : str
    sagemaker_session : Session or None, default=None
        None makes one when it is needed.
    serializer : object or callable, default=RecordSerializer(dtype="float32")
    deserializer : object or callable, default=RecordDeserializer()
    component_name : str or None, default=None
        Of an inference component of the endpoint.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker import LinearLearnerPredictor
    >>> predictor = LinearLearnerPredictor("my-endpoint")
    >>> answers = predictor.predict(X)  # doctest: +SKIP
    >>> answers[0].label["score"].float32_tensor.values[0]  # doctest: +SKIP
    0.4
    """


class LinearLearnerModel(AmazonAlgorithmModel):
    """A model in the cloud; `deploy` returns a `LinearLearnerPredictor`.

    Parameters
    ----------
    model_data : str
        Artifact on S3.
    role : str
        Name or ARN of the IAM role of the model.
    sagemaker_session : Session, default=None
    **kwargs
        As for `Model`.
    """

    repo_name = "linear-learner"
    _predictor = LinearLearnerPredictor


class LinearLearner(AmazonAlgorithmEstimatorBase):
    """Linear Learner, trained by SageMaker: linear models of classes and numbers.

    Parameters
    ----------
    role : str
        Name or ARN of the IAM role that the jobs and the models have.
    instance_count : int
    instance_type : str
    predictor_type : {"binary_classifier", "multiclass_classifier", "regressor"}
    binary_classifier_model_selection_criteria : {"accuracy", "f1", "f_beta", \
            "precision_at_target_recall", "recall_at_target_precision", \
            "cross_entropy_loss", "loss_function"}, default=None
    target_recall : float in (0, 1), default=None
    target_precision : float in (0, 1), default=None
    positive_example_weight_mult : float in (0, inf) or "auto", "balanced", \
            default=None
    epochs : int in [1, inf), default=None
    use_bias : bool, default=None
    num_models : int in [1, inf) or "auto", default=None
    num_calibration_samples : int in [1, inf) or "auto", default=None
    init_method : {"uniform", "normal"}, default=None
    init_scale : float in (0, inf), default=None
    init_sigma : float in (0, inf), default=None
    init_bias : float, default=None
    optimizer : {"auto", "sgd", "adam", "rmsprop"}, default=None
    loss : {"auto", "logistic", "hinge_loss", "softmax_loss", "squared_loss", \
            "absolute_loss", "eps_insensitive_squared_loss", \
            "eps_insensitive_absolute_loss", "quantile_loss", "huber_loss"}, \
            default=None
    wd : float in [0, inf) or "auto", default=None
    l1 : float in [0, inf) or "auto", default=None
    momentum : float in [0, 1) or "auto", default=None
    learning_rate : float in (0, inf) or "auto", default=None
    beta_1 : float in [0, 1) or "auto", default=None
    beta_2 : float in [0, 1) or "auto", default=None
    bias_lr_mult : float in (0, inf) or "auto", default=None
    bias_wd_mult : float in [0, inf) or "auto", default=None
    use_lr_scheduler : bool, default=None
    lr_scheduler_step : int in [1, inf) or "auto", default=None
    lr_scheduler_factor : float in (0, 1) or "auto", default=None
    lr_scheduler_minimum_lr : float in (0, inf) or "auto", default=None
    normalize_data : bool or "auto", default=None
    normalize_label : bool or "auto", default=None
    unbias_data : bool or "auto", default=None
    unbias_label : bool or "auto", default=None
    num_point_for_scaler : int in [1, inf), default=None
    margin : float in [0, inf), default=None
    quantile : float in (0, 1), default=None
    loss_insensitivity : float in (0, inf), default=None
    huber_delta : float in [0, inf), default=None
    early_stopping_patience : int in [1, inf), default=None
    early_stopping_tolerance : float in (0, inf), default=None
    num_classes : int in [1, 1000000], default=None
    accuracy_top_k : int in [1, 1000000], default=None
    f_beta : float in (0, inf), default=None
    balance_multiclass_weights : bool, default=None
        Hyperparameters; None is what the container chooses. What each does is in
        ``doc/hyperparameters.md``.
    **kwargs
        As for `AmazonAlgorithmEstimatorBase` and `EstimatorBase`.

    Raises
    ------
    ValueError
        If a hyperparameter is one that the container would refuse.

    Warns
    -----
    InapplicableHyperparameterWarning
        For each hyperparameter that has no effect with the others.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker import LinearLearner
    >>> role = "arn:aws:iam::111122223333:role/R"
    >>> learner = LinearLearner(role, 1, "ml.m5.large", "binary_classifier", epochs=5)
    >>> learner.hyperparameters()
    {'predictor_type': 'binary_classifier', 'epochs': '5'}
    """

    repo_name = "linear-learner"
    repo_version = 1
    DEFAULT_MINI_BATCH_SIZE = 1000

    predictor_type = Hyperparameter("predictor_type")
    binary_classifier_model_selection_criteria = Hyperparameter(
        "binary_classifier_model_selection_criteria"
    )
    target_recall = Hyperparameter("target_recall")
    target_precision = Hyperparameter("target_precision")
    positive_example_weight_mult = Hyperparameter("positive_example_weight_mult")
    epochs = Hyperparameter("epochs")
    use_bias = Hyperparameter("use_bias")
    num_models = Hyperparameter("num_models")
    num_calibration_samples = Hyperparameter("num_calibration_samples")
    init_method = Hyperparameter("init_method")
    init_scale = Hyperparameter("init_scale")
    init_sigma = Hyperparameter("init_sigma")
    init_bias = Hyperparameter("init_bias")
    optimizer = Hyperparameter("optimizer")
    loss = Hyperparameter("loss")
    wd = Hyperparameter("wd")
    l1 = Hyperparameter("l1")
    momentum = Hyperparameter("momentum")
    learning_rate = Hyperparameter("learning_rate")
    beta_1 = Hyperparameter("beta_1")
    beta_2 = Hyperparameter("beta_2")
    bias_lr_mult = Hyperparameter("bias_lr_mult")
    bias_wd_mult = Hyperparameter("bias_wd_mult")
    use_lr_scheduler = Hyperparameter("use_lr_scheduler")
    lr_scheduler_step = Hyperparameter("lr_scheduler_step")
    lr_scheduler_factor = Hyperparameter("lr_scheduler_factor")
    lr_scheduler_minimum_lr = Hyperparameter("lr_scheduler_minimum_lr")
    normalize_data = Hyperparameter("normalize_data")
    normalize_label = Hyperparameter("normalize_label")
    unbias_data = Hyperparameter("unbias_data")
    unbias_label = Hyperparameter("unbias_label")
    num_point_for_scaler = Hyperparameter("num_point_for_scaler")
    margin = Hyperparameter("margin")
    quantile = Hyperparameter("quantile")
    loss_insensitivity = Hyperparameter("loss_insensitivity")
    huber_delta = Hyperparameter("huber_delta")
    early_stopping_patience = Hyperparameter("early_stopping_patience")
    early_stopping_tolerance = Hyperparameter("early_stopping_tolerance")
    num_classes = Hyperparameter("num_classes")
    accuracy_top_k = Hyperparameter("accuracy_top_k")
    f_beta = Hyperparameter("f_beta")
    balance_multiclass_weights = Hyperparameter("balance_multiclass_weights")

    @old_names(**TRAINING)
    def __init__(
        self,
        role: str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        predictor_type: str | None = None,
        binary_classifier_model_selection_criteria: str | None = None,
        target_recall: float | str | None = None,
        target_precision: float | str | None = None,
        positive_example_weight_mult: float | str | None = None,
        epochs: int | None = None,
        use_bias: bool | str | None = None,
        num_models: int | str | None = None,
        num_calibration_samples: int | None = None,
        init_method: str | None = None,
        init_scale: float | str | None = None,
        init_sigma: float | str | None = None,
        init_bias: float | str | None = None,
        optimizer: str | None = None,
        loss: str | None = None,
        wd: float | str | None = None,
        l1: float | str | None = None,
        momentum: float | str | None = None,
        learning_rate: float | str | None = None,
        beta_1: float | str | None = None,
        beta_2: float | str | None = None,
        bias_lr_mult: float | str | None = None,
        bias_wd_mult: float | str | None = None,
        use_lr_scheduler: bool | str | None = None,
        lr_scheduler_step: int | str | None = None,
        lr_scheduler_factor: float | str | None = None,
        lr_scheduler_minimum_lr: float | str | None = None,
        normalize_data: bool | str | None = None,
        normalize_label: bool | str | None = None,
        unbias_data: bool | str | None = None,
        unbias_label: bool | str | None = None,
        num_point_for_scaler: int | None = None,
        margin: float | str | None = None,
        quantile: float | str | None = None,
        loss_insensitivity: float | str | None = None,
        huber_delta: float | str | None = None,
        early_stopping_patience: int | str | None = None,
        early_stopping_tolerance: float | str | None = None,
        num_classes: int | None = None,
        accuracy_top_k: int | None = None,
        f_beta: float | str | None = None,
        balance_multiclass_weights: bool | str | None = None,
        **kwargs: Any,
    ):
        values = {
            name: value
            for name, value in locals().items()
            if isinstance(getattr(type(self), name, None), Hyperparameter)
        }
        super().__init__(role, instance_count, instance_type, **kwargs)
        self._set(values)

    def create_model(
        self, vpc_config_override: Any = VPC_CONFIG_DEFAULT, **kwargs: Any
    ) -> LinearLearnerModel:
        """A `LinearLearnerModel` of the artifact of the training job.

        Parameters
        ----------
        vpc_config_override : dict or None, default="VPC_CONFIG_DEFAULT"
            In place of the estimator's own subnets and security groups.
        **kwargs
            For `LinearLearnerModel`.
        """
        return self._model(LinearLearnerModel, vpc_config_override, kwargs)
