"""Our factorization machines as the benchmarks fit them: one job, epochs fixed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.common import Timing
from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)

SOLVERS = ("gradient", "als", "mcmc")


def estimator(task: str, **parameters: Any):
    """The estimator of a task, with one job and a seed unless told otherwise."""
    parameters = {"n_jobs": 1, "random_state": 0, **parameters}
    if task == "regression":
        return FactorizationMachinesRegressor(**parameters)
    return FactorizationMachinesClassifier(**parameters)


def fixed(epochs: int) -> dict[str, Any]:
    """Parameters for exactly so many epochs."""
    return {"epochs": epochs, "early_stopping_patience": epochs}


def unvalidated(epochs: int) -> dict[str, Any]:
    """Parameters for exactly so many epochs and no validation."""
    return {**fixed(epochs), "cv": False}


def epoch_cases(
    name: str, task: str, X, y, counts: tuple[int, int], repeats: int, **parameters: Any
) -> dict[str, tuple[Callable[[], Any], int]]:
    """Cases for `common.measure`: fits of two numbers of epochs."""
    return {
        f"{name}, {count} epochs": (
            partial(estimator(task, **parameters, **unvalidated(count)).fit, X, y),
            repeats,
        )
        for count in counts
    }


def epoch_seconds(
    name: str, counts: tuple[int, int], timings: dict[str, Timing]
) -> tuple[float, float]:
    """Seconds an epoch, without and with what a fit does once.

    The first is the difference of the two fits' seconds over that of their epochs,
    the second is the longer fit's seconds over its epochs.
    """
    short, long = (timings[f"{name}, {count} epochs"] for count in counts)
    for count, timing in zip(counts, (short, long), strict=True):
        if timing.result.n_iter_ != count:
            raise RuntimeError(f"{name}: {timing.result.n_iter_} epochs, not {count}")
    difference = (long.seconds - short.seconds) / (counts[1] - counts[0])
    return difference, long.seconds / counts[1]
