"""Compiled kernels: they must have been built from the registries of today."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from sklearn_sagemaker._kernels import LOSSES, OPTIMIZERS, available_levels, levels

EVERY = [(level, family) for level in available_levels() for family in levels.GENERATED]


@pytest.mark.parametrize(("level", "family"), EVERY)
def test_all_kernels_know_the_losses_and_optimizers_of_the_registries(level, family):
    levels.check_registries(levels.load_level(level, family))


def added(registry):
    """As someone writes one more entry and forgets to build."""
    last = next(reversed(registry.values()))
    return {**registry, "new_one": replace(last, name="new_one")}


def swapped(registry):
    """Other places are other numbers in the kernels."""
    first, second, *rest = registry
    return {name: registry[name] for name in (second, first, *rest)}


def dropped(registry):
    return dict(list(registry.items())[:-1])


def changed(field, value):
    def change(registry):
        first = next(iter(registry))
        return {**registry, first: replace(registry[first], **{field: value})}

    change.__name__ = field
    return change


@pytest.mark.parametrize(("level", "family"), EVERY)
@pytest.mark.parametrize(
    ("name", "change"),
    [
        *(("LOSSES", change) for change in (added, swapped, dropped)),
        *(("OPTIMIZERS", change) for change in (added, swapped, dropped)),
        ("LOSSES", changed("c_value", "0")),
        ("LOSSES", changed("c_gradient", "0")),
        ("LOSSES", changed("coupled", True)),
        ("OPTIMIZERS", changed("c_step", "w = 0;")),
        ("OPTIMIZERS", changed("n_states", 2)),
        ("OPTIMIZERS", changed("own_decay", True)),
    ],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_kernels_of_another_registry_are_refused(
    monkeypatch, level, family, name, change
):
    registry = {"LOSSES": LOSSES, "OPTIMIZERS": OPTIMIZERS}[name]
    monkeypatch.setattr(levels, name, change(registry))
    with pytest.raises(ImportError, match="rebuild the kernels") as caught:
        levels.load_level(level, family)
    assert f"{family}_{level}" in str(caught.value)
    assert name in str(caught.value)


def test_kernels_that_do_not_say_what_they_know_are_refused():
    with pytest.raises(ImportError, match="_linear_base was built from other losses"):
        levels.check_registries(SimpleNamespace(__name__="_linear_base"))
