"""Labels of text that NumPy's arrays of text would change: "a" is not "a\\0"."""

import numpy as np
import pandas as pd
import pytest

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    LinearLearnerClassifier,
    load_artifact,
    save_artifact,
)
from sklearn_sagemaker.exceptions import ArtifactError, DataFileError
from sklearn_sagemaker.io.labels import labels_from_text
from sklearn_sagemaker.io.table_files import read_table

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
LABELS = ["a" if above else "a\0" for above in X[:, 0] > 0]
MODELS = [
    LinearLearnerClassifier(num_models=2, random_state=0),
    FactorizationMachinesClassifier(num_factors=2, random_state=0),
]
KINDS = {
    "list": list,
    "tuple": tuple,
    "objects": lambda labels: np.array(labels, dtype=object),
    "series": lambda labels: pd.Series(labels, dtype=object),
}


def accuracy(model):
    return np.mean([p == y for p, y in zip(model.predict(X), LABELS, strict=True)])


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_a_zero_character_at_the_end_makes_another_class(model, kind):
    y = KINDS[kind](LABELS)
    model.fit(X, y, X_val=X, y_val=y)
    assert model.classes_.tolist() == ["a", "a\0"]
    assert accuracy(model) > 0.9


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_and_in_a_stream(model):
    model = type(model)(**model.get_params())
    for _ in range(20):
        model.partial_fit(X, LABELS, classes=["a\0", "a"])
    assert model.classes_.tolist() == ["a", "a\0"]
    assert accuracy(model) > 0.9


def test_class_weights_tell_them_apart():
    heavy = LinearLearnerClassifier(
        num_models=2, random_state=0, class_weight={"a": 0.0, "a\0": 1.0, "b": 1.0}
    )
    labels = [*LABELS[:60], *["b"] * 60]
    assert heavy.fit(X, labels).classes_.tolist() == ["a\0", "b"]


def test_an_artifact_holds_no_such_label(tmp_path):
    model = LinearLearnerClassifier(num_models=2, random_state=0).fit(X, LABELS)
    with pytest.raises(ArtifactError, match="classes_ holds Python objects"):
        save_artifact(model, tmp_path / "model.tar.gz")
    assert not list(tmp_path.iterdir())
    numbers = LinearLearnerClassifier(num_models=2, random_state=0).fit(X, X[:, 0] > 0)
    save_artifact(numbers, tmp_path / "model.tar.gz")
    found = load_artifact(tmp_path / "model.tar.gz", classes=["a", "a\0"])
    assert found.classes_.tolist() == ["a", "a\0"]


def test_files_have_no_such_label(tmp_path):
    for kind in ("auto", "text"):
        with pytest.raises(DataFileError, match="has a NUL character"):
            labels_from_text(["a", "a\0"], kind)
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,1\na\0,2\n")
    with pytest.raises(DataFileError, match="has a NUL character"):
        read_table(path, label=0, labels="text", header=False)
