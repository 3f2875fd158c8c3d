"""What every display is: data that are drawn, in axes of the user or in new ones."""

from __future__ import annotations

from typing import Any, Self

from sklearn_sagemaker.inspection._axes import axes_for, fitted_text, tidy


class Display:
    """Base of the displays."""

    ax_: Any
    figure_: Any

    def plot(self, ax=None) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : object
            With ``ax_`` and ``figure_``.

        Raises
        ------
        OptionalDependencyError
            If matplotlib is not installed.
        """
        self.ax_ = axes_for(ax, self._height())
        self.figure_ = self.ax_.figure
        with fitted_text(self.ax_):
            tidy(self.ax_)
            self._draw(self.ax_, own=ax is None)
        return self

    def _height(self) -> float | None:
        """Inches of a new figure; None is by its width."""
        return None

    def _draw(self, ax: Any, own: bool) -> None:
        """Draw the data; `own` is whether the figure is this display's."""
        raise NotImplementedError
