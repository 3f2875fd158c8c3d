"""Settings of SGDClassifier and SGDRegressor that the peers' searches try."""

from __future__ import annotations

import argparse
from typing import Any

from sklearn.metrics import accuracy_score, log_loss

from benchmarks.common import add_quick, add_repeats, make_parser

EPOCHS = 15


def speed_options(
    description: str, peer: str, estimated: str, *, data: bool
) -> argparse.Namespace:
    """Read the command line of a benchmark of speed against such a search.

    Parameters
    ----------
    description : str
    peer, estimated : str
        What ``--peer-repeats`` counts the runs of, and what ``--quick`` does.
    data : bool
        Whether the benchmark reads a real data set.
    """
    parser = make_parser(description, data=data)
    add_repeats(parser, 5)
    parser.add_argument("--peer-repeats", type=int, default=1, help=f"runs of {peer}")
    add_quick(parser, f"estimate {estimated}")
    return parser.parse_args()


def sgd_grid(schedules: tuple[dict[str, list], ...]) -> list[dict[str, list]]:
    """Eight settings for each schedule."""
    return [
        {"alpha": [1e-6, 1e-5, 1e-4, 1e-3], "penalty": ["l2", "l1"], **schedule}
        for schedule in schedules
    ]


# tol=None trains all epochs; "adaptive" then keeps its rate.
MNIST_SCHEDULES: tuple[dict[str, list], ...] = (
    {"learning_rate": ["optimal"]},
    {"learning_rate": ["adaptive"], "eta0": [0.01]},
    {"learning_rate": ["adaptive"], "eta0": [0.001]},
    {"learning_rate": ["invscaling"], "eta0": [1.0], "power_t": [0.5]},
)
MNIST_GRID = sgd_grid(MNIST_SCHEDULES)


def quick_mnist_grid() -> list[dict[str, list]]:
    """Four of the settings: both penalties, each alpha and each schedule once."""
    alphas, penalties = MNIST_GRID[0]["alpha"], MNIST_GRID[0]["penalty"]
    return [
        {"alpha": [alphas[i]], "penalty": [penalties[i % 2]], **MNIST_SCHEDULES[i]}
        for i in range(4)
    ]


def quality(model: Any, X: Any, y: Any) -> list[str]:
    """Log-loss and accuracy on the test rows, for a table."""
    loss = log_loss(y, model.predict_proba(X)[:, 1])
    return [f"{loss:.4f}", f"{accuracy_score(y, model.predict(X)):.4f}"]
