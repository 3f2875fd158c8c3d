"""A job of SageMaker's of 2023 on film ratings, beside our fits on ratings like these.

The log of a public notebook: MovieLens 100k, u1.base / u1.test in file order (80,000
and 20,000 rows, 2,625 columns), 64 factors, mini-batches of 1,000, 50 epochs.
That set is not at hand: `mlsmall` has as many ratings, of other years, in 9,737 columns
and with half stars, divided at random. So errors are comparable with those of our other
fits, and with the constant's, not with the job's digits.
"""

import time

import numpy as np

from benchmarks.common import Bars, make_parser, print_environment, print_table
from benchmarks.data.sets import load
from benchmarks.factors.fits import SOLVERS, estimator
from sklearn_sagemaker import FactorizationMachinesRegressor

JOB = {"num_factors": 64, "mini_batch_size": 1000, "epochs": 50}


def main() -> None:
    """Print the table and check the bar."""
    options = make_parser(__doc__ or "").parse_args()
    print_environment()
    data = load(options.data_dir, "mlsmall")
    y, n = data.y_test, data.X_train.shape[0]
    constant = float(np.sqrt(np.mean((y - data.y_train.mean()) ** 2)))
    cases = {
        "the job's settings": FactorizationMachinesRegressor.sagemaker_defaults(
            **JOB, n_jobs=1, random_state=0
        )
    }
    for solver in SOLVERS:
        cases[f"our defaults, {solver}"] = estimator("regression", solver=solver)
    rows = [["constant", "", f"{constant:.4f}", "", ""]]
    errors = {}
    for name, model in cases.items():
        # The job had no validation rows.
        own = name != "the job's settings"
        validation = {"X_val": data.X_val, "y_val": data.y_val} if own else {}
        start = time.process_time()
        model.fit(data.X_train, data.y_train, **validation)
        seconds = time.process_time() - start
        train, errors[name] = (
            float(np.sqrt(np.mean((model.predict(X) - target) ** 2)))
            for X, target in ((data.X_train, data.y_train), (data.X_test, y))
        )
        rate = n * model.n_iter_ / seconds
        rows.append(
            [
                name,
                f"{train:.4f}",
                f"{errors[name]:.4f}",
                f"{seconds:.1f}",
                f"{rate:,.0f}",
            ]
        )
    print_table(["fit", "train RMSE", "test RMSE", "CPU s", "records / s"], rows)
    bars = Bars()
    theirs = errors.pop("the job's settings")
    ratio = max(errors.values()) / theirs
    bars.at_most("test RMSE, worst default / the job's settings", ratio, 1.0)
    bars.exit()


if __name__ == "__main__":
    main()
