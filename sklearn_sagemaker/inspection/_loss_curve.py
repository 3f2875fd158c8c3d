"""Losses by epoch, and where each candidate ended."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker.estimators._told import told
from sklearn_sagemaker.inspection._axes import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    VERMILION,
    is_wide,
    legend_above,
    say,
)
from sklearn_sagemaker.inspection._display import Display
from sklearn_sagemaker.inspection._models import model_in

STREAM = "test-then-train"
OTHERS = {
    "completed": ("others, to the end", "o", GREY),
    "early_stopped": ("others, stopped early", "^", GREEN),
}


class LossCurveDisplay(Display):
    """Training and validation loss of the chosen candidate by epoch.

    Parameters
    ----------
    loss_curve : float64 ndarray of shape (n_epochs,)
        Mean loss on the training rows; of steps the mean over an epoch, while the
        weights moved.
    validation_curve : float64 ndarray of shape (n_epochs,), default=None
        On the validation rows; None without such.
    best_epoch : int, default=None
        The epoch whose weights were kept, from 1; None if that is not known.
    others : dict of str to ndarray of shape (n_others,), default=None
        Of the other candidates ``best_epoch``, ``n_iter``, ``validation_loss`` and
        ``status``.
    loss_name : str, default="loss"
    remark : str, default=None
        What to say within the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    LossCurveDisplay.from_estimator : Of a fitted estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.inspection import LossCurveDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LinearLearnerClassifier(optimizer="adam", epochs=5, random_state=0)
    >>> display = LossCurveDisplay.from_estimator(model.fit(X, y))
    >>> len(display.loss_curve), display.loss_name
    (5, 'logistic')
    """

    def __init__(
        self,
        *,
        loss_curve: np.ndarray,
        validation_curve: np.ndarray | None = None,
        best_epoch: int | None = None,
        others: dict[str, np.ndarray] | None = None,
        loss_name: str = "loss",
        remark: str | None = None,
    ):
        self.loss_curve = loss_curve
        self.validation_curve = validation_curve
        self.best_epoch = best_epoch
        self.others = others
        self.loss_name = loss_name
        self.remark = remark

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax=None) -> LossCurveDisplay:
        """Draw the losses of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted; or a Pipeline that ends in one, or a search for one. Candidates
            that were solved, and streams, have no epochs: the losses of the chosen
            one are shown, and it is said.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        OptionalDependencyError
            If matplotlib is not installed.
        TrainingUnknownError
            If it holds no losses, as a model of an artifact does not.
        TypeError
            If there is no estimator of this package in it.

        Notes
        -----
        An estimator keeps the curves of the chosen candidate. Of each other one it
        keeps the best epoch, its loss there and how it ended, which are marks.
        """
        model, _ = model_in(estimator)
        curve = told(model, "loss_curve_", "losses")
        table = getattr(model, "candidates_", None)
        best_epoch = others = None
        if table is not None:
            best_epoch = int(table["best_epoch"][model.best_index_])
            rest = np.arange(len(table["status"])) != model.best_index_
            names = ("best_epoch", "n_iter", "validation_loss", "status")
            others = {name: table[name][rest] for name in names}
        display = cls(
            loss_curve=curve,
            validation_curve=getattr(model, "validation_curve_", None),
            best_epoch=best_epoch,
            others=others,
            loss_name=str(model.resolved_params_.get("loss", "loss")),
            remark=_remark(model, table),
        )
        return display.plot(ax=ax)

    def _draw(self, ax: Any, own: bool) -> None:
        epochs = np.arange(1, len(self.loss_curve) + 1)
        few = len(epochs) == 1
        ax.plot(epochs, self.loss_curve, "o" if few else "--", color=BLUE,
                label=_named("training", self.loss_curve, few))  # fmt: skip
        kept = self.loss_curve
        if self.validation_curve is not None:
            kept = self.validation_curve
            ax.plot(epochs, kept, "s" if few else "-", color=VERMILION,
                    label=_named("validation", kept, few))  # fmt: skip
        shown = np.array([])
        if not few:
            self._draw_best(ax, kept)
            shown = self._draw_others(ax)
            ax.set_xlabel("epoch")
            ax.xaxis.get_major_locator().set_params(integer=True)
        else:
            ax.set_xticks([])
            ax.set_xlim(0, 2)
            # Above the marks there is room for the remark.
            low, high = sorted((self.loss_curve[0], kept[0]))
            space = (high - low) or 0.1 * abs(high) or 1.0
            ax.set_ylim(low - 0.4 * space, high + 2.0 * space)
        ax.set_ylabel(f"mean loss ({self.loss_name})")
        if not few and is_wide(np.concatenate([self.loss_curve, kept, shown])):
            ax.set_yscale("log")
        legend_above(ax, 2)
        if self.remark:
            say(ax, self.remark)

    def _draw_best(self, ax: Any, kept: np.ndarray) -> None:
        known = self.best_epoch is not None
        best = int(self.best_epoch or np.argmin(kept) + 1)
        said = "kept" if known else "lowest"
        if 1 <= best <= len(kept):
            ax.plot(best, kept[best - 1], "D", color=BLACK, markerfacecolor="none",
                    markersize=9, label=f"{said}: epoch {best}")  # fmt: skip
        ax.axvline(best, color="0.6", linewidth=0.8, linestyle=":")

    def _draw_others(self, ax: Any) -> np.ndarray:
        """Marks of the other candidates; the losses that they are drawn at."""
        if self.others is None or not len(self.others["status"]):
            return np.array([])
        epoch, loss = self.others["best_epoch"], self.others["validation_loss"]
        status = self.others["status"]
        for name, (label, mark, colour) in OTHERS.items():
            mine = (status == name) & np.isfinite(loss)
            if mine.any():
                ax.plot(epoch[mine], loss[mine], mark, color=colour, alpha=0.55,
                        markerfacecolor="none", label=label, zorder=1)  # fmt: skip
        gone = (status == "diverged") | ~np.isfinite(loss)
        if gone.any():
            ax.plot(self.others["n_iter"][gone], np.full(gone.sum(), 0.99), "x",
                    color=BLACK, transform=ax.get_xaxis_transform(),
                    label="others, diverged")  # fmt: skip
        return loss[~gone]


def _named(label: str, curve: np.ndarray, few: bool) -> str:
    return f"{label}: {curve[-1]:.4g}" if few else label


def _remark(model: Any, table: Any) -> str | None:
    """What to say where there are no epochs, or less is known than of a fit here."""
    resolved = model.resolved_params_
    if resolved.get("validation") == STREAM:
        return "A stream has no epochs. Each row was scored before it was trained on."
    if table is None:
        return None
    if "epochs" not in resolved:
        return (
            f"Solved for its optimum ({resolved['optimizer']}): there are no epochs. "
            "CandidatesDisplay shows the penalties; optimizer='adam' trains by epochs."
        )
    return None
