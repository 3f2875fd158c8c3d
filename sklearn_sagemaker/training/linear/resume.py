"""The state that training goes on from: all candidates, whatever their blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker.training.linear.block import ColumnBlock

_AXES = ("weights", "states", "bias", "steps")


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
                part[name].reshape(
                    *part[name].shape[:-1],
                    block.n_fits,
                    block.n_classes,
                    block.n_models,
                )
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
    n_models = sum(block.n_models for block in blocks)
    wanted = (first.reader.n_features, first.n_fits, first.n_classes, n_models)
    found = state["weights"].shape
    names = ("features", "folds (and the refit)", "classes", "candidates")
    for name, ours, theirs in zip(names, wanted, found, strict=True):
        if ours != theirs:
            raise ValueError(
                f"This training has {ours} {name}, the one that it is to continue has "
                f"{theirs}; keep the settings, or set warm_start=False to start anew."
            )
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
                *state[name].shape[:-3], block.full_columns.size
            )
            for name in _AXES
        }
        block.restore({**mine, "counts": state["counts"]})
