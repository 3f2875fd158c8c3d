"""Labels that NumPy would make one class of."""

import json

import numpy as np
import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import FileDataset, read_table
from sklearn_sagemaker.io.formats import FORMATS
from sklearn_sagemaker.io.labels import labels_from_array, whole_or_float
from sklearn_sagemaker.io.rows import Rows

X = np.arange(8.0).reshape(4, 2)


def save(folder, ending, labels):
    path = folder / f"a{ending}"
    rows = [
        {"features": row, "label": y} for row, y in zip(X.tolist(), labels, strict=True)
    ]
    if ending == ".csv":
        lines = [f"{row[0]},{row[1]},{y}\n" for row, y in zip(X, labels, strict=True)]
        path.write_text("".join(lines))
    elif ending == ".json":
        path.write_text(json.dumps({"instances": rows}))
    elif ending == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        np.savez(path, X=X, y=np.array(labels))
    return path


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".npz"])
@pytest.mark.parametrize("label", ["a\0", "\0a", "a\0b"])
def test_a_nul_in_a_label_is_refused(tmp_path, ending, label):
    if ending == ".npz" and label == "a\0":
        pytest.skip("an array of text cannot hold it: the file has 'a' twice")
    path = save(tmp_path, ending, ["a", label, "b", "b"])
    format = next(one for one in FORMATS.values() if ending in one.endings)
    options = {"label": 2, "labels": "text"} if ending == ".csv" else {}
    chosen = {"label": 2} if ending == ".csv" else {}
    for read in (
        lambda: read_table(path, **chosen),
        lambda: list(format.iter_rows(path, 2, **options)),
        lambda: FileDataset(path, **chosen).contents,
    ):
        with pytest.raises(DataFileError, match="has a NUL character"):
            read()


def test_arrays_of_bytes_and_views():
    y = np.array([b"a\0b", b"c"])
    with pytest.raises(DataFileError, match="y: 'a.x00b' has a NUL character"):
        labels_from_array(y, "auto", "y")
    wide = np.array([["a", "a\0b"], ["longer", "x"]])
    for part in (wide[:, 0], wide[:, :1], wide[::-1, 0]):
        assert set(labels_from_array(part, "auto", "y").tolist()) == {"a", "longer"}
    with pytest.raises(DataFileError, match="NUL"):
        labels_from_array(wide[:, 1], "auto", "y")
    assert labels_from_array(np.array(["", ""]), "auto", "y").tolist() == ["", ""]
    assert len(labels_from_array(np.array([], dtype=str), "auto", "y")) == 0


@pytest.mark.parametrize("name", [n for n, one in FORMATS.items() if one.text_labels])
def test_writers_refuse_it_too(tmp_path, name):
    path = tmp_path / "a"
    with (
        pytest.raises(ValueError, match="NUL"),
        FORMATS[name].open_writer(path) as writer,
    ):
        writer.write(Rows(X[:2], np.array(["a\0b", "c"])))
    assert not path.exists()


@pytest.mark.parametrize("value", [2**63, 2**64 - 1])
def test_whole_numbers_beyond_int64(value):
    """They became negative."""
    labels = np.array([0, value], dtype=np.uint64)
    with pytest.raises(DataFileError, match=f"y has {value}, which is beyond"):
        labels_from_array(labels, "auto", "y")
    with pytest.raises(DataFileError, match=f"The label has {value}"):
        whole_or_float(labels)
    assert whole_or_float(labels[:1]).dtype == np.int64
    assert whole_or_float(labels[:0]).dtype == np.int64
