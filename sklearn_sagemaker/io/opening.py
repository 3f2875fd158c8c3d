"""Opening files for reading: each way it can fail, in one line."""

from __future__ import annotations

import csv
import glob
import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO, cast

from sklearn_sagemaker.exceptions import DataFileError

LONGEST_LINE = 1 << 26
"""Bytes of one line that are read at most; a gzip file can hold any number."""


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn what goes wrong with a file into a `DataFileError` that names it."""
    try:
        yield
    except DataFileError:
        raise
    except FileNotFoundError as error:
        raise DataFileError(
            f"{path}: no such file; check the name and the folder."
        ) from error
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
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataFileError(
            f"{path}: is not a whole gzip file ({error}); compress or copy it again."
        ) from error
    except zipfile.BadZipFile as error:
        raise DataFileError(
            f"{path}: is not a whole .npz file ({error}); save or copy it again."
        ) from error
    except csv.Error as error:
        raise DataFileError(
            f"{path}: is not valid CSV ({error}); check the quotes."
        ) from error
    except OSError as error:
        raise DataFileError(
            f"{path}: cannot be read: {error.strerror or error}."
        ) from error


def check_file(path: str) -> None:
    """Refuse what is not a file with something in it."""
    with reading(path):
        if os.path.isdir(path):
            raise IsADirectoryError(path)
        if os.stat(path).st_size == 0:
            raise DataFileError(f"{path}: is empty; a data file needs rows.")


def line_too_long(path: str, line: int, quotes: bool = False) -> str:
    """What to say of a line that no data file has."""
    cause = "; check the quotes" if quotes else ""
    return (
        f"{path}: row {line} has more than {LONGEST_LINE >> 20} MiB; rows end with a "
        f"line break{cause}."
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
    name = os.fspath(path)
    if os.path.exists(name):
        return [name]
    found = sorted(one for one in glob.glob(name) if not os.path.isdir(one))
    if found:
        return found
    if glob.has_magic(name):
        raise DataFileError(
            f"{name}: no file matches this pattern; check the name and the folder."
        )
    raise DataFileError(f"{name}: no such file; check the name and the folder.")


def is_gzip(path: str | os.PathLike[str]) -> bool:
    """Whether a file is compressed, by its name: for reading and for writing."""
    return os.fspath(path).lower().endswith(".gz")


def open_bytes(path: str) -> BinaryIO:
    """The bytes of a file, plain or gzip."""
    if is_gzip(path):
        return cast(BinaryIO, gzip.open(path, "rb"))
    return open(path, "rb")


def open_text(path: str) -> TextIO:
    """A text file, plain or gzip, without its byte order mark."""
    # newline="" is what the csv module asks for.
    if is_gzip(path):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return open(path, encoding="utf-8-sig", newline="")
