"""The commands in help texts and guides run as they are shown, one after the other."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from sklearn_sagemaker.cli import main
from sklearn_sagemaker.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PROGRAMS = ("sklearn-sagemaker", "python")

# The description of the program and of each command, in the order of use.
HELP = "\n".join([*(module.EXAMPLES for module in COMMANDS.values()), main.EXAMPLES])


def shell_blocks(page):
    """What the shell blocks of a page say, but for make and pip."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    return "\n".join(blocks)


def commands(text):
    """Arguments of each command in a text, as a shell splits them."""
    lines = re.sub(r"\\\n *", "", text).splitlines()
    found = [shlex.split(line) for line in lines if line.strip().startswith(PROGRAMS)]
    return [words for words in found if len(words) > 1]


@pytest.mark.parametrize(
    ("text", "least"),
    [
        pytest.param(HELP, 26, id="help"),
        pytest.param(shell_blocks(ROOT / "README.md"), 5, id="README"),
        pytest.param(
            shell_blocks(ROOT / "doc/data_and_models.md"), 5, id="data_and_models"
        ),
        pytest.param(shell_blocks(ROOT / "doc/command_line.md"), 8, id="command_line"),
    ],
)
def test_examples_run(cli, tmp_path, monkeypatch, text, least):
    monkeypatch.chdir(tmp_path)
    found = commands(text)
    assert len(found) >= least
    for program, *arguments in found:
        if arguments[0] in ("serve", "emulate"):
            # They run until they are stopped, or run programs of the reader:
            # tests/serving/test_programs.py, tests/testing/test_lifetime.py.
            continue
        if arguments[0] == "completion" and find_spec("shtab") is None:
            continue
        if program == "python":
            option, code = arguments
            assert option == "-c"
            exec(code, {})
            continue
        result = cli(*arguments)
        assert result.code == 0, (arguments, result.err)
        assert "warning" not in result.err
