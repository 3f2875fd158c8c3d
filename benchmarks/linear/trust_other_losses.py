"""Untouched defaults of other losses against tuned peers, on data that ask for care.

Test loss and CPU seconds of default fits, but for the loss, against scikit-learn's
QuantileRegressor and LinearSVC, and against SciPy on our Huber objective, each with
its penalty chosen by five folds: means over redrawn splits of data that are
correlated, wide, tiny or far from zero. A penalty is chosen by the loss that is
reported. HuberRegressor is shown beside, and does not count: its objective is another.
"""

import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import HuberRegressor, QuantileRegressor
from sklearn.metrics import hinge_loss, make_scorer, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from benchmarks.common import Bars, make_parser, print_environment, print_table
from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor

MAX_LOSS = 1.05
MAX_TIMES, FREE_SECONDS = 2.0, 0.05
HUBER_DELTA = 0.3
COVERAGE = 0.05
"""How far the share of test rows below a predicted quantile may be from it, beyond
what the peer's is."""


# ------------------------------------------------------------------------- the data
def heavy(rng, n):
    """Errors with heavy tails."""
    return rng.standard_t(3, n)


def diabetes(rng):
    X, y = load_diabetes(return_X_y=True)
    return X, y, 300


def sensors(rng):
    """Two that are nearly equal, of which the difference counts."""
    level, e = rng.normal(0, 5, 900), rng.normal(size=900)
    return np.c_[level, level + 0.05 * e], e + 0.1 * heavy(rng, 900), 400


def years(rng):
    """A year and its square."""
    year = rng.uniform(1900, 2020, 700)
    y = (year - 1955) ** 2 / 1000 + 0.1 * heavy(rng, 700)
    return np.c_[year, year**2], y, 300


def wide(rng):
    """Five of 120 features count, and there are 60 rows."""
    X = rng.normal(size=(660, 120))
    return X, 2 * X[:, :5].sum(axis=1) + heavy(rng, 660), 60


def tiny(rng):
    """Four features and 30 rows."""
    X = rng.normal(size=(630, 4))
    return X, X @ [1.0, -1.0, 0.5, 0.0] + heavy(rng, 630), 30


def uneven(rng):
    """The spread of the labels grows with a feature."""
    X = rng.uniform(0, 1, size=(1500, 5))
    return X, X[:, 0] + (0.2 + X[:, 1]) * rng.normal(size=1500), 500


def of_classes(draw):
    """The same features, and whether the label is above its median."""

    def drawn(rng):
        X, y, n = draw(rng)
        return X, (y > np.median(y)).astype(int), n

    drawn.__doc__ = draw.__doc__
    return drawn


def cancer(rng):
    X, y = load_breast_cancer(return_X_y=True)
    return X, y, 340


def wine(rng):
    """Two kinds of wine of three."""
    X, y = load_wine(return_X_y=True)
    return X, (y == 1).astype(int), 106


def ages(rng):
    """An age and its square, and a risk that is highest in between."""
    age = rng.uniform(18, 90, 1200)
    risk = 1 / (1 + np.exp(((age - 45) / 9) ** 2 - 2))
    return np.c_[age, age**2], (rng.random(1200) < risk).astype(int), 500


REGRESSION: dict[str, Callable] = {
    "diabetes": diabetes,
    "nearly equal sensors": sensors,
    "year, its square": years,
    "p > n": wide,
    "30 rows": tiny,
    "uneven spread": uneven,
}
CLASSES: dict[str, Callable] = {
    "breast cancer": cancer,
    "nearly equal sensors": of_classes(sensors),
    "age, its square": ages,
    "p > n": of_classes(wide),
    "30 rows": of_classes(tiny),
    "wine": wine,
}


