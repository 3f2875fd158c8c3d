"""Options that several benchmarks have, with the same names and help."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

DATA_VARIABLE = "SKLEARN_SAGEMAKER_DATA"


def make_parser(description: str, *, data: bool = True) -> argparse.ArgumentParser:
    """Parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    if data:
        default = os.environ.get(DATA_VARIABLE)
        parser.add_argument(
            "--data-dir",
            type=Path,
            default=default,
            required=default is None,
            help=f"folder of the .npz data sets (or set {DATA_VARIABLE})",
        )
    return parser


def add_repeats(
    parser: argparse.ArgumentParser,
    default: int = 3,
    what: str = "runs of each case, of which the median counts",
) -> None:
    """``--repeats``: how often each case is run."""
    parser.add_argument(
        "--repeats", type=int, default=default, help=f"{what} (default %(default)s)"
    )


def add_seeds(parser: argparse.ArgumentParser, what: str) -> None:
    """``--seeds``: how many of them; `seeds_of` gives them."""
    parser.add_argument(
        "--seeds", type=int, default=5, help=f"seeds of {what} (default %(default)s)"
    )


def add_quick(parser: argparse.ArgumentParser, what: str) -> None:
    """``--quick``: less work, and figures that are not to be quoted."""
    parser.add_argument("--quick", action="store_true", help=what)


def add_several(
    parser: argparse.ArgumentParser,
    option: str,
    choices: Iterable,
    default: Iterable | None = None,
) -> None:
    """An option that takes some of the choices; all of them by default."""
    choices = tuple(choices)
    parser.add_argument(
        option,
        nargs="+",
        choices=choices,
        default=choices if default is None else tuple(default),
        type=type(choices[0]),
    )


def seeds_of(options: argparse.Namespace) -> range:
    """The seeds that are asked for; one with ``--quick``."""
    return range(1 if getattr(options, "quick", False) else options.seeds)
