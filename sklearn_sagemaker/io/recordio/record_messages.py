"""The protobuf messages of SageMaker's records, from a schema built at run time.

The schema is ``record.proto`` of SageMaker's Python SDK (proto2, package
``aialgs.data``)::

    message Float32Tensor { repeated float values = 1 [packed = true];
                            repeated uint64 keys = 2 [packed = true];
                            repeated uint64 shape = 3 [packed = true]; }
    message Float64Tensor { repeated double values = 1 [packed = true]; ... }
    message Int32Tensor   { repeated int32 values = 1 [packed = true]; ... }
    message Bytes  { repeated bytes value = 1; optional string content_type = 2; }
    message Value  { oneof value { Float32Tensor float32_tensor = 2;
                                   Float64Tensor float64_tensor = 3;
                                   Int32Tensor int32_tensor = 7;
                                   Bytes bytes = 9; } }
    message Record { map<string, Value> features = 1;
                     map<string, Value> label = 2;
                     optional string uid = 3;
                     optional string metadata = 4;
                     optional string configuration = 5; }

`EntryRecord` is the same bytes with the maps written out, as sagemaker-spark has them
for protobuf 2.5: ``repeated Entry features = 1; repeated Entry label = 2`` of
``Entry { bytes key = 1; Value value = 2; }``. The runtimes agree on it where they do
not on maps: upb drops a map's entry that has an unknown field, the others keep it.

The schema lives in a pool of its own, so it never collides with the SDK's copy in the
same process (doc/decisions/0023-record-messages.md).
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = [
    "Bytes",
    "Entry",
    "EntryRecord",
    "Float32Tensor",
    "Float64Tensor",
    "Int32Tensor",
    "Record",
    "Value",
]

PACKAGE = "aialgs.data"
TENSORS = {"Float32Tensor": "float", "Float64Tensor": "double", "Int32Tensor": "int32"}
_TYPES = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in ("float", "double", "int32", "uint64", "bytes", "string", "message")
}


def _field(
    message: Any, name: str, number: int, kind: str, *, repeated: bool = False
) -> Any:
    """Add a field; ``kind`` is a scalar type or the name of a message."""
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    field.type = _TYPES.get(kind, _TYPES["message"])
    if kind not in _TYPES:
        field.type_name = f".{PACKAGE}.{kind}"
    elif repeated and kind != "bytes":
        field.options.packed = True
    return field


def _map_of_values(record: Any, name: str, number: int) -> None:
    """``map<string, Value>``, which on the wire is a repeated message of two."""
    entry = record.nested_type.add(name=f"{name.title()}Entry")
    entry.options.map_entry = True
    _field(entry, "key", 1, "string")
    _field(entry, "value", 2, "Value")
    _field(record, name, number, f"Record.{entry.name}", repeated=True)


def _schema() -> Any:
    schema = descriptor_pb2.FileDescriptorProto(
        name="record.proto", package=PACKAGE, syntax="proto2"
    )
    for name, kind in TENSORS.items():
        tensor = schema.message_type.add(name=name)
        _field(tensor, "values", 1, kind, repeated=True)
        _field(tensor, "keys", 2, "uint64", repeated=True)
        _field(tensor, "shape", 3, "uint64", repeated=True)
    content = schema.message_type.add(name="Bytes")
    _field(content, "value", 1, "bytes", repeated=True)
    _field(content, "content_type", 2, "string")
    value = schema.message_type.add(name="Value")
    value.oneof_decl.add(name="value")
    for name, number, kind in (
        ("float32_tensor", 2, "Float32Tensor"),
        ("float64_tensor", 3, "Float64Tensor"),
        ("int32_tensor", 7, "Int32Tensor"),
        ("bytes", 9, "Bytes"),
    ):
        _field(value, name, number, kind).oneof_index = 0
    record = schema.message_type.add(name="Record")
    _map_of_values(record, "features", 1)
    _map_of_values(record, "label", 2)
    for number, name in enumerate(("uid", "metadata", "configuration"), start=3):
        _field(record, name, number, "string")
    entry = schema.message_type.add(name="Entry")
    # Bytes, for protobuf's runtimes differ in checking strings.
    _field(entry, "key", 1, "bytes")
    _field(entry, "value", 2, "Value")
    entries = schema.message_type.add(name="EntryRecord")
    _field(entries, "features", 1, "Entry", repeated=True)
    _field(entries, "label", 2, "Entry", repeated=True)
    return schema


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_schema().SerializeToString())
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{PACKAGE}.{name}")
        )
        for name in __all__
    }


_found = _classes()
Bytes = _found["Bytes"]
Entry = _found["Entry"]
EntryRecord = _found["EntryRecord"]
Float32Tensor = _found["Float32Tensor"]
Float64Tensor = _found["Float64Tensor"]
Int32Tensor = _found["Int32Tensor"]
Record = _found["Record"]
Value = _found["Value"]
