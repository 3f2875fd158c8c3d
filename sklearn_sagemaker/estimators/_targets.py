"""Labels as a training run takes them: numbers of classes, or numbers to predict."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR
from sklearn_sagemaker._state import RowSource, class_numbers


def class_labels(labels: Any, name: str) -> Any:
    """Labels as NumPy can tell them apart, none of them missing.

    Parameters
    ----------
    labels : array-like
    name : str
        Of the argument, for messages.

    Returns
    -------
    labels : array-like
        As they are, or of dtype object where text ends in a zero character, which
        NumPy's text drops. Those of pandas' nullable dtypes become arrays: by
        scikit-learn they would be float64, where large integers meet.

    Raises
    ------
    ValueError
        If a label is None, NaN or pandas.NA, or they are of types without an order.
    """
    if isinstance(labels, list | tuple):
        for label in labels:
            if isinstance(label, str | bytes) and label[-1:] in ("\0", b"\0"):
                labels = np.array(labels, dtype=object)
                break
    if labels is None or sp.issparse(labels):
        return labels
    try:
        found = np.asarray(labels)
    except ValueError:  # ragged, which scikit-learn says
        return labels
    column = found.ndim > 0 and found.size == len(found)
    if column and found.dtype.kind == "O":
        _check_missing(found.ravel(), name)
        _check_order(found.ravel(), name)
    elif column and found.dtype.kind in "SU" and isinstance(labels, list | tuple):
        # NumPy makes a NaN among text a class of that name.
        _check_missing(labels, name)
    nullable = not isinstance(getattr(labels, "dtype", None), np.dtype | None)
    return found if nullable else labels


def number_labels(labels: Any, name: str) -> Any:
    """Labels of a regression in float64.

    None, sparse and complex ones stay as they are: scikit-learn refuses them.

    Raises
    ------
    ValueError
        If one is text that is no number, or a date.
    """
    if labels is None or sp.issparse(labels):
        return labels
    try:
        found = np.asarray(labels)
        if found.dtype.kind == "c":
            return found
        if found.dtype.kind not in "mM":
            return found.astype(np.float64, copy=False)
        reason = f"labels of dtype {found.dtype}"
    except (TypeError, ValueError) as error:
        reason = f"a label that is no number ({error})"
    raise ValueError(
        f"{name} has {reason}, and a regressor predicts numbers; turn them into such, "
        "or use a classifier."
    )


def _check_missing(labels: Any, name: str) -> None:
    for place, label in enumerate(labels):
        if is_missing(label):
            raise ValueError(
                f"{name} has a missing label, {label!r} at position {place}; drop it, "
                "or give it a class of its own."
            )


def _check_order(labels: np.ndarray, name: str) -> None:
    one_each = {type(label): label for label in labels}
    try:
        sorted(one_each.values())
    except TypeError:
        names = ", ".join(sorted({kind.__name__ for kind in one_each}))
        raise ValueError(
            f"{name} has labels of the types {names}, which have no order; make them "
            "all text, or all numbers."
        ) from None


def is_missing(label: Any) -> bool:
    """Whether a label is None, NaN or one of pandas' like."""
    if label is None:
        return True
    try:
        return bool(label != label)
    except (TypeError, ValueError):
        # pandas.NA has no truth, nor has an array.
        return type(label).__name__ == "NAType"