# ------------------------------------------------------------------------ the peers
class HuberByScipy(RegressorMixin, BaseEstimator):
    """Our Huber objective, with an L2 penalty, by L-BFGS."""

    def __init__(self, delta=HUBER_DELTA, wd=0.0):
        self.delta, self.wd = delta, wd

    def fit(self, X, y, sample_weight=None):
        """Fit."""
        share = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        share = share / share.sum()
        unit = y.std() or 1.0
        delta, centre = self.delta / unit, np.median(y)
        t = (y - centre) / unit

        def objective(v):
            error = X @ v[:-1] + v[-1] - t
            slope = share * np.clip(error, -delta, delta)
            within = np.minimum(np.abs(error), delta)
            value = share @ (within * (np.abs(error) - 0.5 * within))
            value += 0.5 * self.wd * v[:-1] @ v[:-1]
            return value, np.append(X.T @ slope + self.wd * v[:-1], slope.sum())

        start = np.zeros(X.shape[1] + 1)
        options = {"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-8}
        v = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
        self.coef_, self.intercept_ = v[:-1] * unit, v[-1] * unit + centre
        return self

    def predict(self, X):
        """Predict."""
        return X @ self.coef_ + self.intercept_


def huber(y, f, sample_weight=None, delta=HUBER_DELTA):
    """Mean Huber loss."""
    error = np.abs(f - y)
    within = np.minimum(error, delta)
    return float(np.average(within * (error - 0.5 * within), weights=sample_weight))


def mean_hinge(y, f, sample_weight=None):
    """Mean hinge loss of scores whose margins are at -1 and 1."""
    return hinge_loss(y, f, labels=[0, 1], sample_weight=sample_weight)


class Task(NamedTuple):
    """A loss: our settings, the peer and its grid, and how both are judged."""

    settings: dict[str, Any]
    peer: BaseEstimator
    grid: dict[str, Any]
    loss: Callable
    quantile: float | None = None

    @property
    def classes(self) -> bool:
        """Whether there are classes."""
        return self.settings["loss"] == "hinge_loss"


ALPHAS = np.append(10.0 ** np.arange(-4.0, 0.5, 0.5), 0.0)


def quantile_task(of: float, **settings) -> Task:
    """Of a quantile of the labels."""
    return Task(
        settings,
        QuantileRegressor(quantile=of, solver="highs"),
        {"alpha": ALPHAS},
        partial(mean_pinball_loss, alpha=of),
        of,
    )


TASKS = {
    "absolute": quantile_task(0.5, loss="absolute_loss"),
    "quantile 0.9": quantile_task(0.9, loss="quantile_loss", quantile=0.9),
    "quantile 0.1": quantile_task(0.1, loss="quantile_loss", quantile=0.1),
    "huber": Task(
        {"loss": "huber_loss", "huber_delta": HUBER_DELTA},
        HuberByScipy(),
        {"wd": np.append(10.0 ** np.arange(-6.0, 1.0), 0.0)},
        huber,
    ),
    "hinge": Task(
        {
            "loss": "hinge_loss",
            "binary_classifier_model_selection_criteria": "loss_function",
        },
        LinearSVC(loss="hinge", dual=True, max_iter=20_000),
        {"C": 10.0 ** np.arange(-3.0, 4.0)},
        mean_hinge,
    ),
}


# --------------------------------------------------------------------------- the fits
class Way(NamedTuple):
    """How our fit is given its rows."""

    form: Callable = np.asarray
    weighted: bool = False
    apart: bool = False
    settings: tuple[tuple[str, Any], ...] = ()


WAYS = {
    "plain": Way(),
    "float32": Way(lambda X: np.asarray(X, dtype=np.float32)),
    "csr": Way(sp.csr_array),
    "weights": Way(weighted=True),
    "X_val": Way(apart=True),
    "cv=False": Way(settings=(("cv", False),)),
}


def timed(fit: Callable) -> float:
    """CPU seconds of a fit."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit()
    return time.process_time() - start


def one_split(task: Task, way: Way, draw: Callable, split: int):
    """Loss, seconds and coverage of the peer and then ours; HuberRegressor's loss."""
    rng = np.random.default_rng([split, 18])
    X, y, n = draw(rng)
    order = rng.permutation(len(y))
    a, b = order[:n], order[n:]
    weights = rng.uniform(0.2, 3.0, len(y)) if way.weighted else np.ones(len(y))
    scaler = StandardScaler().fit(X[a])
    Z = scaler.transform(X)
    given = {"sample_weight": weights[a]} if way.weighted else {}

    method = "decision_function" if task.classes else "predict"
    scorer = make_scorer(
        task.loss, greater_is_better=False,
        **({"response_method": method} if task.classes else {}),
    )  # fmt: skip
    peer = GridSearchCV(task.peer, task.grid, scoring=scorer, cv=5)
    seconds = [timed(lambda: peer.fit(Z[a], y[a], **given))]

    kind = LinearLearnerClassifier if task.classes else LinearLearnerRegressor
    ours = kind(random_state=0, **task.settings, **dict(way.settings))
    rows, apart = a, {}
    if way.apart:
        rows, rest = train_test_split(a, test_size=0.25, random_state=split)
        apart = {"X_val": way.form(X[rest]), "y_val": y[rest]}
        given = {"sample_weight": weights[rows]} if way.weighted else {}
    seconds.append(
        timed(lambda: ours.fit(way.form(X[rows]), y[rows], **given, **apart))
    )
    f = [getattr(peer, method)(Z[b])]
    if task.classes:
        # Scores of labels 0 and 1 have their margins at 0 and 1.
        f.append(2 * ours.decision_function(way.form(X[b])) - 1)
    else:
        f.append(ours.predict(way.form(X[b])))
    more = {"sample_weight": weights[b]} if way.weighted else {}
    losses = [task.loss(y[b], scores, **more) for scores in f]
    covered = [np.mean(y[b] <= scores) for scores in f]
    beside = np.nan
    if task.loss is huber:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = make_pipeline(StandardScaler(), HuberRegressor(max_iter=1000))
            beside = huber(y[b], other.fit(X[a], y[a]).predict(X[b]))
    return [*losses, *seconds, *covered, beside]


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__, data=False)
    parser.add_argument("--splits", type=int, default=20, help="redrawn splits a case")
    parser.add_argument("--way", choices=WAYS, default="plain", help="of our fit")
    parser.add_argument("--task", choices=TASKS, nargs="*", default=list(TASKS))
    parser.add_argument("--case", nargs="*", help="some of the data")
    options = parser.parse_args()
    print_environment()
    bars, table = Bars(), []
    for name in options.task:
        task = TASKS[name]
        for case, draw in (CLASSES if task.classes else REGRESSION).items():
            if options.case and case not in options.case:
                continue
            way = WAYS[options.way]
            found = np.array(
                [one_split(task, way, draw, split) for split in range(options.splits)]
            )
            loss, covered = found[:, :2].mean(axis=0), found[:, 4:6].mean(axis=0)
            seconds = np.median(found[:, 2:4], axis=0)
            ratio = loss[1] / loss[0]
            allowed = max(MAX_TIMES * seconds[0], FREE_SECONDS)
            what = f"{name}, {case}"
            bars.at_most(f"{what}: test loss / peer's", ratio, MAX_LOSS)
            bars.at_most(f"{what}: CPU s / allowed", seconds[1] / allowed, 1.0)
            shares = ["", ""]
            if task.quantile is not None:
                shares = [f"{share:.3f}" for share in covered]
                far = np.abs(covered - task.quantile)
                bars.at_most(f"{what}: coverage", far[1] - far[0], COVERAGE)
            table.append(
                [
                    name,
                    case,
                    *(f"{value:.4g}" for value in loss),
                    f"{ratio:.3f}",
                    f"{np.median(found[:, 1] / found[:, 0]):.3f}",
                    *shares,
                    *(f"{value:.3f}" for value in seconds),
                    "" if np.isnan(found[0, 6]) else f"{found[:, 6].mean():.4g}",
                ]
            )
            print(*table[-1], flush=True)
    print()
    print_table(
        [
            "loss",
            "data",
            "peer's loss",
            "loss",
            "ratio",
            "median ratio",
            "peer covers",
            "covers",
            "peer's CPU s",
            "CPU s",
            "HuberRegressor",
        ],
        table,
    )
    bars.exit()


if __name__ == "__main__":
    main()
