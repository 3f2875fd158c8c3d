"""Opening files for reading: each way it can fail, in one line."""

from __future__ import annotations

import csv
import errno
import glob
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO, cast

from sklearn_sagemaker._memory import memory as machine_memory
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.compression import FAULTS, Compression, compression_of
from sklearn_sagemaker.io.messages import quoted

LONGEST_LINE = 1 << 26
"""Bytes of one line that are read at most; a gzip file can hold any number."""

MOST_UNPACKED = 1 << 30
"""Bytes that a compressed file may always unpack to..."""
USUAL_RATIO = 100
"""... and so many more for each byte of it: text of numbers seldom has 20."""

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def file_name(
    path: str | os.PathLike[str], error: type[ValueError] = DataFileError
) -> str:
    """A path as text that the system takes.

    Parameters
    ----------
    path : str or path-like
    error : exception class, default=DataFileError
        What to raise for a text that is no file name.

    Raises
    ------
    TypeError
        If it is no path, or bytes: these are contents in other places.
    DataFileError
        Or ``error``: if no file can have such a name.
    """
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(
            f"a path must be a str or path-like, got {type(path).__name__}."
        )
    name = os.fspath(path)
    if isinstance(name, bytes):
        raise TypeError(
            f"the path {quoted(name)} is bytes; give a str, which os.fsdecode makes "
            "of it."
        )
    if "\0" in name:
        raise error(
            f"the path {quoted(name)} has a NUL character, which no file name can "
            "have; correct it."
        )
    try:
        os.fsencode(name)
    except UnicodeEncodeError as fault:
        raise error(
            f"the path {quoted(name)} has the character "
            f"{name[fault.start]!a}, which no file name can have; correct it."
        ) from fault
    return name


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn what goes wrong with a file into a `DataFileError` that names it."""
    try:
        yield
    except DataFileError:
        raise
    except FileNotFoundError as error:
        raise DataFileError(_no_file(path)) from error
    except IsADirectoryError as error:
        raise DataFileError(f"{path}: is a folder; name a file in it.") from error
    except PermissionError as error:
        raise DataFileError(
            f"{path}: permission denied; make it readable for this user."
        ) from error
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{path}: is not UTF-8 text (byte 0x{error.object[error.start]:02x}); save "
            "it as UTF-8."
        ) from error
    except FAULTS as error:
        raise DataFileError(_not_whole(path, error)) from error
    except zipfile.BadZipFile as error:
        raise DataFileError(
            f"{path}: is not a whole .npz file ({error}); save or copy it again."
        ) from error
    except csv.Error as error:
        raise DataFileError(
            f"{path}: is not valid CSV ({error}); check the quotes."
        ) from error
    except OSError as error:
        if error.errno is None and compression_of(path):
            raise DataFileError(_not_whole(path, error)) from error
        raise DataFileError(
            f"{path}: cannot be read: {error.strerror or error}."
        ) from error


def _no_file(path: str) -> str:
    if "://" in path:
        return (
            f"{path}: is an address, and a file of this machine is needed; copy it "
            "here first, such as by 'aws s3 cp'. A fit takes rows in S3 as S3Data."
        )
    return f"{path}: no such file; check the name and the folder."


def _not_whole(path: str, error: BaseException) -> str:
    found = compression_of(path)
    kind = found.name if found else "gzip"
    return f"{path}: is not a whole {kind} file ({error}); compress or copy it again."


def check_file(path: str) -> None:
    """Refuse what is not a file with something in it."""
    with reading(path):
        status = os.stat(path)
        _check_regular(path, status)
        if status.st_size == 0:
            raise DataFileError(f"{path}: is empty; a data file needs rows.")


def file_size(path: str) -> int:
    """Bytes of a file, which may be gone since it was read."""
    with reading(path):
        return os.path.getsize(path)


def _check_regular(path: str, status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if kind != stat.S_IFREG:
        raise OSError(
            errno.EINVAL,
            f"is {_KINDS.get(kind, 'no file')}, and a file is needed; copy what it "
            "gives into one",
            path,
        )


def _open_regular(path: str, flags: int) -> int:
    # Before it is opened: that would wake whoever waits at the other end of a pipe.
    _check_regular(path, os.stat(path))
    # It may have become a pipe since, which must not block.
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        _check_regular(path, os.fstat(handle))
    except OSError:
        os.close(handle)
        raise
    return handle


def open_file(path: str, buffering: int = -1) -> BinaryIO:
    """The bytes of a file as they are, which is no folder, pipe or device.

    Parameters
    ----------
    path : str
        From `file_name`.
    buffering : int, default=-1
        As for `open`.

    Raises
    ------
    OSError
        If it cannot be opened; in a block of `reading` it becomes a `DataFileError`.
    """
    return open(path, "rb", buffering, opener=_open_regular)


def check_unpacked(path: str, packed: int, unpacked: int) -> None:
    """Refuse to unpack many times what a file has.

    Parameters
    ----------
    path : str
    packed, unpacked : int
        Bytes of the file, and what it holds.

    Raises
    ------
    DataFileError
    """
    most = max(MOST_UNPACKED, USUAL_RATIO * packed)
    if unpacked > most:
        raise DataFileError(
            f"{path}: unpacks to more than {most >> 20:,} MiB, which {packed:,} bytes "
            "seldom do; unpack it yourself, if you trust it, and read that."
        )


def most_loaded(memory: int | None, copies: int = 1) -> int:
    """Bytes of a file that may be loaded at once.

    Parameters
    ----------
    memory : int or None
        As the user says; None is what this machine has.
    copies : int, default=1
        How often they are in memory while the file is read.
    """
    return machine_memory() // copies if memory is None else memory


def too_much_to_load(path: str, most: int, remedy: str) -> DataFileError:
    """What to say of a file that is loaded whole, and has more than it may."""
    return DataFileError(
        f"{path}: has more than {most:,} bytes, and files of its format are loaded "
        f"whole; {remedy}, or pass a larger memory in Python, if there is more."
    )


def read_whole(
    path: str, handle: BinaryIO, memory: int | None, remedy: str
) -> bytearray:
    """All bytes of an open file, which will be decoded.

    Parameters
    ----------
    path : str
        Its name, for the message.
    handle : binary file object
    memory : int or None
        As for `most_loaded`.
    remedy : str

    Raises
    ------
    DataFileError
        If there are more than may be loaded.
    """
    most, data = most_loaded(memory, 2), bytearray()
    while piece := handle.read(1 << 20):
        data += piece
        if len(data) > most:
            raise too_much_to_load(path, most, remedy)
    return data


class _Unpacking(io.RawIOBase):
    """A compressed file, of which no more is read than its size makes likely."""

    def __init__(self, path: str, kind: Compression):
        self._path = path
        self._packed = open_file(path)
        self._size = os.fstat(self._packed.fileno()).st_size
        self._file = kind.unpack(self._packed)
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, space) -> int:  # type: ignore[no-untyped-def]
        count = self._file.readinto(space)
        self._done += count
        check_unpacked(self._path, self._size, self._done)
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            self._packed.close()
        super().close()


def line_too_long(place: str, quotes: bool = False) -> DataFileError:
    """What to say of a line that no data file has; ``place`` names it."""
    cause = "; check the quotes" if quotes else ""
    return DataFileError(
        f"{place} has more than {LONGEST_LINE >> 20} MiB; rows end with a line break"
        f"{cause}."
    )


def matching_files(path: str | os.PathLike[str]) -> list[str]:
    """The files that a name or a pattern such as ``"part-*.csv"`` stands for.

    Parameters
    ----------
    path : str or path-like
        The name of a file that exists is no pattern, whatever is in it.

    Returns
    -------
    paths : list of str
        Sorted; folders are left out.

    Raises
    ------
    DataFileError
        If there is none.
    """
    name = file_name(path)
    if os.path.exists(name):
        return [name]
    found = sorted(one for one in glob.glob(name) if not os.path.isdir(one))
    if found:
        return found
    if glob.has_magic(name):
        raise DataFileError(
            f"{name}: no file matches this pattern; check the name and the folder."
        )
    raise DataFileError(_no_file(name))


def is_gzip(path: str | os.PathLike[str]) -> bool:
    """Whether a file is compressed, by its name: for reading and for writing."""
    return os.fspath(path).lower().endswith(".gz")


def open_bytes(path: str) -> BinaryIO:
    """The bytes of a file, compressed or not."""
    kind = compression_of(path)
    if kind is not None:
        return cast(BinaryIO, io.BufferedReader(_Unpacking(path, kind), 1 << 16))
    return open_file(path)


def open_text(path: str, encoding: str = "utf-8-sig", errors: str = "strict") -> TextIO:
    """A text file, compressed or not, without its byte order mark."""
    # newline="" is what the csv module asks for.
    return io.TextIOWrapper(
        open_bytes(path), encoding=encoding, errors=errors, newline=""
    )
