"""Jobs as SageMaker lays them out, for the tests of the training program."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

from sklearn_sagemaker.estimators._attributes import set_attributes
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.io.plain_values import digest_of
from sklearn_sagemaker.io.problem_files import read_state
from sklearn_sagemaker.serving.logs import JobLog
from sklearn_sagemaker.serving.train import Program, Termination
from sklearn_sagemaker.serving.train_job import Folders

RECORDIO = "application/x-recordio-protobuf"


def make_job(root, hyperparameters, *, hosts=("algo-1",), **channels):
    """Write a job; a channel is given by its rows, or by what is said of it."""
    config = root / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    said = {}
    for name, content in channels.items():
        folder = root / "input" / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        said[name] = {"TrainingInputMode": "File", "RecordWrapperType": "None"}
        if isinstance(content, dict):
            said[name] |= content
        else:
            said[name]["ContentType"] = RECORDIO
            write_recordio(folder / "matrix_0.pbr", *content)
    write(config / "hyperparameters.json", hyperparameters)
    write(config / "inputdataconfig.json", said)
    write(
        config / "resourceconfig.json",
        {"current_host": "algo-1", "hosts": list(hosts)},
    )
    return root


def write(path, document):
    path.write_text(json.dumps(document), encoding="utf-8")


def run_here(root, tmp_path):
    """Run the job in this process; what it prints."""
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    out = StringIO()
    assert Program(Folders(Path(root)), JobLog(out), Termination()).run(scratch) == 0
    return out.getvalue()


def start(root, **more):
    """Start the real program, whose temporary files stay beside the job's folders.

    A kill leaves them behind.
    """
    environment = more.pop("env", os.environ)
    scratch = Path(root) / "tmp"
    scratch.mkdir(exist_ok=True)
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sklearn_sagemaker.serving",
            "train",
            "--root",
            str(root),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, "TMPDIR": str(scratch)},
        **more,
    )


def trained(root, estimator):
    """The estimator with the attributes that a job has left."""
    set_attributes(estimator, read_state(root / "output" / "data" / "state.zip"))
    return fitted(estimator)


def state_digest(root):
    """Digest of every field of the model that a job has left."""
    return digest_of(vars(read_state(root / "output" / "data" / "state.zip")))


def fitted(estimator):
    """Digests of all fitted attributes."""
    return {
        name: digest_of(value)
        for name, value in vars(estimator).items()
        if name.endswith("_") and name != "n_features_in_"
    }
