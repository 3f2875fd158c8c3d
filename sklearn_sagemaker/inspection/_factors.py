"""Items in the plane in which their factors differ most."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker.inspection._axes import (
    BLUE,
    short_name,
)
from sklearn_sagemaker.inspection._display import Display
from sklearn_sagemaker.inspection._models import model_in, names_of

LONGEST = 24
"""Letters of an item's name that are shown."""
ROOM = (0.30, 0.07)
"""Share of the axes that a name takes."""


class FactorsDisplay(Display):
    """Items of a factorization machine in the plane of two components.

    Items lie near each other that go well with the same things.

    Parameters
    ----------
    points : float64 ndarray of shape (n_items, 2)
        The two principal components of their factors.
    names : ndarray of str of shape (n_items,)
    share : tuple of (float, float), default=None
        Of the variance of all factors, what each component has.
    max_names : int, default=12
        Names that are written, of those farthest out, where there is room.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    FactorsDisplay.from_estimator : Of a fitted estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker import FactorizationMachinesRegressor
    >>> from sklearn_sagemaker.inspection import FactorsDisplay
    >>> users = np.eye(4)[np.arange(80) % 4]
    >>> films = np.eye(5)[np.arange(80) * 3 % 5]
    >>> likes = users.argmax(axis=1) == films.argmax(axis=1)
    >>> model = FactorizationMachinesRegressor(cv=False, epochs=50, random_state=0)
    >>> model = model.fit(np.hstack([users, films]), likes)
    >>> FactorsDisplay.from_estimator(model, np.arange(4, 9)).points.shape
    (5, 2)
    """

    def __init__(
        self,
        *,
        points: np.ndarray,
        names: np.ndarray,
        share: tuple[float, float] | None = None,
        max_names: int = 12,
    ):
        self.points = points
        self.names = names
        self.share = share
        self.max_names = max_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        items: Any = None,
        *,
        names: Any = None,
        label: Any = None,
        max_names: int = 12,
        ax=None,
    ) -> FactorsDisplay:
        """Draw the factors of a fitted estimator.

        Parameters
        ----------
        estimator : FactorizationMachinesClassifier or FactorizationMachinesRegressor
            Fitted; or a Pipeline that ends in one, or a search for one.
        items : array-like of int or str, or {array-like, sparse matrix}, default=None
            As of its ``item_vectors``: columns, or rows that hold the features of an
            item. None are all columns.
        names : array-like of shape (n_items,), default=None
            None are those of the columns.
        label : object, default=None
            The class whose factors are meant; needed with more than two.
        max_names : int, default=12
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : FactorsDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        OptionalDependencyError
            If matplotlib is not installed.
        TypeError
            If it has no factors.
        ValueError
            If there are fewer than two items, or other than as many names, an item or
            the label is unknown, or all factors are equal, as those of a model whose
            linear part was chosen alone.
        """
        model, before = model_in(estimator)
        if not hasattr(model, "item_vectors"):
            raise TypeError(
                f"{type(model).__name__} has no factors; pass one of Factorization "
                "Machines, or see its coefficients by CoefficientsDisplay."
            )
        if items is None:
            items = np.arange(model.n_features_in_)
        # Without the linear weight, which says how good and not how alike.
        vectors = model.item_vectors(items, label=label)[:, :-1]
        names = _names(names, items, len(vectors), names_of(model, before, None))
        if len(vectors) < 2:
            raise ValueError("A plane needs at least two items; pass more.")
        centred = vectors - vectors.mean(axis=0)
        if not np.any(np.abs(centred) > 1e-12 * max(1e-300, np.abs(vectors).max())):
            raise ValueError(
                "All factors are equal, so there is no plane: the candidate that was "
                "chosen has linear weights only. CoefficientsDisplay shows them; "
                "num_models=1 trains factors alone."
            )
        # The signs of components are anyone's choice: here the largest numbers are > 0.
        _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
        axes = np.vstack([axes, np.zeros((1, axes.shape[1]))])[:2]
        axes *= np.where(_leading(axes) < 0, -1.0, 1.0)
        variance = np.append(sizes**2, 0.0)[:2] / np.sum(sizes**2)
        display = cls(
            points=centred @ axes.T,
            names=names,
            share=(float(variance[0]), float(variance[1])),
            max_names=max_names,
        )
        return display.plot(ax=ax)

    def _draw(self, ax: Any, own: bool) -> None:
        few = len(self.points) <= 200
        ax.axhline(0, color="0.85", linewidth=0.8)
        ax.axvline(0, color="0.85", linewidth=0.8)
        ax.plot(*self.points.T, "o", color=BLUE, alpha=0.7 if few else 0.3,
                markeredgewidth=0, markersize=5 if few else 3)  # fmt: skip
        for place in self._named():
            inside = self.points[place, 0] <= np.mean(ax.get_xlim())
            name = short_name(self.names[place], LONGEST)
            ax.annotate(
                name, self.points[place], xytext=(4, 3), color="0.15",
                textcoords="offset points", ha="left" if inside else "right",
            )  # fmt: skip
        share = [""] * 2
        if self.share is not None:
            share = [f" ({one:.0%} of variance)" for one in self.share]
        ax.set_xlabel(f"component 1{share[0]}")
        ax.set_ylabel(f"component 2{share[1]}")
        ax.margins(0.1)

    def _named(self) -> list[int]:
        """Items whose names are written: those farthest out that cover no other."""
        room = np.maximum(np.ptp(self.points, axis=0), 1e-12) * ROOM
        found: list[int] = []
        for place in np.argsort(-np.hypot(*self.points.T), kind="stable"):
            if len(found) == self.max_names:
                break
            near = np.abs(self.points[found] - self.points[place]) < room
            if not near.all(axis=1).any():
                found.append(int(place))
        return found


def _leading(axes: np.ndarray) -> np.ndarray:
    """The largest number of each axis, whatever its sign."""
    return np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)


def _names(names: Any, items: Any, n: int, columns: np.ndarray) -> np.ndarray:
    if names is not None:
        names = np.asarray(names, dtype=object)
        if names.shape != (n,):
            raise ValueError(
                f"names has the shape {names.shape}, but there are {n} items; pass one "
                "name for each."
            )
        return names
    if np.ndim(items) == 2:
        return np.array([f"row {number}" for number in range(n)], dtype=object)
    items = np.atleast_1d(np.asarray(items))
    return columns[items] if items.dtype.kind in "iu" else items.astype(object)
