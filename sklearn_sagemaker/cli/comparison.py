"""The same task with scikit-learn's grid search, for the demo."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV, ParameterGrid, PredefinedSplit
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker.cli.demo_data import DemoData
from sklearn_sagemaker.cli.text import count

GRID = [
    {
        "alpha": [1e-5, 1e-4, 1e-3, 1e-2],
        "penalty": ["l2", "l1"],
        "learning_rate": ["invscaling"],
        "eta0": [0.01, 0.1],
    },
    {
        "alpha": [1e-5, 1e-4, 1e-3, 1e-2],
        "penalty": ["l2", "l1"],
        "learning_rate": ["constant"],
        "eta0": [0.001, 0.01],
    },
]


@dataclass(frozen=True)
class GridSearchResult:
    """What a grid search took and found.

    Attributes
    ----------
    n_settings : int
    elapsed : float
        Wall time of scaling and searching, in seconds.
    predicted : ndarray
        Answers of the best setting for the test rows.
    best : dict
        The best setting.
    """

    n_settings: int
    elapsed: float
    predicted: np.ndarray
    best: dict[str, object]


def grid_search(data: DemoData, epochs: int, seed: int) -> GridSearchResult:
    """Search settings of SGDClassifier on the same training and validation rows.

    Parameters
    ----------
    data : DemoData
    epochs : int
        Passes over the data of each setting.
    seed : int
    """
    with warnings.catch_warnings():
        # A few epochs are asked for; that they are few is no news.
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        scaler = StandardScaler()
        X_train = scaler.fit_transform(data.X_train.astype(np.float32))
        X_val = scaler.transform(data.X_val.astype(np.float32))
        sizes = len(X_train), len(X_val)
        model = SGDClassifier(
            loss="log_loss", max_iter=epochs, tol=None, random_state=seed
        )
        search = GridSearchCV(
            model,
            GRID,
            cv=PredefinedSplit(np.repeat([-1, 0], sizes)),
            n_jobs=1,
            refit=False,
        )
        search.fit(
            np.concatenate([X_train, X_val]), np.concatenate([data.y_train, data.y_val])
        )
        elapsed = time.perf_counter() - start
        # The best model of the search, which is not kept; it is not timed twice.
        model.set_params(**search.best_params_).fit(X_train, data.y_train)
        predicted = model.predict(scaler.transform(data.X_test.astype(np.float32)))
    settings = len(ParameterGrid(GRID))
    return GridSearchResult(settings, elapsed, predicted, search.best_params_)


def deciding_rows(y: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> str:
    """How many test rows tell two models apart, and how surely, in one sentence.

    Parameters
    ----------
    y, ours, theirs : ndarray of shape (n_rows,)
        Labels of two classes, and the answers of LinearLearnerClassifier and of the
        grid search.
    """
    n_rows = len(y)
    discordant = int((ours != theirs).sum())
    if not discordant:
        return f"The two answer all {n_rows:,} test rows alike: none tells them apart."
    won = int(((ours == y) & (theirs != y)).sum())
    lost = discordant - won
    # McNemar: were both equally good, each of these rows would be a toss of a coin.
    error = math.sqrt(discordant)
    likely = abs(won - lost) <= 2 * error
    return (
        f"The two differ on {discordant:,} of {n_rows:,} test rows: "
        f"LinearLearnerClassifier is right on {won:,} of these and the grid search on "
        f"{lost:,}, a difference of {count(abs(won - lost), 'row')} with a standard "
        f"error of {error:.1f}, {'as' if likely else 'more than'} chance alone may "
        "make it."
    )
