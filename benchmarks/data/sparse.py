"""A large sparse classification problem, from a fixed seed.

``python -m benchmarks.data.sparse FOLDER`` writes it as .npy files.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from benchmarks.data.sets import Split

N_FEATURES = 47_000
PER_ROW = 75
ROWS = {"train": 200_000, "val": 20_000, "test": 20_000}
SEED = 20_240_501
# Columns drawn per row until PER_ROW of them are distinct, and rows at a time.
DRAWS, CHUNK = 160, 20_000
RELEVANT = 4_000


def _distinct_columns(rng: np.random.Generator, n_rows: int) -> np.ndarray:
    """The first `PER_ROW` distinct of Zipf-distributed draws (p ~ 1/rank)."""
    ranks = np.exp(rng.random((n_rows, DRAWS)) * math.log(N_FEATURES + 1)) - 1
    ranks = np.minimum(ranks.astype(np.int32), N_FEATURES - 1)
    order = np.argsort(ranks, axis=1, kind="stable")
    ordered = np.take_along_axis(ranks, order, axis=1)
    first = np.ones(ranks.shape, dtype=bool)
    np.put_along_axis(first, order[:, 1:], ordered[:, 1:] != ordered[:, :-1], 1)
    chosen = first & (np.cumsum(first, axis=1) <= PER_ROW)
    if np.count_nonzero(chosen) != n_rows * PER_ROW:
        raise RuntimeError(f"a row has fewer than {PER_ROW} distinct columns")
    return ranks[chosen].reshape(n_rows, PER_ROW)


def make_sparse(seed: int = SEED) -> Split:
    """Rows of 75 stored values in 47,000 columns, and noisy binary labels.

    Columns are Zipf-distributed and scattered by a permutation; values are
    positive float32 and each row has length 1, as in a text collection. Labels
    are drawn with the probabilities of a logistic model with `RELEVANT` non-zero
    weights.

    Returns
    -------
    split : Split
        CSR with int32 indices, sorted within a row; y is 0 or 1.
    """
    rng = np.random.default_rng(seed)
    place = rng.permutation(N_FEATURES).astype(np.int32)
    model = np.zeros(N_FEATURES, dtype=np.float32)
    # Every second one of the frequent columns matters, so that there is a signal.
    relevant = place[: 2 * RELEVANT : 2]
    model[relevant] = rng.standard_normal(RELEVANT)
    total = sum(ROWS.values())
    indices = np.empty((total, PER_ROW), dtype=np.int32)
    data = np.empty((total, PER_ROW), dtype=np.float32)
    y = np.empty(total, dtype=np.int64)
    for start in range(0, total, CHUNK):
        rows = slice(start, min(start + CHUNK, total))
        n_rows = rows.stop - rows.start
        chunk = np.sort(place[_distinct_columns(rng, n_rows)], axis=1)
        values = rng.gamma(2.0, 1.0, chunk.shape).astype(np.float32)
        values /= np.sqrt(np.sum(values * values, axis=1, keepdims=True))
        margin = 3.0 * np.sum(model[chunk] * values, axis=1, dtype=np.float64)
        indices[rows], data[rows] = chunk, values
        y[rows] = rng.random(n_rows) < 1.0 / (1.0 + np.exp(-margin))
    parts, start = [], 0
    for n_rows in ROWS.values():
        rows = slice(start, start + n_rows)
        parts += [_csr(data[rows].ravel(), indices[rows].ravel()), y[rows]]
        start += n_rows
    return Split(*parts)


def _csr(data: np.ndarray, indices: np.ndarray) -> sp.csr_matrix:
    indptr = np.arange(0, len(data) + 1, PER_ROW, dtype=np.int32)
    X = sp.csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, N_FEATURES))
    X.has_sorted_indices = X.has_canonical_format = True
    return X


def save_sparse(folder: Path) -> None:
    """Write `make_sparse` as .npy files, which load without a temporary copy."""
    split = make_sparse()
    for name in ROWS:
        X, y = getattr(split, f"X_{name}"), getattr(split, f"y_{name}")
        np.save(folder / f"{name}_data.npy", X.data)
        np.save(folder / f"{name}_indices.npy", X.indices)
        np.save(folder / f"{name}_y.npy", y)


def load_sparse(folder: Path, name: str) -> tuple[sp.csr_matrix, np.ndarray]:
    """Read one part that `save_sparse` wrote."""
    data, indices, y = (
        np.load(folder / f"{name}_{array}.npy") for array in ("data", "indices", "y")
    )
    return _csr(data, indices), y


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the sparse data set.")
    parser.add_argument("folder", type=Path)
    save_sparse(parser.parse_args().folder)
