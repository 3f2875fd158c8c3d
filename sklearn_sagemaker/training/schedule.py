"""Mini-batches, epochs and learning-rate schedules."""

from __future__ import annotations

import numpy as np

# Measured on the benchmark data sets: with fewer updates the best candidates
# are still far from the optimum, with more only the time grows.
MIN_UPDATES = 1500
WANTED_UPDATES = 3000
"""Updates of a default run where smaller batches suffice for them: the arithmetic
on the rows outweighs an update from about 100 rows on."""
SMALLEST_BATCH = 16
LARGEST_BATCH = 1000
DEFAULT_EPOCHS = 15

RUN_BYTES = 16384
LONGEST_RUN = 16
RUNS_BYTES = 32 << 20
"""Bytes of X from which on rows are shuffled in runs."""

INVERSE_UPDATES = 1000
STREAM_BATCH = 64
"""Rows of a mini-batch of a stream, with ``mini_batch_size="auto"``."""

SCHEDULES: dict[str, str] = {
    "constant": "the learning rate as it is",
    "inverse": "over the square root of 1 + updates / 1000, for streams without end",
    "cosine": "half a cosine from the learning rate to zero over all epochs",
    "step": "times lr_scheduler_factor every lr_scheduler_step updates, "
    "not below lr_scheduler_minimum_lr",
}


