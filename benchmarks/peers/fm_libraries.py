"""Factorization machines of myFM, of fastFM, and of PyTorch; each trains once."""

from __future__ import annotations

import contextlib
import io
import time
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.data.sets import Split
from benchmarks.peers.fm_known import Peer, class_figures, rmse


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
    metrics = rmse if regression else class_figures
    return Peer(metrics(data.y_test, found), seconds, epochs)


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
