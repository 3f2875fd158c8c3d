"""Beside SDK v3, whose classes are abstract ones that ours are told to."""

import abc
import importlib
import sys
import types

import pytest

from sklearn_sagemaker.sagemaker import sdk_v3
from sklearn_sagemaker.sagemaker.deserializers import RecordDeserializer
from sklearn_sagemaker.sagemaker.serializers import JSONSerializer, RecordSerializer


@pytest.fixture
def v3(monkeypatch):
    """The two base classes, in modules of v3's names."""
    bases = []
    for module, name in (sdk_v3.SERIALIZERS, sdk_v3.DESERIALIZERS):
        parts = module.split(".")
        for i in range(1, len(parts) + 1):
            part = types.ModuleType(".".join(parts[:i]))
            part.__path__ = []
            monkeypatch.setitem(sys.modules, part.__name__, part)
        base = abc.ABCMeta(name, (), {})
        setattr(sys.modules[module], name, base)
        bases.append(base)
    return bases


def test_what_is_made_is_taken(v3):
    serializers, deserializers = v3

    class Mine(JSONSerializer):
        pass

    assert isinstance(RecordSerializer(), serializers)
    assert isinstance(RecordDeserializer(), deserializers)
    assert isinstance(Mine(), serializers)
    assert not isinstance(RecordSerializer(), deserializers)


def test_what_was_made_before_is_taken_when_asked_for(v3, monkeypatch):
    serializers, deserializers = v3
    monkeypatch.setattr(
        sys.modules["sagemaker.core.serializers.base"], "BaseSerializer", None
    )
    made = RecordSerializer()
    assert not isinstance(made, serializers)
    monkeypatch.setattr(
        sys.modules["sagemaker.core.serializers.base"], "BaseSerializer", serializers
    )
    assert sdk_v3.register_serializers()
    assert isinstance(made, serializers)
    assert issubclass(RecordDeserializer, deserializers)


def test_its_endpoints_take_bytes_and_no_files(v3):
    body = RecordSerializer(dtype="float32").serialize([[1.5, 16]])
    assert type(body) is bytes
    assert len(body) == 32


def test_without_v3(monkeypatch):
    def absent(name, *_, **__):
        raise ModuleNotFoundError(f"No module named {name!r}", name="sagemaker")

    monkeypatch.setattr(importlib, "import_module", absent)
    assert sdk_v3.register_serializers() is False

    def broken(name, *_, **__):
        raise ModuleNotFoundError("No module named 'pydantic'", name="pydantic")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="pydantic"):
        sdk_v3.register_serializers()
