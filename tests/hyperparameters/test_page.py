"""The page on the containers' hyperparameters names what they cannot express."""

import ast
from pathlib import Path

import pytest

from sklearn_sagemaker._hyperparameters import to_job
from sklearn_sagemaker._hyperparameters.container import our_table

PAGE = Path(__file__).parents[2] / "doc" / "container_hyperparameters.md"
SECTION = "## What a job cannot express"


def named():
    """The names that `Inexpressible` is made with, but those that follow a table."""
    for node in ast.walk(ast.parse(Path(to_job.__file__).read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Inexpressible":
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield first.value
    for kind in ("binary_classifier", "regressor"):
        table = our_table("factorization-machines", kind)
        yield from (name for name, entry in table.items() if entry.ours)
    yield from ("num_classes", "margin", "huber_delta", "sagemaker_rules")


@pytest.mark.parametrize("name", sorted(set(named())))
def test_the_page_says_what_is_inexpressible(name):
    _, heading, rest = PAGE.read_text("utf-8").partition(SECTION)
    section = rest.partition("\n## ")[0]
    assert heading
    assert f"`{name}" in section


def test_the_names_are_found():
    assert {"sample_weight", "cv", "ensemble_size", "y", "solver"} <= set(named())
