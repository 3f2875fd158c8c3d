"""Predictions of an endpoint that answers later, on S3."""

from __future__ import annotations

import time
import uuid
from typing import Any, Self

from sklearn_sagemaker.exceptions import ModelError, S3NotFoundError, WaitTimeoutError
from sklearn_sagemaker.sagemaker._answers import deserialized
from sklearn_sagemaker.sagemaker._calls import call, translated
from sklearn_sagemaker.sagemaker._names import name_from_base, sagemaker_timestamp
from sklearn_sagemaker.sagemaker._request_parts import as_bytes
from sklearn_sagemaker.sagemaker.async_inference import (
    AsyncInferenceResponse,
    WaiterConfig,
)
from sklearn_sagemaker.sagemaker.predictor import media_type_text
from sklearn_sagemaker.sagemaker.s3 import parse_s3_url, s3_path_join

__all__ = ["AsyncPredictor"]

LONGEST_REASON = 1000
"""Characters of what a model says of its failure."""


class AsyncPredictor:
    """An asynchronous endpoint, asked for predictions.

    Data goes to S3 as one object, of any size; the answer is another one. In a ``with``
    statement the endpoint is deleted at the end, with its configuration and models.

    Parameters
    ----------
    predictor : Predictor
        Of the endpoint; its serializers are used, and may be replaced here.
    name : str or None, default=None
        What the keys of requests begin with; None is the endpoint's name.

    Attributes
    ----------
    predictor : Predictor
    endpoint_name : str
    sagemaker_session : Session
    serializer, deserializer : object or callable

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.predictor import Predictor
    >>> from sklearn_sagemaker.sagemaker.predictor_async import AsyncPredictor
    >>> predictor = AsyncPredictor(Predictor("my-endpoint"))
    >>> answer = predictor.predict_async(X)  # doctest: +SKIP
    >>> answer.get_result()  # doctest: +SKIP
    """

    def __init__(self, predictor: Any, name: str | None = None):
        self.predictor, self.name = predictor, name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.predictor!r})"

    @property
    def endpoint_name(self) -> str:
        """The endpoint's name."""
        return self.predictor.endpoint_name

    @property
    def sagemaker_session(self) -> Any:
        """The session whose credentials are used."""
        return self.predictor.sagemaker_session

    @property
    def serializer(self) -> Any:
        """What turns data into requests."""
        return self.predictor.serializer

    @serializer.setter
    def serializer(self, serializer: Any) -> None:
        self.predictor.serializer = serializer

    @property
    def deserializer(self) -> Any:
        """What reads answers."""
        return self.predictor.deserializer

    @deserializer.setter
    def deserializer(self, deserializer: Any) -> None:
        self.predictor.deserializer = deserializer

    def predict(
        self,
        data: Any = None,
        input_path: str | None = None,
        initial_args: dict[str, Any] | None = None,
        inference_id: str | None = None,
        waiter_config: WaiterConfig | None = None,
    ) -> Any:
        """Ask for predictions, and wait for them.

        Parameters
        ----------
        data : object, default=None
            What the serializer takes.
        input_path : str or None, default=None
            Where on S3 a request is, or where data is put.
        initial_args : dict or None, default=None
            Arguments of boto3's ``invoke_endpoint_async``.
        inference_id : str or None, default=None
        waiter_config : WaiterConfig or None, default=None
            None is ``WaiterConfig()``: 15 minutes.

        Returns
        -------
        answer : object
            What the deserializer gives.

        Raises
        ------
        ModelError
            If the model fails.
        WaitTimeoutError
            If there is no answer in time.
        ValueError
            If there is neither data nor a path.
        """
        answer = self.predict_async(data, input_path, initial_args, inference_id)
        return answer.get_result(waiter_config or WaiterConfig())

    def predict_async(
        self,
        data: Any = None,
        input_path: str | None = None,
        initial_args: dict[str, Any] | None = None,
        inference_id: str | None = None,
    ) -> AsyncInferenceResponse:
        """Ask for predictions, and do not wait.

        Parameters
        ----------
        data, input_path, initial_args, inference_id : object, default=None
            As for `predict`.

        Returns
        -------
        response : AsyncInferenceResponse
            Its ``get_result`` gives the answer.

        Raises
        ------
        ValueError
            If there is neither data nor a path.
        """
        if data is None and input_path is None:
            raise ValueError(
                "There is nothing to predict: give data, or input_path=, where it is "
                "on S3."
            )
        if data is not None:
            input_path = self._upload(data, input_path)
        request = {
            "EndpointName": self.endpoint_name,
            "Accept": media_type_text(self.predictor.accept),
            **(initial_args or {}),
            "InputLocation": input_path,
            "InferenceId": inference_id,
        }
        answer = call(
            self.sagemaker_session.sagemaker_runtime_client,
            "invoke_endpoint_async",
            what=self._what,
            **{name: value for name, value in request.items() if value},
        )
        return AsyncInferenceResponse(
            self, answer["OutputLocation"], answer.get("FailureLocation")
        )

    @property
    def _what(self) -> str:
        return f"endpoint {self.endpoint_name!r}"

    def _upload(self, data: Any, uri: str | None) -> str:
        session = self.sagemaker_session
        if uri is None:
            folder = name_from_base(self.name or self.endpoint_name, short=True)
            uri = s3_path_join(
                "s3://",
                session.default_bucket(),
                session.default_bucket_prefix,
                "async-endpoint-inputs",
                folder,
                f"{sagemaker_timestamp()}-{uuid.uuid4()}",
            )
        serialize = getattr(self.serializer, "serialize", self.serializer)
        body = as_bytes(serialize(data), self.serializer)
        content_type = media_type_text(self.predictor.content_type)
        bucket, key = parse_s3_url(uri)
        call(
            session.s3_client,
            "put_object",
            what=uri,
            Bucket=bucket,
            Key=key,
            Body=body,
            **({"ContentType": content_type} if content_type else {}),
            **session._owner(bucket),
        )
        return uri

    def _result(
        self, output: str, failure: str | None, waiter: WaiterConfig | None
    ) -> Any:
        """The answer; waits for it if a waiter says how long."""
        attempts = 1 if waiter is None else waiter.max_attempts
        for attempt in range(attempts):
            if attempt and waiter is not None:
                time.sleep(waiter.delay)
            found = self._read(output)
            if found is not None:
                return deserialized(self.deserializer, *found, self._what)
            found = None if failure is None else self._read(failure)
            if found is not None:
                reason = found[0].decode("utf-8", "replace")[:LONGEST_REASON]
                raise ModelError(
                    f"{self._what}: the model failed ({reason}).",
                    "InvokeEndpointAsync",
                    "ModelError",
                )
        raise WaitTimeoutError(
            f"{self._what}: there is no answer at {output} yet; the inference could "
            "still be running: ask again, with WaiterConfig(max_attempts=..., "
            "delay=...) to wait longer."
        )

    def _read(self, uri: str) -> tuple[bytes, str] | None:
        """An object and its type; None if there is none."""
        session = self.sagemaker_session
        bucket, key = parse_s3_url(uri)
        try:
            with translated(uri, session.s3_client, "get_object"):
                answer = session.s3_client.get_object(
                    Bucket=bucket, Key=key, **session._owner(bucket)
                )
                return answer["Body"].read(), answer.get("ContentType", "")
        except S3NotFoundError as error:
            if error.code == "NoSuchBucket":
                raise
            return None

    def update_endpoint(self, *args: Any, **kwargs: Any) -> None:
        """Update the endpoint, as `Predictor.update_endpoint`."""
        self.predictor.update_endpoint(*args, **kwargs)

    def delete_endpoint(self, delete_endpoint_config: bool = True) -> None:
        """Delete the endpoint, as `Predictor.delete_endpoint`."""
        self.predictor.delete_endpoint(delete_endpoint_config)

    def delete_model(self) -> None:
        """Delete the models, as `Predictor.delete_model`."""
        self.predictor.delete_model()

    def __enter__(self) -> Self:
        self.predictor.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.predictor.__exit__(*error)
