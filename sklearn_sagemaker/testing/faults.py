"""Faults that tests ask for: refusals, waits, and connections that break."""

from __future__ import annotations

import collections
import json
import math
import os
import re
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, NoReturn

from sklearn_sagemaker.testing.errors import ServiceError
from sklearn_sagemaker.testing.operations import SERVICES, is_known, operation_of
from sklearn_sagemaker.testing.outcomes import ENDS, RUNS, Outcome
from sklearn_sagemaker.testing.requests import Request
from sklearn_sagemaker.testing.roles import action_of, denied

TRAINING = "CreateTrainingJob"
RESETS = ("during", "before", "after")
_ENTRY = re.compile(rb"<(Contents|Version)>.*?</\1>", re.DOTALL)
_COUNT = re.compile(rb"<KeyCount>\d+</KeyCount>")
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Fault:
    """A rule.

    Attributes
    ----------
    operation : str
        Operation, or action of IAM; may have wildcards.
    code, message : str or None, str
    status : int
    seconds, stall : float
    reset : {"during", "before", "after"} or None
    cut, flip : int or None
    body : bytes or None
    headers, change : mapping
    hide : str or None
    late : bool
    ends : str or None
    reason : str
    interrupt : str or sequence of str
    delays : mapping of str to float
    where : str
    skip, times : float
        Calls that pass before the first fault, and faults in all.
    seen, done : int
        Calls, and faults, so far.
    """

    operation: str
    code: str | None = None
    message: str = "This fault was asked for."
    status: int = 400
    seconds: float = 0.0
    stall: float = 0.0
    reset: str | None = None
    cut: int | None = None
    flip: int | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    change: Mapping[str, Any] = field(default_factory=dict)
    hide: str | None = None
    late: bool = False
    ends: str | None = None
    reason: str = "InternalServerError: This fault was asked for."
    interrupt: str | Sequence[str] = ()
    delays: Mapping[str, float] = field(default_factory=dict)
    where: str = ""
    skip: float = 0
    times: float = math.inf
    seen: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        plain = self.operation.isalnum()
        if plain and not is_known(self.operation):
            raise ValueError(
                f"{self.operation!r} is no operation of {', '.join(SERVICES)}; for "
                "other services write a pattern, such as 'Publis*'."
            )
        if self.reset not in (None, *RESETS):
            raise ValueError(
                f"reset={self.reset!r} must be one of {', '.join(RESETS)}."
            )
        if self.ends not in (None, *ENDS):
            raise ValueError(f"ends={self.ends!r} must be one of {', '.join(ENDS)}.")
        if isinstance(self.interrupt, str):
            self.interrupt = (self.interrupt,)
        for name in ("interrupt", "delays"):
            if getattr(self, name) and not fnmatchcase(TRAINING, self.operation):
                raise ValueError(
                    f"{name} is for {TRAINING}, as it is about the instances of "
                    f"training jobs, and not for {self.operation}."
                )
        kinds = (self.code, self.reset, self.cut, self.flip, self.body, self.hide)
        happens = any(kind is not None for kind in (*kinds, self.ends))
        also = [self.seconds, self.stall, self.headers, self.change, self.late]
        also += [self.interrupt, self.delays]
        if not (happens or any(also) or self.is_denial):
            raise ValueError(
                f"Nothing happens to {self.operation}: say a code, seconds, a reset, "
                "or what becomes of the answer."
            )

    @property
    def is_denial(self) -> bool:
        """Whether it takes away an action of IAM."""
        return ":" in self.operation

    @property
    def outcome(self) -> Outcome | None:
        """How the job ends that the call creates, or what becomes of its instances."""
        if self.ends is None and not self.interrupt and not self.delays:
            return None
        ends = self.ends or RUNS
        return Outcome(ends, self.reason, tuple(self.interrupt), self.delays)

    def meets(self, name: str, action: str, text: str) -> bool:
        """Whether it is about a call."""
        asked = action if self.is_denial else name
        return fnmatchcase(asked, self.operation) and self.where in text

    def strikes(self) -> bool:
        """Whether it is the turn of one more call; counts it."""
        self.seen += 1
        if self.seen <= self.skip or self.done >= self.times:
            return False
        self.done += 1
        return True


