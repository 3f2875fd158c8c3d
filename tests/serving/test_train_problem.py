"""Jobs that a backend sent: the bits of a local fit."""

import json

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import ShuffleSplit

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker._state import TrainingData, WindowedData
from sklearn_sagemaker.backends import LocalBackend
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.io.problem_files import encoded_rows, encoded_spec, read_state
from tests.backends.support import assert_same
from tests.serving.jobs import make_job, run_here

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 6))
BINARY = (X[:, 0] > 0).astype(int)
WORDS = np.array(["ash", "elm", "oak"])[np.arange(200) % 3]
QUICK = {"random_state": 0, "epochs": 3, "num_models": 2}


class Sending(LocalBackend):
    """Trains here, and keeps what it was given."""

    def train(self, spec, data, monitor=None):
        self.sent = spec, data
        self.state = super().train(spec, data, monitor)
        return self.state


def sent(model, *rows, **more):
    """A spec, its rows, and what a local fit makes of them."""
    backend = Sending()
    model.set_params(backend=backend).fit(*rows, **more)
    return *backend.sent, backend.state


def job_of(root, spec, data, **strings):
    """The job as a backend sends it."""
    strings = {
        f"sklearn_sagemaker.{name}": json.dumps(value)
        for name, value in {**spec.hyperparameters, **strings}.items()
    }
    make_job(root, strings, train={}, sklearn_sagemaker={})
    folder = root / "input" / "data"
    windowed = isinstance(data, WindowedData)
    source = None
    if windowed:
        source = data.source.description()
        for number, path in enumerate(source.pop("paths")):
            target = folder / "train" / f"{number:06d}-{path.rpartition('/')[2]}"
            with open(path, "rb") as file:
                target.write_bytes(file.read())
    else:
        (folder / "train" / "rows.zip").write_bytes(b"".join(encoded_rows(data)))
    spec = encoded_spec(spec, source=source)
    (folder / "sklearn_sagemaker" / "spec.zip").write_bytes(spec)
    return folder


CASES = {
    "words, a splitter, weights": (
        LinearLearnerClassifier(cv=ShuffleSplit(2, random_state=1), **QUICK),
        (X.astype(np.float32), WORDS, np.linspace(0.1, 2, 200)),
    ),
    "integers, validation rows": (
        LinearLearnerRegressor(**QUICK),
        ((X * 9).astype(np.int64), X[:, 0]),
    ),
    "sparse, class weights": (
        FactorizationMachinesClassifier(
            class_weight={0: 1.0, 1: 3.0}, random_state=0, epochs=2, num_factors=2
        ),
        (sparse.csr_array(X * (X > 0)), BINARY),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_bits_are_those_of_a_local_fit(tmp_path, case):
    model, rows = CASES[case]
    more = {}
    if "validation" in case:
        more = {"X_val": rows[0][:50], "y_val": rows[1][:50]}
    spec, data, state = sent(model, *rows, **more)
    root = tmp_path / "ml"
    job_of(root, spec, data)
    run_here(root, tmp_path)
    assert_same(read_state(root / "output" / "data" / "state.zip"), state)
    assert (root / "model" / "model_algo-1").exists()


@pytest.mark.parametrize("given", [False, True])
def test_files_in_windows(tmp_path, given):
    files = write_recordio(
        tmp_path / "train.pbr", X.astype("f4"), BINARY * 3.0, shards=3
    )
    data = FileDataset(files, memory=4000)
    more = {"X_val": X[:20], "y_val": BINARY[:20] * 3.0} if given else {}
    spec, data, state = sent(LinearLearnerClassifier(**QUICK), data, **more)
    assert isinstance(data, WindowedData)
    root = tmp_path / "ml"
    folder = job_of(root, spec, data)
    if given:
        held = TrainingData(data.X_val, data.y_val, data.sample_weight_val)
        rows = b"".join(encoded_rows(held))
        (folder / "sklearn_sagemaker" / "rows.zip").write_bytes(rows)
    run_here(root, tmp_path)
    assert_same(read_state(root / "output" / "data" / "state.zip"), state)


def test_hyperparameters_of_the_job_win(tmp_path):
    model = FactorizationMachinesRegressor(random_state=0, epochs=2, num_factors=2)
    spec, data, _ = sent(model, X, X[:, 0])
    root = tmp_path / "ml"
    job_of(root, spec, data, num_factors=3, seed=4)
    run_here(root, tmp_path)
    assert read_state(root / "output" / "data" / "state.zip").factors.shape == (1, 6, 3)


@pytest.mark.parametrize(
    ("strings", "match"),
    [
        ({"epoch": 3}, "sklearn_sagemaker.epoch' is no hyperparameter"),
        ({"epochs": 0}, "'epochs' parameter"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_other_hyperparameters_are_refused(tmp_path, strings, match):
    spec, data, _ = sent(LinearLearnerRegressor(**QUICK), X, X[:, 0])
    root = tmp_path / "ml"
    job_of(root, spec, data, **strings)
    with pytest.raises(ValueError, match=match):
        run_here(root, tmp_path)


def test_rows_that_are_gone(tmp_path):
    spec, data, _ = sent(LinearLearnerRegressor(**QUICK), X, X[:, 0])
    root = tmp_path / "ml"
    folder = job_of(root, spec, data)
    (folder / "train" / "rows.zip").unlink()
    with pytest.raises(DataFileError, match=r"'train' has no rows.zip"):
        run_here(root, tmp_path)


def test_a_model_that_no_artifact_holds(tmp_path):
    spec, data, state = sent(LinearLearnerRegressor(**QUICK), X * 1e-30, X[:, 0] * 1e30)
    root = tmp_path / "ml"
    job_of(root, spec, data)
    assert "There is no model_algo-1" in run_here(root, tmp_path)
    assert_same(read_state(root / "output" / "data" / "state.zip"), state)