def plan_updates(n_rows: int, mini_batch_size, epochs) -> tuple[int, int]:
    """Rows of a mini-batch and number of epochs.

    A number that the user sets is obeyed. What is ``"auto"`` makes up for small
    data: first smaller batches, for `WANTED_UPDATES` updates, then more epochs,
    until `MIN_UPDATES` updates are made.

    Parameters
    ----------
    n_rows : int
        Rows with a weight above zero.
    mini_batch_size, epochs : int or "auto"

    Returns
    -------
    mini_batch_size, epochs : int
    """
    planned = DEFAULT_EPOCHS if epochs == "auto" else epochs
    if mini_batch_size == "auto":
        # More epochs than usual ask for more updates, not for larger batches.
        wanted = n_rows * min(planned, DEFAULT_EPOCHS) // WANTED_UPDATES
        mini_batch_size = int(np.clip(wanted, SMALLEST_BATCH, LARGEST_BATCH))
        mini_batch_size = min(mini_batch_size, n_rows)
    if epochs == "auto":
        per_epoch = -(-n_rows // mini_batch_size)
        planned = max(planned, -(-MIN_UPDATES // per_epoch))
    return mini_batch_size, planned


def run_length(row_bytes: float, data_bytes: float, mini_batch_size: int) -> int:
    """Neighbouring rows to shuffle as one, so that memory is read in long pieces.

    Only for data far larger than the caches, and never so many that a
    mini-batch has fewer than 64 runs.
    """
    if data_bytes < RUNS_BYTES:
        return 1
    together = min(RUN_BYTES // max(1, int(row_bytes)), LONGEST_RUN)
    return int(max(1, min(together, mini_batch_size // 64)))


def n_batches(n_rows: int, mini_batch_size: float) -> int:
    """Mini-batches of an epoch: as few as hold the rows."""
    return max(1, int(-(-n_rows // mini_batch_size)))


def _of_runs(starts: np.ndarray, run: int, n_rows: int) -> np.ndarray:
    """The places of runs, one run after the other, of which two may be cut short."""
    places = np.empty(n_rows, dtype=np.int64)
    done = first = 0
    short = np.flatnonzero((starts < 0) | (starts > n_rows - run))
    for last in [*short.tolist(), len(starts)]:
        whole = starts[first:last]
        table = places[done : done + run * len(whole)].reshape(-1, run)
        # Column by column: NumPy's loops are long then.
        for place in range(run):
            np.add(whole, place, out=table[:, place])
        done += table.size
        if last < len(starts):
            ends = max(0, int(starts[last])), min(n_rows, int(starts[last]) + run)
            places[done : done + ends[1] - ends[0]] = np.arange(*ends)
            done += ends[1] - ends[0]
        first = last + 1
    return places


def shuffled_runs(
    rows: np.ndarray, run: int, rng: np.random.Generator, window: int = 0
) -> np.ndarray:
    """The rows shuffled in runs of neighbours, cut at another place each time.

    Rows of one run lie next to each other in memory: fetching every row from a
    place of its own costs more than the arithmetic on it. Within windows of so
    many rows, which the caches hold, they are shuffled once more one by one.

    Rows are in ascending order, each once.
    """
    if run == 1:
        return rng.permutation(rows)
    starts = np.arange(-int(rng.integers(run)), len(rows), run)
    places = _of_runs(rng.permutation(starts), run, len(rows))
    whole = len(places) - len(places) % window if window else 0
    if whole:
        windows = places[:whole].reshape(-1, window)
        rng.permuted(windows, axis=1, out=windows)
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        # All that there are between the first and the last: nothing to look up in an
        # array that the caches no longer hold.
        places += rows[0]
        return places
    return rows[places]


def epoch_order(
    groups: list[np.ndarray],
    mini_batch_size: float,
    rng: np.random.Generator,
    run: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shuffled rows of one epoch, cut into mini-batches of one fold each.

    Batches differ by at most one row within a fold, so that no short last batch
    weighs its rows more than the others do.

    Parameters
    ----------
    groups : list of int64 arrays
        The rows of each fold (one array if there are none).
    mini_batch_size : int or float
        Rows of a mini-batch, on average at most.
    rng : numpy.random.Generator
    run : int
        Neighbouring rows that stay together.

    Returns
    -------
    order : int64 array of shape (n_rows,)
    bounds : int64 array of shape (n_batches + 1,)
    fold : int32 array of shape (n_batches,)
        The fold a batch's rows come from.
    """
    if len(groups) == 1:
        order = shuffled_runs(groups[0], run, rng)
        count = n_batches(len(order), mini_batch_size)
        bounds = even_bounds(len(order), count)
        return order, bounds, np.zeros(count, dtype=np.int32)
    pieces, folds = [], []
    for number, rows in enumerate(groups):
        count = n_batches(len(rows), mini_batch_size)
        cuts = even_bounds(len(rows), count)
        pieces += np.split(shuffled_runs(rows, run, rng), cuts[1:-1])
        folds += [number] * count
    mixed = rng.permutation(len(pieces))
    pieces = [pieces[i] for i in mixed]
    bounds = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum([len(piece) for piece in pieces], out=bounds[1:])
    return np.concatenate(pieces), bounds, np.array(folds, dtype=np.int32)[mixed]


def even_bounds(n_rows: int, count: int) -> np.ndarray:
    """Bounds of ``count`` batches that differ by one row at most, long ones first."""
    short, longer = divmod(n_rows, count)
    places = np.arange(count + 1, dtype=np.int64)
    return places * short + np.minimum(places, longer)


def learning_rates(candidates, start: int, count: int, total: int) -> np.ndarray:
    """Learning rates of the updates ``start`` to ``start + count``.

    Parameters
    ----------
    candidates : Candidates
        Their base rates and schedules.
    start, count, total : int
        First update, number of updates, updates of the whole run.

    Returns
    -------
    rates : float64 array of shape (count, n_candidates)
    """
    updates = np.arange(start, start + count, dtype=np.float64)[:, None]
    rates = np.repeat(candidates.learning_rate[None, :], count, axis=0)
    cosine = candidates.schedule == "cosine"
    if cosine.any():
        progress = (updates + 0.5) / max(total, start + count)
        rates *= np.where(cosine, 0.5 * (1.0 + np.cos(np.pi * progress)), 1.0)
    inverse = candidates.schedule == "inverse"
    if inverse.any():
        rates[:, inverse] /= np.sqrt(1.0 + updates / INVERSE_UPDATES)
    step = candidates.schedule == "step"
    if step.any():
        base = candidates.learning_rate[step]
        decayed = base * candidates.lr_scheduler_factor[step] ** np.floor(
            updates / candidates.lr_scheduler_step[step]
        )
        floor = np.minimum(candidates.lr_scheduler_minimum_lr[step], base)
        rates[:, step] = np.maximum(decayed, floor)
    return rates