class Faults:
    """The rules, and the number of calls of each operation."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self.calls: collections.Counter[str] = collections.Counter()
        self.lock = threading.Lock()
        self._healed = threading.Event()

    @property
    def break_uploads(self) -> bool:
        """Whether a rule breaks requests off while they come."""
        return any(rule.reset == "during" for rule in self.rules)

    def of(self, request: Request, *, during: bool = False) -> Fault | None:
        """The first rule that strikes at a request.

        Parameters
        ----------
        request : Request
        during : bool, default=False
            Whether its body has still to come; other rules strike then.
        """
        name = operation_of(request)
        action = action_of(request.service, name)
        with self.lock:
            self.calls[name] += not during
            if not self.rules:
                return None
            text = request.target + request.body.decode("utf-8", "replace")
            for rule in self.rules:
                if (
                    (rule.reset == "during") == during
                    and rule.meets(name, action, text)
                    and rule.strikes()
                ):
                    self.calls[name] += during
                    return rule
        return None

    def outcome(self, operation: str, text: str) -> Outcome | None:
        """How a job ends that the service creates by an operation, if a rule says."""
        with self.lock:
            for rule in self.rules:
                if (
                    rule.outcome is not None
                    and rule.meets(operation, "", text)
                    and rule.strikes()
                ):
                    return rule.outcome
        return None

    def denies(self, action: str) -> bool:
        """Whether a rule takes away an action of IAM."""
        with self.lock:
            return any(
                rule.is_denial
                and rule.done < rule.times
                and fnmatchcase(action, rule.operation)
                for rule in self.rules
            )

    def heal(self) -> None:
        """End all rules, and the waits that they ask for."""
        with self.lock:
            self.rules.clear()
            self._healed.set()
            self._healed = threading.Event()

    def wait(self, seconds: float) -> None:
        """Wait, unless all rules end meanwhile."""
        if seconds:
            self._healed.wait(seconds)

    def before(self, fault: Fault, handler: Any, request: Request) -> Answer | None:
        """What happens before a call is carried out; an answer, if it is not."""
        self.wait(fault.seconds)
        if fault.reset == "before":
            break_off(handler)
        if fault.code is not None:
            raise ServiceError(fault.code, fault.message, fault.status)
        if fault.is_denial:
            raise denied(request, action_of(request.service, operation_of(request)))
        if fault.late:
            return 200, {"Content-Type": "application/json"}, _no_events(request)
        return None

    def after(self, fault: Fault, handler: Any, answer: Answer) -> Answer:
        """What becomes of the answer."""
        status, headers, body = answer
        if fault.reset == "after":
            break_off(handler)
        replaced = {name.lower() for name in fault.headers}
        headers = {
            **{
                name: text
                for name, text in headers.items()
                if name.lower() not in replaced
            },
            **fault.headers,
        }
        if fault.body is not None:
            body = fault.body
        if fault.change and body[:1] in (b"", b"{"):
            body = json.dumps({**json.loads(body or b"{}"), **fault.change}).encode()
        if fault.hide is not None:
            body = _without(body, fault.hide)
        if fault.flip is not None and body:
            place = fault.flip % len(body)
            changed = bytes([body[place] ^ 1])
            body = body[:place] + changed + body[place + 1 :]
        return status, headers, body

    def sent(self, fault: Fault | None, handler: Any, body: bytes) -> Iterator[bytes]:
        """The parts of the body that are sent."""
        if fault is None or (fault.cut is None and not fault.stall):
            yield body
            return
        if fault.cut is not None:
            handler.close_connection = True
            body = body[: fault.cut]
        half = len(body) // 2
        yield body[:half]
        self.wait(fault.stall)
        yield body[half:]


def _no_events(request: Request) -> bytes:
    """An answer of CloudWatch Logs that has nothing yet, and the place to go on at."""
    asked = json.loads(request.body or b"{}")
    # moto reads from the event after the one that a token numbers.
    token = asked.get("nextToken", f"f/{-1:056d}")
    found = {"events": [], "nextForwardToken": token, "nextBackwardToken": token}
    if operation_of(request) == "FilterLogEvents":
        found = {"events": [], "searchedLogStreams": []}
    return json.dumps(found).encode()


def _without(body: bytes, text: str) -> bytes:
    """A list without the entries that hold a text."""
    if not body.startswith(b"{"):
        wanted = text.encode()

        def kept(entry: re.Match[bytes]) -> bytes:
            return b"" if wanted in entry[0] else entry[0]

        body = _ENTRY.sub(kept, body)
        count = f"<KeyCount>{len(_ENTRY.findall(body))}</KeyCount>"
        return _COUNT.sub(count.encode(), body)
    found = json.loads(body)
    for name, items in found.items():
        if isinstance(items, list):
            found[name] = [item for item in items if text not in json.dumps(item)]
    return json.dumps(found).encode()


def break_off(handler: Any) -> NoReturn:
    """Reset the connection of a request."""
    handler.close_connection = True
    connection = handler.connection
    at_once = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    # Closed here, as the server would say first that it ends.
    os.close(connection.detach())
    raise ConnectionResetError
