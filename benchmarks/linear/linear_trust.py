"""Untouched defaults against tuned peers where data are correlated, wide or small.

Test loss and CPU seconds of default fits against RidgeCV, LassoCV and
LogisticRegressionCV (L2 and L1), means over redrawn splits; the peer with the smaller
mean loss counts.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.linear_model import LassoCV, LogisticRegressionCV, RidgeCV
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from benchmarks.common import Bars, make_parser, print_environment, print_table
from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor

MAX_LOSS = 1.05
MAX_TIMES, FREE_SECONDS = 2.0, 0.05
FORMS: dict[str, Callable] = {
    "dense": np.asarray,
    "float32": lambda X: np.asarray(X, dtype=np.float32),
    "csr": sp.csr_array,
}


def bundled(load, share: float):
    """A set of scikit-learn's, and the share of it that trains."""

    def draw(rng):
        X, y = load(return_X_y=True)
        return X, y, int(share * len(y))

    return draw


def years(rng):
    """A year and its square."""
    year = rng.uniform(1900, 2020, 500)
    y = (year - 1955) ** 2 / 1000 + rng.normal(0, 0.1, 500)
    return np.c_[year, year**2], y, 350


def polynomial(rng):
    """All powers and products up to degree 8 of two numbers."""
    x = rng.uniform(-2, 2, (500, 2))
    X = PolynomialFeatures(8, include_bias=False).fit_transform(x)
    return X, np.sin(3 * x[:, 0]) * x[:, 1] + rng.normal(0, 0.1, 500), 350


def sensors(rng):
    """Two that are nearly equal, of which the difference counts."""
    level, e = rng.normal(0, 5, 1500), rng.normal(size=(2, 1500))
    return np.c_[level, level + 0.05 * e[0]], e[0] + 0.1 * e[1], 1000


def ages(rng):
    """An age and its square, and a risk that is highest in between."""
    age = rng.uniform(18, 90, 2000)
    risk = 1 / (1 + np.exp(((age - 45) / 9) ** 2 - 2))
    return np.c_[age, age**2], (rng.random(2000) < risk).astype(int), 1400


def few_rows(rng):
    """Ten of 200 features count, and there are 60 rows."""
    X = rng.normal(size=(560, 200))
    return X, X[:, :10].sum(axis=1) + rng.normal(0, 1, 560), 60


def all_count(rng):
    """All of 200 features count a little, and there are 80 rows."""
    X = rng.normal(size=(560, 200))
    return X, X @ rng.normal(size=200) / 4 + rng.normal(0, 1, 560), 80


def few_rows_of_two_classes(rng):
    """Five of 1,500 features count, and there are 100 rows."""
    X = rng.normal(size=(700, 1500))
    y = X[:, :5].sum(axis=1) + rng.normal(0, 0.5, 700) > 0
    return X, y.astype(int), 100


def noise(rng):
    """Nothing counts."""
    return rng.normal(size=(500, 30)), rng.normal(size=500), 250


def sparse_rows(classes: int):
    """Eight of 60 features count, and three in four of the values are zero."""

    def draw(rng):
        X = rng.lognormal(size=(900, 60)) * (rng.random((900, 60)) < 0.25)
        y = X[:, :8] @ rng.normal(size=8) + rng.logistic(size=900)
        return X, (y > np.median(y)).astype(int) if classes else y, 200

    return draw


def three_classes(rng):
    """Six of 40 features count for three classes."""
    X = rng.normal(size=(900, 40))
    scores = X[:, :6] @ rng.normal(size=(6, 3)) + rng.gumbel(size=(900, 3))
    return X, scores.argmax(axis=1), 150


@dataclass(frozen=True)
class Case:
    """Data, and what else a fit is given.

    Attributes
    ----------
    draw : callable
        Rows, labels, and how many of them train, of a random generator.
    form : str
        Of our rows, one of `FORMS`.
    weighted : bool
        Whether rows have weights, for the peers too.
    validated : bool
        Whether 100 more rows are given to validate; the peers have their folds.
    """

    draw: Callable
    form: str = "dense"
    weighted: bool = False
    validated: bool = False


