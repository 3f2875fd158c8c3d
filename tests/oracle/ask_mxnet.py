"""Run by the oracle's own Python: what MXNet makes of our files, and its own files.

Usage: python ask_mxnet.py FOLDER

FOLDER holds ``cases.json``: artifacts with rows to predict, and lists of arrays.
Answers go to ``FOLDER/answers``. Only the standard library and MXNet open our files.
"""

import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path


def rows_of(case, folder, mx):
    """Rows as MXNet takes them: dense, or CSR for the sparse graph."""
    import numpy as np

    X = np.load(folder / case["rows"])
    dense = mx.nd.array(X, dtype="float32")
    return dense.tostype("csr") if case["sparse"] else dense


def predict(case, folder, mx):
    """The recipe of the developer guide and of the AWS blog."""
    home = folder / "unpacked" / case["name"]
    home.mkdir(parents=True)
    with tarfile.open(folder / case["artifact"]) as archive:
        archive.extractall(home)
    with zipfile.ZipFile(home / "model_algo-1") as archive:
        archive.extractall(home)
    os.chdir(home)
    if case["linear"]:
        module = mx.mod.Module.load("mx-mod", 0)
    else:
        os.rename("symbol.json", "model-symbol.json")
        os.rename("params", "model-0000.params")
        module = mx.mod.Module.load("model", 0, False, label_names=["out_label"])
    rows = rows_of(case, folder, mx)
    module.bind(data_shapes=[("data", rows.shape)], for_training=False)
    if case["sparse"]:
        module.forward(mx.io.DataBatch([rows]), is_train=False)
        return module.get_outputs()[0].asnumpy()
    return module.predict(mx.io.NDArrayIter(rows, batch_size=len(rows))).asnumpy()


def predict_with_gluon(case, folder, mx):
    """The recipe of public loaders of Linear Learner, after `predict`."""
    os.chdir(folder / "unpacked" / case["name"])
    symbol = mx.sym.load("mx-mod-symbol.json")
    block = mx.gluon.SymbolBlock(outputs=symbol, inputs=mx.sym.var("data"))
    block.load_parameters("mx-mod-0000.params", allow_missing=True)
    block.initialize()
    return block(rows_of(case, folder, mx)).asnumpy()


def describe(array):
    """Storage type, dtype and values of an array that MXNet loaded."""
    import numpy as np

    values = array.asnumpy()
    return array.stype, str(np.dtype(array.dtype)), values


def read_list(path, numpy_shapes, mx):
    """What MXNet reads of a list that we wrote."""
    with mx.util.np_shape(numpy_shapes):
        return {name: describe(array) for name, array in mx.nd.load(str(path)).items()}


def write_lists(folder, mx):
    """Lists that MXNet writes, and their values."""
    import numpy as np

    rng = np.random.RandomState(0)
    values = {}
    arrays = {}
    for dtype in "float32 float64 float16 uint8 int32 int8 int64".split():
        whole = (rng.uniform(0, 9, size=(5, 3)) * (rng.rand(5, 3) < 0.5)).astype(dtype)
        whole[2] = 0
        for stype in ("default", "row_sparse", "csr"):
            name = f"{dtype}-{stype}"
            made = mx.nd.array(whole, dtype=dtype)
            if stype != "default" and dtype in ("uint8", "int8", "float16"):
                # MXNet converts no storage of these types, but stores them.
                made = _sparse_by_hand(whole, stype, mx)
            elif stype != "default":
                made = made.tostype(stype)
            arrays[name], values[name] = made, whole
    arrays["no-rows"] = mx.nd.sparse.zeros("row_sparse", (4, 2))
    values["no-rows"] = np.zeros((4, 2), "float32")
    arrays["bool-default"] = mx.nd.array(whole, dtype="float32").astype("bool")
    values["bool-default"] = whole != 0
    mx.nd.save(str(folder / "v2.params"), arrays)
    mx.nd.save(str(folder / "v2-unnamed.params"), list(arrays.values()))
    np.savez(folder / "v2.npz", **values)
    with mx.util.np_shape(True), mx.util.np_array(True):
        modern = {
            "scalar": mx.np.array(2.5),
            "empty": mx.np.zeros((0, 3)),
            "matrix": mx.np.arange(6).reshape(2, 3),
            "bool": mx.np.array([True, False]),
        }
        mx.npx.save(str(folder / "v3.params"), modern)
        np.savez(folder / "v3.npz", **{k: v.asnumpy() for k, v in modern.items()})


def _sparse_by_hand(whole, stype, mx):
    import numpy as np

    if stype == "row_sparse":
        rows = np.flatnonzero(whole.any(axis=1))
        return mx.nd.sparse.row_sparse_array(
            (whole[rows], rows), shape=whole.shape, dtype=whole.dtype
        )
    indptr = np.r_[0, np.count_nonzero(whole, axis=1).cumsum()]
    return mx.nd.sparse.csr_matrix(
        (whole[whole != 0], np.nonzero(whole)[1], indptr),
        shape=whole.shape,
        dtype=whole.dtype,
    )


def main(folder):
    import mxnet as mx
    import numpy as np

    folder = Path(folder).resolve()
    cases = json.loads((folder / "cases.json").read_text())
    answers = folder / "answers"
    answers.mkdir()
    predictions = {}
    for case in cases["artifacts"]:
        predictions[case["name"]] = predict(case, folder, mx)
        if case["linear"]:
            predictions[case["name"] + "-gluon"] = predict_with_gluon(case, folder, mx)
    np.savez(answers / "predictions.npz", **predictions)
    found, values = {}, {}
    for name, numpy_shapes in cases["lists"].items():
        for key, (stype, dtype, array) in read_list(
            folder / name, numpy_shapes, mx
        ).items():
            found[f"{name}/{key}"] = [stype, dtype]
            values[f"{name}/{key}"] = array
    (answers / "lists.json").write_text(json.dumps(found))
    np.savez(answers / "lists.npz", **values)
    write_lists(answers, mx)


if __name__ == "__main__":
    main(sys.argv[1])
