"""Other factorization machines, for the benchmarks: libraries and programs.

myFM and fastFM are libraries; PyTorch's is written here. libFM and xLearn have no
working wheel, so they are run as programs whose paths are given. Each of these
functions trains once and returns a `Peer`. Seconds are those of the training alone as
far as a peer tells them: reading files and the like is not in them, but libFM's and
xLearn's include the evaluation of their test or validation rows after each epoch.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from common import Split, print_table
from fm_data import write_libsvm
from sklearn.metrics import log_loss, roc_auc_score

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


def add_programs(parser: argparse.ArgumentParser, *names: str) -> None:
    """``--libfm PATH`` and ``--xlearn PATH``."""
    labels = {"libfm": "libFM", "xlearn": "xlearn_train"}
    for name in names:
        parser.add_argument(
            f"--{name}", type=Path, metavar="PATH", help=f"{labels[name]}'s program"
        )


def print_missing(missing: list[str], what: tuple[str, ...] = ()) -> None:
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


# ---------------------------------------------------------------------------- figures
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


# ------------------------------------------------------------------------------- myFM
def myfm(
    task: str,
    data: Split,
    factors: int,
    draws: int,
    *,
    groups: list[int] | None = None,
    seed: int = 0,
) -> Peer:
    """Gibbs sampler of myFM, with its own choice of the draws that it keeps.

    Parameters
    ----------
    task : {"regression", "classification"}
    groups : list of int, default=None
        Sizes of the blocks of columns that share a prior.

    Returns
    -------
    peer : Peer
        ``details`` has the median seconds between two draws as "draw", and for
        regression the figures of the later half of the draws as "late".
    """
    import myfm

    X = data.X_train.astype(np.float64)
    X_test = data.X_test.astype(np.float64)
    y = np.asarray(data.y_train, dtype=np.float64)
    if task == "regression":
        model = myfm.MyFMGibbsRegressor(rank=factors, random_seed=seed)
    else:
        model = myfm.MyFMGibbsClassifier(rank=factors, random_seed=seed)
        y = y > 0
    clock = _Draws()
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        start = time.perf_counter()
        model.fit(X, y, n_iter=draws, group_shapes=groups, callback=clock)
        seconds = time.perf_counter() - start
    details: dict[str, Any] = {"draw": clock.median()}
    if task == "regression":
        figures = rmse(data.y_test, model.predict(X_test))
        late = model.predictor_.samples[-(draws // 2) :]
        scores = [sample.predict_score(X_test, []) for sample in late]
        details["late"] = rmse(data.y_test, np.mean(scores, axis=0))
    else:
        figures = class_figures(data.y_test, model.predict_proba(X_test))
    return Peer(figures, seconds, draws, details)


class _Draws:
    """Callback that notes the time of each draw; it never stops the sampler."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, *_) -> tuple[bool, None]:
        self.times.append(time.perf_counter())
        return False, None

    def median(self) -> float:
        """Median seconds between two draws."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else np.nan


# ----------------------------------------------------------------------------- fastFM
def fastfm(
    task: str, data: Split, factors: int, epochs: int, *, decay: float | None = None
) -> Peer:
    """fastFM: MCMC, or ALS with a decay."""
    from fastFM import als, mcmc

    X = sp.csc_matrix(data.X_train, dtype=np.float64)
    X_test = sp.csc_matrix(data.X_test, dtype=np.float64)
    y = np.asarray(data.y_train, dtype=np.float64)
    regression = task == "regression"
    if not regression:
        y = np.where(y > 0, 1.0, -1.0)
    module = mcmc if decay is None else als
    name = "FMRegression" if regression else "FMClassification"
    model = getattr(module, name)(n_iter=epochs, rank=factors, random_state=0)
    start = time.perf_counter()
    if decay is None:
        method = "fit_predict" if regression else "fit_predict_proba"
        found = getattr(model, method)(X, y, X_test)
        seconds = time.perf_counter() - start
    else:
        model.set_params(l2_reg_w=decay, l2_reg_V=decay)
        model.fit(X, y)
        seconds = time.perf_counter() - start
        found = model.predict(X_test) if regression else model.predict_proba(X_test)
    judge = rmse if regression else class_figures
    return Peer(judge(data.y_test, found), seconds, epochs)


# ---------------------------------------------------------------------------- PyTorch
def torch_fm(
    task: str,
    data: Split,
    factors: int,
    epochs: int,
    *,
    rate: float = 1e-3,
    batch: int = 1024,
    seed: int = 0,
) -> Peer:
    """A factorization machine of embeddings with sparse gradients and SparseAdam.

    Every row must store as many values. The seconds are those of the epochs after
    the first, in which memory is taken, where there are several.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(1)
    torch.manual_seed(seed)

    class FM(nn.Module):
        def __init__(self, n_columns: int):
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(1))
            self.linear = nn.Embedding(n_columns, 1, sparse=True)
            self.factors = nn.Embedding(n_columns, factors, sparse=True)
            nn.init.zeros_(self.linear.weight)
            nn.init.normal_(self.factors.weight, std=0.01)

        def forward(self, columns, values):
            terms = self.factors(columns) * values.unsqueeze(2)
            pairs = terms.sum(1).square().sum(1) - terms.square().sum((1, 2))
            linear = (self.linear(columns).squeeze(2) * values).sum(1)
            return self.bias + linear + 0.5 * pairs

    def tensors(X):
        shape = (X.shape[0], -1)
        columns = torch.from_numpy(X.indices.astype(np.int64)).reshape(shape)
        return columns, torch.from_numpy(X.data).reshape(shape)

    columns, values = tensors(data.X_train)
    y = torch.from_numpy(np.asarray(data.y_train, dtype=np.float32))
    model = FM(data.X_train.shape[1])
    tables = [model.linear.weight, model.factors.weight]
    optimizers = [
        torch.optim.SparseAdam(tables, lr=rate),
        torch.optim.Adam([model.bias], lr=rate),
    ]
    regression = task == "regression"
    loss = (
        functional.mse_loss
        if regression
        else functional.binary_cross_entropy_with_logits
    )
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        for rows in torch.randperm(len(y)).split(batch):
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss(model(columns[rows], values[rows]), y[rows]).backward()
            for optimizer in optimizers:
                optimizer.step()
        seconds.append(time.perf_counter() - start)
    with torch.no_grad():
        score = model(*tensors(data.X_test)).numpy()
    figures = (
        rmse(data.y_test, score)
        if regression
        else class_figures(data.y_test, 1 / (1 + np.exp(-score.astype(np.float64))))
    )
    counted = seconds[1:] or seconds
    return Peer(figures, sum(counted), len(counted), {"first epoch": seconds[0]})


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

        def judge(y, found):
            return rmse(y, found) if task == "regression" else class_figures(y, found)

        if len(decays) > 1:
            judged = {d: judge(data.y_val, run("val", d)) for d in decays}
            decays = [min(judged, key=lambda d: next(iter(judged[d].values())))]
        figures = judge(data.y_test, run("test", decays[0]))
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
    judge: bool = True,
) -> Peer:
    """XLearn on one thread, its rows made to length 1 as it does by default.

    Parameters
    ----------
    stop : bool
        Whether the number of epochs is the best on the validation rows.
    judge : bool
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
        lines = run("test" if judge else None, epochs)
    seconds = [line[-1] for line in lines]
    figures = {}
    if judge:
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
