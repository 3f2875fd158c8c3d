"""Parts of requests for models and endpoints."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker.sagemaker._requests import given


def container_def(
    image_uri: str,
    model_data_url: str | dict[str, Any] | None = None,
    env: dict[str, str] | None = None,
    container_mode: str | None = None,
    image_config: dict[str, str] | None = None,
    accept_eula: bool | None = None,
    additional_model_data_sources: Any = None,
    model_reference_arn: str | None = None,
) -> dict[str, Any]:
    """A container of a model.

    Parameters
    ----------
    image_uri : str
    model_data_url : str, dict or None, default=None
        URI of the artifact, or a ``ModelDataSource``.
    env : dict or None, default=None
        Variables.
    container_mode : {"SingleModel", "MultiModel"} or None, default=None
    image_config : dict or None, default=None
    accept_eula : bool or None, default=None
    additional_model_data_sources : list of dict or None, default=None
    model_reference_arn : str or None, default=None

    Returns
    -------
    container : dict

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.session import container_def
    >>> container_def("image:1", "s3://bucket/model.tar.gz")
    {'Image': 'image:1', 'Environment': {}, 'ModelDataUrl': 's3://bucket/model.tar.gz'}
    """
    found = given(
        Image=image_uri,
        Environment=env or {},
        AdditionalModelDataSources=additional_model_data_sources or None,
    )
    source = model_data_url
    if isinstance(source, str) and accept_eula is not None:
        source = {
            "S3DataSource": {
                "S3Uri": source,
                "S3DataType": "S3Object",
                "CompressionType": "Gzip",
            }
        }
    if isinstance(source, dict):
        place = dict(source.get("S3DataSource", {}))
        if accept_eula is not None:
            place["ModelAccessConfig"] = {"AcceptEula": accept_eula}
        if model_reference_arn:
            place["HubAccessConfig"] = {"HubContentArn": model_reference_arn}
        found["ModelDataSource"] = {**source, "S3DataSource": place}
    elif source is not None:
        found["ModelDataUrl"] = source
    if container_mode:
        found["Mode"] = container_mode
    if image_config:
        found["ImageConfig"] = image_config
    return found


def pipeline_container_def(
    models: list[Any], instance_type: str | None = None
) -> list[dict[str, Any]]:
    """Containers of models that answer one after another.

    Parameters
    ----------
    models : list of Model
    instance_type : str or None, default=None

    Returns
    -------
    containers : list of dict
    """
    return [model.prepare_container_def(instance_type) for model in models]


def production_variant(
    model_name: str | None = None,
    instance_type: str | None = None,
    initial_instance_count: int | None = None,
    variant_name: str = "AllTraffic",
    initial_weight: float = 1,
    accelerator_type: str | None = None,
    serverless_inference_config: dict[str, Any] | None = None,
    volume_size: int | None = None,
    model_data_download_timeout: int | None = None,
    container_startup_health_check_timeout: int | None = None,
    managed_instance_scaling: dict[str, Any] | None = None,
    routing_config: dict[str, Any] | None = None,
    inference_ami_version: str | None = None,
) -> dict[str, Any]:
    """A variant of an endpoint configuration.

    Parameters
    ----------
    model_name, instance_type : str
    initial_instance_count : int or None, default=None
        None is 1.
    variant_name : str, default="AllTraffic"
    initial_weight : float, default=1
    accelerator_type : str or None, default=None
    serverless_inference_config : dict or None, default=None
        In place of instances.
    volume_size : int or None, default=None
        GB of disk.
    model_data_download_timeout, \
container_startup_health_check_timeout : int or None, default=None
        Seconds.
    managed_instance_scaling, routing_config : dict or None, default=None
    inference_ami_version : str or None, default=None

    Returns
    -------
    variant : dict

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.session import production_variant
    >>> production_variant("m", "ml.m5.large", 2)["InitialInstanceCount"]
    2
    """
    found: dict[str, Any] = {"VariantName": variant_name}
    if model_name:
        found.update(ModelName=model_name, InitialVariantWeight=initial_weight)
    found.update(
        given(
            AcceleratorType=accelerator_type or None,
            ManagedInstanceScaling=managed_instance_scaling or None,
            InferenceAmiVersion=inference_ami_version or None,
        )
    )
    if serverless_inference_config:
        return {**found, "ServerlessConfig": serverless_inference_config}
    return {
        **found,
        "InitialInstanceCount": initial_instance_count or 1,
        "InstanceType": instance_type,
        **given(
            VolumeSizeInGB=volume_size,
            ModelDataDownloadTimeoutInSeconds=model_data_download_timeout,
            ContainerStartupHealthCheckTimeoutInSeconds=(
                container_startup_health_check_timeout
            ),
            RoutingConfig=routing_config,
        ),
    }
