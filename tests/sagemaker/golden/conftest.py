"""What records requests is run by the Python of the SDK; pytest leaves it alone."""

collect_ignore = ["record.py"]
