"""A default regression fit against 5-fold lasso paths by glmnet, adelie, scikit-learn.

CPU seconds on one thread and test loss. Ours has ridges, lassos and both, the folds and
the refit; the peers have the lasso path. Peers that are not installed are left out.
"""

import time
import warnings
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from sklearn.linear_model import LassoCV, RidgeCV

from benchmarks.common import (
    Bars,
    add_several,
    make_parser,
    print_environment,
    print_table,
)
from benchmarks.data.sets import load
from sklearn_sagemaker import LinearLearnerRegressor

MAX_TIME, MAX_LOSS = 1.0, 1.02
MAX_TIMES, FREE_SECONDS = 2.0, 0.05
SMALL = 100_000
"""Stored values up to which a fit may take the free seconds, or twice the peer's."""
REPEATS = 3
MADE = {
    "60 x 7,000": (60, 7000),
    "560 x 200": (560, 200),
    "15,000 x 15": (15_000, 15),
    "300 x 10": (300, 10),
    "400 x 30": (400, 30),
}
"""Rows and columns; ten of them count."""
SETS = ("diamonds", "protein")


def rows_of(name: str, folder):
    """Rows and labels to train on, and to test on."""
    if name in SETS:
        data = load(folder, name)
        return data.X_train, data.y_train, data.X_test, data.y_test
    n, d = MADE[name]
    rng = np.random.default_rng([n, d])
    X = rng.normal(size=(n + 1000, d))
    y = X[:, :10].sum(axis=1) + rng.normal(size=n + 1000)
    return X[:n], y[:n], X[n:], y[n:]


def with_glmnet(X, y):
    """The lasso path of glmnet, at the penalty of its lowest loss."""
    model = import_module("glmnet").ElasticNet(alpha=1, n_splits=5, n_jobs=1)
    model.fit(X, y)
    return lambda X: model.predict(X, lamb=model.lambda_max_)


def with_adelie(X, y):
    """The same of adelie, whose path ends where glmnet's does."""
    ad = import_module("adelie")
    X, glm = np.asfortranarray(X), ad.glm.gaussian(y)
    given = {"n_threads": 1, "progress_bar": False}
    folds = ad.cv_grpnet(X=X, glm=glm, n_folds=5, **given)
    path = folds.fit(X=X, glm=glm, **given)
    return lambda X: ad.diagnostic.predict(
        X=np.asfortranarray(X), betas=path.betas[-1:], intercepts=path.intercepts[-1:]
    )[0]


def with_scikit_learn(X, y):
    """The same of scikit-learn."""
    return LassoCV(max_iter=5000).fit(X, y).predict


def with_ridge(X, y):
    """No path of lassos, and no peer for its time: what its loss would be."""
    return RidgeCV(10.0 ** np.arange(-8, 6)).fit(X, y).predict


PEERS = {
    "glmnet": with_glmnet,
    "adelie": with_adelie,
    "LassoCV": with_scikit_learn,
    "RidgeCV": with_ridge,
}


def measured(fit, X, y, X_test, y_test) -> tuple[float, float]:
    """Least CPU seconds of some fits, and the test loss."""
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predict = fit(X, y)
        seconds.append(time.process_time() - start)
    return min(seconds), float(np.mean((np.ravel(predict(X_test)) - y_test) ** 2))


def ours(X, y):
    """A default fit, which scales by itself."""
    return LinearLearnerRegressor(random_state=0).fit(X, y).predict


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_several(parser, "--case", (*MADE, *SETS))
    options = parser.parse_args()
    print_environment()
    peers = [
        name for name in PEERS if name not in ("glmnet", "adelie") or find_spec(name)
    ]
    bars, rows = Bars(), []
    for name in options.case:
        X, y, X_test, y_test = rows_of(name, options.data_dir)
        mean, deviation = X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float)
        deviation[deviation == 0] = 1.0
        Z, Z_test = (X - mean) / deviation, (X_test - mean) / deviation
        y, y_test = np.asarray(y, dtype=float), np.asarray(y_test, dtype=float)
        mine = measured(ours, X, y, X_test, y_test)
        found = {peer: measured(PEERS[peer], Z, y, Z_test, y_test) for peer in peers}
        paths = [seconds for peer, (seconds, _) in found.items() if peer != "RidgeCV"]
        allowed = MAX_TIME * min(paths)
        if X.size <= SMALL:
            best = min(found.values(), key=lambda pair: pair[1])
            allowed = max(allowed, MAX_TIMES * best[0], FREE_SECONDS)
        least = min(loss for _, loss in found.values())
        rows.append(
            [
                name,
                *(f"{found[peer][0]:.3f}" for peer in peers),
                f"{mine[0]:.3f}",
                f"{least:.4g}",
                f"{mine[1] / least:.3f}",
            ]
        )
        bars.at_most(f"{name}: CPU s / what is allowed", mine[0] / allowed, 1.0)
        bars.at_most(f"{name}: loss / best peer's", mine[1] / least, MAX_LOSS)
    heads = [f"{peer} CPU s" for peer in peers]
    print_table(["case", *heads, "CPU s", "best peer's loss", "ratio"], rows)
    bars.exit()


if __name__ == "__main__":
    main()
