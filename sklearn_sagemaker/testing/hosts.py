"""Hosts of a job: their names, and addresses for these."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

HOSTS = Path("/etc/hosts")
_BIND = 'mount --bind "$0" "$1" && shift && exec "$@"'


def names_of(count: int) -> list[str]:
    """Names of hosts, sorted as the service sorts them.

    Parameters
    ----------
    count : int
    """
    return sorted(f"algo-{number}" for number in range(1, count + 1))


def write_addresses(names: Sequence[str], path: Path) -> None:
    """Write a file like ``/etc/hosts`` in which each host has an address.

    All are this machine's own, which has those of 127/8 on Linux.

    Parameters
    ----------
    names : sequence of str
    path : Path
    """
    text = HOSTS.read_text("utf-8", "replace") if HOSTS.exists() else ""
    lines = [f"127.0.1.{number} {name}" for number, name in enumerate(names, 1)]
    path.write_text("\n".join([text, *lines, ""]), encoding="utf-8")


def with_addresses(command: Sequence[str], path: Path) -> list[str]:
    """A command that runs a program for which a file is ``/etc/hosts``.

    The program has a mount namespace of its own then. Where the machine does not allow
    that, the command itself: the names have no addresses.

    Parameters
    ----------
    command : sequence of str
    path : Path
    """
    space = _namespace()
    return [*space, str(path), str(HOSTS), *command] if space else list(command)


@functools.cache
def _namespace() -> tuple[str, ...]:
    """The beginning of such a command; empty where it is not possible."""
    if shutil.which("unshare") is None:
        return ()
    for user in ((), ("--map-root-user",)):
        space = ("unshare", *user, "--mount", "sh", "-c", _BIND)
        tried = [*space, __file__, str(HOSTS), "true"]
        if subprocess.run(tried, capture_output=True, check=False).returncode == 0:
            return space
    return ()
