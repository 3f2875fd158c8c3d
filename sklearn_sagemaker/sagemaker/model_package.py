"""Models of the registry: packages, which can be approved and deployed."""

from __future__ import annotations

import logging
from typing import Any

from sklearn_sagemaker.sagemaker._names import name_from_base
from sklearn_sagemaker.sagemaker._registry import APPROVED
from sklearn_sagemaker.sagemaker._requests import given, tag_list
from sklearn_sagemaker.sagemaker._waiting import PACKAGE
from sklearn_sagemaker.sagemaker.model import Model

logger = logging.getLogger(__name__)


class ModelPackage(Model):
    """A model of the registry.

    Parameters
    ----------
    role : str, default=None
        Name or ARN of the IAM role of the model.
    model_data : str or dict, default=None
        Kept as an attribute; the package says where the artifact is.
    algorithm_arn : str, default=None
        Refused: algorithms of the marketplace are not built.
    model_package_arn : str
        ARN or name of the package.
    **kwargs
        As for `Model`, such as ``predictor_cls`` and ``sagemaker_session``.

    Raises
    ------
    ValueError
        If there is no package.

    Examples
    --------
    >>> from sklearn_sagemaker import sagemaker
    >>> package = sagemaker.ModelPackage(
    ...     "Role", model_package_arn="arn:aws:sagemaker:eu-west-1:1:model-package/a/1"
    ... )
    >>> package.deploy(1, "ml.m5.large")  # doctest: +SKIP
    """

    def __init__(
        self,
        role: str | None = None,
        model_data: Any = None,
        algorithm_arn: str | None = None,
        model_package_arn: str | None = None,
        **kwargs: Any,
    ):
        if algorithm_arn is not None:
            raise ValueError(
                f"algorithm_arn={algorithm_arn!r} is not built; make a package of it "
                "by Session().create_model_package_from_algorithm and give its "
                "model_package_arn."
            )
        if not model_package_arn:
            raise ValueError("model_package_arn is missing: which package is it?")
        super().__init__(None, model_data, role, **kwargs)
        self.model_package_arn = model_package_arn

    def prepare_container_def(
        self,
        instance_type: str | None = None,
        accelerator_type: str | None = None,
        serverless_inference_config: Any = None,
    ) -> dict[str, Any]:
        """What a request says of the container; see `Model`."""
        return given(
            ModelPackageName=self.model_package_arn, Environment=dict(self.env) or None
        )

    def enable_network_isolation(self) -> bool:
        """Whether the container reaches no network: products of the marketplace."""
        return self._isolated(self._describe())

    def _isolated(self, found: dict[str, Any]) -> bool:
        containers = found.get("InferenceSpecification", {}).get("Containers", [])
        return any("ProductId" in container for container in containers)

    def _describe(self) -> dict[str, Any]:
        return self._call(
            "describe_model_package", ModelPackageName=self.model_package_arn
        )

    def _call(self, method: str, **request: Any) -> dict[str, Any]:
        what = PACKAGE.what(self.model_package_arn)
        return self.sagemaker_session._call("sagemaker", method, what, **request)

    def _name(self) -> str:
        if self.name is None:
            # Of a version, the name of its group.
            path = self.model_package_arn.rpartition("model-package/")[2]
            self.name = self._made_name = name_from_base(path.partition("/")[0])
        return self.name

    def create(
        self,
        instance_type: str | None = None,
        accelerator_type: str | None = None,
        serverless_inference_config: Any = None,
        tags: Any = None,
    ) -> None:
        """Approve the version, if it is not, and create the model.

        Parameters
        ----------
        instance_type, accelerator_type : str, default=None
            Taken, as the SDK takes them; they change nothing here.
        serverless_inference_config : ServerlessInferenceConfig, default=None
            Likewise.
        tags : list of dict or dict, default=None

        Raises
        ------
        ValueError
            If there is no role.
        """
        if not self.role:
            raise ValueError("role is missing: a model needs an IAM role.")
        found = self._describe()
        status = found.get("ModelApprovalStatus", APPROVED)
        if "ModelPackageGroupName" in found and status != APPROVED:
            logger.warning(
                "%s was %s, and is approved.", self.model_package_arn, status
            )
            self.update_approval_status(APPROVED)
        self.sagemaker_session.create_model(
            self._name(),
            self.role,
            self.prepare_container_def(),
            vpc_config=self.vpc_config,
            enable_network_isolation=self._isolated(found),
            tags=tag_list(tags),
        )
        self._created = self.name

    def update_approval_status(
        self, approval_status: str, approval_description: str | None = None
    ) -> None:
        """Say whether the package may be deployed.

        Parameters
        ----------
        approval_status : {"Approved", "Rejected", "PendingManualApproval"}
        approval_description : str, default=None
        """
        self._update(
            ModelApprovalStatus=approval_status,
            ApprovalDescription=approval_description,
        )

    def update_customer_metadata(
        self, customer_metadata_properties: dict[str, str]
    ) -> None:
        """Set properties of the package.

        Parameters
        ----------
        customer_metadata_properties : dict of str to str
        """
        self._update(CustomerMetadataProperties=customer_metadata_properties)

    def remove_customer_metadata_properties(
        self, customer_metadata_properties_to_remove: list[str]
    ) -> None:
        """Remove properties of the package.

        Parameters
        ----------
        customer_metadata_properties_to_remove : list of str
        """
        self._update(
            CustomerMetadataPropertiesToRemove=customer_metadata_properties_to_remove
        )

    def _update(self, **change: Any) -> None:
        self._call(
            "update_model_package",
            ModelPackageArn=self.model_package_arn,
            **given(**change),
        )
