"""Benchmarks of files."""
