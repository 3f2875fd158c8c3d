"""The entry point: help, version, errors, pipes, and what it imports."""

import os
import shlex
import subprocess
import sys
import warnings

import pytest

import sklearn_sagemaker
from sklearn_sagemaker.cli import predict
from sklearn_sagemaker.cli.main import COMMANDS

ROOT = os.path.dirname(os.path.dirname(sklearn_sagemaker.__file__))


NOTE = "note: {}: the label column 'target' is dropped\n"


def shell(*command, **options):
    environment = {**os.environ, "PYTHONPATH": ROOT}
    # Unbuffered output breaks earlier than most people's.
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        **options,
    )


def test_module_runs():
    result = shell("-m", "sklearn_sagemaker", "--version")
    assert result.returncode == 0
    assert result.stdout == f"sklearn-sagemaker {sklearn_sagemaker.__version__}\n"


def test_entry_point_fails_with_its_code():
    result = shell("-m", "sklearn_sagemaker.cli.main", "predict", "a", "--model", "b")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from sklearn_sagemaker.cli.main import main;"
        "main(['train', '-h']);"
        "sys.exit(bool({'numpy', 'sklearn', 'scipy', 'joblib'} & set(sys.modules)))"
    )
    assert shell("-c", code).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(cli, command):
    result = cli(command, "--help")
    assert result.code == 0
    assert f"sklearn-sagemaker {command}" in result.out
    assert "examples:" in result.out
    # Loading a model runs what is in it: everyone who uses one is told.
    assert "trust" in result.out


def test_main_help_lists_the_commands(cli):
    out = cli("--help").out
    for name, module in COMMANDS.items():
        assert f"{name}" in out
        assert module.HELP in out


@pytest.mark.parametrize("arguments", [(), ("trein",), ("train",), ("--nonsense",)])
def test_misuse_is_one_line(refused, arguments):
    assert "--help" in refused(*arguments)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="pipes break differently there")
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_closed_pipe(trained, tmp_path, command, files):
    # predict fills the pipe; evaluate ends with all of its output in the buffer.
    data = files.write_csv(
        tmp_path / "new.csv", *files.make_rows("regressor", 20_000), files.NAMES
    )
    code = (
        "import subprocess, sys;"
        "p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE,"
        " stderr=subprocess.PIPE);"
        "p.stdout.close();"
        "print(p.stderr.read().decode(), p.wait(), sep='')"
    )
    model = trained / "regressor.joblib"
    program = [sys.executable, "-m", "sklearn_sagemaker", command, str(data)]
    result = shell("-c", code, *program, "--model", str(model))
    assert result.stdout.replace(NOTE.format(data), "") == "141\n"


def redirected(redirection, *arguments):
    """A command in a shell that closes streams."""
    quoted = shlex.join(
        [sys.executable, "-m", "sklearn_sagemaker", *map(str, arguments)]
    )
    return subprocess.run(
        ["sh", "-c", f"{quoted} {redirection}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": ROOT},
        timeout=120,
    )


def test_closed_streams(trained):
    data, model = trained / "regressor.csv", trained / "regressor.joblib"
    result = redirected(">&-", "predict", data, "--model", model)
    assert result.returncode == 2
    assert result.stderr.startswith("error: standard output is closed; ")
    assert len(result.stderr.splitlines()) == 1
    # Notes are not among the answers.
    result = redirected("2>&-", "predict", data, "--model", model)
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == 121
    assert "note" not in result.stdout
    result = redirected("<&-", "predict", "-", "--format", "csv", "--model", model)
    assert result.returncode == 2
    assert "standard input: is empty" in result.stderr


@pytest.mark.filterwarnings("default")
def test_warnings_are_one_line(cli, monkeypatch):
    def warn(arguments):
        warnings.warn("first\nsecond", RuntimeWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(predict, "run", warn)
    result = cli("predict", "a", "--model", "b")
    assert (result.code, result.err) == (0, "warning: first second\n")


def test_bugs_are_not_hidden(cli, monkeypatch):
    def fail(arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(predict, "run", fail)
    with pytest.raises(ZeroDivisionError):
        cli("predict", "a", "--model", "b")
