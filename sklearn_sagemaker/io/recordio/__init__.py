"""RecordIO-protobuf, the binary format of SageMaker's algorithms."""
