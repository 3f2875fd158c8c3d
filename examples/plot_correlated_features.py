"""
Nearly equal features
=====================

Powers of a number are nearly the same feature over and over. Steps along the gradient
creep then: they reach in any number of epochs only what the first powers can say. A
default fit solves such problems, and the last powers count too.
"""

# %%
# The data
# --------
# A curve with noise, and the powers of x up to the ninth.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import PolynomialFeatures

from sklearn_sagemaker import LinearLearnerRegressor

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(-1, 1, 400))
truth = np.sin(6 * x) * np.exp(-x)
y = truth + rng.normal(0, 0.3, len(x))
X = PolynomialFeatures(9, include_bias=False).fit_transform(x[:, None])
values = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
print(f"the widest direction is {values[0] / values[-1]:,.0f} times the narrowest")

# %%
# Steps, and the solution
# -----------------------
# ``optimizer="adam"`` asks for steps, as SageMaker takes them.

models = {
    "steps, 15 epochs": LinearLearnerRegressor(
        optimizer="adam", epochs=15, random_state=0
    ),
    "steps, 300 epochs": LinearLearnerRegressor(
        optimizer="adam", epochs=300, early_stopping_patience=300, random_state=0
    ),
    "default": LinearLearnerRegressor(random_state=0),
}
for name, model in models.items():
    model.fit(X, y)
    error = np.sqrt(np.mean((model.predict(X) - truth) ** 2))
    way = model.resolved_params_["optimizer"]
    print(f"{name:18s} {error:.3f} from the curve, by {way}")

# %%
# What they make of it
# --------------------

figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
axes.plot(x, y, ".", color="0.8", markersize=4)
axes.plot(x, truth, color="0.3", linewidth=1, label="the curve")
for name, model in models.items():
    axes.plot(x, model.predict(X), label=name)
axes.set(xlabel="x", ylabel="y", ylim=(-3.2, 2.6))
axes.set_title("Nine powers of x, the same loss, three ways")
axes.legend(frameon=False, fontsize=8, loc="lower right")
axes.spines[["top", "right"]].set_visible(False)
plt.show()
