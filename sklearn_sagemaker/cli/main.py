"""Entry point of ``sklearn-sagemaker``: the table of commands, and its errors."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import NoReturn

from sklearn_sagemaker import __version__
from sklearn_sagemaker.cli import (
    completion,
    convert,
    demo,
    emulate,
    evaluate,
    inspect,
    predict,
    serve,
    train,
)
from sklearn_sagemaker.cli.examples import FILES, TRAIN
from sklearn_sagemaker.exceptions import ClusterLostError

COMMANDS: dict[str, ModuleType] = {
    "demo": demo,
    "train": train,
    "predict": predict,
    "evaluate": evaluate,
    "inspect": inspect,
    "convert": convert,
    "serve": serve,
    "emulate": emulate,
    "completion": completion,
}
"""Each module has HELP, EXAMPLES, ``configure(parser)`` and ``run(arguments)``, and
imports nothing heavy until it runs."""

DESCRIPTION = """\
Train Amazon SageMaker's Linear Learner (many candidate models in one pass over the
data, the best one kept) and Factorization Machines on this machine. Use it from a
shell, on CSV, Parquet, .npz, libsvm, JSON and RecordIO-protobuf files; convert between
them."""

EXAMPLES = f"""\
examples:
  sklearn-sagemaker demo --compare
{FILES}{TRAIN}\
  sklearn-sagemaker predict test.csv --model cancer.joblib --output answers.csv
  sklearn-sagemaker evaluate test.csv --model cancer.joblib
  sklearn-sagemaker inspect cancer.joblib
  sklearn-sagemaker convert train.csv train.pbr --label target

'sklearn-sagemaker COMMAND --help' explains a command."""

INTERRUPTED = 130
BROKEN_PIPE = 141


class _Parser(argparse.ArgumentParser):
    """argparse, with errors of one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; see '{self.prog} --help'\n")


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = _Parser(
        prog="sklearn-sagemaker",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"sklearn-sagemaker {__version__}"
    )
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True
    )
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.configure(command)
        command.set_defaults(run=module.run)
    return parser


def _one_line(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return f"not enough memory ({error}); use fewer rows or features."
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return " ".join(str(error).split()) or type(error).__name__


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"warning: {_one_line(message)}", file=sys.stderr)


def _drop_output() -> None:
    """Keep Python from writing to a closed pipe once more at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_closed_streams() -> None:
    """Give those of the standard streams that are closed the null device.

    Otherwise a file that is opened gets their number, and notes for standard error,
    which Python prints on standard output then, get among the answers.

    Raises
    ------
    OSError
        If standard output is closed: what was asked for would be lost.
    """
    closed = sys.stdout is None
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    if closed:
        raise OSError("standard output is closed; open it, or send it to /dev/null.")


@contextlib.contextmanager
def _names_as_they_are() -> Iterator[None]:
    """Print names of files that are not UTF-8, which argv has as lone surrogates."""
    if not isinstance(sys.stdout, io.TextIOWrapper) or sys.stdout.errors != "strict":
        yield
        return
    out = sys.stdout
    out.reconfigure(errors="surrogateescape")
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            out.reconfigure(errors="strict")


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = make_parser().parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    code: int = arguments.run(arguments)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str or None
        Arguments; None takes them from the command line.

    Returns
    -------
    code : int
        0, or 2 after one line on standard error, 130 when interrupted, 141 when
        whoever reads the output has gone.
    """
    with _names_as_they_are(), warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            _open_closed_streams()
            code = _run(argv)
            # Here, where a closed pipe can still be told from success.
            sys.stdout.flush()
            return code
        except BrokenPipeError:
            _drop_output()
            return BROKEN_PIPE
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return INTERRUPTED
        # ValueError includes our DataFileError and AllCandidatesDivergedError.
        except (ValueError, ImportError, OSError, ClusterLostError) as error:
            print(f"error: {_one_line(error)}", file=sys.stderr)
        except MemoryError as error:
            print(f"error: {_one_line(error)}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
