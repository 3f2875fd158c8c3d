"""What "auto" becomes in jobs of SageMaker's own Factorization Machines.

Its container has no "auto", so a job gets numbers. Our copy of its algorithm trains by
them, and by the container's defaults with the same mini-batches and epochs (its single
epoch learns next to nothing), on ratings and on a set like click logs. Beside them is
the fit that "auto" means here. None has validation rows: the container has no channel
for them.
"""

from typing import Any

import numpy as np
from sklearn.metrics import log_loss

from benchmarks.common import Bars, make_parser, print_environment, print_table
from benchmarks.data.factors import RATINGS, load_ratings, make_ctr
from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)
from sklearn_sagemaker._hyperparameters.container import FACTORS
from sklearn_sagemaker._hyperparameters.from_job import arguments_of
from sklearn_sagemaker.backends import SageMakerBackend

SEEDS = 3
PLANNED = ("num_factors", "mini_batch_size", "epochs")


def sets(data_dir):
    """Name, estimator, and rows to train and to test on."""
    for name in RATINGS:
        split, _ = load_ratings(data_dir, name)
        train, test = (split.X_train, split.y_train), (split.X_test, split.y_test)
        yield name, FactorizationMachinesRegressor, train, test
        train, test = ((X, y >= 4) for X, y in (train, test))
        yield f"{name}, 4 and more", FactorizationMachinesClassifier, train, test
    split = make_ctr()
    train, test = (split.X_train, split.y_train), (split.X_test, split.y_test)
    yield "ctr", FactorizationMachinesClassifier, train, test


def choices(estimator: Any, X, y) -> dict[str, Any]:
    """Arguments that say what the job is told."""
    there = SageMakerBackend("arn:aws:iam::1:role/r", bucket="b", region="us-east-1")
    # No rows are held out here, so that all train in each column of the table.
    model = estimator(cv=False, backend=there)
    strings = model.training_request(X, y)["HyperParameters"]
    return arguments_of(FACTORS, strings).arguments


def figure(model, train, test) -> float:
    """Test RMSE or log loss of a fit."""
    model.fit(*train)
    if isinstance(model, FactorizationMachinesRegressor):
        return float(np.sqrt(np.mean((model.predict(test[0]) - test[1]) ** 2)))
    return float(log_loss(test[1], model.predict_proba(test[0])[:, 1]))


def mean_figure(make, train, test, **arguments) -> float:
    """The mean over the seeds."""
    found = [
        figure(make(random_state=seed, n_jobs=1, **arguments), train, test)
        for seed in range(SEEDS)
    ]
    return float(np.mean(found))


def main() -> None:
    """Print the figures and check the bars."""
    options = make_parser(__doc__).parse_args()
    print_environment()
    rows, bars = [], Bars()
    for name, estimator, train, test in sets(options.data_dir):
        told = choices(estimator, *train)
        planned = {key: told[key] for key in PLANNED}
        theirs = mean_figure(estimator.sagemaker_defaults, train, test, **planned)
        ours = mean_figure(estimator.sagemaker_defaults, train, test, **told)
        here = mean_figure(estimator, train, test, cv=False)
        plan = f"{told['mini_batch_size']}, {told['epochs']}"
        rows.append([name, plan, f"{theirs:.4f}", f"{ours:.4f}", f"{here:.4f}"])
        bars.at_most(f"{name}: our choices / container's defaults", ours / theirs, 1.0)
    heads = [
        "RMSE of ratings, log loss of labels",
        "rows of a mini-batch, epochs",
        "container's defaults",
        "our choices",
        "a fit here",
    ]
    print_table(heads, rows)
    bars.exit()


if __name__ == "__main__":
    main()
