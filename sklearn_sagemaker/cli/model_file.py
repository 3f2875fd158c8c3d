"""Model files: a joblib dump of a small plain dict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn_sagemaker.cli.expected import Expected
from sklearn_sagemaker.exceptions import DataFileError, ModelFormatError

FORMAT = 1

TRUST = (
    "Model files are joblib files: loading one can run code, so load only files\n"
    "from a source that you trust."
)


@dataclass(frozen=True)
class SavedModel:
    """A fitted estimator and what it expects of data files.

    Attributes
    ----------
    estimator : fitted estimator
    label : str, int or None
        Name or number of the label in the training file.
    feature_names : list of str or None
        Names of the features, in the order of the coefficients.
    label_kind : {"text", "int", "float"}
        What the labels are.
    zero_based : bool or None
        Whether the training file, if libsvm, counted features from 0.
    """

    estimator: Any
    label: str | int | None
    feature_names: list[str] | None
    label_kind: str
    zero_based: bool | None = None

    @property
    def expected(self) -> Expected:
        """What a data file for it must have."""
        return Expected(
            names=self.feature_names,
            n_features=int(self.estimator.n_features_in_),
            label=self.label,
            label_kind=self.label_kind,
            zero_based=self.zero_based,
        )

    @property
    def is_classifier(self) -> bool:
        """Whether it predicts classes."""
        return hasattr(self.estimator, "classes_")


def save_model(path: str, model: SavedModel) -> None:
    """Write a model file, whole or not at all."""
    import joblib

    from sklearn_sagemaker.io import replacing

    with replacing(path) as temporary:
        joblib.dump({"format": FORMAT, **vars(model)}, temporary)


def load_model(path: str) -> SavedModel:
    """Read a model file; it must come from a trusted source.

    Raises
    ------
    DataFileError
        If it is missing, damaged, or no model of ours.
    """
    import joblib

    from sklearn_sagemaker.cli.algorithms import known_classes
    from sklearn_sagemaker.io.opening import file_name, open_file

    name = file_name(path)
    try:
        with open_file(name) as handle:
            found = joblib.load(handle)
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
    except ModelFormatError as error:
        raise DataFileError(f"{path}: {error}") from error
    # A damaged pickle can raise anything.
    except Exception as error:
        raise DataFileError(f"{path}: {_NOT_OURS} ({type(error).__name__}).") from error
    if not isinstance(found, dict) or "format" not in found:
        raise DataFileError(f"{path}: {_NOT_OURS}.")
    if type(found["format"]) is not int:
        raise DataFileError(f"{path}: {_NOT_OURS}.")
    if found["format"] != FORMAT:
        raise DataFileError(
            f"{path}: has format {str(found['format'])[:20]!r}, and this version reads "
            f"{FORMAT}; install the version that wrote it, or train again."
        )
    try:
        model = SavedModel(**{k: v for k, v in found.items() if k != "format"})
        ours = isinstance(model.estimator, known_classes())
        if not ours or model.expected.n_features < 1:
            raise TypeError
    except (TypeError, AttributeError, ValueError) as error:
        raise DataFileError(f"{path}: {_NOT_OURS}.") from error
    return model


_NOT_OURS = "is not a model file written by 'sklearn-sagemaker train'"
