"""Model files: the estimator itself, which remembers the columns that it learnt."""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sklearn_sagemaker.cli.expected import Expected
from sklearn_sagemaker.exceptions import (
    ArtifactError,
    DataFileError,
    ModelFormatError,
    S3Error,
)

ATTRIBUTE = "data_layout_"
"""Where an estimator keeps what it expects of data files; a new fit is another's."""


@dataclass(frozen=True)
class SavedModel:
    """A fitted estimator and what it expects of data files.

    Attributes
    ----------
    estimator : fitted estimator
    expected : Expected
    """

    estimator: Any
    expected: Expected

    @property
    def is_classifier(self) -> bool:
        """Whether it predicts classes."""
        return hasattr(self.estimator, "classes_")


LOADED = {
    "joblib": "joblib.load({})",
    "skops": "skops.io.load({}, trusted=sklearn_sagemaker.TRUSTED_SKOPS_TYPES)",
    "artifact": "sklearn_sagemaker.load_artifact({})",
}
"""How Python loads each kind."""


def label_kind(y: Any) -> str:
    """What labels are: "text", "int" or "float"."""
    return {"U": "text", "O": "text", "i": "int"}.get(y.dtype.kind, "float")


def check_can_save(path: str) -> None:
    """Refuse a model file that cannot be written, before the work is done."""
    from sklearn_sagemaker.io import check_can_write

    check_can_write(path)
    if model_kind(path) == "skops":
        _skops()


def save_model(path: str, model: SavedModel) -> None:
    """Write a model file, whole or not at all, of the kind that its name says."""
    import joblib

    from sklearn_sagemaker.estimators._artifact_saving import save_artifact
    from sklearn_sagemaker.io import replacing

    kind = model_kind(path)
    if kind == "artifact":
        save_artifact(model.estimator, path)
        return
    setattr(model.estimator, ATTRIBUTE, asdict(model.expected))
    with replacing(path) as temporary:
        (_skops() if kind == "skops" else joblib).dump(model.estimator, temporary)


def load_model(path: str) -> SavedModel:
    """Read a model: of joblib, which must come from a trusted source, or of another.

    Parameters
    ----------
    path : str
        A ``.skops`` file and SageMaker's ``.tar.gz`` run no code; nor does what is an
        artifact by its content, or a folder with one. Others are of joblib.

    Raises
    ------
    DataFileError
        If it is missing, damaged, or no model of ours.
    """
    from sklearn_sagemaker.cli.algorithms import known_classes
    from sklearn_sagemaker.io.opening import file_name

    name = file_name(path)
    try:
        found = _reader(name)(name)
    except S3Error as error:
        raise DataFileError(str(error)) from error
    except IsADirectoryError as error:
        raise DataFileError(f"{path}: is a folder; name a model file.") from error
    except FileNotFoundError as error:
        raise DataFileError(f"{path}: no such model file; check the name.") from error
    except PermissionError as error:
        raise DataFileError(
            f"{path}: permission denied; make it readable for this user."
        ) from error
    except OSError as error:
        raise DataFileError(
            f"{path}: cannot be read: {error.strerror or error}."
        ) from error
    except (ModelFormatError, ArtifactError, ImportError) as error:
        raise DataFileError(f"{path}: {error}") from error
    # A damaged pickle can raise anything.
    except Exception as error:
        raise DataFileError(f"{path}: {_NOT_OURS} ({type(error).__name__}).") from error
    try:
        if not isinstance(found, known_classes()):
            raise TypeError
        return _saved(found)
    except (TypeError, AttributeError, ValueError) as error:
        raise DataFileError(f"{path}: {_NOT_OURS}.") from error


def model_kind(path: str) -> str:
    """What a model file is, by its name."""
    name = os.path.basename(path).lower()
    if name.endswith((".tar.gz", ".tgz")):
        return "artifact"
    return "skops" if name.endswith(".skops") else "joblib"


def _reader(path: str) -> Callable[[str], Any]:
    kind = model_kind(path)
    if kind == "artifact" or (kind == "joblib" and is_archive(path)):
        return _read_artifact
    return _read_skops if kind == "skops" else _read_joblib


def is_archive(path: str) -> bool:
    """Whether it is a folder, a zip or a tar, as artifacts are, whatever its name."""
    from sklearn_sagemaker.io.artifacts.archives import GZIP, ZIP
    from sklearn_sagemaker.io.opening import open_file

    if os.path.isdir(path):
        return True
    with open_file(path) as handle:
        head = handle.read(512)
        if head.startswith(GZIP):
            handle.seek(0)
            with contextlib.suppress(EOFError, gzip.BadGzipFile, zlib.error):
                head = gzip.GzipFile(fileobj=handle).read(512)
    return head.startswith(ZIP) or head[257:262] == b"ustar"


def _read_joblib(path: str) -> Any:
    import joblib

    from sklearn_sagemaker.io.opening import open_file

    with open_file(path) as handle:
        return joblib.load(handle)


def _read_skops(path: str) -> Any:
    from sklearn_sagemaker.estimators import TRUSTED_SKOPS_TYPES
    from sklearn_sagemaker.io.opening import open_file

    with open_file(path) as handle:
        return _skops().loads(handle.read(), trusted=TRUSTED_SKOPS_TYPES)


def _skops() -> Any:
    from sklearn_sagemaker._optional import import_optional

    return import_optional("skops.io", "skops", "models of skops")


def _read_artifact(path: str) -> Any:
    from sklearn_sagemaker.estimators._artifact_loading import load_artifact

    return load_artifact(path)


def _saved(estimator: Any) -> SavedModel:
    """The estimator, with the columns that it remembers or those that it says."""
    width = int(estimator.n_features_in_)
    if width < 1:
        raise ValueError(width)
    layout = getattr(estimator, ATTRIBUTE, None)
    # One that was fitted again, to other columns, does not know where the label is.
    if layout is not None and Expected(**layout).n_features == width:
        return SavedModel(estimator, Expected(**layout))
    names = getattr(estimator, "feature_names_in_", None)
    classes = getattr(estimator, "classes_", None)
    expected = Expected(
        names=None if names is None else [str(name) for name in names],
        n_features=width,
        label=None,
        label_kind="float" if classes is None else label_kind(classes),
    )
    return SavedModel(estimator, expected)


_NOT_OURS = (
    "is not a model file written by 'sklearn-sagemaker train', nor a fitted estimator "
    "of this package"
)
