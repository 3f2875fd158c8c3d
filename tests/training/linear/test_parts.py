"""How mini-batches are cut: never by the threads, which share what there is."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.linear import parts
from sklearn_sagemaker.training.linear.parts import cut_batches

from ..conftest import linear_run

STEPS = "sklearn_sagemaker.training.linear.steps"


def level(monkeypatch, spreads):
    """Kernels of such a level."""
    kernels = SimpleNamespace(can_spread=lambda: spreads)
    monkeypatch.setattr(parts, "kernels", kernels)


def cut(n_rows, n_columns, threads, d=784, dtype="f4", narrow=False):
    reader = RowReader(np.zeros((2, d), dtype))
    return tuple(cut_batches(reader, n_rows, n_columns, narrow, threads))


@pytest.mark.parametrize(
    ("n_rows", "n_columns", "threads", "wanted"),
    [
        # One thread, or no more than there are parts: those are shared.
        (50, 32, 1, (1, 4, 1, False)),
        (250, 32, 2, (2, 8, 2, False)),
        (1000, 128, 8, (8, 8, 8, False)),
        # More threads share slices.
        (50, 32, 2, (1, 4, 2, True)),
        (250, 32, 3, (2, 8, 3, True)),
        (250, 32, 8, (2, 8, 8, True)),
        (500, 32, 8, (4, 8, 8, True)),
        # As many as there are.
        (50, 32, 8, (1, 4, 4, True)),
        (250, 32, 64, (2, 8, 8, True)),
        (1000, 128, 64, (8, 8, 8, False)),
        (15, 128, 8, (1, 1, 1, False)),
    ],
)
def test_threads_that_are_more_than_parts_share_them(
    monkeypatch, n_rows, n_columns, threads, wanted
):
    level(monkeypatch, True)
    assert cut(n_rows, n_columns, threads) == wanted


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_rows_are_cut_alike_at_every_level_and_for_all_threads(monkeypatch, threads):
    for n_rows in (1, 20, 63, 64, 250, 1000):
        found = set()
        for spreads in (False, True):
            level(monkeypatch, spreads)
            found |= {cut(n_rows, 32, n)[:2] for n in (1, threads)}
        assert len(found) == 1


def test_a_few_microseconds_are_not_shared(monkeypatch):
    level(monkeypatch, True)
    assert cut(50, 32, 8, d=20) == (1, 4, 1, False)
    assert cut(250, 32, 8, d=20) == (2, 8, 2, False)
    assert cut(250, 64, 8, d=20) == (2, 8, 4, True)


def test_who_does_not_share_parts(monkeypatch):
    level(monkeypatch, True)
    csr = RowReader(sp.csr_array(np.eye(784, dtype="f4")))
    assert tuple(cut_batches(csr, 50, 128, False, 8)) == (1, 1, 1, False)
    assert tuple(cut_batches(csr, 250, 128, False, 64)) == (8, 8, 8, False)
    assert cut(250, 7, 8, narrow=True) == (2, 2, 2, False)
    # Two batches would be too large.
    assert cut(50, 32, 2, d=160_000) == (1, 4, 2, True)
    assert cut(50, 32, 2, d=170_000) == (1, 4, 1, False)
    level(monkeypatch, False)
    assert cut(250, 128, 8) == (2, 8, 2, False)


@pytest.mark.parametrize("batch", [20, 60, 250])
@pytest.mark.parametrize(
    ("models", "cv", "classes", "dtype"),
    [
        (1, False, 2, "f4"),
        (20, False, 2, "f4"),
        (32, False, 1, "f8"),
        (64, False, 2, "f4"),
        (10, 4, 2, "f4"),
        (9, 5, 1, "f8"),
        (20, False, 3, "f4"),
    ],
)
def test_jobs_do_not_change_a_bit(batch, models, cv, classes, dtype, monkeypatch):
    monkeypatch.setattr(f"{STEPS}.processors", lambda: 8)
    monkeypatch.setattr(f"{STEPS}.TEAM_WORK", 0)
    monkeypatch.setattr(parts, "MEMBER_WORK", 1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 11)).astype(dtype)
    scores = X[:, :4] + rng.normal(size=(700, 4))
    y = scores[:, 0] if classes == 1 else scores[:, :classes].argmax(axis=1)
    settings = {
        "classes": classes, "cv": cv, "num_models": models, "mini_batch_size": batch,
        "epochs": 4, "early_stopping_patience": 1, "optimizer": "adam",
    }  # fmt: skip
    runs = [linear_run(X, y.astype(float), **settings, jobs=n) for n in (1, 2, 4, 8)]
    one, *others = [run.train() for run in runs]
    for state in others:
        assert state.coef.tobytes() == one.coef.tobytes()
        assert state.intercept.tobytes() == one.intercept.tobytes()
        for name, column in one.candidates.items():
            np.testing.assert_array_equal(state.candidates[name], column, name)
    assert all(len(run.blocks) == 1 for run in runs)
    most = {20: 1, 60: 1, 250: 2}[batch]
    if models > 1 and parts.kernels.can_spread():
        most = {20: 2, 60: 4, 250: 8}[batch]
    members = [run.blocks[0].team.members for run in runs]
    assert members == [min(n, most) for n in (1, 2, 4, 8)]


def test_short_passes_have_no_team(monkeypatch):
    monkeypatch.setattr(f"{STEPS}.processors", lambda: 8)
    level(monkeypatch, True)
    X = np.random.default_rng(0).normal(size=(300, 300)).astype("f4")
    run = linear_run(X, (X[:, 0] > 0).astype(float), jobs=8, epochs=1, num_models=64,
                     mini_batch_size=50, optimizer="adam")  # fmt: skip
    run.train()
    assert {block.team.members for block in run.blocks} == {1}
