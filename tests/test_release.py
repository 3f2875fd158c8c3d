"""What a release consists of agrees with itself: versions, platforms, files of YAML."""

import re
import tomllib
from pathlib import Path

import pytest

import sklearn_sagemaker

yaml = pytest.importorskip("yaml")  # moto brings it

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WORKFLOWS = ROOT / ".github" / "workflows"


def load(path):
    return yaml.safe_load(path.read_text("utf-8"))


def test_one_version():
    version = PROJECT["project"]["version"]
    assert sklearn_sagemaker.__version__ == version
    assert load(ROOT / "CITATION.cff")["version"] == version


def test_the_oldest_versions_are_those_that_are_allowed():
    extra = PROJECT["project"]["optional-dependencies"]["data"]
    allowed = dict(
        one.split(">=") for one in [*PROJECT["project"]["dependencies"], *extra]
    )
    text = (ROOT / "tests" / "oldest-requirements.txt").read_text("utf-8")
    pinned = dict(re.findall(r"^([\w-]+)==([\d.]+)$", text, re.M))
    assert set(pinned) == set(allowed)
    for name, version in pinned.items():
        assert version.startswith(allowed[name] + "."), name


def test_wheels_are_built_for_the_promised_pythons():
    said = [
        found[1].replace(".", "")
        for line in PROJECT["project"]["classifiers"]
        if (found := re.fullmatch(r".*:: Python :: (3\.\d+)", line))
    ]
    built = PROJECT["tool"]["cibuildwheel"]["build"]
    assert built == [f"cp{version}-*" for version in said]
    sources = PROJECT["tool"]["cibuildwheel"]["test-sources"]
    assert [name for name in sources if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    "path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name
)
def test_a_workflow_is_one(path):
    """The structure that GitHub asks for: actionlint is no package of PyPI's wheels."""
    found = load(path)
    # YAML 1.1 reads the key `on` as true.
    assert set(found) == {"name", True, "permissions", "jobs"}
    for job in found["jobs"].values():
        assert {"runs-on", "steps", "timeout-minutes"} <= set(job)
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])
            for name in re.findall(r"\$\{\{ (.*?) \}\}", str(step) + job["runs-on"]):
                assert name == "matrix.os"


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")),
    ids=lambda path: path.name,
)
def test_a_form_of_issues_is_one(path):
    found = load(path)
    if path.name == "config.yml":
        assert found == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= set(found)
    fields = [field for field in found["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
