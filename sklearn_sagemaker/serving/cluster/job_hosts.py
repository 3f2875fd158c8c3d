"""The hosts of a job: which they are, and how they find each other."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.exceptions import JobHostsError

PURPOSE = "jobs of several instances"
JOIN_SECONDS = 300.0
"""That hosts wait for each other."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds from one attempt to the next, which double in between."""
CONNECT_SECONDS = 5.0
T = TypeVar("T")


@dataclass(frozen=True)
class JobHosts:
    """What a host knows of all, by ``resourceconfig.json``.

    Attributes
    ----------
    current : str
        This one.
    names : tuple of str
        Of all, in the order of texts.
    interface : str or None
        The network interface by which they talk.
    """

    current: str
    names: tuple[str, ...]
    interface: str | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> JobHosts:
        """The hosts that the file names; one if it names none.

        Parameters
        ----------
        config : mapping
            What ``resourceconfig.json`` holds.

        Raises
        ------
        ValueError
            If it is not as SageMaker writes it.
        """
        names = config.get("hosts") or [config.get("current_host", "algo-1")]
        current = config.get("current_host", names[0])
        if len(set(names)) < len(names) or current not in names:
            raise ValueError(
                f"resourceconfig.json has current_host={current!r} and hosts={names}; "
                "hosts must be distinct, and the current one among them."
            )
        return cls(current, tuple(sorted(names)), config.get("network_interface_name"))

    @property
    def first(self) -> str:
        """The host that leads: it has the scheduler, and writes the model."""
        return self.names[0]

    @property
    def is_first(self) -> bool:
        """Whether this host leads."""
        return self.current == self.first

    def address(self, end: float) -> str:
        """The IPv4 address that this host listens at.

        That of the interface. All hosts may share the loopback, where each has an
        address of 127/8 by its name.

        Parameters
        ----------
        end : float
            By `time.monotonic`: until then the name may be unknown.

        Raises
        ------
        JobHostsError
            If the interface has none.
        """
        found = [] if self.interface is None else _addresses(self.interface)
        if self.interface is not None and not found:
            raise JobHostsError(
                f"The network interface {self.interface!r} of {self.current}, which "
                "resourceconfig.json names, has no IPv4 address."
            )
        if found and not ipaddress.ip_address(found[0]).is_loopback:
            return found[0]
        return until(
            lambda: resolved(self.current),
            f"{self.current} does not find the address of its own name",
            end,
        )


def _addresses(interface: str) -> list[str]:
    psutil = import_optional("psutil", "dask", PURPOSE)
    return [
        entry.address
        for entry in psutil.net_if_addrs().get(interface, ())
        if entry.family == socket.AF_INET
    ]


def resolved(name: str) -> str:
    """The IPv4 address of a host.

    Raises
    ------
    OSError
        If its name is not known, or not yet.
    """
    return str(socket.getaddrinfo(name, None, socket.AF_INET)[0][4][0])


def answering(name: str, port: int) -> str:
    """The IPv4 address of a host where somebody listens at a port.

    Raises
    ------
    OSError
        If nobody does, or not yet.
    """
    address = resolved(name)
    socket.create_connection((address, port), timeout=CONNECT_SECONDS).close()
    return address


def until(
    attempt: Callable[[], T],
    what: str,
    end: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """What an attempt returns, made again and again while the network refuses it.

    Parameters
    ----------
    attempt : callable
    what : str
        Is wrong if none succeeds.
    end : float
        By the clock; one more attempt is made then.
    clock, sleep : callable

    Raises
    ------
    JobHostsError
    """
    start, pause = clock(), SHORTEST_PAUSE
    while True:
        left = end - clock()
        try:
            return attempt()
        except OSError as error:
            if left <= 0:
                raise JobHostsError(
                    f"{what}, tried for {clock() - start:.0f} s ({error})."
                ) from error
        sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)
