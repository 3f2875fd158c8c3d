"""The model that a server answers with."""

from __future__ import annotations

import os

from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.artifacts.reading import state_of_artifact
from sklearn_sagemaker.exceptions import ArtifactError, DataFileError, ModelFormatError
from sklearn_sagemaker.io.artifacts.files import read_artifact


def load_model(
    source: str | os.PathLike[str], predictor_type: str | None = None
) -> ModelState:
    """Read a model artifact, in which nothing is run.

    Parameters
    ----------
    source : str or path-like
        ``model.tar.gz``, the ``model_algo-1`` in it, or a folder that has one of both.
    predictor_type : str or None, default=None
        As for `load_artifact`.

    Returns
    -------
    state : ModelState

    Raises
    ------
    DataFileError
        If there is none, or it cannot be read.
    """
    try:
        artifact = read_artifact(source)
        return state_of_artifact(artifact, predictor_type=predictor_type)
    except (ArtifactError, ModelFormatError) as error:
        raise DataFileError(f"{os.fspath(source)}: {error}") from error
    except OSError as error:
        raise DataFileError(
            f"{os.fspath(source)}: {error.strerror or error}; name a model.tar.gz, or "
            "a folder with one."
        ) from error
