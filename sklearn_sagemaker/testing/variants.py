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
        ServiceError
            If it is not asked.
        OSError, HTTPException
            If there is none, or not in time.
        """
        assert self.server is not None
        return self.server.ask("POST", "/invocations", headers, body, seconds)

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
        """End it."""
        if self.server is not None:
            self.server.close(at_once=at_once)


class ServerlessVariant(Variant):
    """A variant whose server is started by the first call, and refuses too many.

    It is started when the endpoint is made, too, as an endpoint whose model cannot be
    served has failed; it goes on only if it is provisioned.
    """

    most_bytes = MOST_SERVERLESS_BYTES

    def __init__(self, given: Record, make: Callable[[], ModelServer]):
        super().__init__(given, make)
        self._make = make
        self._calls = 0
        self._lock = threading.Lock()
        self._starting: threading.Thread | None = None
        self._refusal = ""
        self._closed = False
        if not given["ServerlessConfig"].get("ProvisionedConcurrency"):
            super().close(at_once=True)
            self.server = None

    def ask(
        self, headers: Mapping[str, str], body: bytes, seconds: float = ANSWER_SECONDS
    ) -> Answer:
        """The model's answer; see `Variant`."""
        most = self.given["ServerlessConfig"]["MaxConcurrency"]
        with self._lock:
            if self._calls >= most:
                raise ServiceError(
                    "ThrottlingException",
                    f"Variant {self.name} answers {most} calls at once "
                    "(MaxConcurrency).",
                )
            self._calls += 1
        try:
            self._warm_up()
            return super().ask(headers, body, seconds)
        finally:
            with self._lock:
                self._calls -= 1

    def _warm_up(self) -> None:
        """Wait for the server, which is started if need be."""
        with self._lock:
            if self.server is not None:
                return
            if self._starting is None and not self._closed:
                self._starting = threading.Thread(target=self._start, daemon=True)
                self._starting.start()
            starting = self._starting
        if starting is not None:
            starting.join(ANSWER_SECONDS)
            if starting.is_alive():
                raise ServiceError(
                    "ModelNotReadyException",
                    f"The model of variant {self.name} is being started; ask again.",
                    429,
                )
        if self.server is None:
            raise ServiceError("ServiceUnavailable", self._refusal, 503)

    def _start(self) -> None:
        try:
            self.server = self._make()
        except Exception as error:
            if not isinstance(error, JobError):
                traceback.print_exc()
            self._refusal = f"The model cannot be started: {error}"
        finally:
            with self._lock:
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

    def close(self, *, at_once: bool = False) -> None:
        """End it."""
        with self._lock:
            self._closed, starting = True, self._starting
        if starting is not None:
            starting.join()
        super().close(at_once=at_once)


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

    def next(self) -> Variant | None:
        """The variant whose turn it is; None if none has a weight."""
        if len(self.variants) == 1:
            return self.variants[0]
        with self._lock:
            total = sum(variant.weight for variant in self.variants)
            if not total:
                return None
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
