"""Sparse rows of many features: candidates solved as combinations of the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._kernels import LOSSES, RowReader
from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.linear.budget import how_many
from sklearn_sagemaker.training.linear.candidates import (
    SCALINGS,
    Candidates,
    solved_candidates,
)
from sklearn_sagemaker.training.linear.conjugate import RowFits
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.memory import MODEL_BYTES, WORK_BYTES, check_bytes
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.rows import ArrayRows, Rows
from sklearn_sagemaker.training.scaling import FeatureStatistics
from sklearn_sagemaker.training.selection.validation import ValidationPlan
from sklearn_sagemaker.training.targets import Targets

SOLVED_LOSSES = ("logistic", "softmax_loss", "squared_loss")
"""Their second derivatives are in `conjugate`."""
ROWS_PER_FEATURE = 4
"""With more rows to a feature combinations of rows are no short cut."""
STEP_ARRAYS = 16
"""As large as one candidate, that a step of all fits works with."""
DENSITY = 0.1
"""Share of the values that rows may store: fuller ones are solved as dense ones are."""
STRENGTHS = 20.0, 1e-3, 0.1
"""Of a path: the first, the last and a single one, where 1 is the mean square length of
a row by the number of rows: with rows of length 1 they are ``1 / C``."""
PATH, FIRST_LOOK = 8, [1, 3, 5]
"""Penalties of the best scaling, and those that each scaling is tried with."""
OF_PATH, OF_REFIT = 1e-2, 1e-10
"""Decreases that last steps expect, by the objective: what they leave is about the
square. The first is enough to compare, and what is selected goes on to the second."""


def solves_wide(
    settings: LinearSettings, source: Rows, plan: ValidationPlan, reader: RowReader
) -> bool:
    """Whether the candidates of a run are solved as combinations of its rows.

    Parameters
    ----------
    settings, source, plan, reader : object
        Of the run.
    """
    values = settings.values
    resume = settings.spec.resume
    if not (reader.sparse and isinstance(source, ArrayRows)):
        return False
    if settings.stepwise or settings.loss.name not in SOLVED_LOSSES:
        return False
    if settings.signed:
        # Combinations have no signs of their own.
        return False
    if resume is not None and "solved" not in resume:
        return False
    if values["l1"] not in ("auto", 0.0) or values["wd"] == 0.0:
        return False
    if values["wd"] == "auto" and plan.kind == "training":
        # On the rows that it was solved for the weakest penalty would win.
        return False
    if settings.flag("unbias_data", False):
        return False
    n, d = source.n_train(plan), reader.n_features
    if source.stored(plan.train_rows) > DENSITY * n * d:
        return False
    if n > ROWS_PER_FEATURE * d:
        # Still quicker than none, for who asks for one optimum.
        asked = settings.solver_alone and values["l1"] == 0.0 and values["wd"] != "auto"
        return asked and how_many(settings, source, plan, reader, 1, 0) == 0
    return n > 1


def check_wide(settings: LinearSettings, source: Rows, plan: ValidationPlan) -> None:
    """Refuse what cannot be held, before there is any of it.

    Parameters
    ----------
    settings, source, plan : object
        Of the run.

    Raises
    ------
    TrainingTooLargeError
    """
    wanted, X = settings.values["num_models"], source.data.X
    n_models = PATH + len(FIRST_LOOK) if wanted == "auto" else wanted
    columns = X.shape[0] * plan.n_fits * settings.n_outputs
    check_bytes(
        n_models * (MODEL_BYTES + 16 * columns)
        + STEP_ARRAYS * 8 * columns
        + 32 * X.nnz,
        f"num_models={wanted!r}: {n_models} candidates as combinations of "
        f"{X.shape[0]} rows, and copies of these,",
        "set fewer num_models, or cv=False to train no folds beside them",
    )


class _Rows:
    """All rows of a run by one scaling: scaled rows, and the same by features."""

    def __init__(self, X: Any, scale: np.ndarray, spread: Spread):
        self.scale, self.spread = scale, spread
        self.X = sp.csr_array(X).astype(np.float64)
        if not (scale == 1.0).all():
            self.X.data *= scale[self.X.indices]
        # Of more rows than features what is read by rows lies as near.
        self.by_feature = self.X.T
        if X.shape[0] <= X.shape[1]:
            self.by_feature = self.by_feature.tocsr()

    def weights(self, a: np.ndarray) -> np.ndarray:
        """Weights of the scaled features, of combinations of shape (n, k)."""
        return self.by_feature @ a

    def product(self, a: np.ndarray) -> np.ndarray:
        """Products of all rows with combinations of shape (n, k)."""
        k, most = a.shape[1], max(1, WORK_BYTES // (8 * self.X.shape[1]))
        # Columns are apart from each other: the bits do not depend on the cut.
        shared = max(1, min(most // self.spread.size, -(-k // self.spread.size)))
        spread = self.spread.worth(2 * self.X.nnz * shared)
        step = most if spread.size == 1 else shared

        def of_some(start: int) -> np.ndarray:
            some = np.ascontiguousarray(a[:, start : start + step])
            return self.X @ self.weights(some)

        found = spread(of_some, range(0, k, step))
        return found[0] if len(found) == 1 else np.concatenate(found, axis=1)


class WideColumns:
    """Candidates that are combinations of the rows of a run: a `TrainedBlock`.

    Parameters
    ----------
    solver : WideSolver
    wd : float64 array of shape (n_models,)
    scaling : str array of shape (n_models,)
    a : float64 array of shape (n_models, n, n_fits, n_outputs)
        The combinations of each fit.
    scores : float64 array of the same shape
        Products of the rows with them.
    bias : float64 array of shape (n_models, n_fits, n_outputs)
    optimality : float64 array of shape (n_models,)
        How far the objective of the refit may be above its optimum, by the loss of the
        best constant.
    """

    def __init__(self, solver: WideSolver, wd, scaling, a, scores, bias, optimality):
        self._solver = solver
        self.wd, self.scaling = wd, scaling
        self.a, self.scores, self.bias = a, scores, bias
        self.optimality, self.left_out = optimality, None
        self.n_models: int = len(wd)
        self._done = np.zeros(len(wd), dtype=bool)

    def polish(self, model: int) -> None:
        """Bring the refit of a candidate to its optimum."""
        if self._done[model]:
            return
        fits = self._solver.fits(self.scaling[model], slice(0, 1), OF_REFIT)
        fits.a, fits.b = self.a[model][:, :1], self.bias[model][:1]
        wd = float(self.wd[model])
        gap = fits.optimum(wd, wd * self._solver.bias_wd_mult)
        self.a[model][:, :1], self.scores[model][:, :1] = fits.a, fits.scores
        self.bias[model][:1] = fits.b
        self.optimality[model] = _share(gap, fits.null)[0]
        self._done[model] = True

    def raw_margins(self, reader, rows, fit: int, model: int) -> np.ndarray:
        """Margins of one candidate as it is, in the units of the refit's labels."""
        shift, scale = self._solver.label_shift[fit], self._solver.label_scale[fit]
        if reader is self._solver.reader:
            found = self.scores[model][rows, fit]
        else:
            scaled = self._solver.rows(self.scaling[model])
            weights = scaled.weights(np.ascontiguousarray(self.a[model][:, fit]))
            found = reader.matrix()[rows] @ (weights * scaled.scale[:, None])
        return (found + self.bias[model][fit]) * scale + shift

    def best_margins(self, reader: RowReader, parts, models=None) -> np.ndarray:
        """Margins of some candidates, each row by the fit that may score it.

        Parameters
        ----------
        reader : RowReader
        parts : list of (fit, int64 array)
        models : int array or None
            All by default.

        Returns
        -------
        margins : float64 array of shape (n_rows, n_outputs, n_models)
        """
        if models is None:
            models = np.arange(self.n_models)
        found = []
        for fit, rows in parts:
            for model in models if fit == 0 else ():
                self.polish(model)
            some = [self.raw_margins(reader, rows, fit, model) for model in models]
            found.append(np.stack(some, axis=2))
        return np.concatenate(found)

    def solution(self, model: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and intercept of one candidate, in data units."""
        self.polish(model)
        scaled = self._solver.rows(self.scaling[model])
        weights = scaled.weights(np.ascontiguousarray(self.a[model][:, 0]))
        shift, scale = self._solver.label_shift[0], self._solver.label_scale[0]
        coef = (weights * scaled.scale[:, None]).T
        return coef * scale, self.bias[model][0] * scale + shift

    def checkpoint(self) -> dict[str, Any]:
        """Plain values that say all that was solved."""
        names = "wd", "scaling", "a", "scores", "bias", "optimality"
        return {name: getattr(self, name) for name in names}


def _share(gap, null) -> np.ndarray:
    return gap / np.where(null > 0, null, 1.0)


class WideSolver:
    """Finds the optimum of all candidates and folds as combinations of the rows.

    Parameters
    ----------
    settings, source, plan, reader, targets, statistics : object
        Of the run.
    label_scaler : float64 array of shape (3, n_fits)
    spread : Spread
        For the columns of products.
    """

    def __init__(
        self,
        settings: LinearSettings,
        source: Rows,
        plan: ValidationPlan,
        reader: RowReader,
        targets: Targets,
        statistics: FeatureStatistics,
        label_scaler: np.ndarray,
        spread: Spread,
    ):
        self.spread = spread
        self.settings, self.source, self.plan = settings, source, plan
        self.reader, self.targets, self.statistics = reader, targets, statistics
        self.label_shift, self.label_scale, _ = label_scaler
        self.loss = LOSSES[settings.loss.name]
        self.bias_wd_mult = settings.values["bias_wd_mult"]
        self._rows: tuple[str, _Rows] | None = None
        y = targets.scaled(source.data.y)[:, None]
        self._y = (y - self.label_shift) / self.label_scale
        weights = np.zeros((len(y), plan.n_fits))
        for fit in range(plan.n_fits):
            mine = plan.trained_by(fit, plan.train_rows)
            weights[mine, fit] = targets.loss_weights[0][mine]
        self._weights = weights / weights.sum(axis=0)

    def rows(self, scaling: str) -> _Rows:
        """The rows by a scaling; those of the last one are kept."""
        if self._rows is None or self._rows[0] != scaling:
            self._rows = None
            scale = self.statistics.scale(scaling)
            self._rows = scaling, _Rows(self.reader.matrix(), scale, self.spread)
        return self._rows[1]

    def fits(self, scaling: str, some: slice, tolerance: float) -> RowFits:
        """Some of the fits, without weights yet."""
        weights = self._weights[:, some]
        return RowFits(
            self.loss,
            self.rows(scaling).product,
            self._y[:, some],
            weights,
            self.settings.n_outputs,
            self.settings.values["use_bias"],
            np.full(weights.shape[1], tolerance),
        )

    # ---------------------------------------------------------------- the candidates
    def solve(self) -> tuple[Candidates, WideColumns]:
        """Candidates by the data, and their columns."""
        values = self.settings.values
        kinds = list(SCALINGS["wide"])
        if values["normalize_data"] != "auto":
            kinds = ["standard" if values["normalize_data"] else "none"]
        wanted = values["num_models"]
        if wanted != "auto":
            kinds = kinds[:wanted]
        if values["wd"] != "auto":
            columns = self._joined(
                [self._solved(kind, [values["wd"]]) for kind in kinds]
            )
        elif wanted != "auto":
            shares = [len(part) for part in np.array_split(range(wanted), len(kinds))]
            columns = self._joined(
                [
                    self._solved(kind, self._unit(kind) * _spread_out(share))
                    for kind, share in zip(kinds, shares, strict=True)
                    if share
                ]
            )
        else:
            columns = self._raced(kinds)
        candidates = solved_candidates(columns.wd, np.zeros(columns.n_models), "none")
        return replace(candidates, scaling=columns.scaling), columns

    def columns(self, candidates: Candidates, **saved: Any) -> WideColumns:
        """The columns of candidates that were solved before."""
        return WideColumns(self, **saved)

    def _raced(self, kinds: list[str]) -> WideColumns:
        """Some penalties of all scalings, and all of the one that does best."""
        paths = [
            self._solved(kind, self._unit(kind) * _spread_out(PATH)[FIRST_LOOK])
            for kind in kinds
        ]
        losses = [np.fmin.reduce(self._losses(path)[1]) for path in paths]
        best = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
        path = self._unit(kinds[best]) * _spread_out(PATH)
        paths[best] = self._solved(kinds[best], path, paths[best])
        return self._joined(paths)

    def _unit(self, kind: str) -> float:
        """The penalty of strength one: mean square length of a row, by the rows."""
        X, weights = self.rows(kind).X, self._weights[:, 0]
        squares = X.copy()
        squares.data **= 2
        return float(weights @ squares.sum(axis=1)) / np.count_nonzero(weights)

    def _solved(
        self, kind: str, path, before: WideColumns | None = None
    ) -> WideColumns:
        """The candidates of a path of penalties, the strongest first.

        Each starts at the one before it, and those of columns ``before`` are there.
        """
        fits = self.fits(kind, slice(None), OF_PATH)
        known = [] if before is None else list(before.wd)
        found: list[tuple] = []
        for wd in map(float, path):
            if before is not None and wd in known:
                place = known.index(wd)
                fits.a, fits.b = before.a[place], before.bias[place]
                scores, gap = before.scores[place], before.optimality[place]
            else:
                optimality = _share(fits.optimum(wd, wd * self.bias_wd_mult), fits.null)
                scores, gap = fits.scores, optimality[0]
            found.append((wd, kind, fits.a, scores, fits.b, gap))
        return WideColumns(self, *map(np.array, zip(*found, strict=True)))

    def _joined(self, parts: list[WideColumns]) -> WideColumns:
        names = "wd", "scaling", "a", "scores", "bias", "optimality"
        values = [[getattr(part, name) for part in parts] for name in names]
        return WideColumns(self, *map(np.concatenate, values))

    # -------------------------------------------------------------------- the losses
    def _losses(self, columns: WideColumns) -> tuple[np.ndarray, ...]:
        """Mean losses on the rows that train, on those that validate, and by part."""
        plan, targets = self.plan, self.targets
        rows, (weights, apart) = plan.train_rows, targets.loss_weights
        y = targets.scaled(self.source.data.y)
        train = self._sums(columns, self.reader, [(0, rows)], y, weights)[0]
        y = targets.scaled(plan.y)
        sums = self._sums(columns, plan.reader, plan.parts, y, apart)
        total = np.array([apart[part].sum() for _, part in plan.parts])
        return (
            train / weights[rows].sum(),
            sums.sum(axis=0) / total.sum(),
            sums / total[:, None],
        )

    def _sums(self, columns: WideColumns, reader, parts, y, weights) -> np.ndarray:
        sums = np.zeros((len(parts), columns.n_models))
        for total, (fit, rows) in zip(sums, parts, strict=True):
            for model in range(columns.n_models):
                margins = columns.raw_margins(reader, rows, fit, model)
                if not self.loss.coupled:
                    margins = margins[:, 0]
                total[model] = weights[rows] @ self.loss.value(margins, y[rows], 0.0)
        return sums

    def progress(self, columns: WideColumns, loss_unit: float) -> Progress:
        """Where the candidates stand, as if after one epoch.

        Parameters
        ----------
        columns : WideColumns
        loss_unit : float
            Of the losses, in the user's.
        """
        train, loss, parts = (part * loss_unit for part in self._losses(columns))
        return Progress.solved(train, loss, parts)


def _spread_out(count: int) -> np.ndarray:
    """So many penalties between the strongest and the weakest."""
    if count == 1:
        return np.array([STRENGTHS[2]])
    return np.geomspace(*STRENGTHS[:2], count)
