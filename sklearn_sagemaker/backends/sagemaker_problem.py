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
from sklearn_sagemaker.io.problem_files import encoded_rows, encoded_spec, rows_digest

CHUNK = 1 << 22


def content_of_problem(
    spec: TrainingSpec, data: TrainingData | WindowedData, root: str, job: str
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

    Returns
    -------
    content : Content

    Raises
    ------
    TypeError
        If the rows are of a source that a job cannot find.
    """
    strings = {
        f"{KEY}{name}": json.dumps(value)
        for name, value in spec.hyperparameters.items()
    }
    strings[f"{KEY}algorithm"] = json.dumps(spec.algorithm)
    strings[f"{KEY}seed"] = json.dumps(spec.seed)
    folder = f"{job}/{FOLDER}"
    channels = []
    if isinstance(data.X_val, RowSource):
        channels.append(elsewhere(VALIDATION, data.X_val))
        data = replace(data, X_val=None)
    source: dict[str, Any] | None = None
    if isinstance(data, TrainingData):
        n_features = data.X.shape[1]
        uri = f"{root}/data/{rows_digest(data)}/{ROWS}"
        uploads = [Upload(uri, partial(encoded_rows, data))]
        train = channel(TRAIN, uri)
    else:
        n_features = data.source.contents.n_features
        if data.source.remote:
            source, uploads = {"memory": data.source.memory}, []
            train = elsewhere(TRAIN, data.source)
        else:
            source = data.source.description()
            uri, uploads = _files(source.pop("paths"), root)
            train = channel(TRAIN, uri)
        if data.X_val is not None:
            assert data.y_val is not None
            assert data.sample_weight_val is not None
            held = TrainingData(data.X_val, data.y_val, data.sample_weight_val)
            rows = partial(encoded_rows, held)
            uploads.append(Upload(f"{folder}/{ROWS}", rows, shared=False))
    about = encoded_spec(spec, source=source, n_features=n_features)
    uploads.append(Upload(f"{folder}/{SPEC}", lambda: [about], shared=False))
    return Content(strings, [train, channel(OURS, f"{folder}/"), *channels], uploads)


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
