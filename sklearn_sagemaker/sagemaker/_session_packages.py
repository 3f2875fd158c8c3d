"""The part of a session that is about packages of models (the registry)."""

from __future__ import annotations

import re
from typing import Any

from sklearn_sagemaker.exceptions import AWSError, NameInUseError
from sklearn_sagemaker.sagemaker._requests import given
from sklearn_sagemaker.sagemaker._session_clients import Clients
from sklearn_sagemaker.sagemaker._waiting import LONGEST_PAUSE, PACKAGE, wait

_MODEL = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:\d{12}:model(-package)?/.+")


class Packages(Clients):
    """Packages of models."""

    def create_model_package_from_algorithm(
        self, name: str, description: str, algorithm_arn: str, model_data: Any
    ) -> None:
        """Create a package of a model that an algorithm of the marketplace has trained.

        Parameters
        ----------
        name, description, algorithm_arn : str
        model_data : str or dict
            URI, or a ``ModelDataSource``.
        """
        kind = "ModelDataSource" if isinstance(model_data, dict) else "ModelDataUrl"
        algorithm = {"AlgorithmName": algorithm_arn, kind: model_data}
        self._call(
            "sagemaker",
            "create_model_package",
            PACKAGE.what(name),
            ModelPackageName=name,
            ModelPackageDescription=description,
            SourceAlgorithmSpecification={"SourceAlgorithms": [algorithm]},
        )

    def create_model_package_from_containers(
        self,
        containers: list[dict[str, Any]] | None = None,
        content_types: list[str] | None = None,
        response_types: list[str] | None = None,
        inference_instances: list[str] | None = None,
        transform_instances: list[str] | None = None,
        model_package_name: str | None = None,
        model_package_group_name: str | None = None,
        model_metrics: dict[str, Any] | None = None,
        metadata_properties: dict[str, Any] | None = None,
        marketplace_cert: bool = False,
        approval_status: str = "PendingManualApproval",
        description: str | None = None,
        drift_check_baselines: dict[str, Any] | None = None,
        customer_metadata_properties: dict[str, str] | None = None,
        validation_specification: dict[str, Any] | None = None,
        domain: str | None = None,
        sample_payload_url: str | None = None,
        task: str | None = None,
        skip_model_validation: str = "None",
        source_uri: str | None = None,
        model_card: dict[str, Any] | None = None,
        model_life_cycle: dict[str, Any] | None = None,
        model_package_registration_type: str | None = None,
    ) -> dict[str, Any]:
        """Register a version in a group of packages, which is created if need be.

        Parameters
        ----------
        containers : list of dict or None, default=None
        content_types, response_types : list of str or None, default=None
        inference_instances, transform_instances : list of str or None, default=None
            Needed for a package without a group.
        model_package_name, model_package_group_name : str or None, default=None
            One of the two.
        model_metrics, metadata_properties, drift_check_baselines, \
customer_metadata_properties, validation_specification, model_card, \
model_life_cycle : dict or None, default=None
        marketplace_cert : bool, default=False
        approval_status : str, default="PendingManualApproval"
        description, domain, sample_payload_url, task, source_uri, \
model_package_registration_type : str or None, default=None
        skip_model_validation : {"None", "All"}, default="None"

        Returns
        -------
        answer : dict
            With the ``ModelPackageArn``.
        """
        group = model_package_group_name
        if model_package_name and group:
            raise ValueError(
                "model_package_name and model_package_group_name exclude each other: a "
                "package is a version of a group, or has a name of its own."
            )
        if model_package_name and source_uri:
            raise ValueError(
                "source_uri needs model_package_group_name: a package of its own name "
                "has none."
            )
        needed = inference_instances and transform_instances
        if containers is not None and group is None and not needed:
            raise ValueError(
                "A package without model_package_group_name needs inference_instances "
                "and transform_instances."
            )
        specification = None
        if containers is not None:
            specification = given(
                Containers=containers,
                SupportedContentTypes=content_types,
                SupportedResponseMIMETypes=response_types,
                SupportedRealtimeInferenceInstanceTypes=inference_instances,
                SupportedTransformInstanceTypes=transform_instances,
            )
        if group is not None and not group.startswith("arn:"):
            self._ensure_group(group)
        what = PACKAGE.what(model_package_name or group or "")
        # A source that is a model or a package says what the containers are; the
        # service takes no other source beside containers, but a change of it.
        names_model = source_uri is not None and _MODEL.match(source_uri)
        answer = self._call(
            "sagemaker",
            "create_model_package",
            what,
            **given(
                ModelPackageName=model_package_name,
                ModelPackageGroupName=group,
                ModelPackageDescription=description,
                ModelMetrics=model_metrics or None,
                DriftCheckBaselines=drift_check_baselines or None,
                MetadataProperties=metadata_properties or None,
                CustomerMetadataProperties=customer_metadata_properties,
                ValidationSpecification=validation_specification or None,
                Domain=domain,
                SamplePayloadUrl=sample_payload_url,
                Task=task,
                SourceUri=source_uri if names_model else None,
                InferenceSpecification=None if names_model else specification,
                CertifyForMarketplace=marketplace_cert,
                ModelApprovalStatus=approval_status,
                SkipModelValidation=skip_model_validation,
                ModelCard=model_card,
                ModelLifeCycle=model_life_cycle,
                ModelPackageRegistrationType=model_package_registration_type,
            ),
        )
        if source_uri is not None and not names_model:
            self._call(
                "sagemaker",
                "update_model_package",
                what,
                ModelPackageArn=answer["ModelPackageArn"],
                SourceUri=source_uri,
            )
        return answer

    def _ensure_group(self, group: str) -> None:
        what = f"model package group {group!r}"
        try:
            self._call(
                "sagemaker",
                "create_model_package_group",
                what,
                ModelPackageGroupName=group,
            )
        except NameInUseError:
            pass
        except AWSError as error:
            # The service's code for a group that is there.
            if error.code != "ConflictException":
                raise

    def wait_for_model_package(
        self,
        model_package_name: str,
        poll: float = LONGEST_PAUSE,
        *,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Wait until a package is complete.

        Parameters
        ----------
        model_package_name : str
            Name or ARN.
        poll, timeout : object
            As of `wait_for_job`.

        Returns
        -------
        description : dict

        Raises
        ------
        UnexpectedStatusException
        """
        return wait(self, PACKAGE, model_package_name, poll=poll, timeout=timeout)
