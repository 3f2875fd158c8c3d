"""Which other factorization machines there are, and what each training of one gives.

myFM and fastFM are libraries, PyTorch's is written here (fm_libraries.py). libFM and
xLearn have no working wheel, so they are run as programs whose paths are given
(fm_programs.py). Seconds are those of the training alone as far as a peer tells them:
reading files and the like is not in them, but libFM's and xLearn's include the
evaluation of their test or validation rows after each epoch.
"""

from __future__ import annotations

import argparse
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.common import print_table

HOW_TO_INSTALL = {
    "myfm": 'pip install myfm "setuptools<80"',
    "torch": "pip install torch",
    "fastFM": "see benchmarks/requirements.txt",
}
# Measured earlier, on another machine of two cores, with one thread.
REFERENCE = {
    "libfm": [
        ["mlsmall", "libFM ALS, tuned decay", 8, "RMSE 0.8729", "0.022"],
        ["mlsmall", "libFM MCMC, 60 draws", 8, "RMSE 0.8840", "0.030"],
        ["mlsmall_side", "libFM ALS", 8, "RMSE 0.8662", "0.043"],
        ["MovieLens 100k", "libFM ALS", 8, "RMSE 0.9066", "0.015"],
        ["CTR-like", "libFM SGD", 64, "AUC 0.9526, log-loss 0.285", "0.21"],
        ["CTR-like", "libFM ALS", 64, "AUC 0.9435, log-loss 0.261", "0.29"],
    ],
    "xlearn": [
        ["MovieLens 100k", "xLearn AdaGrad, stops early", 64, "RMSE 0.9089", "0.039"],
        ["CTR-like", "xLearn SGD", 64, "log-loss 0.307", "0.077"],
        ["CTR-like", "xLearn AdaGrad", 64, "log-loss 0.313", "0.090"],
    ],
    "myfm": [
        ["mlsmall", "myFM, 60 draws", 8, "RMSE 0.8829", "0.035"],
        ["mlsmall", "myFM, 200 draws", 16, "RMSE 0.8736", "0.050"],
        ["mlsmall_side", "myFM, 100 draws", 8, "RMSE 0.8515", "0.039"],
        ["mlsmall_side", "myFM, 100 draws", 16, "RMSE 0.8504", "0.080"],
    ],
    "fastFM": [
        ["CTR-like", "fastFM MCMC", 64, "AUC 0.9465, log-loss 0.2505", "0.43"],
    ],
}


@dataclass
class Peer:
    """What one training of a peer gave."""

    figures: dict[str, float]
    seconds: float
    epochs: int
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def epoch_seconds(self) -> float:
        """Seconds an epoch, an iteration or a draw."""
        return self.seconds / self.epochs


# -------------------------------------------------------------- what there is of them
def has(module: str) -> bool:
    """Whether a library can be imported."""
    if importlib.util.find_spec(module) is None:
        return False
    try:
        __import__(module)
    except Exception as error:  # myFM without pkg_resources, compiled parts that fail
        print(f"{module} is installed but cannot be imported: {error}")
        return False
    return True


def add_programs(parser: argparse.ArgumentParser) -> None:
    """``--libfm PATH`` and ``--xlearn PATH``."""
    for name, label in {"libfm": "libFM", "xlearn": "xlearn_train"}.items():
        parser.add_argument(
            f"--{name}", type=Path, metavar="PATH", help=f"{label}'s program"
        )


def present(
    options: argparse.Namespace, names: tuple[str, ...], what: tuple[str, ...] = ()
) -> dict[str, Path | None]:
    """The peers that can be run, with the path of those that are programs.

    Of the others it is printed why they are left out, and what was measured of them
    before (on the sets in ``what``, if any are named).
    """
    found, missing = {}, []
    for name in names:
        path = getattr(options, name, None)
        if path is not None or (name in HOW_TO_INSTALL and has(name)):
            found[name] = path
        else:
            missing.append(name)
    _print_missing(missing, what)
    return found


def _print_missing(missing: list[str], what: tuple[str, ...]) -> None:
    """Say which peers are left out and why, and what was measured of them before."""
    rows = []
    for name in missing:
        if name in HOW_TO_INSTALL:
            print(f"Skipped: {name} is not installed ({HOW_TO_INSTALL[name]}).")
        else:
            print(f"Skipped: {name}; give the path of its program with --{name}.")
        rows += [r for r in REFERENCE.get(name, []) if not what or r[0] in what]
    if rows:
        print(
            "\nTheir figures as measured earlier, on another machine of 2 cores, with "
            "one\nthread; not part of this run, and no bar is checked against them:\n"
        )
        print_table(["data", "peer", "k", "test rows", "s an epoch"], rows)


def rmse(y: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Root mean squared error."""
    difference = np.asarray(y, dtype=np.float64) - predicted
    return {"RMSE": float(np.sqrt(np.mean(difference**2)))}


def class_figures(y: np.ndarray, chance: np.ndarray) -> dict[str, float]:
    """Log-loss and AUC of the chances of class 1."""
    return {
        "log-loss": float(log_loss(y, np.clip(chance, 1e-7, 1 - 1e-7))),
        "AUC": float(roc_auc_score(y, chance)),
    }
