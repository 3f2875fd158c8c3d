"""Files that may be larger than memory, as rows to train on."""
