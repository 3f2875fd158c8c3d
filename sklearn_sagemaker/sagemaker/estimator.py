"""Estimators of SageMaker: what trains in the cloud, and what becomes of it there."""

from __future__ import annotations

import logging
from typing import Any

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker.sagemaker import vpc_utils
from sklearn_sagemaker.sagemaker._descriptions import arguments_of_job
from sklearn_sagemaker.sagemaker._late_session import LateSession
from sklearn_sagemaker.sagemaker._names import (
    base_from_name,
    base_name_from_image,
    name_from_base,
)
from sklearn_sagemaker.sagemaker._old_names import TRAINING, old_names
from sklearn_sagemaker.sagemaker._requests import tag_list, training_request
from sklearn_sagemaker.sagemaker._trained import Trained
from sklearn_sagemaker.sagemaker.analytics import TrainingJobAnalytics
from sklearn_sagemaker.sagemaker.job import TrainingJob, channels_of, model_channel
from sklearn_sagemaker.sagemaker.model import Model
from sklearn_sagemaker.sagemaker.predictor import Predictor
from sklearn_sagemaker.sagemaker.s3 import s3_path_join
from sklearn_sagemaker.sagemaker.session import Session
from sklearn_sagemaker.sagemaker.vpc_utils import VPC_CONFIG_DEFAULT

logger = logging.getLogger(__name__)

DAY = 24 * 60 * 60
# Arguments of the SDK for what is not built, with what to use.
NOT_BUILT = {
    "rules": "SageMaker Debugger",
    "debugger_hook_config": "SageMaker Debugger",
    "tensorboard_output_config": "SageMaker Debugger",
    "profiler_config": "SageMaker's profiler",
    "disable_profiler": "SageMaker's profiler",
    "source_dir": "script mode",
    "entry_point": "script mode",
    "git_config": "script mode",
    "dependencies": "script mode",
    "code_location": "script mode",
    "container_log_level": "script mode",
    "instance_groups": "a cluster of several instance types",
}
# Values that ask for nothing.
_NOTHING = {"disable_profiler": (True,), "container_log_level": (logging.INFO,)}


