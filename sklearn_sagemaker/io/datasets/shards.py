"""One file of a dataset, in pieces that each pass reads anew."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from sklearn_sagemaker.exceptions import DataFileError, RecordIOError
from sklearn_sagemaker.io.formats import FORMATS, Format, format_of_file
from sklearn_sagemaker.io.opening import check_file, is_gzip, reading
from sklearn_sagemaker.io.recordio.reading import EVERYTHING, iter_pieces, iter_rows
from sklearn_sagemaker.io.rows import Rows, footprint

PIECE_BYTES = 512 << 10
"""A piece of a file takes about so many bytes..."""
PIECES = 16
"""... or as few that a window holds so many pieces..."""
MOST_PIECES = 1 << 17
"""... or as many that there are no more pieces: each is remembered by its place."""
MOST_ROWS = 1 << 16


class Shard(ABC):
    """One file.

    Parameters
    ----------
    path : str
    piece_bytes : int
        Size of a piece.

    Attributes
    ----------
    path : str
    """

    def __init__(self, path: str, piece_bytes: int):
        self.path, self._piece_bytes = path, piece_bytes

    @abstractmethod
    def scan(self) -> Iterator[Rows]:
        """All pieces in order; comes before the other methods."""

    @abstractmethod
    def places(self) -> list[Any]:
        """What can be read on its own."""

    @abstractmethod
    def read(self, place: Any) -> Iterator[tuple[int, Rows]]:
        """Pieces from a place, each with its number in the file."""


class RecordShard(Shard):
    """An uncompressed RecordIO file, whose pieces can be read in any order.

    Parameters
    ----------
    path : str
    piece_bytes : int
    n_features : int or None
    """

    def __init__(self, path: str, piece_bytes: int, n_features: int | None):
        super().__init__(path, piece_bytes)
        self._n_features = n_features
        # Where each piece starts, and behind them the end; the records before it.
        self._offsets: list[int] = [0]
        self._records: list[int] = [0]

    def scan(self) -> Iterator[Rows]:
        """All pieces in order; comes before the other methods."""
        self._offsets, self._records = [0], [0]
        check_file(self.path)
        pieces = iter_pieces(self.path, self._piece_bytes, n_features=self._n_features)
        for stop, rows in pieces:
            self._offsets.append(stop)
            self._records.append(self._records[-1] + len(rows))
            yield rows

    def places(self) -> list[Any]:
        """What can be read on its own."""
        return list(range(len(self._offsets) - 1))

    def n_bytes(self, place: int) -> int:
        """Bytes of a piece in the file."""
        return self._offsets[place + 1] - self._offsets[place]

    def n_rows(self, place: int) -> int:
        """Rows of a piece."""
        return self._records[place + 1] - self._records[place]

    def read(self, place: int) -> Iterator[tuple[int, Rows]]:
        """Pieces from a place, each with its number in the file."""
        data = bytearray(self.n_bytes(place))
        self.read_bytes(place, memoryview(data))
        try:
            yield place, next(iter_rows(data, EVERYTHING, n_features=self._n_features))
        except RecordIOError as error:
            # Faults are told by their place in the file.
            record, offset = error.record, error.offset
            raise RecordIOError(
                error.message,
                None if record is None else record + self._records[place],
                None if offset is None else offset + self._offsets[place],
                self.path,
            ) from None

    def read_bytes(self, place: int, space: memoryview) -> None:
        """Read a piece as it stands in the file into memory of its size."""
        with reading(self.path), open(self.path, "rb", buffering=0) as file:
            file.seek(self._offsets[place])
            while space:
                count = file.readinto(space)
                if not count:
                    raise DataFileError(
                        f"{self.path}: has become shorter since it was first read; "
                        "start anew."
                    )
                space = space[count:]


def joined_records(
    pieces: list[tuple[RecordShard, int]], space: bytearray, n_features: int | None
) -> Rows | None:
    """The rows of some pieces of RecordIO files, decoded at once.

    Parameters
    ----------
    pieces : list of (RecordShard, place)
    space : bytearray
        Memory that is used, and enlarged if need be.
    n_features : int or None

    Returns
    -------
    rows : Rows or None
        None if they are no records of one kind: then read them one by one.
    """
    sizes = [shard.n_bytes(place) for shard, place in pieces]
    space.extend(bytes(max(0, sum(sizes) - len(space))))
    start = 0
    with memoryview(space) as view:
        for (shard, place), size in zip(pieces, sizes, strict=True):
            shard.read_bytes(place, view[start : start + size])
            start += size
        try:
            return next(iter_rows(view[:start], EVERYTHING, n_features=n_features))
        except RecordIOError:
            return None


class StreamShard(Shard):
    """A file that is read from start to end.

    Parameters
    ----------
    path : str
    piece_bytes : int
    format : Format
    options : dict
        For the reader of the format.
    """

    def __init__(
        self, path: str, piece_bytes: int, format: Format, options: dict[str, Any]
    ):
        super().__init__(path, piece_bytes)
        self._format, self._options = format, options
        self._rows = 0

    def scan(self) -> Iterator[Rows]:
        """All pieces in order; comes before the other methods."""
        for rows in self._format.iter_rows(self.path, 1, **self._options):
            wanted = self._piece_bytes // max(1, footprint(rows))
            self._rows = min(max(1, wanted), MOST_ROWS)
            break
        yield from (rows for _, rows in self.read(None))

    def places(self) -> list[Any]:
        """What can be read on its own: the whole."""
        return [None]

    def read(self, place: Any) -> Iterator[tuple[int, Rows]]:
        """Pieces from a place, each with its number in the file."""
        found = self._format.iter_rows(self.path, max(1, self._rows), **self._options)
        yield from enumerate(found)


def open_shards(
    paths: list[str],
    format: str | None,
    window_bytes: int,
    n_features: int | None,
    options: dict[str, Any],
) -> list[Shard]:
    """Files whose rows belong together, as shards.

    Parameters
    ----------
    paths : list of str
    format : str or None
        Name of their format; None tells by the ending of each.
    window_bytes : int
        Size of the windows that pieces are put together to.
    n_features : int or None
        For the formats whose sparse rows do not say it.
    options : dict
        For the reader of the format.

    Returns
    -------
    shards : list of Shard

    Raises
    ------
    DataFileError
        If an ending is unknown.
    ValueError
        If there is no such format or option.
    """
    formats = {path: known_format(path, format) for path in paths}
    piece_bytes = max(1, min(PIECE_BYTES, window_bytes // PIECES))
    in_all = sum(os.path.getsize(path) for path in paths)
    piece_bytes = max(piece_bytes, in_all // MOST_PIECES)
    settled: dict[str, dict[str, Any]] = {}
    for found in formats.values():
        if found.name not in settled:
            alike = [path for path in paths if formats[path] is found]
            mine = dict(options)
            if n_features is not None and "n_features" in found.reading_options:
                mine["n_features"] = n_features
            settled[found.name] = found.settled(alike, mine)
    return [
        RecordShard(path, piece_bytes, n_features)
        if formats[path].name == "recordio" and not is_gzip(path)
        else StreamShard(path, piece_bytes, formats[path], settled[formats[path].name])
        for path in paths
    ]


def known_format(path: str, format: str | None) -> Format:
    """The format of a file, by its name or the ending of the file's.

    Raises
    ------
    DataFileError
        If the ending is unknown.
    ValueError
        If there is no such format.
    """
    if format is None:
        return format_of_file(path)
    if format not in FORMATS:
        raise ValueError(f"format={format!r} must be one of {list(FORMATS)}, or None.")
    return FORMATS[format]
