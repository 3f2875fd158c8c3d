"""The part of a session that is about models and endpoints."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from sklearn_sagemaker.exceptions import NameInUseError, ResourceNotFoundError
from sklearn_sagemaker.sagemaker import vpc_utils
from sklearn_sagemaker.sagemaker._names import check_name, name_from_image
from sklearn_sagemaker.sagemaker._requests import given
from sklearn_sagemaker.sagemaker._session_clients import Clients, covers
from sklearn_sagemaker.sagemaker._studio import Tags, tags_of
from sklearn_sagemaker.sagemaker._variants import container_def, production_variant
from sklearn_sagemaker.sagemaker._waiting import ENDPOINT, LONGEST_PAUSE, wait

ENDPOINT_SECONDS = 3600.0
"""How long an endpoint is waited for unless the caller says otherwise."""
_log = logging.getLogger(__name__)


class Hosting(Clients):
    """Models, endpoint configurations and endpoints."""

    endpoint_arn: str | None

    def expand_role(self, role: str) -> str:
        """The ARN of a role.

        Parameters
        ----------
        role : str
            Its name; an ARN is given back as it is.

        Returns
        -------
        arn : str
        """
        if not isinstance(role, str) or not role:
            raise ValueError(
                f"role={role!r} must be the name or the ARN of a role of IAM that "
                "SageMaker may take on; get_execution_role() finds that of a notebook."
            )
        if "/" in role:
            return role
        return self._call("iam", "get_role", f"role {role!r}", RoleName=role)["Role"][
            "Arn"
        ]

    def create_model(
        self,
        name: str,
        role: str | None = None,
        container_defs: Any = None,
        vpc_config: dict[str, list[str]] | None = None,
        enable_network_isolation: bool | None = None,
        primary_container: Any = None,
        tags: Tags | None = None,
    ) -> str:
        """Create a model.

        Parameters
        ----------
        name : str
        role : str
            Name or ARN.
        container_defs : dict, str, or list of dict
            One container, or the address of its image; or a pipeline of containers.
        vpc_config : dict or None, default=None
        enable_network_isolation : bool or None, default=None
        primary_container : dict, str or None, default=None
            SDK v1's name for one container.
        tags : list of dict, dict, or None, default=None

        Returns
        -------
        name : str

        Raises
        ------
        NameInUseError
            If another model has this name; one that is just like this is used.
        """
        if container_defs and primary_container:
            raise ValueError(
                "container_defs and primary_container are the same thing; give one."
            )
        if primary_container:
            warnings.warn(
                "primary_container is container_defs since version 2 of SageMaker's "
                "SDK.",
                DeprecationWarning,
                stacklevel=2,
            )
            container_defs = primary_container
        check_name("model", name)
        if isinstance(container_defs, str):
            container_defs = container_def(container_defs)
        container: dict[str, Any] = {"PrimaryContainer": container_defs}
        if isinstance(container_defs, list):
            container = {"Containers": container_defs}
        elif "ModelPackageName" in container_defs:
            container = {"Containers": [container_defs]}
        request = given(
            ModelName=name,
            ExecutionRoleArn=self.expand_role(role or ""),
            **container,
            Tags=tags_of(tags) or None,
            VpcConfig=vpc_config or None,
            EnableNetworkIsolation=enable_network_isolation or None,
        )
        _log.info("Creating the model %s", name)
        try:
            self._create("create_model", f"model {name!r}", request)
        except NameInUseError:
            if not covers(self.describe_model(name), request):
                raise
            _log.warning("The model %s exists, just like this one, and is used.", name)
        return name

    def create_model_from_job(
        self,
        training_job_name: str,
        name: str | None = None,
        role: str | None = None,
        image_uri: str | None = None,
        model_data_url: str | None = None,
        env: dict[str, str] | None = None,
        enable_network_isolation: bool | None = None,
        vpc_config_override: Any = vpc_utils.VPC_CONFIG_DEFAULT,
        tags: Tags | None = None,
    ) -> str:
        """Create a model of what a training job has left.

        Parameters
        ----------
        training_job_name : str
        name : str or None, default=None
            None takes the job's.
        role, image_uri, model_data_url : str or None, default=None
            None takes the job's.
        env : dict or None, default=None
            Variables of the container.
        enable_network_isolation : bool or None, default=None
        vpc_config_override : dict or None
            By default the job's.
        tags : list of dict, dict, or None, default=None

        Returns
        -------
        name : str
        """
        job = self._job_of_model(training_job_name)
        return self.create_model(
            name or training_job_name,
            role or job["RoleArn"],
            container_def(
                image_uri or job["AlgorithmSpecification"]["TrainingImage"],
                model_data_url or _model_source(job),
                env,
            ),
            vpc_config=_vpc_config(job, vpc_config_override),
            enable_network_isolation=enable_network_isolation,
            tags=tags,
        )

    def _job_of_model(self, name: str) -> dict[str, Any]:
        job = self._describe(
            "describe_training_job", f"training job {name!r}", TrainingJobName=name
        )
        artifact = (job.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
        if job["TrainingJobStatus"] not in ("Completed", "Stopped") or not artifact:
            raise ValueError(
                f"The training job {name!r} has no model: it is "
                f"{job['TrainingJobStatus']}."
            )
        return job

    def describe_model(self, name: str) -> dict[str, Any]:
        """What the service knows of a model.

        Parameters
        ----------
        name : str

        Returns
        -------
        description : dict
        """
        return self._describe("describe_model", f"model {name!r}", ModelName=name)

    def delete_model(self, model_name: str) -> None:
        """Delete a model; its artifact stays.

        Parameters
        ----------
        model_name : str
        """
        self._delete("delete_model", f"model {model_name!r}", ModelName=model_name)

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

    def create_endpoint(
        self,
        endpoint_name: str,
        config_name: str,
        tags: Tags | None = None,
        wait: bool = True,
        live_logging: bool = False,
    ) -> str:
        """Create an endpoint.

        Parameters
        ----------
        endpoint_name, config_name : str
        tags : list of dict, dict, or None, default=None
        wait : bool, default=True
            Whether to wait until it is in service.
        live_logging : bool, default=False
            Whether the containers' lines are shown meanwhile.

        Returns
        -------
        name : str

        Raises
        ------
        NameInUseError
            If there is an endpoint of this name.
        EndpointFailedError, CapacityError, WaitTimeoutError
            If it is waited for.
        """
        check_name("endpoint", endpoint_name)
        request = {
            "EndpointName": endpoint_name,
            "EndpointConfigName": config_name,
            "Tags": tags_of(tags or []),
        }
        what = ENDPOINT.what(endpoint_name)
        _log.info("Creating the %s", what)
        try:
            answer = self._create(
                "create_endpoint",
                what,
                request,
                lambda: ENDPOINT.describe(self, endpoint_name),
            )
        except NameInUseError as error:
            raise NameInUseError(
                f"There is an {what} already; deploy under another name by "
                "endpoint_name=..., or put this model behind it by "
                "update_endpoint=True.",
                error.operation,
                error.code,
                attempts=error.attempts,
            ) from None
        self.endpoint_arn = answer["EndpointArn"]
        if wait:
            self.wait_for_endpoint(endpoint_name, live_logging=live_logging)
        return endpoint_name

    def update_endpoint(
        self, endpoint_name: str, endpoint_config_name: str, wait: bool = True
    ) -> str:
        """Put another configuration behind an endpoint.

        Parameters
        ----------
        endpoint_name, endpoint_config_name : str
        wait : bool, default=True
            Whether to wait until it is in service with it.

        Returns
        -------
        name : str

        Raises
        ------
        ValueError
            If there is no such endpoint.
        """
        try:
            self.describe_endpoint(endpoint_name)
        except ResourceNotFoundError:
            raise ValueError(
                f"There is no endpoint {endpoint_name!r} to update; create it first."
            ) from None
        answer = self._call(
            "sagemaker",
            "update_endpoint",
            ENDPOINT.what(endpoint_name),
            EndpointName=endpoint_name,
            EndpointConfigName=endpoint_config_name,
        )
        self.endpoint_arn = answer["EndpointArn"]
        if wait:
            self.wait_for_endpoint(endpoint_name)
        return endpoint_name

    def describe_endpoint(self, endpoint_name: str) -> dict[str, Any]:
        """What the service knows of an endpoint.

        Parameters
        ----------
        endpoint_name : str

        Returns
        -------
        description : dict
        """
        return ENDPOINT.describe(self, endpoint_name)

    def endpoint_in_service_or_not(self, endpoint_name: str) -> bool:
        """Whether an endpoint is in service.

        Parameters
        ----------
        endpoint_name : str

        Returns
        -------
        in_service : bool
            Also False if there is none of this name.
        """
        try:
            found = self.describe_endpoint(endpoint_name)
        except ResourceNotFoundError:
            return False
        return found["EndpointStatus"] == "InService"

    def delete_endpoint(self, endpoint_name: str) -> None:
        """Delete an endpoint; its configuration and model stay.

        Parameters
        ----------
        endpoint_name : str
        """
        what = ENDPOINT.what(endpoint_name)
        _log.info("Deleting the %s", what)
        self._delete("delete_endpoint", what, EndpointName=endpoint_name)

    def wait_for_endpoint(
        self,
        endpoint: str,
        poll: float = LONGEST_PAUSE,
        live_logging: bool = False,
        *,
        timeout: float | None = ENDPOINT_SECONDS,
        quiet: bool = False,
    ) -> dict[str, Any]:
        """Wait until an endpoint is in service, and print its statuses.

        Parameters
        ----------
        endpoint : str
        poll : float, default=30
            Longest pause between two polls; the first is 0.2 s, and each is twice as
            long as the one before.
        live_logging : bool, default=False
            Whether the containers' lines are shown meanwhile.
        timeout : float or None, default=3600
            Seconds after which waiting ends.
        quiet : bool, default=False
            Whether nothing is printed.

        Returns
        -------
        description : dict

        Raises
        ------
        EndpointFailedError
            If it does not come into service; `CapacityError` for want of instances.
        WaitTimeoutError
        AWSError
            If it cannot be asked for any more.
        """
        return wait(
            self,
            ENDPOINT,
            endpoint,
            logs=self._endpoint_logs(endpoint) if live_logging else None,
            poll=poll,
            timeout=timeout,
            quiet=quiet,
        )

    def _endpoint_logs(self, endpoint: str) -> Any:
        from sklearn_sagemaker.sagemaker._logs import LogReader

        return LogReader(self, f"/aws/sagemaker/Endpoints/{endpoint}", "AllTraffic/")

    def endpoint_from_production_variants(
        self,
        name: str,
        production_variants: list[dict[str, Any]],
        tags: Tags | None = None,
        kms_key: str | None = None,
        wait: bool = True,
        data_capture_config_dict: dict[str, Any] | None = None,
        async_inference_config_dict: dict[str, Any] | None = None,
        explainer_config_dict: dict[str, Any] | None = None,
        live_logging: bool = False,
        vpc_config: dict[str, Any] | None = None,
        enable_network_isolation: bool | None = None,
        role: str | None = None,
    ) -> str:
        """Create an endpoint configuration, and an endpoint of the same name.

        Parameters
        ----------
        name : str
        production_variants : list of dict
            Such as `production_variant` makes.
        tags : list of dict, dict, or None, default=None
        kms_key : str or None, default=None
        wait, live_logging : bool
            As of `create_endpoint`.
        data_capture_config_dict, async_inference_config_dict, \
