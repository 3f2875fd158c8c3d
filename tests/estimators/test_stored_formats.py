"""Files that earlier versions wrote, in every format there was: all of them load.

They are made by ``stored/make_stored.py``, and stay as they were written.
"""

import json
import shutil
import warnings
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.exceptions import InconsistentVersionWarning

from sklearn_sagemaker import TRUSTED_SKOPS_TYPES, load_artifact
from sklearn_sagemaker._state import FORMAT_VERSION
from sklearn_sagemaker.backends import LocalBackend, SubprocessBackend
from sklearn_sagemaker.exceptions import CheckpointWarning
from sklearn_sagemaker.io.plain_values import digest_of
from sklearn_sagemaker.io.problem_files import read_problem, read_state

HERE = Path(__file__).parent / "stored"
FOLDERS = sorted(HERE.glob("format_*"))
# Sums of other instruction sets differ in the last bits...
PREDICTED = {"rtol": 1e-9, "atol": 1e-12}
# ... and so do updates, which go on from each other.
TRAINED = {"rtol": 1e-6, "atol": 1e-8}


def load_joblib(path):
    # A pickle names the modules of the NumPy that wrote it.
    pytest.importorskip("numpy._core", reason="pickles of NumPy 2 want its modules")
    with warnings.catch_warnings():
        # What of scikit-learn is in an estimator may be of another version of it.
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return joblib.load(path)


def load_skops(path):
    return skops.io.load(path, trusted=TRUSTED_SKOPS_TYPES)


LOADERS = {".joblib": load_joblib, ".skops": load_skops, ".tar.gz": load_artifact}


def files(*endings):
    """Folder, name of the model and ending of each file."""
    found = [
        (folder, path.name[: -len(ending)], ending)
        for folder in FOLDERS
        for ending in endings
        for path in sorted(folder.glob(f"*{ending}"))
    ]
    return [pytest.param(*one, id=f"{one[0].name}-{one[1]}{one[2]}") for one in found]


@cache
def expected(folder):
    return json.loads((folder / "expected.json").read_text())


def check_numbers(found, values, **tolerance):
    """Texts and the shapes are the same, numbers nearly."""
    found, values = np.asarray(found), np.asarray(values)
    assert found.shape == values.shape
    if found.dtype.kind in "OU":
        np.testing.assert_array_equal(found, values)
    else:
        np.testing.assert_allclose(found, values, **tolerance)


def test_there_are_files_of_every_format():
    numbers = range(1, FORMAT_VERSION + 1)
    assert {folder.name for folder in FOLDERS} == {f"format_{n}" for n in numbers}
    for folder in FOLDERS:
        models = expected(folder)["models"]
        for ending in (*LOADERS, ".problem.zip", ".state.zip"):
            assert len(list(folder.glob(f"*{ending}"))) == len(models)
    assert files(".checkpoints")


@pytest.mark.parametrize(("folder", "name", "ending"), files(*LOADERS))
def test_a_stored_model_is_as_it_was(folder, name, ending):
    model = LOADERS[ending](folder / f"{name}{ending}")
    rows, values = expected(folder)["rows"], expected(folder)["models"][name]
    assert model.n_features_in_ == len(rows[0])
    for attribute, value in values["attributes"].items():
        np.testing.assert_array_equal(getattr(model, attribute), value)
    rows = np.array(rows)
    if hasattr(model, "feature_names_in_"):
        pd = pytest.importorskip("pandas")
        rows = pd.DataFrame(rows, columns=model.feature_names_in_)
    for method, value in values["predictions"].items():
        check_numbers(getattr(model, method)(rows), value, **PREDICTED)


@pytest.mark.parametrize(("folder", "name", "ending"), files(".joblib"))
def test_both_files_of_an_estimator_hold_the_same(folder, name, ending):
    one = vars(load_joblib(folder / f"{name}.joblib"))
    other = vars(load_skops(folder / f"{name}.skops"))
    assert set(one) == set(other)
    for attribute in set(one) - {"backend"}:
        assert digest_of(one[attribute]) == digest_of(other[attribute]), attribute
    assert repr(one["backend"]) == repr(other["backend"])


@pytest.mark.parametrize("ending", [".joblib", ".skops"])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_stored_backends_keep_their_settings(folder, ending):
    load = LOADERS[ending]
    found = load(folder / f"linear-multiclass{ending}").backend
    assert type(found) is LocalBackend
    assert found.get_params() == {
        "checkpoint": "checkpoints",
        "every": 60,
        "stop": None,
    }
    found = load(folder / f"gradient-binary{ending}").backend
    assert type(found) is SubprocessBackend
    assert (found.checkpoint, found.every) == ("checkpoints", 5.0)


@pytest.mark.parametrize("ending", [".joblib", ".skops"])
@pytest.mark.parametrize("name", ["linear-regressor", "gradient-warm"])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_stored_training_goes_on(folder, name, ending):
    model = LOADERS[ending](folder / f"{name}{ending}")
    _, data = read_problem(folder / f"{name}.problem.zip")
    before = model.training_state_["epochs"]
    model.fit(data.X, data.y)
    assert model.training_state_["epochs"] > before


@pytest.mark.parametrize(("folder", "name", "ending"), files(".state.zip"))
def test_a_state_in_a_file_is_as_it_was(folder, name, ending):
    state = read_state(folder / f"{name}{ending}")
    values = expected(folder)["models"][name]["attributes"]
    for attribute, value in values.items():
        found = getattr(state, attribute[:-1])
        np.testing.assert_array_equal(np.squeeze(found), np.squeeze(value))


def check_trained(state, folder, name, anew=False):
    model = expected(folder)["models"][name]
    values = model["attributes"]
    if anew:
        # Factorization machines start from other numbers than when it was written.
        values = values | model.get("trained_anew", {})
    for field in ("coef", "intercept"):
        found = np.squeeze(getattr(state, field))
        check_numbers(found, np.squeeze(values[f"{field}_"]), **TRAINED)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("folder", "name", "ending"), files(".problem.zip"))
def test_a_problem_in_a_file_has_the_same_model(folder, name, ending):
    problem = read_problem(folder / f"{name}{ending}")
    check_trained(LocalBackend().train(*problem), folder, name, anew=True)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("folder", "name", "ending"), files(".checkpoints"))
def test_a_checkpoint_can_be_gone_on_from(folder, name, ending, tmp_path):
    copied = shutil.copytree(folder / f"{name}{ending}", tmp_path / "checkpoints")
    problem = read_problem(folder / f"{name}.problem.zip")
    # Whether bits may differ depends on where this runs.
    with pytest.warns(CheckpointWarning, match="goes on from .*epoch-000002"):
        state = LocalBackend(checkpoint=copied).train(*problem)
    check_trained(state, folder, name)
