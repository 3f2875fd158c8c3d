"""Serial share of a fit, and what more threads than this machine has would give.

CPU seconds of fits with one thread, taken apart: what threads share (passes over the
training rows, the pieces of the validation rows, and the candidates' scores and
thresholds in the end), and the rest, which is serial. The model for T threads:

    seconds = serial + validation / T + training * ceil(items / T) / items
              + meetings * meeting * T / 2

`items` are the parts of rows that a mini-batch is cut into, or the slices of these if
threads share parts, of which no thread has less than one; more than T threads have
nothing to do where there are fewer. Training takes one thread longer if rows are
gathered for all, as where parts are shared: how much is measured here. A
meeting is the end of a stage of a mini-batch, at which threads wait for each other;
what one costs is measured with two threads on batches of 64 rows of one value. Threads
are taken to have a core and its caches each and their share of the memory's bandwidth,
so that the predictions are an upper limit. The shares are of CPU seconds, which other
programs change little.
"""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.common import (
    Bars,
    add_quick,
    add_repeats,
    make_parser,
    measure,
    print_environment,
    print_table,
)
from benchmarks.common.parts import Parts
from benchmarks.common.stand_ins import stand_in
from benchmarks.data.sets import load
from benchmarks.data.sparse import make_sparse
from benchmarks.linear.fits import every_epoch
from sklearn_sagemaker import LinearLearnerClassifier
from sklearn_sagemaker._kernels import kernels
from sklearn_sagemaker.training.linear import passes, steps
from sklearn_sagemaker.training.linear.block import ColumnBlock
from sklearn_sagemaker.training.linear.parts import cut_batches
from sklearn_sagemaker.training.selection import scores

EPOCHS = {"MNIST zero": 15, "CSR": 5}
THREADS = (2, 4, 8, 16)
STAGES = {"dense": 2, "sparse": 2.5}
"""Meetings of two threads for each mini-batch: a team sorts a batch for each member."""
MAX_SERIAL = 0.05
PARTS = ("train", "score", "losses", "thresholds")
"""What threads share."""
MEETING_BATCHES, MEETING_PASSES = 40, 400
"""Short passes, of which one in many is not disturbed."""


class PassParts(Parts):
    """What a fit spends in the calls that a team shares; ends with ``with``."""

    def __init__(self) -> None:
        super().__init__(PARTS)
        # The shortest pass's wall seconds.
        self.least = float("inf")
        self.batches = 0
        # Reader, rows of a mini-batch, columns of the widest pass, and whether narrow.
        self.widest: tuple = (None, 0, 0, False)

    def watch(self) -> None:
        """Time passes, scores, losses and thresholds, and look at the passes."""
        train, epoch = self.timed("train", kernels.train), ColumnBlock.train_epoch

        def timed(columns, batches, *rest, **named):
            if columns.n_used > self.widest[2]:
                sizes = batches.extents[0], columns.n_used
                self.widest = batches.reader, *sizes, columns.narrow
            wall = time.perf_counter()
            train(columns, batches, *rest, **named)
            self.least = min(self.least, time.perf_counter() - wall)

        def train_epoch(self_, order, bounds, *rest, **named):
            self.batches += len(bounds) - 1
            return epoch(self_, order, bounds, *rest, **named)

        self.put(kernels, "train", timed)
        self.put(kernels, "score", self.timed("score", kernels.score))
        self.put(kernels, "losses", self.timed("losses", kernels.losses))
        found = self.timed("thresholds", scores.of_two_classes)
        self.put(scores, "of_two_classes", found)
        self.put(ColumnBlock, "train_epoch", train_epoch)


def all_gathered() -> AbstractContextManager[None]:
    """Rows are gathered as for threads that share parts."""

    def one_spread(reader, n_rows, n_columns, narrow, threads):
        cut = cut_batches(reader, n_rows, n_columns, narrow, threads)
        return cut._replace(members=1, spread=True)

    return stand_in(passes, "cut_batches", one_spread)


def all_shared() -> AbstractContextManager[None]:
    """Threads share passes however short they are."""
    return stand_in(steps, "TEAM_WORK", 0)


STAND_INS = (PassParts, all_gathered, all_shared)


def taken_apart(data, **settings) -> dict[str, Any]:
    """CPU seconds of a fit and of its parts."""
    model, parts = LinearLearnerClassifier(random_state=0, **settings), PassParts()
    found: dict[str, Any] = parts.of(lambda: data.fit(model))
    return found | {"batches": parts.batches, "widest": parts.widest}