explainer_config_dict, vpc_config : dict or None, default=None
        enable_network_isolation : bool or None, default=None
        role : str or None, default=None

        Returns
        -------
        name : str
        """
        self._create_config(
            name,
            production_variants,
            role,
            Tags=tags_of(tags) or None,
            KmsKeyId=kms_key or None,
            DataCaptureConfig=data_capture_config_dict,
            AsyncInferenceConfig=async_inference_config_dict,
            ExplainerConfig=explainer_config_dict,
            VpcConfig=vpc_config,
            EnableNetworkIsolation=enable_network_isolation,
            ExecutionRoleArn=role,
        )
        return self.create_endpoint(name, name, tags, wait, live_logging)

    def endpoint_from_job(
        self,
        job_name: str,
        initial_instance_count: int,
        instance_type: str,
        image_uri: str | None = None,
        name: str | None = None,
        role: str | None = None,
        wait: bool = True,
        model_environment_vars: dict[str, str] | None = None,
        vpc_config_override: Any = vpc_utils.VPC_CONFIG_DEFAULT,
        accelerator_type: str | None = None,
        data_capture_config: Any = None,
    ) -> str:
        """Deploy what a training job has left.

        Parameters
        ----------
        job_name : str
        initial_instance_count : int
        instance_type : str
        image_uri, name, role : str or None, default=None
            None takes the job's.
        wait : bool, default=True
        model_environment_vars : dict or None, default=None
        vpc_config_override : dict or None
            By default the job's.
        accelerator_type : str or None, default=None
        data_capture_config : DataCaptureConfig or None, default=None

        Returns
        -------
        name : str
            Of the endpoint.
        """
        job = self._job_of_model(job_name)
        return self.endpoint_from_model_data(
            _model_source(job),
            image_uri or job["AlgorithmSpecification"]["TrainingImage"],
            initial_instance_count,
            instance_type,
            name or job_name,
            role or job["RoleArn"],
            wait,
            model_environment_vars,
            _vpc_config(job, vpc_config_override),
            accelerator_type,
            data_capture_config,
        )

    def endpoint_from_model_data(
        self,
        model_s3_location: str | dict[str, Any],
        image_uri: str,
        initial_instance_count: int,
        instance_type: str,
        name: str | None = None,
        role: str | None = None,
        wait: bool = True,
        model_environment_vars: dict[str, str] | None = None,
        model_vpc_config: dict[str, Any] | None = None,
        accelerator_type: str | None = None,
        data_capture_config: Any = None,
        tags: Tags | None = None,
    ) -> str:
        """Deploy a model that is on S3.

        Parameters
        ----------
        model_s3_location : str or dict
        image_uri : str
        initial_instance_count : int
        instance_type : str
        name : str or None, default=None
            Of model, configuration and endpoint. None takes the image's and the time.
        role : str
        wait : bool, default=True
        model_environment_vars : dict or None, default=None
        model_vpc_config : dict or None, default=None
        accelerator_type : str or None, default=None
        data_capture_config : DataCaptureConfig or None, default=None
        tags : list of dict, dict, or None, default=None

        Returns
        -------
        name : str
            Of the endpoint.
        """
        name = name or name_from_image(image_uri)
        self.create_model(
            name,
            role,
            container_def(image_uri, model_s3_location, model_environment_vars),
            vpc_config=vpc_utils.sanitize(model_vpc_config),
        )
        capture = data_capture_config and data_capture_config._to_request_dict()
        self.create_endpoint_config(
            name,
            name,
            initial_instance_count,
            instance_type,
            accelerator_type,
            tags,
            data_capture_config_dict=capture,
        )
        return self.create_endpoint(name, name, tags, wait)

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
        tags: list[dict[str, str]] = []
        while True:
            page = self._call("sagemaker", "list_tags", resource_arn, **request)
            tags += [tag for tag in page["Tags"] if "aws:" not in tag["Key"]]
            if not page.get("NextToken"):
                return tags
            request["NextToken"] = page["NextToken"]


def _model_source(job: dict[str, Any]) -> dict[str, Any]:
    """Where a job's model is, as a model's container has it."""
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    if job.get("OutputDataConfig", {}).get("CompressionType") == "NONE":
        source = {
            "S3Uri": uri if uri.endswith("/") else f"{uri}/",
            "S3DataType": "S3Prefix",
            "CompressionType": "None",
        }
    else:
        source = {
            "S3Uri": uri,
            "S3DataType": "S3Object",
            "CompressionType": "Gzip",
        }
    return {"S3DataSource": source}


def _vpc_config(job: dict[str, Any], override: Any) -> dict[str, Any] | None:
    if override is vpc_utils.VPC_CONFIG_DEFAULT:
        return job.get(vpc_utils.VPC_CONFIG_KEY)
    return vpc_utils.sanitize(override)
