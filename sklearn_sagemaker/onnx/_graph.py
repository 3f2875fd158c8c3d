"""Nodes of an ONNX graph, by way of skl2onnx's container."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.exceptions import OnnxExportError

PURPOSE = "exporting models to ONNX"
skl2onnx = import_optional("skl2onnx", "onnx", PURPOSE)
onnx = import_optional("onnx", "onnx", PURPOSE)
types = import_optional("skl2onnx.common.data_types", "onnx", PURPOSE)

OLDEST_OPSET = 13
"""Since when the axes of ReduceSum are an input."""


class Graph:
    """Adds nodes to skl2onnx's container, all in one floating-point type."""

    def __init__(self, scope, operator, container):
        self.scope, self.container = scope, container
        if container.target_opset < OLDEST_OPSET:
            raise OnnxExportError(
                f"target_opset={container.target_opset} is older than {OLDEST_OPSET}, "
                "which the export needs; leave target_opset out, or raise it."
            )
        kind = operator.inputs[0].type
        double = isinstance(kind, types.DoubleTensorType)
        self.dtype = np.dtype(np.float64 if double else np.float32)
        self.rows = operator.inputs[0].full_name
        if not isinstance(kind, types.DoubleTensorType | types.FloatTensorType):
            self.rows = self("Cast", self.rows, to=onnx.TensorProto.FLOAT)

    def __call__(self, kind: str, *inputs, output: str | None = None, **attributes):
        """Add a node, return its output's name; inputs that are no names are constants.

        Parameters
        ----------
        kind : str
        *inputs : str, array or number
        output : str or None
            Name for the result; None makes one.
        **attributes : of the node
        """
        output = output or self.scope.get_unique_variable_name(kind.lower())
        self.container.add_node(
            kind,
            [one if isinstance(one, str) else self._constant(one) for one in inputs],
            output,
            name=self.scope.get_unique_operator_name(kind),
            **attributes,
        )
        return output

    def _constant(self, value) -> str:
        name = self.scope.get_unique_variable_name("constant")
        value = np.asarray(value)
        if value.dtype.kind == "U":
            texts = [text.encode() for text in value.ravel().tolist()]
            self.container.add_initializer(
                name, onnx.TensorProto.STRING, value.shape, texts
            )
            return name
        if value.dtype.kind == "f":
            value = self.rounded(value)
        tensor = onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
        self.container.add_initializer(name, None, None, tensor)
        return name

    def rounded(self, value: np.ndarray) -> np.ndarray:
        """Numbers in the type of the graph."""
        with np.errstate(over="ignore"):
            found = value.astype(self.dtype)
        if np.isinf(found).any() and not np.isinf(value).any():
            raise OnnxExportError(
                f"A weight of {np.abs(value).max():.3g} is beyond float32; export for "
                "float64 rows: to_onnx(model, X[:1].astype('float64'))."
            )
        return found
