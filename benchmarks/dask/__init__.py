"""What training on a Dask cluster costs, and whether it learns as one machine does."""
