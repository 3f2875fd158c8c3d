"""What becomes of a model that an estimator has trained: endpoints, transforms."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker.exceptions import ResourceNotFoundError
from sklearn_sagemaker.sagemaker._names import name_from_base
from sklearn_sagemaker.sagemaker._requests import tag_list
from sklearn_sagemaker.sagemaker.job import TrainingJob
from sklearn_sagemaker.sagemaker.model import Model
from sklearn_sagemaker.sagemaker.model_package import ModelPackage
from sklearn_sagemaker.sagemaker.predictor import Predictor
from sklearn_sagemaker.sagemaker.session import Session
from sklearn_sagemaker.sagemaker.transformer import Transformer
from sklearn_sagemaker.sagemaker.vpc_utils import VPC_CONFIG_DEFAULT


class Trained:
    """The half of an estimator that comes after its training.

    Subclasses have a session, a role, a job, and say how a `Model` is made of it.
    """

    role: str
    tags: list[dict[str, str]] | None
    output_kms_key: str | None
    sagemaker_session: Session
    _endpoint_name: str | None
    _compiled_models: dict[str, Model]

    @property
    def _base_name(self) -> str:
        """What names of jobs and models begin with."""
        raise NotImplementedError

    def _job(self) -> TrainingJob:
        """The latest training job; a ValueError if there is none."""
        raise NotImplementedError

    def enable_network_isolation(self) -> bool:
        """Whether containers reach no network."""
        raise NotImplementedError

    def create_model(self, **kwargs: Any) -> Model:
        """A `Model` of the artifact of the training job."""
        raise NotImplementedError

    def deploy(
        self,
        initial_instance_count: int | None = None,
        instance_type: str | None = None,
        *,
        accelerator_type: str | None = None,
        endpoint_name: str | None = None,
        use_compiled_model: bool = False,
        update_endpoint: bool = False,
        wait: bool = True,
        tags: Any = None,
        serializer: Any = None,
        deserializer: Any = None,
        model_name: str | None = None,
        kms_key: str | None = None,
        data_capture_config: Any = None,
        serverless_inference_config: Any = None,
        async_inference_config: Any = None,
        volume_size: int | None = None,
        model_data_download_timeout: int | None = None,
        container_startup_health_check_timeout: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Put the model behind an endpoint.

        Parameters
        ----------
        initial_instance_count : int
        instance_type : str
            Both are needed unless the endpoint is serverless.
        accelerator_type : str, default=None
            Elastic Inference, which AWS has closed: it warns.
        endpoint_name : str, default=None
            None is the name of the training job.
        use_compiled_model : bool, default=False
            Whether to take what `compile_model` made for this type of instance.
        update_endpoint : bool, default=False
            Whether the endpoint exists, and gets this model in place of its own; what
            it had is deleted then.
        wait : bool, default=True
            Whether to wait until it is in service.
        tags : list of dict or dict, default=None
            None is the estimator's.
        serializer, deserializer : object, default=None
            Of the predictor, in place of its own.
        model_name : str, default=None
            None makes one.
        kms_key : str, default=None
            For the volumes of the endpoint.
        data_capture_config : DataCaptureConfig, default=None
        serverless_inference_config : ServerlessInferenceConfig, default=None
        async_inference_config : AsyncInferenceConfig, default=None
        volume_size, model_data_download_timeout : int, default=None
        container_startup_health_check_timeout : int, default=None
        **kwargs
            For `create_model`, such as ``vpc_config_override``.

        Returns
        -------
        predictor : Predictor

        Raises
        ------
        NameInUseError
            If there is an endpoint of that name, and ``update_endpoint`` is not set.
        EndpointFailedError
            If it fails; what was created is deleted.
        ValueError
            If there is no training job, or no endpoint to update.
        """
        job = self._job()
        if use_compiled_model and serverless_inference_config is None:
            model = self._compiled(instance_type)
        else:
            kwargs.setdefault("model_kms_key", self.output_kms_key)
            model = self.create_model(**kwargs)
        model.name, model._base = model_name, self._base_name
        self._endpoint_name = endpoint_name or job.name
        return model.deploy(
            initial_instance_count,
            instance_type,
            serializer=serializer,
            deserializer=deserializer,
            accelerator_type=accelerator_type,
            endpoint_name=self._endpoint_name,
            update_endpoint=update_endpoint,
            tags=tag_list(tags) or self.tags,
            kms_key=kms_key,
            wait=wait,
            data_capture_config=data_capture_config,
            serverless_inference_config=serverless_inference_config,
            async_inference_config=async_inference_config,
            volume_size=volume_size,
            model_data_download_timeout=model_data_download_timeout,
            container_startup_health_check_timeout=(
                container_startup_health_check_timeout
            ),
        )

    def _compiled(self, instance_type: str | None) -> Model:
        family = "_".join((instance_type or "").split(".")[:-1])
        if family not in self._compiled_models:
            raise ValueError(
                f"There is no compiled model for instance_type={instance_type!r}; call "
                f'compile_model("{family}", ...) before deploying it.'
            )
        return self._compiled_models[family]

    def delete_endpoint(self, *, delete_model: bool = False) -> None:
        """Delete the endpoint of `deploy` and its configuration.

        Parameters
        ----------
        delete_model : bool, default=False
            Whether to delete its models, too.

        Raises
        ------
        ValueError
            If there is no such endpoint.
        """
        name = self._endpoint_name or self._job().name
        try:
            Predictor(name, self.sagemaker_session)._delete(delete_model)
        except ResourceNotFoundError as error:
            raise ValueError(
                f"There is no endpoint {name!r} to delete: {error}"
            ) from None

    def compile_model(
        self,
        target_instance_family: str | None,
        input_shape: Any,
        output_path: str,
        framework: str | None = None,
        framework_version: str | None = None,
        compile_max_run: int = 300,
        tags: Any = None,
        target_platform_os: str | None = None,
        target_platform_arch: str | None = None,
        target_platform_accelerator: str | None = None,
        compiler_options: Any = None,
        **kwargs: Any,
    ) -> Model:
        """Compile the model for a device, by SageMaker Neo.

        Parameters
        ----------
        target_instance_family : str
            Device, such as "ml_c5".
        input_shape : dict or str
            Such as ``{"data": [1, 784]}``.
        output_path : str
            Where the compiled model goes, on S3.
        framework, framework_version : str, default=None
            Of the model; for SageMaker's algorithms it is "mxnet".
        compile_max_run : int, default=300
            Seconds after which the job is stopped.
        tags : list of dict or dict, default=None
        target_platform_os, target_platform_arch : str, default=None
        target_platform_accelerator : str, default=None
            In place of a device.
        compiler_options : dict or str, default=None
        **kwargs
            For `create_model`.

        Returns
        -------
        model : Model

        Raises
        ------
        ValueError
            If there is no such framework, or the version comes without it.
        """
        if (framework is None) != (framework_version is None):
            raise ValueError(
                f"framework={framework!r} and framework_version={framework_version!r}: "
                "give both or none."
            )
        model = self.create_model(**kwargs)
        self._compiled_models[target_instance_family or ""] = model.compile(
            target_instance_family,
            input_shape,
            output_path,
            role=self.role,
            tags=tag_list(tags),
            job_name=name_from_base(f"compilation-{self._base_name}"),
            compile_max_run=compile_max_run,
            framework=framework,
            framework_version=framework_version,
            target_platform_os=target_platform_os,
            target_platform_arch=target_platform_arch,
            target_platform_accelerator=target_platform_accelerator,
            compiler_options=compiler_options,
        )
        return model

    def register(
        self,
        content_types: list[str] | None = None,
        response_types: list[str] | None = None,
        inference_instances: list[str] | None = None,
        transform_instances: list[str] | None = None,
        image_uri: str | None = None,
        model_package_name: str | None = None,
        model_package_group_name: str | None = None,
        *,
        compile_model_family: str | None = None,
        model_name: str | None = None,
        vpc_config_override: Any = VPC_CONFIG_DEFAULT,
        **kwargs: Any,
    ) -> ModelPackage:
        """Register the model that the training job has left.

        Parameters
        ----------
        content_types, response_types : list of str, default=None
        inference_instances, transform_instances : list of str, default=None
        image_uri, model_package_name, model_package_group_name : str, default=None
            All of these as for ``Model.register``.
        compile_model_family : str, default=None
            Device, such as "ml_c5", for which `compile_model` has made the model.
        model_name : str, default=None
            Taken, as the SDK takes it; the package does not have it.
        vpc_config_override : dict or None, default="VPC_CONFIG_DEFAULT"
        **kwargs
            For ``Model.register``, such as ``approval_status``.

        Returns
        -------
        package : ModelPackage

        Raises
        ------
        ValueError
            If there is no training job, or no compiled model for the device.
        """
        self._job()
        if compile_model_family is None:
            model = self.create_model(vpc_config_override=vpc_config_override)
        elif compile_model_family in self._compiled_models:
            model = self._compiled_models[compile_model_family]
        else:
            raise ValueError(
                f"There is no compiled model for {compile_model_family!r}; call "
                f'compile_model("{compile_model_family}", ...) before registering it.'
            )
        return model.register(
            content_types,
            response_types,
            inference_instances,
            transform_instances,
            model_package_name,
            model_package_group_name,
            image_uri,
            **kwargs,
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
        role: str | None = None,
        volume_kms_key: str | None = None,
        vpc_config_override: Any = VPC_CONFIG_DEFAULT,
        enable_network_isolation: bool | None = None,
        model_name: str | None = None,
    ) -> Transformer:
        """A batch transform by the model, which is created.

        Parameters
        ----------
        instance_count : int
        instance_type : str
        strategy : {"MultiRecord", "SingleRecord"}, default=None
            How many records a request has; "MULTI_RECORD" and "SINGLE_RECORD" are
            taken too.
        assemble_with : {"Line", "None"}, default=None
        output_path : str, default=None
            Where predictions go, on S3; None is the default bucket.
        output_kms_key : str, default=None
        accept : str, default=None
            Content type of the predictions.
        env : dict of str to str, default=None
            Variables of the container.
        max_concurrent_transforms : int, default=None
        max_payload : int, default=None
            Of a request, in MB.
        tags : list of dict or dict, default=None
            None is the training job's.
        role : str, default=None
            Of the model; None is the estimator's.
        volume_kms_key : str, default=None
        vpc_config_override : dict or None, default="VPC_CONFIG_DEFAULT"
        enable_network_isolation : bool, default=None
            None is the estimator's.
        model_name : str, default=None
            None makes one.

        Returns
        -------
        transformer : Transformer

        Raises
        ------
        ValueError
            If there is no training job.
        """
        self._job()
        if enable_network_isolation is None:
            enable_network_isolation = self.enable_network_isolation()
        model = self.create_model(
            vpc_config_override=vpc_config_override,
            model_kms_key=self.output_kms_key,
            enable_network_isolation=enable_network_isolation,
        )
        model.name, model._base = model_name, self._base_name
        if role is not None:
            model.role = role
        tags = tag_list(tags) or self.tags
        model.create(instance_type, tags=tags)
        return Transformer(
            model._name(),
            instance_count,
            instance_type,
            strategy=strategy,
            assemble_with=assemble_with,
            output_path=output_path,
            output_kms_key=output_kms_key,
            accept=accept,
            max_concurrent_transforms=max_concurrent_transforms,
            max_payload=max_payload,
            tags=tags,
            env=env,
            base_transform_job_name=self._base_name,
            sagemaker_session=self.sagemaker_session,
            volume_kms_key=volume_kms_key,
        )
