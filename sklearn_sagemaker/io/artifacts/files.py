"""SageMaker's model artifacts, from bytes to plain arrays and back.

``model.tar.gz`` holds one member, ``model_algo-1``, which is a zip of stored files:

======================  ============================================================
Linear Learner          ``additional-params.json``, ``manifest.json``,
                        ``mx-mod-symbol.json``, ``mx-mod-0000.params``
Factorization Machines  ``symbol.json``, ``params``, ``meta.json``
======================  ============================================================

The symbol is an MXNet graph (`sklearn_sagemaker.io.mxnet_symbol`), the parameters are
an NDArray list (`sklearn_sagemaker.io.mxnet`);
`sklearn_sagemaker.io.artifacts.graphs` says what they mean. Our own artifacts have
more members (`sklearn_sagemaker.io.artifacts.sidecar`). Older artifacts have the files
in the tar itself. The layout is that of SageMaker's developer guide, "How Linear
Learner Works", and of public artifacts; what SageMaker writes to its first two JSON
files is not published.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sklearn_sagemaker._hyperparameters import BINARY, REGRESSOR
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.archives import (
    GZIP,
    MAX_BYTES,
    ZIP,
    read_gzip,
    read_source,
    read_zip,
    write_tar_gz,
    write_zip,
)
from sklearn_sagemaker.io.artifacts.artifact import FM, LINEAR, LINKS, ModelArtifact
from sklearn_sagemaker.io.artifacts.graphs import make_graph, output_of, read_params
from sklearn_sagemaker.io.artifacts.sidecar import read_sidecar, write_sidecar
from sklearn_sagemaker.io.artifacts.tar_archives import read_tar
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.mxnet import read_ndarrays, write_ndarrays
from sklearn_sagemaker.io.mxnet_symbol import (
    Symbol,
    read_json,
    read_symbol,
    write_symbol,
)

MODEL = "model_algo-1"


def write_artifact(artifact: ModelArtifact, *, graph: str = "sparse") -> bytes:
    """A ``model.tar.gz``.

    Parameters
    ----------
    artifact : ModelArtifact
        Of which everything is known.
    graph : {"sparse", "dense"}, default="sparse"
        Which of its two graphs Factorization Machines gets.

    Returns
    -------
    data : bytes
        The same for the same model.

    Raises
    ------
    ArtifactError
        If float32 or the files cannot hold a value.
    """
    symbol, arrays = make_graph(artifact, graph)
    params = write_ndarrays({f"arg:{name}": array for name, array in arrays.items()})
    if artifact.algorithm == LINEAR:
        files = {
            "additional-params.json": b"{}",
            "manifest.json": b"{}",
            "mx-mod-symbol.json": write_symbol(symbol),
            "mx-mod-0000.params": params,
        }
    else:
        assert artifact.machines.factors is not None
        meta = {
            "training_parameters": {
                "feature_dim": str(artifact.n_features),
                "num_factors": str(artifact.machines.factors.shape[2]),
                "predictor_type": artifact.predictor_type,
            }
        }
        files = {
            "symbol.json": write_symbol(symbol),
            "params": params,
            "meta.json": json.dumps(meta).encode(),
        }
    return write_tar_gz({MODEL: write_zip({**files, **write_sidecar(artifact)})})


def read_artifact(source: Any, *, max_bytes: int = MAX_BYTES) -> ModelArtifact:
    """Read a model artifact.

    Parameters
    ----------
    source : str, path-like, bytes-like or binary file object
        ``model.tar.gz``, uncompressed or not, or the ``model_algo-1`` in it.
    max_bytes : int, default=1 GiB
        Limit of the file, of what it unpacks to, and of each array.

    Returns
    -------
    artifact : ModelArtifact

    Raises
    ------
    ArtifactError
        If it is damaged, a danger, too large, or no artifact of these algorithms.
    ModelFormatError
        If a newer version of the package wrote it.
    """
    files = _files(read_source(source, max_bytes=max_bytes), max_bytes)
    symbol_name = _one(files, "symbol.json", "-symbol.json", "graph")
    params_name = _one(files, "params", ".params", "parameters")
    symbol = read_symbol(files[symbol_name], what=symbol_name)
    arrays = read_ndarrays(files[params_name], what=params_name)
    if not isinstance(arrays, dict):
        raise ArtifactError(f"{params_name}: its arrays have no names.")
    algorithm, sagemakers, machines = read_params(
        arrays, max_bytes=max_bytes, what=params_name
    )
    missing = {name.removeprefix("arg:") for name in arrays} - set(symbol.variables)
    if missing:
        raise ArtifactError(
            f"{symbol_name}: does not use the parameters {listed(sorted(missing))} of "
            f"{params_name}; they are not of one model."
        )
    kind, link = output_of(symbol) or (None, None)
    bare = ModelArtifact(algorithm, kind, link, machines)
    if algorithm == LINEAR:
        _check_outputs(symbol, bare, symbol_name)
    elif sagemakers:
        bare = _with_meta(files, bare)
    return read_sidecar(files, bare, sagemakers=sagemakers)


def _files(data: bytes, max_bytes: int) -> Mapping[str, bytes]:
    """The files of the model, out of one archive or two."""
    if data.startswith(ZIP):
        return read_zip(data, max_bytes=max_bytes)
    if data.startswith(GZIP):
        data = read_gzip(data, max_bytes=max_bytes)
    members = read_tar(data, max_bytes=max_bytes)
    models = [name for name in members if name.startswith("model_")]
    if len(models) > 1:
        raise ArtifactError(
            f"The artifact holds the models {listed(models)}; pass one of one host."
        )
    if not models:
        return {name: bytes(content) for name, content in members.items()}
    model = members[models[0]]
    if not bytes(model[:4]) == ZIP:
        raise ArtifactError(
            f"{models[0]}: is no zip archive; it is not of Linear Learner or "
            "Factorization Machines."
        )
    return read_zip(model, max_bytes=max_bytes)


def _one(files: Mapping[str, bytes], name: str, suffix: str, what: str) -> str:
    found = [one for one in files if one == name or one.endswith(suffix)]
    if len(found) != 1:
        raise ArtifactError(
            f"The artifact must have one member {name!r} or '*{suffix}' with the "
            f"{what}, but has {listed(found) or 'none'} among "
            f"{listed(list(files)) or 'no members'}."
        )
    return found[0]


def _check_outputs(symbol: Symbol, artifact: ModelArtifact, name: str) -> None:
    """The graph's number of outputs against the parameters'."""
    for node in symbol.nodes:
        reads = [symbol.nodes[number].name for number in node.inputs]
        outputs = node.attrs.get("num_hidden")
        if "fc0_weight" in reads and outputs not in (None, str(artifact.n_outputs)):
            raise ArtifactError(
                f"{name}: {node.name} has num_hidden={outputs!r}, but fc0_weight has "
                f"{artifact.n_outputs} rows; they are not of one model."
            )


def _with_meta(files: Mapping[str, bytes], artifact: ModelArtifact) -> ModelArtifact:
    """What ``meta.json`` says: it must agree, and knows the predictor type best."""
    if "meta.json" not in files:
        return artifact
    known = read_json(files["meta.json"], "meta.json").get("training_parameters", {})
    if not isinstance(known, dict):
        raise ArtifactError("meta.json: training_parameters must be a JSON object.")
    assert artifact.machines.factors is not None
    _, n_features, k = artifact.machines.factors.shape
    for key, size in (("feature_dim", n_features), ("num_factors", k)):
        if key in known and str(known[key]) != str(size):
            raise ArtifactError(
                f"meta.json: {key} is {str(known[key])[:20]!r}, but the parameters "
                f"have {size}; they are not of one model."
            )
    kind = known.get("predictor_type")
    if isinstance(kind, str) and kind in (BINARY, REGRESSOR):
        return ModelArtifact(FM, kind, LINKS[kind], artifact.machines)
    return artifact
