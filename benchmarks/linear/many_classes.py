"""A default fit of 100 classes against one LogisticRegression: CPU seconds and loss.

Ours has 32 penalties and validation rows, the peer is one fit with its default penalty
on scaled features; test rows are as many as train.
"""

import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.common import (
    Bars,
    add_repeats,
    make_parser,
    print_environment,
    print_table,
)
from sklearn_sagemaker import LinearLearnerClassifier

CLASSES = 100
MAX_TIMES, FREE_SECONDS, MAX_LOSS = 5.0, 0.05, 1.05
CASES = {
    "600 x 20": (600, 20, 2.0),
    "1,500 x 30": (1500, 30, 1.0),
    "3,000 x 20": (3000, 20, 1.0),
    "5,000 x 20": (5000, 20, 1.0),
    "5,000 x 20, hardly apart": (5000, 20, 0.3),
    "10,000 x 50": (10_000, 50, 1.0),
    "50,000 x 30": (50_000, 30, 0.5),
}
"""Rows that train, features, and how far apart the classes are."""


def drawn(rows: int, features: int, apart: float):
    """Rows and labels to train on, and to test on."""
    rng = np.random.default_rng([0, rows, features, CLASSES])
    centres = rng.normal(size=(CLASSES, features)) * apart
    y = rng.integers(0, CLASSES, 2 * rows)
    X = centres[y] + rng.normal(size=(2 * rows, features)) * 1.5
    return X[:rows], y[:rows], X[rows:], y[rows:]


def measured(model, repeats: int, X, y, X_test, y_test) -> tuple[float, float]:
    """Least CPU seconds of some fits, and the test loss."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        model.fit(X, y)
        seconds.append(time.process_time() - start)
    return min(seconds), log_loss(y_test, model.predict_proba(X_test))


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__, data=False)
    add_repeats(parser, 3)
    parser.add_argument("--case", choices=CASES, nargs="*", default=list(CASES))
    options = parser.parse_args()
    print_environment()
    warnings.simplefilter("ignore")
    bars, rows = Bars(), []
    for name in options.case:
        data = drawn(*CASES[name])
        peer = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        theirs, least = measured(peer, options.repeats, *data)
        ours = LinearLearnerClassifier(random_state=0)
        mine, loss = measured(ours, options.repeats, *data)
        rows.append(
            [name, *(f"{value:.3g}" for value in (theirs, mine, mine / theirs)),
             *(f"{value:.4g}" for value in (least, loss))]
        )  # fmt: skip
        allowed = max(MAX_TIMES * theirs, FREE_SECONDS)
        bars.at_most(f"{name}: CPU s / what is allowed", mine / allowed, 1.0)
        bars.at_most(f"{name}: test loss / peer's", loss / least, MAX_LOSS)
    heads = ["peer's CPU s", "CPU s", "times", "peer's loss", "loss"]
    print_table(["case", *heads], rows)
    bars.exit()


if __name__ == "__main__":
    main()
