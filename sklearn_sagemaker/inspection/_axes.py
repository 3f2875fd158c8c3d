"""What all displays draw with: axes, colours, and sizes that fit."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from sklearn_sagemaker._optional import import_optional

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#707070"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
"""Okabe and Ito's, without the yellow that white paper swallows."""
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")

FEW = 6
"""Values of a hyperparameter that stand side by side, whatever is between them."""
NARROW = 4.0
"""Width in inches below which text is smaller and there are fewer ticks."""


def axes_for(ax: Any, height: float | None = None) -> Any:
    """The axes to draw in: those of the user, or new ones with room for a legend.

    Parameters
    ----------
    ax : matplotlib Axes or None
    height : float or None
        Inches of a new figure; None is two thirds of the width that the user's
        settings say, and at least 2.6.

    Raises
    ------
    OptionalDependencyError
        If matplotlib is not installed.
    """
    pyplot = import_optional("matplotlib.pyplot", "plot", "displays")
    if ax is None:
        width = pyplot.rcParams["figure.figsize"][0]
        size = (width, max(2.6, 0.66 * width) if height is None else height)
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax


def width_of(ax: Any) -> float:
    """Width of axes in inches."""
    box = ax.get_window_extent()
    return float(box.width / ax.figure.dpi)


@contextmanager
def fitted_text(ax: Any) -> Iterator[None]:
    """Texts within are as large as the axes have room for."""
    mpl = import_optional("matplotlib", "plot", "displays")
    narrow = width_of(ax) < NARROW
    size = 7.5 if narrow else 9.5
    sizes = {
        "font.size": size,
        "axes.labelsize": size,
        "axes.titlesize": size,
        "legend.fontsize": size - 0.5,
        "xtick.labelsize": size - 0.5,
        "ytick.labelsize": size - 0.5,
        "lines.markersize": 4 if narrow else 5.5,
    }
    with mpl.rc_context(sizes):
        for axis in (ax.xaxis, ax.yaxis):
            axis.label.set_size(size)
            axis.set_tick_params(labelsize=size - 0.5)
        ax.title.set_size(size)
        yield


def tidy(ax: Any) -> None:
    """A frame of two sides, and a grid that one can look through."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)


def legend_above(ax: Any, columns: int = 3) -> None:
    """A legend that covers no data, in as many columns as there is room for."""
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return
    # Axes of the user, with others above them perhaps.
    if ax.figure.get_layout_engine() is None:
        ax.legend(loc="best", framealpha=0.8)
        return
    # Only then is it known how wide the axes are.
    ax.figure.draw_without_rendering()
    for n in range(min(columns, len(handles)), 0, -1):
        legend = ax.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=n,
            frameon=False,
            borderaxespad=0.2,
            handletextpad=0.4,
            handlelength=1.6,
            columnspacing=1.0,
        )
        if legend.get_window_extent().width <= 1.02 * ax.get_window_extent().width:
            return


def say(ax: Any, text: str) -> None:
    """A remark within the axes."""
    # An average letter is half as wide as it is high.
    size = 7.5 if width_of(ax) < NARROW else 9.5
    letters = int(0.9 * 72 * width_of(ax) / (0.5 * size))
    ax.text(
        0.5,
        0.97,
        textwrap.fill(text, max(20, letters)),
        transform=ax.transAxes,
        ha="center",
        va="top",
        color="0.25",
        fontsize=size,
    )


def short_name(name: Any, limit: int) -> str:
    """A name for a label: not long, and no mathematics of matplotlib's."""
    text = str(name)
    text = text if len(text) <= limit else text[: limit - 3] + "..."
    return text.replace("$", r"\$")


def is_wide(values: np.ndarray) -> bool:
    """Whether numbers ask for a logarithmic scale."""
    positive = values[np.isfinite(values) & (values > 0)]
    return len(positive) > 1 and bool(positive.max() > 20 * positive.min())


def place_values(ax: Any, values: np.ndarray, missing: str = "solved") -> np.ndarray:
    """Put the values of a hyperparameter on the x axis.

    Few different ones stand side by side, as text does; many on a scale, by a
    logarithm where they are far apart, with places of their own for 0 and NaN.

    Parameters
    ----------
    ax : matplotlib Axes
    values : ndarray of shape (n,)
    missing : str
        What the place of NaN is called.

    Returns
    -------
    x : float64 ndarray of shape (n,)
    """
    values = np.asarray(values)
    numbers = values.dtype.kind in "biuf"
    kinds, x = np.unique(values if numbers else values.astype(str), return_inverse=True)
    if not numbers or len(kinds) <= FEW:
        ax.set_xticks(range(len(kinds)), [_text(kind, missing) for kind in kinds])
        ax.set_xlim(-0.6, len(kinds) - 0.4)
        return x.astype(np.float64)
    x = values.astype(np.float64)
    known = x[~np.isnan(x)]
    if not is_wide(known):
        return _with_places(ax, x, [], known.min(), known.max(), missing, float)
    low, high = np.log10(known[known > 0].min()), np.log10(known.max())
    ax.set_xscale("log")
    decades = np.arange(np.ceil(low - 1e-9), np.floor(high + 1e-9) + 1)
    room = 3 if width_of(ax) < NARROW else 6
    ticks = [
        (10.0**n, f"$10^{{{int(n)}}}$")
        for n in decades[:: max(1, -(-len(decades) // room))]
    ]
    return _with_places(ax, x, ticks, low, high, missing, lambda place: 10.0**place)


def _with_places(ax, x, ticks, low, high, missing, value) -> np.ndarray:
    """Places left of the scale for numbers that it has none for, and its limits."""
    step = 0.12 * (high - low)
    logarithmic = ax.get_xscale() == "log"
    for mask, name in ((logarithmic & (x == 0), "0"), (np.isnan(x), missing)):
        if mask.any():
            low -= step
            x[mask] = value(low)
            ticks = [*ticks, (value(low), name)]
    ax.set_xlim(value(low - 0.5 * step), value(high + 0.5 * step))
    if ticks and not logarithmic:
        shown = [tick for tick in ax.get_xticks() if low + step <= tick <= high]
        ticks = [*ticks, *((tick, f"{tick:g}") for tick in shown)]
    if ticks:
        ax.set_xticks(*zip(*sorted(ticks), strict=True))
        ax.minorticks_off()
    return x


def _text(kind: Any, missing: str) -> str:
    if isinstance(kind, str):
        return kind
    return missing if np.isnan(kind) else f"{kind:.3g}"
