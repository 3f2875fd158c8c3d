"""Clicks: how well unseen films are ranked, beside the library implicit.

Ratings of 4 stars and more in `mlsmall` are clicks; a random fifth is held out, and
each model ranks all films but those that it has seen with the user. Recall and NDCG at
10 are means over the users with held-out films (recall: hits over the lesser of 10 and
their number). Ours are `Recommender` with its defaults, without and with genres.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.common import (
    Bars,
    Timing,
    add_seeds,
    make_parser,
    print_environment,
    print_table,
    seeds_of,
)
from benchmarks.data.factors import load_clicks
from sklearn_sagemaker.recommendations import Recommender

AT = 10
FIRST_SEED = 100
"""Of the splits: the defaults were chosen on the first few seeds."""
PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "implicit ALS, alpha 1": (
        "AlternatingLeastSquares", {"regularization": 0.05, "alpha": 1.0},
    ),
    "implicit ALS, tuned": (
        "AlternatingLeastSquares", {"regularization": 20.0, "alpha": 2.0},
    ),
    "implicit BPR": ("BayesianPersonalizedRanking", {}),
}  # fmt: skip


def ours(train: pd.DataFrame, n_items: int, item_features=()) -> Callable:
    """Fit; returns the best films of users."""
    model = Recommender(
        user="user", item="film", item_features=item_features, random_state=0
    ).fit(train)

    def best(users: np.ndarray) -> np.ndarray:
        found = model.recommend(users, k=AT)
        return found["film"].to_numpy().reshape(len(users), AT)

    return best


def popular(train: pd.DataFrame, n_items: int) -> Callable:
    """Films by how many clicked them."""
    counts = np.bincount(train["film"], minlength=n_items).astype(float)
    return _of_scores(train, lambda users: np.tile(counts, (len(users), 1)))


def peer(train: pd.DataFrame, n_items: int, kind: str, params: dict) -> Callable:
    """A model of implicit with 32 factors."""
    from implicit import als, bpr

    cls = getattr(als if hasattr(als, kind) else bpr, kind)
    shape = train["user"].max() + 1, n_items
    ones = np.ones(len(train), dtype=np.float32)
    clicks = sp.csr_matrix((ones, (train["user"], train["film"])), shape=shape)
    model = cls(factors=32, num_threads=1, random_state=0, **params)
    model.fit(clicks, show_progress=False)
    scores = model.user_factors @ model.item_factors.T
    return _of_scores(train, lambda users: scores[users])


def _of_scores(train: pd.DataFrame, scores: Callable) -> Callable:
    def best(users: np.ndarray) -> np.ndarray:
        found = scores(users).copy()
        places = {user: place for place, user in enumerate(users)}
        mine = train[train["user"].isin(places)]
        found[mine["user"].map(places), mine["film"]] = -np.inf
        return np.argsort(-found, axis=1, kind="stable")[:, :AT]

    return best


def ranked(best: Callable, train: pd.DataFrame, test: pd.DataFrame) -> tuple:
    """Recall and NDCG."""
    held = test.groupby("user")["film"].agg(set)
    held = held[held.index.isin(train["user"])]
    found = best(held.index.to_numpy())
    hits = np.array(
        [
            [film in films for film in row]
            for row, films in zip(found, held, strict=True)
        ]
    )
    most = np.minimum(held.map(len).to_numpy(), AT)
    gains = 1.0 / np.log2(np.arange(AT) + 2)
    ideal = np.cumsum(gains)[most - 1]
    return (hits.sum(axis=1) / most).mean(), (hits @ gains / ideal).mean()


def main() -> None:
    """Print recall, NDCG and seconds of all, and check the bars."""
    parser = make_parser(__doc__)
    add_seeds(parser, "splits")
    options = parser.parse_args()
    print_environment()
    table = pd.DataFrame(load_clicks(options.data_dir))
    n_items = table["film"].max() + 1
    cases: dict[str, Callable] = {
        "popularity": popular,
        "ours": ours,
        "ours, with genres": partial(ours, item_features=["genres"]),
    }
    try:
        import implicit  # noqa: F401

        for name, (kind, params) in PEERS.items():
            cases[name] = partial(peer, kind=kind, params=params)
    except ImportError:
        print("implicit is not installed (pip install implicit): left out\n")
    timings = {name: Timing() for name in cases}
    figures: dict[str, list] = {name: [] for name in cases}
    for seed in seeds_of(options):
        rng = np.random.default_rng(FIRST_SEED + seed)
        out = rng.random(len(table)) < 0.2
        train, test = table[~out], table[out]
        for name, case in cases.items():
            timings[name].run(partial(case, train, n_items))
            figures[name].append(ranked(timings[name].result, train, test))
    means = {name: np.mean(rows, axis=0) for name, rows in figures.items()}
    print_table(
        ["model", f"recall@{AT}", f"NDCG@{AT}", "its least", "fit, CPU s (median)"],
        [
            [name, f"{recall:.3f}", f"{ndcg:.3f}",
             f"{min(row[1] for row in figures[name]):.3f}",
             f"{timings[name].cpu_seconds:.2f}"]
            for name, (recall, ndcg) in means.items()
        ],
    )  # fmt: skip
    bars = Bars()
    bars.at_least("NDCG", means["ours"][1], 0.21)
    gain = means["ours, with genres"][1] - means["ours"][1]
    bars.at_least("what genres add to it", gain, 0.0)
    for name in ("ours", "ours, with genres"):
        bars.at_most(f"CPU seconds, {name}", timings[name].cpu_seconds, 3.0)
    if "implicit ALS, alpha 1" in means:
        ratio = means["ours"][1] / means["implicit ALS, alpha 1"][1]
        bars.at_least("NDCG / implicit's ALS, alpha 1", ratio, 1.0)
    bars.exit()


if __name__ == "__main__":
    main()
