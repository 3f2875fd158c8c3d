"""How data files are to be read: options that several commands share."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.formats import FORMATS, format_of_file

NAMES = sorted(FORMATS)

ENDINGS = "\n".join(
    textwrap.fill(
        f"  {entry.title:<18} {' '.join(entry.endings)}", 84, subsequent_indent=" " * 21
    )
    for entry in FORMATS.values()
)
"""Endings of file names, for help texts."""

OPTIONS = ("header", "separator", "decimal", "encoding")
"""Arguments that are options of formats."""

STANDARD_INPUT = "standard input"


def add_reading(parser: argparse.ArgumentParser, *names: str, of: str = "FILE") -> None:
    """``--format`` (or other names of it), ``--header``, ``--separator`` and so on."""
    parser.add_argument(
        *(names or ("--format",)),
        choices=NAMES,
        dest="format",
        help=f"format of {of} (default: by the ending of its name)",
    )
    parser.add_argument(
        "--header",
        choices=("auto", "yes", "no"),
        help="whether the first line of a CSV file holds names (default: auto, which "
        "finds out and says so)",
    )
    parser.add_argument(
        "--separator",
        type=_separator,
        metavar="CHAR",
        help="between the columns of a CSV file, such as ';' or tab (default: a comma)",
    )
    parser.add_argument(
        "--decimal",
        metavar="CHAR",
        help="before the fractions of numbers in a CSV file (default: a point)",
    )
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        help="of the text of a CSV file, such as latin-1 (default: utf-8)",
    )


def _separator(text: str) -> str:
    return "\t" if text in ("tab", r"\t") else text


@dataclass(frozen=True)
class Reading:
    """What the user says of the data files.

    Attributes
    ----------
    format : str or None
        Name of their format; None tells by the endings of their names.
    options : dict
        The `OPTIONS` that were given.
    """

    format: str | None
    options: dict[str, Any]

    def of(self, path: str) -> dict[str, Any]:
        """The options that the format of a file has."""
        entry = format_of_file(path, self.format)
        return {k: v for k, v in self.options.items() if k in entry.reading_options}


def reading_of(arguments: argparse.Namespace, *paths: str | None) -> Reading:
    """What the arguments say of files that are read with them.

    Raises
    ------
    DataFileError
        If the ending of a file's name is unknown, and no format is named.
    ValueError
        If an option is for the format of none of the files.
    """
    given = {name: getattr(arguments, name) for name in OPTIONS}
    options = {name: value for name, value in given.items() if value is not None}
    if arguments.format is None and "-" in paths:
        raise ValueError(
            f"{STANDARD_INPUT}: has no name that tells its format; say --format "
            f"{', '.join(NAMES[:-1])} or {NAMES[-1]}."
        )
    named = [path for path in paths if path is not None]
    entries = [format_of_file(path, arguments.format) for path in named]
    for name in options:
        if not any(name in entry.reading_options for entry in entries):
            raise ValueError(
                f"{named[0]}: --{name} is not for {entries[0].title}; leave it out."
            )
    return Reading(arguments.format, options)


@contextmanager
def data_file(path: str, reading: Reading) -> Iterator[str]:
    """The file to read: that of the name, or what "-", standard input, gives.

    Readers look at a file more than once, so standard input is copied to a file first;
    what goes wrong with it names standard input.
    """
    if path != "-":
        yield path
        return
    ending = FORMATS[str(reading.format)].endings[0]
    with tempfile.TemporaryDirectory(prefix="sklearn-sagemaker-") as folder:
        copy = os.path.join(folder, f"rows{ending}")
        with open(copy, "wb") as handle:
            shutil.copyfileobj(sys.stdin.buffer, handle)
        try:
            yield copy
        except DataFileError as error:
            message = str(error).replace(copy, STANDARD_INPUT)
            raise DataFileError(message) from error


def shown_path(path: str) -> str:
    """A data file as the output names it."""
    return STANDARD_INPUT if path == "-" else path
