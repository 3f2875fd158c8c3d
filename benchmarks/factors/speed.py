"""Seconds an epoch on rows of ten stored values with 64 factors.

300,000 rows, 20,000 columns, from a fixed seed (data/factors.py), float32. The gradient
solver against a PyTorch factorization machine (embeddings with sparse gradients,
SparseAdam, shuffled batches of 1,024) and xLearn's AdaGrad; ALS and MCMC against
myFM's sampler, and libFM. All on one thread, in turn.

Ours: the difference between fits of two numbers of epochs over the difference of the
epochs, which includes shuffling and leaves out what a fit does once; the longer fit's
seconds over its epochs, which has it all, is beside it. PyTorch: epochs after the
first. myFM: the median time between two draws. libFM and xLearn: the times that they
tell, without reading files; libFM's include the prediction of the test rows, of
which it is given few.
"""

import statistics
from functools import partial
from typing import Any

from benchmarks.common import (
    Bars,
    add_quick,
    add_repeats,
    add_several,
    make_parser,
    measure,
    print_busy,
    print_environment,
    print_table,
)
from benchmarks.data.factors import make_speed
from benchmarks.data.sets import Split
from benchmarks.factors.fits import SOLVERS, epoch_cases, epoch_seconds
from benchmarks.peers import fm_known, fm_libraries, fm_programs
from benchmarks.peers.fm_known import Peer

FACTORS = 64
EPOCHS = {"gradient": (2, 12), "als": (2, 7), "mcmc": (2, 7)}
PEER_EPOCHS = {"PyTorch": 2, "myFM": 5, "fastFM": 5, "libFM": 4, "xLearn": 5}
FEW_ROWS = 1000
MAX_SECONDS = 0.25
LEAST = {"PyTorch": 10.0, "xLearn": 2.0, "myFM": 1.5}


def small_test(X, y) -> Split:
    """All rows for training, few of them as validation and test rows."""
    few, few_y = X[:FEW_ROWS], y[:FEW_ROWS]
    return Split(X, y, few, few_y, few, few_y)


def peer_cases(task: str, data: Split, present: dict[str, Any]) -> dict[str, Any]:
    """The peers that there are: how to run each once."""
    cases: dict[str, Any] = {}
    if "torch" in present:
        cases["PyTorch"] = partial(fm_libraries.torch_fm, task, data, FACTORS)
    if "myfm" in present:
        cases["myFM"] = partial(fm_libraries.myfm, task, data, FACTORS)
    if "fastFM" in present:
        cases["fastFM"] = partial(fm_libraries.fastfm, task, data, FACTORS)
    if "libfm" in present:
        for method in ("als", "mcmc", "sgd"):
            cases[f"libFM {method}"] = partial(
                fm_programs.libfm,
                present["libfm"],
                task,
                data,
                FACTORS,
                method=method,
                decays=[(5.0, 15.0)] if method == "als" else None,
                rate=0.001,
            )
    if "xlearn" in present:
        for optimizer in ("adagrad", "sgd"):
            cases[f"xLearn {optimizer}"] = partial(
                fm_programs.xlearn,
                present["xlearn"],
                task,
                data,
                FACTORS,
                optimizer=optimizer,
                evaluate=False,
            )
    return cases


def peer_seconds(name: str, results: list[Peer]) -> float:
    """Median over the runs of a peer's seconds an epoch."""
    return statistics.median(
        peer.details.get("draw", peer.epoch_seconds) for peer in results
    )


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__, data=False)
    add_repeats(parser, 5)
    fm_known.add_programs(parser)
    tasks = ("regression", "classification")
    add_several(parser, "--tasks", tasks)
    add_quick(parser, "a tenth of the rows, one run")
    options = parser.parse_args()
    print_environment()
    repeats = 1 if options.quick else options.repeats
    if options.quick:
        print("QUICK: a tenth of the rows, one run of each case.\n")
    present = fm_known.present(
        options, ("torch", "myfm", "fastFM", "libfm", "xlearn"), ("CTR-like",)
    )

    X, target, labels = make_speed(30_000) if options.quick else make_speed()
    rows, seconds, timings = [], {}, {}
    for task in options.tasks:
        y = target if task == "regression" else labels
        cases: dict[str, Any] = {}
        for solver in SOLVERS:
            cases |= epoch_cases(
                f"{task}, ours {solver}",
                task,
                X,
                y,
                EPOCHS[solver],
                repeats,
                solver=solver,
                num_factors=FACTORS,
            )
        results: dict[str, list[Peer]] = {}
        for name, case in peer_cases(task, small_test(X, y), present).items():
            results[name] = []
            epochs = PEER_EPOCHS[name.split()[0]]

            def run(case=case, found=results[name], epochs=epochs):
                found.append(case(epochs))
                return found[-1]

            cases[f"{task}, {name}"] = (run, repeats)
        found = measure(cases)
        timings |= {key: t for key, t in found.items() if "ours" in key}
        for solver in SOLVERS:
            name = f"{task}, ours {solver}"
            epoch, whole = epoch_seconds(name, EPOCHS[solver], found)
            seconds[task, solver] = epoch
            rows.append([name, repeats, f"{epoch:.4f}", f"{whole:.4f}", ""])
        for name, peers in results.items():
            seconds[task, name] = peer_seconds(name, peers)
            whole = found[f"{task}, {name}"].seconds / peers[0].epochs
            ratios = ", ".join(
                f"{solver} {seconds[task, name] / seconds[task, solver]:.1f}"
                for solver in SOLVERS
            )
            row = [f"{task}, {name}", repeats, f"{seconds[task, name]:.4f}"]
            rows.append([*row, f"{whole:.4f}", ratios])
    print_table(
        ["case", "runs", "s an epoch", "all s / epochs", "ours is faster by"], rows
    )
    print(
        "All seconds over epochs include, for peers, writing and reading files and "
        "the prediction\nof a thousand rows, and conversions of X.\n"
    )
    print_busy(timings)
    check(Bars(), options.tasks, seconds)


def check(bars: Bars, tasks, seconds: dict[tuple[str, str], float]) -> None:
    """Check the bars of what was measured."""
    for task in tasks:
        own = seconds[task, "gradient"]
        bars.at_most(f"{task}: gradient, seconds an epoch", own, MAX_SECONDS)
        pairs = [("gradient", "PyTorch", LEAST["PyTorch"])]
        pairs += [("gradient", "xLearn adagrad", LEAST["xLearn"])]
        pairs += [(solver, "myFM", LEAST["myFM"]) for solver in ("als", "mcmc")]
        for solver, peer, least in pairs:
            if (task, peer) not in seconds:
                bars.not_measured(f"{task}: {solver} against {peer}")
                continue
            ratio = seconds[task, peer] / seconds[task, solver]
            bars.at_least(f"{task}: {solver} is faster than {peer} by", ratio, least)
    bars.exit()


if __name__ == "__main__":
    main()
