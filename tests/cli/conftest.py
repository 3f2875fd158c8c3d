"""What the tests of the commands share: ways to run, and models."""

import pytest
from cli_files import NAMES, make_rows, write_csv

from sklearn_sagemaker.cli.main import main


class Run:
    """Exit code and output of one command."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def cli(capsys):
    """Run a command in this process."""

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Run(code, *capsys.readouterr())

    return run


@pytest.fixture
def refused(cli):
    """Run a command that must fail with one line, and give that line."""

    def run(*arguments):
        result = cli(*arguments)
        assert result.code == 2
        errors = [
            line for line in result.err.splitlines() if not line.startswith("note: ")
        ]
        assert len(errors) == 1, result.err
        assert errors[0].startswith("error: ")
        assert "Traceback" not in result.err
        return errors[0]

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with a model of each kind, and their training files."""
    folder = tmp_path_factory.mktemp("trained")
    for kind in ("binary_classifier", "multiclass_classifier", "regressor"):
        X, y = make_rows(kind)
        data = write_csv(folder / f"{kind}.csv", X, y, NAMES)
        model = folder / f"{kind}.joblib"
        arguments = ["train", data, "--label", "target", "--predictor-type", kind]
        arguments += ["--model", model, "--set", "num_models=4"]
        assert main([str(argument) for argument in arguments]) == 0
    return folder
