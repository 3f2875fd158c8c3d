"""Scripts of ``benchmarks/`` keep up with the package, although no test runs them."""

import ast
import functools
import importlib
import os
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

from sklearn_sagemaker import (
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
)

ROOT = Path(__file__).parents[1]
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted((ROOT / "benchmarks").rglob("*.py"))
}


@functools.cache
def tree_of(name):
    found = FILES.get(name) or FILES[f"{name}.__init__"]
    return ast.parse(found.read_text("utf-8"))


def imported(name):
    """Modules and names that a script imports from elsewhere in the project."""
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name
        elif isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)


def exists(module, name):
    """Whether a module has a name; our own scripts may need what is not installed."""
    whole = f"{module}.{name}"
    if not module.startswith("benchmarks"):
        found = importlib.import_module(module)
        return name is None or hasattr(found, name) or importlib.import_module(whole)
    if whole in FILES or f"{whole}.__init__" in FILES or name is None:
        return True
    nodes = ast.walk(tree_of(module))
    return name in {
        getattr(node, "name", None) or getattr(node, "id", None) for node in nodes
    } | {one for _, one in imported(module)}


@pytest.mark.parametrize("script", FILES)
def test_what_a_script_imports_is_there(script):
    for module, name in imported(script):
        if module.split(".")[0] in ("benchmarks", "sklearn_sagemaker"):
            assert exists(module, name), f"{module}.{name}"


# -------------------------------------------------------------------- stand-ins
def makes_stand_ins(node):
    """Whether a definition puts something in place of a name."""
    called = {
        getattr(one.func, "id", None)
        for one in ast.walk(node)
        if isinstance(one, ast.Call)
    }
    bases = {getattr(base, "id", None) for base in getattr(node, "bases", ())}
    return "stand_in" in called or "Parts" in bases


STAND_INS = [
    (name, node.name)
    for name in FILES
    if not name.startswith("benchmarks.common.")
    for node in tree_of(name).body
    if makes_stand_ins(node)
]


def module_of(name):
    """A script as a module, without what it sets for processes."""
    with mock.patch.dict(os.environ):
        return importlib.import_module(name)


def fits(name):
    """Short fits of what a script times."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    if name.startswith("benchmarks.factors."):
        for solver in ("gradient", "mcmc"):
            model = FactorizationMachinesRegressor(
                solver=solver, num_factors=2, num_models=1, epochs=2, random_state=0
            )
            model.fit(X, X[:, 0])
    model = LinearLearnerClassifier(num_models=2, epochs=2, random_state=0, n_jobs=1)
    model.fit(X, X[:, 0] > 0)


@pytest.mark.parametrize(("script", "name"), STAND_INS)
def test_stand_ins_are_called_as_what_they_stand_in_for(script, name):
    module = module_of(script)
    make = getattr(module, name)
    assert make in module.STAND_INS
    with make() as found:
        fits(script)
    # Few rows are not asked for one by one.
    parts = getattr(found, "cpu", {})
    assert {part for part in parts if not parts[part]} <= {"rows"}


@pytest.mark.parametrize("script", FILES)
def test_only_stand_ins_take_the_place_of_names(script):
    """Which are compared with them."""
    if script != "benchmarks.common.stand_ins":
        found = [module for module, _ in imported(script)]
        assert not any(module.startswith("unittest") for module in found)
        assert ("unittest", "mock") not in imported(script)


class Given:
    def call(self, a, b=1):
        return a, b


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("call", lambda self, a, b=1: a, None),
        ("call", lambda self, *given, **named: None, None),
        ("call", lambda self, a: a, TypeError),
        ("call", lambda self, a, b, c: a, TypeError),
        ("call", lambda self, *given: None, TypeError),
        ("call", lambda self, a, c=1: a, TypeError),
        ("gone", lambda self, a, b=1: a, AttributeError),
    ],
)
def test_a_stand_in_has_the_parameters_of_what_was_there(name, value, error):
    stand_in = module_of("benchmarks.common.stand_ins").stand_in
    call = Given.call
    if error is None:
        with stand_in(Given, name, value):
            assert Given.call is value
    else:
        with pytest.raises(error, match=name), stand_in(Given, name, value):
            pass
    assert Given.call is call


def test_a_class_that_stands_in_has_the_methods_of_what_was_there():
    stand_in = module_of("benchmarks.common.stand_ins").stand_in
    owner = SimpleNamespace(Given=Given, __name__="owner")

    class Alike(Given):
        def call(self, a, b=2):
            return super().call(a, b)

    class Other(Given):
        def call(self, a):
            return super().call(a)

    with stand_in(owner, "Given", Alike):
        assert owner.Given is Alike
    with pytest.raises(TypeError, match=r"owner.Given.call is called"):
        stand_in(owner, "Given", Other).__enter__()
