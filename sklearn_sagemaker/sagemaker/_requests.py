"""Bodies of requests, from what estimators and transformers hold."""

from __future__ import annotations

import json
from typing import Any

from sklearn_sagemaker.sagemaker.inputs import TrainingInput

MXNET = "mxnet"
NEO_FRAMEWORKS = (MXNET, "tensorflow", "keras", "pytorch", "onnx", "xgboost", "tflite")


def tag_list(tags: Any) -> list[dict[str, str]] | None:
    """Tags as requests hold them.

    Parameters
    ----------
    tags : None, dict of str to str, or list of dict with the keys "Key" and "Value"

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker._requests import tag_list
    >>> tag_list({"team": "a"})
    [{'Key': 'team', 'Value': 'a'}]
    """
    if isinstance(tags, dict):
        return [{"Key": str(key), "Value": str(value)} for key, value in tags.items()]
    return tags


def given(**members: Any) -> dict[str, Any]:
    """The members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def training_request(
    estimator: Any,
    *,
    job_name: str,
    role: str,
    inputs: Any,
    channels: list[dict[str, Any]],
    hyperparameters: dict[str, str],
    experiment_config: dict[str, str] | None,
) -> dict[str, Any]:
    """The request for the training job of an estimator.

    Parameters
    ----------
    estimator : EstimatorBase
    job_name, role : str
    inputs : object
        As the user gave them; the mode of a single `TrainingInput` is the job's.
    channels : list of dict
    hyperparameters : dict of str to str
    experiment_config : dict or None
    """
    mode = estimator.input_mode
    if isinstance(inputs, TrainingInput):
        mode = inputs.config.get("InputMode", mode)
    output = given(
        S3OutputPath=estimator.output_path,
        KmsKeyId=estimator.output_kms_key,
        CompressionType="NONE" if estimator.disable_output_compression else None,
    )
    resources = given(
        InstanceCount=estimator.instance_count,
        InstanceType=estimator.instance_type,
        VolumeSizeInGB=estimator.volume_size,
        VolumeKmsKeyId=estimator.volume_kms_key,
        KeepAlivePeriodInSeconds=estimator.keep_alive_period_in_seconds,
        TrainingPlanArn=estimator.training_plan,
        InstancePlacementConfig=estimator.instance_placement_config,
    )
    retries = estimator.max_retry_attempts
    checkpoints = None
    if estimator.checkpoint_s3_uri:
        checkpoints = given(
            S3Uri=estimator.checkpoint_s3_uri,
            LocalPath=estimator.checkpoint_local_path or None,
        )
    debugging = estimator.enable_remote_debug
    chaining = estimator.enable_session_tag_chaining
    checking = estimator.enable_infra_check
    return given(
        TrainingJobName=job_name,
        AlgorithmSpecification=given(
            TrainingImage=estimator.training_image_uri(),
            TrainingInputMode=mode,
            TrainingImageConfig=_registry(estimator),
            ContainerEntrypoint=estimator.container_entry_point,
            ContainerArguments=estimator.container_arguments,
            MetricDefinitions=estimator.metric_definitions,
            EnableSageMakerMetricsTimeSeries=estimator.enable_sagemaker_metrics,
        ),
        RoleArn=role,
        InputDataConfig=channels or None,
        OutputDataConfig=output,
        ResourceConfig=resources,
        StoppingCondition=given(
            MaxRuntimeInSeconds=estimator.max_run,
            MaxWaitTimeInSeconds=estimator.max_wait or None,
        ),
        HyperParameters=hyperparameters or None,
        Environment=estimator.environment,
        Tags=estimator.tags,
        VpcConfig=estimator.get_vpc_config(),
        ExperimentConfig=experiment_config or None,
        EnableNetworkIsolation=estimator.enable_network_isolation() or None,
        EnableInterContainerTrafficEncryption=(
            estimator.encrypt_inter_container_traffic or None
        ),
        EnableManagedSpotTraining=estimator.use_spot_instances or None,
        CheckpointConfig=checkpoints,
        RetryStrategy=retries and {"MaximumRetryAttempts": retries},
        InfraCheckConfig=(None if checking is None else {"EnableInfraCheck": checking}),
        RemoteDebugConfig=(
            None if debugging is None else {"EnableRemoteDebug": debugging}
        ),
        SessionChainingConfig=(
            None if chaining is None else {"EnableSessionTagChaining": chaining}
        ),
    )


def _registry(estimator: Any) -> dict[str, Any] | None:
    """How an image in a registry of the user's is reached."""
    access = estimator.training_repository_access_mode
    if access is None:
        return None
    arn = estimator.training_repository_credentials_provider_arn
    credentials = {"TrainingRepositoryCredentialsProviderArn": arn} if arn else None
    return given(
        TrainingRepositoryAccessMode=access, TrainingRepositoryAuthConfig=credentials
    )


