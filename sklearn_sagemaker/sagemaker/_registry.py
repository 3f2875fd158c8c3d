"""How a model gets into the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn_sagemaker.sagemaker._names import base_name_from_image
from sklearn_sagemaker.sagemaker._requests import given

if TYPE_CHECKING:
    from sklearn_sagemaker.sagemaker.model_package import ModelPackage

APPROVED, PENDING = "Approved", "PendingManualApproval"


class Registrable:
    """What can be registered: a model of one container."""

    image_uri: str | None
    model_data: Any
    predictor_cls: Any
    role: str | None
    sagemaker_session: Any

    def prepare_container_def(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What a request says of the container."""
        raise NotImplementedError

    def register(
        self,
        content_types: list[str] | None = None,
        response_types: list[str] | None = None,
        inference_instances: list[str] | None = None,
        transform_instances: list[str] | None = None,
        model_package_name: str | None = None,
        model_package_group_name: str | None = None,
        image_uri: str | None = None,
        model_metrics: Any = None,
        metadata_properties: Any = None,
        marketplace_cert: bool = False,
        approval_status: str | None = None,
        description: str | None = None,
        drift_check_baselines: Any = None,
        customer_metadata_properties: dict[str, str] | None = None,
        validation_specification: dict[str, Any] | None = None,
        domain: str | None = None,
        task: str | None = None,
        sample_payload_url: str | None = None,
        framework: str | None = None,
        framework_version: str | None = None,
        nearest_model_name: str | None = None,
        data_input_configuration: str | None = None,
        skip_model_validation: str | None = None,
        source_uri: str | None = None,
    ) -> ModelPackage:
        """Register the model: as a version in a group, or as a package of its own.

        Parameters
        ----------
        content_types, response_types : list of str, default=None
            Media types that it takes and gives.
        inference_instances, transform_instances : list of str, default=None
            Types of instances that it may have; needed without a group.
        model_package_name, model_package_group_name : str, default=None
            One of them; the group is created if need be. None is a group with the
            name of the image's repository.
        image_uri : str, default=None
            None is the model's.
        model_metrics, metadata_properties, drift_check_baselines : object, default=None
            Parts of the request, as dicts or as objects of SageMaker's SDK.
        marketplace_cert : bool, default=False
        approval_status : str, default=None
            "Approved", "Rejected" or "PendingManualApproval"; None is the last.
        description : str, default=None
        customer_metadata_properties : dict of str to str, default=None
        validation_specification : dict, default=None
        domain, task, sample_payload_url : str, default=None
        framework, framework_version, nearest_model_name : str, default=None
        data_input_configuration : str, default=None
            Of the container, for SageMaker's recommender of instances.
        skip_model_validation : {"None", "All"}, default=None
        source_uri : str, default=None

        Returns
        -------
        package : ModelPackage

        Raises
        ------
        ValueError
            If there is no image, both names are given, or a package of its own has no
            instances.
        """
        from sklearn_sagemaker.sagemaker.model_package import ModelPackage

        if image_uri is not None:
            self.image_uri = image_uri
        container = self.prepare_container_def()
        if model_package_name is None and model_package_group_name is None:
            model_package_group_name = base_name_from_image(container["Image"])
        if model_package_group_name is None:
            if isinstance(self.model_data, dict):
                raise ValueError(
                    "A package without model_package_group_name takes a model.tar.gz, "
                    f"by its address, and not model_data={self.model_data!r}."
                )
            container.pop("Environment", None)
        else:
            container.update(
                given(
                    Framework=framework and framework.upper(),
                    FrameworkVersion=framework_version,
                    NearestModelName=nearest_model_name,
                    ModelInput=data_input_configuration
                    and {"DataInputConfig": data_input_configuration},
                )
            )
        answer = self.sagemaker_session.create_model_package_from_containers(
            [container],
            content_types,
            response_types,
            inference_instances,
            transform_instances,
            model_package_name=model_package_name,
            model_package_group_name=model_package_group_name,
            model_metrics=_as_request(model_metrics),
            metadata_properties=_as_request(metadata_properties),
            marketplace_cert=marketplace_cert,
            approval_status=approval_status or PENDING,
            description=description,
            drift_check_baselines=_as_request(drift_check_baselines),
            customer_metadata_properties=customer_metadata_properties,
            validation_specification=validation_specification,
            domain=domain,
            sample_payload_url=sample_payload_url,
            task=task,
            skip_model_validation=skip_model_validation or "None",
            source_uri=source_uri,
        )
        return ModelPackage(
            self.role,
            self.model_data,
            model_package_arn=answer["ModelPackageArn"],
            sagemaker_session=self.sagemaker_session,
            predictor_cls=self.predictor_cls,
        )


def _as_request(part: Any) -> Any:
    """A part of a request, of which the SDK has classes."""
    make = getattr(part, "_to_request_dict", None)
    return part if make is None else make()
