"""demo: on the bundled digits and on a file."""

import os
import re

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits

from sklearn_sagemaker.cli.comparison import deciding_rows


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_digits(cli, tmp_path):
    result = cli("demo")
    assert result.code == 0
    assert "1,797 images of 64 pixels, 178 of them zeros" in result.out
    assert "1,078 to train, 359 to choose the model, 360 to test it" in result.out
    assert "Trained 32 models at once" in result.out
    assert len(re.findall(r"^ +\d  .* standard .*$", result.out, re.MULTILINE)) == 8
    assert max(map(len, result.out.splitlines())) <= 100
    assert os.listdir(tmp_path) == ["demo-model.joblib"]
    # The line that says how to use the model works as it stands.
    line = next(line for line in result.out.splitlines() if "joblib.load(" in line)
    X, y = load_digits(return_X_y=True)
    answers = eval(line, {"joblib": joblib, "images": X})
    assert np.mean((answers == 1) == (y == 0)) > 0.98


def test_confusion_adds_up(cli):
    out = cli("demo", "--no-save").out
    rows = re.findall(r"actual \w+ +(\d+) +(\d+)", out)
    (hits, misses), (alarms, rest) = [(int(a), int(b)) for a, b in rows]
    assert hits + misses + alarms + rest == 360
    assert hits + misses == 36
    assert f"{misses + alarms} error" in out


def test_no_save(cli, tmp_path):
    assert "joblib" not in cli("demo", "--no-save").out
    assert os.listdir(tmp_path) == []


def test_seed_repeats(cli):
    def stable(out):
        return re.sub(r"in \d.*? s\.", "", out)

    first, again = (stable(cli("demo", "--no-save", "--seed", 1).out) for _ in range(2))
    assert first == again


def images(n=120, seed=0):
    X, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(seed).permutation(len(y))[:n]
    return X[rows].reshape(-1, 8, 8).astype(np.uint8), y[rows]


def test_compare(cli, tmp_path):
    X, y = images()
    np.savez("digits.npz", X=X, y=y)
    result = cli("demo", "--data", "digits.npz", "--compare", "--no-save")
    assert result.code == 0
    assert result.err == ""
    assert re.search(r"LinearLearnerClassifier +32 +\d.* s +\d+\n", result.out)
    assert re.search(r"GridSearchCV\(SGDClassifier\) +32 +\d.* s +\d+\n", result.out)
    assert re.search(r"took \d+\.\d times as long", result.out)
    assert "test rows" in result.out.split("GridSearchCV(SGDClassifier) ")[-1]
    assert max(map(len, result.out.splitlines())) <= 100


def test_rows_that_decide():
    y = np.zeros(40, int)
    ours, theirs = y.copy(), y.copy()
    ours[:3] = theirs[:1] = 1  # one row that both have wrong decides nothing
    assert deciding_rows(y, ours, theirs) == (
        "The two differ on 2 of 40 test rows: LinearLearnerClassifier is right on 0 of "
        "these and the grid search on 2, a difference of 2 rows with a standard error "
        "of 1.4, as chance alone may make it."
    )
    assert "all 40 test rows alike" in deciding_rows(y, ours, ours)
    assert "more than chance" in deciding_rows(y, y, np.ones(40, int))


def test_split_of_the_file_is_used(cli, tmp_path):
    X, y = images()
    split = np.arange(60), np.arange(60, 100), np.arange(100, 120)
    names = ("train_idx", "val_idx", "test_idx")
    np.savez("digits.npz", X=X, y=y, **dict(zip(names, split, strict=True)))
    out = cli("demo", "--data", "digits.npz", "--model", "here.joblib").out
    assert "60 to train, 40 to choose the model, 20 to test it" in out
    assert "On 20 test rows" in out
    assert sorted(os.listdir(tmp_path)) == ["digits.npz", "here.joblib"]


X, Y = images()
REFUSED = {
    "not digits": ({"X": X, "y": Y + 100}, "y must hold digits from 0 to 9"),
    "no zeros": ({"X": X[Y > 0], "y": Y[Y > 0]}, "y must hold digits from 0 to 9"),
    "only zeros": ({"X": X[Y == 0], "y": Y[Y == 0]}, "every image is a zero"),
    "text": ({"X": X, "y": Y.astype(str)}, "y holds text"),
    "few": ({"X": X[:12], "y": np.arange(12) % 10}, "too few to split"),
    "half a split": ({"X": X, "y": Y, "train_idx": [1]}, "give all three, or none"),
    "outside": (
        {"X": X, "y": Y, "train_idx": [1], "val_idx": [2], "test_idx": [999]},
        "test_idx must hold row numbers from 0 to 119",
    ),
    "one class to train": (
        {"X": X, "y": Y, "train_idx": np.flatnonzero(Y)[:9], "val_idx": [2],
         "test_idx": [3]},
        "at least 2 classes",
    ),
    "no labels": ({"X": X}, "no array 'y' of labels"),
}  # fmt: skip


@pytest.mark.parametrize(("arrays", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(refused, tmp_path, arrays, message):
    np.savez("digits.npz", **arrays)
    assert message in refused("demo", "--data", "digits.npz")
    assert os.listdir(tmp_path) == ["digits.npz"]


def test_sparse_images_are_refused(refused):
    np.savez("a.npz", data=[1.0], indices=[0], indptr=[0, 1], shape=[1, 1], y=[0])
    assert "the demo needs X" in refused("demo", "--data", "a.npz")


def test_place_is_checked_first(refused):
    assert "does not exist" in refused("demo", "--model", "no/m.joblib")
    assert "not allowed with" in refused("demo", "--model", "m", "--no-save")
