"""The state that training goes on from: all candidates, whatever their blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.training.columns import Columns
from sklearn_sagemaker.training.linear.block import ColumnBlock

_AXES = ("weights", "states", "bias", "steps")


def known_columns(spec: TrainingSpec, width: int) -> np.ndarray | None:
    """The columns that the training to be continued has met; None for all.

    Parameters
    ----------
    spec : TrainingSpec
    width : int
        Columns of the rows.

    Raises
    ------
    ValueError
        If that one had rows of another width.
    """
    resume = spec.resume
    if resume is None:
        return np.empty(0, dtype=np.int64)
    if "columns" in resume:
        before, known = resume["columns"]
        if before != width:
            raise _other(width, "features", before)
        return known
    if "coef" in resume and resume["coef"].shape[1] == width:
        # A model that a stream begins at.
        return np.flatnonzero(resume["coef"].any(axis=0))
    return None


def on_columns(spec: TrainingSpec, columns: Columns) -> TrainingSpec:
    """The spec with what it resumes in terms of the columns of today.

    Weights and states stay as they are, with their ``places`` among the columns: they
    are the largest, and are copied anyway.
    """
    resume = spec.resume
    if resume is None:
        return spec
    if "coef" in resume:
        return replace(
            spec, resume={**resume, "coef": columns.take(resume["coef"].T).T}
        )
    if "columns" not in resume:
        return spec
    places = columns.places(resume["columns"][1])

    def spread(values):
        if values is None:
            return None
        found = np.zeros(len(columns), dtype=values.dtype)
        found[places] = values
        return found

    changed: dict[str, Any] = {"places": places}
    if "statistics" in resume:
        *parts, zeros = resume["statistics"]
        changed["statistics"] = *map(spread, parts), zeros
    if "stream" in resume:
        stream, (mean, *labels) = resume["stream"], resume["scaler"]
        weight, *parts = stream["features"]
        changed["scaler"] = spread(mean), *labels
        changed["stream"] = {
            **stream,
            "features": (weight, *map(spread, parts)),
            "stored": spread(stream["stored"]),
        }
    return replace(spec, resume={**resume, **changed})


def columns_state(columns: Columns) -> dict[str, Any]:
    """What a state says of its columns: nothing if they are all."""
    if columns.numbers is None:
        return {}
    return {"columns": (columns.width, columns.numbers)}


def _other(ours: int, name: str, theirs: int) -> ValueError:
    return ValueError(
        f"This training has {ours} {name}, the one that it is to continue has "
        f"{theirs}; keep the settings, or set warm_start=False to start anew."
    )


def merge_states(blocks: list[ColumnBlock]) -> dict[str, Any]:
    """Weights and optimizer states of all models of a run.

    Returns
    -------
    state : dict
        ``weights`` of shape (n_features, n_fits, n_classes, n_models) in the
        units of the data; ``states``, ``bias`` and ``steps`` alike; ``counts`` of
        touches of a CSR feature; ``optimizer``.
    """
    parts = [block.state() for block in blocks]
    state: dict[str, Any] = {"optimizer": blocks[0].objective.optimizer}
    for name in _AXES:
        state[name] = np.concatenate(
            [
                part[name].reshape(*part[name].shape[:-1], *block.best.columns.shape)
                for block, part in zip(blocks, parts, strict=True)
            ],
            axis=-1,
        )
    # A block whose models stopped early has seen fewer batches.
    state["counts"] = np.max([part["counts"] for part in parts], axis=0)
    return state


def resume_blocks(blocks: list[ColumnBlock], state: dict[str, Any]) -> None:
    """Let the blocks of a run go on from the state of another.

    Raises
    ------
    ValueError
        If the run has other columns than the state.
    """
    first = blocks[0]
    n_fits, n_classes, _ = first.best.columns.shape
    n_models = sum(block.n_models for block in blocks)
    wanted = [first.reader.n_features, n_fits, n_classes, n_models]
    found = state["weights"].shape
    places = state.get("places", slice(None))
    if "places" in state:
        # Columns may have joined.
        wanted[0] = found[0]
    names = ("features", "folds (and the refit)", "classes", "candidates")
    for name, ours, theirs in zip(names, wanted, found, strict=True):
        if ours != theirs:
            raise _other(ours, name, theirs)
    if first.objective.optimizer != state["optimizer"]:
        raise ValueError(
            f"optimizer={first.objective.optimizer!r} cannot continue the state of "
            f"{state['optimizer']!r}; keep the optimizer, or set warm_start=False."
        )
    if bool(first.reader.sparse) != bool(len(state["counts"])):
        raise ValueError(
            "Training on sparse rows cannot continue one on dense rows, nor the other "
            "way round; convert X, or set warm_start=False to start anew."
        )
    start = 0
    for block in blocks:
        models = slice(start, start + block.n_models)
        start += block.n_models
        mine = {
            name: state[name][..., models].reshape(
                *state[name].shape[:-3], block.best.columns.size
            )
            for name in _AXES
        }
        block.restore({**mine, "counts": state["counts"]}, places)
