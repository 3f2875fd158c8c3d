"""Models in a row: what one answers, the next one gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn_sagemaker.sagemaker._deployable import Deployable
from sklearn_sagemaker.sagemaker._names import name_from_image
from sklearn_sagemaker.sagemaker._requests import tag_list
from sklearn_sagemaker.sagemaker._variants import production_variant
from sklearn_sagemaker.sagemaker.model import Model
from sklearn_sagemaker.sagemaker.session import Session
from sklearn_sagemaker.sagemaker.transformer import Transformer


class PipelineModel(Deployable):
    """Models in a row, behind one endpoint.

    Parameters
    ----------
    models : sequence of Model
    role : str
        Name or ARN of the IAM role.
    predictor_cls : callable, default=None
        What `deploy` returns, of the endpoint's name and the session; None is None.
    name : str, default=None
        None makes one when it is created.
    vpc_config : dict, default=None
    sagemaker_session : Session, default=None
    enable_network_isolation : bool, default=None

    Raises
    ------
    ValueError
        If there is no role.
    """

    def __init__(
        self,
        models: Sequence[Model],
        role: str | None = None,
        predictor_cls: Any = None,
        name: str | None = None,
        vpc_config: dict[str, Any] | None = None,
        sagemaker_session: Session | None = None,
        enable_network_isolation: bool | None = None,
    ):
        if not role:
            raise ValueError("role is missing: a pipeline of models needs an IAM role.")
        self.models, self.role = models, role
        self.predictor_cls, self.name = predictor_cls, name
        self.vpc_config = vpc_config
        self._session = sagemaker_session
        self.enable_network_isolation = bool(enable_network_isolation)
        self.endpoint_name: str | None = None

    def pipeline_container_def(
        self, instance_type: str | None = None
    ) -> list[dict[str, Any]]:
        """What a request says of the containers.

        Parameters
        ----------
        instance_type : str, default=None
        """
        return [model.prepare_container_def(instance_type) for model in self.models]

    def _name(self) -> str:
        if self.name is None:
            image = self.pipeline_container_def()[0]["Image"]
            self.name = self._made_name = name_from_image(image)
        return self.name

    def create(self, instance_type: str | None = None, *, tags: Any = None) -> None:
        """Create the model of all containers.

        Parameters
        ----------
        instance_type : str, default=None
        tags : list of dict or dict, default=None
        """
        self.sagemaker_session.create_model(
            self._name(),
            self.role,
            self.pipeline_container_def(instance_type),
            vpc_config=self.vpc_config,
            enable_network_isolation=self.enable_network_isolation,
            tags=tag_list(tags),
        )
        self._created = self.name

    def deploy(
        self,
        initial_instance_count: int,
        instance_type: str,
        *,
        serializer: Any = None,
        deserializer: Any = None,
        endpoint_name: str | None = None,
        tags: Any = None,
        wait: bool = True,
        update_endpoint: bool = False,
        data_capture_config: Any = None,
        kms_key: str | None = None,
        volume_size: int | None = None,
        model_data_download_timeout: int | None = None,
        container_startup_health_check_timeout: int | None = None,
    ) -> Any:
        """Create the model and put it behind an endpoint.

        Parameters
        ----------
        initial_instance_count : int
        instance_type : str
        serializer, deserializer : object, default=None
            Of the predictor, in place of its own.
        endpoint_name : str, default=None
            None is the name of the model.
        tags : list of dict or dict, default=None
        wait : bool, default=True
        update_endpoint : bool, default=False
            Whether the endpoint exists; what it had is deleted then.
        data_capture_config : DataCaptureConfig, default=None
        kms_key : str, default=None
        volume_size, model_data_download_timeout : int, default=None
        container_startup_health_check_timeout : int, default=None

        Returns
        -------
        predictor : object or None
            Of ``predictor_cls``.

        Raises
        ------
        NameInUseError
            If there is an endpoint of that name, and ``update_endpoint`` is not set.
        EndpointFailedError
            If it fails; what was created is deleted.
        """
        name = self._name()
        self.endpoint_name = endpoint_name or name
        variant = production_variant(
            name,
            instance_type,
            initial_instance_count,
            volume_size=volume_size,
            model_data_download_timeout=model_data_download_timeout,
            container_startup_health_check_timeout=(
                container_startup_health_check_timeout
            ),
        )
        return self._serve(
            self.endpoint_name,
            instance_type,
            variant,
            tags=tags,
            model_tags=None,  # as the SDK
            kms_key=kms_key,
            data_capture_config=data_capture_config,
            async_inference_config=None,
            update_endpoint=update_endpoint,
            wait=wait,
            serializer=serializer,
            deserializer=deserializer,
        )

    def transformer(
        self,
        instance_count: int,
        instance_type: str,
        strategy: str | None = None,
        assemble_with: str | None = None,
        output_path: str | None = None,
        output_kms_key: str | None = None,
        accept: str | None = None,
        env: dict[str, str] | None = None,
        max_concurrent_transforms: int | None = None,
        max_payload: int | None = None,
        tags: Any = None,
        volume_kms_key: str | None = None,
    ) -> Transformer:
        """A batch transform by the models, which are created as one.

        Parameters
        ----------
        instance_count : int
        instance_type : str
        strategy, assemble_with, output_path, output_kms_key : str, default=None
        accept : str, default=None
        env : dict of str to str, default=None
        max_concurrent_transforms, max_payload : int, default=None
        tags : list of dict or dict, default=None
        volume_kms_key : str, default=None
            All of these as for `Transformer`.

        Returns
        -------
        transformer : Transformer
        """
        self.create(instance_type)
        return Transformer(
            self._name(),
            instance_count,
            instance_type,
            strategy=strategy,
            assemble_with=assemble_with,
            output_path=output_path,
            output_kms_key=output_kms_key,
            accept=accept,
            max_concurrent_transforms=max_concurrent_transforms,
            max_payload=max_payload,
            env=env,
            tags=tags,
            base_transform_job_name=self._name(),
            sagemaker_session=self.sagemaker_session,
            volume_kms_key=volume_kms_key,
        )
