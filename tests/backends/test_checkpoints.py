"""Trainings that are cut off and go on: the same bits as if they had not been."""

import errno
import multiprocessing
import os
import re
import shutil
import signal
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.backends import (
    LocalBackend,
    checkpoint_places,
    identity,
)
from sklearn_sagemaker.exceptions import (
    CheckpointError,
    CheckpointWarning,
    TrainingStoppedError,
)
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.io.plain_values import digest_of, read_values, write_values
from tests.backends.support import assert_same

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
SPARSE = sp.random(400, 30, density=0.2, format="csr", random_state=0)
NUMBERS = X @ RNG.normal(size=6) + X[:, 0] * X[:, 1]
LABELS = (NUMBERS + RNG.normal(size=400) > 0).astype(int)
FOUR = RNG.integers(4, size=400)

CASES = {
    "binary": (LinearLearnerClassifier(epochs=8), X, LABELS),
    "float32": (LinearLearnerClassifier(epochs=8), X.astype(np.float32), LABELS),
    # Candidates stop one after the other, and warm starts keep what they held.
    "dropped": (
        LinearLearnerClassifier(
            epochs=12,
            early_stopping_patience=1,
            use_lr_scheduler=False,
            warm_start=True,
        ),
        X,
        LABELS,
    ),
    "csr": (LinearLearnerClassifier(epochs=8, cv=3), SPARSE, FOUR),
    "lazy": (
        LinearLearnerRegressor(epochs=8, optimizer="sgd", l1=1e-3),
        SPARSE,
        X[:, 0],
    ),
    "alone": (LinearLearnerRegressor(epochs=8, num_models=1, cv=False), X, NUMBERS),
    "gradient": (FactorizationMachinesRegressor(epochs=8, num_models=3), X, NUMBERS),
    "ftrl": (FactorizationMachinesClassifier(optimizer="ftrl", cv=3), SPARSE, FOUR),
    "als": (FactorizationMachinesRegressor(solver="als", epochs=20), SPARSE, X[:, 0]),
    "als classes": (
        FactorizationMachinesClassifier(solver="als", num_factors=20),
        SPARSE,
        FOUR,
    ),
    "mcmc": (FactorizationMachinesRegressor(solver="mcmc", epochs=20), X, NUMBERS),
    "mcmc classes": (
        FactorizationMachinesClassifier(solver="mcmc", epochs=20, cv=False),
        SPARSE,
        FOUR,
    ),
}


class After:
    """Asks for a stop at the end of an epoch."""

    def __init__(self, epochs):
        self.epochs = epochs

    def __call__(self):
        self.epochs -= 1
        return self.epochs == 0


def cut_off(model, folder, epochs, *rows):
    """Train so many epochs."""
    backend = LocalBackend(checkpoint=folder, every=0, stop=After(epochs))
    with pytest.raises(TrainingStoppedError, match=f"after epoch {epochs}"):
        clone(model).set_params(random_state=0, backend=backend).fit(*rows)


def going_on(model, folder, *rows, match="same bits"):
    backend = LocalBackend(checkpoint=folder, every=0)
    model = clone(model).set_params(random_state=0, backend=backend)
    with pytest.warns(CheckpointWarning, match=match) as caught:
        model.fit(*rows)
    # It points at the line that called fit.
    assert {warning.filename for warning in caught} == {__file__}
    return model


@pytest.mark.parametrize("name", CASES)
def test_a_training_that_goes_on_has_the_same_bits(name, tmp_path):
    model, *rows = CASES[name]
    whole = clone(model).set_params(random_state=0).fit(*rows)
    for epochs in (1, 3):
        folder = tmp_path / f"after {epochs}"
        cut_off(model, folder, epochs, *rows)
        assert_same(going_on(model, folder, *rows), whole)
        # It goes on twice as well as once.
        assert_same(going_on(model, folder, *rows), whole)
        assert len(os.listdir(folder)) == 2


@pytest.mark.parametrize("name", ["binary", "gradient"])
def test_windows_go_on_too(name, tmp_path):
    model, rows, y = CASES[name]
    write_recordio(tmp_path / "a.pbr", rows, y)
    data = FileDataset(tmp_path / "a.pbr", memory=4096)
    whole = clone(model).set_params(random_state=0).fit(data)
    cut_off(model, tmp_path / "folder", 3, data)
    assert_same(going_on(model, tmp_path / "folder", data), whole)
    other = rows.copy()
    other[7, 3] += 1
    write_recordio(tmp_path / "a.pbr", other, y)
    backend = LocalBackend(checkpoint=tmp_path / "folder")
    with pytest.raises(CheckpointError, match="differs in rows"):
        clone(model).set_params(random_state=0, backend=backend).fit(data)


