"""A training problem as a job of SageMaker's own image: what it can be told, and rows.

It reads float32 records without weights, and selects on a channel of rows held out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR, warn_user
from sklearn_sagemaker._hyperparameters.container import LINEAR
from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import TrainingData, TrainingSpec, WindowedData
from sklearn_sagemaker.backends.container import container_values
from sklearn_sagemaker.backends.sagemaker_body import (
    FOLDER,
    SPEC,
    TEST,
    TRAIN,
    VALIDATION,
    Content,
    Upload,
    channel,
)
from sklearn_sagemaker.exceptions import BuiltInImageWarning
from sklearn_sagemaker.io.plain_values import digest_of
from sklearn_sagemaker.io.problem_files import encoded_spec
from sklearn_sagemaker.io.recordio.writing import (
    RecordIOWriter,
    shard_bounds,
    shard_names,
)
from sklearn_sagemaker.io.rows import Rows
from sklearn_sagemaker.training.selection.validation import HELD_OUT, plan_validation

RECORDIO = "application/x-recordio-protobuf"
LAYOUT = 1
"""Of the objects that rows are written to; raised when it changes."""
VALUES = 1 << 20
"""Values that are cast and encoded at a time."""
CHANGE = 1e-6
"""Of a value, by which float32 may change it without a word."""


def content_of_built_in(
    spec: TrainingSpec,
    data: TrainingData | WindowedData,
    root: str,
    job: str,
    shards: int,
) -> Content:
    """What a job of the built-in image is told and given.

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData or WindowedData
    root : str
        URI below which rows are kept.
    job : str
        URI of the job's own output.
    shards : int
        Instances, each of which reads its own part of the rows.

    Returns
    -------
    content : Content

    Raises
    ------
    ValueError
        If the image cannot train it; the message names all reasons.
    """
    if isinstance(data, WindowedData):
        raise ValueError(
            "Rows of files that are larger than memory have weights, labels and types "
            "that the built-in image may not read; set image='sklearn-sagemaker', or "
            "pass a sklearn_sagemaker.io.S3Data of files that it does."
        )
    train, held = _parts(spec, data)
    present = train if held is None else np.concatenate([train, held])
    weights = data.sample_weight[present]
    spec_there = _class_weights(spec, data.y[present])
    n_features = data.X.shape[1]
    values = container_values(
        spec_there,
        n_rows=len(train),
        n_features=n_features,
        weighted=bool((weights != weights[0]).any()) or _weighs_validation(data),
        validated=data.X_val is not None,
    )
    if values.inexpressible:
        reasons = "; ".join(map(str, values.inexpressible))
        raise ValueError(
            f"The built-in image of {spec.algorithm} cannot train this: {reasons}. Set "
            "image='sklearn-sagemaker' of the backend: this package's own image can."
        )
    strings = _within(values.strings, len(train), shards)
    parts = [(TRAIN, data.X, data.y, train, shards)]
    if data.X_val is not None:
        assert data.y_val is not None
        assert data.sample_weight_val is not None
        rows = np.flatnonzero(data.sample_weight_val > 0)
        parts.append((VALIDATION, data.X_val, data.y_val, rows, 1))
    elif held is not None:
        name = VALIDATION if spec.algorithm == LINEAR else TEST
        parts.append((name, data.X, data.y, held, 1))
    _check_float32(data)
    uploads, channels = [], []
    for name, X, y, rows, n_files in parts:
        written, said = _records(root, name, X, y, rows, n_files)
        uploads += written
        channels.append(said)
    more = {"n_features": n_features, "built_in": True}
    about = encoded_spec(spec, **more)
    uploads.append(Upload(f"{job}/{FOLDER}/{SPEC}", lambda: [about], shared=False))
    if spec.algorithm != LINEAR and spec.cv is not False:
        warn_user(
            "The built-in Factorization Machines select nothing: the rows held out "
            f"are in the channel {TEST!r}, and are measured only. Set cv=False to "
            "train on all rows, or image='sklearn-sagemaker'.",
            BuiltInImageWarning,
        )
    return Content(strings, channels, uploads, built_in=True)


def _parts(
    spec: TrainingSpec, data: TrainingData
) -> tuple[np.ndarray, np.ndarray | None]:
    """Numbers of the rows that train, and of those that are held out."""
    rows = np.flatnonzero(data.sample_weight > 0).astype(np.int64)
    if data.X_val is not None or not isinstance(spec.cv, str):
        return rows, None
    share = spec.validation_fraction
    plan = plan_validation(
        RowReader(data.X),
        data.y,
        data.sample_weight,
        rows,
        None,
        cv=spec.cv,
        validation_fraction=HELD_OUT if share == "auto" else share,
        stratify=spec.predictor_type != REGRESSOR,
        work=0,
        seed=spec.seed,
    )
    if plan.kind != "hold-out":
        return rows, None
    return plan.train_rows, plan.parts[0][1]


def _weighs_validation(data: TrainingData) -> bool:
    found = data.sample_weight_val
    if found is None:
        return False
    present = found[found > 0]
    return bool((present != present[0]).any())


def _class_weights(spec: TrainingSpec, y: np.ndarray) -> TrainingSpec:
    """A spec with class weights as the image's hyperparameters, if it has such."""
    weights, values = spec.class_weight, spec.hyperparameters
    if weights is None or spec.algorithm != LINEAR:
        return spec
    if spec.predictor_type == BINARY:
        if values["positive_example_weight_mult"] != 1.0:
            return spec
        given = {"positive_example_weight_mult": float(weights[1] / weights[0])}
    else:
        balanced = 1.0 / np.bincount(y.astype(int), minlength=spec.n_classes)
        alike = np.allclose(weights / weights[0], balanced / balanced[0], rtol=1e-6)
        if spec.predictor_type != MULTICLASS or not alike:
            return spec
        given = {"balance_multiclass_weights": True}
    return replace(spec, class_weight=None, hyperparameters={**values, **given})


