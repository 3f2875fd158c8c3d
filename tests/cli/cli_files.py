"""Small data files for the tests of the commands."""

import csv

import numpy as np


def make_rows(kind, n=120, seed=0):
    """Features and labels that a linear model learns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)).round(3)
    score = X @ [2.0, -1.0, 0.5]
    if kind == "regressor":
        return X, score.round(4)
    if kind == "binary_classifier":
        return X, np.where(score > 0, "yes", "no")
    return X, np.digitize(score, [-1.0, 1.0])


def write_csv(path, X, y=None, names=None, place=3):
    """A CSV file with the label, if any, at a place among the columns."""
    with open(path, "w", newline="") as handle:
        writer = csv.writer(handle)
        if names:
            writer.writerow(names)
        for row, features in enumerate(X.tolist()):
            if y is not None:
                features.insert(place, y[row])
            writer.writerow(features)
    return path


NAMES = ["a", "b", "c", "target"]
