"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def _temporary(target: Path) -> Path:
    """An unused name in the target's folder, so that the rename stays on one disk."""
    return target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")


def _is_special(target: Path) -> bool:
    """Whether it is a device or a pipe, which must be written to, not replaced."""
    return target.exists() and not target.is_file() and not target.is_dir()


def check_can_write(path: str | os.PathLike[str]) -> None:
    """Refuse a path that cannot be written, before the work is done.

    Parameters
    ----------
    path : str or path-like
        File to be written later by `replacing`.

    Raises
    ------
    OSError
        If the folder is missing or closed to us, or the path is a folder.

    Examples
    --------
    >>> from sklearn_sagemaker.io import check_can_write
    >>> check_can_write("/no/such/folder/model.tar.gz")
    Traceback (most recent call last):
    ...
    FileNotFoundError: /no/such/folder/model.tar.gz: the folder ... does not exist; ...
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path}: is a folder; name a file to write.")
    if _is_special(target):
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"{path}: the folder {target.parent} does not exist; make it first."
        )
    # Permission bits lie to root and on network disks: only writing tells.
    probe = _temporary(target)
    try:
        probe.open("xb").close()
    except OSError as error:
        raise PermissionError(
            f"{path}: cannot write in the folder {target.parent} "
            f"({error.strerror or error}); choose another one."
        ) from error
    finally:
        with suppress(OSError):
            probe.unlink()


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
        If there is no such folder, it is closed to us, or the disk is full.

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
    target = Path(os.path.realpath(path))
    if _is_special(target):
        yield target
        return
    temporary = _temporary(target)
    try:
        yield temporary
        # On disk before the rename, lest a power cut leave an empty file.
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