def test_weights_and_validation_rows_belong_to_the_problem(tmp_path):
    model, rows, y = CASES["binary"]
    cut_off(model, tmp_path, 2, rows, y)
    again = clone(model).set_params(
        random_state=0, backend=LocalBackend(checkpoint=tmp_path, every=0)
    )
    for part, arguments in {
        "X": (rows + 1, y),
        "y": (rows, 1 - y),
        "sample_weight": (rows, y, np.full(len(y), 2.0)),
    }.items():
        with pytest.raises(CheckpointError, match=f"differs in .*{part}"):
            clone(again).fit(*arguments)
    with pytest.raises(CheckpointError, match="differs in X_val, y_val"):
        clone(again).fit(rows, y, X_val=rows, y_val=y)
    with pytest.raises(CheckpointError, match=r"differs in epochs\."):
        clone(again).set_params(epochs=9).fit(rows, y)
    with pytest.raises(CheckpointError, match="differs in seed.*random_state"):
        clone(again).set_params(random_state=1).fit(rows, y)
    # What is refused leaves the checkpoints alone.
    assert sorted(os.listdir(tmp_path)) == ["epoch-000001.zip", "epoch-000002.zip"]


@pytest.mark.parametrize("name", ["binary", "csr", "lazy", "gradient"])
def test_the_number_of_threads_may_change(name, tmp_path):
    model, *rows = CASES[name]
    whole = clone(model).set_params(random_state=0).fit(*rows)
    cut_off(model, tmp_path, 2, *rows)
    # Sparse rows have as many blocks as threads.
    found = going_on(clone(model).set_params(n_jobs=2), tmp_path, *rows)
    assert_same(found, whole)


def test_another_machine_is_told_that_bits_may_differ(tmp_path, monkeypatch):
    model, *rows = CASES["binary"]
    here = {"kernels": "v3", "numpy": "2.0"}
    monkeypatch.setattr(identity, "platform_of_bits", lambda: here)
    cut_off(model, tmp_path, 2, *rows)
    here["kernels"] = "base"
    going_on(
        model, tmp_path, *rows, match=r"kernels v3 then, base now.*bits may differ"
    )


def test_what_came_later_is_as_it_was_if_it_has_its_default(tmp_path):
    model, *rows = CASES["binary"]
    cut_off(model, tmp_path, 1, *rows)
    path = tmp_path / "epoch-000001.zip"
    values = read_values(path)
    # As if an earlier version had known neither a hyperparameter nor a field.
    for name in ("sagemaker_rules", "ensemble_size"):
        del values["problem"][name]
    write_values(path, values)
    copied = shutil.copytree(tmp_path, tmp_path / "copied")
    going_on(model, copied, *rows)
    for other in ({"sagemaker_rules": True}, {"ensemble_size": 2}):
        again = clone(model).set_params(
            random_state=0, backend=LocalBackend(checkpoint=tmp_path), **other
        )
        with pytest.raises(CheckpointError, match=f"differs in {next(iter(other))}"):
            again.fit(*rows)


def test_the_last_two_are_kept_and_what_is_damaged_is_passed_over(tmp_path):
    model, *rows = CASES["binary"]
    whole = clone(model).set_params(random_state=0).fit(*rows)
    cut_off(model, tmp_path, 5, *rows)
    names = ["epoch-000004.zip", "epoch-000005.zip"]
    assert sorted(os.listdir(tmp_path)) == names
    newest = tmp_path / names[1]
    newest.write_bytes(newest.read_bytes()[:-9])
    found = going_on(model, tmp_path, *rows, match="epoch-000004.*cannot be read")
    assert_same(found, whole)


def test_a_folder_without_a_whole_checkpoint_is_refused(tmp_path):
    model, *rows = CASES["binary"]
    cut_off(model, tmp_path, 1, *rows)
    (tmp_path / "epoch-000001.zip").write_bytes(b"")
    backend = LocalBackend(checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match="no checkpoint that can be read"):
        clone(model).set_params(random_state=0, backend=backend).fit(*rows)


