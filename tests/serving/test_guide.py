"""The commands of doc/serving.md answer as it shows."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .test_programs import running

PAGE = Path(__file__).parents[2] / "doc" / "serving.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_commands_of_the_guide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    kinds = [kind for kind, _ in blocks]
    exec(blocks[kinds.index("python")][1], {})
    shell = [place for place, kind in enumerate(kinds) if kind == "sh"]
    serve, *curls = shell
    program, *arguments = blocks[serve][1].split()
    assert program == "sklearn-sagemaker"
    with running("sklearn_sagemaker", *arguments, "--port", 0) as (_, port):
        for place in curls:
            command = blocks[place][1].replace(":8080", f":{port}")
            found = subprocess.run(
                command, shell=True, check=True, capture_output=True, text=True
            )
            right = re.escape(blocks[place + 1][1].strip()).replace(r"\.\.\.", r"\d*")
            assert re.fullmatch(right, found.stdout.strip()), found.stdout
    assert len(curls) == 3
