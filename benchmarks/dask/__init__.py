"""What training on a Dask cluster costs, and whether it learns what one machine does."""
