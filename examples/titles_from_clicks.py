"""
Titles from clicks in a table
=============================

Titles for readers of MovieLens, by their ids, and how good they are.

Run it with the folder of a MovieLens data set that has ``ratings.csv`` and
``movies.csv`` (such as ml-latest-small, which you get from grouplens.org); ratings of 4
stars and more are its clicks. Without a folder the table is made up. ::

    python titles_from_clicks.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_sagemaker.recommendations import Recommender


def movielens(folder):
    films = pd.read_csv(folder / "movies.csv")
    films["genres"] = films["genres"].str.split("|")
    ratings = pd.read_csv(folder / "ratings.csv").merge(films)
    liked = ratings[ratings["rating"] >= 4].rename(columns={"userId": "user"})
    return liked[["user", "title", "genres"]]


def made_up(n_users=300, n_films=200):
    rng = np.random.default_rng(0)
    genres = np.array(["comedy", "crime", "romance", "science"])
    genre = rng.integers(4, size=n_films)
    likes = rng.dirichlet([0.3] * 4, size=n_users)
    known = 1.0 / np.arange(10, 10 + n_films)
    chance = np.minimum(1.0, 12 * likes[:, genre] * known / known.max() / 4)
    user, film = np.nonzero(rng.random(chance.shape) < chance)
    titles = [f"{genres[g]} {number}" for number, g in enumerate(genre)]
    return pd.DataFrame(
        {
            "user": user,
            "title": np.array(titles)[film],
            "genres": [[genres[g]] for g in genre[film]],
        }
    )


clicks = movielens(Path(sys.argv[1])) if len(sys.argv) > 1 else made_up()
out = np.random.default_rng(0).random(len(clicks)) < 0.2
train, test = clicks[~out], clicks[out]

# %%
# From the table to titles
model = Recommender(
    user="user", item="title", item_features=["genres"], random_state=0
).fit(train)
someone = train["user"].value_counts().index[3]
print(
    f"For user {someone}:\n{model.recommend([someone], k=5).to_string(index=False)}\n"
)
film = train["title"].value_counts().index[0]
print(f"Like {film}:\n{model.similar_items([film], k=5).to_string(index=False)}\n")

# %%
# How good they are: the share of the ten that the user clicked among those held out
users = test.loc[test["user"].isin(train["user"]), "user"].unique()
held = set(zip(test["user"], test["title"], strict=True))
best = model.recommend(users, k=10)
hit = [pair in held for pair in zip(best["user"], best["title"], strict=True)]
popular = train["title"].value_counts().index
seen = train.groupby("user")["title"].agg(set)
by_count = [
    (user, title) in held
    for user in users
    for title in [title for title in popular if title not in seen[user]][:10]
]
print(
    f"clicked of ten: {np.mean(hit):.3f}; of the most popular {np.mean(by_count):.3f}"
)
