"""Predictions of an endpoint."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker.io.rows import Predictions
from sklearn_sagemaker.sagemaker._answers import (
    check,
    check_part,
    check_type,
    deserialized,
    joined,
)
from sklearn_sagemaker.sagemaker._codecs import Codec
from sklearn_sagemaker.sagemaker._deployed import DeployedEndpoint
from sklearn_sagemaker.sagemaker._invocation import invoke
from sklearn_sagemaker.sagemaker._old_names import old_names
from sklearn_sagemaker.sagemaker._request_parts import (
    as_bytes,
    can_cut,
    count_rows,
    cut,
    is_small,
    limit_of,
    too_large,
)
from sklearn_sagemaker.sagemaker.deserializers import (
    BytesDeserializer,
    CSVDeserializer,
    JSONDeserializer,
    NumpyDeserializer,
    RecordDeserializer,
    StreamDeserializer,
    StringDeserializer,
)
from sklearn_sagemaker.sagemaker.serializers import (
    CSVSerializer,
    IdentitySerializer,
    JSONSerializer,
    NumpySerializer,
    RecordSerializer,
)

__all__ = [
    "AlgorithmPredictor",
    "BytesDeserializer",
    "CSVDeserializer",
    "CSVSerializer",
    "IdentitySerializer",
    "JSONDeserializer",
    "JSONSerializer",
    "NumpyDeserializer",
    "NumpySerializer",
    "Predictor",
    "RealTimePredictor",
    "StreamDeserializer",
    "StringDeserializer",
]

_VERSION_1 = {
    "csv_serializer": CSVSerializer(),
    "json_serializer": JSONSerializer(),
    "npy_serializer": NumpySerializer(),
    "csv_deserializer": CSVDeserializer(),
    "json_deserializer": JSONDeserializer(),
    "numpy_deserializer": NumpyDeserializer(),
}
"""Objects of this module in version 1 of the SDK, which `__getattr__` gives."""


def __getattr__(name: str) -> Any:
    if name not in _VERSION_1:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = _VERSION_1[name]
    warn_user(f"{name} is called {type(found).__name__}() now.", DeprecationWarning)
    return found


class Predictor(DeployedEndpoint):
    """An endpoint, asked for predictions.

    In a ``with`` statement it is deleted at the end, with its configuration and models.

    Parameters
    ----------
    endpoint_name : str
    sagemaker_session : Session or None, default=None
        None makes one when it is needed.
    serializer : object or callable, default=IdentitySerializer()
        Turns data into a request: see `sklearn_sagemaker.sagemaker.serializers`.
    deserializer : object or callable, default=BytesDeserializer()
        Reads an answer: see `sklearn_sagemaker.sagemaker.deserializers`.
    component_name : str or None, default=None
        Of an inference component of the endpoint.
    content_type, accept : str or None, default=None
        Version 1's arguments: media types in place of those of the serializers.

    Attributes
    ----------
    endpoint_name : str
    sagemaker_session : Session
    serializer, deserializer : object or callable
        May be replaced; None sends data, and gives answers, as they are.
    content_type, accept : str or tuple of str
        Media types that are sent; may be replaced.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.predictor import Predictor
    >>> from sklearn_sagemaker.sagemaker.serializers import CSVSerializer
    >>> from sklearn_sagemaker.sagemaker.deserializers import JSONDeserializer
    >>> predictor = Predictor("mnist", None, CSVSerializer(), JSONDeserializer())
    >>> predictor.predict(X)["predictions"]  # doctest: +SKIP
    [{'score': 0.4, 'predicted_label': 0}]
    """

    serializer, deserializer = Codec(IdentitySerializer), Codec(BytesDeserializer)
    _strict = False
    """Whether answers must be predictions of Linear Learner or Factorization Machines.
    """

    @old_names(endpoint="endpoint_name")
    def __init__(
        self,
        endpoint_name: str,
        sagemaker_session: Any = None,
        serializer: Any = None,
        deserializer: Any = None,
        component_name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(endpoint_name, sagemaker_session)
        self.component_name = component_name
        self.serializer, self.deserializer = serializer, deserializer
        self._content_type: str | None = None
        self._accept: str | tuple[str, ...] | None = None
        for name in list(kwargs):
            if name in ("content_type", "accept"):
                warn_user(
                    f"{name} is an attribute of the serializers now: give "
                    f"them {name}=..., or set it afterwards.",
                    DeprecationWarning,
                )
                setattr(self, name, kwargs.pop(name))
        if kwargs:
            raise TypeError(
                f"{type(self).__name__} has no argument {', '.join(kwargs)}."
            )

    @property
    def endpoint(self) -> str:
        """The endpoint's name, as version 1 calls it."""
        warn_user("endpoint is called endpoint_name now.", DeprecationWarning)
        return self.endpoint_name

    @property
    def content_type(self) -> Any:
        """Media type of requests; None if the serializer has none."""
        return self._content_type or _attribute(self.serializer, "CONTENT_TYPE")

    @content_type.setter
    def content_type(self, content_type: str | None) -> None:
        self._content_type = content_type

    @property
    def accept(self) -> Any:
        """Media types to ask for; None if the deserializer has none."""
        return self._accept or _attribute(self.deserializer, "ACCEPT")

    @accept.setter
    def accept(self, accept: str | tuple[str, ...] | None) -> None:
        self._accept = accept

    def predict(
        self,
        data: Any,
        initial_args: dict[str, Any] | None = None,
        target_model: str | None = None,
        target_variant: str | None = None,
        inference_id: str | None = None,
        custom_attributes: str | None = None,
        component_name: str | None = None,
    ) -> Any:
        """Ask for predictions.

        Rows that make a larger request than the endpoint takes are sent in parts.

        Parameters
        ----------
        data : object
            What the serializer takes. An array, a sparse matrix, a DataFrame or a list
            of rows may be of any size.
        initial_args : dict or None, default=None
            Arguments of boto3's ``invoke_endpoint``, such as ``ContentType``.
        target_model : str or None, default=None
            Of an endpoint with several models.
        target_variant : str or None, default=None
            Of an endpoint with several variants.
        inference_id : str or None, default=None
            Is kept with what data capture keeps of the request.
        custom_attributes : str or None, default=None
            What the model's container is told.
        component_name : str or None, default=None
            In place of the predictor's.

        Returns
        -------
        answer : object
            What the deserializer gives: of records a list, a message for each row.

        Raises
        ------
        AnswerError
            If the answer cannot be read, or does not have a prediction for each row.
        ModelError
            If the model's container refuses the request, or fails.
        RequestTooLargeError
            If a row alone, or data that has none, is larger than the endpoint takes.
        AWSError
            If AWS refuses, or cannot be reached.
        """
        parts = list(
            self._ask(
                data,
                initial_args,
                target_model,
                target_variant,
                inference_id,
                custom_attributes,
                component_name,
            )
        )
        return joined([answer for answer, _ in parts])

    def predict_array(
        self, data: Any, key: str | None = None, **kwargs: Any
    ) -> np.ndarray:
        """Ask Linear Learner or Factorization Machines for predictions, as an array.

        Parameters
        ----------
        data : object
            As for `predict`. Arrays are sent as records if the predictor has no
            serializer of its own.
        key : {"score", "predicted_label"} or None, default=None
            None is the label of classifiers, and the score of regressors.
        **kwargs
            Further arguments of `predict`.

        Returns
        -------
        predictions : ndarray of shape (n_rows,)
            Scores of several classes have the shape (n_rows, n_classes).

        Raises
        ------
        AnswerError, ModelError, RequestTooLargeError, AWSError
            As `predict`.
        ValueError
            If there is no such key: regressors have no label.
        """
        if key not in (None, "score", "predicted_label"):
            raise ValueError(f"key={key!r} must be 'score' or 'predicted_label'.")
        self._session = self.sagemaker_session
        asking = copy.copy(self)
        asking._strict = True
        table = count_rows(data) is not None and not isinstance(data, dict)
        if isinstance(self.serializer, IdentitySerializer) and table:
            asking.serializer = RecordSerializer(dtype="float32")
            asking.content_type = None
        if isinstance(self.deserializer, (BytesDeserializer, StreamDeserializer)):
            asking.deserializer = RecordDeserializer()
            asking.accept = None
        parts = [found for _, found in asking._ask(data, **kwargs)]
        return np.concatenate([self._column(found, key) for found in parts])

    def _column(self, predictions: Predictions | None, key: str | None) -> np.ndarray:
        if predictions is None:
            raise ValueError(
                f"{self!r}: predict_array reads records, JSON and JSON Lines; "
                "choose RecordDeserializer(), JSONDeserializer() or "
                "JSONLinesDeserializer()."
            )
        label = predictions.predicted_label
        if key == "predicted_label" and label is None:
            raise ValueError(
                f"{self!r}: the model is a regressor, whose predictions have a "
                "score and no predicted_label."
            )
        return predictions.score if key == "score" or label is None else label

    def _ask(
        self,
        data: Any,
        initial_args: dict[str, Any] | None = None,
        target_model: str | None = None,
        target_variant: str | None = None,
        inference_id: str | None = None,
        custom_attributes: str | None = None,
        component_name: str | None = None,
    ) -> Iterator[tuple[Any, Predictions | None]]:
        """Answers to the parts of the data one after the other, and what is in them."""
        more = {
            "TargetModel": target_model,
            "TargetVariant": target_variant,
            "InferenceId": inference_id,
            "CustomAttributes": custom_attributes,
            "InferenceComponentName": component_name or self.component_name,
        }
        request = {
            "EndpointName": self.endpoint_name,
            "ContentType": media_type_text(self.content_type),
            "Accept": media_type_text(self.accept),
            **(initial_args or {}),
            **{name: value for name, value in more.items() if value},
        }
        request = {name: value for name, value in request.items() if value is not None}
        what = f"endpoint {request['EndpointName']!r}"
        client = self.sagemaker_session.sagemaker_runtime_client
        streams = isinstance(self.deserializer, StreamDeserializer)
        for body, n_rows, whole in self._bodies(data, request):
            found, content_type = invoke(
                client, what, {**request, "Body": body}, raw=streams
            )
            if streams:
                answer, predictions = (found, content_type), None
            else:
                if self._strict:
                    check_type(request.get("Accept"), content_type, what)
                answer = deserialized(self.deserializer, found, content_type, what)
                predictions = check(
                    answer, found, content_type, n_rows, what, self._strict
                )
            if not whole:
                check_part(answer, n_rows, what)
            yield answer, predictions

    def _bodies(
        self, data: Any, request: dict[str, Any]
    ) -> Iterator[tuple[bytes, int | None, bool]]:
        """Bodies, how many rows they have if that is known, and if they are all."""
        serialize = getattr(self.serializer, "serialize", self.serializer)

        def body_of(rows: Any) -> bytes:
            return as_bytes(serialize(rows), self.serializer)

        cuttable, limit = can_cut(data), None
        if not cuttable or is_small(data):
            body = body_of(data)
            limit = limit_of(len(body), self._seen)
            if len(body) <= limit:
                yield body, count_rows(data), True
                return
            if not cuttable:
                raise too_large(len(body), limit)
        if request.get("InferenceId"):
            raise ValueError(
                "inference_id names one request, and these rows take several; give "
                "fewer of them."
            )
        for body, n_rows in cut(body_of, data, limit or limit_of(None, self._seen)):
            yield body, n_rows, False


