"""The same task with scikit-learn's grid search, for the demo."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV, ParameterGrid, PredefinedSplit
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker.cli.demo_data import DemoData

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
        # The model that the search judged; it is not kept, and not timed twice.
        model.set_params(**search.best_params_).fit(X_train, data.y_train)
        predicted = model.predict(scaler.transform(data.X_test.astype(np.float32)))
    settings = len(ParameterGrid(GRID))
    return GridSearchResult(settings, elapsed, predicted, search.best_params_)