def transform_request(
    transformer: Any, *, job_name: str, source: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """The request for a batch transform.

    Parameters
    ----------
    transformer : Transformer
    job_name : str
    source : dict
        ``TransformInput``.
    **more
        Further members of the request; those that are None are left out.
    """
    return given(
        TransformJobName=job_name,
        ModelName=transformer.model_name,
        TransformInput=source,
        TransformOutput=given(
            S3OutputPath=transformer.output_path,
            KmsKeyId=transformer.output_kms_key,
            AssembleWith=transformer.assemble_with,
            Accept=transformer.accept,
        ),
        TransformResources=given(
            InstanceCount=transformer.instance_count,
            InstanceType=transformer.instance_type,
            VolumeKmsKeyId=transformer.volume_kms_key,
        ),
        BatchStrategy=transformer.strategy,
        MaxConcurrentTransforms=transformer.max_concurrent_transforms,
        MaxPayloadInMB=transformer.max_payload,
        Environment=transformer.env,
        Tags=transformer.tags,
        **more,
    )


def compilation_configs(
    model_data: str,
    target: str | None,
    input_shape: Any,
    output_path: str,
    framework: str,
    framework_version: str | None,
    platform: tuple[str | None, str | None, str | None],
    options: Any,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``InputConfig`` and ``OutputConfig`` of a compilation job.

    Parameters
    ----------
    model_data : str
    target : str or None
        Device, such as "ml_c5".
    input_shape : dict or str
    output_path : str
    framework : str
    framework_version : str or None
        Sent for the targets that ask for it.
    platform : tuple of (os, architecture, accelerator)
        In place of a target.
    options : dict, str or None
        Of the compiler.

    Raises
    ------
    ValueError
        If there is no target and no platform, or no such framework.
    """
    if framework not in NEO_FRAMEWORKS:
        raise ValueError(
            f"framework={framework!r} is none that SageMaker Neo compiles; it must be "
            f"one of {', '.join(NEO_FRAMEWORKS)}."
        )
    source = given(
        S3Uri=model_data,
        DataInputConfig=_text(input_shape),
        Framework=framework.upper(),
        FrameworkVersion=_version(target, framework, framework_version),
    )
    system, architecture, accelerator = platform
    if target is None and (system is None or architecture is None):
        raise ValueError(
            "There is nothing to compile for: give target_instance_family, such as "
            '"ml_c5", or target_platform_os and target_platform_arch.'
        )
    place: dict[str, Any] = {"TargetDevice": target}
    if target is None:
        place = {
            "TargetPlatform": given(
                Os=system, Arch=architecture, Accelerator=accelerator
            )
        }
    goal = {"S3OutputLocation": output_path, **place}
    if options is not None:
        goal["CompilerOptions"] = _text(options)
    return source, goal


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else value


def _version(target: str | None, framework: str, version: str | None) -> str | None:
    """The version as Neo wants it, where it does."""
    asked = framework in ("pytorch", "tensorflow")
    asked = asked or (framework, target) == (MXNET, "ml_inf1")
    return ".".join(version.split(".")[:2]) if version and asked else None
