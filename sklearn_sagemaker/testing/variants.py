"""Production variants that run: servers of models, with a weight each."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from sklearn_sagemaker.testing.errors import JobError, ServiceError
from sklearn_sagemaker.testing.model_server import (
    ANSWER_SECONDS,
    Answer,
    ModelServer,
)
from sklearn_sagemaker.testing.records import Record

MOST_BYTES = 6 << 20
MOST_SERVERLESS_BYTES = 4 << 20


class VariantEndedError(Exception):
    """A call of a variant that has ended meanwhile."""


class Variant:
    """A variant with instances.

    Parameters
    ----------
    given : dict
        Of the configuration.
    make : callable
        ``make()``: a server of the model that answers pings.

    Attributes
    ----------
    name : str
    weight : float
    credit : float
        By which variants take turns.
    most_bytes : int
        Of a request.

    Raises
    ------
    JobError
        If the model cannot be served.
    """

    most_bytes = MOST_BYTES

    def __init__(self, given: Record, make: Callable[[], ModelServer]):
        self.name: str = given["VariantName"]
        self.credit = 0.0
        self._calls = 0
        self._closed = False
        self._changed = threading.Condition()
        self.take(given)
        self.server: ModelServer | None = make()

    def take(self, given: Record) -> None:
        """Take another configuration, in which no more than the weight is other."""
        self.given = given
        self.weight: float = given.get("InitialVariantWeight", 1.0)

    def ask(
        self, headers: Mapping[str, str], body: bytes, seconds: float = ANSWER_SECONDS
    ) -> Answer:
        """The model's answer.

        Raises
        ------
        VariantEndedError
            If it is over; the endpoint has others.
        ServiceError
            If it is not asked.
        OSError, HTTPException
            If there is no answer, or not in time.
        """
        with self._changed:
            if self._closed:
                raise VariantEndedError
            self._check_calls()
            self._calls += 1
        try:
            server = self._ready()
            return server.ask("POST", "/invocations", headers, body, seconds)
        finally:
            with self._changed:
                self._calls -= 1
                self._changed.notify_all()

    def _check_calls(self) -> None:
        """Refuse a call that is one too many."""

    def _ready(self) -> ModelServer:
        """The server, which may have to be started."""
        assert self.server is not None
        return self.server

    def described(self) -> dict[str, Any]:
        """As the description of an endpoint has it."""
        count = self.given["InitialInstanceCount"]
        return {
            "VariantName": self.name,
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": count,
            "DesiredInstanceCount": count,
        }

    def close(self, *, at_once: bool = False) -> None:
        """End it when its calls are answered, or at once."""
        with self._changed:
            self._closed = True
            if not at_once:
                self._changed.wait_for(lambda: not self._calls, ANSWER_SECONDS)
        self._end(at_once)

    def _end(self, at_once: bool) -> None:
        if self.server is not None:
            self.server.close(at_once=at_once)


class ServerlessVariant(Variant):
    """A variant whose server is started by the first call, and refuses too many.

    It is started when the endpoint is made, too, as an endpoint whose model cannot be
    served has failed; it goes on only if it is provisioned.
    """

    most_bytes = MOST_SERVERLESS_BYTES

    def __init__(self, given: Record, make: Callable[[], ModelServer]):
        self._make = make
        self._starting: threading.Thread | None = None
        self._refusal = ""
        super().__init__(given, make)
        if not given["ServerlessConfig"].get("ProvisionedConcurrency"):
            self._end(at_once=True)
            self.server = None

    def _check_calls(self) -> None:
        most = self.given["ServerlessConfig"]["MaxConcurrency"]
        if self._calls >= most:
            raise ServiceError(
                "ThrottlingException",
                f"Variant {self.name} answers {most} calls at once (MaxConcurrency).",
            )

    def _ready(self) -> ModelServer:
        with self._changed:
            if self.server is not None:
                return self.server
            if self._starting is None:
                self._starting = threading.Thread(target=self._start, daemon=True)
                self._starting.start()
            starting = self._starting
        starting.join(ANSWER_SECONDS)
        if starting.is_alive():
            raise ServiceError(
                "ModelNotReadyException",
                f"The model of variant {self.name} is being started; ask again.",
                429,
            )
        if self.server is None:
            raise ServiceError("ServiceUnavailable", self._refusal, 503)
        return self.server

    def _start(self) -> None:
        try:
            self.server = self._make()
        except Exception as error:
            if not isinstance(error, JobError):
                traceback.print_exc()
            self._refusal = f"The model cannot be started: {error}"
        finally:
            with self._changed:
                self._starting = None

    def described(self) -> dict[str, Any]:
        """As the description of an endpoint has it."""
        config = self.given["ServerlessConfig"]
        return {
            "VariantName": self.name,
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": 0,
            "CurrentServerlessConfig": config,
            "DesiredServerlessConfig": config,
        }

    def _end(self, at_once: bool) -> None:
        if (starting := self._starting) is not None:
            starting.join()
        super()._end(at_once)


class Turns:
    """The variants of an endpoint, which take turns by their weights.

    Of any number of calls in a row, each has its share but for a call.

    Parameters
    ----------
    variants : list of Variant
    """

    def __init__(self, variants: list[Variant]):
        self.variants = variants
        self._lock = threading.Lock()

    def next(self) -> Variant:
        """The variant whose turn it is.

        Raises
        ------
        ServiceError
            If none has a weight.
        """
        if len(self.variants) == 1:
            return self.variants[0]
        with self._lock:
            total = sum(variant.weight for variant in self.variants)
            if not total:
                raise ServiceError("ValidationError", "No variant has a weight.")
            for variant in self.variants:
                variant.credit += variant.weight
            chosen = max(self.variants, key=lambda variant: variant.credit)
            chosen.credit -= total
            return chosen

    def named(self, name: str) -> Variant | None:
        """The variant of a name."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        return None
