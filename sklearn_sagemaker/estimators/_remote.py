"""What estimators do in SageMaker beside fitting; they know the backend only."""

from __future__ import annotations

import copy
from typing import Any

from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker._hyperparameters import REGRESSOR
from sklearn_sagemaker.backends import SageMakerBackend, resolve_backend
from sklearn_sagemaker.estimators._attributes import set_pending


def in_cloud(backend: Any) -> SageMakerBackend:
    """The backend that a value stands for, if it is one of SageMaker.

    Raises
    ------
    TypeError
        If it is another.
    """
    found = resolve_backend("sagemaker" if backend is None else backend)
    if not isinstance(found, SageMakerBackend):
        raise TypeError(
            f"backend={type(found).__name__} does not train in SageMaker; pass "
            "backend='sagemaker', or a sklearn_sagemaker.backends.SageMakerBackend."
        )
    return found


def attach(cls: Any, job: str, backend: Any) -> Any:
    """The estimator of a training job."""
    cloud = in_cloud(backend)
    training = cloud.training(job)
    found = training.trained()
    right = found.algorithm, found.predictor_type == REGRESSOR
    if right != (cls._algorithm, is_regressor(cls())):
        name = "".join(part.capitalize() for part in found.algorithm.split("-"))
        name += "Regressor" if right[1] else "Classifier"
        raise ValueError(
            f"The training job {job!r} is of {name}, and not of {cls.__name__}; call "
            f"{name}.attach({job!r})."
        )
    make = cls if found.ours else cls.sagemaker_defaults
    estimator = make(**found.arguments, backend=cloud)
    set_pending(estimator, training)
    return estimator.wait_for_training() if cloud.wait else estimator


def request_of(estimator: Any, *rows: Any) -> dict[str, Any]:
    """What a fit would ask the service for."""
    # Late: the estimators' base is imported by what this needs.
    from sklearn_sagemaker.estimators._fit import problem_of

    in_cloud(resolve_backend(estimator.backend))
    # The checks of a fit leave their marks, and draw from the random state.
    estimator = copy.copy(estimator)
    estimator.random_state = copy.deepcopy(estimator.random_state)
    backend, spec, data, _, _ = problem_of(estimator, *rows)
    assert isinstance(backend, SageMakerBackend)
    return backend.request(spec, data)


def model_of(estimator: Any, backend: Any) -> Any:
    """The model of a fitted estimator in the service."""
    check_is_fitted(estimator)
    if backend is None:
        own = resolve_backend(estimator.backend)
        backend = own if isinstance(own, SageMakerBackend) else None

    def artifact() -> tuple[bytes, bool]:
        from sklearn_sagemaker.estimators._artifact_saving import packed

        return packed(estimator)

    job = getattr(estimator, "training_job_", None)
    return in_cloud(backend).model(estimator._algorithm, job, artifact)
