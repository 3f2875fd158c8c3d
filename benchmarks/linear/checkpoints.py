"""What checkpoints once a minute add to a fit, of either algorithm.

With the first write, after a minute, a fit reads its rows once for a SHA-256; each
write takes the state of all candidates. A fit that ends before has neither. Fits with
and without take turns, but their few per cent drown in the noise of a shared machine.
So the share that the bar is for is made of its parts, for the dearest case, a fit of a
minute: the CPU seconds of the digests and of the dearest write, over sixty. That is
the first one, which has the digests in it once more: the share is too high. A folder
that has checkpoints wants the digests at the start; that fit is one that was cut off.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import (
    TIMING_HEADERS,
    Bars,
    Timing,
    add_quick,
    add_repeats,
    make_parser,
    measure,
    print_busy,
    print_environment,
    print_table,
)
from benchmarks.common.stand_ins import stand_in
from benchmarks.data.factors import make_speed
from benchmarks.data.sets import load
from benchmarks.factors.fits import unvalidated
from benchmarks.linear.fits import every_epoch
from sklearn_sagemaker import FactorizationMachinesRegressor, LinearLearnerClassifier
from sklearn_sagemaker.backends import LocalBackend
from sklearn_sagemaker.backends import checkpoints as checkpoints_module
from sklearn_sagemaker.backends.checkpoints import Checkpoints
from sklearn_sagemaker.io.plain_values import digest_of

EVERY = 60.0
MAX_SHARE = 0.02


def problems(data_dir: Path, quick: bool) -> dict[str, Any]:
    """Unfitted estimators with their rows."""
    zero, ten = load(data_dir, "mnist-zero"), load(data_dir, "mnist")
    rows = zero.X_train.astype(np.float32)
    linear = partial(LinearLearnerClassifier, cv=False, random_state=0)
    machine = partial(FactorizationMachinesRegressor, random_state=0)
    X, targets, _ = make_speed()
    epochs = 3 if quick else 15
    length = every_epoch(epochs)
    return {
        "MNIST zero, uint8": (
            linear(**every_epoch(epochs)),
            zero.X_train,
            zero.y_train,
        ),
        "MNIST zero, float32": (linear(**length), rows, zero.y_train),
        "MNIST, 10 classes, float32": (
            linear(**every_epoch(epochs)),
            rows,
            ten.y_train,
        ),
        "machine, gradient": (
            machine(**unvalidated(epochs)),
            X,
            targets,
        ),
        "machine, mcmc": (
            machine(solver="mcmc", **unvalidated(epochs)),
            X,
            targets,
        ),
    }


def fit(model: Any, X, y, checkpoints: bool) -> Any:
    """Fit once, into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        backend = (
            LocalBackend(checkpoint=folder, every=EVERY) if checkpoints else "local"
        )
        return model.set_params(backend=backend).fit(X, y)


@contextmanager
def timed_writes() -> Iterator[list[float]]:
    """CPU seconds of the ends of epochs, where checkpoints are written."""
    seconds: list[float] = []

    class Timed(Checkpoints):
        def epoch_ends(self, number, state):
            start = time.process_time()
            super().epoch_ends(number, state)
            seconds.append(time.process_time() - start)

    with stand_in(checkpoints_module, "Checkpoints", Timed):
        yield seconds


STAND_INS = (timed_writes,)


def write_cost(model: Any, X, y) -> tuple[float, float]:
    """CPU seconds of the dearest of two writes, and MB of a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        backend = LocalBackend(checkpoint=folder, every=0)
        with timed_writes() as seconds:
            model.set_params(backend=backend, epochs=3).fit(X, y)
        sizes = [path.stat().st_size for path in Path(folder).iterdir()]
    return max(seconds), max(sizes) / 1e6


def digest_cost(X, y) -> float:
    """CPU seconds of the digests of rows and targets, the median of three."""
    timing = Timing()
    for _ in range(3):
        timing.run(partial(digest_of, [X, y]))
    return timing.cpu_seconds


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser)
    add_quick(parser, "three epochs, each fit once")
    options = parser.parse_args()
    print_environment()
    found = problems(options.data_dir, options.quick)
    cases = {
        f"{name}, {'with' if checkpoints else 'without'}": (
            partial(fit, *problem, checkpoints),
            1 if options.quick else options.repeats,
        )
        for name, problem in found.items()
        for checkpoints in (False, True)
    }
    timings = measure(cases)
    print_table(
        ["fit, checkpoints", *TIMING_HEADERS],
        [[name, *timing.cells()] for name, timing in timings.items()],
    )
    bars, rows = Bars(), []
    for name, (model, X, y) in found.items():
        without, with_them = (
            timings[f"{name}, {case}"] for case in ("without", "with")
        )
        digest = digest_cost(X, y)
        write, size = write_cost(model, X, y)
        share = (digest + write) / EVERY
        rows.append(
            [
                name,
                f"{digest:.3f}",
                f"{write:.4f}",
                f"{size:.2f}",
                f"{share:.2%}",
                f"{with_them.cpu_ratio(without) - 1:+.1%}",
            ]
        )
        bars.at_most(f"share of a minute, {name}", share, MAX_SHARE)
    print_table(
        [
            "fit",
            "digests, CPU s",
            "a write, CPU s",
            "checkpoint MB",
            "share of a minute",
            "with / without, CPU s",
        ],
        rows,
    )
    print_busy(timings)
    bars.exit()


if __name__ == "__main__":
    main()
