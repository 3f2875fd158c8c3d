"""Rows in files that may be larger than memory, in shuffled windows."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from sklearn_sagemaker._state import Contents, RowSource
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.datasets.snapshot import Reading, Snapshot, look_at
from sklearn_sagemaker.io.datasets.windows import WHOLE
from sklearn_sagemaker.io.formats import format_of_file
from sklearn_sagemaker.io.opening import matching_files
from sklearn_sagemaker.io.rows import check_count, stacked

MEMORY = 64 << 20


class FileDataset(RowSource):
    """Rows of files, for training beyond memory.

    `fit` and `partial_fit` of all estimators take it in place of X; labels, and
    sample weights if there are any, are inside. Rows that take no more than ``memory``
    are loaded, and trained like an array. More are read anew in each epoch, in windows
    of an eighth of ``memory``, by a thread that reads ahead: RecordIO from its files,
    others from a temporary file of the rows that they were parsed to, if the folder of
    temporary files (``TMPDIR``) has twice the room.

    Parameters
    ----------
    paths : str, path-like or sequence of them
        Files, or patterns such as ``"train/*.pbr"``; each is sorted. Shards may be
        of any format in `FORMATS`: RecordIO, CSV, Parquet, ``.npz``, libsvm, JSON
        Lines; compressed or not.
    format : str or None, default=None
        Name of the format; None tells by the ending of each file.
    batch_size : int, default=1000
        Rows of a mini-batch of an iteration. Estimators have mini-batches of their
        own.
    shuffle : bool, default=True
        Whether each pass has another order: files are permuted, and within
        uncompressed RecordIO files pieces of half a megabyte. Compressed RecordIO,
        ``.npz`` and text files are read from start to end, so sort no such file by its
        labels. An iteration also shuffles the rows within a window; so do estimators,
        whatever this says.
    random_state : int, default=0
        Seed of the order of an iteration. Estimators use their own.
    memory : int, default=67108864
        Bytes of rows that may be loaded. ``.npz`` and JSON files are loaded whole, one
        at a time: each must have no more, unpacked.
    n_features : int or None, default=None
        Number of features of sparse rows; None is what the files say. libsvm files
        do not: one more pass finds their largest index.
    **options : object
        For the reader of the format: ``label``, ``header``, ``separator``, ``decimal``
        and ``encoding`` of CSV files, ``label`` of Parquet and ``.npz`` files,
        ``zero_based`` and ``labels`` of libsvm files.

    Attributes
    ----------
    contents : Contents
        Rows, features, labels: found by one pass over the files when first asked for,
        and again when a file has changed.

    Raises
    ------
    DataFileError
        If no file matches or an ending is unknown; later, if a file cannot be read,
        has no labels, does not go with the others, or changes during a pass or a fit.
    ValueError
        If a number is out of range, or there is no such format or option.

    See Also
    --------
    read_recordio : Loads one file.

    Notes
    -----
    Several threads may use one dataset. A fit holds the files to what they were when it
    began: device and inode, size, times of the last change of contents and of status,
    and number of rows of each, compared when it is opened and at the end of each pass.
    A new link to a file counts as a change.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.io import FileDataset, write_recordio
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(600, 5)).astype("float32")
    >>> y = (X[:, 0] > 0).astype("float32")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_recordio(pathlib.Path(folder) / "train.pbr", X, y, shards=3)
    ...     data = FileDataset(folder + "/train_*.pbr")
    ...     model = LinearLearnerClassifier(random_state=0).fit(data)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    def __init__(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        format: str | None = None,
        batch_size: int = 1000,
        shuffle: bool = True,
        random_state: int = 0,
        memory: int = MEMORY,
        n_features: int | None = None,
        **options: Any,
    ):
        for name, value in (("batch_size", batch_size), ("memory", memory)):
            check_count(name, value)
        self.paths = _matched(paths)
        for path in self.paths:
            format_of_file(path, format)
        self.format, self.batch_size, self.shuffle = format, batch_size, shuffle
        self.random_state, self.memory = random_state, memory
        self.n_features, self.options = n_features, options
        self._start()

    def _start(self) -> None:
        self._snapshot: Snapshot | None = None
        self._passes = 0
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        # What was seen of the files holds here and now.
        left = ("_snapshot", "_passes", "_lock")
        return {name: value for name, value in vars(self).items() if name not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    def __repr__(self) -> str:
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return f"FileDataset({self.paths[0]!r}{more})"

    # -------------------------------------------------------------- what is inside
    @property
    def contents(self) -> Contents:
        """What it holds; found by one pass over the files."""
        return self.snapshot().contents

    @property
    def shape(self) -> tuple[int, int]:
        """Rows (those of weight zero left out) and features."""
        contents = self.contents
        return contents.n_rows, contents.n_features

    @property
    def reading(self) -> Reading:
        """How the files are read."""
        return Reading(
            tuple(self.paths),
            self.format,
            self.shuffle,
            self.memory,
            self.n_features,
            dict(self.options),
        )

    def snapshot(self) -> Snapshot:
        """The files as they are now; found by one pass, unless they are known.

        Returns
        -------
        source : RowSource
            Raises `DataFileError` in the pass in which a file is another.
        """
        with self._lock:
            self._snapshot = look_at(self.reading, self._snapshot)
            return self._snapshot

    # ------------------------------------------------------------------- the rows
    def load(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """All rows, in order.

        Returns
        -------
        X : ndarray or CSR of shape (n_rows, n_features)
        y : ndarray of shape (n_rows,)
        sample_weight : ndarray of shape (n_rows,) or None
        """
        return self.snapshot().load()

    def windows(
        self, seed: int, epoch: int | None, part: tuple[int, int] = WHOLE
    ) -> Generator[tuple[Any, np.ndarray, np.ndarray | None, np.ndarray], None, None]:
        """Large pieces of the rows, read ahead.

        Parameters
        ----------
        seed : int
            Of the order, and of the rows' random numbers.
        epoch : int or None
            Each has an order of its own; None reads the files in order.
        part : (int, int), default=(0, 1)
            Number of a part of the rows of the epoch, and how many parts it has.

        Yields
        ------
        X : ndarray or CSR of shape (n, n_features)
        y : ndarray of shape (n,)
        sample_weight : float64 ndarray of shape (n,) or None
        draws : float64 ndarray of shape (n,)
            A random number in [0, 1) for each row: the same in each pass.
        """
        with closing(self.snapshot().windows(seed, epoch, part)) as found:
            yield from found

    def __iter__(self) -> Iterator[tuple[Any, np.ndarray]]:
        """Mini-batches ``(X, y)`` of a pass; each pass has an order of its own.

        All have ``batch_size`` rows but the last. Sample weights are left out.
        """
        with self._lock:
            epoch, self._passes = self._passes, self._passes + 1
        rng = np.random.default_rng([self.random_state, epoch])
        with closing(self.windows(self.random_state, epoch)) as windows:
            left: tuple[Any, np.ndarray] | None = None
            for X, y, _, _ in windows:
                if self.shuffle:
                    order = rng.permutation(len(y))
                    X, y = X[order], y[order]
                if left is not None:
                    X, y = stacked([left[0], X]), np.concatenate([left[1], y])
                whole = len(y) - len(y) % self.batch_size
                for start in range(0, whole, self.batch_size):
                    rows = slice(start, start + self.batch_size)
                    yield X[rows], y[rows]
                left = (X[whole:], y[whole:]) if whole < len(y) else None
            if left is not None:
                yield left


def _matched(paths: Any) -> list[str]:
    """Files, in order; each pattern must match some."""
    # Bytes and numbers are no sequences of paths: refused as the paths they are not.
    if not hasattr(paths, "__iter__") or isinstance(paths, (str, bytes, os.PathLike)):
        paths = [paths]
    found = [path for one in paths for path in matching_files(one)]
    if not found:
        raise DataFileError("paths is empty; name at least one file.")
    return found
