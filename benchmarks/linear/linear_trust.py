"""Untouched defaults against tuned peers where data are correlated, wide or small.

Test loss and CPU seconds of default fits against RidgeCV, LassoCV and
LogisticRegressionCV (L2 and L1), means over redrawn splits; the peer with the smaller
mean loss counts.
"""

import time
import warnings
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
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


CASES = {
    "diabetes": bundled(load_diabetes, 0.68),
    "year, its square": years,
    "polynomial 8": polynomial,
    "nearly equal sensors": sensors,
    "p > n, ten columns count": few_rows,
    "p > n, all columns count": all_count,
    "noise": noise,
    "breast cancer": bundled(load_breast_cancer, 0.6),
    "age, its square": ages,
    "p >> n, two classes": few_rows_of_two_classes,
    "wine": bundled(load_wine, 0.6),
    "digits": bundled(load_digits, 0.6),
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


def fitted(model, X, y, rest) -> tuple[float, float]:
    """Test loss and CPU seconds of a fit."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    seconds = time.process_time() - start
    X_test, y_test = rest
    if y.dtype.kind == "f":
        return float(np.mean((model.predict(X_test) - y_test) ** 2)), seconds
    proba = model.predict_proba(X_test)
    return log_loss(y_test, proba, labels=np.unique(y)), seconds


def measured(draw, splits: int, form: Callable) -> np.ndarray:
    """Loss and seconds of each peer and then ours, split by split."""
    found = []
    for split in range(splits):
        rng = np.random.default_rng([split, 7])
        X, y, n = draw(rng)
        order = rng.permutation(len(y))
        a, b = order[:n], order[n:]
        peers, ours = models(y)
        piped = [make_pipeline(StandardScaler(), peer) for peer in peers]
        row = [fitted(peer, X[a], y[a], (X[b], y[b])) for peer in piped]
        row.append(fitted(ours, form(X[a]), y[a], (form(X[b]), y[b])))
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
        found = measured(CASES[name], options.splits, FORMS[options.form])
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
