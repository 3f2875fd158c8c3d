"""The channels of a training job: which files they are, and how they are read."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_sagemaker._state import RowSource
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.compression import compression_of
from sklearn_sagemaker.io.datasets.dataset import FileDataset
from sklearn_sagemaker.io.datasets.pipes import PipeDataset
from sklearn_sagemaker.io.formats import (
    DEFAULT_TRAINING,
    FORMATS,
    Format,
    format_for_content_type,
)
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.opening import reading

TRAIN, VALIDATION, TEST, OURS = "train", "validation", "test", "sklearn_sagemaker"
MODES = ["File", "FastFile", "Pipe"]
_SHARDED = "ShardedByS3Key"
_GZIP = b"\x1f\x8b"
_HIDDEN = ("_", ".")
_ABSENT = (None, "", "None")
_WHOLE = ("groups", "sample_weight", "sample_weight_validation")
_FOLD = re.compile(r"cv-(\d+)-(train|test)")


@dataclass(frozen=True)
class Channel:
    """One channel, as ``inputdataconfig.json`` has it.

    Attributes
    ----------
    name : str
    folder : Path
        Of its files; pipes are beside it, each with the number of a pass.
    mode : {"File", "FastFile", "Pipe"}
    format : Format
    replicated : bool
        Whether each host of the job has all files, and not a share of them.
    """

    name: str
    folder: Path
    mode: str
    format: Format
    replicated: bool = True

    def __reduce__(self) -> tuple[Any, ...]:
        # By the name of the format: its functions are those of the other process.
        values = self.name, self.folder, self.mode, self.format.name, self.replicated
        return _of_values, values

    def rows(
        self,
        memory: int,
        n_features: int | None,
        scratch: Path,
        waiting: Callable[[], Any],
    ) -> RowSource:
        """Rows with their labels.

        Parameters
        ----------
        memory : int
            Bytes of rows that may be loaded.
        n_features : int or None
            As the job says.
        scratch : Path
            Folder for links to files whose names do not say what they are.
        waiting : callable
            Called while nothing comes through a pipe; may raise.

        Raises
        ------
        DataFileError
            If the channel has no file with something in it.
        """
        if self.mode == "Pipe":
            return PipeDataset(
                str(self.folder),
                self.format.name,
                memory=memory,
                n_features=n_features,
                waiting=waiting,
            )
        paths = [str(path) for path in files_in(self.folder)]
        if not paths:
            raise DataFileError(
                f"The channel {self.name!r} has no file with rows; check its S3Uri. "
                "Files whose names start with '_' or '.' are passed over."
            )
        return self.dataset(paths, memory, n_features, scratch)

    def dataset(
        self,
        paths: list[str],
        memory: int,
        n_features: int | None,
        scratch: Path,
        described: Mapping[str, Any] | None = None,
    ) -> FileDataset:
        """The rows of some files of the channel; see `rows`.

        Parameters
        ----------
        paths : list of str
        memory : int
        n_features : int or None
        scratch : Path
        described : mapping or None, default=None
            Arguments of a `FileDataset` of a backend, whose files they are.
        """
        if described is not None:
            given = {**described, "memory": memory, "n_features": n_features}
            return FileDataset(paths, **given)
        options: dict[str, Any] = {}
        if self.format.name == "csv":
            options = {"label": 0, "header": "no"}
        return FileDataset(
            _named_by_content(paths, scratch),
            format=self.format.name,
            memory=memory,
            n_features=n_features,
            **options,
        )


def _of_values(
    name: str, folder: Path, mode: str, format: str, replicated: bool
) -> Channel:
    return Channel(name, folder, mode, FORMATS[format], replicated)


def read_channels(config: Mapping[str, Any], data: Path) -> dict[str, Channel]:
    """The channels of a job.

    Parameters
    ----------
    config : mapping
        What ``inputdataconfig.json`` holds.
    data : Path
        Folder with a folder for each channel.

    Returns
    -------
    channels : dict of str to Channel

    Raises
    ------
    ValueError
        If there is no channel "train", one is unknown, or one cannot be read.
    """
    known = [TRAIN, VALIDATION, TEST, OURS]
    unknown = [name for name in config if name not in known]
    if unknown:
        raise ValueError(
            f"The channels {listed(unknown)} are unknown; name them {listed(known)}."
        )
    if TRAIN not in config:
        raise ValueError("Must provide train channel.")
    return {name: _channel(name, config[name], data / name) for name in config}


def _channel(name: str, config: Mapping[str, Any], folder: Path) -> Channel:
    mode = config.get("TrainingInputMode", "File")
    if mode not in MODES:
        raise ValueError(
            f"The channel {name!r} has TrainingInputMode={mode!r}; it must be one of "
            f"{listed(MODES)}."
        )
    if config.get("RecordWrapperType") not in _ABSENT:
        raise ValueError(
            f"The channel {name!r} has RecordWrapperType="
            f"{config['RecordWrapperType']!r}; its files are read as they are: set "
            "'None'."
        )
    replicated = config.get("S3DistributionType") != _SHARDED
    content_type = config.get("ContentType")
    if content_type in _ABSENT:
        return Channel(name, folder, mode, FORMATS[DEFAULT_TRAINING], replicated)
    try:
        format, options = format_for_content_type(content_type)
    except ValueError as error:
        raise ValueError(f"The channel {name!r}: {error}") from None
    if options.get("label_size") == 0:
        raise ValueError(
            f"The channel {name!r} has ContentType={content_type!r}, but training "
            "needs labels: put them into the first column, and set 'text/csv'."
        )
    return Channel(name, folder, mode, format, replicated)


def files_in(folder: Path) -> list[Path]:
    """The files of a channel, nested ones too, in the order of their keys.

    Those that are empty, or start with "_" or "." at any level, are left out.
    """
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(_HIDDEN) and not _comes_again(parent, name)
        ]
        found += [Path(parent, name) for name in names if not name.startswith(_HIDDEN)]
    found = [path for path in found if path.is_file() and path.stat().st_size]
    return sorted(found, key=lambda path: os.fsencode(path.relative_to(folder)))


def _comes_again(parent: str, name: str) -> bool:
    """Whether a link leads to, or above, a folder that led here: files would repeat."""
    path = Path(parent, name)
    if not path.is_symlink():
        return False
    target = path.resolve()
    return any(one.resolve().is_relative_to(target) for one in path.parents)


def _named_by_content(paths: list[str], scratch: Path) -> list[str]:
    """Files under names that say whether they are compressed: readers go by names.

    Only gzip is looked for. Most names say it already; the others get links.
    """
    found = []
    for path in paths:
        with reading(path), open(path, "rb") as file:
            ending = ".gz" if file.read(2) == _GZIP else ""
        kind = compression_of(path)
        if ending != ("" if kind is None else kind.ending):
            folder = tempfile.mkdtemp(dir=scratch)
            link = Path(folder, f"{os.path.basename(path)}{ending or '.as-it-is'}")
            link.symlink_to(os.path.abspath(path))
            path = str(link)
        found.append(path)
    return found


def read_arrays(channel: Channel | None) -> dict[str, Any]:
    """The arrays of the channel "sklearn_sagemaker".

    Parameters
    ----------
    channel : Channel or None

    Returns
    -------
    arrays : dict
        ``groups``, ``sample_weight`` and ``sample_weight_validation`` as far as they
        are there, and ``cv``, a list of pairs of row numbers.

    Raises
    ------
    ValueError
        If a file is none of these, or no array of numbers.
    """
    if channel is None:
        return {}
    if channel.mode == "Pipe":
        raise ValueError(
            f"The channel {channel.name!r} holds files of arrays; set "
            "TrainingInputMode='File'."
        )
    arrays: dict[str, Any] = {}
    folds: dict[tuple[int, str], np.ndarray] = {}
    for path in files_in(channel.folder):
        match = _FOLD.fullmatch(path.stem)
        if path.suffix != ".npy" or not (match or path.stem in _WHOLE):
            raise ValueError(
                f"{path.name} in the channel {channel.name!r} is unknown; name arrays "
                f"{listed([f'{name}.npy' for name in _WHOLE])}, and folds "
                "'cv-0-train.npy', 'cv-0-test.npy' and so on."
            )
        array = _array(path)
        if match:
            folds[int(match[1]), match[2]] = array
        else:
            arrays[path.stem] = array
    if folds:
        arrays["cv"] = list(_splits(folds))
    return arrays


def _splits(folds: dict[tuple[int, str], np.ndarray]) -> Iterator[tuple]:
    for number in range(max(split for split, _ in folds) + 1):
        try:
            yield folds[number, "train"], folds[number, "test"]
        except KeyError as error:
            split, part = error.args[0]
            raise ValueError(
                f"cv-{split}-{part}.npy is missing in the channel {OURS!r}; each split "
                "has a file of training and one of test rows."
            ) from None


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path.name} is no array of numbers ({error}).") from None
    if (
        not isinstance(array, np.ndarray)
        or array.ndim != 1
        or array.dtype.kind not in ("biuf")
    ):
        raise ValueError(f"{path.name} must hold numbers of one dimension.")
    return array
