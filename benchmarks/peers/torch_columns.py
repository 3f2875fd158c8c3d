"""Thirty lines of PyTorch that train 32 linear models at once.

The columns differ in their learning rate only. A column's margins are multiplied by its
rate and Adam's rate is 1, which is the same since Adam's steps do not depend on the
scale of gradients, so one fused Adam trains them all.

With autograd, or with the gradient written by hand, which saves it a pass or two over
the logits. For dense rows that is X.T @ G. For CSR it reads rows by embedding_bag with
the values as weights, which beats torch.sparse's products here, and as all rows store
as many values a mini-batch is cut out by indexing; autograd gathers the gradient
itself, by hand it is an embedding_bag over the mini-batch sorted by column. SparseAdam
and an Adam on the touched rows only are slower than the fused Adam on all of them.
"""

from __future__ import annotations

import math

import scipy.sparse as sp
import torch
from torch.nn import functional

COLUMNS = 32
LOWEST_RATE, HIGHEST_RATE = 1e-3, 0.3


def rows_of(X, y) -> DenseRows | SparseRows:
    """Rows and labels in the form of their layout."""
    return SparseRows(X, y) if sp.issparse(X) else DenseRows(X, y)


class DenseRows:
    """Rows as a tensor; the products of a mini-batch with 32 columns."""

    def __init__(self, X, y):
        self.X = torch.from_numpy(X)
        self.y = torch.from_numpy(y.astype("float32"))[:, None]
        self.buffer = torch.empty(0, X.shape[1])

    def take(self, rows):
        """Cut out a mini-batch, without a new allocation each time."""
        if len(rows) != len(self.buffer):
            self.buffer = torch.empty(len(rows), self.X.shape[1])
        return torch.index_select(self.X, 0, rows, out=self.buffer), self.y[rows]

    def all(self):
        """All rows as one batch."""
        return self.X, self.y

    @staticmethod
    def scores(X, W):
        """``X @ W``."""
        return X @ W

    @staticmethod
    def gradient(X, G, n_features):
        """``X.T @ G``."""
        return X.T @ G


class SparseRows:
    """CSR with as many values in each row, as two matrices: columns and values."""

    def __init__(self, X, y):
        self.columns = torch.from_numpy(X.indices.reshape(X.shape[0], -1))
        self.values = torch.from_numpy(X.data.reshape(X.shape[0], -1))
        self.y = torch.from_numpy(y.astype("float32"))[:, None]

    def take(self, rows):
        """Cut out a mini-batch."""
        return (self.columns[rows], self.values[rows]), self.y[rows]

    def all(self):
        """All rows as one batch."""
        return (self.columns, self.values), self.y

    @staticmethod
    def scores(X, W):
        """``X @ W``."""
        columns, values = X
        return functional.embedding_bag(
            columns, W, per_sample_weights=values, mode="sum"
        )

    @staticmethod
    def gradient(X, G, n_features):
        """``X.T @ G``, from the entries sorted by column."""
        columns, values = X
        flat = columns.reshape(-1)
        order = flat.argsort()
        start = torch.zeros(n_features, dtype=torch.int64)
        start[1:] = torch.bincount(flat, minlength=n_features).cumsum(0)[:-1]
        return functional.embedding_bag(
            order // columns.shape[1],
            G,
            start,
            per_sample_weights=values.reshape(-1)[order],
            mode="sum",
        )


def train_columns(train, val, n_features, batch, epochs, by_hand):
    """Train the columns; returns the best validation loss of each.

    Parameters
    ----------
    train, val : DenseRows or SparseRows
    n_features, batch, epochs : int
    by_hand : bool
        Whether the gradient is computed without autograd.
    """
    torch.manual_seed(0)
    rate = torch.logspace(math.log10(LOWEST_RATE), math.log10(HIGHEST_RATE), COLUMNS)
    W = torch.zeros(n_features, COLUMNS, requires_grad=True)
    b = torch.zeros(COLUMNS, requires_grad=True)
    adam = torch.optim.Adam([W, b], lr=1.0, fused=True)
    best, best_W, best_b = torch.full((COLUMNS,), torch.inf), W.clone(), b.clone()
    n_rows, step = len(train.y), 0
    n_steps = epochs * -(-n_rows // batch)
    for _ in range(epochs):
        for rows in torch.randperm(n_rows).split(batch):
            X, y = train.take(rows)
            adam.param_groups[0]["lr"] = 0.5 + 0.5 * math.cos(math.pi * step / n_steps)
            if by_hand:
                with torch.no_grad():
                    G = train.scores(X, W).add_(b).mul_(rate)
                    G.sigmoid_().sub_(y).div_(len(rows))
                    W.grad, b.grad = train.gradient(X, G, n_features), G.sum(0)
            else:
                z = (train.scores(X, W) + b) * rate
                loss = functional.binary_cross_entropy_with_logits(
                    z, y.expand(-1, COLUMNS), reduction="sum"
                )
                adam.zero_grad()
                (loss / len(rows)).backward()
            adam.step()
            step += 1
        with torch.no_grad():
            X, y = val.all()
            z = val.scores(X, W).add_(b).mul_(rate)
            loss = functional.softplus(z).sub_(z.mul_(y)).mean(0)
            better = loss < best
            best = torch.where(better, loss, best)
            best_W = torch.where(better, W, best_W)
            best_b = torch.where(better, b, best_b)
    return best
