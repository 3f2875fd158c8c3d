"""The model that a server answers with."""

from __future__ import annotations

import os
from typing import Any

from sklearn_sagemaker.estimators._artifact_loading import load_artifact
from sklearn_sagemaker.exceptions import ArtifactError, DataFileError, ModelFormatError


def load_model(
    source: str | os.PathLike[str], predictor_type: str | None = None
) -> Any:
    """Read a model artifact, in which nothing is run.

    Parameters
    ----------
    source : str or path-like
        ``model.tar.gz``, the ``model_algo-1`` in it, or a folder that has one of both.
    predictor_type : str or None, default=None
        As for `load_artifact`.

    Returns
    -------
    estimator : fitted estimator
        It predicts in the thread that calls it: a server has threads of its own.

    Raises
    ------
    DataFileError
        If there is none, or it cannot be read.
    """
    try:
        estimator = load_artifact(source, predictor_type=predictor_type)
    except (ArtifactError, ModelFormatError) as error:
        raise DataFileError(f"{os.fspath(source)}: {error}") from error
    except OSError as error:
        raise DataFileError(
            f"{os.fspath(source)}: {error.strerror or error}; name a model.tar.gz, or "
            "a folder with one."
        ) from error
    return estimator.set_params(n_jobs=1)
