"""A job that a backend sent: the very spec and rows of a fit, and what it leaves.

The spec is a file in the channel "sklearn_sagemaker", its hyperparameters are those of
the job, and the rows are in the channel "train": arrays in one file, or files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import REGRESSOR
from sklearn_sagemaker._hyperparameters.container import our_table
from sklearn_sagemaker._state import (
    RowSource,
    TrainingData,
    TrainingSpec,
    WindowedData,
    class_numbers,
)
from sklearn_sagemaker.estimators._row_sources import fits
from sklearn_sagemaker.estimators._validation import canonical
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.datasets.dataset import FileDataset
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.problem_files import read_rows, spec_of
from sklearn_sagemaker.serving.channels import (
    OURS,
    TRAIN,
    VALIDATION,
    Channel,
    files_in,
)
from sklearn_sagemaker.serving.train_job import ESTIMATORS, OWN, parsed

SPEC = "spec.zip"
"""The file of the channel "sklearn_sagemaker" by which such a job is known."""
ROWS = "rows.zip"
"""The file of arrays in the channel "train"."""
SETTINGS = (
    "algorithm",
    "checkpoint_every",
    "hosts_timeout",
    "n_jobs",
    "n_shards",
    "seed",
)
"""Keys of ours beside hyperparameters."""


def stored_spec(
    folder: Path, strings: Mapping[str, str]
) -> tuple[TrainingSpec, dict[str, Any]] | None:
    """What a job trains that a backend sent; None for another job.

    Parameters
    ----------
    folder : Path
        Of the channel "sklearn_sagemaker".
    strings : mapping of str to str
        The hyperparameters of the job, which win over those in the file.

    Returns
    -------
    spec : TrainingSpec
    more : dict
        ``n_features``, and ``source``: what is said of files that the rows are in.

    Raises
    ------
    ValueError
        If a hyperparameter is unknown or out of range.
    """
    path = folder / SPEC
    if not path.is_file():
        return None
    spec, more = spec_of(path.read_bytes(), SPEC)
    table = our_table(spec.algorithm, spec.predictor_type)
    own = {
        name.removeprefix(OWN): parsed(name, text)
        for name, text in strings.items()
        if name.startswith(OWN)
    }
    known = {OWN + name for name in (*table, *SETTINGS)}
    unknown = [
        name for name in strings if name not in known and not name.startswith("_")
    ]
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is no hyperparameter of a job that trains {SPEC}; behind "
            f"{OWN!r} stand {listed(sorted({*table, *SETTINGS}))}."
        )
    values = {**spec.hyperparameters, **{k: own[k] for k in own if k in table}}
    cls = ESTIMATORS[spec.algorithm, spec.predictor_type == REGRESSOR]
    cls(**values)._validate_params()
    seed = own.get("seed", spec.seed)
    if type(seed) is not int or seed < 0:
        raise ValueError(f"{OWN}seed={seed!r} must be a whole number, from 0 on.")
    # The job has the machine; they change no result.
    n_jobs = own.get("n_jobs", -1)
    spec = replace(spec, hyperparameters=values, seed=seed, n_jobs=n_jobs)
    return spec, more


def stored_rows(
    spec: TrainingSpec,
    channels: Mapping[str, Channel],
    source: dict[str, Any] | None,
    read: Callable[[str], RowSource],
) -> TrainingData | WindowedData:
    """The rows of such a job.

    Parameters
    ----------
    spec : TrainingSpec
    channels : mapping of str to Channel
    source : dict or None
        As `stored_spec` found it: None for arrays, and arguments of a `FileDataset`.
        Without a format, the channel says it: nobody has looked at those rows.
    read : callable
        Opens a channel as another job's.

    Raises
    ------
    DataFileError
        If the channel lacks them.
    ValueError
        If they are not what the spec trains on.
    """
    folder = channels[TRAIN].folder
    data: TrainingData | WindowedData
    if source is None:
        data = read_rows(_one(folder / ROWS))
    elif "format" in source:
        paths = [str(path) for path in files_in(folder)]
        if not paths:
            raise DataFileError(f"The channel {TRAIN!r} has no file with rows.")
        data = WindowedData(FileDataset(paths, **source).snapshot())
    else:
        rows = read(TRAIN).snapshot()
        data = WindowedData(rows)
        if fits(rows):
            data = TrainingData(*_encoded(spec, rows, TRAIN))
        else:
            check_known_labels(spec, rows.contents.labels, TRAIN)
    given = channels[OURS].folder / ROWS
    if given.is_file():
        held = read_rows(given)
        return _validated(data, held.X, held.y, held.sample_weight)
    if VALIDATION in channels:
        return _validated(data, *_encoded(spec, read(VALIDATION), VALIDATION))
    return data


def _validated(data: Any, X: Any, y: np.ndarray, weights: np.ndarray) -> Any:
    return replace(data, X_val=X, y_val=y, sample_weight_val=weights)


def check_known_labels(
    spec: TrainingSpec, labels: np.ndarray | None, channel: str
) -> None:
    """Refuse labels of a channel that are none of the classes.

    Parameters
    ----------
    spec : TrainingSpec
    labels : ndarray or None
        None if they are too many for classes.
    channel : str
    """
    if spec.classes is None:
        return
    if labels is None or not np.isin(labels, spec.classes).all():
        raise _other_labels(spec, channel)


def _encoded(
    spec: TrainingSpec, source: RowSource, channel: str
) -> tuple[Any, np.ndarray, np.ndarray]:
    return encoded_rows_of(spec, source.load(), channel)


def encoded_rows_of(
    spec: TrainingSpec, rows: tuple[Any, np.ndarray, np.ndarray | None], channel: str
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Rows of files, their labels as the training has them, and weights.

    Parameters
    ----------
    spec : TrainingSpec
    rows : (X, y, sample_weight)
    channel : str
    """
    X, y, weights = rows
    weights = np.ones(len(y)) if weights is None else weights
    if spec.classes is None:
        return canonical(X), y.astype(np.float64), weights
    numbers, known = class_numbers(y, spec.classes)
    if not known[weights > 0].all():
        raise _other_labels(spec, channel)
    return canonical(X), numbers.astype(np.float64), weights


def _other_labels(spec: TrainingSpec, channel: str) -> ValueError:
    assert spec.classes is not None
    return ValueError(
        f"The channel {channel!r} has labels that are none of the classes "
        f"{spec.classes[:10].tolist()!r}, which S3Data was told; pass all of them."
    )


def _one(path: Path) -> Path:
    if not path.is_file():
        raise DataFileError(
            f"The channel {path.parent.name!r} has no {path.name}, which the backend "
            "writes; was it removed from the bucket?"
        )
    return path