class EstimatorBase(LateSession, Trained):
    """What all estimators have: jobs, endpoints, transforms.

    It makes no client and no session before one is needed.

    Parameters
    ----------
    role : str
        Name or ARN of the IAM role that the jobs and the models have.
    instance_count : int
    instance_type : str
    keep_alive_period_in_seconds : int, default=None
        How long the instances are kept for a next job.
    volume_size : int, default=30
        GB of the instances' volumes.
    volume_kms_key, output_kms_key : str, default=None
        Keys that volumes and artifacts are encrypted by.
    max_run : int, default=86400
        Seconds after which the job is stopped.
    input_mode : {"File", "Pipe", "FastFile"}, default="File"
    output_path : str, default=None
        Where artifacts go, on S3; None is the session's default bucket.
    base_job_name : str, default=None
        Beginning of the names of jobs; None is the image's repository.
    sagemaker_session : Session, default=None
        None makes one of the default credentials and region when it is needed.
    tags : list of dict or dict, default=None
    subnets, security_group_ids : list of str, default=None
        Of a VPC.
    model_uri : str, default=None
        Artifact that training starts from; it comes by the channel
        ``model_channel_name``.
    model_channel_name : str, default="model"
    metric_definitions : list of dict, default=None
        With the keys "Name" and "Regex". SageMaker's own images need none.
    encrypt_inter_container_traffic : bool, default=None
    use_spot_instances : bool, default=False
    max_wait : int, default=None
        Seconds to wait for spot instances and for the job itself.
    checkpoint_s3_uri, checkpoint_local_path : str, default=None
        Where checkpoints go, and where the container has them.
    enable_sagemaker_metrics : bool, default=None
    enable_network_isolation : bool, default=None
        Whether containers reach no network.
    environment : dict of str to str, default=None
    max_retry_attempts : int, default=None
    hyperparameters : dict, default=None
    training_repository_access_mode : str, default=None
    training_repository_credentials_provider_arn : str, default=None
    enable_infra_check : bool, default=None
    container_entry_point, container_arguments : list of str, default=None
    disable_output_compression : bool, default=False
    enable_remote_debug, enable_session_tag_chaining : bool, default=None
    training_plan : str, default=None
    instance_placement_config : dict, default=None
    **not_built
        Arguments of the SDK for Debugger, the profiler and script mode, which may only
        say that they are not wanted.

    Raises
    ------
    ValueError
        If there is no role, half of a VPC, local mode, or something that is not built.
    """

    JOB_CLASS_NAME = "training-job"

    @old_names(**TRAINING)
    def __init__(
        self,
        role: str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        *,
        keep_alive_period_in_seconds: int | None = None,
        volume_size: int = 30,
        volume_kms_key: str | None = None,
        max_run: int = DAY,
        input_mode: str = "File",
        output_path: str | None = None,
        output_kms_key: str | None = None,
        base_job_name: str | None = None,
        sagemaker_session: Session | None = None,
        tags: Any = None,
        subnets: list[str] | None = None,
        security_group_ids: list[str] | None = None,
        model_uri: str | None = None,
        model_channel_name: str = "model",
        metric_definitions: list[dict[str, str]] | None = None,
        encrypt_inter_container_traffic: bool | None = None,
        use_spot_instances: bool = False,
        max_wait: int | None = None,
        checkpoint_s3_uri: str | None = None,
        checkpoint_local_path: str | None = None,
        enable_sagemaker_metrics: bool | None = None,
        enable_network_isolation: bool | None = None,
        environment: dict[str, str] | None = None,
        max_retry_attempts: int | None = None,
        hyperparameters: dict[str, Any] | None = None,
        training_repository_access_mode: str | None = None,
        training_repository_credentials_provider_arn: str | None = None,
        enable_infra_check: bool | None = None,
        container_entry_point: list[str] | None = None,
        container_arguments: list[str] | None = None,
        disable_output_compression: bool = False,
        enable_remote_debug: bool | None = None,
        enable_session_tag_chaining: bool | None = None,
        training_plan: str | None = None,
        instance_placement_config: dict[str, Any] | None = None,
        **not_built: Any,
    ):
        _refuse(not_built)
        self.role = _checked_role(role)
        _check(instance_type, subnets, security_group_ids)
        self.instance_count = instance_count
        self.instance_type = instance_type
        self.keep_alive_period_in_seconds = keep_alive_period_in_seconds
        self.volume_size = volume_size
        self.volume_kms_key = volume_kms_key
        self.max_run = max_run
        self.input_mode = input_mode
        self.output_path = output_path
        self.output_kms_key = output_kms_key
        self.base_job_name = base_job_name
        self._session = sagemaker_session
        self.tags = tag_list(tags)
        self.subnets = subnets
        self.security_group_ids = security_group_ids
        self.model_uri = model_uri
        self.model_channel_name = model_channel_name
        self.metric_definitions = metric_definitions
        self.encrypt_inter_container_traffic = encrypt_inter_container_traffic
        self.use_spot_instances = use_spot_instances
        self.max_wait = max_wait
        self.checkpoint_s3_uri = checkpoint_s3_uri
        self.checkpoint_local_path = checkpoint_local_path
        self.enable_sagemaker_metrics = enable_sagemaker_metrics
        self._enable_network_isolation = enable_network_isolation
        self.environment = environment
        self.max_retry_attempts = max_retry_attempts
        self.training_repository_access_mode = training_repository_access_mode
        self.training_repository_credentials_provider_arn = (
            training_repository_credentials_provider_arn
        )
        self.enable_infra_check = enable_infra_check
        self.container_entry_point = container_entry_point
        self.container_arguments = container_arguments
        self.disable_output_compression = disable_output_compression
        self.enable_remote_debug = enable_remote_debug
        self.enable_session_tag_chaining = enable_session_tag_chaining
        self.training_plan = training_plan
        self.instance_placement_config = instance_placement_config
        self._hyperparameters: dict[str, Any] = dict(hyperparameters or {})
        self.latest_training_job: TrainingJob | None = None
        self._current_job_name: str | None = None
        self._endpoint_name: str | None = None
        self._compiled_models: dict[str, Model] = {}

    def __repr__(self) -> str:
        job = self.latest_training_job
        return f"<{type(self).__name__} {'untrained' if job is None else job.name!r}>"

    # What the job is

    def training_image_uri(self) -> str:
        """The image of the training job."""
        raise NotImplementedError

    def train_image(self) -> str:
        """The image of the training job, by its older name."""
        return self.training_image_uri()

    def hyperparameters(self) -> dict[str, Any]:
        """What the job is told beside its data."""
        return self._hyperparameters

    def enable_network_isolation(self) -> bool:
        """Whether the job's containers, and those of its models, reach no network."""
        return bool(self._enable_network_isolation)

    def get_vpc_config(
        self, vpc_config_override: Any = VPC_CONFIG_DEFAULT
    ) -> dict[str, Any] | None:
        """Subnets and security groups, as requests hold them.

        Parameters
        ----------
        vpc_config_override : dict or None, default="VPC_CONFIG_DEFAULT"
            In place of the estimator's own; None is none.

        Raises
        ------
        ValueError
            If it is not valid.
        """
        if vpc_config_override is VPC_CONFIG_DEFAULT:
            return vpc_utils.to_dict(self.subnets, self.security_group_ids)
        return vpc_utils.sanitize(vpc_config_override)

    @property
    def _base_name(self) -> str:
        return self.base_job_name or base_name_from_image(self.training_image_uri())

    # Training

    def fit(
        self,
        inputs: Any = None,
        wait: bool = True,
        logs: bool | str = True,
        job_name: str | None = None,
        experiment_config: dict[str, str] | None = None,
    ) -> None:
        """Train by a job of SageMaker.

        Parameters
        ----------
        inputs : str, dict, TrainingInput, FileSystemInput, record set or list of them
            Data on S3 by channel; what says no channel is "training".
        wait : bool, default=True
            Whether to wait for the end of the job.
        logs : bool, default=True
            Whether to show its log meanwhile.
        job_name : str, default=None
            None makes one of ``base_job_name`` and the time.
        experiment_config : dict, default=None

        Raises
        ------
        TrainingJobFailedError
            If the job fails; a `TrainingJobStoppedError` if it is stopped.
        AWSError
            If a call of AWS fails.
        """
        self._start(inputs, self._prepared(inputs), job_name, experiment_config)
        if wait:
            self.latest_training_job.wait(logs=logs)  # type: ignore[union-attr]

    def _prepared(self, inputs: Any) -> list[dict[str, Any]]:
        """The channels of a job, and the estimator ready for it."""
        return channels_of(inputs)

    def _start(
        self,
        inputs: Any,
        channels: list[dict[str, Any]],
        job_name: str | None,
        experiment_config: dict[str, str] | None,
    ) -> None:
        """Create the training job."""
        name = job_name or name_from_base(self._base_name)
        request = self._request(inputs, channels, name, experiment_config)
        session = self.sagemaker_session
        session.create_training_job(request)
        self._current_job_name = name
        self._endpoint_name = None
        self.latest_training_job = TrainingJob(session, name)

    def _request(
        self,
        inputs: Any,
        channels: list[dict[str, Any]],
        name: str,
        experiment_config: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The request for the training job."""
        if self.model_uri:
            channels = [
                *channels,
                model_channel(self.model_uri, self.model_channel_name, channels),
            ]
        texts = {str(key): str(value) for key, value in self.hyperparameters().items()}
        session = self.sagemaker_session
        if self.output_path is None:
            self.output_path = s3_path_join(
                "s3://",
                session.default_bucket(),
                session.default_bucket_prefix,
                with_end_slash=True,
            )
        return training_request(
            self,
            job_name=name,
            role=session.expand_role(self.role),
            inputs=inputs,
            channels=channels,
            hyperparameters=texts,
            experiment_config=experiment_config,
        )

    def _job(self) -> TrainingJob:
        if self.latest_training_job is None:
            raise ValueError(
                f"This {type(self).__name__} has no training job; call fit, or "
                f"{type(self).__name__}.attach(training_job_name)."
            )
        return self.latest_training_job

    @classmethod
    def attach(
        cls,
        training_job_name: str,
        sagemaker_session: Session | None = None,
        model_channel_name: str = "model",
    ) -> Any:
        """An estimator for a training job that exists, whoever made it.

        While the job runs its log is shown, and the call waits for its end.

        Parameters
        ----------
        training_job_name : str
        sagemaker_session : Session, default=None
        model_channel_name : str, default="model"
            Channel that ``model_uri`` is taken from, if the job has it.

        Returns
        -------
        estimator : object of this class

        Raises
        ------
        ResourceNotFoundError
            If there is no such job.
        TrainingJobFailedError
            If it failed; a `TrainingJobStoppedError` if it was stopped.
        ValueError
            If the job is of another algorithm.
        """
        session = sagemaker_session or Session()
        found = session.describe_training_job(training_job_name)
        arguments = arguments_of_job(found, model_channel_name)
        arguments["tags"] = session.list_tags(found["TrainingJobArn"])
        arguments["base_job_name"] = base_from_name(training_job_name)
        estimator = cls._of_job(arguments, session)
        estimator.latest_training_job = TrainingJob(session, training_job_name)
        estimator._current_job_name = training_job_name
        estimator.latest_training_job.wait(logs=True)
        return estimator

    @classmethod
    def _of_job(cls, arguments: dict[str, Any], session: Session) -> Any:
        """An estimator of a job's arguments."""
        return cls(sagemaker_session=session, **arguments)

    def logs(self) -> None:
        """Show the log of the training job, until it ends."""
        self.sagemaker_session.logs_for_job(self._job().name, wait=True)

    @property
    def model_data(self) -> Any:
        """Where the artifact of the training job is, on S3.

        Raises
        ------
        ValueError
            If there is no job, or it failed or has no artifact yet.
        """
        job = self._job()
        found = job.describe()
        uri = found.get("ModelArtifacts", {}).get("S3ModelArtifacts")
        status = found["TrainingJobStatus"]
        if not uri or status not in ("Completed", "Stopped"):
            advice = "wait for its end, for instance by latest_training_job.wait()."
            if status == "Failed":
                advice = found.get("FailureReason", "its log may say why.")
            raise ValueError(
                f"The training job {job.name!r} has no model: it is {status}; {advice}"
            )
        if found.get("OutputDataConfig", {}).get("CompressionType", "GZIP") == "GZIP":
            return uri
        source = {"S3Uri": uri.rstrip("/") + "/", "S3DataType": "S3Prefix"}
        return {"S3DataSource": {**source, "CompressionType": "None"}}

    @property
    def training_job_analytics(self) -> TrainingJobAnalytics:
        """The metrics of the training job.

        Raises
        ------
        ValueError
            If there is no job.
        """
        return TrainingJobAnalytics(
            self._job().name, sagemaker_session=self.sagemaker_session
        )


def _refuse(not_built: dict[str, Any]) -> None:
    """Take arguments for what is not built if they ask for nothing."""
    for name, value in not_built.items():
        if name == "enable_cloudwatch_metrics":  # of version 1
            warn_user(
                f"{name} has no effect: CloudWatch has the metrics of all jobs.",
                DeprecationWarning,
            )
            continue
        if name not in NOT_BUILT:
            raise TypeError(
                f"There is no argument {name!r}, and SageMaker's SDK ignores it: "
                "correct its name, or leave it out."
            )
        if value and value not in _NOTHING.get(name, ()):
            raise ValueError(
                f"{name}={value!r} is for {NOT_BUILT[name]}, which is not built here; "
                "leave it out, or use SageMaker's SDK for that job."
            )


def _checked_role(role: str | None) -> str:
    if not role:
        raise ValueError(
            "role is missing: a training job needs an IAM role, by its ARN or its "
            "name. get_execution_role() finds that of a notebook of SageMaker."
        )
    return role


def _check(instance_type: Any, subnets: Any, groups: Any) -> None:
    if instance_type in ("local", "local_gpu"):
        raise ValueError(
            f"instance_type={instance_type!r}: there is no local mode. Use the "
            "estimators of sklearn_sagemaker, which train on this machine, or run "
            "this program against sklearn_sagemaker.testing.SageMakerEmulator."
        )
    if (subnets is None) != (groups is None):
        raise ValueError(
            f"subnets={subnets!r} and security_group_ids={groups!r}: a VPC needs both."
        )


class Estimator(EstimatorBase):
    """An estimator for any image.

    Parameters
    ----------
    image_uri : str
    role : str
    instance_count : int
    instance_type : str
    **kwargs
        As for `EstimatorBase`.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.estimator import Estimator
    >>> role = "arn:aws:iam::111122223333:role/R"
    >>> estimator = Estimator("mine:1", role, 1, "ml.m5.large")
    >>> estimator.set_hyperparameters(epochs=3)
    >>> estimator.hyperparameters()
    {'epochs': 3}
    """

    @old_names(image_name="image_uri", **TRAINING)
    def __init__(
        self,
        image_uri: str,
        role: str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(role, instance_count, instance_type, **kwargs)
        self.image_uri = image_uri

    def training_image_uri(self) -> str:
        """The image of the training job."""
        return self.image_uri

    def set_hyperparameters(self, **kwargs: Any) -> None:
        """Set hyperparameters, beside those that are set.

        Parameters
        ----------
        **kwargs
        """
        self._hyperparameters.update(kwargs)

    def create_model(
        self,
        role: str | None = None,
        image_uri: str | None = None,
        predictor_cls: Any = None,
        vpc_config_override: Any = VPC_CONFIG_DEFAULT,
        **kwargs: Any,
    ) -> Model:
        """A `Model` of the artifact of the training job.

        Parameters
        ----------
        role : str, default=None
            None is the estimator's.
        image_uri : str, default=None
            None is that of the training job.
        predictor_cls : callable, default=None
            What `deploy` returns, of the endpoint's name and the session; None is
            `Predictor`.
        vpc_config_override : dict or None, default="VPC_CONFIG_DEFAULT"
        **kwargs
            For `Model`.
        """
        for name in ("content_type", "accept"):
            if name in kwargs:
                kwargs.pop(name)
                warn_user(
                    f"{name} has no effect here; give the predictor a serializer or a "
                    "deserializer.",
                    DeprecationWarning,
                )
        kwargs.setdefault("enable_network_isolation", self.enable_network_isolation())
        return Model(
            image_uri or self.training_image_uri(),
            self.model_data,
            role or self.role,
            predictor_cls=predictor_cls or Predictor,
            vpc_config=self.get_vpc_config(vpc_config_override),
            sagemaker_session=self.sagemaker_session,
            **kwargs,
        )
