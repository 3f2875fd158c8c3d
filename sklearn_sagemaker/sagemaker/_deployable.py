"""What an endpoint can serve: a model, or several in a row."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker.sagemaker._codecs import check_codec
from sklearn_sagemaker.sagemaker._deployment import put_in_service
from sklearn_sagemaker.sagemaker._late_session import LateSession
from sklearn_sagemaker.sagemaker._requests import tag_list
from sklearn_sagemaker.sagemaker._studio import tags_of


class Deployable(LateSession):
    """What an endpoint can serve: `Model` and `PipelineModel`.

    Subclasses have ``name``, ``role``, ``predictor_cls`` and ``create``.
    """

    name: str | None
    predictor_cls: Any

    def create(self, instance_type: str | None = None, *, tags: Any = None) -> None:
        """Create the model."""
        raise NotImplementedError

    def _name(self) -> str:
        """The name of the model, which is made if there is none."""
        raise NotImplementedError

    def delete_model(self) -> None:
        """Delete the model.

        Raises
        ------
        ValueError
            If it has not been created.
        """
        if self.name is None:
            raise ValueError("There is no model to delete: it has not been created.")
        self.sagemaker_session.delete_model(self.name)

    def _serve(
        self,
        endpoint_name: str,
        instance_type: str | None,
        variant: dict[str, Any],
        *,
        tags: Any,
        model_tags: Any,
        kms_key: str | None,
        data_capture_config: Any,
        async_inference_config: dict[str, Any] | None,
        update_endpoint: bool,
        wait: bool,
        serializer: Any,
        deserializer: Any,
    ) -> Any:
        """Put the model behind an endpoint; a predictor for it, if there is a class."""
        check_codec("serializer", serializer)
        check_codec("deserializer", deserializer)
        session, tags = self.sagemaker_session, tag_list(tags)
        capture = data_capture_config
        put_in_service(
            session,
            endpoint_name,
            lambda: self._create_for_endpoint(instance_type, model_tags),
            {
                "variants": [variant],
                "Tags": tags_of(tags) or None,
                "KmsKeyId": kms_key,
                "DataCaptureConfig": capture and capture._to_request_dict(),
                "AsyncInferenceConfig": async_inference_config,
            },
            tags=tags,
            update=update_endpoint,
            wait=wait,
        )
        if self.predictor_cls is None:
            return None
        predictor = self.predictor_cls(endpoint_name, session)
        if serializer is not None:
            predictor.serializer = serializer
        if deserializer is not None:
            predictor.deserializer = deserializer
        return predictor

    def _create_for_endpoint(self, instance_type: str | None, tags: Any) -> str | None:
        """Create the model, which may be there just so; its name if it is new."""
        before = self.__dict__.get("_created")
        self.create(instance_type, tags=tags)
        # One that the user named may have been there, and have been taken as it is.
        new = self.name == self.__dict__.get("_made_name") and self.name != before
        return self.name if new else None
