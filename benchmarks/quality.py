"""Quality of the default fit on the test rows, against scikit-learn's models.

Everything is fitted on the same training rows. Linear Learner is given the
validation rows to choose its candidate; so is the search over SGD settings.
LogisticRegression, Ridge and RidgeCV do not use them. Peers see dense rows through
StandardScaler, but MNIST as pixels / 255, which suits them better; there
LogisticRegression runs both ways. There is no bar yet.
"""

from common import (
    Timing,
    add_repeats,
    load,
    load_mnist_zero,
    make_parser,
    print_environment,
    print_table,
)

# isort: split
import warnings

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor

DATASETS = ("a9a", "letter", "diamonds", "protein", "mnist", "mnist-zero")
REGRESSION = ("diamonds", "protein")
# Fits that take longer than this many seconds run once.
SLOW = 10.0
ALPHAS = [1e-6, 1e-5, 1e-4, 1e-3]
SCHEDULES = (
    {"learning_rate": ["optimal"]},
    {"learning_rate": ["adaptive"], "eta0": [0.01]},
)
REGRESSION_SCHEDULES = (
    {"learning_rate": ["invscaling"], "eta0": [0.01]},
    {"learning_rate": ["adaptive"], "eta0": [0.01]},
)


def ours(estimator, data):
    """Fit with the validation rows."""
    return estimator.fit(data.X_train, data.y_train, X_val=data.X_val, y_val=data.y_val)


def tuned_sgd(estimator, grid, scoring, data):
    """The best of a grid by the validation rows, fitted on the training rows."""
    stack = sp.vstack if sp.issparse(data.X_train) else np.concatenate
    X = stack([data.X_train, data.X_val])
    X = X.tocsr() if sp.issparse(X) else X
    y = np.concatenate([data.y_train, data.y_val])
    fold = np.repeat([-1, 0], [len(data.y_train), len(data.y_val)])
    search = GridSearchCV(
        estimator, grid, scoring=scoring, cv=PredefinedSplit(fold), refit=False
    ).fit(X, y)
    return estimator.set_params(**search.best_params_).fit(data.X_train, data.y_train)


def grid_of(step: str, schedules, quick: bool) -> list[dict[str, list]]:
    """Eight settings, or the two of the adaptive rate that do best most often."""
    schedules = schedules[1:] if quick else schedules
    alphas = ALPHAS[1:3] if quick else ALPHAS
    return [
        {f"{step}{name}": values for name, values in {"alpha": alphas, **s}.items()}
        for s in schedules
    ]


def cases(name: str, data, quick: bool) -> dict:
    """What to fit on one data set, by label."""
    scaled = data
    if name.startswith("mnist"):
        # Peers see float32 pixels in [0, 1]; converting them is not in their time.
        scaled = data.map(lambda X: X.astype(np.float32) / 255)
    scales = not (sp.issparse(data.X_train) or name.startswith("mnist"))

    def scaling(model):
        return make_pipeline(StandardScaler(), model) if scales else model

    step = "sgdclassifier__" if scales else ""
    count = 2 if quick else 8
    if name in REGRESSION:
        step = "sgdregressor__"
        grid = grid_of(step, REGRESSION_SCHEDULES, quick)
        sgd = scaling(SGDRegressor(max_iter=200, random_state=0))
        score = "neg_mean_squared_error"
        return {
            "LinearLearnerRegressor": (
                data,
                lambda: ours(LinearLearnerRegressor(random_state=0), data),
            ),
            "Ridge": (
                data,
                lambda: scaling(Ridge()).fit(data.X_train, data.y_train),
            ),
            "RidgeCV": (
                data,
                lambda: scaling(RidgeCV(np.logspace(-4, 4, 9))).fit(
                    data.X_train, data.y_train
                ),
            ),
            f"SGDRegressor, best of {count}": (
                data,
                lambda: tuned_sgd(sgd, grid, score, data),
            ),
        }
    found = {
        "LinearLearnerClassifier": (
            data,
            lambda: ours(LinearLearnerClassifier(random_state=0), data),
        )
    }
    if len(np.unique(data.y_train)) == 2:
        found["LinearLearnerClassifier, cross_entropy_loss"] = (
            data,
            lambda: ours(
                LinearLearnerClassifier(
                    random_state=0,
                    binary_classifier_model_selection_criteria="cross_entropy_loss",
                ),
                data,
            ),
        )
    grid = grid_of(step, SCHEDULES, quick)
    sgd = scaling(SGDClassifier(loss="log_loss", max_iter=200, random_state=0))
    found["LogisticRegression"] = (
        scaled,
        lambda: scaling(LogisticRegression(max_iter=200)).fit(
            scaled.X_train, scaled.y_train
        ),
    )
    if name.startswith("mnist"):
        found["LogisticRegression after StandardScaler"] = (
            scaled,
            lambda: make_pipeline(
                StandardScaler(), LogisticRegression(max_iter=200)
            ).fit(scaled.X_train, scaled.y_train),
        )
    found[f"SGDClassifier, best of {count}"] = (
        scaled,
        lambda: tuned_sgd(sgd, grid, "neg_log_loss", scaled),
    )
    return found


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    add_repeats(parser)
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    parser.add_argument(
        "--quick", action="store_true", help="search SGD over 2 settings instead of 8"
    )
    options = parser.parse_args()
    print_environment()
    if options.quick:
        print("QUICK: the search over SGD settings has 2 of its 8 settings.\n")
    rows = []
    for name in options.datasets:
        if name == "mnist-zero":
            data = load_mnist_zero(options.data_dir)
        else:
            data = load(options.data_dir, name)
        first = None
        for label, (seen, fit) in cases(name, data, options.quick).items():
            timing = Timing()
            with warnings.catch_warnings():
                # Which peers stop at max_iter is of no interest here.
                warnings.simplefilter("ignore", ConvergenceWarning)
                timing.run(fit)
                while len(timing.wall) < options.repeats and timing.wall[0] < SLOW:
                    timing.run(fit)
            model, y = timing.result, seen.y_test
            if name in REGRESSION:
                loss = mean_squared_error(y, model.predict(seen.X_test))
                accuracy = ""
            else:
                loss = log_loss(y, model.predict_proba(seen.X_test))
                accuracy = f"{np.mean(model.predict(seen.X_test) == y):.4f}"
            first = first or (loss, timing.seconds)
            rows.append(
                [
                    name,
                    label,
                    "MSE" if name in REGRESSION else "log-loss",
                    f"{loss:.5f}",
                    f"{loss / first[0]:.3f}",
                    accuracy,
                    str(len(timing.wall)),
                    f"{timing.seconds:.3f}",
                    f"{timing.seconds / first[1]:.2f}",
                ]
            )
            print(" ".join(rows[-1]), flush=True)
    print()
    print_table(
        [
            "data",
            "model",
            "loss",
            "on test rows",
            "/ ours",
            "accuracy",
            "runs",
            "fit s",
            "/ ours",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
