"""Solvers of one regularised logistic model: scikit-learn's, snapml, lightning, VW.

Those that have no free intercept get a constant column, or intercept_scaling, of
several sizes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

CONSTANTS = (1.0, 3.0, 10.0, 30.0)
MAX_HESSIAN_BYTES = 1e9

Solution = tuple[np.ndarray, float]


class Problem(Protocol):
    """Rows as the peers read them, labels 0 or 1, and the weight decay."""

    X: Any
    y: np.ndarray
    wd: float


def sklearn_fit(problem: Problem, settings: dict, n: int) -> Solution:
    """scikit-learn's LogisticRegression."""
    model = LogisticRegression(
        C=1 / (len(problem.y) * problem.wd),
        max_iter=n,
        tol=1e-12,
        random_state=0,
        **settings,
    ).fit(problem.X, problem.y)
    return model.coef_[0], float(model.intercept_[0])


def with_constant(X, constant: float, dtype=np.float32, order="C"):
    """The rows with one more column of a constant."""
    column = np.full((X.shape[0], 1), constant, dtype=dtype)
    if sp.issparse(X):
        made = sp.hstack([X, column], format="csr", dtype=dtype)
        return sp.csc_matrix(made) if order == "F" else sp.csr_matrix(made)
    return np.asarray(np.hstack([X, column]), dtype=dtype, order=order)


def appended_fit(y, fit: Callable, X, constant: float, n: int) -> Solution:
    """A peer without an intercept, on rows with a constant column."""
    weights = np.ravel(fit(n).fit(X, y).coef_)
    return weights[:-1], float(constant * weights[-1])


def appended(
    problem: Problem, fit: Callable, dtype=np.float32, order="C"
) -> Iterator[tuple[str, Callable]]:
    """`appended_fit` with a column of each of `CONSTANTS`, which is in no time."""
    for constant in CONSTANTS:
        X = with_constant(problem.X, constant, dtype, order)
        yield (
            f"constant {constant:g}",
            partial(appended_fit, problem.y, fit, X, constant),
        )


def entries(X) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Columns and values of each row's entries that are not zero."""
    if not sp.issparse(X):
        for row in X:
            columns = np.flatnonzero(row)
            yield columns, row[columns]
        return
    for start, stop in zip(X.indptr[:-1], X.indptr[1:], strict=True):
        yield X.indices[start:stop], X.data[start:stop]


class Vw:
    """VW on examples that are parsed once, into its cache."""

    CONSTANT = 11650396

    def __init__(self, module, problem: Problem, folder: str):
        self.workspace = module.Workspace
        self.cache, text = Path(folder, "vw.cache"), Path(folder, "vw.txt")
        self.n_features = problem.X.shape[1]
        self.common = "--quiet --loss_function logistic --holdout_off -b 18 "
        with text.open("w") as file:
            for label, (columns, stored) in zip(
                problem.y, entries(problem.X), strict=True
            ):
                pairs = zip(columns.tolist(), stored.tolist(), strict=True)
                values = " ".join(f"{j}:{value:.6g}" for j, value in pairs)
                file.write(f"{1 if label else -1} | {values}\n")
        command = f"{self.common}--noop --passes 1 -d {text} --cache_file {self.cache}"
        self.workspace(command).finish()
        text.unlink()

    def fit(self, options: str, n: int) -> Solution:
        """Train so many passes over the cache; BFGS needs two."""
        passes = max(2, n) if "--bfgs" in options else n
        command = f"{self.common}--cache_file {self.cache} --passes {passes} {options}"
        vw = self.workspace(command)
        weights = np.array([vw.get_weight(j) for j in range(self.n_features)])
        bias = vw.get_weight(self.CONSTANT & (2**18 - 1))
        vw.finish()
        return weights, bias


@dataclass
class Peer:
    """A solver, its settings one after the other, and the package it needs."""

    name: str
    package: str
    settings: Callable[[], Iterable[tuple[str, Callable[[int], Solution]]]]


def make_peers(problem: Problem, folder: str) -> list[Peer]:
    """All peers; what they import is imported when they run."""
    n_rows, n_features = problem.X.shape

    def sklearn_settings(**settings):
        return lambda: [("", partial(sklearn_fit, problem, settings))]

    def liblinear():
        for constant in CONSTANTS:
            settings = {"solver": "liblinear", "intercept_scaling": constant}
            yield (
                f"intercept_scaling {constant:g}",
                partial(sklearn_fit, problem, settings),
            )

    def snapml(dual):
        model = importlib.import_module("snapml").LogisticRegression
        return appended(
            problem,
            lambda n: model(
                regularizer=n_rows * problem.wd,
                max_iter=n,
                tol=1e-12,
                dual=dual,
                fit_intercept=False,
                n_jobs=1,
                random_state=0,
            ),
        )

    def saga():
        model = importlib.import_module("lightning.classification").SAGAClassifier
        return appended(
            problem,
            lambda n: model(
                loss="log", alpha=problem.wd, beta=0, max_iter=n, tol=0, random_state=0
            ),
            np.float64,
        )

    def coordinate_descent():
        model = importlib.import_module("lightning.classification").CDClassifier
        return appended(
            problem,
            lambda n: model(
                loss="log",
                penalty="l2",
                C=1 / n_rows,
                alpha=problem.wd,
                max_iter=n,
                tol=0,
                random_state=0,
            ),
            np.float64,
            "F",
        )

    def vw():
        found = Vw(importlib.import_module("vowpalwabbit"), problem, folder)
        for what in (
            f"--bfgs --l2 {n_rows * problem.wd} --no_bias_regularization",
            f"--sgd -l 0.1 --l2 {problem.wd}",
            "",
        ):
            yield what or "default update, no l2", partial(found.fit, what)

    peers = [
        Peer("lbfgs", "sklearn", sklearn_settings(solver="lbfgs")),
        Peer("liblinear", "sklearn", liblinear),
        Peer("saga", "sklearn", sklearn_settings(solver="saga")),
    ]
    if 8 * n_features**2 <= MAX_HESSIAN_BYTES:
        newton = sklearn_settings(solver="newton-cholesky")
        peers.append(Peer("newton-cholesky", "sklearn", newton))
    return [
        *peers,
        Peer("snapml, dual", "snapml", lambda: snapml(True)),
        Peer("snapml, primal", "snapml", lambda: snapml(False)),
        Peer("lightning SAGA", "lightning", saga),
        Peer("lightning CD", "lightning", coordinate_descent),
        Peer("VW", "vowpalwabbit", vw),
    ]
