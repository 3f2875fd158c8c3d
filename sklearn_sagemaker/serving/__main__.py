"""A container's entry point: ``python -m sklearn_sagemaker.serving train | serve``."""

from __future__ import annotations

import importlib
import sys

PROGRAMS = ("train", "serve")


def main(arguments: list[str]) -> int:
    """Run the program that the first argument names, with the others.

    Parameters
    ----------
    arguments : list of str
    """
    if not arguments or arguments[0] not in PROGRAMS:
        print(
            f"usage: IMAGE {' | '.join(PROGRAMS)}\n"
            f"SageMaker names one; got {' '.join(arguments) or 'none'}.",
            file=sys.stderr,
        )
        return 2
    program = importlib.import_module(f"sklearn_sagemaker.serving.{arguments[0]}")
    return program.main(arguments[1:])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
