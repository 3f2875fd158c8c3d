"""Untouched defaults on tables where steps stay far from the optimum: many rows.

Test loss and CPU seconds of default fits on features that are nearly equal, and on a
year and its square among others, with two classes, three, and a Huber loss, against
LogisticRegressionCV (L2, 10 penalties, 5 folds) on standardised rows; the Huber loss
against SciPy's optimum of the same objective without a penalty. Steps alone, which is
optimizer="adam", are beside them without a bar.
"""

import time
import warnings
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.common import Bars, make_parser, print_environment, print_table
from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor

MAX_LOSS = 1.05
TRAIN, TEST, FEATURES = 20_000, 10_000, 50
HUBER_DELTA = 1.0
EPS = 1e-15


def classes_of(rng, scores: np.ndarray) -> np.ndarray:
    """Two classes by a logistic model."""
    return (rng.random(len(scores)) < 1 / (1 + np.exp(-scores))).astype(int)


def equal(rng):
    """Ten sensors that are read five times each: the differences count."""
    n = TRAIN + TEST
    X = np.repeat(rng.normal(size=(n, 10)), FEATURES // 10, axis=1)
    X += 0.03 * rng.normal(size=X.shape)
    return X, classes_of(rng, X @ rng.normal(size=FEATURES) * 4)


def years(rng):
    """A year and its square, and a risk that is lowest in between."""
    X = rng.normal(size=(TRAIN + TEST, FEATURES))
    year = rng.uniform(1900, 2020, len(X))
    X[:, 0], X[:, 1] = year, year**2
    scores = ((year - 1960) / 15) ** 2 - 3 + 0.2 * X[:, 2:] @ rng.normal(size=48)
    return X, classes_of(rng, scores)


def three(rng):
    """The same with a third class."""
    X, y = years(rng)
    return X, y + (X[:, 5] > 1)


def dummies(rng):
    """A year and its square among categories, of which each row has one of each."""
    n, sizes = TRAIN + TEST, (30, 20, 8)
    parts = [rng.zipf(1.5, n) % size for size in sizes]
    hot = [np.eye(size)[part] for size, part in zip(sizes, parts, strict=True)]
    year = rng.uniform(1900, 2020, n)
    X = np.concatenate([np.c_[year, year**2], *hot], axis=1)
    scores = ((year - 1960) / 15) ** 2 - 3 + 0.5 * X[:, 2:] @ rng.normal(size=58)
    return X, classes_of(rng, scores)


def plain(rng):
    """Features that do not depend on each other: nothing to gain."""
    X = rng.normal(size=(TRAIN + TEST, FEATURES))
    return X, classes_of(rng, 0.3 * X @ rng.normal(size=FEATURES))


def numbers(rng):
    """Numbers with outliers, of a year and its square, for the Huber loss."""
    X, _ = years(rng)
    y = (X[:, 0] - 1955) ** 2 / 1000 + 0.3 * X[:, 2]
    return X, y + rng.standard_t(2, len(y))


SETS = {
    "nearly equal": equal,
    "year": years,
    "year, three classes": three,
    "year, dummies": dummies,
    "plain": plain,
    "year, Huber": numbers,
}
FORMS: dict[str, Callable] = {
    "dense": np.asarray,
    "float32": lambda X: np.asarray(X, dtype=np.float32),
    "csr": sp.csr_array,
}
CASES = (
    ("nearly equal", "dense", ""),
    ("nearly equal", "csr", ""),
    ("nearly equal", "dense", "weights"),
    ("year", "dense", ""),
    ("year", "float32", ""),
    ("year", "csr", ""),
    ("year", "dense", "given rows"),
    ("year", "dense", "weights"),
    ("year, three classes", "dense", ""),
    ("year, three classes", "csr", "given rows"),
    ("year, dummies", "csr", ""),
    ("plain", "dense", ""),
    ("year, Huber", "dense", ""),
)


def huber(error: np.ndarray) -> np.ndarray:
    """Loss of each error."""
    within = np.minimum(np.abs(error), HUBER_DELTA)
    return within * (np.abs(error) - 0.5 * within)


def huber_peer(X, y, weights):
    """Predictions by SciPy's optimum on standardised features."""
    scaler = StandardScaler().fit(X)
    # Whitened, or it would stop before the optimum.
    u, s, vt = np.linalg.svd(scaler.transform(X), full_matrices=False)
    Z = np.c_[u * np.sqrt(len(X)), np.ones(len(X))]

    def objective(v):
        error = Z @ v - y
        slope = weights * np.clip(error, -HUBER_DELTA, HUBER_DELTA)
        return float(weights @ huber(error)), Z.T @ slope

    weights = weights / weights.sum()
    found = minimize(
        objective,
        np.zeros(Z.shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000},
    ).x
    coef = vt.T @ (found[:-1] * np.sqrt(len(X)) / s)
    return lambda rows: scaler.transform(rows) @ coef + found[-1]


def peer_of(X, y, weights) -> Callable:
    """What predicts the test rows."""
    if y.dtype.kind == "f":
        return huber_peer(X, y, weights)
    model = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(Cs=10, cv=5, scoring="neg_log_loss", max_iter=500),
    )
    return model.fit(X, y, logisticregressioncv__sample_weight=weights).predict_proba


