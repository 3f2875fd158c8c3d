"""
Bands from quantiles
====================

A mean says nothing of how far off it may be. Three fits with ``quantile_loss`` draw the
middle and a band that holds eight of ten rows, also where the noise is not the same
everywhere.
"""

# %%
# The data
# --------
# Noise that grows with x, and is skewed: large errors are all upwards.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from sklearn_sagemaker import LinearLearnerRegressor

rng = np.random.default_rng(0)


def draw(n):
    x = rng.uniform(0, 10, n)
    return x[:, None], 3 * np.sin(x) + 0.5 * x + rng.exponential(0.2 + 0.3 * x)


X, y = draw(2000)
X_test, y_test = draw(5000)

# %%
# Three fits
# ----------
# Splines make a curve of x; the loss makes a quantile of the curve.

bands = {}
for quantile in (0.1, 0.5, 0.9):
    model = make_pipeline(
        SplineTransformer(12),
        LinearLearnerRegressor(
            loss="quantile_loss", quantile=quantile, num_models=8, random_state=0
        ),
    )
    bands[quantile] = model.fit(X, y)
    below = (y_test < model.predict(X_test)).mean()
    print(f"quantile {quantile}: {below:.1%} of new rows are below")

# %%
# The band
# --------
# It is wide where the noise is, and not symmetrical about the middle.

grid = np.linspace(0.05, 9.95, 300)[:, None]
low, middle, high = (bands[quantile].predict(grid) for quantile in (0.1, 0.5, 0.9))
figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
axes.plot(X_test[::5, 0], y_test[::5], ".", color="0.75", markersize=3)
axes.fill_between(grid[:, 0], low, high, alpha=0.25, label="from 10 % to 90 %")
axes.plot(grid[:, 0], middle, label="the median")
axes.set(xlabel="x", ylabel="y", ylim=(-4, 18), title="New rows, and the band")
axes.legend(frameon=False, loc="upper left")
axes.spines[["top", "right"]].set_visible(False)
plt.show()
