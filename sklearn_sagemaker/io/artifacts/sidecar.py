"""The members that our artifacts have beside SageMaker's: JSON and ``.npy``.

``sklearn_sagemaker/metadata.json`` holds names and plain values,
``sklearn_sagemaker/classes.npy`` the class labels, and further ``.npy`` files those
arrays that float32 does not hold exactly, so that no digit of a model is lost. Other
readers pass over members that they do not know. Nothing is a pickle.
Layout of ``.npy``: ``numpy.lib.format``.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR
from sklearn_sagemaker.exceptions import ArtifactError, ModelFormatError
from sklearn_sagemaker.io.artifacts.artifact import FM, LINEAR, Machines, ModelArtifact
from sklearn_sagemaker.io.mxnet_symbol import MAX_JSON, read_json

FORMAT_VERSION = 2
"""Version of these members; raised when a reader of the old one would be wrong.

1 had Linear Learner's weights under ``FullyConnected``; 2 has them the other way round.
"""

FOLDER = "sklearn_sagemaker/"
METADATA = FOLDER + "metadata.json"

NAME_BYTES = 1 << 10
"""Bytes of the metadata for each feature, whose name is in it; besides `MAX_JSON`."""

_HEADER = re.compile(
    rb"\{'descr': '([<|][biufUS]\d{1,9})', 'fortran_order': False, "
    rb"'shape': \((\d{1,19}(?:, \d{1,19}){0,8},?|)\), \} *\n"
)
"""What NumPy writes; its own reader evaluates the header as a Python literal."""

_LINKS = {
    LINEAR: {
        BINARY: ("logit", "score"),
        MULTICLASS: ("softmax",),
        REGRESSOR: ("identity",),
    },
    FM: {
        BINARY: ("logit", "probit"),
        MULTICLASS: ("softmax", "probit"),
        REGRESSOR: ("identity",),
    },
}


def write_sidecar(artifact: ModelArtifact) -> dict[str, bytes]:
    """The members, by name.

    Raises
    ------
    ArtifactError
        If class labels are Python objects other than strings, or the names of features
        are too long to be read again.
    """
    classes = artifact.classes
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "algorithm": artifact.algorithm,
        "predictor_type": artifact.predictor_type,
        "link": artifact.link,
        "n_draws": artifact.n_draws,
        "threshold": artifact.threshold,
        "feature_names": artifact.feature_names,
        "object_classes": classes is not None and classes.dtype.kind == "O",
        "training": artifact.training,
    }
    arrays = {}
    narrow = artifact.machines.narrow().arrays()
    for name, array in artifact.machines.arrays().items():
        if not np.array_equal(narrow[name].astype(array.dtype), array):
            arrays[name] = array
    arrays.update({f"mean_{name}": mean for name, mean in artifact.means.items()})
    factors = artifact.machines.factors
    document["factors_dtype"] = None if factors is None else str(factors.dtype)
    if classes is not None:
        arrays["classes"] = _plain_labels(classes)
    text = json.dumps(document, indent=2, allow_nan=False).encode()
    if len(text) > _most_metadata(artifact):
        raise ArtifactError(
            f"{METADATA}: would have {len(text)} bytes, and {_most_metadata(artifact)} "
            "are read again; give the features shorter names."
        )
    return {
        METADATA: text,
        **{f"{FOLDER}{name}.npy": _write_npy(array) for name, array in arrays.items()},
    }


def _most_metadata(artifact: ModelArtifact) -> int:
    return MAX_JSON + NAME_BYTES * artifact.n_features


def read_sidecar(
    files: Mapping[str, bytes], bare: ModelArtifact, *, sagemakers: bool
) -> ModelArtifact:
    """Complete an artifact by what our own members say.

    Parameters
    ----------
    files : dict of str to bytes
        Members of the artifact; without ours nothing is added.
    bare : ModelArtifact
        What the graph and its parameters say.
    sagemakers : bool
        Whether the parameters have SageMaker's names.

    Returns
    -------
    artifact : ModelArtifact

    Raises
    ------
    ModelFormatError
        If a newer version of the package wrote them.
    ArtifactError
        If they are damaged or too large, or disagree with the graph or its parameters.
    """
    if METADATA not in files:
        if not sagemakers:
            raise ArtifactError(
                f"{METADATA}: is missing, without which parameters named 'machines_' "
                "cannot be understood; save the model again."
            )
        return bare
    document = read_json(files[METADATA], METADATA, max_bytes=_most_metadata(bare))
    version = document.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ArtifactError(f"{METADATA}: has no format_version; it is damaged.")
    if version > FORMAT_VERSION:
        raise ModelFormatError(
            f"{METADATA}: has format version {str(version)[:20]}, and this version of "
            f"sklearn_sagemaker reads {FORMAT_VERSION}; install a newer one."
        )
    try:
        return _completed(files, bare, document, sagemakers)
    except KeyError as error:
        raise ArtifactError(f"{METADATA}: lacks {error}; it is damaged.") from None


def _completed(files, bare, document, sagemakers: bool) -> ModelArtifact:
    _check(document["algorithm"] == bare.algorithm, "algorithm", "the parameters")
    kind, link = document["predictor_type"], document["link"]
    links = _LINKS[bare.algorithm].get(kind) if isinstance(kind, str) else None
    _check(links is not None and link in links, "predictor_type", "link")
    if bare.link is not None and link != "probit":
        _check((kind, link) == (bare.predictor_type, bare.link), "link", "the graph")
    n_draws, total = document["n_draws"], len(bare.machines.intercept)
    if n_draws is not None:
        whole = isinstance(n_draws, int) and not isinstance(n_draws, bool)
        _check(whole and n_draws > 0 and total % n_draws == 0, "n_draws", "the graph")
    machines = _exact(files, bare.machines, document["factors_dtype"])
    found = replace(
        bare, predictor_type=kind, link=link, machines=machines, n_draws=n_draws
    )
    _check(found.is_sagemakers == sagemakers, "link", "the names of parameters")
    several = kind == MULTICLASS
    _check((found.n_outputs > 1) == several, "predictor_type", "the parameters")
    means = {}
    if n_draws is not None:
        _check(bare.algorithm == FM, "n_draws", "algorithm")
        shapes = {
            "intercept": (found.n_outputs,),
            "coef": (found.n_outputs, found.n_features),
        }
        for name, shape in shapes.items():
            means[name] = _numbers(files, f"mean_{name}", shape)
    names = document["feature_names"]
    if names is not None:
        whole = isinstance(names, list) and all(isinstance(x, str) for x in names)
        _check(whole and len(names) == bare.n_features, "feature_names", "parameters")
    threshold = document["threshold"]
    if threshold is not None:
        number = isinstance(threshold, float) and math.isfinite(threshold)
        allowed = number and (link == "score" or 0 <= threshold <= 1)
        _check(allowed, "threshold", "what a score may be")
    _check((threshold is not None) == (kind == BINARY), "threshold", kind)
    training = document["training"]
    _check(isinstance(training, dict), "training", "JSON objects")
    return replace(
        found,
        means=means,
        classes=_classes(files, document, found),
        threshold=threshold,
        feature_names=names,
        training=training,
    )


def _check(agrees: bool, key: str, other: str) -> None:
    if not agrees:
        raise ArtifactError(
            f"{METADATA}: {key} does not agree with {other}; the artifact was changed "
            "or damaged, save the model again."
        )


def _exact(files, machines: Machines, dtype: Any) -> Machines:
    """Machines with all digits, which must be those of the parameters."""
    found: dict[str, np.ndarray | None] = {"factors": None}
    for name, array in machines.arrays().items():
        found[name] = array
        if name == "factors" and dtype == "float64":
            found[name] = array.astype(np.float64)
        if f"{FOLDER}{name}.npy" not in files:
            continue
        exact = _numbers(files, name, array.shape)
        with np.errstate(over="ignore"):
            same = np.array_equal(exact.astype(np.float32), array.astype(np.float32))
        _check(same, f"{name}.npy", "the parameters")
        found[name] = exact
    return Machines(**found)  # type: ignore[arg-type]


def _numbers(files, name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = _read_npy(files, name)
    if array.dtype != np.float64 or array.shape != shape:
        raise ArtifactError(
            f"{FOLDER}{name}.npy: is {array.dtype} of shape {array.shape}; it must be "
            f"float64 of shape {shape}."
        )
    if not np.isfinite(array).all():
        raise ArtifactError(f"{FOLDER}{name}.npy: has NaN or infinite numbers.")
    return array


def _classes(files, document, artifact: ModelArtifact) -> np.ndarray | None:
    if artifact.predictor_type == REGRESSOR:
        return None
    classes = _read_npy(files, "classes")
    wanted = max(2, artifact.n_outputs)
    if classes.shape != (wanted,) or not np.array_equal(np.unique(classes), classes):
        raise ArtifactError(
            f"{FOLDER}classes.npy: has {classes.size} labels; it must have {wanted} "
            "that ascend."
        )
    if document["object_classes"] is True:
        _check(classes.dtype.kind == "U", "object_classes", "classes.npy")
        return classes.astype(object)
    return classes


def _plain_labels(classes: np.ndarray) -> np.ndarray:
    """Labels as an array without Python objects."""
    if classes.dtype.kind == "O":
        plain = None
        if all(isinstance(label, str) for label in classes):
            plain = classes.astype(str)
        # An array of text loses zero characters at the end.
        if plain is None or plain.tolist() != classes.tolist():
            raise ArtifactError(
                "classes_ holds Python objects that are not plain strings, which "
                "only a pickle could save; train with numbers or strings as labels."
            )
        return plain
    if classes.dtype.kind not in "biufUS":
        raise ArtifactError(
            f"classes_ has dtype {classes.dtype}; train with numbers or strings as "
            "labels."
        )
    return classes


def _write_npy(array: np.ndarray) -> bytes:
    target = io.BytesIO()
    little = array.astype(array.dtype.newbyteorder("<"), order="C")
    np.lib.format.write_array(target, little, version=(1, 0), allow_pickle=False)
    return target.getvalue()


def _read_npy(files: Mapping[str, bytes], name: str) -> np.ndarray:
    """An array, for which no more is allocated than the bytes that are there."""
    member = f"{FOLDER}{name}.npy"
    if member not in files:
        raise ArtifactError(f"{member}: is missing; save the model again.")
    data = files[member]
    length = int.from_bytes(data[8:10], "little")
    header = _HEADER.fullmatch(data[10 : 10 + length])
    values = data[10 + length :]
    try:
        if data[:8] != b"\x93NUMPY\x01\x00" or header is None:
            raise ValueError("no header of a plain array")
        dtype = np.dtype(header[1].decode())
        shape = tuple(int(size) for size in header[2].split(b",") if size.strip())
        if math.prod(shape) * dtype.itemsize != len(values) or dtype.itemsize == 0:
            raise ValueError(f"{len(values)} bytes for shape {shape} of {dtype}")
        array = np.frombuffer(values, dtype).reshape(shape).copy()
        if dtype.kind == "U":
            # Python cannot make text of them.
            points = np.frombuffer(values, "<u4")
            if ((points > 0x10FFFF) | (points >> 11 == 0xD800 >> 11)).any():
                raise ValueError("code points that are not of Unicode")
        # NumPy trusts that what is true is 1.
        return array.view(np.uint8) != 0 if dtype.kind == "b" else array
    except (ValueError, TypeError, OverflowError) as error:
        raise ArtifactError(
            f"{member}: is damaged, or no plain array ({error}); copy the file again."
        ) from None
