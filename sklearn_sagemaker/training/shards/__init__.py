"""Training on rows in shards, each of which is trained on where it is."""
