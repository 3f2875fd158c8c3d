"""The hosts of a training job as one Dask cluster (extra ``dask``)."""
