"""Rows from parsed JSON instances, checked one by one."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.labels import nul_fault
from sklearn_sagemaker.io.messages import listed, quoted
from sklearn_sagemaker.io.rows import Rows, check_finite
from sklearn_sagemaker.io.text.json_parsing import shown

LARGEST_SHAPE = 2**63 - 1
"""Features of a sparse instance at most: keys are held as int64."""

BESIDE = ("configuration", "label", "metadata", "uid", "weight")
"""Keys of an instance beside its features; the first, third and fourth are ignored."""

NUMBERS: set[type] = {int, float}
VALUES = NUMBERS | {bool}
"""Types of features and labels: true and false are 1 and 0, as in other formats."""

FORM = 'an instance is {"features": [1.5, 16.0]} or {"data": {"features": ...}}'
TENSOR = '{"values": [1.5, 16.0]} or {"keys": [0, 3], "shape": [4], "values": [1, 4]}'


class Instances:
    """Rows collected from parsed instances, checked.

    Parameters
    ----------
    place : callable
        Name of an instance in messages, from the number that `add` is given.
    n_features : int or None
        Features that every instance must have; None is as many as the first one has.
        The shape of a sparse instance may be smaller than this, or missing.
    """

    def __init__(self, place: Callable[[int], str], n_features: int | None = None):
        self._place = place
        self.n_features = n_features
        self._given = n_features or 0
        self._clear()

    def _clear(self) -> None:
        self._numbers: list[int] = []
        self._values = array("d")
        self._ends = [0]
        # Keys of the sparse instances, and None for each dense one.
        self._keys: list[array[int] | None] = []
        self._labels: list[Any] = []
        self._weights = array("d")

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, number: int, instance: Any) -> None:
        """Take one instance; after an error no more can be taken.

        Parameters
        ----------
        number : int
            Its place in the source, for messages.
        instance : object
            As parsed from JSON.

        Raises
        ------
        DataFileError
            If it is none.
        """
        if type(instance) is not dict:
            raise self._fault(number, f"is {shown(instance)}; {FORM}.")
        extra = len(instance) > 1 or "features" not in instance
        features = self._features(number, instance) if extra else instance["features"]
        keys = None
        if type(features) is list:
            values, n_features = features, len(features)
        else:
            values, keys, n_features = self._tensor(number, features)
        self._take_features(number, values)
        if self.n_features is None:
            self.n_features = n_features
        if n_features != self.n_features or n_features == 0:
            wanted = self.n_features or "1 or more"
            raise self._fault(
                number,
                f"has {n_features} features, but {wanted} are expected; all instances "
                "need as many.",
            )
        self._keys.append(keys)
        self._ends.append(len(self._values))
        self._numbers.append(number)
        if extra:
            self._take_label(number, instance)

    def take(self) -> Rows:
        """The instances added since the last call, as rows.

        Returns
        -------
        rows : Rows
            X is float64: dense if all instances are, CSR with sorted indices
            otherwise, in which dense instances keep their zeros.
        """
        values = np.frombuffer(self._values, dtype=np.float64)
        ends = np.array(self._ends)
        if all(keys is None for keys in self._keys):
            X = values.reshape(len(self), self.n_features or 0)
        else:
            X = self._csr(values, ends)
        # JSON's grammar allows 1e400 and the like.
        check_finite(X, lambda row: self._place(self._numbers[row]))
        y = self._all_or_none(self._labels, "label")
        weights = self._all_or_none(self._weights, "weight")
        self._clear()
        return Rows(X, None if y is None else np.array(y), weights)

    def _fault(self, number: int, message: str) -> DataFileError:
        return DataFileError(f"{self._place(number)}: {message}")

    def _features(self, number: int, instance: dict[str, Any]) -> Any:
        """The features of an instance with other keys, which are checked."""
        found = instance.keys() & {"features", "data"}
        if len(found) != 1:
            message = "both features and data" if found else "no features"
            raise self._fault(number, f"has {message}; {FORM}.")
        unknown = instance.keys() - found - set(BESIDE)
        if unknown:
            raise self._fault(
                number,
                f"has {listed(sorted(unknown), 3)}, which is not known; beside its "
                f"features an instance may have {', '.join(BESIDE)}.",
            )
        if "features" in instance:
            return instance["features"]
        data = instance["data"]
        if type(data) is not dict or data.keys() != {"features"}:
            what = listed(list(data), 3) if type(data) is dict else shown(data)
            raise self._fault(
                number,
                f"data is {what or 'empty'}; it must hold features, and only them.",
            )
        return data["features"]

    def _tensor(
        self, number: int, tensor: Any
    ) -> tuple[list[Any], array[int] | None, int]:
        """Values, keys if it is sparse, and the number of features."""
        if type(tensor) is not dict:
            raise self._fault(
                number, f"features is {shown(tensor)}; it must be a list or {TENSOR}."
            )
        unknown = tensor.keys() - {"keys", "shape", "values"}
        if unknown or "values" not in tensor:
            has = listed(sorted(unknown), 3) if unknown else "no values"
            raise self._fault(number, f"features has {has}; it must be {TENSOR}.")
        for name, part in tensor.items():
            if type(part) is not list:
                raise self._fault(
                    number, f"{name} is {shown(part)}; it must be a list."
                )
        values, keys = tensor["values"], tensor.get("keys", [])
        shape = tensor.get("shape", [])
        n_features = self._shape(number, shape) if shape else len(values)
        # An empty list is a missing one, as in the protobuf Record.
        if not keys and values:
            if n_features != len(values):
                raise self._fault(
                    number,
                    f"has {len(values)} values and no keys, but its shape is "
                    f"[{n_features}]; a sparse instance needs a key for each value.",
                )
            return values, None, n_features
        if not shape:
            n_features = self._given
        if not n_features:
            raise self._fault(
                number, "has no shape; a sparse instance needs one, such as [2000]."
            )
        if len(keys) != len(values):
            raise self._fault(
                number,
                f"has {len(keys)} keys and {len(values)} values; they must be as many.",
            )
        checked = self._checked_keys(number, keys, n_features)
        return values, checked, max(n_features, self._given)

    def _shape(self, number: int, shape: list[Any]) -> int:
        if len(shape) != 1 or type(shape[0]) is not int:
            raise self._fault(
                number,
                f"shape has {len(shape)} entries, the first of which is "
                f"{shown(shape[0])}; it must be one whole number, such as [2000].",
            )
        if not 0 < shape[0] <= LARGEST_SHAPE:
            raise self._fault(
                number, f"shape is {quoted(shape[0])}, outside 1 to {LARGEST_SHAPE}."
            )
        return int(shape[0])

    def _checked_keys(
        self, number: int, keys: list[Any], n_features: int
    ) -> array[int]:
        if not set(map(type, keys)) <= {int}:
            place = next(i for i, key in enumerate(keys) if type(key) is not int)
            raise self._fault(
                number, f"key {place} is {shown(keys[place])}; keys are whole numbers."
            )
        if keys and not 0 <= min(keys) <= max(keys) < n_features:
            key = next(key for key in keys if not 0 <= key < n_features)
            raise self._fault(
                number,
                f"the key {quoted(key)} is outside the shape [{n_features}]; keys "
                f"count from 0 to {n_features - 1}.",
            )
        if len(set(keys)) < len(keys):
            key = next(a for a, b in itertools.pairwise(sorted(keys)) if a == b)
            raise self._fault(number, f"has the key {key} twice; keys must differ.")
        return array("q", keys)

    def _take_features(self, number: int, values: list[Any]) -> None:
        # An array of doubles takes true and false as 1 and 0.
        if set(map(type, values)) <= VALUES:
            try:
                self._values.fromlist(values)
            except OverflowError:
                pass
            else:
                return
        place = next(
            i for i, value in enumerate(values) if not _is_number(value, VALUES)
        )
        raise self._fault(
            number,
            f"features: value {place} (counted from 0) is {shown(values[place])}; it "
            "must be a finite number.",
        )

    def _take_label(self, number: int, instance: dict[str, Any]) -> None:
        if "weight" in instance:
            self._weights.append(self._number(number, instance, "weight"))
        if "label" not in instance:
            return
        label = instance["label"]
        if type(label) is not str:
            label = self._number(number, instance, "label", VALUES)
        elif not is_label(label):
            raise self._fault(number, "the label is empty or not valid text.")
        elif fault := nul_fault(label):
            raise self._fault(number, f"the label {fault}; take it out.")
        self._labels.append(label)
        first = type(self._labels[0])
        if type(label) is not first:
            raise self._fault(
                number,
                f"the label is {shown(instance['label'])}, but others are "
                f"{'text' if first is str else 'numbers'}; all must be of one kind.",
            )

    def _number(
        self,
        number: int,
        instance: dict[str, Any],
        name: str,
        types: set[type] = NUMBERS,
    ) -> float:
        value = instance[name]
        if not _is_number(value, types):
            raise self._fault(
                number, f"the {name} is {shown(value)}; it must be a finite number."
            )
        return float(value)

    def _csr(self, values: np.ndarray, ends: np.ndarray) -> sparse.csr_matrix:
        n_features = self.n_features or 0
        dtype = np.int32 if max(n_features, len(values)) < 2**31 else np.int64
        indices = np.empty(len(values), dtype=dtype)
        for row, keys in enumerate(self._keys):
            indices[ends[row] : ends[row + 1]] = (
                np.arange(n_features) if keys is None else keys
            )
        X = sparse.csr_matrix(
            (values, indices, ends.astype(dtype)), shape=(len(self), n_features)
        )
        X.sort_indices()
        return X

    def _all_or_none(self, values: Any, name: str) -> np.ndarray | None:
        if not len(values):
            return None
        if len(values) != len(self):
            raise DataFileError(
                f"{self._place(self._numbers[0])} and on: {len(values)} of "
                f"{len(self)} instances have a {name}; all of them need one, or none."
            )
        return np.array(values)


def _is_number(value: Any, types: set[type]) -> bool:
    try:
        return type(value) in types and math.isfinite(float(value))
    except OverflowError:
        return False


def is_label(text: str) -> bool:
    """Whether there is text, and no half of a surrogate pair in it."""
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False
