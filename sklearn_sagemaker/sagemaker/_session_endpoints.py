"""The part of a session that is about endpoints."""

from __future__ import annotations

import logging
from typing import Any

from sklearn_sagemaker.exceptions import NameInUseError, ResourceNotFoundError
from sklearn_sagemaker.sagemaker import vpc_utils
from sklearn_sagemaker.sagemaker._logs import LogReader
from sklearn_sagemaker.sagemaker._names import check_name, name_from_image
from sklearn_sagemaker.sagemaker._session_configs import Configurations
from sklearn_sagemaker.sagemaker._session_models import model_source, vpc_config_of
from sklearn_sagemaker.sagemaker._studio import Tags, tags_of
from sklearn_sagemaker.sagemaker._variants import container_def
from sklearn_sagemaker.sagemaker._waiting import ENDPOINT, LONGEST_PAUSE, wait

LOGS = "/aws/sagemaker/Endpoints"
ENDPOINT_SECONDS = 3600.0
"""How long an endpoint is waited for unless the caller says otherwise."""
_log = logging.getLogger(__name__)


class Endpoints(Configurations):
    """Endpoints."""

    endpoint_arn: str | None

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
            logs=LogReader(self, f"{LOGS}/{endpoint}", "AllTraffic/")
            if live_logging
            else None,
            poll=poll,
            timeout=timeout,
            quiet=quiet,
        )

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
            model_source(job),
            image_uri or job["AlgorithmSpecification"]["TrainingImage"],
            initial_instance_count,
            instance_type,
            name or job_name,
            role or job["RoleArn"],
            wait,
            model_environment_vars,
            vpc_config_of(job, vpc_config_override),
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
