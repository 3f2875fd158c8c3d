"""Factorization machines of libFM and xLearn, run as programs; each trains once."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.data.factors import write_libsvm
from benchmarks.data.sets import Split
from benchmarks.peers.fm_known import Peer, class_figures, rmse

# ------------------------------------------------------------------------------ libFM
# Decays of the linear weights and of the factors, from which the validation rows
# choose.
DECAYS = [
    (linear, factors)
    for linear in (2.0, 5.0, 10.0)
    for factors in (10.0, 15.0, 20.0, 30.0)
]


def libfm(
    program: Path,
    task: str,
    data: Split,
    factors: int,
    epochs: int,
    *,
    method: str = "mcmc",
    decays: list[tuple[float, float]] | None = None,
    rate: float = 0.01,
    groups: list[int] | None = None,
    seed: int = 0,
) -> Peer:
    """LibFM; with several decays the one that is best on the validation rows.

    Parameters
    ----------
    method : {"mcmc", "als", "sgd"}
    decays : list of (decay of linear weights, decay of factors), default=None
    rate : float
        Learning rate of "sgd".
    """
    decays = decays or [(0.0, 0.0)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_libsvm(folder / "train", data.X_train, data.y_train)
        write_libsvm(folder / "val", data.X_val, data.y_val)
        write_libsvm(folder / "test", data.X_test, data.y_test)
        command = [str(program), "-task", task[0], "-train", str(folder / "train")]
        command += ["-dim", f"1,1,{factors}", "-iter", str(epochs)]
        command += ["-method", method, "-seed", str(seed), "-init_stdev", "0.1"]
        command += ["-learn_rate", str(rate)]
        command += ["-rlog", str(folder / "log"), "-out", str(folder / "out")]
        if groups is not None:
            numbers = np.repeat(np.arange(len(groups)), groups)
            np.savetxt(folder / "groups", numbers, fmt="%d")
            command += ["-meta", str(folder / "groups")]

        def run(part: str, decay: tuple[float, float]) -> np.ndarray:
            regular = f"0,{decay[0]:g},{decay[1]:g}"
            _run([*command, "-regular", regular, "-test", str(folder / part)])
            return np.loadtxt(folder / "out")

        def metrics(y, found):
            return rmse(y, found) if task == "regression" else class_figures(y, found)

        if len(decays) > 1:
            scores = {d: metrics(data.y_val, run("val", d)) for d in decays}
            decays = [min(scores, key=lambda d: next(iter(scores[d].values())))]
        figures = metrics(data.y_test, run("test", decays[0]))
        header, *lines = (folder / "log").read_text().split("\n")
        column = header.split("\t").index("time_learn")
        times = [float(line.split("\t")[column]) for line in lines if line.strip()]
    details = {"decay": decays[0], "draw": float(np.median(times))}
    return Peer(figures, float(np.sum(times)), len(times), details)


# ----------------------------------------------------------------------------- xLearn
def xlearn(
    program: Path,
    task: str,
    data: Split,
    factors: int,
    epochs: int,
    *,
    optimizer: str = "adagrad",
    rate: float = 0.2,
    stop: bool = False,
    evaluate: bool = True,
) -> Peer:
    """XLearn on one thread, its rows made to length 1 as it does by default.

    Parameters
    ----------
    stop : bool
        Whether the number of epochs is the best on the validation rows.
    evaluate : bool
        Whether the test rows are evaluated, which it does after each epoch and
        counts in its seconds.
    """
    regression = task == "regression"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("train", "val", "test"):
            X, y = getattr(data, f"X_{part}"), getattr(data, f"y_{part}")
            write_libsvm(folder / part, X, y)
        command = [
            str(program),
            str(folder / "train"),
            "-s",
            "4" if regression else "1",
        ]
        command += ["-p", optimizer, "-k", str(factors), "-r", str(rate)]
        command += [
            "-nthread",
            "1",
            "-m",
            "none",
            "-l",
            str(folder / "log"),
            "--dis-es",
        ]
        command += ["-x", "rmse" if regression else "auc"]

        def run(part: str | None, n_epochs: int) -> list[list[float]]:
            more = [] if part is None else ["-v", str(folder / part)]
            text = _run([*command, "-e", str(n_epochs), *more])
            plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
            found = re.findall(r"%\s*\]\s+\d+((?:[ \t]+-?\d+\.\d+)+)", plain)
            return [[float(number) for number in line.split()] for line in found]

        if stop:
            # Columns: loss on training rows, loss and metric on the others, seconds.
            losses = [line[1] for line in run("val", epochs)]
            epochs = int(np.argmin(losses)) + 1
        lines = run("test" if evaluate else None, epochs)
    seconds = [line[-1] for line in lines]
    figures = {}
    if evaluate:
        loss, metric = lines[-1][1:3]
        figures = {"RMSE": metric} if regression else {"log-loss": loss, "AUC": metric}
    return Peer(figures, sum(seconds), epochs, {"draw": float(np.median(seconds))})


def _run(command: list[str]) -> str:
    """What a program prints; one thread, and a user's name, which xLearn asks for."""
    environment = {"OMP_NUM_THREADS": "1", "USER": "user", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return done.stdout
