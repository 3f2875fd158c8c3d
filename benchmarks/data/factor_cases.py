"""Small made sets by which factorization machines are held to linear models.

A case draws ``(X, y, n_train)`` from a generator: float labels are numbers to predict,
integer ones are classes. Ids are one-hot; a rating is the sum of what each id adds, and
of ``interaction`` times the inner product of three hidden factors of each pair of ids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

Case = Callable[[np.random.Generator], tuple[Any, np.ndarray, int]]

RANK = 3
SHARE = 0.7
"""Of the rows, that train."""


def one_hot(ids: list[np.ndarray], counts: tuple[int, ...]) -> sp.csr_matrix:
    """Ids side by side, one column for each."""
    rows = np.arange(len(ids[0]))
    ones = np.ones(len(rows))
    blocks = [
        sp.csr_matrix((ones, (rows, found)), shape=(len(rows), count))
        for found, count in zip(ids, counts, strict=True)
    ]
    return sp.csr_matrix(sp.hstack(blocks))


def scores_of(
    rng, n: int, counts: tuple[int, ...], interaction: float, linear: float = 0.7
) -> tuple[sp.csr_matrix, np.ndarray]:
    """Ids, and scores without noise."""
    ids = [rng.integers(count, size=n) for count in counts]
    scores = np.zeros(n)
    factors = []
    for found, count in zip(ids, counts, strict=True):
        scores += linear * rng.normal(size=count)[found]
        factors.append(rng.normal(size=(count, RANK))[found])
    for i, mine in enumerate(factors):
        for other in factors[:i]:
            scores += interaction * (mine * other).sum(axis=1) / np.sqrt(RANK)
    return one_hot(ids, counts), scores


def labels(rng, scores: np.ndarray, share: float | None, slope: float = 1.5):
    """Classes by log-odds, of which about that share is positive."""
    odds = slope * scores
    if share is not None:
        odds = odds + np.quantile(-odds, share) - 0.3
    return (rng.random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(int)


def beside(X, *columns: np.ndarray) -> sp.csr_matrix:
    """Columns of numbers beside ids."""
    return sp.csr_matrix(sp.hstack([X, *(column[:, None] for column in columns)]))


def ratings(
    n: int,
    *counts: int,
    interaction: float = 0.0,
    noise: float = 0.4,
    columns: Callable[[np.random.Generator, int], tuple[np.ndarray, ...]] | None = None,
) -> Case:
    """Numbers to predict, from ids and columns that tell nothing."""

    def draw(rng):
        X, scores = scores_of(rng, n, counts, interaction)
        y = scores + rng.normal(0, noise, n)
        if columns is not None:
            X = beside(X, *columns(rng, n))
        return X, y, int(SHARE * n)

    return draw


def clicks(
    n: int,
    *counts: int,
    interaction: float = 0.0,
    share: float | None = None,
    columns: Callable[[np.random.Generator, int], tuple[np.ndarray, ...]] | None = None,
) -> Case:
    """Two classes, from ids and columns that tell nothing."""

    def draw(rng):
        X, scores = scores_of(rng, n, counts, interaction)
        y = labels(rng, scores, share)
        if columns is not None:
            X = beside(X, *columns(rng, n))
        return X, y, int(SHARE * n)

    return draw


def amounts(n: int, *counts: int, interaction: float, kind: str) -> Case:
    """Ids and two log-normal amounts, of which one tells something."""

    def draw(rng):
        X, scores = scores_of(rng, n, counts, interaction)
        small, large = rng.lognormal(0, 1, n), rng.lognormal(4, 1.5, n)
        scores = scores + 0.5 * small
        X = beside(X, small, large)
        if kind == "numbers":
            return X, scores + rng.normal(0, 0.4, n), int(SHARE * n)
        return X, labels(rng, scores - 0.8, None), int(SHARE * n)

    return draw


def kinds_of_item(n: int, users: int, items: int, classes: int) -> Case:
    """Several classes, by what each id adds to each of them."""

    def draw(rng):
        ids = [rng.integers(count, size=n) for count in (users, items)]
        scores = rng.gumbel(size=(n, classes))
        for found, count in zip(ids, (users, items), strict=True):
            scores += rng.normal(size=(count, classes))[found]
        return one_hot(ids, (users, items)), scores.argmax(axis=1), int(SHARE * n)

    return draw


def numbers(n: int, d: int, pairs: int, classes: bool = False) -> Case:
    """Dense columns of numbers, some pairs of which count."""

    def draw(rng):
        X = rng.normal(size=(n, d))
        scores = X @ rng.normal(size=d) / np.sqrt(d)
        for _ in range(pairs):
            i, j = rng.choice(d, 2, replace=False)
            scores += rng.normal() * X[:, i] * X[:, j]
        if classes:
            return X, labels(rng, scores, None), int(SHARE * n)
        return X, scores + rng.normal(0, 0.5, n), int(SHARE * n)

    return draw


def _noise(count: int):
    return lambda rng, n: tuple(rng.normal(size=(count, n)))


def _month_and_age(rng, n):
    return rng.integers(1, 13, n), rng.integers(18, 80, n)


def _year(rng, n):
    return (2000.0 + rng.integers(0, 20, n),)


CASES: dict[str, Case] = {
    # As users have reported.
    "ids": ratings(8000, 120, 100, interaction=1.0),
    "ids, noise": ratings(8000, 120, 100, interaction=1.0, columns=_noise(1)),
    "ids, month, age": ratings(8000, 120, 100, interaction=1.0, columns=_month_and_age),
    "few ratings, additive": ratings(600, 50, 45, noise=0.5),
    "clicks": clicks(10_000, 250, 180, interaction=1.3),
    "clicks, noise": clicks(10_000, 250, 180, interaction=1.3, columns=_noise(1)),
    # Other numbers of ids, of ratings of each, and strengths of the pairs.
    "few ids": ratings(3000, 40, 30, interaction=0.7),
    "many ids": ratings(15_000, 600, 400, interaction=1.0),
    "weak pairs": ratings(6000, 100, 80, interaction=0.3),
    "strong pairs": ratings(5000, 80, 60, interaction=2.0),
    "many additive ratings": ratings(5000, 150, 120),
    "very few ratings of each": ratings(900, 150, 120),
    "three ids": ratings(8000, 80, 60, 20, interaction=0.7),
    "three ids, additive": ratings(1500, 60, 50, 12, noise=0.5),
    "five columns of noise": ratings(6000, 100, 80, interaction=1.0, columns=_noise(5)),
    "year": ratings(6000, 100, 80, interaction=1.0, columns=_year),
    "additive, month, age": ratings(1200, 60, 50, columns=_month_and_age),
    "100 rows": ratings(145, 10, 8),
    "100 rows, 70 ids": ratings(145, 40, 30),
    "only noise": ratings(1000, 50, 40, noise=10.0),
    "additive clicks": clicks(4000, 150, 100),
    "few additive clicks": clicks(600, 50, 45),
    "weak clicks": clicks(8000, 120, 100, interaction=0.4),
    "rare clicks": clicks(15_000, 200, 150, interaction=1.0, share=0.03),
    "rare additive clicks": clicks(8000, 150, 100, share=0.02),
    "clicks, month, age": clicks(
        8000, 150, 120, interaction=1.0, columns=_month_and_age
    ),
    "100 clicks": clicks(145, 10, 8),
    "three ids, clicks": clicks(9000, 80, 60, 20, interaction=0.7),
    # Other columns.
    "amounts": amounts(5000, 80, 60, interaction=0.0, kind="numbers"),
    "amounts, pairs": amounts(6000, 80, 60, interaction=0.8, kind="numbers"),
    "amounts, clicks": amounts(5000, 80, 60, interaction=0.0, kind="clicks"),
    "amounts, pairs, clicks": amounts(8000, 80, 60, interaction=0.8, kind="clicks"),
    "five classes": kinds_of_item(4000, 60, 50, 5),
    "dense, linear": numbers(300, 12, 0),
    "dense, pairs": numbers(2000, 12, 6),
    "dense, linear, classes": numbers(400, 12, 0, True),
    "dense, pairs, classes": numbers(3000, 12, 6, True),
}
"""The sets by name."""
