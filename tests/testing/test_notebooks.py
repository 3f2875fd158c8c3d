"""The runner of notebooks, by the Python of the tests."""

import gzip
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from sklearn_sagemaker.testing.example_data import fill
from sklearn_sagemaker.testing.notebooks import found_in, run

OURS = Path(__file__).parent / "notebooks"
PUBLIC = "sagemaker-example-files-prod-us-east-1"


@pytest.fixture(scope="module")
def filled(emulator, s3_of_module, tmp_path_factory):
    """The emulator, with buckets of example data; two objects are given."""
    folder = tmp_path_factory.mktemp("data")
    for key in ("datasets/tabular/iris/iris.data", "mine/rows.csv"):
        (folder / key).parent.mkdir(parents=True)
        (folder / key).write_text("1,2\n")
    fill(s3_of_module, "us-east-1", folder)
    return emulator


@pytest.fixture(scope="module")
def s3_of_module(emulator):
    return boto3.client("s3")


def notebook(path, *sources, tags=()):
    """A notebook of cells; the last one has tags."""
    cells = [
        {"cell_type": "code", "metadata": {}, "source": source.splitlines(True)}
        for source in sources
    ]
    cells[-1]["metadata"]["tags"] = list(tags)
    text = {"cell_type": "markdown", "metadata": {}, "source": "# About"}
    path.write_text(json.dumps({"cells": [text, *cells], "nbformat": 4}))
    return path


@pytest.mark.slow
def test_a_notebook_of_boto3_runs(filled, tmp_path):
    path = Path(shutil.copy(OURS / "boto3.ipynb", tmp_path))
    ran = run(filled, path, longest_sleep=0.1)  # a waiter of boto3 asks every 120 s
    assert not ran.errors, ran
    assert ran.done == ran.cells == 9
    # In its folder, as Jupyter does.
    assert (tmp_path / "wdbc.csv").exists()


CELLS = (
    "%%time\nimport os, time\nbegan = time.monotonic()",
    "!echo $began > said\nassert get_ipython() and open('said').read()",
    "raise ValueError('this is\\nin two lines')",
    "time.sleep(30)\nassert time.monotonic() - began < 30",
    "%%sh\nexit 3",
    "assert os.path.dirname(os.path.realpath(os.environ['PATH'].split(':')[0]))",
    "this is no Python",
    "raise ValueError('expected')",
)


def test_cells_after_one_that_fails(emulator, tmp_path):
    path = notebook(tmp_path / "n.ipynb", *CELLS, tags=["raises-exception"])
    ran = run(emulator, path, longest_sleep=0.0)
    assert (ran.done, ran.cells, list(ran.errors)) == (2, 8, [3])
    assert ran.errors[3] == "ValueError: this is"
    ran = run(emulator, path, go_on=True, longest_sleep=0.0)
    assert (ran.done, list(ran.errors)) == (5, [3, 5, 7])
    assert "SyntaxError" in ran.errors[7]
    assert "5 of 8 code cells ran" in str(ran)
    assert "cell 3: ValueError: this is" in str(ran)


def test_an_interpreter_that_ends(emulator, tmp_path):
    path = notebook(tmp_path / "n.ipynb", "a = 1", "import os; os._exit(3)", "a")
    ran = run(emulator, path)
    assert (ran.done, ran.errors) == (1, {2: "the interpreter has ended"})


def test_an_interpreter_without_ipython(emulator, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho No module named IPython >&2; exit 1\n")
    python.chmod(0o755)
    path = notebook(tmp_path / "n.ipynb", "1")
    with pytest.raises(RuntimeError, match="pip install ipython.*No module named"):
        run(emulator, path, str(python))


def test_example_data(filled, s3_of_module):
    def stored(bucket, key):
        return s3_of_module.get_object(Bucket=bucket, Key=key)["Body"].read()

    packed = stored(PUBLIC, "datasets/image/MNIST/mnist.pkl.gz")
    sets = pickle.loads(gzip.decompress(packed), encoding="latin1")
    assert [images.shape for images, _ in sets] == [(1200, 784), (300, 784), (297, 784)]
    assert all(0 <= images.min() < images.max() == 1 for images, _ in sets)
    rows = stored("sagemaker-sample-files", "datasets/tabular/breast_cancer/wdbc.csv")
    assert rows.count(b"\n") == 569
    assert rows.startswith(b"0,M,17.99,10.38,")
    # What is given goes before what would stand in.
    assert stored(PUBLIC, "datasets/tabular/iris/iris.data") == b"1,2\n"
    assert stored(PUBLIC, "mine/rows.csv") == b"1,2\n"


def test_notebooks_are_found_in_folders(tmp_path):
    for name in ("b/two.ipynb", "one.ipynb", ".ipynb_checkpoints/one.ipynb", "no.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = found_in([tmp_path, Path("third.ipynb")])
    assert [path.name for path in found] == ["two.ipynb", "one.ipynb", "third.ipynb"]


@pytest.mark.slow
def test_the_command(tmp_path):
    lines = (
        "import boto3\nfound = boto3.client('s3').list_buckets()['Buckets']",
        "assert 'sagemaker-example-files-prod-eu-west-1' in str(found)",
    )
    notebook(tmp_path / "a.ipynb", *lines)
    notebook(tmp_path / "b.ipynb", "1 / 0")
    module = "sklearn_sagemaker.testing.notebooks"
    found = subprocess.run(
        [sys.executable, "-m", module, str(tmp_path), "--region", "eu-west-1"],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1, found.stderr
    first, second, third = found.stdout.splitlines()
    assert first.startswith(f"{tmp_path / 'a.ipynb'}: 2 of 2 code cells ran, ")
    assert second.startswith(f"{tmp_path / 'b.ipynb'}: 0 of 1 code cells ran, ")
    assert third == "  cell 1: ZeroDivisionError: division by zero"
