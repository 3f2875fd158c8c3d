"""Seconds of an epoch on rows that workers stream from disk, by workers, rows, columns.

Processes stand for hosts of one processor: each worker is bound to one, its thread that
reads ahead too. Rows are float32, in RecordIO
files of which each shard has its own; they are written before, and deleted after. An
epoch is the difference of fits of one and of three epochs, by two. The gain of two
workers is next to that of two processes of sgemm in the same run: the normalised gain
is ours times 2 over the machine's. Bytes are those of states and answers as the engine
counts them, by shards x state x joinings. The client's memory is the growth of its
peak, in a process of its own.

Last comes a model of an epoch, fitted to what was measured:

    seconds = rows x columns / workers x a + steps x shards / workers x columns x b
              + joinings x (c + bytes x d)
"""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from benchmarks.common import (
    Bars,
    add_quick,
    make_parser,
    measure,
    print_environment,
    print_table,
    run_module,
)
from benchmarks.common.machine import LEAST_GAIN, Processes
from benchmarks.common.memory import MB, peak_mb, resident_mb

GB = 1_000_000_000
FILES, COLUMNS, MODELS, BATCH = 8, 200, 16, 1000
"""Files, one a shard; a model has three arrays of the width, for Adam."""
SMALL = (0.5, 50), (0.5, 200), (1.0, 200)
"""Gigabytes and columns of the smaller cases, for the model of an epoch."""
MIN_GAIN, MAX_SENT, MAX_CLIENT_MB = 1.7, 3.0, 150.0
FREE_GB = 20
MEMORY = 64 << 20


def write_rows(folder: Path, gigabytes: float, columns: int) -> int:
    """Write the files; returns the rows of all."""
    from sklearn_sagemaker.io import write_recordio

    weights = np.random.default_rng(0).standard_normal(columns).astype(np.float32)
    each = int(gigabytes * GB / (4 * columns) / FILES)
    for number in range(FILES):
        rng = np.random.default_rng(number + 1)
        X = rng.standard_normal((each, columns), np.float32)
        chance = 1 / (1 + np.exp(-4 * (X @ weights) / np.sqrt(columns)))
        y = (rng.random(each) < chance).astype(np.float32)
        write_recordio(folder / f"rows_{number}.pbr", X, y)
    return FILES * each


def bind(processor: int) -> None:
    """Leave one processor to this process."""
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), {processor})


def run_fits(folder: Path, n_workers: int) -> None:
    """Fit for one and for three epochs, and print the figures as JSON."""
    from distributed import Client, LocalCluster

    from sklearn_sagemaker import LinearLearnerClassifier
    from sklearn_sagemaker.backends import DaskBackend, dask_shards
    from sklearn_sagemaker.io import FileDataset

    made = []
    plain = dask_shards.DaskShards.__init__

    def noted(self, *args, **more) -> None:
        made.append(self)
        plain(self, *args, **more)

    dask_shards.DaskShards.__init__ = noted
    found: dict = {}
    cluster = LocalCluster(
        n_workers=n_workers, threads_per_worker=1, dashboard_address=None
    )
    with cluster, Client(cluster) as client:
        for processor, worker in enumerate(client.scheduler_info()["workers"]):
            client.run(bind, processor, workers=[worker])
        before = resident_mb()
        # What is imported on first use, and files read into the cache, count in none.
        for epochs in (1, 1, 3):
            # No rows held out: the same epochs whatever is found there.
            model = LinearLearnerClassifier(
                optimizer="adam",
                epochs=epochs,
                num_models=MODELS,
                mini_batch_size=BATCH,
                early_stopping_patience=100,
                random_state=0,
                backend=DaskBackend(client, n_shards=FILES, memory=MEMORY),
            )
            start = time.perf_counter()
            model.fit(FileDataset(f"{folder}/*.pbr", memory=MEMORY))
            found[f"seconds_{epochs}"] = time.perf_counter() - start
            found[f"sent_{epochs}"] = made[-1].n_sent
        found["accuracy"] = float(model.best_score_)
        found["coef"] = model.coef_[0, :5].tolist()
        found["MB"] = peak_mb() - before
    print(json.dumps(found))


