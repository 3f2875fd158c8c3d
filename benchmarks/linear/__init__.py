"""Benchmarks of Linear Learner, and of the package as a whole."""
