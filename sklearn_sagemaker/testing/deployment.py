"""What runs of an endpoint: its variants, capture and queue, and how they change."""

from __future__ import annotations

import copy
import functools
import secrets
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.async_queue import AsyncQueue
from sklearn_sagemaker.testing.capture import Capture
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.model_server import Answer, ModelServer
from sklearn_sagemaker.testing.outcomes import Outcome
from sklearn_sagemaker.testing.records import Record
from sklearn_sagemaker.testing.variants import (
    ServerlessVariant,
    Turns,
    Variant,
    VariantEndedError,
)

GROUP = "/aws/sagemaker/Endpoints/"
SERVED = "_served"
"""Of an endpoint's record: its configuration, and the models of its variants by their
names, which may be deleted."""


class Deployment:
    """What runs: variants, and others while it is updated.

    Parameters
    ----------
    account : Account
    region : str
    record : dict
        Of the endpoint; changed under the lock of the account.

    Attributes
    ----------
    turns : Turns or None
        The variants; None until the first ones run.
    queue : AsyncQueue or None
        Of an asynchronous endpoint.
    """

    def __init__(self, account: Account, region: str, record: Record):
        self._account, self._region, self._record = account, region, record
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._closing: threading.Thread | None = None
        self._capture: Capture | None = None
        self.turns: Turns | None = None
        self.queue: AsyncQueue | None = None

    def change(
        self,
        config: Record,
        models: Mapping[str, Record],
        outcome: Outcome | None = None,
        *,
        keep: bool = False,
    ) -> None:
        """Start a configuration, and then end the one before.

        Parameters
        ----------
        config : dict
        models : mapping of str to dict
            By the names of the variants.
        outcome : Outcome or None, default=None
            How it ends instead.
        keep : bool, default=False
            Whether servers go on that would be started with the same.
        """
        # What starts again when the emulator does: what runs, not what is to.
        self._record.setdefault(SERVED, [copy.deepcopy(config), models])
        self._thread = threading.Thread(
            target=self._change,
            args=(copy.deepcopy(config), models, outcome, keep),
            daemon=True,
        )
        self._thread.start()

    def _change(
        self,
        config: Record,
        models: Mapping[str, Record],
        outcome: Outcome | None,
        keep: bool,
    ) -> None:
        before = [] if self.turns is None else self.turns.variants
        started: list[Variant] = []
        reason = ""
        try:
            if outcome is not None:
                outcome.strike(self._ended)
                return
            self._account.wait("Updating" if before else "Creating", self._ended)
            for variant in config["ProductionVariants"]:
                model = models[variant["VariantName"]]
                started.append(self._variant(variant, model, before if keep else []))
            for item, variant in zip(
                started, config["ProductionVariants"], strict=True
            ):
                item.take(variant)
        except JobError as error:
            reason = str(error)
        except Exception as error:
            traceback.print_exc()
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        if reason:
            _close(set(started) - set(before))
        kept = None if reason else started
        over = self._put_in_service(config, models, kept, reason)
        if over is not None:
            over.close()
        if kept is not None:
            _close(set(before) - set(kept))

    def _variant(
        self, variant: Record, model: Record, before: Iterable[Variant]
    ) -> Variant:
        for other in before:
            if same(other.given, variant):
                return other
        name = variant["VariantName"]
        kind = ServerlessVariant if "ServerlessConfig" in variant else Variant
        workers = variant.get("InitialInstanceCount", 1)
        try:
            return kind(variant, functools.partial(self._server, name, model, workers))
        except JobError as error:
            said = str(error)
            if not said.startswith("did"):
                raise
            raise JobError(
                f"The primary container for production variant {name} {said}"
            ) from None

    def _server(self, name: str, model: Record, workers: int) -> ModelServer:
        return ModelServer(
            self._account,
            self._region,
            model,
            GROUP + self._record["EndpointName"],
            f"{name}/i-{secrets.token_hex(8)}",
            {},
            self._ended,
            workers=workers,
        )

    def _put_in_service(
        self,
        config: Record,
        models: Mapping[str, Record],
        started: list[Variant] | None,
        reason: str,
    ) -> Capture | None:
        """Say how the change has ended; the capture that is over."""
        record, over = self._record, None
        with self._account.lock:
            record["LastModifiedTime"] = now()
            if reason:
                record["FailureReason"] = reason
            # An update that fails leaves what was there before.
            works = started is not None or self.turns is not None
            record["EndpointStatus"] = "InService" if works else "Failed"
            if started is not None:
                record.pop("FailureReason", None)
                record["EndpointConfigName"] = config["EndpointConfigName"]
                record[SERVED] = [config, models]
                self.turns = Turns(started)
                over, self._capture = self._capture, self._new_capture(config)
                self._set_queue(config)
            if self.turns is not None:
                record["ProductionVariants"] = [
                    variant.described() for variant in self.turns.variants
                ]
        return over

    def _new_capture(self, config: Record) -> Capture | None:
        given, name = config.get("DataCaptureConfig"), self._record["EndpointName"]
        self._record.pop("DataCaptureConfig", None)
        if given is None:
            return None
        capture = Capture(self._account, self._region, name, given)
        self._record["DataCaptureConfig"] = capture.described()
        return capture

    def _set_queue(self, config: Record) -> None:
        given = config.get("AsyncInferenceConfig")
        self._record.pop("AsyncInferenceConfig", None)
        if given is None:
            if self.queue is not None:
                self.queue.close()
            self.queue = None
            return
        self._record["AsyncInferenceConfig"] = given
        if self.queue is None:
            self.queue = AsyncQueue(self._account, self._region, self)
        count = sum(
            item["InitialInstanceCount"] for item in config["ProductionVariants"]
        )
        self.queue.configure(given, count)

    def ask(
        self,
        choose: Callable[[Turns], Variant],
        headers: Mapping[str, str],
        body: bytes,
        **more: float,
    ) -> tuple[str, Answer]:
        """Ask the model of a variant; the answer may be captured.

        Parameters
        ----------
        choose : callable
            ``choose(turns)``: the variant.
        headers : mapping
        body : bytes
        **more
            As for `Variant.ask`, which says what is raised, too.

        Returns
        -------
        variant : str
            Name of the one that has answered.
        answer : tuple
        """
        while True:
            assert self.turns is not None
            variant = choose(self.turns)
            try:
                status, found, answer = variant.ask(headers, body, **more)
                break
            except VariantEndedError:
                # An update has ended it between these lines: others are there.
                if self._ended.is_set():
                    raise ConnectionRefusedError from None
        capture = self._capture
        if capture is not None and 200 <= status < 300:
            lower = {name.lower(): text for name, text in found.items()}
            capture.take(variant.name, (headers, body), (lower, answer))
        return variant.name, (status, found, answer)

    @property
    def name(self) -> str:
        """Of the endpoint."""
        return self._record["EndpointName"]

    def begin_to_close(self) -> None:
        """End it in a thread."""
        self._closing = threading.Thread(target=self.close, daemon=True)
        self._closing.start()

    def closes(self) -> bool:
        """Whether that thread is still at it."""
        return self._closing is not None and self._closing.is_alive()

    def close(self, *, at_once: bool = False) -> None:
        """End it; at once, also what another thread has begun to end."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self.queue is not None:
            self.queue.close()
        if self.turns is not None:
            _close(self.turns.variants, at_once=at_once)
        if self.queue is not None:
            self.queue.join()
        if self._capture is not None:
            self._capture.close()
        if at_once and self._closing is not None:
            self._closing.join()


def same(before: Record, after: Record) -> bool:
    """Whether a server goes on as it is: all but weights is the same."""
    kinds = ({**variant, "InitialVariantWeight": 1.0} for variant in (before, after))
    return next(kinds) == next(kinds)


def _close(variants: Iterable[Variant], *, at_once: bool = False) -> Any:
    """End variants together: a server may take its time."""
    closing = [
        threading.Thread(target=variant.close, kwargs={"at_once": at_once}, daemon=True)
        for variant in variants
    ]
    for thread in closing:
        thread.start()
    for thread in closing:
        thread.join()
