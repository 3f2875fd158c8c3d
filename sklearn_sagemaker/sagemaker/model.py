"""Models: an image and an artifact, which endpoints and batch transforms serve."""

from __future__ import annotations

import logging
from typing import Any

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker.sagemaker._deployable import Deployable
from sklearn_sagemaker.sagemaker._names import (
    base_from_name,
    base_name_from_image,
    name_from_base,
    unique_name_from_base,
)
from sklearn_sagemaker.sagemaker._old_names import old_names
from sklearn_sagemaker.sagemaker._registry import Registrable
from sklearn_sagemaker.sagemaker._requests import (
    NEO_FRAMEWORKS,
    compilation_configs,
    tag_list,
)
from sklearn_sagemaker.sagemaker._variants import container_def, production_variant
from sklearn_sagemaker.sagemaker.s3 import s3_path_join
from sklearn_sagemaker.sagemaker.session import Session
from sklearn_sagemaker.sagemaker.transformer import Transformer

logger = logging.getLogger(__name__)


def __getattr__(name: str) -> Any:
    """Where the SDK has `ModelPackage`, whose module needs this one."""
    if name == "ModelPackage":
        from sklearn_sagemaker.sagemaker.model_package import ModelPackage

        return ModelPackage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Model(Registrable, Deployable):
    """A model: an image and an artifact.

    Parameters
    ----------
    image_uri : str, default=None
    model_data : str or dict, default=None
        Artifact on S3, or a ``ModelDataSource``.
    role : str, default=None
        Name or ARN of the IAM role of the model.
    predictor_cls : callable, default=None
        What `deploy` returns, of the endpoint's name and the session; None is None.
    env : dict of str to str, default=None
        Variables of the container.
    name : str, default=None
        None makes one when the model is created.
    vpc_config : dict, default=None
        With the keys "Subnets" and "SecurityGroupIds".
    sagemaker_session : Session, default=None
        None makes one of the default credentials and region when it is needed.
    enable_network_isolation : bool, default=None
        Whether the container reaches no network.
    model_kms_key : str, default=None
        Taken, and of no use without script mode.
    image_config : dict, default=None
        How an image in a registry of the user's is reached.

    Raises
    ------
    ValueError
        If the artifact is where the image belongs, as in version 1 of the SDK.
    """

    _framework_name: str | None = None

    @old_names(image="image_uri")
    def __init__(
        self,
        image_uri: str | None = None,
        model_data: Any = None,
        role: str | None = None,
        predictor_cls: Any = None,
        env: dict[str, str] | None = None,
        name: str | None = None,
        vpc_config: dict[str, Any] | None = None,
        sagemaker_session: Session | None = None,
        enable_network_isolation: bool | None = None,
        model_kms_key: str | None = None,
        image_config: dict[str, Any] | None = None,
    ):
        if isinstance(image_uri, str) and image_uri.startswith("s3://"):
            raise ValueError(
                f"image_uri={image_uri!r} is an artifact. Version 1 of the SDK had "
                "artifact and image in the other order; name them: "
                "Model(image_uri=..., model_data=..., role=...)."
            )
        self._image_uri = image_uri
        self.model_data = model_data
        self.role = role
        self.predictor_cls = predictor_cls
        self.env = dict(env or {})
        self.name = name
        self.vpc_config = vpc_config
        self._session = sagemaker_session
        self._enable_network_isolation = enable_network_isolation
        self.model_kms_key = model_kms_key
        self.image_config = image_config
        self.endpoint_name: str | None = None
        # What a name begins with; None is the image's repository.
        self._base: str | None = None
        self._compiled_for: str | None = None

    @property
    def image_uri(self) -> str | None:
        """The image."""
        return self._image_uri

    @image_uri.setter
    def image_uri(self, image_uri: str | None) -> None:
        self._image_uri = image_uri

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name or 'not created'!r}>"

    def enable_network_isolation(self) -> bool:
        """Whether the container reaches no network."""
        return bool(self._enable_network_isolation)

    def prepare_container_def(
        self,
        instance_type: str | None = None,
        accelerator_type: str | None = None,
        serverless_inference_config: Any = None,
    ) -> dict[str, Any]:
        """What a request says of the container.

        Parameters
        ----------
        instance_type, accelerator_type : str, default=None
            Taken, as the SDK takes them; they change nothing here.
        serverless_inference_config : ServerlessInferenceConfig, default=None
            Likewise.

        Returns
        -------
        definition : dict

        Raises
        ------
        ValueError
            If there is no image.
        """
        if self.image_uri is None:
            raise ValueError("image_uri is missing: a model needs an image.")
        return container_def(
            self.image_uri,
            self.model_data,
            dict(self.env),
            image_config=self.image_config,
        )

    def _name(self) -> str:
        if self.name is None:
            base = self._base or base_name_from_image(self.image_uri or "model")
            if self._compiled_for is not None and self._base is None:
                base = f"{base}-{self._compiled_for}"
            self.name = self._made_name = name_from_base(base)
        return self.name

    def create(
        self,
        instance_type: str | None = None,
        accelerator_type: str | None = None,
        serverless_inference_config: Any = None,
        tags: Any = None,
    ) -> None:
        """Create the model.

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
            If there is no role, or no image.
        """
        if not self.role:
            raise ValueError("role is missing: a model needs an IAM role.")
        definition = self.prepare_container_def(instance_type)
        self.sagemaker_session.create_model(
            self._name(),
            self.role,
            definition,
            vpc_config=self.vpc_config,
            enable_network_isolation=self.enable_network_isolation(),
            tags=tag_list(tags),
        )
        self._created = self.name

    def deploy(
        self,
        initial_instance_count: int | None = None,
        instance_type: str | None = None,
        *,
        serializer: Any = None,
        deserializer: Any = None,
        accelerator_type: str | None = None,
        endpoint_name: str | None = None,
        update_endpoint: bool = False,
        tags: Any = None,
        kms_key: str | None = None,
        wait: bool = True,
        data_capture_config: Any = None,
        async_inference_config: Any = None,
        serverless_inference_config: Any = None,
        volume_size: int | None = None,
        model_data_download_timeout: int | None = None,
        container_startup_health_check_timeout: int | None = None,
    ) -> Any:
        """Create the model and put it behind an endpoint.

        Parameters
        ----------
        initial_instance_count : int
        instance_type : str
            Both are needed unless the endpoint is serverless.
        serializer, deserializer : object, default=None
            Of the predictor, in place of its own.
        accelerator_type : str, default=None
            Elastic Inference, which AWS has closed: it warns.
        endpoint_name : str, default=None
            None makes one.
        update_endpoint : bool, default=False
            Whether the endpoint exists, and gets this model in place of its own; what
            it had is deleted then.
        tags : list of dict or dict, default=None
        kms_key : str, default=None
            For the volumes of the endpoint.
        wait : bool, default=True
            Whether to wait until it is in service.
        data_capture_config : DataCaptureConfig, default=None
        async_inference_config : AsyncInferenceConfig, default=None
        serverless_inference_config : ServerlessInferenceConfig, default=None
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
        ValueError
            If instances are missing, or there is no endpoint to update.
        """
        serverless = serverless_inference_config
        if serverless is None and not (initial_instance_count and instance_type):
            raise ValueError(
                f"initial_instance_count={initial_instance_count!r} and "
                f"instance_type={instance_type!r}: an endpoint needs both, unless it "
                "has a serverless_inference_config."
            )
        if accelerator_type is not None:
            warn_user(
                f"accelerator_type={accelerator_type!r}: AWS has closed Elastic "
                "Inference, and refuses it in accounts that did not use it.",
                DeprecationWarning,
            )
        name = self._name()
        self.endpoint_name = endpoint_name or name_from_base(base_from_name(name))
        variant = production_variant(
            name,
            instance_type,
            initial_instance_count,
            accelerator_type=accelerator_type,
            serverless_inference_config=serverless and serverless._to_request_dict(),
            volume_size=volume_size,
            model_data_download_timeout=model_data_download_timeout,
            container_startup_health_check_timeout=(
                container_startup_health_check_timeout
            ),
        )
        predictor = self._serve(
            self.endpoint_name,
            instance_type,
            variant,
            tags=tags,
            model_tags=tags,
            kms_key=kms_key,
            data_capture_config=data_capture_config,
            async_inference_config=self._asynchronous(async_inference_config),
            update_endpoint=update_endpoint,
            wait=wait,
            serializer=serializer,
            deserializer=deserializer,
        )
        if async_inference_config is None or predictor is None:
            return predictor
        from sklearn_sagemaker.sagemaker.predictor_async import AsyncPredictor

        return AsyncPredictor(predictor, self.name)

    def _asynchronous(self, config: Any) -> dict[str, Any] | None:
        """The request's part for asynchronous calls, with paths if there are none."""
        if config is None:
            return None
        session = self.sagemaker_session
        folder = unique_name_from_base(self._name())
        for name, kind in (("output_path", "outputs"), ("failure_path", "failures")):
            if getattr(config, name) is None:
                path = s3_path_join(
                    "s3://",
                    session.default_bucket(),
                    session.default_bucket_prefix,
                    f"async-endpoint-{kind}",
                    folder,
                )
                setattr(config, name, path)
        return config._to_request_dict()

    def compile(
        self,
        target_instance_family: str | None,
        input_shape: Any,
        output_path: str,
        role: str | None = None,
        tags: Any = None,
        job_name: str | None = None,
        compile_max_run: int = 900,
        framework: str | None = None,
        framework_version: str | None = None,
        target_platform_os: str | None = None,
        target_platform_arch: str | None = None,
        target_platform_accelerator: str | None = None,
        compiler_options: Any = None,
    ) -> Model:
        """Compile the model by SageMaker Neo; its artifact and image are those then.

        Parameters
        ----------
        target_instance_family : str or None
            Device, such as "ml_c5".
        input_shape : dict or str
            Such as ``{"data": [1, 784]}``.
        output_path : str
            Where the compiled model goes, on S3.
        role : str, default=None
            None is the model's.
        tags : list of dict or dict, default=None
        job_name : str, default=None
            None makes one.
        compile_max_run : int, default=900
            Seconds after which the job is stopped.
        framework, framework_version : str, default=None
        target_platform_os, target_platform_arch : str, default=None
        target_platform_accelerator : str, default=None
            In place of a device.
        compiler_options : dict or str, default=None

        Returns
        -------
        model : Model
            This one.

        Raises
        ------
        ValueError
            If there is no role, no artifact, no target or no such framework.
        """
        framework = framework or self._framework_name
        if framework is None:
            raise ValueError(
                f"framework is missing; it is one of {', '.join(NEO_FRAMEWORKS)}."
            )
        if not isinstance(self.model_data, str):
            raise ValueError(
                f"model_data={self.model_data!r}: SageMaker Neo compiles a "
                "model.tar.gz on S3, by its address."
            )
        role = role or self.role
        if not role:
            raise ValueError("role is missing: a compilation job needs an IAM role.")
        source, goal = compilation_configs(
            self.model_data,
            target_instance_family,
            input_shape,
            output_path,
            framework,
            framework_version,
            (target_platform_os, target_platform_arch, target_platform_accelerator),
            compiler_options,
        )
        session = self.sagemaker_session
        base = base_name_from_image(self.image_uri or "model")
        job_name = job_name or name_from_base(f"compilation-{base}")
        session.compile_model(
            source,
            goal,
            session.expand_role(role),
            job_name,
            {"MaxRuntimeInSeconds": compile_max_run},
            tag_list(tags),
        )
        found = session.wait_for_compilation_job(job_name)
        self.model_data = found["ModelArtifacts"]["S3ModelArtifacts"]
        target = target_instance_family or ""
        if target.startswith("ml_") and target != "ml_eia2":
            self.image_uri = found.get("InferenceImage", self.image_uri)
            self._compiled_for = target.replace("_", "-")
        elif target != "ml_eia2":
            logger.warning(
                "A model for %s is not served by SageMaker; take it from %s.",
                target or "a platform of its own",
                self.model_data,
            )
        return self

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
        """A batch transform by the model, which is created.

        Parameters
        ----------
        instance_count : int
        instance_type : str
        strategy, assemble_with, output_path, output_kms_key : str, default=None
        accept : str, default=None
        env : dict of str to str, default=None
            None in a container without network.
        max_concurrent_transforms, max_payload : int, default=None
        tags : list of dict or dict, default=None
        volume_kms_key : str, default=None
            All of these as for `Transformer`.

        Returns
        -------
        transformer : Transformer
        """
        tags = tag_list(tags)
        base = self.name
        self.create(instance_type, tags=tags)
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
            env=None if self.enable_network_isolation() else env,
            tags=tags,
            base_transform_job_name=base or base_from_name(self._name()),
            sagemaker_session=self.sagemaker_session,
            volume_kms_key=volume_kms_key,
        )
