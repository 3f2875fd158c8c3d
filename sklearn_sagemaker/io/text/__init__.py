"""Formats of lines: CSV, JSON, JSON Lines and libsvm."""