def _within(strings: dict[str, str], n_rows: int, shards: int) -> dict[str, str]:
    """Mini-batches are never larger than the rows of an instance, which would fail."""
    most = max(1, n_rows // shards)
    if int(strings["mini_batch_size"]) <= most:
        return strings
    return {**strings, "mini_batch_size": str(most)}


def _check_float32(data: TrainingData) -> None:
    """Refuse what float32 cannot hold; warn once of what it changes."""
    changed = False
    arrays = [data.X, data.y, data.X_val, data.y_val]
    for values in (one.data if sp.issparse(one) else one for one in arrays):
        if values is None or values.dtype.itemsize <= 4:
            continue
        step = max(1, VALUES // max(1, values[:1].size))
        for start in range(0, len(values), step):
            part = values[start : start + step].astype(np.float64)
            with np.errstate(over="ignore"):
                there = part.astype(np.float32)
            if not np.isfinite(there).all():
                raise ValueError(
                    f"A value beyond {np.finfo(np.float32).max:.3g} is too large for "
                    "the built-in image, which reads float32; scale it, or set "
                    "image='sklearn-sagemaker'."
                )
            changed |= bool((np.abs(there - part) > CHANGE * np.abs(part)).any())
    if changed:
        warn_user(
            "The built-in image reads float32, which changes some values by more than "
            f"{CHANGE:g} of them; scale them, or set image='sklearn-sagemaker'.",
            BuiltInImageWarning,
        )


def _records(
    root: str, name: str, X: Any, y: np.ndarray, rows: np.ndarray, shards: int
) -> tuple[list[Upload], dict[str, Any]]:
    """Rows as files of records, and the channel that has them."""
    digest = digest_of(
        {"layout": LAYOUT, "X": X, "y": y, "rows": rows, "shards": shards}
    )
    folder = f"{root}/data/{digest}/"
    uploads = [
        Upload(
            folder + file,
            partial(_encoded, X, y, rows[start:stop]),
        )
        for file, (start, stop) in zip(
            shard_names("matrix.pbr", shards),
            shard_bounds(len(rows), shards),
            strict=True,
        )
    ]
    more = {"S3DataDistributionType": "ShardedByS3Key"} if shards > 1 else {}
    return uploads, channel(name, folder, RECORDIO, **more)


def _encoded(X: Any, y: np.ndarray, rows: np.ndarray) -> Iterator[bytes]:
    """Some rows as records, piece by piece."""
    pieces: list[bytes] = []

    class Sink:
        def write(self, piece: Any) -> int:
            pieces.append(bytes(piece))
            return len(piece)

    per_row = X.shape[1]
    if sp.issparse(X):
        per_row = max(1, X.nnz // max(1, X.shape[0]))
    step = max(1, VALUES // per_row)
    with RecordIOWriter(Sink()) as writer:  # type: ignore[arg-type]
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            writer.write(Rows(X[part], y[part]))
            yield from pieces
            pieces.clear()
    yield from pieces
