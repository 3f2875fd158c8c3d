"""MXNet's graphs (``*-symbol.json``), read and written.

The JSON object has ``nodes`` in the order they are computed (each with ``op``, "null"
for a variable, ``name``, ``attrs`` of strings, and ``inputs``, each a node, one of its
outputs and a version), ``arg_nodes`` (the variables), ``node_row_ptr``, ``heads``
(the outputs) and ``attrs``. Files of MXNet before 1.0 call a node's ``attrs`` ``param``
or ``attr``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sklearn_sagemaker.exceptions import ArtifactError

MXNET_VERSION = 10901
"""Version written in graphs: 1.9.1, with which they are tested."""
MAX_NODES = 1000
"""Nodes and heads that a graph may have; SageMaker's have 28 at most."""
MAX_JSON = 1 << 22
"""Bytes that a graph, or a JSON file of SageMaker's, may have (4 MiB)."""


@dataclass(frozen=True)
class Node:
    """One node of a graph.

    Attributes
    ----------
    op : str
        "null" for a variable.
    name : str
    inputs : tuple of int
        Numbers of the nodes that it reads.
    attrs : dict of str to str
    """

    op: str
    name: str
    inputs: tuple[int, ...] = ()
    attrs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Symbol:
    """A graph.

    Attributes
    ----------
    nodes : tuple of Node
        Every node comes after those that it reads.
    heads : tuple of int
        Numbers of the nodes whose results are the graph's.
    """

    nodes: tuple[Node, ...]
    heads: tuple[int, ...]

    @property
    def variables(self) -> list[str]:
        """Names of all variables, in order."""
        return [node.name for node in self.nodes if node.op == "null"]


class Graph:
    """A graph in the making.

    Examples
    --------
    >>> graph = Graph()
    >>> score = graph.op("FullyConnected", "fc0", graph.variable("data"), num_hidden=1)
    >>> [node.name for node in graph.symbol(score).nodes]
    ['data', 'fc0']
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def variable(self, name: str, **attrs: object) -> int:
        """Add a variable; returns its number."""
        return self.op("null", name, **attrs)

    def op(self, op: str, name: str, *inputs: int, **attrs: object) -> int:
        """Add an operation on nodes by their numbers; returns its number."""
        texts = {key: str(value) for key, value in attrs.items()}
        self.nodes.append(Node(op, name, inputs, texts))
        return len(self.nodes) - 1

    def symbol(self, head: int) -> Symbol:
        """The graph that computes a node."""
        return Symbol(tuple(self.nodes), (head,))


def write_symbol(symbol: Symbol, *, version: int = MXNET_VERSION) -> bytes:
    """Write a graph as JSON that MXNet reads.

    Parameters
    ----------
    symbol : Symbol
        With nodes of one output each.
    version : int, default=10901
        Of the MXNet that the graph says it is from.

    Returns
    -------
    data : bytes
    """
    nodes = []
    for node in symbol.nodes:
        entry: dict[str, Any] = {"op": node.op, "name": node.name}
        if node.attrs:
            entry["attrs"] = node.attrs
        entry["inputs"] = [[number, 0, 0] for number in node.inputs]
        nodes.append(entry)
    variables = [i for i, node in enumerate(symbol.nodes) if node.op == "null"]
    text = json.dumps(
        {
            "nodes": nodes,
            "arg_nodes": variables,
            "node_row_ptr": list(range(len(nodes) + 1)),
            "heads": [[head, 0, 0] for head in symbol.heads],
            "attrs": {"mxnet_version": ["int", version]},
        },
        indent=2,
    )
    return text.encode()


def read_symbol(source: bytes, *, what: str = "symbol") -> Symbol:
    """Read a graph.

    Parameters
    ----------
    source : bytes
        The JSON, of any version of MXNet.
    what : str, default="symbol"
        What messages call it.

    Returns
    -------
    symbol : Symbol

    Raises
    ------
    ArtifactError
        If it is not JSON, not a graph, larger than ``MAX_JSON`` or ``MAX_NODES``, or
        a node reads one that does not come before it.
    """
    document = read_json(source, what, max_bytes=MAX_JSON)
    for key in ("nodes", "heads", "arg_nodes"):
        if isinstance(document.get(key), list) and len(document[key]) > MAX_NODES:
            raise ArtifactError(
                f"{what}: has {len(document[key])} {key}, more than {MAX_NODES}; it is "
                "no graph of Linear Learner or Factorization Machines."
            )
    nodes: list[Node] = []
    try:
        for number, entry in enumerate(document["nodes"]):
            nodes.append(_node(entry, number))
        heads = tuple(_link(link, len(nodes)) for link in document["heads"])
        if not heads:
            raise ValueError("it has no heads")
        variables = [_link([number], len(nodes)) for number in document["arg_nodes"]]
        if any(nodes[number].op != "null" for number in variables):
            raise ValueError("arg_nodes names a node that is no variable")
    except KeyError as error:
        raise ArtifactError(
            f"{what}: lacks {error}; it is no graph of MXNet."
        ) from None
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise ArtifactError(f"{what}: is no graph of MXNet ({error}).") from error
    return Symbol(tuple(nodes), heads)


def read_json(
    source: bytes, what: str, *, max_bytes: int | None = None
) -> dict[str, Any]:
    """A JSON object; `ArtifactError` if the bytes hold anything else, or too much."""
    if max_bytes is not None and len(source) > max_bytes:
        raise ArtifactError(
            f"{what}: has {len(source)} bytes, more than {max_bytes}; no model has so "
            "many, save it again."
        )
    try:
        document = json.loads(bytes(source).decode("utf-8"))
    # Nesting too deep is a RecursionError; a number too long a ValueError.
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{what}: is not JSON ({type(error).__name__}).") from None
    if not isinstance(document, dict):
        raise ArtifactError(f"{what}: must hold a JSON object.")
    return document


def _node(entry: Any, number: int) -> Node:
    attrs: dict[str, str] = {}
    for key in ("param", "attr", "attrs"):
        attrs.update({str(k): str(v) for k, v in entry.get(key, {}).items()})
    op, name = entry["op"], entry["name"]
    if not isinstance(op, str) or not isinstance(name, str):
        raise ValueError(f"op and name of node {number} must be strings")
    inputs = tuple(_link(link, number) for link in entry["inputs"])
    return Node(op, name, inputs, attrs)


def _link(link: Any, before: int) -> int:
    """The number of a node, which must be below a bound."""
    target = link[0]
    if isinstance(target, bool) or not isinstance(target, int):
        raise ValueError("the number of a node must be an integer")
    if not 0 <= target < before:
        raise ValueError(f"node {target} is read where there are {before} before it")
    return target
