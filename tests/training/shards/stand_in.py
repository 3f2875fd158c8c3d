"""Shards of arrays in this process, for the algorithms that train on them."""

import pickle

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._state import Contents, Shards, TrainingData, WindowedData
from sklearn_sagemaker.backends import LocalBackend
from sklearn_sagemaker.training.blas import single_threaded_blas
from sklearn_sagemaker.training.shards.joining import in_pairs
from sklearn_sagemaker.training.shards.shard import ArrayShard, rows_of_shards


def contents_of(X) -> Contents:
    sparse = sp.issparse(X)
    n_bytes = X.data.nbytes + X.indices.nbytes if sparse else X.nbytes
    return Contents(*X.shape, sparse, X.dtype, n_bytes, None, None)


class LocalShards(Shards):
    """Shards whose tasks run one after the other, here."""

    def __init__(self, shards, contents, memory):
        self._shards, self._contents, self.memory = list(shards), contents, memory
        self.n_shards = len(self._shards)

    @property
    def contents(self):
        return self._contents

    def reduce(self, task, join, *arguments):
        with single_threaded_blas():
            return in_pairs(join, [task(shard, *arguments) for shard in self._shards])


class RepeatedShards(LocalShards):
    """Shards as a cluster may treat them: each task is run twice, the last first, and
    all that it is given has been sent; the first answers are lost."""

    def reduce(self, task, join, *arguments):
        def sent(value):
            return pickle.loads(pickle.dumps(value))

        answers = {}
        for _ in range(2):
            for shard in reversed(self._shards):
                answers[shard.number] = sent(task(shard, *sent(arguments)))
        return in_pairs(join, [answers[shard.number] for shard in self._shards])


class ShardsBackend(LocalBackend):
    """Trains on shards of the rows that it is given.

    Parameters
    ----------
    of : list of int arrays or int
        Rows of each shard, or how many shards.
    rounds : int or "auto"
    kind : type
        Of the shards.
    blocks : int
        Blocks of the chain of each.
    """

    def __init__(
        self,
        *,
        of=4,
        rounds="auto",
        kind=LocalShards,
        blocks=1,
        checkpoint=None,
        every=60.0,
        stop=None,
    ):
        super().__init__(checkpoint=checkpoint, every=every, stop=stop)
        self.of, self.rounds, self.kind, self.blocks = of, rounds, kind, blocks

    def train(self, spec, data, monitor=None):
        if isinstance(data, TrainingData):
            data = WindowedData(
                self._shards(spec, data),
                data.X_val,
                data.y_val,
                data.sample_weight_val,
            )
        return super().train(spec, data, monitor)

    def _shards(self, spec, data):
        X, y, weights = data.X, data.y, data.sample_weight
        if spec.classes is not None:
            y = spec.classes[y.astype(int)]
        of = self.of
        if isinstance(of, int):
            of = rows_of_shards(len(y), of, spec.seed)
        contents = contents_of(X)
        shards = [
            ArrayShard(
                number,
                contents,
                [
                    (X[part], y[part], weights[part])
                    for part in np.array_split(rows, self.blocks)
                ],
            )
            for number, rows in enumerate(of)
        ]
        found = self.kind(shards, contents, 64 << 20)
        found.rounds = self.rounds
        return found