CASES = {
    "diabetes": Case(bundled(load_diabetes, 0.68)),
    "year, its square": Case(years),
    "polynomial 8": Case(polynomial),
    "nearly equal sensors": Case(sensors),
    "p > n, ten columns count": Case(few_rows),
    "p > n, all columns count": Case(all_count),
    "noise": Case(noise),
    "breast cancer": Case(bundled(load_breast_cancer, 0.6)),
    "age, its square": Case(ages),
    "p >> n, two classes": Case(few_rows_of_two_classes),
    "wine": Case(bundled(load_wine, 0.6)),
    "digits": Case(bundled(load_digits, 0.6)),
    "diabetes, weights": Case(bundled(load_diabetes, 0.68), weighted=True),
    "breast cancer, weights": Case(bundled(load_breast_cancer, 0.6), weighted=True),
    "sparse rows": Case(sparse_rows(0), "csr"),
    "sparse rows, two classes": Case(sparse_rows(2), "csr"),
    "ten columns, given X_val": Case(few_rows, validated=True),
    "iris": Case(bundled(load_iris, 0.5)),
    "three classes": Case(three_classes),
    "three classes, given X_val": Case(three_classes, validated=True),
}


def models(y):
    """The peers, and ours, of a kind of labels."""
    if y.dtype.kind == "f":
        peers = [RidgeCV(10.0 ** np.arange(-8, 6)), LassoCV(max_iter=5000)]
        return peers, LinearLearnerRegressor(random_state=0)
    shared = {"cv": 5, "scoring": "neg_log_loss", "max_iter": 500}
    peers = [LogisticRegressionCV(Cs=10, **shared)]
    if len(np.unique(y)) == 2:
        lasso = {"penalty": "l1", "solver": "liblinear"}
        peers.append(LogisticRegressionCV(Cs=8, **shared, **lasso))
    criterion = {"binary_classifier_model_selection_criteria": "loss_function"}
    return peers, LinearLearnerClassifier(random_state=0, **criterion)


def fitted(model, X, y, rest, **given) -> tuple[float, float]:
    """Test loss and CPU seconds of a fit."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y, **given)
    seconds = time.process_time() - start
    X_test, y_test = rest
    if y.dtype.kind == "f":
        return float(np.mean((model.predict(X_test) - y_test) ** 2)), seconds
    proba = model.predict_proba(X_test)
    return log_loss(y_test, proba, labels=np.unique(y)), seconds


def measured(case: Case, splits: int, form: Callable) -> np.ndarray:
    """Loss and seconds of each peer and then ours, split by split."""
    found = []
    for split in range(splits):
        rng = np.random.default_rng([split, 7])
        X, y, n = case.draw(rng)
        order = rng.permutation(len(y))
        a, b = order[:n], order[n:]
        given, theirs = {}, {}
        if case.validated:
            given = {"X_val": form(X[b[:100]]), "y_val": y[b[:100]]}
            b = b[100:]
        if case.weighted:
            given["sample_weight"] = weights = rng.lognormal(size=n)
        peers, ours = models(y)
        row = []
        for peer in peers:
            piped = make_pipeline(StandardScaler(), peer)
            if case.weighted:
                theirs = {f"{piped.steps[-1][0]}__sample_weight": weights}
            row.append(fitted(piped, X[a], y[a], (X[b], y[b]), **theirs))
        row.append(fitted(ours, form(X[a]), y[a], (form(X[b]), y[b]), **given))
        found.append(row)
    return np.array(found)


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__, data=False)
    parser.add_argument("--splits", type=int, default=20, help="redrawn splits a case")
    parser.add_argument("--form", choices=FORMS, default="dense", help="of our rows")
    parser.add_argument("--case", choices=CASES, nargs="*", default=list(CASES))
    options = parser.parse_args()
    print_environment()
    bars, rows = Bars(), []
    for name in options.case:
        case = CASES[name]
        form = case.form if options.form == "dense" else options.form
        found = measured(case, options.splits, FORMS[form])
        loss = found[..., 0].mean(axis=0)
        seconds = np.median(found[..., 1], axis=0)
        best = int(np.argmin(loss[:-1]))
        ratio, allowed = (
            loss[-1] / loss[best],
            max(MAX_TIMES * seconds[best], FREE_SECONDS),
        )
        kind = found[..., -1, 0] / found[..., best, 0]
        rows.append(
            [
                name,
                *(f"{value:.4g}" for value in (loss[best], loss[-1])),
                f"{ratio:.3f}",
                f"{np.median(kind):.3f}",
                *(f"{value:.3f}" for value in (seconds[best], seconds[-1])),
            ]
        )
        bars.at_most(f"{name}: test loss / best peer's", ratio, MAX_LOSS)
        bars.at_most(f"{name}: CPU s / what is allowed", seconds[-1] / allowed, 1.0)
    heads = ["peer's loss", "loss", "ratio", "median ratio", "peer's CPU s", "CPU s"]
    print_table(["case", *heads], rows)
    bars.exit()


if __name__ == "__main__":
    main()
