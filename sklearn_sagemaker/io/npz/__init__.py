"""NumPy's ``.npz`` files."""
