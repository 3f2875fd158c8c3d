"""What the tests of the commands share: ways to run, and models."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

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


def _make_rows(kind, n=120, seed=0):
    """Features and labels that a linear model learns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)).round(3)
    score = X @ [2.0, -1.0, 0.5]
    if kind == "regressor":
        return X, score.round(4)
    if kind == "binary_classifier":
        return X, np.where(score > 0, "yes", "no")
    return X, np.digitize(score, [-1.0, 1.0])


def _write_csv(path, X, y=None, names=None, place=3):
    """A CSV file with the label, if any, at a place among the columns."""
    with open(path, "w", newline="") as handle:
        writer = csv.writer(handle)
        if names:
            writer.writerow(names)
        for row, features in enumerate(X.tolist()):
            if y is not None:
                features.insert(place, y[row])
            writer.writerow(features)
    return path


@pytest.fixture(scope="session")
def files():
    """Makers of small data files."""
    return SimpleNamespace(
        make_rows=_make_rows,
        write_csv=_write_csv,
        NAMES=["a", "b", "c", "target"],
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory, files):
    """A folder with a model of each kind, and their training files."""
    folder = tmp_path_factory.mktemp("trained")
    for kind in ("binary_classifier", "multiclass_classifier", "regressor"):
        X, y = files.make_rows(kind)
        data = files.write_csv(folder / f"{kind}.csv", X, y, files.NAMES)
        model = folder / f"{kind}.joblib"
        arguments = ["train", data, "--label", "target", "--predictor-type", kind]
        arguments += ["--model", model, "--set", "num_models=4"]
        assert main([str(argument) for argument in arguments]) == 0
    return folder
