"""Where checkpoints are: a folder, or an address that fsspec knows."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.io.plain_values import (
    encoded,
    read_values,
    values_of,
    write_values,
)

_ADDRESS = re.compile(r"\w[\w+.-]+://")
_SECRET = re.compile(r"://[^/@]*:[^/@]*@")


def is_address(place: str | os.PathLike[str]) -> bool:
    """Whether it is an address such as ``s3://bucket/folder``, and no folder."""
    return isinstance(place, str) and _ADDRESS.match(place) is not None


def check_address(address: str) -> None:
    """Refuse an address that nothing here can write to, or that tells a secret.

    Parameters
    ----------
    address : str

    Raises
    ------
    ImportError
        If a package is missing; the message names it.
    ValueError
        If the address has a password, or begins with what fsspec does not know.
    """
    if _SECRET.search(address):
        raise ValueError(
            "checkpoint is an address with a password, which logs and models would "
            "show; give it to fsspec by its configuration or the environment."
        )
    Address(address)


class Place(ABC):
    """Where the checkpoints of a training are."""

    @abstractmethod
    def names(self) -> list[str]:
        """Of the files that are there.

        Raises
        ------
        OSError
            If there is no such place, and none can be made.
        """

    @abstractmethod
    def read(self, name: str) -> dict[str, Any]:
        """The plain values in a file.

        Raises
        ------
        OSError, StoredStateError
            If it cannot be read, or is damaged.
        """

    @abstractmethod
    def write(self, name: str, values: dict[str, Any]) -> None:
        """Write plain values into a file.

        Raises
        ------
        OSError
            If it cannot be written.
        """

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file.

        Raises
        ------
        OSError
            If it cannot be removed.
        """

    @abstractmethod
    def path(self, name: str) -> str:
        """What messages call a file."""


class Folder(Place):
    """A folder of this machine, which is made if it is missing.

    Parameters
    ----------
    folder : str or path-like
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self._folder = Path(folder)

    def __str__(self) -> str:
        return str(self._folder)

    def names(self) -> list[str]:
        """See `Place`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return os.listdir(self._folder)

    def read(self, name: str) -> dict[str, Any]:
        """See `Place`."""
        return read_values(self._folder / name)

    def write(self, name: str, values: dict[str, Any]) -> None:
        """See `Place`: the file appears whole or not at all."""
        write_values(self._folder / name, values)

    def remove(self, name: str) -> None:
        """See `Place`."""
        (self._folder / name).unlink()

    def path(self, name: str) -> str:
        """See `Place`."""
        return str(self._folder / name)


class Address(Place):
    """A folder of an object store, or of another system that fsspec knows.

    A file is sent by one call: an object appears whole. Where that is not so, one that
    was cut short is found damaged, and the one before it is taken.

    Parameters
    ----------
    address : str
    """

    def __init__(self, address: str):
        fsspec = import_optional("fsspec", "dask", "checkpoints at an address")
        self._address = address.rstrip("/")
        try:
            self._system, self._root = fsspec.core.url_to_fs(self._address)
        except ValueError as error:
            raise ValueError(
                f"checkpoint={address!r} is no address that fsspec knows ({error}); "
                "name a folder, or one such as 's3://bucket/folder'."
            ) from None

    def __str__(self) -> str:
        return self._address

    def _called(self, call: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        # Each system has its own errors.
        try:
            return call(*arguments, **more)
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {error}") from error

    def names(self) -> list[str]:
        """See `Place`."""
        self._called(self._system.makedirs, self._root, exist_ok=True)
        # Others may write there too.
        self._called(self._system.invalidate_cache)
        try:
            found = self._called(self._system.ls, self._root, detail=False)
        except FileNotFoundError:
            # An object store has no empty folder.
            return []
        return [path.rstrip("/").rpartition("/")[2] for path in found]

    def read(self, name: str) -> dict[str, Any]:
        """See `Place`."""
        data = self._called(self._system.cat_file, f"{self._root}/{name}")
        return values_of(data, self.path(name))

    def write(self, name: str, values: dict[str, Any]) -> None:
        """See `Place`."""
        data = b"".join(bytes(piece) for piece in encoded(values))
        self._called(self._system.pipe_file, f"{self._root}/{name}", data)

    def remove(self, name: str) -> None:
        """See `Place`."""
        self._called(self._system.rm_file, f"{self._root}/{name}")

    def path(self, name: str) -> str:
        """See `Place`."""
        return f"{self._address}/{name}"


def place_of(place: str | os.PathLike[str]) -> Place:
    """The place that a folder or an address names.

    Parameters
    ----------
    place : str or path-like
    """
    if isinstance(place, str) and is_address(place):
        return Address(place)
    return Folder(place)
