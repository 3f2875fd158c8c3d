"""A job that a backend sent: the very spec and rows of a fit, and what it leaves.

The spec is a file in the channel "sklearn_sagemaker", its hyperparameters are those of
the job, and the rows are in the channel "train": arrays in one file, or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import REGRESSOR
from sklearn_sagemaker._hyperparameters.container import our_table
from sklearn_sagemaker._state import TrainingData, TrainingSpec, WindowedData
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.datasets.dataset import FileDataset
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.problem_files import read_rows, spec_of
from sklearn_sagemaker.serving.channels import OURS, TRAIN, Channel, files_in
from sklearn_sagemaker.serving.train_job import ESTIMATORS, OWN, parsed

SPEC = "spec.zip"
"""The file of the channel "sklearn_sagemaker" by which such a job is known."""
ROWS = "rows.zip"
"""The file of arrays in the channel "train"."""
SETTINGS = ("algorithm", "checkpoint_every", "n_jobs", "seed")
"""Keys of ours beside hyperparameters."""


def stored_spec(
    folder: Path, strings: Mapping[str, str]
) -> tuple[TrainingSpec, dict[str, Any] | None] | None:
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
    source : dict or None
        What is said of files that the rows are in.

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
    return spec, more.get("source")


def stored_rows(
    channels: Mapping[str, Channel], source: dict[str, Any] | None
) -> TrainingData | WindowedData:
    """The rows of such a job.

    Parameters
    ----------
    channels : mapping of str to Channel
    source : dict or None
        As `stored_spec` found it.

    Raises
    ------
    DataFileError
        If the channel lacks them.
    """
    folder = channels[TRAIN].folder
    if source is None:
        return read_rows(_one(folder / ROWS))
    paths = [str(path) for path in files_in(folder)]
    if not paths:
        raise DataFileError(f"The channel {TRAIN!r} has no file with rows.")
    data = FileDataset(paths, **source).snapshot()
    given = channels[OURS].folder / ROWS
    if not given.is_file():
        return WindowedData(data)
    held = read_rows(given)
    return WindowedData(data, held.X, held.y, held.sample_weight)


def _one(path: Path) -> Path:
    if not path.is_file():
        raise DataFileError(
            f"The channel {path.parent.name!r} has no {path.name}, which the backend "
            "writes; was it removed from the bucket?"
        )
    return path


def is_sparse(data: TrainingData | WindowedData) -> bool:
    """Whether the rows are sparse, for the graph of the artifact."""
    if isinstance(data, WindowedData):
        return data.source.contents.sparse
    return not isinstance(data.X, np.ndarray)
