"""What estimators do in SageMaker beside fitting; they know the backend only."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from sklearn.base import clone, is_regressor
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker._hyperparameters import REGRESSOR
from sklearn_sagemaker.backends import SageMakerBackend, resolve_backend
from sklearn_sagemaker.backends.distributions import Interval, searched
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
    from sklearn_sagemaker.estimators._fit import backend_for, problem_of

    in_cloud(resolve_backend(estimator.backend))
    # The checks of a fit leave their marks, and draw from the random state.
    estimator = copy.copy(estimator)
    estimator.random_state = copy.deepcopy(estimator.random_state)
    backend = backend_for(estimator, rows[0])
    spec, data, *_ = problem_of(estimator, backend, *rows)
    assert isinstance(backend, SageMakerBackend)
    return backend.request(spec, data)


def tune(
    estimator: Any, rows: Any, distributions: Any, wait: bool | None, **options: Any
) -> Any:
    """Search for hyperparameters, and take the best model."""
    from sklearn_sagemaker.estimators._fit import (
        all_or_nothing,
        backend_for,
        problem_of,
    )

    backend = resolve_backend(estimator.backend)
    if not isinstance(backend, SageMakerBackend):
        raise TypeError(
            f"tune() searches by SageMaker, and backend={type(backend).__name__} does "
            "not train there; use RandomizedSearchCV(estimator, distributions) or "
            "GridSearchCV of sklearn.model_selection, or set backend='sagemaker'."
        )
    _check_distributions(estimator, distributions)
    with all_or_nothing(estimator):
        backend = backend_for(estimator, rows[0])
        spec, data, *_ = problem_of(estimator, backend, *rows)
        assert isinstance(backend, SageMakerBackend)
        set_pending(estimator, backend.tune(spec, data, distributions, **options))
        if backend.wait if wait is None else wait:
            estimator.wait_for_training()
    return estimator


def _check_distributions(estimator: Any, distributions: Any) -> None:
    """Refuse names that are no hyperparameters, and values that a fit would refuse."""
    if not isinstance(distributions, Mapping) or not distributions:
        raise ValueError(
            f"distributions={distributions!r} must be a dict of what to search by "
            "hyperparameter, such as {'wd': scipy.stats.loguniform(1e-6, 1)}."
        )
    for name, one in distributions.items():
        if name not in estimator._table:
            known = ", ".join(sorted(estimator._table))
            raise ValueError(
                f"{name!r} is no hyperparameter of {type(estimator).__name__} that a "
                f"tuning job can search; there are {known}."
            )
        found = searched(name, one)
        values: Any = found
        if isinstance(found, Interval):
            values = [found.low, found.high]
            if estimator._table[name].kind == "int" and not found.whole:
                raise ValueError(
                    f"{name!r} is a whole number, and its range has others; use "
                    "scipy.stats.randint, or a list."
                )
        for value in values:
            clone(estimator).set_params(**{name: value})._validate_params()


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
