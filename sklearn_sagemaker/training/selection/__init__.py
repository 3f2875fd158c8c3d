"""What both algorithms choose a model by: validation rows, criteria, metrics."""
