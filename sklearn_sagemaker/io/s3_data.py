"""Rows that lie in S3, and what is known of them without a look: a plain value."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from typing import Any

import numpy as np

from sklearn_sagemaker._state import Contents, RowSource
from sklearn_sagemaker.io.formats import DEFAULT_TRAINING, FORMATS
from sklearn_sagemaker.io.formats import format_for_content_type as format_of
from sklearn_sagemaker.io.rows import check_count

MEMORY = 1 << 30
MODES = ("File", "FastFile", "Pipe")
_URI = re.compile(r"s3://[^/]+/.+")


class S3Data(RowSource):
    """Rows with their labels in objects of S3, which `fit` takes in place of X.

    A training in SageMaker reads them where they are: nothing passes through this
    machine. A training here reads a copy in the folder for temporary files.

    Parameters
    ----------
    uri : str
        Of a prefix, such as ``"s3://bucket/train/"``. Objects below it that are empty,
        or whose names start with "_" or ".", are passed over.
    content_type : str, default="application/x-recordio-protobuf"
        Of all objects, as `sklearn_sagemaker.io.formats` knows them. Labels are inside;
        in ``"text/csv"`` they are the first column, and there is no header.
    classes : array-like of shape (n_classes,) or None, default=None
        All labels, for a classifier that trains in SageMaker.
    n_features : int or None, default=None
        Columns; needed for a training in SageMaker.
    n_rows : int or None, default=None
        Rows, by which SageMaker's own images get mini-batches and epochs. Without,
        they get those for 10,000.
    memory : int, default=1 GiB
        Bytes of rows that may be loaded where they are trained on; more are read in
        windows.
    input_mode : {"File", "FastFile", "Pipe"}, default="File"
        How a job reads them.

    Raises
    ------
    ValueError
        If the URI names nothing in S3, or a value is unknown.

    See Also
    --------
    FileDataset : Files of this machine.

    Examples
    --------
    >>> from sklearn_sagemaker.io import S3Data
    >>> S3Data("s3://bucket/train/", content_type="text/csv", n_features=4)
    S3Data('s3://bucket/train/')
    """

    remote = True

    def __init__(
        self,
        uri: str,
        *,
        content_type: str = "application/x-recordio-protobuf",
        classes: Any = None,
        n_features: int | None = None,
        n_rows: int | None = None,
        memory: int = MEMORY,
        input_mode: str = "File",
    ):
        if not isinstance(uri, str) or not _URI.fullmatch(uri):
            raise ValueError(
                f"uri={uri!r} names nothing in S3; write s3://bucket/prefix/."
            )
        if input_mode not in MODES:
            raise ValueError(
                f"input_mode={input_mode!r} must be one of "
                f"{', '.join(map(repr, MODES))}."
            )
        for name, value in (("n_features", n_features), ("n_rows", n_rows)):
            if value is not None:
                check_count(name, value)
        check_count("memory", memory)
        format_of(content_type)
        self.uri, self.content_type = uri, content_type
        self.classes = None if classes is None else np.unique(np.asarray(classes))
        self.n_features, self.n_rows = n_features, n_rows
        self.memory, self.input_mode = memory, input_mode

    def __repr__(self) -> str:
        return f"S3Data({self.uri!r})"

    @property
    def format(self) -> str:
        """Name of the format of the objects."""
        found, _ = format_of(self.content_type)
        return found.name if found.name in FORMATS else DEFAULT_TRAINING

    @property
    def contents(self) -> Contents:
        """What was said of them.

        Raises
        ------
        ValueError
            If ``n_features`` was not.
        """
        if self.n_features is None:
            raise ValueError(
                f"{self!r} does not say its n_features, which nobody looks up in S3; "
                "pass it."
            )
        return Contents(
            n_rows=self.n_rows or 0,
            n_features=self.n_features,
            sparse=False,
            dtype=np.dtype(np.float32),
            n_bytes=sys.maxsize,
            labels=self.classes,
            counts=None,
        )

    def load(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """Nothing is loaded here.

        Raises
        ------
        TypeError
            Always: the rows are in S3.
        """
        raise TypeError(
            f"The rows of {self!r} are in S3 and are read where they are trained on; "
            "fit with a backend that is there, or with 'local', which copies them."
        )

    def windows(
        self, seed: int, epoch: int | None
    ) -> Generator[tuple[Any, np.ndarray, np.ndarray | None, np.ndarray], None, None]:
        """Nothing is read here; see `load`."""
        self.load()
        yield from ()
