"""Made-up ratings of films for the demo of Factorization Machines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

DATA_SEED = 0
"""The same ratings whatever ``--seed``, so that runs can be compared."""
N_USERS, N_FILMS, N_RATINGS = 400, 300, 20_000
NOISE = 0.5
"""Deviation of what no model can know of a rating, in stars."""

ADJECTIVES = (
    "Blue", "Broken", "Distant", "Endless", "Golden", "Hidden", "Last", "Lost",
    "Midnight", "Paper", "Quiet", "Red", "Second", "Silver", "Summer", "Winter",
)  # fmt: skip
NOUNS = (
    "Bridge", "Circus", "Coast", "Dance", "Garden", "Harbour", "Island", "Letter",
    "Mirror", "Mountain", "Night", "Promise", "River", "Road", "Season", "Secret",
    "Station", "Storm", "Tower", "Train", "Valley", "Voyage", "Window",
)  # fmt: skip


@dataclass(frozen=True)
class Ratings:
    """Ratings from 0.5 to 5 stars, in three parts.

    A row holds a one for its user (the first columns), and a one for its film.

    Attributes
    ----------
    X : CSR of shape (n_ratings, n_users + n_films)
    y : float64 array of shape (n_ratings,)
    train, val, test : int arrays
        Rows of each part.
    titles : list of str
        Of the films.
    liking : float64 array of shape (n_users, n_films)
        The stars that each user would give each film, without noise.
    """

    X: sp.csr_matrix
    y: np.ndarray
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    titles: list[str]
    liking: np.ndarray

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.liking)


def made_up_ratings() -> Ratings:
    """Ratings of users by hidden tastes, with a fixed seed.

    A user has a level, a film has a level, and both have three hidden tastes,
    whose product adds to the stars.
    """
    rng = np.random.default_rng(DATA_SEED)
    user_tastes = rng.normal(size=(N_USERS, 3))
    film_tastes = rng.normal(size=(N_FILMS, 3))
    levels = rng.normal(0.0, 0.35, N_USERS)[:, None] + rng.normal(0.0, 0.45, N_FILMS)
    liking = 3.4 + levels + 0.45 * user_tastes @ film_tastes.T
    pairs = rng.choice(N_USERS * N_FILMS, N_RATINGS, replace=False)
    users, films = np.divmod(pairs, N_FILMS)
    stars = liking[users, films] + rng.normal(0.0, NOISE, N_RATINGS)
    y = np.clip(np.round(2.0 * stars) / 2.0, 0.5, 5.0)
    columns = np.stack([users, N_USERS + films], axis=1).ravel()
    X = sp.csr_matrix(
        (np.ones(2 * N_RATINGS), columns, np.arange(0, 2 * N_RATINGS + 1, 2)),
        shape=(N_RATINGS, N_USERS + N_FILMS),
    )
    rows = rng.permutation(N_RATINGS)
    cuts = [8 * N_RATINGS // 10, 9 * N_RATINGS // 10]
    titles = [f"{adjective} {noun}" for adjective in ADJECTIVES for noun in NOUNS]
    chosen = rng.permutation(titles)[:N_FILMS].tolist()
    train, val, test = (np.sort(part) for part in np.split(rows, cuts))
    return Ratings(X, y, train, val, test, chosen, liking)
