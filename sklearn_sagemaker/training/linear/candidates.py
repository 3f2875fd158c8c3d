"""Candidates: the hyperparameters in which the models of a run differ."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import OPTIMIZERS
from sklearn_sagemaker.training.memory import MODEL_BYTES, check_bytes

PARAMETERS = (
    "learning_rate",
    "wd",
    "l1",
    "schedule",
    "lr_scheduler_step",
    "lr_scheduler_factor",
    "lr_scheduler_minimum_lr",
    "scaling",
)

SOLVED = "none"
"""Schedule of candidates that are solved, and need no rate."""
DEFAULT_MODELS = 32
"""Candidates of ``num_models="auto"``, as in SageMaker."""

# The grid, with the learning rates of the optimizer; each list with the value that
# trains best on most of the benchmark data first: a run with few models takes the
# heads of the lists.
PENALTIES = {
    "dense": ((1e-4, 0.0), (1e-4, 1e-4), (1e-3, 0.0), (0.0, 0.0)),
    "sparse": ((0.0, 1e-6), (1e-6, 0.0), (0.0, 1e-5), (1e-5, 0.0)),
}
# Standard scaling blows up features that few sparse rows store.
# Text is scaled already: rows of length 1 with rare words stressed. Steps suit such a
# length, which "length" gives to rows of any unit; what is solved needs none.
SCALINGS = {
    "dense": ("standard", "floored"),
    "sparse": ("norm", "floored", "length"),
    "wide": ("none", "norm"),
}
# SageMaker's two pairs of step and minimum, with factor 0.99.
STEP_SCHEDULES = ((100, 1e-5), (10, 1e-4))
STEP_FACTOR = 0.99


@dataclass(frozen=True)
class Candidates:
    """One array for each hyperparameter, one entry for each candidate."""

    learning_rate: np.ndarray
    wd: np.ndarray
    l1: np.ndarray
    schedule: np.ndarray
    lr_scheduler_step: np.ndarray
    lr_scheduler_factor: np.ndarray
    lr_scheduler_minimum_lr: np.ndarray
    scaling: np.ndarray

    def __len__(self) -> int:
        return len(self.learning_rate)

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """Every hyperparameter that candidates may differ in."""
        return {name: getattr(self, name) for name in PARAMETERS}

    def take(self, index: np.ndarray) -> Candidates:
        """The candidates at these places."""
        return Candidates(**{name: getattr(self, name)[index] for name in PARAMETERS})

    def and_others(self, others: Candidates) -> Candidates:
        """These, and then others."""
        mine, theirs = self.columns, others.columns
        return Candidates(
            **{name: np.concatenate([mine[name], theirs[name]]) for name in PARAMETERS}
        )

    def params(self, index: int) -> dict[str, Any]:
        """Hyperparameters of one candidate, as plain Python values."""
        values = {name: getattr(self, name)[index].item() for name in PARAMETERS}
        if values["schedule"] == SOLVED:
            for name in ("learning_rate", "schedule"):
                del values[name]
        if values.get("schedule") != "step":
            for name in PARAMETERS[4:7]:
                del values[name]
        return values


def _learning_rates(fixed, optimizer: str, storage: str, wanted: int) -> list[float]:
    """The user's rate, or as many as are wanted: the grid's, then rates between."""
    if fixed != "auto":
        return [fixed]
    entry = OPTIMIZERS[optimizer]
    rates = list(entry.sparse_rates if storage == "sparse" else entry.dense_rates)
    while len(rates) < wanted:
        ordered = sorted(rates)
        rates += [float(np.sqrt(a * b)) for a, b in itertools.pairwise(ordered)]
    return rates


def _penalties(wd, l1, storage: str) -> list[tuple[float, float]]:
    pairs = []
    for grid_wd, grid_l1 in PENALTIES[storage]:
        pair = (grid_wd if wd == "auto" else wd, grid_l1 if l1 == "auto" else l1)
        if pair not in pairs:
            pairs.append(pair)
    return pairs


def _schedules(hyperparameters) -> list[tuple[str, int, float, float]]:
    """(kind, step, factor, minimum), as far as the user has left it open."""
    step, factor, minimum = (
        hyperparameters[name]
        for name in (
            "lr_scheduler_step",
            "lr_scheduler_factor",
            "lr_scheduler_minimum_lr",
        )
    )
    if not hyperparameters["use_lr_scheduler"]:
        return [("constant", 0, 1.0, 0.0)]
    if step == factor == minimum == "auto":
        return [("cosine", 0, 1.0, 0.0)]
    found = []
    for grid_step, grid_minimum in STEP_SCHEDULES:
        entry = (
            "step",
            grid_step if step == "auto" else step,
            STEP_FACTOR if factor == "auto" else factor,
            grid_minimum if minimum == "auto" else minimum,
        )
        if entry not in found:
            found.append(entry)
    return found


def _scalings(normalize_data, storage: str) -> list[str]:
    if normalize_data == "auto":
        return list(SCALINGS[storage])
    return ["standard" if normalize_data else "none"]


def check_models(n_models: int, n_numbers: int, dtype: np.dtype, wanted: Any) -> None:
    """Refuse so many candidates that their weights do not fit into memory.

    Parameters
    ----------
    n_models : int
    n_numbers : int
        Weights of each, with those of folds and states of the optimizer.
    dtype : dtype
    wanted : int or "auto"
        The user's ``num_models``.

    Raises
    ------
    TrainingTooLargeError
    """
    check_bytes(
        n_models * (MODEL_BYTES + n_numbers * dtype.itemsize),
        f"num_models={wanted!r}: weights and optimizer states of {n_models} candidates",
        "set fewer num_models, or cv=False to train no folds beside them",
    )


def make_candidates(hyperparameters: dict[str, Any], sparse: bool) -> Candidates:
    """The candidates of a run.

    Values that the user fixes are fixed in all candidates; the rest vary over
    the grid, the most promising settings first. No two candidates are equal, so
    a user who fixes all of them gets one, whatever ``num_models``.

    Parameters
    ----------
    hyperparameters : dict
        Validated hyperparameters of Linear Learner, with the optimizer resolved.
    sparse : bool
        Whether the rows are sparse.

    Returns
    -------
    candidates : Candidates

    Raises
    ------
    TrainingTooLargeError
        If ``num_models`` is too large for memory.
    """
    wanted = hyperparameters["num_models"]
    if wanted == "auto":
        wanted = DEFAULT_MODELS
    storage = "sparse" if sparse else "dense"
    penalties = _penalties(hyperparameters["wd"], hyperparameters["l1"], storage)
    schedules = _schedules(hyperparameters)
    scalings = _scalings(hyperparameters["normalize_data"], storage)
    others = len(penalties) * len(schedules) * len(scalings)
    if hyperparameters["learning_rate"] == "auto":
        # Before there are as many rates.
        check_models(wanted, 0, np.dtype(float), hyperparameters["num_models"])
    rates = _learning_rates(
        hyperparameters["learning_rate"],
        hyperparameters["optimizer"],
        storage,
        -(-wanted // others),
    )
    places = itertools.product(
        range(len(rates)), range(len(penalties)), range(len(schedules)),
        range(len(scalings)),
    )  # fmt: skip
    # Least total distance from the heads of the lists first.
    chosen = sorted(places, key=lambda place: (sum(place), place))[:wanted]
    # Neighbours share a scaling, so that blocks of columns may share the array.
    chosen.sort(key=lambda place: (place[3], place[2], place[1], rates[place[0]]))
    kinds, steps, factors, minima = zip(
        *(schedules[place[2]] for place in chosen), strict=True
    )
    return Candidates(
        learning_rate=np.array([rates[place[0]] for place in chosen], dtype=float),
        wd=np.array([penalties[place[1]][0] for place in chosen], dtype=float),
        l1=np.array([penalties[place[1]][1] for place in chosen], dtype=float),
        schedule=np.array(kinds),
        # Beyond that no training gets to the first fall either.
        lr_scheduler_step=np.array(
            [min(step, np.iinfo(np.int64).max) for step in steps], dtype=np.int64
        ),
        lr_scheduler_factor=np.array(factors, dtype=float),
        lr_scheduler_minimum_lr=np.array(minima, dtype=float),
        scaling=np.array([scalings[place[3]] for place in chosen]),
    )


def solved_candidates(wd: np.ndarray, l1: np.ndarray, scaling: str) -> Candidates:
    """Candidates that differ in their penalties alone, since they are solved.

    Parameters
    ----------
    wd, l1 : float64 arrays of shape (n_candidates,)
    scaling : str

    Returns
    -------
    candidates : Candidates
    """
    n = len(wd)
    return Candidates(
        learning_rate=np.full(n, np.nan),
        wd=wd,
        l1=l1,
        schedule=np.full(n, SOLVED),
        lr_scheduler_step=np.zeros(n, dtype=np.int64),
        lr_scheduler_factor=np.ones(n),
        lr_scheduler_minimum_lr=np.zeros(n),
        scaling=np.full(n, scaling),
    )
