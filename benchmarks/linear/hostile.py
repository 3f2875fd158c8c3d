"""Default fits on hostile data: finite, and as good as on the clean data.

Each kind of hostility is done to the rows of all three parts in the same way, but
"sorted" to the training rows alone; the reference is the same seed's fit on the rows
without it. Hostilities are: columns times factors from 1e-6 to 1e6, a constant
column, a duplicated column, rows sorted by label, and all of these.

"99.9 % one class" keeps so many positives that they are 0.1 % of the training and of
the validation rows; test rows are weighted to that share. There are no cleaner rows
to compare with: the reference is LogisticRegression, its C chosen by the log-loss of
the same validation rows, on the same rows.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mean_squared_error

from benchmarks.common import (
    Bars,
    add_quick,
    add_seeds,
    add_several,
    make_parser,
    print_environment,
    print_table,
    seeds_of,
)
from benchmarks.data.sets import Split, load
from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor

DATASETS = ("a9a", "letter", "diamonds", "protein")
REGRESSION = ("diamonds", "protein")
RARE = ("a9a", "mnist-zero")
MAX_RATIO = 1.02
CONSTANT = 1000.0
POSITIVES = 0.001
PENALTIES = np.logspace(-4, 4, 9)


# --------------------------------------------------------------------- hostilities
def scaled(data: Split) -> Split:
    """Columns times log-spaced factors, in a fixed random order."""
    d = data.X_train.shape[1]
    factors = np.random.default_rng(0).permutation(np.logspace(-6, 6, d))
    factors = factors.astype(np.float32)
    if sp.issparse(data.X_train):
        return data.map(lambda X: sp.csr_matrix(X @ sp.diags(factors)))
    return data.map(lambda X: X.astype(np.float32) * factors)


def with_column(data: Split, column: Callable[[Any], np.ndarray]) -> Split:
    """One more column, computed from the matrix."""
    if sp.issparse(data.X_train):
        return data.map(
            lambda X: sp.hstack(
                [X, sp.csr_matrix(column(X).astype(np.float32))], format="csr"
            )
        )
    return data.map(
        lambda X: np.hstack([X.astype(np.float32), column(X).astype(np.float32)])
    )


def constant(data: Split) -> Split:
    """One more column, the same in all rows."""
    return with_column(data, lambda X: np.full((X.shape[0], 1), CONSTANT))


def duplicated(data: Split) -> Split:
    """One column twice: that with the most stored values, so that it matters."""
    stored = (data.X_train != 0).sum(axis=0)
    which = int(np.argmax(stored))

    def column(X):
        return X[:, [which]].toarray() if sp.issparse(X) else X[:, [which]]

    return with_column(data, column)


def sorted_by_label(data: Split) -> Split:
    """Training rows in the order of their labels."""
    order = np.argsort(data.y_train, kind="stable")
    return Split(
        data.X_train[order],
        data.y_train[order],
        data.X_val,
        data.y_val,
        data.X_test,
        data.y_test,
    )


def everything(data: Split) -> Split:
    """All of the above; the constant column is scaled too."""
    return sorted_by_label(scaled(constant(duplicated(data))))


HOSTILITIES: dict[str, Callable[[Split], Split]] = {
    "scales 1e-6..1e6": scaled,
    "constant column": constant,
    "duplicated column": duplicated,
    "sorted by label": sorted_by_label,
    "all of these": everything,
}


# -------------------------------------------------------------------------- fits
def default_fit(data: Split, *, regression: bool, seed: int, validation: bool):
    """The default estimator, fitted."""
    kind = LinearLearnerRegressor if regression else LinearLearnerClassifier
    model = kind(random_state=seed)
    return data.fit(model) if validation else model.fit(data.X_train, data.y_train)


def loss_on_test(model, data: Split, *, regression: bool, weights=None) -> float:
    """MSE or log-loss on test rows; infinite if a coefficient is not finite."""
    if not (np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()):
        return np.inf
    if regression:
        return float(mean_squared_error(data.y_test, model.predict(data.X_test)))
    probability = model.predict_proba(data.X_test)
    return float(log_loss(data.y_test, probability, sample_weight=weights))


def rare(data_dir: Path, name: str, seed: int) -> tuple[Split, np.ndarray]:
    """Training and validation rows with few positives, and weights of test rows."""
    data = load(data_dir, name)
    rng = np.random.default_rng(seed)
    parts = []
    for X, y in ((data.X_train, data.y_train), (data.X_val, data.y_val)):
        negative, positive = np.flatnonzero(y <= 0), np.flatnonzero(y > 0)
        count = round(POSITIVES / (1 - POSITIVES) * len(negative))
        rows = np.sort(np.concatenate([negative, rng.permutation(positive)[:count]]))
        parts += [X[rows], y[rows]]
    hit = data.y_test > 0
    share = hit.mean()
    weights = np.where(hit, POSITIVES / share, (1 - POSITIVES) / (1 - share))
    X_train, y_train, X_val, y_val = parts
    split = Split(X_train, y_train, X_val, y_val, data.X_test, data.y_test)
    return split, weights


def tuned_logistic(data: Split, weights: np.ndarray) -> float:
    """Test log-loss of LogisticRegression with the C best on validation rows."""
    found = []
    for penalty in PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=1000)
        model.fit(data.X_train, data.y_train)
        validation = log_loss(data.y_val, model.predict_proba(data.X_val))
        test = log_loss(
            data.y_test, model.predict_proba(data.X_test), sample_weight=weights
        )
        found.append((validation, test))
    return min(found)[1]


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    names = (*DATASETS, "mnist-zero")
    add_several(parser, "--datasets", names)
    add_seeds(parser, "each fit")
    add_quick(parser, "one seed")
    parser.add_argument(
        "--no-validation",
        action="store_true",
        help="leave the validation rows to the estimator's own folds",
    )
    options = parser.parse_args()
    print_environment()
    seeds, rows, bars = seeds_of(options), [], Bars()

    def add(name: str, kind: str, loss: str, ours: list[float], clean: list[float]):
        ratio = float(np.mean(ours) / np.mean(clean))
        rows.append(
            [
                name,
                kind,
                loss,
                f"{np.mean(clean):.5f}",
                f"{np.mean(ours):.5f}",
                f"{ratio:.4f}",
                f"{max(np.divide(ours, clean)):.4f}",
            ]
        )
        bars.at_most(f"{name}, {kind}: test loss / clean", ratio, MAX_RATIO)
        print(*rows[-1], flush=True)

    for name in DATASETS:
        if name not in options.datasets:
            continue
        data, regression = load(options.data_dir, name), name in REGRESSION
        losses: dict[str, list[float]] = {}
        for kind, change in {"clean": lambda data: data, **HOSTILITIES}.items():
            changed = change(data)
            losses[kind] = [
                loss_on_test(
                    default_fit(
                        changed,
                        regression=regression,
                        seed=seed,
                        validation=not options.no_validation,
                    ),
                    changed,
                    regression=regression,
                )
                for seed in seeds
            ]
        for kind in HOSTILITIES:
            loss = "MSE" if regression else "log-loss"
            add(name, kind, loss, losses[kind], losses["clean"])
    for name in RARE:
        if name not in options.datasets:
            continue
        ours, theirs = [], []
        for seed in seeds:
            data, weights = rare(options.data_dir, name, seed)
            model = default_fit(
                data,
                regression=False,
                seed=seed,
                validation=not options.no_validation,
            )
            ours.append(loss_on_test(model, data, regression=False, weights=weights))
            if name == "mnist-zero":
                data = data.map(lambda X: X.astype(np.float32) / 255)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                theirs.append(tuned_logistic(data, weights))
        add(name, "99.9 % one class", "log-loss", ours, theirs)
    print()
    print_table(
        ["data", "hostility", "loss", "clean", "hostile", "ratio", "worst seed"], rows
    )
    bars.exit()


if __name__ == "__main__":
    main()
