"""The models of a run, made in threads: one for each candidate and each of its fits."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import sweep_kernels
from sklearn_sagemaker._state import TrainingData
from sklearn_sagemaker._threads import Map, longest_first
from sklearn_sagemaker.training.factors.columns import ColumnStore
from sklearn_sagemaker.training.factors.gradient import GradientModel, Scaler
from sklearn_sagemaker.training.factors.sweeps import (
    SweepModels,
    feature_groups,
    make_store,
)
from sklearn_sagemaker.training.team import Team, Teams


def models_that_start_alike(
    make: Callable[[int, dict[str, Any] | None], GradientModel],
    starts: Sequence[Hashable],
    n_fits: int,
    spread: Map,
) -> list[list[GradientModel]]:
    """Models of gradient steps, the numbers of equal starts drawn once.

    To draw a number takes some twenty times as long as to copy it.

    Parameters
    ----------
    make : callable
        Of the number of a candidate, and arrays to copy in place of a start.
    starts : sequence
        What each candidate starts from, equal for those that start alike.
    n_fits : int
    spread : callable

    Returns
    -------
    models : list of lists of GradientModel
        Of each candidate, `n_fits` of them.
    """
    leads: dict[Hashable, int] = {}
    for number, start in enumerate(starts):
        leads.setdefault(start, number)
    drawn = spread(make, leads.values(), [None] * len(leads))
    lead_of = dict(zip(leads, drawn, strict=True))
    numbers = [
        number
        for number, start in enumerate(starts)
        for _ in range(n_fits - (leads[start] == number))
    ]
    copies = iter(
        spread(make, numbers, [lead_of[starts[number]].parts() for number in numbers])
    )
    found: list[list[GradientModel]] = []
    for number, start in enumerate(starts):
        own = [lead_of[start]] if leads[start] == number else []
        found.append(own + [next(copies) for _ in range(n_fits - len(own))])
    return found


class SweepPreparation:
    """What the models of sweeps have in common: columns of the rows, groups, decays.

    Parameters
    ----------
    data : TrainingData
    rows : list of int64 arrays
        Those that each fit is trained on, the one that is kept first.
    scaler : Scaler
    groups : "auto", array-like of int of shape (n_features,) or None
    spread : callable
    jobs : int
        Threads of all models together.

    Attributes
    ----------
    stores : list of ColumnStore
        Of each fit; after `finish` all are there.
    groups : int array of shape (n_features,)
    """

    def __init__(
        self,
        data: TrainingData,
        rows: list[np.ndarray],
        scaler: Scaler,
        groups: Any,
        spread: Map,
        jobs: int,
    ):
        self._data, self._rows, self._scaler = data, rows, scaler
        self._spread, self._jobs = spread, jobs
        self.stores: list[ColumnStore] = [make_store(data, rows[0], scaler)]
        self.groups = feature_groups(groups, data.X, rows[0], self.stores[0])

    def finish(self, kept: list[SweepModels]) -> None:
        """Have the kept models sample for their decays, beside the stores of folds.

        Sampling takes longest, and all models of a candidate wait for it.

        Parameters
        ----------
        kept : list of SweepModels
            Of the candidates.
        """
        pilots = [
            (models, output)
            for models in kept
            if models.has_pilots
            for output in range(models.n_outputs)
        ]
        sizes = [models.k + 1.0 for models, _ in pilots]
        stores = range(1, len(self._rows))

        def work(
            models: SweepModels | None, number: int, team: Team
        ) -> ColumnStore | None:
            if models is None:
                return make_store(self._data, self._rows[number], self._scaler)
            models.pilot(number, team)
            return None

        items = [*pilots, *((None, number) for number in stores)]
        sizes += [0.0] * len(stores)
        if not items:
            return
        spread = longest_first(self._spread, sizes)
        with Teams(self._jobs, sweep_kernels.MOST_ITEMS) as teams:
            found = spread(work, *zip(*items, strict=True), teams.of(len(items)))
        self.stores += found[len(pilots) :]
