"""The part of a session that is about endpoint configurations."""

from __future__ import annotations

import logging
from typing import Any

from sklearn_sagemaker.sagemaker._names import check_name
from sklearn_sagemaker.sagemaker._requests import given
from sklearn_sagemaker.sagemaker._session_models import Models
from sklearn_sagemaker.sagemaker._studio import Tags, tags_of
from sklearn_sagemaker.sagemaker._variants import production_variant

_log = logging.getLogger(__name__)


class Configurations(Models):
    """Endpoint configurations."""

    def create_endpoint_config(
        self,
        name: str,
        model_name: str | None = None,
        initial_instance_count: int | None = None,
        instance_type: str | None = None,
        accelerator_type: str | None = None,
        tags: Tags | None = None,
        kms_key: str | None = None,
        data_capture_config_dict: dict[str, Any] | None = None,
        volume_size: int | None = None,
        model_data_download_timeout: int | None = None,
        container_startup_health_check_timeout: int | None = None,
        explainer_config_dict: dict[str, Any] | None = None,
        async_inference_config_dict: dict[str, Any] | None = None,
        serverless_inference_config_dict: dict[str, Any] | None = None,
        routing_config: dict[str, Any] | None = None,
        inference_ami_version: str | None = None,
        production_variants: list[dict[str, Any]] | None = None,
        role: str | None = None,
    ) -> str:
        """Create an endpoint configuration of one variant.

        Parameters
        ----------
        name : str
        model_name, initial_instance_count, instance_type, accelerator_type, \
volume_size, model_data_download_timeout, container_startup_health_check_timeout, \
serverless_inference_config_dict, routing_config, inference_ami_version : object
            As of `production_variant`.
        tags : list of dict, dict, or None, default=None
        kms_key : str or None, default=None
        data_capture_config_dict, explainer_config_dict, \
async_inference_config_dict : dict or None, default=None
        production_variants : list of dict or None, default=None
            In place of what makes one.
        role : str or None, default=None
            For variants without a model.

        Returns
        -------
        name : str
        """
        if production_variants is None:
            production_variants = [
                production_variant(
                    model_name,
                    instance_type,
                    initial_instance_count,
                    accelerator_type=accelerator_type,
                    serverless_inference_config=serverless_inference_config_dict,
                    volume_size=volume_size,
                    model_data_download_timeout=model_data_download_timeout,
                    container_startup_health_check_timeout=(
                        container_startup_health_check_timeout
                    ),
                    routing_config=routing_config,
                    inference_ami_version=inference_ami_version,
                )
            ]
        return self._create_config(
            name,
            production_variants,
            role,
            # Sent although it is empty, as the SDK does.
            Tags=tags_of(tags or []),
            KmsKeyId=kms_key,
            DataCaptureConfig=data_capture_config_dict,
            AsyncInferenceConfig=async_inference_config_dict,
            ExplainerConfig=explainer_config_dict,
        )

    def _create_config(
        self,
        name: str,
        variants: list[dict[str, Any]],
        role: str | None,
        **more: Any,
    ) -> str:
        check_name("endpoint configuration", name)
        if not any("ModelName" in variant for variant in variants):
            more["ExecutionRoleArn"] = self.expand_role(role or "")
        request = given(EndpointConfigName=name, ProductionVariants=variants, **more)
        _log.info("Creating the endpoint configuration %s", name)
        self._create(
            "create_endpoint_config",
            f"endpoint configuration {name!r}",
            request,
            lambda: self.describe_endpoint_config(name),
        )
        return name

    def create_endpoint_config_from_existing(
        self,
        existing_config_name: str,
        new_config_name: str,
        new_tags: Tags | None = None,
        new_kms_key: str | None = None,
        new_data_capture_config_dict: dict[str, Any] | None = None,
        new_production_variants: list[dict[str, Any]] | None = None,
        new_explainer_config_dict: dict[str, Any] | None = None,
    ) -> str:
        """Create an endpoint configuration from one that exists.

        Parameters
        ----------
        existing_config_name, new_config_name : str
        new_tags, new_kms_key, new_data_capture_config_dict, \
new_production_variants, new_explainer_config_dict : object, default=None
            What differs. None takes what the other has.

        Returns
        -------
        name : str
            Of the new one.
        """
        old = self.describe_endpoint_config(existing_config_name)
        tags = tags_of(new_tags or self.list_tags(old["EndpointConfigArn"]))
        return self._create_config(
            new_config_name,
            new_production_variants or old["ProductionVariants"],
            old.get("ExecutionRoleArn"),
            Tags=tags or None,
            KmsKeyId=new_kms_key or old.get("KmsKeyId"),
            DataCaptureConfig=(
                new_data_capture_config_dict or old.get("DataCaptureConfig")
            ),
            AsyncInferenceConfig=old.get("AsyncInferenceConfig"),
            ExplainerConfig=new_explainer_config_dict or old.get("ExplainerConfig"),
        )

    def describe_endpoint_config(self, endpoint_config_name: str) -> dict[str, Any]:
        """What the service knows of an endpoint configuration.

        Parameters
        ----------
        endpoint_config_name : str

        Returns
        -------
        description : dict
        """
        return self._describe(
            "describe_endpoint_config",
            f"endpoint configuration {endpoint_config_name!r}",
            EndpointConfigName=endpoint_config_name,
        )

    def delete_endpoint_config(self, endpoint_config_name: str) -> None:
        """Delete an endpoint configuration.

        Parameters
        ----------
        endpoint_config_name : str
        """
        self._delete(
            "delete_endpoint_config",
            f"endpoint configuration {endpoint_config_name!r}",
            EndpointConfigName=endpoint_config_name,
        )

    def list_tags(
        self, resource_arn: str, max_results: int = 50
    ) -> list[dict[str, str]]:
        """Tags of a resource, without those of AWS itself.

        Parameters
        ----------
        resource_arn : str
        max_results : int, default=50
            In a page; all pages are read.

        Returns
        -------
        tags : list of dict
        """
        request = {"ResourceArn": resource_arn, "MaxResults": max_results}
        return [
            tag
            for page in self._pages("list_tags", resource_arn, **request)
            for tag in page["Tags"]
            if "aws:" not in tag["Key"]
        ]
