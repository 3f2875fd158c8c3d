"""Factorization Machines on the command line."""

import csv
import io
import json
import os
import re

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import dump_svmlight_file

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
)

BINARY, MULTICLASS, REGRESSOR = KINDS = (
    "binary_classifier",
    "multiclass_classifier",
    "regressor",
)
FEW = ("--set", "num_factors=4", "--set", "epochs=3")


def pairs(kind, n=300, seed=0):
    """Rows of a user and a film, one-hot, and what the two make of each other."""
    rng = np.random.default_rng(seed)
    user, film = rng.integers(6, size=n), rng.integers(5, size=n)
    X = np.hstack([np.eye(6)[user], np.eye(5)[film]])
    if kind == REGRESSOR:
        return X, 3.0 + (user % 2 == film % 2)
    return X, (user % 2 == film % 2).astype(int) + (kind == MULTICLASS) * (user == 3)


def train(data, model, kind, *more, algorithm="fm"):
    arguments = ("train", data, "--algorithm", algorithm, "--predictor-type", kind)
    return (*arguments, "--model", model, *more)


def write(path, X, y):
    if path.suffix == ".svm":
        dump_svmlight_file(X, y, str(path), zero_based=False)
    elif path.stem.startswith("csr"):
        A = sparse.csr_matrix(X)
        parts = {"data": A.data, "indices": A.indices, "indptr": A.indptr}
        np.savez(path, shape=A.shape, y=y, **parts)
    else:
        np.savez(path, X=X, y=y)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["data.svm", "csr.npz", "dense.npz"])
def test_round_trip(cli, tmp_path, monkeypatch, kind, name):
    rows = []
    for estimator in (FactorizationMachinesClassifier, FactorizationMachinesRegressor):

        def fit(self, X, *arguments, _fit=estimator.fit, **options):
            rows.append(X)
            return _fit(self, X, *arguments, **options)

        monkeypatch.setattr(estimator, "fit", fit)
    X, y = pairs(kind)
    data = write(tmp_path / name, X, y)
    model = tmp_path / "m.joblib"
    trained = cli(*train(data, model, kind, *FEW))
    assert trained.code == 0, trained.err
    assert trained.err == ""
    assert re.search(r"Trained [^,]+, up to 3 epochs", trained.out)
    assert sparse.issparse(rows[0]) == (name != "dense.npz")

    estimator = joblib.load(model)
    make = FactorizationMachinesRegressor
    if kind != REGRESSOR:
        make = FactorizationMachinesClassifier
    expected = make(num_factors=4, epochs=3, random_state=0).fit(rows[0], y)
    np.testing.assert_array_equal(estimator.factors_, expected.factors_)

    answers = expected.predict(rows[0])
    proba = () if kind == REGRESSOR else ("--proba",)
    result = cli("predict", data, "--model", model, *proba)
    assert result.code == 0, result.err
    found = list(csv.DictReader(io.StringIO(result.out)))
    np.testing.assert_array_equal([float(row["prediction"]) for row in found], answers)
    if proba:
        column = [float(row["probability_1"]) for row in found]
        np.testing.assert_array_equal(column, expected.predict_proba(rows[0])[:, 1])

    result = cli("evaluate", data, "--model", model, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    if kind == REGRESSOR:
        assert found["mse"] == pytest.approx(np.mean((answers - y) ** 2))
    else:
        assert found["accuracy"] == pytest.approx(np.mean(answers == y))


@pytest.mark.parametrize("algorithm", ["fm", "factorization-machines"])
def test_summary(cli, tmp_path, algorithm):
    data = write(tmp_path / "data.svm", *pairs(BINARY))
    more = ("--set", "epochs=3", "--set", "num_models=3")
    more += ("--set", "binary_classifier_model_selection_criteria=f1")
    model = tmp_path / "m.joblib"
    result = cli(*train(data, model, BINARY, *more, algorithm=algorithm))
    assert result.code == 0
    assert "Trained 3 models side by side, up to 3 epochs" in result.out
    assert "on the probability of 1" in result.out
    lines = result.out.splitlines()
    head = next(j for j, line in enumerate(lines) if line.startswith("rank"))
    assert lines[head].split()[:2] == ["rank", "factors"]
    estimator = joblib.load(model)
    best = estimator.best_params_
    assert [float(cell) for cell in lines[head + 1].split()[1:4]] == pytest.approx(
        [best["num_factors"], best["linear_lr"], best["factors_lr"]], rel=0.01
    )
    assert f"{estimator.best_score_:.4f}" in lines[head + 1]
    assert max(map(len, result.out.replace(str(tmp_path), "").splitlines())) <= 100


def test_settings_validation_and_seed(cli, tmp_path):
    X, y = pairs(REGRESSOR)
    X_val, y_val = pairs(REGRESSOR, 100, seed=1)
    data = write(tmp_path / "data.svm", X, y)
    held = write(tmp_path / "held.svm", X_val, y_val)
    model = tmp_path / "m.joblib"
    more = ("--set", "optimizer=adam", "--set", "factors_init_sigma=0.1")
    more += ("--set", "normalize_label=false", "--seed", 3, "--jobs", 2)
    result = cli(*train(data, model, REGRESSOR, *FEW, *more, "--validation", held))
    assert result.code == 0, result.err
    assert "alidated on the validation rows" in result.out
    estimator = joblib.load(model)
    assert (estimator.optimizer, estimator.normalize_label) == ("adam", False)
    expected = FactorizationMachinesRegressor(
        num_factors=4,
        epochs=3,
        optimizer="adam",
        factors_init_sigma=0.1,
        normalize_label=False,
        random_state=3,
    )
    expected.fit(sparse.csr_matrix(X), y, X_val=sparse.csr_matrix(X_val), y_val=y_val)
    np.testing.assert_array_equal(estimator.factors_, expected.factors_)


@pytest.mark.parametrize("algorithm", ["ll", "linear-learner"])
def test_linear_learner_by_name(cli, tmp_path, algorithm):
    data = write(tmp_path / "data.svm", *pairs(BINARY))
    model = tmp_path / "m.joblib"
    more = ("--set", "num_models=2", "--set", "epochs=2")
    result = cli(*train(data, model, BINARY, *more, algorithm=algorithm))
    assert result.code == 0
    assert "Trained 2 candidates in one pass" in result.out
    assert isinstance(joblib.load(model), LinearLearnerClassifier)


REFUSED = {
    "linear only": (
        ["--set", "learning_rate=1"],
        "Factorization Machines has no such hyperparameter; Linear Learner has it",
    ),
    "factors only": (
        ["--algorithm", "ll", "--set", "num_factors=4"],
        "say --algorithm factorization-machines, or leave it out",
    ),
    "unknown name": (["--set", "num_factor=4"], "did you mean num_factors?"),
    "far name": (["--set", "zzz=1"], "no such hyperparameter; it takes solver,"),
    "bad value": (["--set", "num_factors=0"], "num_factors='0' is not valid"),
    "bad choice": (["--set", "solver=svd"], 'it must be {"gradient", "als", "mcmc"}'),
    "not for this": (["--set", "normalize_label=true"], "only to regressor; leave it"),
    "derived": (["--set", "feature_dim=3"], "it is counted in the data"),
    "algorithm": (["--algorithm", "xgboost"], "it must be one of linear-learner,"),
}


@pytest.mark.parametrize(("more", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(refused, tmp_path, more, message):
    data = write(tmp_path / "data.svm", *pairs(BINARY, 20))
    assert message in refused(*train(data, tmp_path / "m.joblib", BINARY, *more))
    assert os.listdir(tmp_path) == ["data.svm"]
