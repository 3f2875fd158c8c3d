"""Our files against MXNet 1.9.1, which runs in an environment of its own.

``make oracle`` builds that environment and runs this; elsewhere it is skipped.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    load_artifact,
    save_artifact,
)
from sklearn_sagemaker.io.mxnet import (
    TYPES,
    Csr,
    RowSparse,
    read_ndarrays,
    write_ndarrays,
)

HERE = Path(__file__).parent
PYTHON = Path(
    os.environ.get("ORACLE_PYTHON", HERE.parents[1] / ".oracle-venv" / "bin" / "python")
)
if not PYTHON.exists() and "ORACLE_PYTHON" not in os.environ:
    pytest.skip(
        "MXNet's environment is missing: 'make oracle' builds it",
        allow_module_level=True,
    )

ARTIFACTS = HERE.parents[0] / "estimators" / "artifacts"
REAL = {"ll-adult": 1e-6, "ll-packt": 1e-6, "ll-wildfire": 6e-5}
"""Artifacts of SageMaker's, saved again, and how well MXNet agrees with float64; the
scores of the last one are of order 1,000."""

rng = np.random.default_rng(0)
X = np.round(rng.normal(size=(150, 6)), 3) * (rng.random((150, 6)) < 0.7)
SCORE = X[:, 0] * X[:, 1] - X[:, 2] + 0.5
TARGETS = {
    "binary": np.where(SCORE > 0.3, "yes", "no"),
    "multiclass": np.digitize(SCORE, [-0.2, 0.8]),
    "regression": SCORE,
}


def models():
    """Fitted models by name."""
    for task, y in TARGETS.items():
        regression = task == "regression"
        linear = LinearLearnerRegressor if regression else LinearLearnerClassifier
        machines = (
            FactorizationMachinesRegressor
            if regression
            else FactorizationMachinesClassifier
        )
        yield f"linear-{task}", linear(epochs=2, random_state=0).fit(X, y)
        for solver in ("gradient", "als", "mcmc"):
            model = machines(solver=solver, num_factors=3, epochs=4, random_state=0)
            yield f"{solver}-{task}", model.fit(X, y)
    hinge = LinearLearnerClassifier(epochs=2, loss="hinge_loss", random_state=0)
    yield "linear-hinge", hinge.fit(X, TARGETS["binary"])
    plain = LinearLearnerRegressor(epochs=2, use_bias=False, random_state=0)
    yield "linear-nobias", plain.fit(X, SCORE)


def expected(model, rows=X):
    """What MXNet should answer, worked out in float64."""
    if not hasattr(model, "classes_"):
        return model.predict(rows)[:, None]
    if getattr(model, "loss", "") == "hinge_loss":
        return model.decision_function(rows)[:, None]
    found = model.predict_proba(rows)
    return found[:, 1:] if len(model.classes_) == 2 else found


def lists():
    """Lists of every version, storage and type: name -> (arrays, version)."""
    made = {}
    for flag, dtype in TYPES.items():
        dense = (np.arange(1, 16).reshape(5, 3) % 7).astype(dtype)
        dense[1] = 0
        for version in (0, 1, 2, 3):
            made[f"v{version}-dense-{flag}.params"] = ({"a": dense}, version)
        if dtype.kind == "b":
            continue
        rows = np.array([0, 2, 3, 4])
        indptr = np.r_[0, np.count_nonzero(dense, axis=1).cumsum()]
        csr = Csr(dense.shape, indptr, np.nonzero(dense)[1], dense[dense != 0])
        arrays = {"rows": RowSparse(dense.shape, rows, dense[rows]), "csr": csr}
        made[f"v2-sparse-{flag}.params"] = (arrays, 2)
    scalars = {"scalar": np.float64(2.5), "empty": np.zeros((0, 3), np.float32)}
    made["v3-scalars.params"] = (scalars, 3)
    return made


@pytest.fixture(scope="session")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("oracle")
    cases, known = [], {}
    np.save(folder / "rows.npy", X)
    for name, model in models():
        linear = name.startswith("linear")
        for graph in ("sparse",) if linear else ("sparse", "dense"):
            title = name if linear else f"{name}-{graph}"
            path = f"{title}.tar.gz"
            save_artifact(model, folder / path, graph=graph)
            again = load_artifact(folder / path)
            np.testing.assert_array_equal(expected(again), expected(model))
            known[title] = expected(model)
            cases.append(
                {
                    "name": title,
                    "artifact": path,
                    "rows": "rows.npy",
                    "linear": linear,
                    "sparse": graph == "sparse" and not linear,
                }
            )
    for title in REAL:
        model = load_artifact(ARTIFACTS / f"{title}.tar.gz")
        document = json.loads((ARTIFACTS / f"{title}.oracle.json").read_text())
        rows = np.array(document["rows"])
        np.save(folder / f"{title}.npy", rows)
        save_artifact(model, folder / f"{title}.tar.gz")
        known[title] = expected(model, rows)
        cases.append(
            {
                "name": title,
                "artifact": f"{title}.tar.gz",
                "rows": f"{title}.npy",
                "linear": True,
                "sparse": False,
            }
        )
    written = lists()
    for name, (arrays, version) in written.items():
        (folder / name).write_bytes(write_ndarrays(arrays, version=version))
    shapes = {name: version == 3 for name, (_, version) in written.items()}
    document = {"artifacts": cases, "lists": shapes}
    (folder / "cases.json").write_text(json.dumps(document))
    found = subprocess.run(
        [str(PYTHON), str(HERE / "ask_mxnet.py"), str(folder)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ.get("PATH", "")},
    )
    assert found.returncode == 0, found.stderr[-4000:]
    return folder / "answers", known


def test_predictions_equal(answers):
    folder, known = answers
    found = np.load(folder / "predictions.npz")
    assert {name.removesuffix("-gluon") for name in found.files} == set(known)
    for name in found.files:
        model = name.removesuffix("-gluon")
        right = known[model]
        # Of a probability, or of the largest number that is predicted.
        close = REAL.get(name.removesuffix("-gluon"), 1e-6) * max(
            1.0, np.abs(right).max()
        )
        np.testing.assert_allclose(found[name], right, rtol=0, atol=close, err_msg=name)


def test_mxnet_reads_what_we_write(answers):
    folder, _ = answers
    kinds = json.loads((folder / "lists.json").read_text())
    values = np.load(folder / "lists.npz")
    storages = {RowSparse: "row_sparse", Csr: "csr"}
    count = 0
    for name, (arrays, _) in lists().items():
        for key, array in arrays.items():
            stype, dtype = kinds[f"{name}/{key}"]
            assert stype == storages.get(type(array), "default"), name
            assert np.dtype(dtype) == array.dtype, name
            whole = array.toarray() if hasattr(array, "toarray") else array
            np.testing.assert_array_equal(values[f"{name}/{key}"], whole, err_msg=name)
            count += 1
    assert count == len(kinds)


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_we_read_what_mxnet_writes(answers, version):
    folder, _ = answers
    found = read_ndarrays((folder / f"{version}.params").read_bytes())
    known = np.load(folder / f"{version}.npz")
    assert sorted(found) == sorted(known.files)
    for name, array in found.items():
        whole = array.toarray() if isinstance(array, (RowSparse, Csr)) else array
        assert whole.dtype == known[name].dtype, name
        np.testing.assert_array_equal(whole, known[name], err_msg=name)
        if version == "v2" and "-" in name:
            kinds = {"row_sparse": RowSparse, "csr": Csr, "default": np.ndarray}
            assert isinstance(array, kinds.get(name.split("-")[1], RowSparse)), name


def test_we_write_the_bytes_that_mxnet_writes(answers):
    folder, _ = answers
    for version, number in (("v2", 2), ("v2-unnamed", 2), ("v3", 3)):
        data = (folder / f"{version}.params").read_bytes()
        assert write_ndarrays(read_ndarrays(data), version=number) == data
