"""
A cluster in place of a machine
===============================

``backend="dask"`` trains all candidates where the rows are: on the workers of a Dask
cluster. How many workers there are changes the time, and not one bit of the model.
"""

# %%
# Rows that nobody has in one piece
# ---------------------------------
# Eight partitions, each made on the worker that trains on it. Here the workers are
# threads; ``Client("tcp://scheduler:8786")`` finds those of a real cluster.

import dask.array as da
import numpy as np
from distributed import Client

from sklearn_sagemaker import LinearLearnerClassifier

cluster = {"processes": False, "threads_per_worker": 1, "dashboard_address": None}
rng = da.random.default_rng(0)
rows = rng.normal(size=(40_000, 30), chunks=(5_000, 30))
slopes = np.linspace(-1, 1, 30)
labels = (rows @ slopes + 2 * rng.normal(size=40_000, chunks=5_000) > 0).astype(int)

# %%
# One worker, and two
# -------------------
# Both have eight shards, so both models are the same.

coefficients = []
for n_workers in (1, 2):
    with Client(n_workers=n_workers, **cluster):
        model = LinearLearnerClassifier(random_state=0, backend="dask")
        model.fit(rows, labels)
        coefficients.append(model.coef_)
print("the same bits:", np.array_equal(*coefficients))

# %%
# What comes back
# ---------------
# A model like any other, which needs no cluster: it follows the slopes.

found = coefficients[0][0]
print(f"correlation with the slopes {np.corrcoef(found, slopes)[0, 1]:.4f}")
print(f"accuracy {model.score(rows[:5_000].compute(), labels[:5_000].compute()):.3f}")