def _attribute(codec: Any, name: str) -> Any:
    """A media type of a serializer, by version 2's name or version 1's."""
    old = {"CONTENT_TYPE": "content_type", "ACCEPT": "accept"}[name]
    return getattr(codec, name, None) or getattr(codec, old, None)


def media_type_text(media_types: Any) -> str | None:
    """Media types as a header has them."""
    if media_types is None or isinstance(media_types, str):
        return media_types
    return ", ".join(media_types)


class AlgorithmPredictor(Predictor):
    """An endpoint of Linear Learner or Factorization Machines.

    Rows are sent as records of float32, and answers are lists of records; each is
    checked to be a prediction.

    Parameters
    ----------
    endpoint_name : str
    sagemaker_session : Session or None, default=None
    serializer : object or callable, default=RecordSerializer(dtype="float32")
    deserializer : object or callable, default=RecordDeserializer()
    component_name : str or None, default=None
    """

    _strict = True

    @old_names(endpoint="endpoint_name")
    def __init__(
        self,
        endpoint_name: str,
        sagemaker_session: Any = None,
        serializer: Any = None,
        deserializer: Any = None,
        component_name: str | None = None,
    ):
        super().__init__(
            endpoint_name,
            sagemaker_session,
            serializer or RecordSerializer(dtype="float32"),
            deserializer or RecordDeserializer(),
            component_name,
        )


class RealTimePredictor(Predictor):
    """`Predictor` under the name and with the arguments of version 1.

    Parameters
    ----------
    endpoint_name : str
        Version 1 calls it ``endpoint``.
    sagemaker_session : Session or None, default=None
    serializer, deserializer : object or callable, default=None
        None sends data, and gives answers, as they are.
    content_type, accept : str or None, default=None
    """

    @old_names(endpoint="endpoint_name")
    def __init__(
        self,
        endpoint_name: str,
        sagemaker_session: Any = None,
        serializer: Any = None,
        deserializer: Any = None,
        content_type: str | None = None,
        accept: str | None = None,
    ):
        warn_user("RealTimePredictor is called Predictor now.", DeprecationWarning)
        super().__init__(endpoint_name, sagemaker_session, serializer, deserializer)
        self.content_type, self.accept = content_type, accept
