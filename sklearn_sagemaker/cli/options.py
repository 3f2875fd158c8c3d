"""Options that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

LABEL = (
    "the label: a column of a CSV or Parquet file, by name, or by number from 0 if it "
    'has no header{by_default}; an array of an .npz file (default there: "y"); in '
    "other formats each row has it"
)
"""Help of ``--label`` of a file that is read as it is."""


MODEL = (
    "model file: .joblib, from a trusted source only, since loading it can run code; "
    "or .skops, or SageMaker's model.tar.gz, or a folder with one"
)
"""Help of a model that exists."""


def add_model(parser: argparse.ArgumentParser) -> None:
    """``--model``, of a model that exists."""
    parser.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help=MODEL,
    )


def _whole(text: str, allowed: Callable[[int], bool], what: str) -> int:
    """A whole number that is allowed, or an error that says what it must be."""
    try:
        value = int(text)
    except ValueError:
        pass
    else:
        if allowed(value):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not {what}")


def seed(text: str) -> int:
    """A seed that NumPy accepts."""
    what = f"a whole number from 0 to {2**32 - 1}, such as 0"
    return _whole(text, lambda value: 0 <= value < 2**32, what)


def jobs(text: str) -> int:
    """A number of threads, as joblib counts them."""
    what = "a number of threads, such as 4, or -1 for all processors"
    return _whole(text, bool, what)


def whole_number(text: str) -> int:
    """A number of things, at least one."""
    what = "a whole number of 1 or more, such as 4"
    return _whole(text, lambda value: value >= 1, what)


def port(text: str) -> int:
    """A port of TCP, or 0."""
    what = "a port, a whole number from 0 to 65535, such as 8080"
    return _whole(text, lambda value: 0 <= value < 2**16, what)


def refuse_same_file(written: str, *read: str | None) -> None:
    """Refuse to write over a file that is read."""
    from sklearn_sagemaker.io.opening import file_name

    target = os.path.realpath(file_name(written))
    for path in read:
        if path is not None and os.path.realpath(file_name(path)) == target:
            raise ValueError(
                f"{written}: is the file that is read; write to another one."
            )
