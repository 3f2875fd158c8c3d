"""A training problem as a job of SageMaker's own image: what it can be told, and rows.

It reads float32 records without weights, and selects on a channel of rows held out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR, warn_user
from sklearn_sagemaker._hyperparameters.container import LINEAR
from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import (
    RowSource,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.backends.container import container_values
from sklearn_sagemaker.backends.sagemaker_body import (
    FOLDER,
    SPEC,
    TEST,
    TRAIN,
    VALIDATION,
    Content,
    Upload,
    elsewhere,
)
from sklearn_sagemaker.backends.sagemaker_records import (
    RECORDIO,
    check_float32,
    records,
    sharded,
)
from sklearn_sagemaker.exceptions import BuiltInImageWarning
from sklearn_sagemaker.io.problem_files import encoded_spec
from sklearn_sagemaker.training.selection.validation import HELD_OUT, plan_validation

ROWS_UNSAID = 10_000
"""Rows in S3 where nobody says how many there are."""


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
    uploads: list[Upload] = []
    if isinstance(data, TrainingData):
        train, held = _parts(spec, data)
        present = train if held is None else np.concatenate([train, held])
        weights = data.sample_weight[present]
        weighted = bool((weights != weights[0]).any())
        told = _class_weights(spec, data.y[present])
        n_rows, n_features = len(train), data.X.shape[1]
    else:
        told, held, weighted = _of_s3(spec, data.source, shards), None, False
        n_rows = data.source.contents.n_rows or ROWS_UNSAID
        n_features = data.source.contents.n_features
    values = container_values(
        told,
        n_rows=n_rows,
        n_features=n_features,
        weighted=weighted or _weighs_validation(data),
        validated=data.X_val is not None,
    )
    if values.inexpressible:
        reasons = "; ".join(map(str, values.inexpressible))
        raise ValueError(
            f"The built-in image of {spec.algorithm} cannot train this: {reasons}. Set "
            "image='sklearn-sagemaker' of the backend: this package's own image can."
        )
    check_float32(data)
    if isinstance(data, TrainingData):
        uploads, channel = records(root, TRAIN, data.X, data.y, train, shards)
    else:
        channel = elsewhere(TRAIN, data.source, **sharded(shards))
    channels = [channel]
    if isinstance(data.X_val, RowSource):
        _check_s3(spec, data.X_val)
        channels.append(elsewhere(VALIDATION, data.X_val))
    elif data.X_val is not None:
        assert data.y_val is not None
        assert data.sample_weight_val is not None
        rows = np.flatnonzero(data.sample_weight_val > 0)
        more, channel = records(root, VALIDATION, data.X_val, data.y_val, rows, 1)
        uploads, channels = [*uploads, *more], [*channels, channel]
    elif held is not None:
        assert isinstance(data, TrainingData)
        name = VALIDATION if spec.algorithm == LINEAR else TEST
        more, channel = records(root, name, data.X, data.y, held, 1)
        uploads, channels = [*uploads, *more], [*channels, channel]
    about = encoded_spec(spec, n_features=n_features, built_in=True)
    uploads.append(Upload(f"{job}/{FOLDER}/{SPEC}", lambda: [about], shared=False))
    _warn_unselected(spec, data, held is not None)
    strings = _within(values.strings, n_rows, shards)
    return Content(strings, channels, uploads, built_in=True)


def _of_s3(spec: TrainingSpec, source: RowSource, shards: int) -> TrainingSpec:
    """A spec of rows that nobody has looked at, if the image reads them."""
    if not source.remote:
        raise ValueError(
            "Rows of files that are larger than memory have weights, labels and types "
            "that the built-in image may not read; set image='sklearn-sagemaker', or "
            "pass a sklearn_sagemaker.io.S3Data of files that it does."
        )
    _check_s3(spec, source)
    return _class_weights(spec, None)


def _check_s3(spec: TrainingSpec, source: Any) -> None:
    known = [RECORDIO] + (["text/csv"] if spec.algorithm == LINEAR else [])
    media_type = source.content_type.partition(";")[0].strip()
    if media_type not in known:
        raise ValueError(
            f"content_type={source.content_type!r} of {source!r} is not read by the "
            f"built-in image of {spec.algorithm}, which takes {' or '.join(known)}; "
            "set image='sklearn-sagemaker'."
        )
    classes = spec.classes
    if classes is not None and not np.array_equal(classes, np.arange(len(classes))):
        raise ValueError(
            f"classes={classes[:10].tolist()!r} of {source!r}: the built-in image "
            f"reads the labels 0 to {len(classes) - 1}; write those into the files, or "
            "set image='sklearn-sagemaker'."
        )


def _warn_unselected(spec: TrainingSpec, data: Any, held: bool) -> None:
    """Say where no rows select what the estimator would have selected."""
    if spec.cv is False:
        return
    if spec.algorithm != LINEAR:
        where = f"the rows held out are in the channel {TEST!r}, and are measured only"
        if not held:
            where = "it trains all epochs on all rows"
        warn_user(
            f"The built-in Factorization Machines select nothing: {where}. Set "
            "cv=False to train on all rows, or image='sklearn-sagemaker'.",
            BuiltInImageWarning,
        )
    elif isinstance(data, WindowedData) and data.X_val is None:
        warn_user(
            "No rows are held out of those in S3, so the built-in image selects by its "
            "training rows; pass X_val, or set image='sklearn-sagemaker'.",
            BuiltInImageWarning,
        )


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


def _weighs_validation(data: TrainingData | WindowedData) -> bool:
    found = data.sample_weight_val
    if found is None:
        return False
    present = found[found > 0]
    return bool((present != present[0]).any())


def _class_weights(spec: TrainingSpec, y: np.ndarray | None) -> TrainingSpec:
    """A spec with class weights as the image's hyperparameters, if it has such."""
    weights, values = spec.class_weight, spec.hyperparameters
    if weights is None or spec.algorithm != LINEAR:
        return spec
    if spec.predictor_type == BINARY:
        if values["positive_example_weight_mult"] != 1.0:
            return spec
        given = {"positive_example_weight_mult": float(weights[1] / weights[0])}
    elif y is None:
        return spec
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
