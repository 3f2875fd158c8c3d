"""SageMaker's model artifacts, from bytes to plain arrays and back.

``model.tar.gz`` holds one member, ``model_algo-1``, which is a zip of stored files:

======================  ============================================================
Linear Learner          ``additional-params.json``, ``manifest.json``,
                        ``mx-mod-symbol.json``, ``mx-mod-0000.params``
Factorization Machines  ``meta.json``, ``symbol.json``, ``params``
======================  ============================================================

in any order. The symbol is an MXNet graph (`sklearn_sagemaker.io.mxnet_symbol`), the
parameters are an NDArray list (`sklearn_sagemaker.io.mxnet`);
`sklearn_sagemaker.io.artifacts.graphs` says what they mean, and
`sklearn_sagemaker.io.artifacts.service_files` what is in the JSON files. Our own
artifacts have more members (`sklearn_sagemaker.io.artifacts.sidecar`). Older artifacts
have the files in the tar itself. The layout is that of SageMaker's developer guide,
"How Linear Learner Works", and of public artifacts from 2018 to 2024.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
from sklearn_sagemaker.io.artifacts.artifact import LINEAR, ModelArtifact
from sklearn_sagemaker.io.artifacts.graph_meaning import output_of
from sklearn_sagemaker.io.artifacts.graphs import make_graph
from sklearn_sagemaker.io.artifacts.parameters import read_params
from sklearn_sagemaker.io.artifacts.service_files import (
    SERVICE_VERSION,
    read_service_files,
    write_service_files,
)
from sklearn_sagemaker.io.artifacts.sidecar import read_sidecar, write_sidecar
from sklearn_sagemaker.io.artifacts.tar_archives import read_tar
from sklearn_sagemaker.io.atomic import replacing
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.mxnet import read_ndarrays, write_ndarrays
from sklearn_sagemaker.io.mxnet_symbol import (
    MXNET_VERSION,
    Symbol,
    read_symbol,
    write_symbol,
)
from sklearn_sagemaker.io.opening import file_name

MODEL = "model_algo-1"
_HOST = re.compile(r"(^|/)model_algo-\d+$")


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
    return write_tar_gz({MODEL: _model_file(artifact, graph)})


def write_model(
    artifact: ModelArtifact, folder: str | os.PathLike[str], *, graph: str = "sparse"
) -> None:
    """Write ``model_algo-1`` into a model folder, which SageMaker packs.

    Parameters
    ----------
    artifact, graph : object
        As of `write_artifact`, which packs the same bytes.
    folder : str or path-like
        Made if it is missing. The file is written whole or not at all.

    Raises
    ------
    ArtifactError
        If float32 or the files cannot hold a value.
    NotADirectoryError
        If the folder is a file.
    OSError
        If it cannot be written to.
    """
    name = file_name(folder, ArtifactError)
    data = _model_file(artifact, graph)
    if os.path.exists(name) and not os.path.isdir(name):
        raise NotADirectoryError(f"{name}: is a file; name a folder.")
    os.makedirs(name, exist_ok=True)
    with replacing(Path(name, MODEL)) as temporary:
        temporary.write_bytes(data)


def _model_file(artifact: ModelArtifact, graph: str) -> bytes:
    """The bytes of ``model_algo-1``."""
    symbol, arrays = make_graph(artifact, graph)
    version = SERVICE_VERSION if artifact.is_sagemakers else MXNET_VERSION
    written = write_symbol(symbol, version=version)
    params = write_ndarrays({f"arg:{name}": array for name, array in arrays.items()})
    files = write_service_files(artifact)
    if artifact.algorithm == LINEAR:
        files |= {"mx-mod-symbol.json": written, "mx-mod-0000.params": params}
    else:
        files |= {"symbol.json": written, "params": params}
    return write_zip({**files, **write_sidecar(artifact)})


def read_artifact(source: Any, *, max_bytes: int = MAX_BYTES) -> ModelArtifact:
    """Read a model artifact.

    Parameters
    ----------
    source : str, path-like, bytes-like or binary file object
        ``model.tar.gz``, uncompressed or not, the ``model_algo-1`` in it, or a folder
        that has one of both.
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
    data = read_source(_file_of(source), max_bytes=max_bytes)
    files = _files(data, max_bytes)
    symbol_name = _one(files, "symbol.json", "-symbol.json", "graph")
    params_name = _one(files, "params", ".params", "parameters")
    symbol = read_symbol(files[symbol_name], what=symbol_name)
    arrays = read_ndarrays(files[params_name], what=params_name)
    if not isinstance(arrays, dict):
        raise ArtifactError(f"{params_name}: its arrays have no names.")
    algorithm, sagemakers, machines = read_params(
        arrays, symbol, max_bytes=max_bytes, what=params_name
    )
    kind, link = output_of(symbol) or (None, None)
    bare = ModelArtifact(algorithm, kind, link, machines)
    if algorithm == LINEAR:
        _check_outputs(symbol, bare, symbol_name)
    if sagemakers:
        bare = read_service_files(files, bare)
    return read_sidecar(files, bare, sagemakers=sagemakers)


def _file_of(source: Any) -> Any:
    """The artifact in a folder; anything else is left as it is."""
    if not isinstance(source, (str, os.PathLike)) or not os.path.isdir(source):
        return source
    found = [Path(source, name) for name in (MODEL, "model.tar.gz")]
    found = [path for path in found if path.is_file()]
    return found[0] if len(found) == 1 else source


def _files(data: bytes, max_bytes: int) -> Mapping[str, bytes]:
    """The files of the model, out of one archive or two."""
    if data.startswith(ZIP):
        return read_zip(data, max_bytes=max_bytes)
    if data.startswith(GZIP):
        data = read_gzip(data, max_bytes=max_bytes)
    members = read_tar(data, max_bytes=max_bytes)
    hosts = [name for name in members if _HOST.search(name)]
    models = hosts or [name for name in members if name.startswith("model_")]
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
