"""Print a script by which a shell completes commands, options and names of files.

It needs the extra completion: pip install 'sklearn_sagemaker[completion]'. Written to a
file once, it needs nothing: a Tab starts no Python, and nothing is run that is not in
it, so you need to trust this package only.
"""

from __future__ import annotations

import argparse
from typing import Any

from sklearn_sagemaker._optional import import_optional

HELP = "print a completion script for a shell"

SHELLS = ("bash", "zsh", "tcsh")

EXAMPLES = """\
examples:
  sklearn-sagemaker completion bash

Keep the output where the shell looks for it:
  bash  ~/.local/share/bash-completion/completions/sklearn-sagemaker
  zsh   _sklearn-sagemaker in a folder of $fpath
  tcsh  any file that ~/.tcshrc sources"""

FILES = ("FILE", "IN", "OUT", "MODEL")
"""Beginnings of the metavars of arguments that are names of files."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the command's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="which shell")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    from sklearn_sagemaker.cli.main import make_parser

    shtab = import_optional("shtab", "completion", "completion scripts")
    parser = make_parser()
    _complete_files(parser, shtab)
    print(shtab.complete(parser, shell=arguments.shell))
    return 0


def _complete_files(parser: argparse.ArgumentParser, shtab: Any) -> None:
    """Say of each argument that is a file that it is one."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_files(command, shtab)
        elif str(action.metavar).split(".")[0] in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
