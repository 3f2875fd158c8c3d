"""
32 models for the price of few
==============================

A grid search trains each setting on each fold, one after the other. Linear Learner
trains all candidates on all folds in one fit.
"""

# %%
# The data
# --------
# Made up, with features that partly repeat each other.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import LinearLearnerClassifier

X, y = make_classification(
    2000, 40, n_informative=12, n_redundant=12, flip_y=0.05, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# A grid search
# -------------
# 16 penalties of two kinds, five folds, and the scaler that stochastic gradients need.

grid = {
    "sgdclassifier__alpha": np.logspace(-6, -1, 16),
    "sgdclassifier__penalty": ["l2", "l1"],
}
sgd = make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0))
began = time.process_time()
search = GridSearchCV(sgd, grid, cv=5, scoring="neg_log_loss").fit(X_train, y_train)
search_seconds = time.process_time() - began

# %%
# One fit
# -------
# The same number of candidates, the same five folds, no scaler.

began = time.process_time()
model = LinearLearnerClassifier(
    binary_classifier_model_selection_criteria="loss_function", cv=5, random_state=0
).fit(X_train, y_train)
fit_seconds = time.process_time() - began
found = model.candidates_

for name, seconds, one in (
    ("GridSearchCV", search_seconds, search),
    ("LinearLearner", fit_seconds, model),
):
    loss = log_loss(y_test, one.predict_proba(X_test))
    print(f"{name:14s} {seconds:6.2f} s of CPU time, test log loss {loss:.4f}")
print(f"candidates: {len(search.cv_results_['params'])} and {len(found['params'])}")

# %%
# What each has tried
# -------------------
# ``candidates_`` is shaped like ``cv_results_``. The penalties came from the data, so
# most of the candidates are near the best; a grid has to guess where that is.

figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
results = search.cv_results_
axes.plot(np.sort(-results["mean_test_score"]), "o", markersize=4, label="GridSearchCV")
axes.plot(np.sort(found["validation_loss"]), "o", markersize=4, label="LinearLearner")
axes.set(
    xlabel="candidates, the best first", ylabel="validation log loss", yscale="log"
)
axes.set_title("All candidates of both")
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
plt.show()
