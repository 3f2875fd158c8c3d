"""
One row in fifty
================

Where one class is rare, the most accurate answer is "no", always. Three arguments say
what is wanted instead; they do different things.
"""

# %%
# The data
# --------
# Made up; 2 % of the rows are of the class that matters.

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.metrics import precision_recall_curve, precision_score, recall_score
from sklearn.model_selection import train_test_split

from sklearn_sagemaker import LinearLearnerClassifier

X, y = make_classification(
    10_000,
    16,
    n_informative=6,
    n_clusters_per_class=1,
    weights=[0.98],
    class_sep=0.5,
    flip_y=0.002,
    random_state=2,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
print(f"{y_train.sum()} of {len(y_train)} rows")

# %%
# Four ways to ask
# ----------------
# * ``accuracy``, the default, moves the threshold only where that pays.
# * ``f1`` weighs both kinds of errors of the rare class.
# * A target says how many have to be found.
# * ``class_weight="balanced"`` makes the rare rows count 49 times, in the loss and in
#   the criterion. It is for errors that cost so much, and moves the probabilities.

WAYS = {
    "accuracy": {},
    "f1": {"binary_classifier_model_selection_criteria": "f1"},
    "recall of 80 %": {
        "binary_classifier_model_selection_criteria": "precision_at_target_recall",
        "target_recall": 0.8,
    },
    "balanced": {"class_weight": "balanced"},
}
models, points = {}, {}
print(f"{'':16s}threshold  recall  precision  mean probability")
for name, arguments in WAYS.items():
    model = LinearLearnerClassifier(**arguments, random_state=0).fit(X_train, y_train)
    said = model.predict(X_test)
    points[name] = recall_score(y_test, said), precision_score(y_test, said)
    mean = model.predict_proba(X_test)[:, 1].mean()
    print(
        f"{name:16s}{model.threshold_:9.3f}{points[name][0]:8.3f}"
        f"{points[name][1]:11.3f}{mean:18.3f}"
    )
    models[name] = model

# %%
# One curve, four points on it
# ----------------------------
# All of them rank the rows about equally well. What differs is where they stop.

scores = models["f1"].decision_function(X_test)
precision, recall, _ = precision_recall_curve(y_test, scores)
figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
axes.plot(recall, precision, color="0.6", linewidth=1, label="all thresholds")
for name, (found, right) in points.items():
    axes.plot(found, right, "o", label=name)
axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.03))
axes.set_title("Test rows")
axes.legend(frameon=False, loc="lower left")
axes.spines[["top", "right"]].set_visible(False)
plt.show()
