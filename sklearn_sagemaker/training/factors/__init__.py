"""Factorization Machines: a training run of each solver."""
