"""Time of Linear Learner on a large sparse set, against SGDClassifier.

200,000 training rows of 75 values in 47,000 columns (see data/sparse.py). In our
times: one fit, with validation, scaling statistics, the loss on the 20,000
validation rows after every epoch for every candidate, the choice of the best and
the calibration of its threshold. In the peer's: for each setting one fit, and its
log-loss on the same validation rows once. Both train 15 epochs, none stops early.
"""

import warnings
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import ParameterGrid

from benchmarks.common import (
    TIMING_HEADERS,
    Bars,
    Timing,
    measure,
    print_busy,
    print_environment,
    print_table,
)
from benchmarks.data.sparse import make_sparse
from benchmarks.linear.fits import every_epoch
from benchmarks.peers.sgd import EPOCHS, quality, sgd_grid, speed_options
from sklearn_sagemaker import LinearLearnerClassifier

MAX_SHARE_OF_SUM = 1 / 12
MAX_TIMES_ONE_CANDIDATE = 6.0
MAX_TIMES_ONE_SGD = 1.0
# tol=None trains all epochs; "adaptive" then keeps its rate.
SCHEDULES: tuple[dict[str, list], ...] = (
    {"learning_rate": ["optimal"]},
    {"learning_rate": ["adaptive"], "eta0": [0.1]},
    {"learning_rate": ["adaptive"], "eta0": [0.01]},
    {"learning_rate": ["invscaling"], "eta0": [10.0], "power_t": [0.5]},
)
GRID = sgd_grid(SCHEDULES)
# What one model is compared with, and two settings of each penalty for --quick.
ONE = {"alpha": 1e-5, "penalty": "l2", "learning_rate": "adaptive", "eta0": 0.1}
QUICK = [
    {"alpha": 1e-5, "penalty": "l2", "learning_rate": "optimal"},
    {"alpha": 1e-4, "penalty": "l2", "learning_rate": "adaptive", "eta0": 0.1},
    {"alpha": 1e-6, "penalty": "l1", "learning_rate": "adaptive", "eta0": 0.1},
    {"alpha": 1e-5, "penalty": "l1", "learning_rate": "optimal"},
]


def main() -> None:
    """Print the table and check the bars."""
    options = speed_options(
        __doc__, "each of the 32 settings", "the 32 settings from 4", data=False
    )
    print_environment()
    data = make_sparse()
    X_test, y_test = data.X_test, data.y_test

    def ours(**settings):
        model = LinearLearnerClassifier(
            random_state=0, **every_epoch(EPOCHS), **settings
        )
        return data.fit(model)

    def sgd(settings):
        model = SGDClassifier(
            loss="log_loss", max_iter=EPOCHS, tol=None, random_state=0, **settings
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(data.X_train, data.y_train)
        return log_loss(data.y_val, model.predict_proba(data.X_val)[:, 1]), model

    many, one, one_sgd = "32 candidates", "one candidate", "one SGDClassifier, l2"
    settings = QUICK if options.quick else list(ParameterGrid(GRID))
    # In one call, so that ours is timed before and after the settings.
    timings = measure(
        {
            many: (ours, options.repeats),
            one: (lambda: ours(num_models=1), options.repeats),
            one_sgd: (lambda: sgd(ONE), options.repeats),
            **{
                str(setting): (partial(sgd, setting), options.peer_repeats)
                for setting in settings
            },
        }
    )
    peers = [timings[str(setting)] for setting in settings]
    halves = {}
    for penalty in ("l2", "l1"):
        halves[penalty] = [
            timing
            for setting, timing in zip(settings, peers, strict=True)
            if setting["penalty"] == penalty
        ]
    n_all = len(ParameterGrid(GRID))
    # Wall and CPU seconds of all 32; the means of each half count for 16.
    total = Timing(
        *(
            [sum(np.mean([getattr(t, kind) for t in half]) for half in halves.values())
             * n_all / 2]
            for kind in ("seconds", "cpu_seconds")
        )
    )  # fmt: skip
    best = min((timing.result for timing in peers), key=lambda pair: pair[0])
    rows: list[list[Any]] = []
    for name in (many, one):
        model = timings[name].result
        epochs = model.candidates_["n_iter"]
        rows.append(
            [
                name,
                *timings[name].cells(),
                f"{epochs.sum()} of {EPOCHS * len(epochs)}",
                *quality(model, X_test, y_test),
            ]
        )
    for penalty, half in halves.items():
        rows.append(
            [
                f"SGDClassifier, {penalty}, mean of {len(half)} settings",
                str(options.peer_repeats),
                f"{np.mean([t.seconds for t in half]):.3f}",
                f"{min(min(t.wall) for t in half):.3f}",
                f"{np.mean([t.cpu_seconds for t in half]):.3f}",
                EPOCHS,
                "",
                "",
            ]
        )
    rows.append(
        [
            one_sgd,
            *timings[one_sgd].cells(),
            EPOCHS,
            *quality(timings[one_sgd].result[1], X_test, y_test),
        ]
    )
    label = "ESTIMATE of the sum of" if options.quick else "sum of"
    rows.append(
        [
            f"{label} {n_all} SGDClassifier fits",
            *total.cells(),
            EPOCHS * n_all,
            *quality(best[1], X_test, y_test),
        ]
    )
    print_table(
        ["case", *TIMING_HEADERS, "epochs trained", "test log-loss", "test accuracy"],
        rows,
    )
    print(
        f"best of the {len(settings)} SGDClassifier settings by validation log-loss: "
        f"alpha {best[1].alpha:g}, {best[1].penalty}, {best[1].learning_rate}"
    )
    if options.quick:
        print(
            f"QUICK: {len(settings)} of {n_all} settings ran; the sum is an ESTIMATE, "
            f"{n_all // 2} times the mean of each penalty's, and the quality that of "
            f"{len(settings)} settings"
        )
    ratio = timings[many].ratio(total)
    cpu_ratio = total.cpu_ratio(timings[many])
    print(
        f"sum of {n_all} fits / 32 candidates: {1 / ratio:.1f} in wall, "
        f"{cpu_ratio:.1f} in CPU seconds"
    )
    cpu_ratio = timings[many].cpu_ratio(timings[one])
    print(f"32 candidates / one candidate: {cpu_ratio:.2f} in CPU seconds")
    cpu_ratio = timings[one].cpu_ratio(timings[one_sgd])
    print(f"one candidate / one SGDClassifier (l2): {cpu_ratio:.2f} in CPU seconds")
    losses = [
        log_loss(y_test, model.predict_proba(X_test)[:, 1])
        for model in (timings[many].result, best[1])
    ]
    print(f"test log-loss, 32 candidates / best SGD: {losses[0] / losses[1]:.3f}")
    print_busy(timings)
    bars = Bars()
    bars.at_most(f"32 candidates / sum of {n_all} fits", ratio, MAX_SHARE_OF_SUM)
    bars.at_most(
        "32 candidates / one candidate",
        timings[many].ratio(timings[one]),
        MAX_TIMES_ONE_CANDIDATE,
    )
    bars.at_most(
        "one candidate / one SGDClassifier (l2)",
        timings[one].ratio(timings[one_sgd]),
        MAX_TIMES_ONE_SGD,
    )
    bars.exit()


if __name__ == "__main__":
    main()
