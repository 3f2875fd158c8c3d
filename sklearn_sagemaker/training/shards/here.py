"""Shards in this process: what a cluster does, without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sklearn_sagemaker._state import Contents, Shards
from sklearn_sagemaker.training.blas import single_threaded_blas
from sklearn_sagemaker.training.shards.shard import Shard


class LocalShards(Shards):
    """Shards whose tasks run one after the other, here.

    Parameters
    ----------
    shards : sequence of Shard
    contents : Contents
        Of all of them.
    memory : int
        For samples of their rows.
    """

    def __init__(self, shards: Sequence[Shard], contents: Contents, memory: int):
        self._shards, self._contents, self.memory = list(shards), contents, memory
        self.n_shards = len(self._shards)

    @property
    def contents(self) -> Contents:
        """What they hold together."""
        return self._contents

    def reduce(
        self, task: Callable[..., Any], join: Callable[[Any, Any], Any], *arguments: Any
    ) -> Any:
        """See `Shards`."""
        with single_threaded_blas():
            answers = [task(shard, *arguments) for shard in self._shards]
            return in_pairs(join, answers)


def in_pairs(join: Callable[[Any, Any], Any], answers: Sequence[Any]) -> Any:
    """Answers joined two by two, until there is one.

    Parameters
    ----------
    join : callable
        Of two neighbours.
    answers : sequence
        In the order of the shards; one at least.
    """
    level = list(answers)
    while len(level) > 1:
        pairs = [level[k : k + 2] for k in range(0, len(level), 2)]
        level = [join(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def rows_of_shards(n_rows: int, n_shards: int, seed: int) -> list[np.ndarray]:
    """Numbers of the rows of each shard, drawn, so that shards are alike.

    Parameters
    ----------
    n_rows, n_shards, seed : int
    """
    rng = np.random.default_rng([seed, 0x54A2D])
    parts = np.array_split(rng.permutation(n_rows), n_shards)
    return [np.sort(part) for part in parts]
