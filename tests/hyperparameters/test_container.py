"""The containers' tables, held to what AWS's guide and SDK say."""

import pytest

from sklearn_sagemaker._hyperparameters.container import (
    REQUIRED,
    checked,
    container_table,
)
from tests.hyperparameters.facts import FACTORS, KINDS, LINEAR, TABLES, illegal, legal
from tests.hyperparameters.facts import lines as lines_of

LINES = [(algorithm, *line) for algorithm in TABLES for line in lines_of(algorithm)]
IDS = ["-".join(line[:3]) for line in LINES]


def test_names():
    assert (len(LINEAR), len(FACTORS)) == (44, 26)
    for algorithm, kinds in KINDS.items():
        for kind in kinds:
            expected = {name for k, name, _ in lines_of(algorithm) if k == kind}
            assert set(container_table(algorithm, kind)) == expected


def test_what_a_job_must_have():
    assert {name: set(names) for name, names in REQUIRED.items()} == {
        "linear-learner": {"predictor_type"},
        "factorization-machines": {"predictor_type", "feature_dim", "num_factors"},
    }


@pytest.mark.parametrize(("algorithm", "kind", "name", "line"), LINES, ids=IDS)
def test_every_value_inside_and_outside(algorithm, kind, name, line):
    entry = container_table(algorithm, kind)[name]
    for text in legal(line):
        value = checked(entry, text)
        assert entry.to_string(value) == text or float(text) == value
    for text in illegal(line):
        with pytest.raises(ValueError, match=rf"^{name}='.*' is not valid: it must be"):
            checked(entry, text)


@pytest.mark.parametrize(("algorithm", "kind", "name", "line"), LINES, ids=IDS)
def test_defaults_and_examples(algorithm, kind, name, line):
    entry = container_table(algorithm, kind)[name]
    default = line[-1]
    if default is None:
        assert entry.sagemaker_default is None
    elif name == "num_classes":
        assert entry.sagemaker_default == 1  # Outside its own range: to be ignored.
    else:
        assert checked(entry, default) == entry.sagemaker_default
    assert checked(entry, entry.to_string(entry.default)) == entry.default
    assert set(entry.choices) == set(line[5])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("True", True), ("true", True), ("1", True), (" TRUE ", True),
        ("False", False), ("false", False), ("0", False),
    ],
)  # fmt: skip
def test_flags(text, value):
    assert checked(
        container_table("linear-learner", "regressor")["use_bias"], text
    ) is (value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("200", 200), ("200.0", 200), ("2e2", 200), (" 7 ", 7), (str(10**18), 10**18)],
)
def test_whole_numbers(text, value):
    entry = container_table("linear-learner", "regressor")["mini_batch_size"]
    found = checked(entry, text)
    assert (found, type(found)) == (value, int)
