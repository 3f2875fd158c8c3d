"""What the two speed benchmarks share: options, the SGD settings, quality."""

from __future__ import annotations

import argparse
from typing import Any

from common import add_repeats, make_parser
from sklearn.metrics import accuracy_score, log_loss

EPOCHS = 15


def speed_options(
    description: str, peer: str, estimated: str, *, data: bool
) -> argparse.Namespace:
    """Read the command line of a speed benchmark.

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
    parser.add_argument("--quick", action="store_true", help=f"estimate {estimated}")
    return parser.parse_args()


def sgd_grid(schedules: tuple[dict[str, list], ...]) -> list[dict[str, list]]:
    """Settings of SGDClassifier: eight for each schedule."""
    return [
        {"alpha": [1e-6, 1e-5, 1e-4, 1e-3], "penalty": ["l2", "l1"], **schedule}
        for schedule in schedules
    ]


def quality(model: Any, X: Any, y: Any) -> list[str]:
    """Log-loss and accuracy on the test rows, for a table."""
    loss = log_loss(y, model.predict_proba(X)[:, 1])
    return [f"{loss:.4f}", f"{accuracy_score(y, model.predict(X)):.4f}"]
