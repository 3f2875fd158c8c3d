"""The demo of Factorization Machines: made-up ratings, and films to recommend."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_sagemaker.cli.demo_ratings import made_up_ratings
from sklearn_sagemaker.cli.model_file import SavedModel, save_model
from sklearn_sagemaker.cli.text import count, facts, number, seconds, table

if TYPE_CHECKING:
    from sklearn_sagemaker.cli.demo_ratings import Ratings

USER = 7
RECOMMENDED = 5


def show_films(seed: int, path: str | None) -> None:
    """Train, compare, recommend, and save.

    Parameters
    ----------
    seed : int
    path : str or None
        Model file to write; None for none.
    """
    from sklearn_sagemaker.estimators import (
        FactorizationMachinesRegressor,
        LinearLearnerRegressor,
    )

    data = made_up_ratings()
    print("Which films will a user like?\n")
    print(_describe(data), flush=True)
    mean = float(data.y[data.train].mean())
    rows = [["the mean of all ratings", "", f"{_rmse(data, mean):.3f}"]]
    for make in (LinearLearnerRegressor, FactorizationMachinesRegressor):
        model = make(random_state=seed)
        start = time.perf_counter()
        model.fit(
            data.X[data.train],
            data.y[data.train],
            X_val=data.X[data.val],
            y_val=data.y[data.val],
        )
        elapsed = seconds(time.perf_counter() - start)
        error = f"{_rmse(data, model.predict(data.X[data.test])):.3f}"
        rows.append([make.__name__, elapsed, error])
    print(
        f"\nErrors on {count(len(data.test), 'test row')}, which played no part in "
        "training, in stars:\n"
    )
    rows.append(["the hidden tastes", "", f"{_rmse(data, _truth(data)):.3f}"])
    print(table(["", "wall time", "RMSE"], rows))
    print(
        "\n  No model can do much better than the hidden tastes: the rest of each\n"
        "  rating was drawn at random."
    )
    _recommend(model, data)
    if path is not None:
        _save(model, path)


def _rmse(data: Ratings, answers: Any) -> float:
    return float(np.sqrt(np.mean((data.y[data.test] - answers) ** 2)))


def _truth(data: Ratings) -> np.ndarray:
    """What the tastes that made the test rows say of them."""
    _, columns = data.X[data.test].nonzero()
    users, films = columns.reshape(-1, 2).T
    return np.clip(data.liking[users, films - data.n_users], 0.5, 5.0)


def _describe(data: Ratings) -> str:
    sizes = [f"{len(part):,}" for part in (data.train, data.val, data.test)]
    return facts(
        [
            (
                "data",
                f"made up with a fixed seed, not real: {len(data.y):,} ratings of "
                f"{len(data.titles)} films",
            ),
            ("", f"by {data.n_users} users, in stars; each has three hidden tastes"),
            (
                "rows",
                f"{sizes[0]} to train, {sizes[1]} to stop the training, {sizes[2]} to "
                "test it",
            ),
        ]
    )


def _recommend(model: Any, data: Ratings) -> None:
    n, films = data.n_users, np.arange(len(data.titles))
    query = np.zeros((1, n + len(films)))
    query[0, USER] = 1.0
    rated = data.X[data.X[:, [USER]].nonzero()[0]]
    seen = rated[:, n:].sum(axis=0)
    items, scores = model.recommend(
        query, n + films, RECOMMENDED, seen=np.asarray(seen)
    )
    found, liking = items[0] - n, data.liking[USER]
    # Place of a film among those that are left, by the tastes that made the data.
    left = np.flatnonzero(np.asarray(seen)[0] == 0)
    print(
        f"\nUser {USER} has rated {count(rated.shape[0], 'film')}. Of the other "
        f"{len(left)}, these should please most:\n"
    )
    rows = [
        [
            data.titles[film],
            f"{score:.2f}",
            f"{liking[film]:.2f}",
            f"{1 + int((liking[left] > liking[film]).sum())}",
        ]
        for film, score in zip(found, scores[0], strict=True)
    ]
    heads = ["film", "predicted|stars", "hidden|truth", "its|rank"]
    print(table(heads, rows))
    print(
        "\n  The hidden truth is what the made-up user would give if there were more "
        f"than\n  five stars; over all {len(left)} films its mean is "
        f"{number(float(liking[left].mean()), 3)}."
    )


def _save(model: Any, path: str) -> None:
    save_model(path, SavedModel(model, "y", None, "float"))
    print(f"\nThe model is in {path}. To use it in Python:\n")
    name = json.dumps(path, ensure_ascii=False)
    print(f'  joblib.load({name})["estimator"].predict(rows)   # stars')
