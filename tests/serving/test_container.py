"""The image's Dockerfile: what it says, and its steps in a fresh environment.

No container is built here. hadolint 2.15 finds nothing in it.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sklearn_sagemaker.serving.__main__ import main
from tests.serving.jobs import make_job

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "sklearn_sagemaker" / "serving" / "Dockerfile"
pytestmark = pytest.mark.skipif(not DOCKERFILE.exists(), reason="no source tree")


def stages():
    """The instructions of each stage, as (name, text)."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    found = []
    for name, _, rest in (
        line.strip().partition(" ") for line in lines if line.strip()
    ):
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest.strip()))
    return found


def the(stage, name):
    return [rest for found, rest in stage if found == name]


def test_the_last_stage_runs_programs_and_builds_nothing():
    build, last = stages()
    assert the(build, "FROM") == [the(last, "FROM")[0] + " AS build"]
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", the(last, "FROM")[0])
    everything = " ".join(rest for _, rest in last)
    assert not re.search(r"apt-get|\bpip\b|gcc", everything)
    assert the(last, "COPY") == ["--from=build /opt/program /opt/program"]
    # Signals reach what is started without a shell.
    assert json.loads(the(last, "ENTRYPOINT")[0])[1:] == [
        "-m",
        "sklearn_sagemaker.serving",
    ]
    assert the(last, "ARG") == ["USER=program"]
    assert the(last, "USER") == ["$USER"]
    command = re.search(r"CMD (\[.*\])", the(last, "HEALTHCHECK")[0])[1]
    compile(json.loads(command)[2], "healthcheck", "exec")


def test_what_is_copied_is_sent_to_the_builder():
    build, _ = stages()
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text("utf-8")
    kept = re.findall(r"^!(.*)$", ignored, re.MULTILINE)
    copied = [name for rest in the(build, "COPY") for name in rest.split()[:-1]]
    assert sorted(copied) == sorted(kept)
    assert all((ROOT / name).exists() for name in copied)


def test_the_entry_point_takes_train_and_serve(capsys):
    for name in ("train", "serve"):
        with pytest.raises(SystemExit) as end:
            main([name, "--help"])
        assert end.value.code == 0
        assert f"sklearn-sagemaker-{name}" in capsys.readouterr().out
    assert main([]) == 2
    assert main(["tune"]) == 2
    assert "train | serve" in capsys.readouterr().err


def _copy(path, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        # As Dockerfile.dockerignore has it.
        left = shutil.ignore_patterns("*.so", "*.pyc", "*.pyd", "__pycache__")
        shutil.copytree(path, target, ignore=left)
    else:
        shutil.copy(path, target)


def _run(command, **more):
    found = subprocess.run(command, capture_output=True, text=True, **more)
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-4000:]


@pytest.mark.slow
@pytest.mark.skipif(
    not (ROOT / "build" / "compiled").is_dir(), reason="needs compiled kernels"
)
def test_its_steps_make_an_environment_that_trains(tmp_path):
    source, program = tmp_path / "source", tmp_path / "program"
    build, last = stages()
    for name, rest in build:
        if name == "COPY":
            *copied, _ = rest.split()
            for one in copied:
                _copy(ROOT / one, source / one)
        elif name == "RUN" and not rest.startswith("apt-get"):
            # So that it need not compile them again.
            shutil.copytree(ROOT / "build" / "compiled", source / "build" / "compiled")
            command = rest.replace("/opt/program", shlex.quote(str(program)))
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            _run(["sh", "-c", command], cwd=source, env={**os.environ, "PATH": path})
    X = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    strings = {"predictor_type": "regressor", "epochs": "2", "num_models": "2"}
    root = make_job(tmp_path / "ml", strings, train=(X, X[:, 0]))
    _, *arguments = json.loads(the(last, "ENTRYPOINT")[0])
    python = str(program / "bin" / "python")
    _run([python, *arguments, "train", "--root", str(root)], cwd=tmp_path)
    assert (root / "model" / "model_algo-1").exists()
    _run([python, *arguments, "serve", "--help"], cwd=tmp_path)
    assert not (program / "bin" / "pip").exists()
