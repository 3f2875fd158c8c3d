"""Rows that models score in threads, and losses of validation rows by that."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np

from sklearn_sagemaker._threads import Map
from sklearn_sagemaker.training.factors.gradient import Scorer
from sklearn_sagemaker.training.selection.settings import Settings
from sklearn_sagemaker.training.selection.validation import ValidationPlan
from sklearn_sagemaker.training.targets import Targets

PIECE_ROWS = 1 << 12
"""Rows at least that a thread scores in one go..."""
PIECES_EACH = 4
"""... and how many times it does so of one model at most."""


def pieces_of(n_rows: int, jobs: int) -> list[slice]:
    """Rows in pieces for so many threads; scores of a row do not depend on them.

    Examples
    --------
    >>> from sklearn_sagemaker.training.factors.validating import pieces_of
    >>> pieces_of(10_000, 2)
    [slice(0, 5000, None), slice(5000, 10000, None)]
    >>> pieces_of(10_000, 1)
    [slice(0, 10000, None)]
    """
    count = 1
    if jobs > 1:
        count = max(1, min(PIECES_EACH * jobs, n_rows // PIECE_ROWS))
    bounds = [n_rows * piece // count for piece in range(count + 1)]
    return [slice(*both) for both in pairwise(bounds)]


class Validation:
    """How models stand after an epoch, by their validation rows.

    Parameters
    ----------
    plan : ValidationPlan
    targets : Targets
    settings : Settings
    jobs : int
        Threads that rows are cut for.
    """

    def __init__(
        self, plan: ValidationPlan, targets: Targets, settings: Settings, jobs: int
    ):
        self.plan, self.targets, self.settings = plan, targets, settings
        self.jobs = jobs

    def losses(
        self, fits: Sequence[tuple[Any, int]], spread: Map
    ) -> list[list[tuple[int, float, float]] | None]:
        """Losses of each model on the parts of the validation rows that it scores.

        Parameters
        ----------
        fits : sequence of (model, int)
            Models, and which of the fits of its candidate each is.
        spread : callable

        Returns
        -------
        losses : list of lists of (int, float, float), or of None
            Number of a part, weighted sum of the losses, and weight of its rows. None
            stands for a model that has diverged.
        """
        states = [_State(self, model, fit) for model, fit in fits]
        work = [(one, *piece) for one in states for piece in one.pieces()]
        # Pieces of one model wait for what the first of them makes.
        work.sort(key=lambda item: item[2].start)
        spread(_State.score, *zip(*work, strict=True))
        return [one.losses for one in states]

    def loss(self, margins: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
        """Weighted sum of the losses of validation rows, and their weight."""
        y = self.targets.scaled(self.plan.y[rows])
        weights = self.targets.loss_weights[1][rows]
        if not self.settings.loss.coupled:
            margins = margins[:, 0]
        losses = self.settings.loss.value(margins, y, 0.0)
        return float(weights @ losses), float(weights.sum())


class _State:
    """A model that is validated by pieces, in any order and any threads."""

    def __init__(self, validation: Validation, model: Any, fit: int):
        self._validation, self._model = validation, model
        plan = validation.plan
        parts = plan.parts if plan.kind != "training" else []
        # Of each part of the rows: how many pieces are to be scored, and the scores.
        self._left: dict[int, int] = {}
        self._scores: dict[int, np.ndarray] = {}
        self._rows = {
            number: rows
            for number, (scored_by, rows) in enumerate(parts)
            if scored_by == fit
        }
        self._lock = Lock()
        self._scorer: Scorer | None = None
        self.losses: list[tuple[int, float, float]] | None = None

    def pieces(self) -> list[tuple[int, slice]]:
        """Parts of the rows, and places in them; something also of no rows."""
        found = []
        for number, rows in self._rows.items():
            pieces = pieces_of(len(rows), self._validation.jobs)
            self._left[number] = len(pieces)
            found += [(number, piece) for piece in pieces]
        return found or [(-1, slice(0, 0))]

    def score(self, number: int, piece: slice) -> None:
        """Score a piece; the last one of a part adds up its losses."""
        with self._lock:
            if self.losses is None and not self._begins():
                return
        if number < 0:
            return
        assert self._scorer is not None
        rows = self._rows[number]
        scores = self._scorer(rows[piece])
        with self._lock:
            if number not in self._scores:
                self._scores[number] = np.empty((len(rows), scores.shape[1]))
            out = self._scores[number]
        out[piece] = scores
        with self._lock:
            self._left[number] -= 1
            last = not self._left[number]
        if last:
            margins = self._model.validation_margins(out, number)
            found = (number, *self._validation.loss(margins, rows))
            with self._lock:
                assert self.losses is not None
                self.losses.append(found)

    def _begins(self) -> bool:
        """Make what scores the rows, unless the model has diverged."""
        if not self._model.finite:
            return False
        if self._rows:
            self._scorer = self._model.scorer(self._validation.plan.reader)
        self.losses = []
        return True
