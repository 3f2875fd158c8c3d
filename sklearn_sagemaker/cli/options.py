"""Options that several commands share."""

from __future__ import annotations

import argparse
import os


def add_model(parser: argparse.ArgumentParser) -> None:
    """``--model``, of a model that exists."""
    parser.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="model file: .joblib, from a trusted source only, since loading it can "
        "run code; or .skops, or SageMaker's model.tar.gz",
    )


def seed(text: str) -> int:
    """A seed that NumPy accepts."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from 0 to {2**32 - 1}, such as 0"
        )
    return value


def jobs(text: str) -> int:
    """A number of threads, as joblib counts them."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value == 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of threads, such as 4, or -1 for all processors"
        )
    return value


def whole_number(text: str) -> int:
    """A number of things, at least one."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number of 1 or more, such as 4"
        )
    return value


def refuse_same_file(written: str, *read: str | None) -> None:
    """Refuse to write over a file that is read."""
    from sklearn_sagemaker.io.opening import file_name

    target = os.path.realpath(file_name(written))
    for path in read:
        if path is not None and os.path.realpath(file_name(path)) == target:
            raise ValueError(
                f"{written}: is the file that is read; write to another one."
            )
