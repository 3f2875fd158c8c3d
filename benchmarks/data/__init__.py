"""Data of the benchmarks: real sets from files, and sets made with a fixed seed."""
