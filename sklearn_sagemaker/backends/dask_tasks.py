"""What tasks on the workers of a Dask cluster do with the shards that live there."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sklearn_sagemaker._state import Contents
from sklearn_sagemaker.training.blas import single_threaded_blas
from sklearn_sagemaker.training.shards.joining import in_pairs
from sklearn_sagemaker.training.shards.shard import Shard

if TYPE_CHECKING:
    from sklearn_sagemaker.io.datasets.contents import Look


class Raised:
    """An exception of a task, which is no fault of the cluster.

    Parameters
    ----------
    error : BaseException
    """

    def __init__(self, error: BaseException):
        self.error = error


class OfGroup:
    """What a task finds on neighbouring shards.

    Parameters
    ----------
    task, join : callable
        As of `Shards.reduce`.
    """

    def __init__(self, task: Callable[..., Any], join: Callable[[Any, Any], Any]):
        self._task, self._join = task, join

    def __call__(self, packed: bytes, *shards: Shard) -> Any:
        """The answer, joined."""
        arguments = pickle.loads(packed) if packed else ()
        return in_pairs(self._join, [self._task(shard, *arguments) for shard in shards])


class OfPair:
    """What joins two packed answers; the first that was raised, if one was.

    Parameters
    ----------
    join : callable
    """

    def __init__(self, join: Callable[[Any, Any], Any]):
        self._join = join

    def __call__(self, *packed: bytes) -> Any:
        """The answer of both."""
        answers = [pickle.loads(one) for one in packed]
        raised = [one for one in answers if isinstance(one, Raised)]
        return raised[0] if raised else self._join(*answers)


def answered(function: Callable[..., Any], *parts: Any) -> bytes:
    """A packed answer, or a packed `Raised`.

    In bytes nobody can change it, so a task that joins it may run again; and Dask
    knows how much memory they take.

    Parameters
    ----------
    function : callable
    *parts : object
        Its arguments.
    """
    try:
        with single_threaded_blas():
            found = function(*parts)
        return pickle.dumps(found, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        try:
            return pickle.dumps(Raised(error), pickle.HIGHEST_PROTOCOL)
        except Exception:
            plain = RuntimeError(f"{type(error).__name__}: {error}")
            return pickle.dumps(Raised(plain), pickle.HIGHEST_PROTOCOL)


def look_of(held: Any) -> Look:
    """What a shard is to be made of holds."""
    return held.look()


def joined_looks(first: Look, second: Look) -> Look:
    """What both hold together."""
    first.take_in(second)
    return first


def shard_of(held: Any, contents: Contents) -> Shard:
    """The shard that is made of it."""
    return held.shard(contents)


def itself(shard: Shard) -> Shard:
    """The shard, on another worker."""
    return shard
