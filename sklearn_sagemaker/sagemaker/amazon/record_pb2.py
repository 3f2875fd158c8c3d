"""The messages of records, under the name that SageMaker's SDK has for their module."""

from sklearn_sagemaker.io.recordio.record_messages import (
    Bytes,
    Float32Tensor,
    Float64Tensor,
    Int32Tensor,
    Record,
    Value,
)

__all__ = [
    "DESCRIPTOR",
    "Bytes",
    "Float32Tensor",
    "Float64Tensor",
    "Int32Tensor",
    "Record",
    "Value",
]

DESCRIPTOR = Record.DESCRIPTOR.file
