"""Which problem a training solves, and what its last bits may depend on."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import MISSING, fields, replace
from functools import cache
from operator import add
from typing import Any

import numpy as np
import scipy

from sklearn_sagemaker import __version__
from sklearn_sagemaker._hyperparameters.container import our_table
from sklearn_sagemaker._kernels import LEVEL
from sklearn_sagemaker._state import (
    Contents,
    RowSource,
    Shards,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.io.plain_values import digest_of

INDIFFERENT = ("n_jobs", "feature_names", "format_version", "hyperparameters")
"""Fields of a spec that never change a result, or are compared one by one."""
VALIDATION = ("X_val", "y_val", "sample_weight_val")


def platform_of_bits() -> dict[str, str]:
    """What the last bits of a result may depend on, besides the problem."""
    return {
        "sklearn_sagemaker": __version__,
        "kernels": LEVEL,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "processor": platform.machine(),
    }


def defaults_of(spec: TrainingSpec) -> dict[str, str]:
    """Digests of parts of a problem where nothing asks for anything else.

    A checkpoint of an earlier version lacks what came later: it is of this problem if
    that is as it was then, which the defaults are.
    """
    table = our_table(spec.algorithm, spec.predictor_type)
    found = {name: entry.default for name, entry in table.items()}
    found |= {
        one.name: one.default for one in fields(spec) if one.default is not MISSING
    }
    return {name: digest_of(value) for name, value in found.items()}


def identified(
    spec: TrainingSpec, data: TrainingData | WindowedData
) -> tuple[TrainingData | WindowedData, Callable[[], dict[str, str]]]:
    """Data to train on, and what tells the digests of the problem's parts.

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData or WindowedData

    Returns
    -------
    data : TrainingData or WindowedData
    problem : callable
        Reads arrays when it is first called; rows in windows are read in the first
        pass over them, after which it is to be called.
    """
    values = {
        one.name: getattr(spec, one.name)
        for one in fields(spec)
        if one.name not in INDIFFERENT
    }
    values |= spec.hyperparameters
    values |= {name: getattr(data, name) for name in VALIDATION}
    if isinstance(data, TrainingData):
        values |= {name: getattr(data, name) for name in ("X", "y", "sample_weight")}

    @cache
    def problem() -> dict[str, str]:
        return {name: digest_of(value) for name, value in values.items()}

    if isinstance(data, TrainingData):
        return data, problem
    if isinstance(data.source, Shards):
        shards, plain = data.source, replace(spec, resume=None)
        in_shards = cache(lambda: digest_of(shards.reduce(_digests, add, plain)))
        how = {
            name: digest_of(getattr(shards, name)) for name in ("n_shards", "rounds")
        }
        return data, lambda: {**problem(), **how, "rows": in_shards()}
    rows = _SummedRows(data.source)
    return replace(data, source=rows), lambda: {**problem(), "rows": rows.digest}


def _digests(shard: Any, spec: TrainingSpec) -> list[str]:
    """That of the rows of a shard, which are read once more for it."""
    found = hashlib.sha256()
    with closing(shard.windows(spec)) as windows:
        for one in windows:
            found.update(digest_of([one.X, one.y, one.sample_weight]).encode())
    return [found.hexdigest()]


class _SummedRows(RowSource):
    """Rows that are summed up in the first pass that comes to its end."""

    def __init__(self, source: RowSource):
        self._source, self.memory, self.digest = source, source.memory, ""

    @property
    def contents(self) -> Contents:
        """See `RowSource`."""
        return self._source.contents

    def load(self) -> tuple:
        """See `RowSource`."""
        return self._source.load()

    def windows(self, seed: int, epoch: int | None) -> Generator[tuple, None, None]:
        """See `RowSource`."""
        found = hashlib.sha256()
        with closing(self._source.windows(seed, epoch)) as windows:
            for window in windows:
                if not self.digest:
                    found.update(digest_of(list(window)).encode())
                yield window
        self.digest = self.digest or found.hexdigest()
