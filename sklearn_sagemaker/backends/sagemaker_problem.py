"""A training problem as a job of this package's image: the same spec, the same bits."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from sklearn_sagemaker._state import (
    RowSource,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.backends.dask import UNSHARDED
from sklearn_sagemaker.backends.sagemaker_body import (
    FOLDER,
    KEY,
    OURS,
    ROWS,
    SPEC,
    TRAIN,
    VALIDATION,
    Content,
    Upload,
    channel,
    elsewhere,
)
from sklearn_sagemaker.backends.sagemaker_records import sharded
from sklearn_sagemaker.io.problem_files import encoded_rows, encoded_spec, rows_digest
from sklearn_sagemaker.training.shards.shard import rows_of_shards

CHUNK = 1 << 22


def content_of_problem(
    spec: TrainingSpec,
    data: TrainingData | WindowedData,
    root: str,
    job: str,
    instances: int = 1,
    n_shards: int = 8,
) -> Content:
    """What a job of our image is told and given.

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData or WindowedData
    root : str
        URI below which rows are kept.
    job : str
        URI of the job's own output.
    instances : int, default=1
        Several train the rows in shards.
    n_shards : int, default=8
        How many, then.

    Returns
    -------
    content : Content

    Raises
    ------
    TypeError
        If the rows are of a source that a job cannot find.
    ValueError
        If several instances cannot train them.
    """
    if instances > 1:
        _check_several(spec, data, instances)
    strings = {
        f"{KEY}{name}": json.dumps(value)
        for name, value in spec.hyperparameters.items()
    }
    strings[f"{KEY}algorithm"] = json.dumps(spec.algorithm)
    strings[f"{KEY}seed"] = json.dumps(spec.seed)
    if instances > 1:
        strings[f"{KEY}n_shards"] = json.dumps(n_shards)
    folder = f"{job}/{FOLDER}"
    channels = []
    shared = sharded(instances)
    if isinstance(data.X_val, RowSource):
        channels.append(elsewhere(VALIDATION, data.X_val))
        data = replace(data, X_val=None)
    source: dict[str, Any] | None = None
    if isinstance(data, TrainingData):
        n_features = data.X.shape[1]
        if instances == 1:
            uri = f"{root}/data/{rows_digest(data)}/{ROWS}"
            uploads = [Upload(uri, partial(encoded_rows, data))]
        else:
            alone = TrainingData(data.X, data.y, data.sample_weight)
            uri = f"{root}/data/{rows_digest(alone)}/{n_shards}-shards-{spec.seed}/"
            uploads = _shards(data, uri, n_shards, spec.seed)
        train = channel(TRAIN, uri, **shared)
    else:
        n_features = data.source.contents.n_features
        if data.source.remote:
            source, uploads = {"memory": data.source.memory}, []
            train = elsewhere(TRAIN, data.source, **shared)
        else:
            source = data.source.description()
            uri, uploads = _files(source.pop("paths"), root)
            # Pieces of few files are in every shard, so all instances need them.
            apart = len(uploads) >= n_shards
            train = channel(TRAIN, uri, **(shared if apart else {}))
    beside = instances > 1 or isinstance(data, WindowedData)
    if beside and data.X_val is not None:
        assert data.y_val is not None
        assert data.sample_weight_val is not None
        held = TrainingData(data.X_val, data.y_val, data.sample_weight_val)
        rows = partial(encoded_rows, held)
        uploads.append(Upload(f"{folder}/{ROWS}", rows, shared=False))
    about = encoded_spec(spec, source=source, n_features=n_features)
    uploads.append(Upload(f"{folder}/{SPEC}", lambda: [about], shared=False))
    return Content(strings, [train, channel(OURS, f"{folder}/"), *channels], uploads)


def _check_several(
    spec: TrainingSpec, data: TrainingData | WindowedData, instances: int
) -> None:
    """Refuse what takes all rows in one place."""
    remedy = f"instance_count={instances} trains them in shards"
    solver = spec.hyperparameters.get("solver")
    if solver in UNSHARDED:
        raise ValueError(
            f"solver={solver!r} needs all rows at once, and {remedy}; set "
            "solver='gradient', or instance_count=1."
        )
    if isinstance(spec.cv, tuple):
        raise ValueError(
            f"cv asks for folds, which need all rows in one place, and {remedy}; use "
            "cv='auto' with validation_fraction for a hold-out, cv=False for none, or "
            "pass X_val; or set instance_count=1."
        )
    for source in (getattr(data, "source", None), data.X_val):
        if getattr(source, "input_mode", "File") == "Pipe":
            raise ValueError(
                f"{source!r} has input_mode='Pipe', which {instances} instances "
                "cannot share; set 'File' or 'FastFile', or instance_count=1."
            )


def _shards(data: TrainingData, folder: str, count: int, seed: int) -> list[Upload]:
    """The rows of each shard, as `DaskBackend` deals them, as a file."""
    dealt = rows_of_shards(len(data.y), count, seed)
    return [
        Upload(f"{folder}{number:06d}-{ROWS}", partial(_shard, data, rows))
        for number, rows in enumerate(dealt)
    ]


def _shard(data: TrainingData, rows: Any) -> Iterator[bytes | memoryview]:
    part = TrainingData(data.X[rows], data.y[rows], data.sample_weight[rows])
    return encoded_rows(part)


def _files(paths: list[str], root: str) -> tuple[str, list[Upload]]:
    """Where files of rows go as they are, in their order; and the files."""
    found = hashlib.sha256()
    names = []
    for number, path in enumerate(paths):
        names.append(f"{number:06d}-{os.path.basename(path)}")
        found.update(names[-1].encode() + b"\0")
        with open(path, "rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    folder = f"{root}/data/{found.hexdigest()}/"
    uploads = [
        Upload(f"{folder}{name}", partial(_pieces, path))
        for name, path in zip(names, paths, strict=True)
    ]
    return folder, uploads


def _pieces(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            yield piece
