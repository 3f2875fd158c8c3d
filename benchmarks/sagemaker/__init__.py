"""Benchmarks of the cloud half."""
