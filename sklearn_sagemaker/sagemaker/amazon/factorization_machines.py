"""Factorization Machines: estimator, model and predictor."""

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


class FactorizationMachinesPredictor(AlgorithmPredictor):
    """An endpoint of Factorization Machines, which answers lists of records.

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
    >>> from sklearn_sagemaker.sagemaker import FactorizationMachinesPredictor
    >>> predictor = FactorizationMachinesPredictor("my-endpoint")
    >>> answers = predictor.predict(X)  # doctest: +SKIP
    >>> answers[0].label["score"].float32_tensor.values[0]  # doctest: +SKIP
    0.4
    """


class FactorizationMachinesModel(AmazonAlgorithmModel):
    """A model in the cloud; `deploy` returns a `FactorizationMachinesPredictor`.

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

    repo_name = "factorization-machines"
    _predictor = FactorizationMachinesPredictor


class FactorizationMachines(AmazonAlgorithmEstimatorBase):
    """Factorization Machines, trained by SageMaker: pairs of features by factors.

    Parameters
    ----------
    role : str
        Name or ARN of the IAM role that the jobs and the models have.
    instance_count : int
    instance_type : str
    num_factors : int in [1, inf)
    predictor_type : {"binary_classifier", "regressor"}
    epochs : int in [1, inf), default=None
    clip_gradient : float in (0, inf), default=None
    eps : float in (0, inf), default=None
    rescale_grad : float in (0, inf), default=None
    bias_lr : float in [0, inf), default=None
    linear_lr : float in [0, inf), default=None
    factors_lr : float in [0, inf), default=None
    bias_wd : float in [0, inf), default=None
    linear_wd : float in [0, inf), default=None
    factors_wd : float in [0, inf), default=None
    bias_init_method : {"normal", "uniform", "constant"}, default=None
    bias_init_scale : float in [0, inf), default=None
    bias_init_sigma : float in [0, inf), default=None
    bias_init_value : float, default=None
    linear_init_method : {"normal", "uniform", "constant"}, default=None
    linear_init_scale : float in [0, inf), default=None
    linear_init_sigma : float in [0, inf), default=None
    linear_init_value : float, default=None
    factors_init_method : {"normal", "uniform", "constant"}, default=None
    factors_init_scale : float in [0, inf), default=None
    factors_init_sigma : float in [0, inf), default=None
    factors_init_value : float, default=None
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
    >>> from sklearn_sagemaker.sagemaker import FactorizationMachines
    >>> role = "arn:aws:iam::111122223333:role/R"
    >>> machine = FactorizationMachines(role, 1, "ml.m5.large", 64, "regressor")
    >>> machine.hyperparameters()
    {'num_factors': '64', 'predictor_type': 'regressor'}
    """

    repo_name = "factorization-machines"
    repo_version = 1

    num_factors = Hyperparameter("num_factors")
    predictor_type = Hyperparameter("predictor_type")
    epochs = Hyperparameter("epochs")
    clip_gradient = Hyperparameter("clip_gradient")
    eps = Hyperparameter("eps")
    rescale_grad = Hyperparameter("rescale_grad")
    bias_lr = Hyperparameter("bias_lr")
    linear_lr = Hyperparameter("linear_lr")
    factors_lr = Hyperparameter("factors_lr")
    bias_wd = Hyperparameter("bias_wd")
    linear_wd = Hyperparameter("linear_wd")
    factors_wd = Hyperparameter("factors_wd")
    bias_init_method = Hyperparameter("bias_init_method")
    bias_init_scale = Hyperparameter("bias_init_scale")
    bias_init_sigma = Hyperparameter("bias_init_sigma")
    bias_init_value = Hyperparameter("bias_init_value")
    linear_init_method = Hyperparameter("linear_init_method")
    linear_init_scale = Hyperparameter("linear_init_scale")
    linear_init_sigma = Hyperparameter("linear_init_sigma")
    linear_init_value = Hyperparameter("linear_init_value")
    factors_init_method = Hyperparameter("factors_init_method")
    factors_init_scale = Hyperparameter("factors_init_scale")
    factors_init_sigma = Hyperparameter("factors_init_sigma")
    factors_init_value = Hyperparameter("factors_init_value")

    @old_names(**TRAINING)
    def __init__(
        self,
        role: str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        num_factors: int | None = None,
        predictor_type: str | None = None,
        epochs: int | None = None,
        clip_gradient: float | str | None = None,
        eps: float | str | None = None,
        rescale_grad: float | str | None = None,
        bias_lr: float | str | None = None,
        linear_lr: float | str | None = None,
        factors_lr: float | str | None = None,
        bias_wd: float | str | None = None,
        linear_wd: float | str | None = None,
        factors_wd: float | str | None = None,
        bias_init_method: str | None = None,
        bias_init_scale: float | str | None = None,
        bias_init_sigma: float | str | None = None,
        bias_init_value: float | str | None = None,
        linear_init_method: str | None = None,
        linear_init_scale: float | str | None = None,
        linear_init_sigma: float | str | None = None,
        linear_init_value: float | str | None = None,
        factors_init_method: str | None = None,
        factors_init_scale: float | str | None = None,
        factors_init_sigma: float | str | None = None,
        factors_init_value: float | str | None = None,
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
    ) -> FactorizationMachinesModel:
        """A `FactorizationMachinesModel` of the artifact of the training job.

        Parameters
        ----------
        vpc_config_override : dict or None, default="VPC_CONFIG_DEFAULT"
            In place of the estimator's own subnets and security groups.
        **kwargs
            For `FactorizationMachinesModel`.
        """
        return self._model(FactorizationMachinesModel, vpc_config_override, kwargs)
