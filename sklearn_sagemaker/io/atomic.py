"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sklearn_sagemaker.io.opening import file_name

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_HOST = f"{zlib.crc32(os.fsencode(os.uname().nodename)) if fcntl else 0:08x}"
"""Locks tell nothing of the processes of another host."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Writing itself fails, which does not say of which file."""

_MOST_LINKS = 40
"""Of links that lead to a file; Linux follows as many."""


def _stem(target: Path) -> str:
    return f".{target.name[:100]}.{_HOST}"


def _target(path: str | os.PathLike[str]) -> Path:
    """The file that a path stands for, in a folder that there is."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path}: is a folder; name a file to write.")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"{path}: the folder {target.parent} does not exist; make it first."
        )
    return target


def _start(target: Path) -> tuple[Path, int]:
    """A new file in the target's folder, so that the rename stays on one disk.

    It is locked while its handle is open, also if the process is killed.
    """
    while True:
        path = target.with_name(f"{_stem(target)}{secrets.token_hex(4)}.part")
        # Permission bits lie to root and on network disks: only writing tells.
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            raise PermissionError(
                f"{target}: cannot write in the folder {target.parent} "
                f"({error.strerror or error}); choose another one."
            ) from error
        try:
            _lock(handle, wait=True)
            # Who cleans up may have come between.
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return path, handle
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int, wait: bool = False) -> bool:
    """Lock a file; False if another has done so, or the disk knows no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _clean(target: Path) -> None:
    """Remove what writers of the target left behind when they were killed."""
    theirs = re.compile(re.escape(_stem(target)) + r"[0-9a-f]{8}\.part")
    with suppress(OSError), os.scandir(target.parent) as entries:
        found = [entry.path for entry in entries if theirs.fullmatch(entry.name)]
        for path in found:
            with suppress(OSError):
                handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
                try:
                    if _lock(handle):
                        os.unlink(path)
                finally:
                    os.close(handle)


def _special(path: str) -> int | None:
    """The mode of a device or a pipe, which must be written to, not replaced."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return None
    if stat.S_ISSOCK(mode):
        raise OSError(errno.EINVAL, "is a socket; name a file to write", path)
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else mode


def _descriptor(path: str) -> int | None:
    """The open file of this process that a path such as /dev/stdout is a name of."""
    shown = path
    folders = {os.path.realpath(one) for one in ("/proc/self/fd", "/dev/fd")}
    for _ in range(_MOST_LINKS):
        folder, name = os.path.split(path)
        if os.path.realpath(folder) in folders and name.isdigit():
            break
        try:
            path = os.path.join(folder, os.readlink(path))
        except OSError:
            return None
    else:
        return None
    try:
        os.write(int(name), b"")
    except OSError as error:
        raise OSError(error.errno, "is not open for writing", shown) from error
    return int(name)


def is_standard_output(path: str | os.PathLike[str]) -> bool:
    """Whether a path is another name of standard output, such as /dev/stdout."""
    return _descriptor(file_name(path)) == 1


def check_can_write(path: str | os.PathLike[str]) -> None:
    """Refuse a path that cannot be written, before the work is done.

    Parameters
    ----------
    path : str or path-like
        File to be written later by `replacing`.

    Raises
    ------
    OSError
        If the folder is missing or closed to us, or the path is a folder or a socket.
    DataFileError
        If no file can have such a name.
    TypeError
        If it is no path, or one of bytes.

    Examples
    --------
    >>> from sklearn_sagemaker.io import check_can_write
    >>> check_can_write("/no/such/folder/model.tar.gz")
    Traceback (most recent call last):
    ...
    FileNotFoundError: /no/such/folder/model.tar.gz: the folder ... does not exist; ...
    """
    name = file_name(path)
    if _special(name) is not None or _descriptor(name) is not None:
        return
    probe, handle = _start(_target(path))
    with suppress(OSError):
        probe.unlink()
    os.close(handle)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file under a temporary name and rename it at the end.

    Parameters
    ----------
    path : str or path-like
        The file to make or to replace; a symbolic link stays one.

    Yields
    ------
    temporary : Path
        What to write to. If the block raises, it is removed and ``path`` is left
        as it was.

    Raises
    ------
    OSError
        If there is no such folder, it is closed to us, the disk is full, or the path
        is a pipe that nobody reads.
    DataFileError
        If no file can have such a name.
    TypeError
        If it is no path, or one of bytes.

    Notes
    -----
    Of an open file, such as ``/dev/stdout``, what it holds stays; the rest goes behind.

    A process that is killed leaves its temporary file, ``.NAME.*.part``. The next one
    that writes to the same path removes it. Files of writers that live are locked, and
    left alone; so are those of other hosts.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_sagemaker.io import replacing
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "a.txt")
    >>> with replacing(path) as temporary:
    ...     _ = temporary.write_text("whole")
    ...     path.exists()
    False
    >>> path.read_text()
    'whole'
    >>> folder.cleanup()
    """
    name = file_name(path)
    mode = _special(name)
    if mode is not None:
        with _reader_waits(name, mode):
            yield Path(name)
        return
    descriptor = _descriptor(name)
    if descriptor is not None:
        with _appended(descriptor) as temporary:
            yield temporary
        return
    target = _target(path)
    _clean(target)
    temporary, handle = _start(target)
    try:
        # To be told from an empty file that was meant.
        with suppress(OSError):
            os.utime(temporary, (0, 0))
        yield temporary
        if os.stat(temporary).st_mtime == 0:
            raise FileNotFoundError(
                errno.ENOENT, "nothing was written to it", str(temporary)
            )
        # On disk before the rename, lest a power cut leave an empty file.
        os.fsync(handle)
        os.replace(temporary, target)
    except OSError as error:
        if error.filename is None and error.errno in _FULL:
            error.filename = name
        raise
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
        os.close(handle)


@contextmanager
def _appended(descriptor: int) -> Iterator[Path]:
    """A file whose bytes go where an open file stands, as others write to that too."""
    with tempfile.TemporaryDirectory(prefix="sklearn-sagemaker-") as folder:
        temporary = Path(folder, "written")
        yield temporary
        with (
            temporary.open("rb") as source,
            open(descriptor, "wb", closefd=False) as to,
        ):
            shutil.copyfileobj(source, to)


@contextmanager
def _reader_waits(path: str, mode: int) -> Iterator[None]:
    """Hold a pipe open, which without a reader would block its writer for ever."""
    if not stat.S_ISFIFO(mode):
        yield
        return
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise OSError(
            error.errno, "is a pipe that nobody reads; start its reader first", path
        ) from error
    try:
        yield
    finally:
        os.close(handle)
