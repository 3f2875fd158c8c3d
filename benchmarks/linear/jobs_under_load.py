"""``n_jobs=2`` where other fits want the processors: four fits at once on two cores.

Fits at the same time leave each other no core to spare: two threads each gain nothing
then, and should cost nothing either. Narrow rows make mini-batches of some dozen
microseconds, after each of which the threads of a fit depend on each other. The least
seconds count, which a busy machine changes least. Early stopping is off. The
coefficients must be the same bit for bit. What two threads gain a fit that is alone is
in the table; `jobs` has its bars.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from benchmarks.common import (
    Bars,
    add_repeats,
    make_parser,
    measure,
    print_environment,
    print_table,
)
from benchmarks.linear.fits import every_epoch
from sklearn_sagemaker import LinearLearnerClassifier

SHAPES = ((200_000, 20), (20_000, 784))
EPOCHS, MODELS, AT_ONCE = 2, 32, 4
COST = 1.2


def make_rows(n_rows: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows in float32, and classes that depend on all features."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    noise = rng.normal(size=n_rows)
    return X, (X @ rng.normal(size=n_features) + noise > 0).astype(int)


def fit(X: np.ndarray, y: np.ndarray, n_jobs: int) -> LinearLearnerClassifier:
    """One fit without early stopping, validated on its first 1,000 rows."""
    model = LinearLearnerClassifier(
        num_models=MODELS, n_jobs=n_jobs, random_state=0, **every_epoch(EPOCHS)
    )
    return model.fit(X, y, X_val=X[:1000], y_val=y[:1000])


def fit_at_once(
    count: int, X: np.ndarray, y: np.ndarray, n_jobs: int
) -> list[LinearLearnerClassifier]:
    """The models of so many fits at the same time, each in a thread."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: fit(X, y, n_jobs), range(count)))


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__, data=False)
    add_repeats(parser, 7, "runs of each case, of which the fastest counts")
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("One core only: nothing to gain from two jobs.")
    print_environment()
    cases = {}
    for shape in SHAPES:
        data = make_rows(*shape)
        fit(*data, 2)
        for count in (1, AT_ONCE):
            for jobs in (1, 2):
                case = partial(fit_at_once, count, *data, jobs)
                cases[str((shape, count, jobs))] = case, options.repeats
    timings = measure(cases)
    rows, differ, costs = [], 0, {}
    for shape in SHAPES:
        models = []
        for count in (1, AT_ONCE):
            one, two = (timings[str((shape, count, jobs))] for jobs in (1, 2))
            cost = costs[shape, count] = min(two.wall) / min(one.wall)
            models += [*one.result, *two.result]
            rows.append(
                [
                    f"{shape[0]:,} x {shape[1]}, {count} at once",
                    options.repeats,
                    f"{min(one.wall):.3f}",
                    f"{min(two.wall):.3f}",
                    f"{cost:.2f}",
                ]
            )
        differ += sum(
            not np.array_equal(model.coef_, models[0].coef_) for model in models
        )
    print_table(
        ["fits", "runs", "n_jobs=1, s (min)", "n_jobs=2, s (min)", "2 jobs / 1"], rows
    )
    bars = Bars()
    for rows_, columns in SHAPES:
        cost = costs[(rows_, columns), AT_ONCE]
        name = f"{rows_:,} x {columns}, {AT_ONCE} at once, 2 jobs / 1"
        bars.at_most(name, cost, COST)
    bars.at_most("fits that differ", differ, 0)
    bars.exit()


if __name__ == "__main__":
    main()
