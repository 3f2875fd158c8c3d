"""The sources of the site, without building it."""

import importlib.util
import inspect
import re
import sys
from pathlib import Path, PurePosixPath

import pytest

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from tests.test_public_api import listing

ROOT = Path(__file__).parents[2]
PAGES = {path: path.read_text("utf-8") for path in sorted((ROOT / "doc").rglob("*.md"))}
HERE = Path(__file__).parent


def staging():
    spec = importlib.util.spec_from_file_location(
        "stage_site", ROOT / "doc" / "_tools" / "stage_site.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def seed_names():
    lines = (HERE / "seed_names.txt").read_text("utf-8").splitlines()
    return " ".join(line for line in lines if not line.startswith("#")).split()


def missing(names, text):
    return [name for name in names if not re.search(rf"\b{re.escape(name)}\b", text)]


@pytest.mark.parametrize(
    "cls",
    [
        LinearLearnerClassifier,
        LinearLearnerRegressor,
        FactorizationMachinesClassifier,
        FactorizationMachinesRegressor,
    ],
)
def test_every_argument_is_on_the_page_of_hyperparameters(cls):
    page = PAGES[ROOT / "doc" / "hyperparameters.md"]
    names = list(inspect.signature(cls).parameters)
    assert len(names) > 30
    assert [name for name in names if f"| `{name}` |" not in page] == []


def test_the_names_of_the_oldest_documents_are_on_the_site():
    # Pages, and what the API pages are made from: names with their arguments.
    text = "\n".join([*PAGES.values(), listing()])
    names = seed_names()
    assert len(names) > 150
    assert missing(names, text) == []
    assert missing(["no_such_name"], text) == ["no_such_name"]


def test_a_page_is_in_exactly_one_list():
    stage = staging()
    listed = []
    for path, text in PAGES.items():
        folder = path.parent
        for entries in re.findall(
            r"```\{toctree\}.*?```", stage.navigation(text), re.S
        ):
            for entry in re.findall(r"^\S+\.\w+$", entries, re.M):
                listed.append((folder / entry).resolve())
    pages = {path for path in PAGES if path != ROOT / "doc" / "index.md"}
    assert sorted(pages - set(listed)) == []
    assert len(listed) == len(set(listed))


def test_links_lead_to_the_site():
    stage, copied = staging(), set()
    text = (
        "[a](../examples/digits_zero.py) [b](../CHANGELOG.md#added) [c](../setup.py)\n"
        "[d](https://x.org/a.md) [e](#here)\n```sh\n[f](../setup.py)\n```\n"
    )
    found = stage.relink(text, PurePosixPath("doc/page.md"), copied)
    assert "[a](auto_examples/digits_zero.rst)" in found
    assert "[b](project/changelog.md#added)" in found
    assert "[c](files/setup.py)" in found
    assert "[f](../setup.py)" in found
    assert PurePosixPath("setup.py") in copied


def test_tables_of_results_are_the_lines_of_the_results():
    stage = staging()
    lines = stage.results()
    made = stage.tables("<!-- results: linear/folds -->\n\n<!-- results: others -->\n")
    for name, line in lines.items():
        assert made.count(line.replace("](results/", "](benchmarks/results/")) == 1, (
            name
        )
    with pytest.raises(KeyError, match="linear/nothing"):
        stage.tables("<!-- results: linear/nothing -->")


def test_the_readme_has_the_figures_of_the_results_only():
    """A line that names a result has no number that is not in the line of that one."""
    lines = staging().results()
    text = (ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| .*\]\(benchmarks/results/(\S+)\.md\).*$", text, re.M)
    assert len(rows) >= 6
    number = r"(?<![\w.])\d+(?:[.,/]\d+)*"
    for row in re.finditer(r"^\| .*\]\(benchmarks/results/(\S+)\.md\).*$", text, re.M):
        said = re.sub(r"\]\([^)]*\)", "]", row[0])
        known = re.findall(number, lines[row[1]])
        assert [one for one in re.findall(number, said) if one not in known] == []
    assert len(text.splitlines()) <= 150
