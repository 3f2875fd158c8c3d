"""The part of a session that is about models, and the roles that they have."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from sklearn_sagemaker.exceptions import NameInUseError
from sklearn_sagemaker.sagemaker import vpc_utils
from sklearn_sagemaker.sagemaker._names import check_name
from sklearn_sagemaker.sagemaker._requests import given
from sklearn_sagemaker.sagemaker._session_clients import Clients, covers
from sklearn_sagemaker.sagemaker._studio import Tags, tags_of
from sklearn_sagemaker.sagemaker._variants import container_def

_log = logging.getLogger(__name__)


class Models(Clients):
    """Models."""

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
                model_data_url or model_source(job),
                env,
            ),
            vpc_config=vpc_config_of(job, vpc_config_override),
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


def model_source(job: dict[str, Any]) -> dict[str, Any]:
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


def vpc_config_of(job: dict[str, Any], override: Any) -> dict[str, Any] | None:
    if override is vpc_utils.VPC_CONFIG_DEFAULT:
        return job.get(vpc_utils.VPC_CONFIG_KEY)
    return vpc_utils.sanitize(override)
