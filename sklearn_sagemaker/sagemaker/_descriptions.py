"""What the service says of a job, as the arguments that made it."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker._hyperparameters.container import REQUIRED
from sklearn_sagemaker.sagemaker import vpc_utils
from sklearn_sagemaker.sagemaker._names import base_from_name, base_name_from_image
from sklearn_sagemaker.sagemaker._requests import given


def arguments_of_job(found: dict[str, Any], model_channel_name: str) -> dict[str, Any]:
    """Arguments of an estimator from the description of a training job.

    What a job may lack is left out, whoever made it; an empty key is none.

    Parameters
    ----------
    found : dict
        Answer of ``DescribeTrainingJob``.
    model_channel_name : str

    Raises
    ------
    ValueError
        If the job runs an algorithm of the marketplace, which has no image.
    """
    what = found["AlgorithmSpecification"]
    if "TrainingImage" not in what:
        raise ValueError(
            f"The training job {found['TrainingJobName']!r} has no image: it runs "
            f"{what.get('AlgorithmName')!r} of the marketplace, which is not built."
        )
    built_in = base_name_from_image(what["TrainingImage"]) in REQUIRED
    resources, output = found["ResourceConfig"], found["OutputDataConfig"]
    stopping = found.get("StoppingCondition", {})
    checkpoints = found.get("CheckpointConfig", {})
    registry = what.get("TrainingImageConfig", {})
    credentials = registry.get("TrainingRepositoryAuthConfig", {})
    subnets, groups = vpc_utils.from_dict(found.get(vpc_utils.VPC_CONFIG_KEY))
    return given(
        image_uri=what["TrainingImage"],
        role=found["RoleArn"],
        instance_count=resources.get("InstanceCount"),
        instance_type=resources.get("InstanceType"),
        volume_size=resources.get("VolumeSizeInGB"),
        volume_kms_key=resources.get("VolumeKmsKeyId") or None,
        keep_alive_period_in_seconds=resources.get("KeepAlivePeriodInSeconds"),
        training_plan=resources.get("TrainingPlanArn"),
        instance_placement_config=resources.get("InstancePlacementConfig"),
        max_run=stopping.get("MaxRuntimeInSeconds"),
        max_wait=stopping.get("MaxWaitTimeInSeconds"),
        input_mode=what.get("TrainingInputMode"),
        output_path=output.get("S3OutputPath"),
        output_kms_key=output.get("KmsKeyId") or None,
        disable_output_compression=output.get("CompressionType") == "NONE" or None,
        hyperparameters=dict(found.get("HyperParameters", {})),
        # Those of a built-in algorithm are the service's own, and not sent.
        metric_definitions=None if built_in else what.get("MetricDefinitions"),
        enable_network_isolation=found.get("EnableNetworkIsolation"),
        encrypt_inter_container_traffic=found.get(
            "EnableInterContainerTrafficEncryption"
        ),
        use_spot_instances=found.get("EnableManagedSpotTraining"),
        checkpoint_s3_uri=checkpoints.get("S3Uri"),
        checkpoint_local_path=checkpoints.get("LocalPath"),
        environment=found.get("Environment"),
        max_retry_attempts=found.get("RetryStrategy", {}).get("MaximumRetryAttempts"),
        subnets=subnets,
        security_group_ids=groups,
        training_repository_access_mode=registry.get("TrainingRepositoryAccessMode"),
        training_repository_credentials_provider_arn=credentials.get(
            "TrainingRepositoryCredentialsProviderArn"
        ),
        container_entry_point=what.get("ContainerEntrypoint"),
        container_arguments=what.get("ContainerArguments"),
        enable_infra_check=found.get("InfraCheckConfig", {}).get("EnableInfraCheck"),
        enable_remote_debug=found.get("RemoteDebugConfig", {}).get("EnableRemoteDebug"),
        **_model(found, model_channel_name),
    )


def _model(found: dict[str, Any], channel_name: str) -> dict[str, Any]:
    """The model that a job started from."""
    for channel in found.get("InputDataConfig", []):
        source = channel.get("DataSource", {}).get("S3DataSource")
        if channel["ChannelName"] == channel_name and source:
            return {"model_uri": source["S3Uri"], "model_channel_name": channel_name}
    return {}


def arguments_of_transform(found: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a transformer from the description of a batch transform.

    Parameters
    ----------
    found : dict
        Answer of ``DescribeTransformJob``.
    """
    output, resources = found["TransformOutput"], found["TransformResources"]
    return {
        "model_name": found["ModelName"],
        "instance_count": resources["InstanceCount"],
        "instance_type": resources["InstanceType"],
        "volume_kms_key": resources.get("VolumeKmsKeyId") or None,
        "strategy": found.get("BatchStrategy"),
        "assemble_with": output.get("AssembleWith"),
        "output_path": output["S3OutputPath"],
        "output_kms_key": output.get("KmsKeyId") or None,
        "accept": output.get("Accept"),
        "max_concurrent_transforms": found.get("MaxConcurrentTransforms"),
        "max_payload": found.get("MaxPayloadInMB"),
        "env": found.get("Environment"),
        "base_transform_job_name": base_from_name(found["TransformJobName"]),
    }
