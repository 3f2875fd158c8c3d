"""Time of the default fit on MNIST's "is it a zero", against two peers.

The peers are a grid search over 32 settings of SGDClassifier of 15 epochs, and a
single candidate of our own. The default fit may stop candidates early; the
comparison with a single one is between fits that do not.
"""

from common import (
    TIMING_HEADERS,
    Bars,
    add_repeats,
    load_mnist_zero,
    make_parser,
    measure,
    print_busy,
    print_environment,
    print_table,
)

# isort: split
import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, ParameterGrid, PredefinedSplit

from sklearn_sagemaker import LinearLearnerClassifier

EPOCHS = 15
MAX_SHARE_OF_GRID = 1 / 30
MAX_TIMES_ONE_CANDIDATE = 6.0
# tol=None trains all epochs; "adaptive" then keeps its rate.
SCHEDULES = (
    {"learning_rate": ["optimal"]},
    {"learning_rate": ["adaptive"], "eta0": [0.01]},
    {"learning_rate": ["adaptive"], "eta0": [0.001]},
    {"learning_rate": ["invscaling"], "eta0": [1.0], "power_t": [0.5]},
)
GRID = [
    {"alpha": [1e-6, 1e-5, 1e-4, 1e-3], "penalty": ["l2", "l1"], **schedule}
    for schedule in SCHEDULES
]


def quick_grid() -> list[dict[str, list]]:
    """Four of the settings: both penalties, each alpha and each schedule once."""
    alphas, penalties = GRID[0]["alpha"], GRID[0]["penalty"]
    return [
        {"alpha": [alphas[i]], "penalty": [penalties[i % 2]], **SCHEDULES[i]}
        for i in range(4)
    ]


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser)
    parser.add_argument(
        "--peer-repeats", type=int, default=1, help="runs of the grid search"
    )
    parser.add_argument(
        "--quick", action="store_true", help="estimate the grid search from 4 settings"
    )
    options = parser.parse_args()
    print_environment()
    data = load_mnist_zero(options.data_dir)
    pixels = data.map(lambda X: X.astype(np.float32) / 255)
    X_both = np.concatenate([pixels.X_train, pixels.X_val])
    y_both = np.concatenate([data.y_train, data.y_val])
    fold = np.repeat([-1, 0], [len(data.y_train), len(data.y_val)])
    grid = quick_grid() if options.quick else GRID
    n_all, n_run = len(ParameterGrid(GRID)), len(ParameterGrid(grid))

    def ours(**settings):
        model = LinearLearnerClassifier(random_state=0, **settings)
        return model.fit(data.X_train, data.y_train, X_val=data.X_val, y_val=data.y_val)

    def grid_search():
        return GridSearchCV(
            SGDClassifier(loss="log_loss", max_iter=EPOCHS, tol=None, random_state=0),
            grid,
            scoring="neg_log_loss",
            cv=PredefinedSplit(fold),
            refit=False,
            n_jobs=1,
        ).fit(X_both, y_both)

    default, full, one = "default fit", "32 candidates, all epochs", "one candidate"
    peer = f"GridSearchCV, {n_run} of SGD"
    timings = measure(
        {
            default: (ours, options.repeats),
            full: (lambda: ours(early_stopping_patience=EPOCHS), options.repeats),
            one: (
                lambda: ours(num_models=1, early_stopping_patience=EPOCHS),
                options.repeats,
            ),
            peer: (grid_search, options.peer_repeats),
        }
    )
    rows = []
    for name in (default, full, one):
        model = timings[name].result
        table = model.candidates_
        rows.append(
            [
                name,
                *timings[name].cells(),
                len(table["n_iter"]),
                f"{table['n_iter'].sum()} of {EPOCHS * len(table['n_iter'])}",
                *quality(model, data),
            ]
        )
    search = timings[peer].result
    best = SGDClassifier(
        loss="log_loss",
        max_iter=EPOCHS,
        tol=None,
        random_state=0,
        **search.best_params_,
    ).fit(pixels.X_train, data.y_train)
    rows.append(
        [
            peer,
            *timings[peer].cells(),
            n_run,
            f"{EPOCHS * n_run} of {EPOCHS * n_run}",
            *quality(best, pixels),
        ]
    )
    print_table(
        [
            "case",
            *TIMING_HEADERS,
            "models",
            "epochs trained",
            "test log-loss",
            "test accuracy",
        ],
        rows,
    )
    print(f"best of the grid search: {search.best_params_}")
    grid_seconds = timings[peer].seconds * n_all / n_run
    if options.quick:
        print(
            f"QUICK: the grid search ran {n_run} of {n_all} settings; its time of "
            f"{grid_seconds:.1f} s is an ESTIMATE, {n_all // n_run} times the "
            f"{timings[peer].seconds:.1f} s measured, and its quality is that of "
            f"{n_run} settings"
        )
    ratio = timings[default].seconds / grid_seconds
    cpu_ratio = timings[peer].cpu_seconds * n_all / n_run / timings[default].cpu_seconds
    print(
        f"grid search of {n_all} settings / default fit: {1 / ratio:.1f} in wall, "
        f"{cpu_ratio:.1f} in CPU seconds"
    )
    cpu_ratio = timings[full].cpu_seconds / timings[one].cpu_seconds
    print(f"32 candidates / one, both all epochs: {cpu_ratio:.2f} in CPU seconds")
    print_busy(timings)
    bars = Bars()
    bars.at_most(f"default fit / grid search of {n_all}", ratio, MAX_SHARE_OF_GRID)
    bars.at_most(
        "32 candidates / one candidate, both all epochs",
        timings[full].seconds / timings[one].seconds,
        MAX_TIMES_ONE_CANDIDATE,
    )
    bars.exit()


def quality(model, data) -> list[str]:
    """Log-loss and accuracy on the test rows."""
    loss = log_loss(data.y_test, model.predict_proba(data.X_test)[:, 1])
    accuracy = accuracy_score(data.y_test, model.predict(data.X_test))
    return [f"{loss:.4f}", f"{accuracy:.4f}"]


if __name__ == "__main__":
    main()
