"""What a fitted model knows of its training; not every model knows all of it."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker.exceptions import TrainingUnknownError


def why_unknown(model: Any, what: str) -> str:
    """Why a fitted model does not know something of its training.

    Parameters
    ----------
    model : fitted estimator
    what : str
        Such as "candidates".
    """
    job = getattr(model, "training_job_", None)
    if job is not None:
        return (
            f"The model was trained by SageMaker's job {job['name']!r}, whose image "
            f"tells of no {what}"
        )
    if hasattr(model, "artifact_source_"):
        return f"The model was read from an artifact, which holds no {what}"
    return f"The model holds no {what}"


def told(model: Any, attribute: str, what: str) -> Any:
    """A fitted attribute that describes the training.

    Parameters
    ----------
    model : fitted estimator
    attribute : str
        Such as "candidates_".
    what : str
        How messages call it.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    TrainingUnknownError
        If the model does not know it.
    """
    check_is_fitted(model)
    found = getattr(model, attribute, None)
    if found is None:
        raise TrainingUnknownError(
            f"{why_unknown(model, what)}; call fit here to have some, or load the "
            "estimator itself, by joblib or skops."
        )
    return found