def case(gigabytes: float, columns: int, workers, figures: list) -> dict[int, dict]:
    """The figures of one size, with some numbers of workers."""
    folder = Path(tempfile.mkdtemp())
    try:
        name, found = __spec__.name, {}
        # Not here: a process inherits the peak of the one that starts it.
        size = ("--gigabytes", gigabytes, "--columns", columns)
        rows = run_module(name, "--write", folder, *size)
        for n_workers in workers:
            one = run_module(name, "--in-process", folder, "--workers", n_workers)
            one["epoch"] = (one["seconds_3"] - one["seconds_1"]) / 2
            one["sent"] = (one["sent_3"] - one["sent_1"]) / 2
            one |= {"rows": rows, "columns": columns, "workers": n_workers}
            found[n_workers] = one
            figures.append(one)
            print(gigabytes, columns, n_workers, one, flush=True)
        return found
    finally:
        shutil.rmtree(folder)


def state_bytes(columns: int) -> int:
    """Weights and both moments of all candidates."""
    return 3 * 4 * columns * MODELS


def joinings(rows: int) -> int:
    """Joinings of an epoch."""
    from sklearn_sagemaker.training.linear.rounds import rounds_of

    return rounds_of(-(-rows // BATCH))


def terms(one: dict) -> list[float]:
    """What the model multiplies by its coefficients."""
    rows, columns, workers = one["rows"], one["columns"], one["workers"]
    steps, rounds = rows / BATCH, joinings(rows)
    sent = 2 * FILES * state_bytes(columns)
    return [
        rows * columns / workers,
        steps * FILES / workers * columns * MODELS,
        rounds,
        rounds * sent,
    ]


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__ or "", data=False)
    add_quick(parser, "a tenth of the rows")
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--in-process", type=Path, help="used by the script itself")
    parser.add_argument("--workers", type=int, help="used by the script itself")
    parser.add_argument("--write", type=Path, help="used by the script itself")
    parser.add_argument("--columns", type=int, help="used by the script itself")
    options = parser.parse_args()
    if options.in_process is not None:
        run_fits(options.in_process, options.workers)
        return
    if options.write is not None:
        print(write_rows(options.write, options.gigabytes, options.columns))
        return
    print_environment()
    bars, figures = Bars(), []
    size = options.gigabytes / (10 if options.quick else 1)
    free = shutil.disk_usage(tempfile.gettempdir()).free / GB
    if free < FREE_GB:
        print(f"{free:.0f} GB are free, fewer than {FREE_GB}: skipped.")
        return
    with Processes() as processes:
        cases = processes.cases(3)
        measure(cases)
        large = case(size, COLUMNS, (1, 2), figures)
        measure(cases)
    for gigabytes, columns in SMALL:
        case(gigabytes * size / 5, columns, (1, 2), figures)
    rows = [
        [
            f"{one['rows'] * one['columns'] * 4 / GB:.2f}",
            f"{one['rows']:,}",
            one["columns"],
            one["workers"],
            f"{one['epoch']:.2f}",
            f"{one['sent'] / MB:.1f}",
            f"{one['MB']:.0f}",
            f"{one['accuracy']:.4f}",
        ]
        for one in figures
    ]
    heads = ["GB", "rows", "columns", "workers", "s an epoch", "MB sent an epoch"]
    print_table([*heads, "client's growth MB", "accuracy"], rows)
    gain = large[1]["epoch"] / large[2]["epoch"]
    print(
        f"two workers: gain {gain:.2f}, two processes of sgemm: {processes.gain:.2f}"
        + (" (BUSY MACHINE)" if processes.gain < LEAST_GAIN else "")
    )
    bars.at_least("normalised gain", gain * 2 / processes.gain, MIN_GAIN)
    one = large[2]
    sent = one["sent"] / (FILES * state_bytes(COLUMNS) * joinings(one["rows"]))
    bars.at_most("sent / (shards x state x joinings)", sent, MAX_SENT)
    bars.at_most("growth of the client, MB", one["MB"], MAX_CLIENT_MB)
    same = large[1]["coef"] == large[2]["coef"]
    bars.check("1 and 2 workers: the same bits", same, same, "yes")
    table = np.array([terms(one) for one in figures])
    scale = table.max(axis=0)
    found, _ = nnls(table / scale, [one["epoch"] for one in figures])
    found /= scale
    print("\nmodel: " + ", ".join(f"{value:.3g}" for value in found))
    for one in figures:
        print(f"measured {one['epoch']:.2f}, model {found @ terms(one):.2f}")
    bars.exit()


if __name__ == "__main__":
    main()
