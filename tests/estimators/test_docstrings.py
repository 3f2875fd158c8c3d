"""The docstrings of the classes say what the table of hyperparameters says."""

import inspect
import textwrap

import pytest

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)

CLASSES = (
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)
ENTRIES = [
    pytest.param(cls, entry, id=f"{cls.__name__}-{entry.name}")
    for cls in CLASSES
    for entry in cls._table.values()
]
SHARED = (
    "cv", "validation_fraction", "ensemble_size", "warm_start", "n_jobs",
    "random_state", "verbose", "backend",
)  # fmt: skip


def one_line(text):
    return " ".join(text.split())


def described(cls):
    """Type and text of each parameter in a docstring, by its name."""
    doc = inspect.cleandoc(cls.__doc__)
    section = doc.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    name, found = "", {}
    for line in section.split("\n"):
        if line.startswith(" "):
            found[name][1].append(line)
        else:
            name, _, kind = line.partition(" : ")
            found[name] = kind, []
    return {
        name: (one_line(kind), one_line(" ".join(text)))
        for name, (kind, text) in found.items()
    }


def repr_of(default):
    return f'"{default}"' if isinstance(default, str) else repr(default)


def written(entry):
    """Type and text of a hyperparameter, by the table."""
    text = entry.doc
    if entry.default != entry.sagemaker_default:
        text += f" SageMaker's own default is {entry.sagemaker_default}."
    return f"{entry.type_text}, default={repr_of(entry.default)}", one_line(text)


@pytest.mark.parametrize(("cls", "entry"), ENTRIES)
def test_hyperparameters_are_described_as_in_the_table(cls, entry):
    kind, text = written(entry)
    lines = textwrap.indent(textwrap.fill(text, 76, break_on_hyphens=False), "        ")
    assert described(cls).get(entry.name) == (kind, text), (
        f"write into the docstring of {cls.__name__}:\n"
        f"    {entry.name} : {kind}\n{lines}"
    )


@pytest.mark.parametrize("cls", CLASSES)
def test_parameters_are_described_in_the_order_of_the_signature(cls):
    parameters = inspect.signature(cls).parameters
    found = described(cls)
    assert list(found) == list(parameters)
    for name, (kind, text) in found.items():
        assert kind.endswith(f"default={repr_of(parameters[name].default)}"), name
        assert text.endswith("."), name


@pytest.mark.parametrize("pair", [CLASSES[:2], CLASSES[2:]])
def test_classifier_and_regressor_describe_what_they_share_alike(pair):
    one, other = map(described, pair)
    for name in SHARED:
        assert one[name] == other[name], name


@pytest.mark.parametrize("name", sorted({*SHARED} - {"cv", "ensemble_size", "n_jobs"}))
def test_both_algorithms_describe_alike_what_is_the_same(name):
    assert len({described(cls)[name] for cls in CLASSES}) == 1
