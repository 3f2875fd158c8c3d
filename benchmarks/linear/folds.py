"""Time of 5-fold cross-validation of 32 candidates against the same fit without.

With ``cv=5`` the five models of each candidate are trained in the same pass as the
one that is kept, on 4/5 of the rows each, and each fold's rows are scored by the
model that has not seen them: five times the arithmetic of ``cv=False``, which
trains one model a candidate on all rows and scores all rows. Same mini-batches,
same number of epochs, none stops early; selection and calibration are in both.
"""

from functools import partial

from sklearn.metrics import log_loss

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
from benchmarks.data.sets import load
from benchmarks.linear.fits import checked, every_epoch
from sklearn_sagemaker import LinearLearnerClassifier

FOLDS, CANDIDATES, EPOCHS = 5, 32, 15
MAX_RATIO = 5.0
SETS = {"mnist-zero": 500, "a9a": 250}


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of both fits")
    options = parser.parse_args()
    print_environment()
    data = {name: load(options.data_dir, name) for name in SETS}

    def fit(name, cv):
        model = LinearLearnerClassifier(
            num_models=CANDIDATES,
            mini_batch_size=SETS[name],
            cv=cv,
            random_state=0,
            **every_epoch(options.epochs),
        )
        return model.fit(data[name].X_train, data[name].y_train)

    cases = {
        (name, cv): (partial(fit, name, cv), options.repeats)
        for name in SETS
        for cv in (FOLDS, False)
    }
    named = {
        (name, cv): f"{name}, {f'{cv} folds' if cv else 'no folds'}"
        for name, cv in cases
    }
    timings = measure({named[key]: case for key, case in cases.items()})
    rows = []
    for key, name in named.items():
        model, split = timings[name].result, data[key[0]]
        table = checked(model, options.epochs)
        loss = log_loss(split.y_test, model.predict_proba(split.X_test)[:, 1])
        rows.append(
            [
                name,
                *timings[name].cells(),
                len(table["n_iter"]),
                options.epochs,
                f"{loss:.4f}",
            ]
        )
    print_table(
        ["case", *TIMING_HEADERS, "candidates", "epochs", "test log-loss"], rows
    )
    bars = Bars()
    for name in SETS:
        folds, none = (timings[named[name, cv]] for cv in (FOLDS, False))
        what = f"{name}: {FOLDS} folds / none"
        print(f"{what}: {folds.cpu_ratio(none):.2f} in CPU seconds")
        bars.at_most(what, folds.ratio(none), MAX_RATIO)
    print_busy(timings)
    bars.exit()


if __name__ == "__main__":
    main()