class ClassTargets:
    """Labels of classes, which become their numbers.

    The training multiplies the weights of rows by those of their classes; a class of
    weight zero is as absent as its rows.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        In ascending order.
    multipliers : float64 ndarray of shape (n_classes,)
        Their weights.
    """

    def __init__(self, classes: np.ndarray, multipliers: np.ndarray):
        self.classes, self.multipliers = classes, multipliers

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def class_weight(self) -> np.ndarray | None:
        """Weights of the classes, if they are not all 1."""
        return None if (self.multipliers == 1.0).all() else self.multipliers

    @property
    def predictor_type(self) -> str:
        """SageMaker's name of the task."""
        return BINARY if self.n_classes == 2 else MULTICLASS

    # ------------------------------------------------------- which classes there are
    @classmethod
    def of_labels(cls, estimator: Any, y, weights: np.ndarray) -> ClassTargets:
        """The classes of labelled rows in memory."""
        check_classification_targets(y)
        present = y[weights > 0]
        classes = np.unique(present)
        multipliers = _multipliers(estimator, classes, present)
        return cls._of_some_weight(estimator, classes, multipliers)

    @classmethod
    def of_source(cls, estimator: Any, source: RowSource) -> ClassTargets:
        """The classes of rows that come in windows."""
        classes, counts = source.contents.labels, source.contents.counts
        if classes is None and source.remote:
            raise ValueError(
                f"{source!r} does not say its classes, which nobody looks up; pass "
                "classes=[...], all labels that it has."
            )
        if classes is None:
            raise ValueError(
                f"The labels of this {type(source).__name__} have too many distinct "
                "values for classes; use a regressor, or bin them."
            )
        check_classification_targets(classes)
        if estimator.class_weight == "balanced":
            if counts is None:
                raise ValueError(
                    "class_weight='balanced' needs the rows of each class, and "
                    f"{source!r} does not say them; pass a dict of class weights."
                )
            multipliers = counts.sum() / (len(counts) * counts)
        else:
            multipliers = _multipliers(estimator, classes, classes)
        return cls._of_some_weight(estimator, classes, multipliers)

    @classmethod
    def _of_some_weight(cls, estimator: Any, classes, multipliers) -> ClassTargets:
        """Those of the classes that have a weight; a fit needs two."""
        found = cls(classes[multipliers > 0], multipliers[multipliers > 0])
        if found.n_classes < 2:
            raise ValueError(
                f"{type(estimator).__name__} needs rows of at least 2 classes, but y "
                f"has {found.n_classes} class "
                f"({', '.join(map(repr, found.classes.tolist()))}) "
                "among the rows of non-zero weight; check the labels, class_weight, or "
                "the filter that made this sample."
            )
        return found

    @classmethod
    def of_stream(cls, estimator: Any, classes) -> ClassTargets:
        """The classes of a stream, which its first call names."""
        first = not hasattr(estimator, "coef_")
        classes = class_labels(classes, "classes")
        if first and classes is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: all labels "
                "that the stream may have, for example classes=[0, 1]."
            )
        known = np.unique(classes) if first else estimator.classes_
        if classes is not None and not np.array_equal(np.unique(classes), known):
            raise ValueError(
                f"classes={np.unique(classes)[:10].tolist()!r} differs from the first "
                f"call's {known[:10].tolist()!r}; pass the same, or leave it out."
            )
        if len(known) < 2:
            raise ValueError(
                f"classes={known.tolist()!r} must hold at least 2 classes: all labels "
                "that the stream may have."
            )
        if estimator.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all labels at once, which partial_fit "
                "does not have; pass a dict of class weights, or sample_weight."
            )
        return cls(known, _multipliers(estimator, known, known))

    def check_continues(self, estimator: Any) -> None:
        """Refuse other classes than those of the fit that this one goes on from."""
        if not np.array_equal(self.classes, estimator.classes_):
            raise ValueError(
                f"y has the classes {self.classes[:10].tolist()!r}, the fit that "
                "warm_start=True is to continue had "
                f"{estimator.classes_[:10].tolist()!r}; "
                "pass rows of the same classes, or set warm_start=False."
            )

    # ------------------------------------------------------------ labels as numbers
    def encode(self, y, weights) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of classes, and weights; rows of other labels get weight zero."""
        encoded, known = class_numbers(y, self.classes)
        return encoded.astype(np.float64), np.where(known, weights, 0.0)

    def encode_next(self, y, weights) -> tuple[np.ndarray, np.ndarray]:
        """The same for the next rows of a stream, which have no other labels."""
        check_classification_targets(y)
        encoded, known = class_numbers(y, self.classes)
        if not known.all():
            raise ValueError(
                f"y has the label {y[~known].tolist()[0]!r}, which is not among the "
                f"classes {self.classes[:10].tolist()!r} of the first call; pass all "
                "classes there."
            )
        if not (weights * self.multipliers[encoded] > 0).any():
            raise ValueError(
                "class_weight makes the weights of all rows of this call zero: at "
                "least one row must have a weight above zero."
            )
        return encoded.astype(np.float64), weights

    def encode_validation(self, y, weights) -> tuple[np.ndarray, np.ndarray]:
        """The same for validation rows, which have no other labels either."""
        y = column_or_1d(class_labels(y, "y_val"))
        if len(y) != len(weights):
            raise ValueError(
                f"y_val has {len(y)} labels for the {len(weights)} rows of "
                "X_val; they must be as many."
            )
        encoded, known = class_numbers(y, self.classes)
        if not known.all():
            raise ValueError(
                f"y_val has the label {y[~known].tolist()[0]!r}, which y lacks; "
                f"validation labels must be among {self.classes[:10].tolist()!r}."
            )
        return encoded.astype(np.float64), weights


def _multipliers(estimator: Any, classes: np.ndarray, labels) -> np.ndarray:
    """What the weights of the classes' rows are multiplied by."""
    if estimator.class_weight is None:
        # Without a look at the labels, all of which are among the classes.
        return np.ones(len(classes))
    found = compute_class_weight(estimator.class_weight, classes=classes, y=labels)
    bad = ~(np.isfinite(found) & (found >= 0))
    if bad.any():
        raise ValueError(
            f"class_weight is {found[bad][0]} for the class "
            f"{classes[bad].tolist()[0]!r}; it must be a finite number, 0 or more, "
            "and 0 leaves the class out."
        )
    return found


class NumberTargets:
    """Labels of a regression: numbers, which stay as they are."""

    predictor_type: ClassVar[str] = REGRESSOR
    classes: ClassVar[None] = None
    class_weight: ClassVar[None] = None

    @classmethod
    def of_labels(cls, estimator: Any, y, weights: np.ndarray) -> NumberTargets:
        """For labelled rows in memory."""
        return cls()

    @classmethod
    def of_source(cls, estimator: Any, source: RowSource) -> NumberTargets:
        """For rows that come in windows."""
        number_labels(source.contents.labels, "y")
        return cls()

    @classmethod
    def of_stream(cls, estimator: Any, classes: None) -> NumberTargets:
        """For a stream."""
        return cls()

    def check_continues(self, estimator: Any) -> None:
        """Any numbers continue a fit."""

    def encode(self, y, weights) -> tuple[np.ndarray, np.ndarray]:
        """Numbers in float64, and the weights as they are."""
        targets = np.asarray(y, dtype=np.float64)
        if not np.isfinite(targets).all():
            raise ValueError("A label is NaN or infinite; drop its row.")
        return targets, weights

    encode_next = encode

    def encode_validation(self, y, weights) -> tuple[np.ndarray, np.ndarray]:
        """The same for validation rows, whose labels nothing has checked yet."""
        y = column_or_1d(number_labels(y, "y_val"), dtype=np.float64)
        if len(y) != len(weights) or not np.isfinite(y).all():
            raise ValueError(
                f"y_val must hold {len(weights)} finite numbers, one for each "
                f"row of X_val; it has {len(y)}, of which "
                f"{np.count_nonzero(~np.isfinite(y))} are NaN or infinite."
            )
        return y, weights
