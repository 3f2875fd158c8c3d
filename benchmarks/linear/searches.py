"""Searches over fits that make folds of their own: cheaper settings and the defaults.

`GridSearchCV` with five folds over the optimizer, and over the two penalties; 12,000
rows of 60 features, and 300 rows of 300. Each best setting is then fitted with the
defaults, as the guide advises, and measured on the other rows.
"""

from functools import partial

from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split

from benchmarks.common import (
    TIMING_HEADERS,
    Bars,
    add_repeats,
    make_parser,
    measure,
    print_busy,
    print_environment,
    print_table,
)
from sklearn_sagemaker import LinearLearnerClassifier

SETS = {
    "12,000 x 60": {"n_samples": 20_000, "n_features": 60, "n_informative": 20},
    "300 x 300": {"n_samples": 500, "n_features": 300, "n_informative": 15},
}
GRIDS = {
    "optimizer": {"optimizer": ["adam", "sgd"]},
    "penalties": {"wd": [1e-5, 1e-3, 1e-1], "l1": [0.0, 1e-2]},
}
SETTINGS = {
    "defaults": {},
    "num_models=4": {"num_models": 4},
    "cv=False, num_models=1": {"cv": False, "num_models": 1},
}
MAX_TIMES = {"num_models=4": 0.5, "cv=False, num_models=1": 0.25}
MAX_LOSS = 1.01


def classifier(**settings) -> LinearLearnerClassifier:
    """One that selects by loss, as the search does."""
    return LinearLearnerClassifier(
        binary_classifier_model_selection_criteria="loss_function",
        random_state=0,
        **settings,
    )


def search(X, y, grid, settings) -> GridSearchCV:
    """One search, without fitting its best setting again."""
    model = classifier(**settings)
    found = GridSearchCV(model, grid, cv=5, scoring="neg_log_loss", refit=False)
    return found.fit(X, y)


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__, data=False)
    add_repeats(parser)
    options = parser.parse_args()
    print_environment()
    data = {}
    for seed, (name, shape) in enumerate(SETS.items()):
        X, y = make_classification(flip_y=0.1, random_state=seed, **shape)
        data[name] = train_test_split(X, y, test_size=0.4, random_state=0)
    cases = {}
    for name, (X, _, y, _) in data.items():
        for grid, values in GRIDS.items():
            for what, settings in SETTINGS.items():
                case = partial(search, X, y, values, settings)
                cases[f"{name}, {grid}, {what}"] = (case, options.repeats)
    timings = measure(cases)
    bars, rows = Bars(), []
    for name, (X, X_test, y, y_test) in data.items():
        for grid in GRIDS:
            losses = {}
            for what in SETTINGS:
                timing = timings[f"{name}, {grid}, {what}"]
                best = timing.result.best_params_
                model = classifier(**best).fit(X, y)
                losses[what] = log_loss(y_test, model.predict_proba(X_test))
                times = timing.cpu_ratio(timings[f"{name}, {grid}, defaults"])
                if what in MAX_TIMES:
                    case = f"{name}, {grid}, {what}"
                    bars.at_most(f"{case}: CPU / defaults", times, MAX_TIMES[what])
                    ratio = losses[what] / losses["defaults"]
                    bars.at_most(f"{case}: test loss / defaults", ratio, MAX_LOSS)
                rows.append(
                    [
                        f"{name}, {grid}, {what}",
                        *timing.cells(),
                        f"{times:.2f}",
                        " ".join(f"{key}={value}" for key, value in best.items()),
                        f"{-timing.result.best_score_:.4f}",
                        f"{losses[what]:.4f}",
                    ]
                )
    heads = ["CPU / defaults", "best setting", "log-loss of folds", "test log-loss"]
    print_table(["case", *TIMING_HEADERS, *heads], rows)
    print_busy(timings)
    bars.exit()


if __name__ == "__main__":
    main()
