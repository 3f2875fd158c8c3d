"""Scores of all candidates against the hyperparameters in which they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sklearn_sagemaker.estimators._summary import DIFFERENCES, score_name
from sklearn_sagemaker.estimators._told import told
from sklearn_sagemaker.inspection._axes import (
    BLACK,
    BLUE,
    GREEN,
    VERMILION,
    fitted_text,
    legend_above,
    place_values,
    say,
    tidy,
    width_of,
)
from sklearn_sagemaker.inspection._display import Display
from sklearn_sagemaker.inspection._models import model_in

PANEL = 2.6
"""Width of a panel beside another one, in inches."""
BAD = 3.0
"""Candidates are off the scale whose score is so many times as far below the best one
as that of the middle one."""
STATUSES = {
    "completed": ("trained", "o", BLUE),
    "early_stopped": ("stopped early", "^", GREEN),
}


class CandidatesDisplay(Display):
    """Validation score of every candidate, and which one was chosen.

    Parameters
    ----------
    parameters : dict of str to ndarray of shape (n_candidates,)
        Values of each hyperparameter to show, by name. NaN is a candidate without,
        such as a learning rate of one that was solved.
    scores : float64 ndarray of shape (n_candidates,)
        Higher is better.
    status : ndarray of str of shape (n_candidates,)
        "completed", "early_stopped" or "diverged".
    best_index : int
        The chosen candidate.
    score_name : str, default="score"

    Attributes
    ----------
    ax_ : matplotlib Axes
        Of `plot`: what it was given, or made; the panels are in it.
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        A panel a hyperparameter; it is ``ax_`` if there is one.
    figure_ : matplotlib Figure

    See Also
    --------
    CandidatesDisplay.from_estimator : Of a fitted estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.inspection import CandidatesDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LinearLearnerClassifier(random_state=0).fit(X, y)
    >>> display = CandidatesDisplay.from_estimator(model)
    >>> sorted(display.parameters), display.score_name
    (['l1', 'wd'], 'accuracy')
    """

    def __init__(
        self,
        *,
        parameters: Mapping[str, np.ndarray],
        scores: np.ndarray,
        status: np.ndarray,
        best_index: int,
        score_name: str = "score",
    ):
        self.parameters = parameters
        self.scores = scores
        self.status = status
        self.best_index = best_index
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, hyperparameters: Sequence[str] | None = None, ax=None
    ) -> CandidatesDisplay:
        """Draw the candidates of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted; or a Pipeline that ends in one, or a search for one.
        hyperparameters : sequence of str, default=None
            Those to show, such as ``["wd", "scaling"]``. None are those with numbers
            in which the candidates differ.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : CandidatesDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        OptionalDependencyError
            If matplotlib is not installed.
        TrainingUnknownError
            If it holds no candidates, as a model of an artifact does not.
        TypeError
            If there is no estimator of this package in it.
        ValueError
            If candidates have no such hyperparameter.
        """
        model, _ = model_in(estimator)
        table = told(model, "candidates_", "candidates")
        known = [name[6:] for name in table if name.startswith("param_")]
        if hyperparameters is None:
            shown = [name for name in DIFFERENCES if name in known]
            shown = [name for name in shown if _differs(table[f"param_{name}"])]
            shown = shown or [next(name for name in DIFFERENCES if name in known)]
        else:
            shown = list(hyperparameters)
            for name in shown:
                if name not in known:
                    raise ValueError(
                        f"hyperparameters has {name!r}, but candidates have "
                        f"{', '.join(known)}; choose of these."
                    )
        display = cls(
            parameters={name: table[f"param_{name}"] for name in shown},
            scores=table["validation_score"],
            status=table["status"],
            best_index=model.best_index_,
            score_name=score_name(model),
        )
        return display.plot(ax=ax)

    def _draw(self, ax: Any, own: bool) -> None:
        n_panels = len(self.parameters)
        self.axes_ = _panels(ax, n_panels, own)
        low, high = self._limits()
        for panel, (name, values) in zip(
            self.axes_, self.parameters.items(), strict=True
        ):
            with fitted_text(panel):
                x = place_values(panel, values)
                self._draw_panel(panel, x, low, high)
                panel.set_xlabel(name)
                tidy(panel)
                if n_panels == 1 or panel.get_subplotspec().is_first_col():
                    panel.set_ylabel(f"validation score\n({self.score_name})")
                else:
                    panel.tick_params(labelleft=False)
                if panel is self.axes_[0]:
                    legend_above(panel, 2)
                if len(self.scores) == 1:
                    say(panel, "A single candidate: there was nothing to choose.")

    def _limits(self) -> tuple[float, float]:
        """What of the scale is shown: the good half, and what is not much worse."""
        finite = self.scores[np.isfinite(self.scores)]
        high, low = float(finite.max()), float(finite.min())
        middle = float(np.median(finite))
        low = max(low, high - max(BAD * (high - middle), 1e-6 * abs(high)))
        low = min(low, float(self.scores[self.best_index]))
        return low, high

    def _draw_panel(self, panel: Any, x: np.ndarray, low: float, high: float) -> None:
        chosen = self.best_index
        space = (high - low) or max(1e-3, 0.1 * abs(high))
        finite = np.isfinite(self.scores) & (self.status != "diverged")
        inside = finite & (self.scores >= low)
        others = np.arange(len(x)) != chosen
        floor = low - 0.09 * space
        for status, (label, mark, colour) in STATUSES.items():
            mine = inside & others & (self.status == status)
            if mine.any():
                panel.plot(
                    x[mine], self.scores[mine], mark, color=colour, label=label,
                    alpha=0.75, markeredgewidth=0,
                )  # fmt: skip
        for mine, mark, label in (
            (finite & ~inside, "v", "worse, off the scale"),
            (~finite, "x", "diverged"),
        ):
            if mine.any():
                panel.plot(
                    x[mine], np.full(mine.sum(), floor), mark, color=BLACK,
                    markerfacecolor="none", label=label, clip_on=False,
                )  # fmt: skip
        panel.plot(
            x[chosen], self.scores[chosen], "D", color=VERMILION, markersize=8,
            markerfacecolor="none", markeredgewidth=1.8,
            label=f"chosen: {self.scores[chosen]:.4g}",
        )  # fmt: skip
        panel.set_ylim(low - 0.15 * space, high + 0.08 * space)


def _differs(values: np.ndarray) -> bool:
    """Whether candidates differ in a number."""
    if values.dtype.kind not in "iuf":
        return False
    known = values[~np.isnan(values.astype(float))]
    return len(np.unique(known)) > 1 or 0 < len(known) < len(values)


def _panels(ax: Any, n: int, own: bool) -> np.ndarray:
    """So many panels in the place of axes, side by side while there is room."""
    if n == 1:
        return np.array([ax])
    columns = max(1, min(n, round(width_of(ax) / PANEL), 3))
    rows = -(-n // columns)
    columns = -(-n // rows)
    if own:
        width, _ = ax.figure.get_size_inches()
        ax.figure.set_size_inches(width, 0.5 + rows * max(1.9, 0.68 * width / columns))
    ax.set_axis_off()
    grid = ax.get_subplotspec()
    if grid is None:
        raise ValueError(
            f"ax is no place in a grid, and {n} hyperparameters need panels; pass one "
            "that plt.subplots made, or one of hyperparameters."
        )
    # A layout engine finds the spaces itself.
    free = ax.figure.get_layout_engine() is None
    spaces = {"hspace": 0.55, "wspace": 0.15} if free else {}
    cells = grid.subgridspec(rows, columns, **spaces)
    places = [cells[number // columns, number % columns] for number in range(n)]
    panels: list[Any] = []
    for place in places:
        panels.append(
            ax.figure.add_subplot(place, sharey=panels[0] if panels else None)
        )
    return np.array(panels)