def test_a_full_disk_does_not_end_a_training(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    model, *rows = CASES["binary"]
    whole = clone(model).set_params(random_state=0).fit(*rows)
    monkeypatch.setattr(checkpoint_places, "write_values", full)
    backend = LocalBackend(checkpoint=tmp_path, every=0)
    again = clone(model).set_params(random_state=0, backend=backend)
    with pytest.warns(CheckpointWarning, match="No space left.*goes on") as caught:
        again.fit(*rows)
    assert len(caught) == 1
    assert_same(again, whole)


def test_a_fit_goes_on_from_an_address(monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    model, *rows = CASES["binary"]
    whole = clone(model).set_params(random_state=0).fit(*rows)
    address = "memory://bucket/of checkpoints"
    cut_off(model, address, 5, *rows)
    found = sorted(
        fsspec.filesystem("memory").ls("/bucket/of checkpoints", detail=False)
    )
    assert [path[-16:] for path in found] == ["epoch-000004.zip", "epoch-000005.zip"]
    assert_same(going_on(model, address, *rows), whole)
    # Of an upload that was cut short the one before it is taken.
    cut_off(model, address + "2", 5, *rows)
    store = fsspec.filesystem("memory")
    newest = "/bucket/of checkpoints2/epoch-000005.zip"
    store.pipe_file(newest, store.cat_file(newest)[:-100])
    assert_same(going_on(model, address + "2", *rows, match="000004.zip, since"), whole)

    def closed(*_, **__):
        raise RuntimeError("the store is closed")

    monkeypatch.setattr(type(store), "pipe_file", closed)
    backend = LocalBackend(checkpoint=address + "3", every=0)
    again = clone(model).set_params(random_state=0, backend=backend)
    with pytest.warns(CheckpointWarning, match="RuntimeError: the store is closed"):
        assert_same(again.fit(*rows), whole)


def test_checkpoints_are_as_far_apart_as_asked(tmp_path):
    model, *rows = CASES["binary"]
    backend = LocalBackend(checkpoint=tmp_path, every=3600)
    clone(model).set_params(random_state=0, backend=backend).fit(*rows)
    assert os.listdir(tmp_path) == []


def test_rows_are_read_for_checkpoints_only(tmp_path, monkeypatch):
    read = []

    def counted(value):
        read.append(value is X)
        return digest_of(value)

    monkeypatch.setattr("sklearn_sagemaker.backends.identity.digest_of", counted)
    model, rows, y = CASES["binary"]
    for every, times in ((3600, 0), (0, 1), (0, 1)):
        read.clear()
        backend = LocalBackend(checkpoint=tmp_path, every=every)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CheckpointWarning)
            clone(model).set_params(random_state=0, backend=backend).fit(rows, y)
        assert sum(read) == times


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"every": -1}, ValueError, "every=-1 must be"),
        ({"every": float("inf")}, ValueError, "every=inf must be"),
        ({"every": "60"}, ValueError, "every='60' must be"),
        ({"checkpoint": 3}, TypeError, "path of a folder or None, got int"),
        ({"checkpoint": ""}, ValueError, "checkpoint='' is no folder"),
        ({"checkpoint": __file__}, ValueError, "test_checkpoints.py' is no folder"),
        ({"checkpoint": b"folder"}, TypeError, "path of a folder or None, got bytes"),
        ({"checkpoint": "a\0b"}, ValueError, "has a NUL character"),
        ({"checkpoint": "no+such://place"}, ValueError, "no address that fsspec knows"),
        ({"checkpoint": "s3://me:word@bucket"}, ValueError, "with a password"),
        ({"checkpoint": Path("s3://bucket")}, ValueError, "looks like an address"),
        ({"stop": 3}, TypeError, "stop must be callable"),
        ({"stop": dict, "checkpoint": None}, ValueError, "set checkpoint"),
    ],
)
def test_settings_are_checked_before_any_work(
    tmp_path, monkeypatch, settings, error, match
):
    monkeypatch.chdir(tmp_path)
    backend = LocalBackend(**{"checkpoint": tmp_path / "new", **settings})
    with pytest.raises(error, match=match):
        LinearLearnerClassifier(backend=backend).fit(X, LABELS)
    assert os.listdir(tmp_path) == []


def test_streams_have_no_checkpoints(tmp_path):
    model = LinearLearnerClassifier(backend=LocalBackend(checkpoint=tmp_path))
    with pytest.raises(ValueError, match="partial_fit has no epochs"):
        model.partial_fit(X, LABELS, classes=[0, 1])


def train(name, folder):
    model, *rows = CASES[name]
    backend = LocalBackend(checkpoint=folder, every=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CheckpointWarning)
        clone(model).set_params(random_state=0, backend=backend).fit(*rows)


@pytest.mark.parametrize("name", ["dropped", "gradient", "als", "mcmc"])
def test_a_training_that_is_killed_goes_on_to_the_same_bits(
    name, tmp_path, monkeypatch
):
    """Killed again and again, whatever it does, each time a little later."""
    model, *rows = CASES[name]
    folder = tmp_path / "checkpoints"
    monkeypatch.syspath_prepend(os.getcwd())
    # Processes of a server that has imported all of it, once for all cases.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    kills = 0
    for wait in (0.0, 0.004):
        before = set(os.listdir(folder)) if folder.is_dir() else set()
        process = context.Process(target=train, args=(name, folder))
        process.start()
        while process.is_alive():
            if folder.is_dir() and set(os.listdir(folder)) - before:
                # Something is being written, or was a moment ago.
                time.sleep(wait)
                process.kill()
                break
            time.sleep(0.001)
        process.join()
        kills += process.exitcode == -signal.SIGKILL
    assert kills
    whole = clone(model).set_params(random_state=0).fit(*rows)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        backend = LocalBackend(checkpoint=folder, every=0)
        found = clone(model).set_params(random_state=0, backend=backend).fit(*rows)
    assert_same(found, whole)
    for path in folder.iterdir():
        assert re.fullmatch(r"epoch-\d{6}\.zip", path.name)
