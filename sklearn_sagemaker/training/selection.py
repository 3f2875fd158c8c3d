"""Selection: scores and thresholds of the candidates, and the table of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker.training.block import ColumnBlock
from sklearn_sagemaker.training.candidates import PARAMETERS, Candidates
from sklearn_sagemaker.training.criteria import Criterion, calibrate
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.validation import ValidationPlan


def calibrate_candidates(
    criterion: Criterion,
    place: list[tuple[ColumnBlock, Progress, int]],
    usable: np.ndarray,
    plan: ValidationPlan,
    limit: int,
    seed: int,
    score: np.ndarray,
    cuts: np.ndarray,
) -> None:
    """Fill in score and cut of every usable candidate, on the rows that judge it.

    Parameters
    ----------
    criterion : Criterion
    place : list of (block, progress, model)
        Where each candidate is.
    usable : bool array of shape (n_candidates,)
    plan : ValidationPlan
    limit : int
        Rows at most; more are sampled.
    seed : int
    score, cuts : float64 arrays of shape (n_candidates,)
        Changed in place.
    """
    rows = np.concatenate([part for _, part in plan.parts])
    parts = plan.parts
    if len(rows) > limit:
        rng = np.random.default_rng([seed, 0xCA11])
        rows = np.sort(rng.permutation(rows)[:limit])
        parts = [(group, np.intersect1d(part, rows)) for group, part in parts]
    y, weights = plan.y[rows], plan.weights[rows]
    for number in np.flatnonzero(usable):
        block, _, model = place[number]
        margins = block.best_scores(plan.reader, parts, model, len(plan.y))
        cuts[number], score[number] = calibrate(criterion, margins[rows, 0], y, weights)


def ranking(score: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Candidates by score, the best first; among equals by validation loss.

    Scores that differ by rounding of their sums are equal.
    """
    return np.lexsort((loss, -np.round(score, 12)))


def candidate_table(
    candidates: Candidates,
    progress: list[Progress],
    score: np.ndarray,
    thresholds: np.ndarray | None,
) -> dict[str, Any]:
    """One row a candidate, shaped like scikit-learn's ``cv_results_``."""
    loss = np.concatenate([part.best_loss for part in progress])
    order = ranking(score, loss)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(1, len(order) + 1)
    best_epoch = np.concatenate([part.best_epoch for part in progress])
    train_loss = [
        np.array(part.train_curve)[part.best_epoch, np.arange(len(part.best_epoch))]
        for part in progress
    ]
    table: dict[str, Any] = {
        **{f"param_{name}": getattr(candidates, name) for name in PARAMETERS},
        "params": [candidates.params(i) for i in range(len(candidates))],
        "train_loss": np.concatenate(train_loss),
        "validation_loss": loss,
        "validation_score": score,
        "rank_validation_score": rank,
        "best_epoch": best_epoch + 1,
        "n_iter": np.concatenate([part.n_iter for part in progress]),
        "status": np.concatenate([part.status for part in progress]),
    }
    if thresholds is not None:
        table["threshold"] = thresholds
    return table
