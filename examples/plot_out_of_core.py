"""
Rows that do not fit in memory
==============================

A ``FileDataset`` takes the place of X: the rows stay in files and come in shuffled
windows, of no more memory than it is told. A stream of batches takes ``partial_fit``.
"""

# %%
# The files
# ---------
# Six shards of RecordIO-protobuf, each made and forgotten before the next one. Ten
# megabytes stand in for what would be a hundred gigabytes.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import log_loss

from sklearn_sagemaker import LinearLearnerClassifier
from sklearn_sagemaker.io import FileDataset, iter_recordio, write_recordio

weights = np.random.default_rng(0).normal(size=40) / 4


def rows(seed, n=10_000):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 40)).astype(np.float32)
    return X, (rng.random(n) < 1 / (1 + np.exp(-X @ weights))).astype(np.float32)


folder = tempfile.TemporaryDirectory()
for shard in range(6):
    write_recordio(f"{folder.name}/train-{shard}.pbr", *rows(shard))
files = sorted(Path(folder.name).glob("*.pbr"))
size = sum(path.stat().st_size for path in files)
X_test, y_test = rows(99)
print(f"{len(files)} files, {size / 1e6:.0f} MB")

# %%
# A fit in 4 MB
# -------------
# All candidates are trained in each window. With ``memory`` above the size of the files
# it is the fit that an array would have had.

data = FileDataset(f"{folder.name}/*.pbr", memory=4 * 2**20)
model = LinearLearnerClassifier(num_models=8, epochs=4, random_state=0).fit(data)
print(f"from files, in windows: accuracy {model.score(X_test, y_test):.4f}")

# %%
# A stream
# --------
# Each batch is scored before it is trained on, so that a stream has validation too.

stream = LinearLearnerClassifier(num_models=8, random_state=0)
seen, losses = [], []
for path in files:
    for X, y in iter_recordio(path, batch_size=1000):
        stream.partial_fit(X, y, classes=[0, 1])
        seen.append(1000 + (seen[-1] if seen else 0))
        losses.append(log_loss(y_test, stream.predict_proba(X_test)))
print(f"from a stream: accuracy {stream.score(X_test, y_test):.4f}")
folder.cleanup()

# %%
# How they get there
# ------------------
# The dashed line is the best that can be done: who knows the true weights.

best = log_loss(y_test, 1 / (1 + np.exp(-X_test @ weights)))
final = log_loss(y_test, model.predict_proba(X_test))
figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
axes.plot(np.array(seen) / 1000, losses, label="stream, one pass")
axes.axhline(final, color="tab:orange", label="files, four passes")
axes.axhline(best, color="0.4", linestyle="--", linewidth=1, label="the true weights")
axes.set(xlabel="thousands of rows", ylabel="log loss on test rows")
axes.set_title("A stream catches up")
axes.legend(frameon=False, loc="upper right")
axes.spines[["top", "right"]].set_visible(False)
plt.show()
