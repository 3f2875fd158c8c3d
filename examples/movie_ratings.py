"""
Which films will a user like?
=============================

Learn from ratings what users and films have in common, compare with a model that
knows no more than how generous a user and how good a film is, and recommend films
that a user has not rated.

The data are made up unless you name some:

* a folder of MovieLens with ``ratings.csv`` and ``movies.csv``, such as ml-latest-small
  (https://grouplens.org/datasets/movielens/),
* or an ``.npz`` file with ``data``, ``indices``, ``indptr`` and ``shape`` of a CSR
  matrix of users, then films, one-hot; ``y``; ``n_users``; ``n_items``; and the rows
  ``train_idx``, ``val_idx`` and ``test_idx``.

``--plot FILE`` draws the progress of the training and a map of the films; it needs
matplotlib.
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker import FactorizationMachinesRegressor, LinearLearnerRegressor


@dataclass
class Ratings:
    X: sp.csr_matrix  # a one for the user, a one for the film
    y: np.ndarray  # stars
    n_users: int
    titles: list[str]
    genres: list[str] | None  # of each film, or unknown
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    origin: str
    liking: np.ndarray | None = None  # users by films: stars without noise, if known


# %%
# The data
# --------
# Whatever their source, a row has two ones: its user's column and its film's.


def one_hot(users, films, n_users, n_films):
    columns = np.stack([users, n_users + films], axis=1).ravel()
    ends = np.arange(0, len(columns) + 1, 2)
    shape = (len(users), n_users + n_films)
    return sp.csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape)


def split(n):
    """80, 10 and 10 per cent of the rows."""
    rows = np.random.default_rng(0).permutation(n)
    return np.split(rows, [8 * n // 10, 9 * n // 10])


def made_up_ratings(n_users=500, n_films=240, n=30_000):
    """Users like some genres more than others; a film is near its genre."""
    rng = np.random.default_rng(0)
    names = ["comedy", "crime", "romance", "science fiction"]
    genre = rng.integers(len(names), size=n_films)
    centres = 1.3 * np.array([[1, 1, 0], [-1, 1, 0], [0, -1, 1], [0, -1, -1]])
    tastes = centres[genre] + rng.normal(0.0, 0.45, (n_films, 3))
    quality = rng.normal(0.0, 0.4, n_films)
    generous = rng.normal(0.0, 0.3, n_users)
    likes = rng.normal(0.0, 0.4, (n_users, 3))
    # Some films are rated far more often than others.
    shares = 1.0 / np.arange(10, 10 + n_films)
    films = rng.choice(n_films, 2 * n, p=rng.permutation(shares / shares.sum()))
    users = rng.integers(n_users, size=2 * n)
    pairs = rng.permutation(np.unique(users * n_films + films))[:n]
    users, films = np.divmod(pairs, n_films)
    liking = 3.5 + generous[:, None] + quality + likes @ tastes.T
    stars = liking[users, films] + rng.normal(0.0, 0.5, len(pairs))
    y = np.clip(np.round(2 * stars) / 2, 0.5, 5.0)
    titles = [f"{names[g]} {film}" for film, g in enumerate(genre)]
    return Ratings(
        one_hot(users, films, n_users, n_films), y, n_users, titles,
        [names[g] for g in genre], *split(len(y)), "made up with a fixed seed", liking,
    )  # fmt: skip


def movielens(folder):
    with (folder / "movies.csv").open(encoding="utf-8", newline="") as handle:
        about = {row["movieId"]: row for row in csv.DictReader(handle)}
    with (folder / "ratings.csv").open(encoding="utf-8", newline="") as handle:
        rows = [
            (r["userId"], r["movieId"], r["rating"]) for r in csv.DictReader(handle)
        ]
    user_ids, users = np.unique([row[0] for row in rows], return_inverse=True)
    film_ids, films = np.unique([row[1] for row in rows], return_inverse=True)
    y = np.array([float(row[2]) for row in rows])
    found = [about.get(film, {"title": film, "genres": "unknown"}) for film in film_ids]
    return Ratings(
        one_hot(users, films, len(user_ids), len(film_ids)), y, len(user_ids),
        [film["title"] for film in found],
        [film["genres"].split("|")[0] for film in found],
        *split(len(y)), str(folder),
    )  # fmt: skip


def archive(path):
    z = np.load(path)
    parts = z["data"].astype(np.float32), z["indices"], z["indptr"]
    X = sp.csr_matrix(parts, shape=tuple(z["shape"]))
    titles = [f"film {film}" for film in range(int(z["n_items"]))]
    rows = [z[f"{part}_idx"] for part in ("train", "val", "test")]
    return Ratings(
        X, z["y"].astype(float), int(z["n_users"]), titles, None, *rows, str(path)
    )


def load(path):
    if path is None:
        return made_up_ratings()
    return movielens(path) if path.is_dir() else archive(path)


# %%
# The fits
# --------
# Linear Learner has one number for each user and one for each film. Factorization
# Machines have a vector for each besides, and the product of the two is what the user
# makes of the film. The validation rows say when to stop. No model can do much better
# than the hidden tastes that made-up ratings come from: the rest was drawn at random.


def fit_and_compare(data):
    def rmse(answers):
        return float(np.sqrt(np.mean((data.y[data.test] - answers) ** 2)))

    print(f"{'the mean of all ratings':32s}{rmse(data.y[data.train].mean()):.4f}")
    models = []
    for model in (
        LinearLearnerRegressor(random_state=0),
        FactorizationMachinesRegressor(random_state=0),
    ):
        model.fit(
            data.X[data.train],
            data.y[data.train],
            X_val=data.X[data.val],
            y_val=data.y[data.val],
        )
        error = rmse(model.predict(data.X[data.test]))
        print(f"{type(model).__name__:32s}{error:.4f}")
        models.append(model)
    if data.liking is not None:
        _, columns = data.X[data.test].nonzero()
        users, films = columns.reshape(-1, 2).T
        truth = data.liking[users, films - data.n_users].clip(0.5, 5.0)
        print(f"{'the hidden tastes':32s}{rmse(truth):.4f}")
    return models


# %%
# Films for some users
# --------------------
# A query is a row without a film. ``recommend`` scores all films for it without
# building their rows; ``seen`` leaves out those that the user has rated.


def recommend(model, data, users, k=5):
    n, n_films = data.n_users, len(data.titles)
    queries = sp.csr_matrix(
        (np.ones(len(users)), (np.arange(len(users)), users)),
        shape=(len(users), n + n_films),
    )
    rated = (data.X[:, :n].T @ data.X[:, n:]).tocsr()  # users by films
    columns = np.arange(n, n + n_films)
    items, scores = model.recommend(queries, columns, k, seen=rated[users])
    for user, found, stars in zip(users, items - n, scores, strict=True):
        films = rated[user].indices
        stars_given = data.y[data.X[:, user].nonzero()[0]]
        print(
            f"\nuser {user} has rated {len(films)} films with {stars_given.mean():.1f} "
            "stars on average, and may like"
        )
        for film, star in zip(found, stars, strict=True):
            print(f"  {star:.2f}  {data.titles[film]}{hidden(data, user, films, film)}")


def hidden(data, user, rated, film):
    """What the tastes that made the data say of a film, where they are known."""
    if data.liking is None:
        return ""
    left = np.delete(data.liking[user], rated)
    value = data.liking[user, film]
    rank, count = 1 + (left > value).sum(), len(left)
    return f" (hidden taste {value:.2f}, number {rank} of {count})"


# %%
# A map of the films
# ------------------
# The factors of a film are a point in as many dimensions as there are factors. Their
# two main directions make a map: films that please the same users are near each other.


def film_map(model, data, most=400):
    """Points of the films that are rated most, and their numbers."""
    counts = np.asarray(data.X[data.train][:, data.n_users :].sum(axis=0)).ravel()
    films = np.argsort(-counts, kind="stable")[:most]
    factors = model.factors_[data.n_users + films]
    factors = factors - factors.mean(axis=0)
    _, _, directions = np.linalg.svd(factors, full_matrices=False)
    return films, factors @ directions[:2].T, counts[films]


def draw(linear, machine, data, path):
    try:
        import matplotlib
    except ImportError as error:
        raise SystemExit(
            "--plot needs matplotlib; run 'pip install matplotlib', or leave it out."
        ) from error
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(12, 5.2), width_ratios=(1, 1.25), layout="constrained"
    )
    for model, label in ((linear, "linear"), (machine, "factorization machine")):
        curve = np.sqrt(model.validation_curve_)
        (line,) = left.plot(np.arange(1, len(curve) + 1), curve, label=label)
        best = int(curve.argmin())
        left.plot(best + 1, curve[best], "o", color=line.get_color())
        left.annotate(
            f"{curve[best]:.3f}",
            (best + 1, curve[best]),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            color=line.get_color(),
        )
    left.set(xlabel="epoch", ylabel="RMSE on validation rows, stars")
    left.set_title("Progress of the selected models")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.margins(y=0.08)
    left.legend(frameon=False)

    films, points, counts = film_map(machine, data)
    sizes = 6 + 60 * counts / counts.max()
    style = {"s": sizes, "alpha": 0.75, "linewidths": 0}
    if data.genres is None:
        level = machine.intercept_ + machine.coef_[data.n_users + films]
        shown = right.scatter(*points.T, c=level, cmap="viridis", **style)
        figure.colorbar(shown, ax=right, label="stars, tastes left aside")
    else:
        genres = np.array([data.genres[film] for film in films])
        names, number = np.unique(genres, return_counts=True)
        names = names[np.argsort(-number)][:8]
        colours = plt.get_cmap("tab10")
        for place, name in enumerate([*names, "other"]):
            mine = genres == name if name != "other" else ~np.isin(genres, names)
            colour = "0.75" if name == "other" else colours(place)
            if mine.any():
                style["s"] = sizes[mine]
                right.scatter(*points[mine].T, color=colour, label=name, **style)
        for handle in right.legend(fontsize=8, frameon=False).legend_handles:
            handle.set_sizes([30])
    # Names of the films that are farthest out, where there is room.
    room, named = np.ptp(points, axis=0) * (0.25, 0.05), []
    for place in np.argsort(-np.hypot(*points.T))[:40]:
        near = [(abs(points[place] - points[other]) < room).all() for other in named]
        if any(near) or len(named) == 12:
            continue
        named.append(place)
        right.annotate(
            data.titles[films[place]],
            points[place],
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            color="0.25",
        )
    right.set_title(f"The {len(films)} films with the most ratings, by their factors")
    right.set(xlabel="first direction", ylabel="second direction")
    right.margins(0.08)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    print(f"\nThe plot is in {path}.")


# %%
# All of it
# ---------


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", type=Path, help="folder or .npz file")
    parser.add_argument("--plot", metavar="FILE", help="image to write, such as a .png")
    arguments = parser.parse_args()

    data = load(arguments.data)
    print(
        f"{len(data.y):,} ratings by {data.n_users:,} users of {len(data.titles):,} "
        f"films ({data.origin})\n\nRMSE on {len(data.test):,} test rows, in stars"
    )
    linear, machine = fit_and_compare(data)
    recommend(machine, data, users=[3, 10, 42])
    if arguments.plot:
        draw(linear, machine, data, arguments.plot)


if __name__ == "__main__":
    main()