def ours_of(form, given, X, y, weights, **more) -> Callable:
    """The same by ours."""
    if y.dtype.kind == "f":
        settings = {"loss": "huber_loss", "huber_delta": HUBER_DELTA}
        model = LinearLearnerRegressor(random_state=0, **settings, **more)
    else:
        if len(np.unique(y)) == 2:
            more["binary_classifier_model_selection_criteria"] = "loss_function"
        model = LinearLearnerClassifier(random_state=0, **more)
    rows, rest = np.arange(len(y)), {}
    if given:
        rows, last = np.split(rows, [int(0.8 * len(y))])
        rest = {"X_val": form(X[last]), "y_val": y[last]}
        rest["sample_weight_val"] = weights[last]
    model.fit(form(X[rows]), y[rows], weights[rows], **rest)
    predict = model.predict if y.dtype.kind == "f" else model.predict_proba
    return lambda X: predict(form(X))


def scored(fit: Callable, X, y, weights) -> tuple[float, float]:
    """Test loss and CPU seconds of a fit."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predict = fit(X[:TRAIN], y[:TRAIN], weights[:TRAIN])
    seconds = time.process_time() - start
    found, rest = predict(X[TRAIN:]), weights[TRAIN:]
    if y.dtype.kind == "f":
        return float(np.average(huber(found - y[TRAIN:]), weights=rest)), seconds
    found = np.clip(found, EPS, 1)
    return log_loss(y[TRAIN:], found, sample_weight=rest), seconds


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__, data=False)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", choices=SETS, nargs="*", default=list(SETS))
    options = parser.parse_args()
    print_environment()
    bars, rows = Bars(), []
    for name, form, kind in CASES:
        if name not in options.case:
            continue
        rng = np.random.default_rng([options.seed, 5])
        X, y = SETS[name](rng)
        weights = np.ones(len(y))
        if kind == "weights":
            weights = rng.uniform(0.2, 3.0, len(y))
        given, make = kind == "given rows", FORMS[form]

        def ours(*data, given=given, make=make, **more):
            return ours_of(make, given, *data, **more)

        peer, peer_seconds = scored(peer_of, X, y, weights)
        loss, seconds = scored(ours, X, y, weights)
        steps, of_steps = scored(
            lambda *data, ours=ours: ours(*data, optimizer="adam"), X, y, weights
        )
        rows.append(
            [
                ", ".join(part for part in (name, form, kind) if part),
                *(f"{value:.5g}" for value in (peer, loss, steps)),
                f"{loss / peer:.3f}",
                *(f"{value:.2f}" for value in (peer_seconds, seconds, of_steps)),
            ]
        )
        print(rows[-1], flush=True)
        bars.at_most(f"{rows[-1][0]}: test loss / peer's", loss / peer, MAX_LOSS)
    heads = ["peer's loss", "loss", "of steps alone", "ratio"]
    seconds_of = ["peer's CPU s", "CPU s", "of steps alone"]
    print()
    print_table(["case", *heads, *seconds_of], rows)
    bars.exit()


if __name__ == "__main__":
    main()
