"""Data of the benchmarks of factorization machines, from fixed seeds.

A made row has one column from each of ten fields, the fields being strata of the
popularity ranks: with n columns, field j holds the ranks from n**(j / 10) to
n**((j + 1) / 10), and a column's chance in its field is as 1 / rank. So columns are
Zipf-distributed as a whole, those of a row are distinct, and the fields have from
two columns to a third of all, as those of advertising data. Ranks are scattered over
the columns by a permutation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.sparse as sp

from benchmarks.data.sets import Split, load

PER_ROW = 10
SPEED_ROWS, SPEED_COLUMNS = 300_000, 20_000
# Few enough columns that the pairs can be learned from the rows.
CTR_COLUMNS = 2_000
CTR_ROWS = {"train": 100_000, "val": 20_000, "test": 40_000}
SEED = 20_250_611
PLANTED_FACTORS = 8
CHUNK = 100_000
RATINGS = ("mlsmall", "mlsmall_side")


def make_rows(
    n_rows: int, n_columns: int = SPEED_COLUMNS, *, ones: bool = False, seed: int = SEED
) -> sp.csr_matrix:
    """Rows of ten stored values, made in chunks without large temporary arrays.

    Parameters
    ----------
    n_rows, n_columns : int
    ones : bool
        Whether all values are 1; otherwise they are uniform in [0.5, 1.5).
    seed : int

    Returns
    -------
    X : csr_matrix of shape (n_rows, n_columns)
        float32 values, int32 indices that are sorted within a row.
    """
    rng = np.random.default_rng(seed)
    place = rng.permutation(n_columns).astype(np.int32)
    bounds = np.round((n_columns + 1.0) ** (np.arange(PER_ROW + 1) / PER_ROW))
    low, high = np.log(bounds[:-1]), np.log(bounds[1:])
    first, last = bounds[:-1].astype(np.int64) - 1, bounds[1:].astype(np.int64) - 2
    indices = np.empty((n_rows, PER_ROW), dtype=np.int32)
    data = np.ones(n_rows * PER_ROW, dtype=np.float32)
    values = data.reshape(n_rows, PER_ROW)
    for start in range(0, n_rows, CHUNK):
        rows = slice(start, min(start + CHUNK, n_rows))
        shape = (rows.stop - rows.start, PER_ROW)
        ranks = np.exp(low + rng.random(shape) * (high - low)).astype(np.int64) - 1
        chosen = place[np.clip(ranks, first, last)]
        chosen.sort(axis=1)
        indices[rows] = chosen
        if not ones:
            values[rows] = rng.random(shape, dtype=np.float32) + np.float32(0.5)
    # int32 row starts, like what scikit-learn's loaders give, as far as they reach.
    starts = np.arange(0, n_rows * PER_ROW + 1, PER_ROW, dtype=np.int32)
    X = sp.csr_matrix((data, indices.reshape(-1), starts), shape=(n_rows, n_columns))
    X.has_sorted_indices = X.has_canonical_format = True
    return X


def planted_scores(X: sp.csr_matrix, seed: int = SEED + 1) -> np.ndarray:
    """Scores of a random factorization machine: linear part and pairs alike."""
    rng = np.random.default_rng(seed)
    n_columns = X.shape[1]
    linear = rng.normal(0.0, 0.4, n_columns).astype(np.float32)
    factors = rng.normal(0.0, 0.4, (n_columns, PLANTED_FACTORS)).astype(np.float32)
    scores = np.empty(X.shape[0], dtype=np.float32)
    for start in range(0, X.shape[0], CHUNK):
        stop = min(start + CHUNK, X.shape[0])
        part = slice(start * PER_ROW, stop * PER_ROW)
        columns = X.indices[part].reshape(-1, PER_ROW)
        values = X.data[part].reshape(-1, PER_ROW)
        terms = factors[columns] * values[:, :, None]
        pairs = np.sum(terms.sum(1) ** 2, axis=1) - np.sum(terms**2, axis=(1, 2))
        scores[start:stop] = np.sum(linear[columns] * values, axis=1) + 0.5 * pairs
    return scores


def make_speed(
    n_rows: int = SPEED_ROWS, seed: int = SEED
) -> tuple[sp.csr_matrix, np.ndarray, np.ndarray]:
    """The set of the speed bars: rows, noisy targets (float32), labels (0 or 1)."""
    X = make_rows(n_rows, seed=seed)
    return X, *_targets(planted_scores(X), seed + 2)


def make_ctr(seed: int = SEED + 10) -> Split:
    """A set like click logs: ones only, a third of the labels positive."""
    X = make_rows(sum(CTR_ROWS.values()), CTR_COLUMNS, ones=True, seed=seed)
    _, y = _targets(planted_scores(X, seed + 1), seed + 2)
    parts, start = [], 0
    for n_rows in CTR_ROWS.values():
        rows = slice(start, start + n_rows)
        parts += [X[rows], y[rows]]
        start += n_rows
    return Split(*parts)


def _targets(scores: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(len(scores), dtype=np.float32)
    chance = 1.0 / (1.0 + np.exp(-2.0 * (scores - np.quantile(scores, 2 / 3))))
    return scores + noise, (rng.random(len(scores)) < chance).astype(np.int64)


# ------------------------------------------------------------------------ ratings
def load_ratings(data_dir: Path, name: str) -> tuple[Split, list[int]]:
    """Film ratings, and the numbers of users, films, and genres and periods if any."""
    split = load(data_dir, name)
    with np.load(data_dir / f"{name}.npz") as file:
        sizes = [int(file["n_users"]), int(file["n_items"])]
    n_columns = split.X_train.shape[1]
    if n_columns > sum(sizes):
        # The last stored value of each row is in its period's column.
        parts = (split.X_train, split.X_val, split.X_test)
        first = min(int(X.indices[X.indptr[1:] - 1].min()) for X in parts)
        sizes += [first - sum(sizes), n_columns - first]
    return split, sizes


def make_ratings(
    n_rows: int, n_users: int = 6_000, n_items: int = 4_000, seed: int = SEED + 20
) -> tuple[sp.csr_matrix, np.ndarray]:
    """Ratings of items by users, as one-hot ids; some rate, and are rated, far more.

    Returns
    -------
    X : csr_matrix of shape (n_rows, n_users + n_items)
        float32 ones.
    y : float32 array of shape (n_rows,)
    """
    rng = np.random.default_rng(seed)
    users = (n_users * rng.random(n_rows) ** 2).astype(np.int32)
    items = (n_items * rng.random(n_rows) ** 2.5).astype(np.int32) + n_users
    indices = np.stack([users, items], axis=1).reshape(-1)
    starts = np.arange(0, 2 * n_rows + 1, 2, dtype=np.int32)
    shape = n_rows, n_users + n_items
    X = sp.csr_matrix((np.ones(2 * n_rows, np.float32), indices, starts), shape=shape)
    linear = rng.normal(0.0, 0.5, shape[1]).astype(np.float32)
    factors = rng.normal(0.0, 0.5, (shape[1], 4)).astype(np.float32)
    y = linear[users] + linear[items]
    y += np.einsum("ij,ij->i", factors[users], factors[items])
    return X, y + rng.standard_normal(n_rows, dtype=np.float32)


# --------------------------------------------------------------- files for programs
def write_libsvm(path: Path, X: sp.csr_matrix, y: np.ndarray) -> None:
    """Write rows as "target column:value ...", which libFM and xLearn read."""
    with path.open("w") as file:
        for row, target in enumerate(y):
            part = slice(X.indptr[row], X.indptr[row + 1])
            pairs = zip(X.indices[part], X.data[part], strict=True)
            text = " ".join(f"{column}:{value:.7g}" for column, value in pairs)
            file.write(f"{target:g} {text}\n")


# ------------------------------------------------------------------------- clicks
def load_clicks(data_dir: Path) -> dict[str, np.ndarray]:
    """Films that users rated with 4 stars or more, as columns of a table.

    Returns
    -------
    columns : dict of arrays of shape (n_clicks,)
        ``user``, ``film`` and ``genres``, whose values are lists.
    """
    with np.load(data_dir / "mlsmall_side.npz") as file:
        n_users, n_items = int(file["n_users"]), int(file["n_items"])
        X = sp.csr_array(
            (file["data"], file["indices"], file["indptr"]), shape=tuple(file["shape"])
        )
        X = X[file["y"] >= 4]
    first = X.indices[X.indptr[1:] - 1].min()  # of the periods, each row's last value
    parts = [X.indices[X.indptr[i] : X.indptr[i + 1]] for i in range(X.shape[0])]
    genres = np.empty(len(parts), dtype=object)
    genres[:] = [part[(part >= n_users + n_items) & (part < first)] for part in parts]
    return {
        "user": np.array([part[0] for part in parts]),
        "film": np.array([part[1] - n_users for part in parts]),
        "genres": genres,
    }
