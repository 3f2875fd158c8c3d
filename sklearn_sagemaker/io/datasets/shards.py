"""One file of a dataset, in pieces that each pass reads anew."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sklearn_sagemaker.exceptions import DataFileError, RecordIOError
from sklearn_sagemaker.io.datasets.row_cache import Place, RowCache
from sklearn_sagemaker.io.formats import Format, format_of_file
from sklearn_sagemaker.io.opening import check_file, is_gzip, open_file, reading
from sklearn_sagemaker.io.recordio.reading import EVERYTHING, iter_pieces, iter_rows
from sklearn_sagemaker.io.rows import Rows, footprint

PIECE_BYTES = 512 << 10
"""A piece of a file takes about so many bytes..."""
PIECES = 16
"""... or as few that a window holds so many pieces..."""
MOST_PIECES = 1 << 17
"""... or as many that there are no more pieces: each is remembered by its place."""
MOST_ROWS = 1 << 16


TICK = 20_000_000
"""Nanoseconds that the times of files may lag behind: two changes may share one."""


@dataclass(frozen=True)
class Stamp:
    """What changes when a file does.

    The last one counts changes that leave the others alone: a file rewritten in
    place whose time is set back, or one that was away and is there again.
    """

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """That of a file, open or not."""
        return cls(
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )

    @classmethod
    def settled(cls, path: str) -> Stamp:
        """That of a file, which any later change will change."""
        while True:
            with reading(path):
                stamp = cls.of(os.stat(path))
            age = time.time_ns() - max(stamp.modified, stamp.changed)
            # A clock that is behind is another computer's.
            if not 0 <= age < TICK:
                return stamp
            time.sleep((TICK - age) / 1e9)


class Shard(ABC):
    """One file.

    Parameters
    ----------
    path : str
    stamp : Stamp
        Of the file that is meant.
    piece_bytes : int
        Size of a piece.

    Attributes
    ----------
    path : str
    n_all : int
        Rows, those of weight zero too; known after `scan`.
    """

    def __init__(self, path: str, stamp: Stamp, piece_bytes: int):
        self.path, self._stamp, self._piece_bytes = path, stamp, piece_bytes
        self.n_all = 0

    def check(self, handle: int | None = None) -> None:
        """Refuse another file than the one that is meant.

        Parameters
        ----------
        handle : int or None
            Of the file if it is open, which must be the one that the name has.

        Raises
        ------
        DataFileError
        """
        with reading(self.path):
            status = os.stat(self.path if handle is None else handle)
        if Stamp.of(status) != self._stamp:
            raise self.changed()

    def changed(self) -> DataFileError:
        """What to say of a file that has become another."""
        return DataFileError(
            f"{self.path}: has changed while the files of the dataset were read; leave "
            "them alone until a fit ends, and start anew."
        )

    @abstractmethod
    def scan(self) -> Iterator[Rows]:
        """All pieces in order; comes before the other methods."""

    @abstractmethod
    def places(self) -> list[Any]:
        """What can be read on its own."""

    @property
    @abstractmethod
    def n_pieces(self) -> int:
        """Pieces of the file; known after `scan`."""

    @abstractmethod
    def read(
        self, place: Any, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[int, Rows]]:
        """Pieces from a place, each with its number in the file.

        Parameters
        ----------
        place : object
            One of `places`.
        wanted : callable or None
            Tells by the number of a piece whether it is to be read.
        """


class RecordShard(Shard):
    """An uncompressed RecordIO file, whose pieces can be read in any order.

    Parameters
    ----------
    path : str
    stamp : Stamp
    piece_bytes : int
    n_features : int or None
    """

    def __init__(
        self, path: str, stamp: Stamp, piece_bytes: int, n_features: int | None
    ):
        super().__init__(path, stamp, piece_bytes)
        self._n_features = n_features
        # Where each piece starts, and behind them the end; the records before it.
        self._offsets: list[int] = [0]
        self._records: list[int] = [0]

    def scan(self) -> Iterator[Rows]:
        """All pieces in order; comes before the other methods."""
        check_file(self.path)
        pieces = iter_pieces(self.path, self._piece_bytes, n_features=self._n_features)
        for stop, rows in pieces:
            self._offsets.append(stop)
            self.n_all += len(rows)
            self._records.append(self.n_all)
            yield rows

    def places(self) -> list[Any]:
        """What can be read on its own."""
        return list(range(self.n_pieces))

    def n_bytes(self, place: int) -> int:
        """Bytes of a piece in the file."""
        return self._offsets[place + 1] - self._offsets[place]

    def n_rows(self, place: int) -> int:
        """Rows of a piece."""
        return self._records[place + 1] - self._records[place]

    @property
    def n_pieces(self) -> int:
        """Pieces of the file; known after `scan`."""
        return len(self._offsets) - 1

    def read(
        self, place: int, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[int, Rows]]:
        """Pieces from a place, each with its number in the file."""
        if wanted is not None and not wanted(place):
            return
        data = bytearray(self.n_bytes(place))
        with self.open() as file:
            self.read_bytes(place, memoryview(data), file)
        try:
            rows = next(iter_rows(data, EVERYTHING, n_features=self._n_features))
        except RecordIOError as error:
            # They were in order.
            raise self.changed() from error
        if len(rows) != self.n_rows(place):
            raise self.changed()
        yield place, rows

    def open(self) -> BinaryIO:
        """The file that is meant, for `read_bytes`.

        Raises
        ------
        DataFileError
            If it is another one.
        """
        with reading(self.path):
            file = open_file(self.path, buffering=0)
            try:
                self.check(file.fileno())
            except BaseException:
                file.close()
                raise
            return file

    def read_bytes(self, place: int, space: memoryview, file: BinaryIO) -> None:
        """Read a piece as it stands in the open file into memory of its size."""
        with reading(self.path):
            file.seek(self._offsets[place])
            while space:
                count = file.readinto(space)  # type: ignore[attr-defined]
                if not count:
                    raise self.changed()
                space = space[count:]


class StreamShard(Shard):
    """A file that is read from start to end, and parsed once if there is room.

    Parameters
    ----------
    path : str
    stamp : Stamp
    piece_bytes : int
    format : Format
    options : dict
        For the reader of the format.
    cache : RowCache
    """

    def __init__(
        self,
        path: str,
        stamp: Stamp,
        piece_bytes: int,
        format: Format,
        options: dict[str, Any],
        cache: RowCache,
    ):
        super().__init__(path, stamp, piece_bytes)
        self._format, self._options, self._cache = format, options, cache
        self._places: list[Place] | None = None
        self._rows = self._n_pieces = 0

    @property
    def n_pieces(self) -> int:
        """Pieces of the file; known after `scan`."""
        return self._n_pieces

    def scan(self) -> Iterator[Rows]:
        """All pieces in order; comes before the other methods."""
        for rows in self._format.iter_rows(self.path, 1, **self._options):
            wanted = self._piece_bytes // max(1, footprint(rows))
            self._rows = min(max(1, wanted), MOST_ROWS)
            # It may hold a file that was loaded whole.
            del rows
            break
        places: list[Place] | None = []
        for rows in self._pieces():
            self.n_all += len(rows)
            self._n_pieces += 1
            place = None if places is None else self._cache.add(rows)
            if places is not None and place is not None:
                places.append(place)
            else:
                places = None
            yield rows
        self._places = places

    def _pieces(self) -> Iterator[Rows]:
        at_once = max(1, self._rows)
        try:
            yield from self._format.iter_rows(self.path, at_once, **self._options)
        except DataFileError:
            # What is wrong may be that it is half another file.
            self.check()
            raise

    def places(self) -> list[Any]:
        """What can be read on its own: the whole."""
        return [None]

    def read(
        self, place: Any, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[int, Rows]]:
        """Pieces from a place, each with its number in the file."""
        # The reader opens it by its name. To be another one only then, the file would
        # have to go and come back, which its stamp would show at the end.
        self.check()
        if self._places is not None:
            for piece, where in enumerate(self._places):
                if wanted is None or wanted(piece):
                    yield piece, self._cache.read(where)
            return
        n_all = 0
        for piece, rows in enumerate(self._pieces()):
            n_all += len(rows)
            if wanted is None or wanted(piece):
                yield piece, rows
        if n_all != self.n_all:
            raise self.changed()


def open_shards(
    paths: list[str],
    stamps: Sequence[Stamp],
    format: str | None,
    window_bytes: int,
    n_features: int | None,
    memory: int,
    options: dict[str, Any],
) -> list[Shard]:
    """Files whose rows belong together, as shards.

    Parameters
    ----------
    paths : list of str
    stamps : sequence of Stamp
        Of these files.
    format : str or None
        Name of their format; None tells by the ending of each.
    window_bytes : int
        Size of the windows that pieces are put together to.
    n_features : int or None
        For the formats whose sparse rows do not say it.
    memory : int
        Bytes that a file may have whose format is loaded whole.
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
    formats = {path: format_of_file(path, format) for path in paths}
    piece_bytes = max(1, min(PIECE_BYTES, window_bytes // PIECES))
    in_all = sum(stamp.size for stamp in stamps)
    piece_bytes = max(piece_bytes, in_all // MOST_PIECES)
    settled: dict[str, dict[str, Any]] = {}
    cache = RowCache()
    for found in formats.values():
        if found.name not in settled:
            alike = [path for path in paths if formats[path] is found]
            mine = dict(options)
            if n_features is not None and "n_features" in found.reading_options:
                mine["n_features"] = n_features
            if "memory" in found.reading_options:
                mine["memory"] = memory
            settled[found.name] = found.settled(alike, mine)
    return [
        RecordShard(path, stamp, piece_bytes, n_features)
        if formats[path].name == "recordio" and not is_gzip(path)
        else StreamShard(
            path,
            stamp,
            piece_bytes,
            formats[path],
            settled[formats[path].name],
            cache,
        )
        for path, stamp in zip(paths, stamps, strict=True)
    ]