def gathered(data, **settings) -> dict[str, Any]:
    """The same with rows gathered as for threads that share parts."""
    with all_gathered():
        return taken_apart(data, **settings)


def meeting_seconds() -> float:
    """What it costs two threads to meet, at least: at batches of next to nothing."""
    n = 64 * MEETING_BATCHES
    X = sp.csr_array(
        (np.ones(n, np.float32), np.arange(n) % 16, np.arange(n + 1)), shape=(n, 16)
    )
    y = np.arange(n) % 2
    found = {}
    for jobs in (1, 2):
        model = LinearLearnerClassifier(
            num_models=16,
            # The fewest rows that are cut into parts.
            mini_batch_size=64,
            n_jobs=jobs,
            random_state=0,
            **every_epoch(MEETING_PASSES),
        )
        with all_shared(), PassParts() as on:
            model.fit(X, y, X_val=X[:64], y_val=y[:64])
        found[jobs] = on.least
    lost = found[2] - found[1] / 2
    return max(lost, 0.0) / (MEETING_BATCHES * STAGES["sparse"])


def predicted(
    found: dict[str, Any], kind: str, threads: int, meeting: float, gathering: float
) -> float:
    """Seconds with so many threads, by the model."""
    cut = cut_batches(*found["widest"], threads)
    items = cut.slices if cut.spread else cut.parts
    training = found["train"] * -(-items // cut.members) / items
    if cut.spread:
        training *= gathering
    validation = (found["all"] - found["serial"] - found["train"]) / cut.members
    meetings = found["batches"] * STAGES[kind] if cut.members > 1 else 0
    met = meetings * meeting * cut.members / 2
    return found["serial"] + validation + training + met


def main() -> None:
    """Print the tables and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser, 3)
    add_quick(parser, "3 epochs on MNIST, 1 on the CSR set")
    options = parser.parse_args()
    print_environment()
    meeting = meeting_seconds() if (os.cpu_count() or 1) > 1 else 0.0
    print(f"two threads meet in {1e6 * meeting:.2f} microseconds\n")
    sets = {"MNIST zero": load(options.data_dir, "mnist-zero"), "CSR": make_sparse()}
    epochs = {"MNIST zero": 3, "CSR": 1} if options.quick else EPOCHS
    cases: dict[str, tuple[Callable[[], Any], int]] = {}
    for name, data in sets.items():
        for models in (32, 64):
            settings = {"num_models": models, **every_epoch(epochs[name])}
            cases[f"{name}, {models} candidates"] = (
                lambda data=data, settings=settings: taken_apart(data, **settings),
                options.repeats,
            )
        cases[f"{name}, defaults"] = (
            lambda data=data: taken_apart(data),
            options.repeats,
        )
    once = {"num_models": 32, **every_epoch(epochs["MNIST zero"])}
    if kernels.can_spread():
        cases["gathered"] = (
            lambda: gathered(sets["MNIST zero"], **once),
            options.repeats,
        )
    timings = measure(cases)
    gathering = 1.0
    if kernels.can_spread():
        with_rows = timings.pop("gathered").result["train"]
        gathering = with_rows / timings["MNIST zero, 32 candidates"].result["train"]
        print(f"gathered rows take one thread {gathering:.3f} times as long\n")
    rows, speeds, shares = [], [], {}
    for name, timing in timings.items():
        found, kind = timing.result, "sparse" if name.startswith("CSR") else "dense"
        shares[name] = found["serial"] / found["all"]
        cuts = [cut_batches(*found["widest"], threads) for threads in (1, 8)]
        rows.append(
            [
                name,
                f"{found['all']:.3f}",
                *(f"{found[part]:.3f}" for part in PARTS),
                f"{found['serial']:.3f}",
                f"{shares[name]:.1%}",
                int(found["batches"]),
                *(cut.slices if cut.spread else cut.parts for cut in cuts),
            ]
        )
        gains = (
            found["all"] / predicted(found, kind, threads, meeting, gathering)
            for threads in THREADS
        )
        speeds.append([name, *(f"{gain:.2f}" for gain in gains)])
    headers = ["fit", "CPU s", "training", "scores", "losses", "thresholds"]
    items = ["items of one thread", "of eight"]
    print_table([*headers, "serial", "share", "batches", *items], rows)
    print("\npredicted gain of so many threads over one:\n")
    print_table(["fit", *map(str, THREADS)], speeds)
    bars = Bars()
    for name, share in shares.items():
        if "defaults" in name:
            bars.at_most(f"serial share, {name}", share, MAX_SERIAL)
    bars.exit()


if __name__ == "__main__":
    main()
