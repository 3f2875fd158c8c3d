"""Hosts of a job: their names, and the network between them."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import select
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

HOSTS = Path("/etc/hosts")
READY_SECONDS = 10.0
BRIDGE = """
ip link set lo up && ip link add jobs type bridge && ip link set jobs up &&
echo ready && exec cat > /dev/null
"""
"""What a namespace does that has the bridge: it lasts as long as its input."""
WIRE = """
set -e
nsenter --net=/proc/$0/ns/net sh -ec \
    "ip link add v$1 type veth peer name eth0 netns $$; ip link set v$1 master jobs up"
ip link set lo up
ip address add "$2" dev eth0
ip link set eth0 up
mount --bind "$3" "$4"
shift 4
exec "$@"
"""
"""A host's: the bridge's process, a number, an address, both files, and the program."""
BIND = 'mount --bind "$0" "$1" && shift && exec "$@"'
USERS = ((), ("--user", "--map-root-user"))
"""As root, and as everybody else."""


def names_of(count: int) -> list[str]:
    """Names of hosts, sorted as the service sorts them.

    Parameters
    ----------
    count : int
    """
    return sorted(f"algo-{number}" for number in range(1, count + 1))


class Network(ABC):
    """How the hosts of a job reach each other.

    Attributes
    ----------
    interface : str
        By which they do.
    """

    interface: str

    @abstractmethod
    def address(self, number: int) -> str:
        """That of a host, by its number from 0."""

    @abstractmethod
    def placed(self, command: Sequence[str], number: int, path: Path) -> list[str]:
        """A command that runs a program on a host.

        Parameters
        ----------
        command : sequence of str
        number : int
            Of the host, from 0.
        path : Path
            Is ``/etc/hosts`` there.
        """

    def write_addresses(self, names: Sequence[str], path: Path) -> None:
        """Write a file like ``/etc/hosts`` in which each host has its address.

        Parameters
        ----------
        names : sequence of str
        path : Path
        """
        text = HOSTS.read_text("utf-8", "replace") if HOSTS.exists() else ""
        lines = [f"{self.address(n)} {name}" for n, name in enumerate(names)]
        path.write_text("\n".join([text, *lines, ""]), encoding="utf-8")


class Loopback(Network):
    """All hosts have this machine's own network.

    Each has an address of 127/8, on Linux, that no other job has. Where nobody may have
    a mount namespace their names have none.
    """

    interface = "lo"
    _jobs = itertools.count()

    def __init__(self) -> None:
        own = 1 + os.getpid() % 250
        self._net = f"127.{own}.{1 + next(self._jobs) % 250}"

    def address(self, number: int) -> str:
        """That of a host, by its number from 0."""
        return f"{self._net}.{number + 1}"

    def placed(self, command: Sequence[str], number: int, path: Path) -> list[str]:
        """See `Network`."""
        space = _mount_namespace()
        return [*space, str(path), str(HOSTS), *command] if space else list(command)


class Wires(Network):
    """Each host has a network namespace, with a wire to one bridge.

    They reach each other, and nothing else.

    Parameters
    ----------
    bridge : int
        Process that has the bridge in its namespace.
    user : sequence of str
        Options of ``unshare``: empty if that has no user namespace.
    """

    interface = "eth0"

    def __init__(self, bridge: int, user: Sequence[str]):
        self._bridge = bridge
        place = f"/proc/{bridge}/ns"
        self._enter = ["nsenter", f"--net={place}/net"]
        if user:
            self._enter += [f"--user={place}/user", "--preserve-credentials"]

    def address(self, number: int) -> str:
        """That of a host, by its number from 0."""
        return f"10.0.0.{number + 1}"

    def placed(self, command: Sequence[str], number: int, path: Path) -> list[str]:
        """See `Network`."""
        inside = ["unshare", "--net", "--mount", "sh", "-c", WIRE, str(self._bridge)]
        given = [str(number + 1), f"{self.address(number)}/24", str(path), str(HOSTS)]
        return [*self._enter, *inside, *given, *command]


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """The network of a job: of wires where this machine allows them."""
    user = _allowed()
    with contextlib.ExitStack() as ends:
        found: Network = Loopback()
        if user is not None:
            with contextlib.suppress(OSError):
                found = ends.enter_context(_wires(user))
        yield found


@contextlib.contextmanager
def _wires(user: Sequence[str]) -> Iterator[Wires]:
    process = subprocess.Popen(
        ["unshare", *user, "--net", "sh", "-c", BRIDGE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
        if not ready or process.stdout.readline() != b"ready\n":
            raise OSError("there is no bridge")
        yield Wires(process.pid, user)
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


@functools.cache
def _allowed() -> tuple[str, ...] | None:
    """What ``unshare`` needs for wires; None where they are not possible."""
    if any(shutil.which(name) is None for name in ("unshare", "nsenter", "ip")):
        return None
    for user in USERS:
        with contextlib.suppress(OSError), _wires(user) as found:
            if _runs(found.placed(["true"], 0, HOSTS)):
                return user
    return None


@functools.cache
def _mount_namespace() -> tuple[str, ...]:
    """The beginning of a command with its own ``/etc/hosts``; empty without."""
    if shutil.which("unshare") is None:
        return ()
    for user in USERS:
        space = ("unshare", *user, "--mount", "sh", "-c", BIND)
        if _runs([*space, __file__, str(HOSTS), "true"]):
            return space
    return ()


def _runs(command: Sequence[str]) -> bool:
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    return done.returncode == 0
