"""Benchmarks of Factorization Machines."""
