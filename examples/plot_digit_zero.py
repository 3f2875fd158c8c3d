"""
Find 99 % of the zeros
======================

Of all images of digits, find those of a zero: 99 of 100 of them, with as few false
alarms as that takes. The target is an argument of the estimator, which sets its
threshold on rows that were not trained on.
"""

# %%
# The data
# --------
# scikit-learn's 1,797 images of 8 by 8 pixels: one in ten shows a zero.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import precision_recall_curve
from sklearn.model_selection import train_test_split

from sklearn_sagemaker import LinearLearnerClassifier

images, digits = load_digits(return_X_y=True)
zero = digits == 0
# With noise, as it would be too easy without.
X = images + np.random.default_rng(0).normal(0, 4, images.shape)
X_train, X_test, y_train, y_test, _, images_test = train_test_split(
    X, zero, images, test_size=0.5, stratify=zero, random_state=0
)

# %%
# The fit
# -------
# Of the candidates, and of all thresholds of each, the one is kept that finds 99 % of
# the zeros in the folds and is right most often when it says "zero".

model = LinearLearnerClassifier(
    binary_classifier_model_selection_criteria="precision_at_target_recall",
    target_recall=0.99,
    random_state=0,
).fit(X_train, y_train)
plain = LinearLearnerClassifier(random_state=0).fit(X_train, y_train)

for name, one in {"most accurate": plain, "99 % recall": model}.items():
    said = one.predict(X_test)
    print(
        f"{name:14s} threshold {one.threshold_:.3f}: finds {said[y_test].mean():.1%}, "
        f"right in {y_test[said].mean():.1%} of its zeros"
    )

# %%
# What a threshold does
# ---------------------
# On the test rows, by the threshold: the lower it is, the more zeros are found, and the
# more of what is found is something else. The target holds on the folds, and on other
# rows about.

probability = model.predict_proba(X_test)[:, 1]
precision, recall, thresholds = precision_recall_curve(y_test, probability)
figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
axes.plot(thresholds, recall[:-1], label="recall: zeros that are found")
axes.plot(thresholds, precision[:-1], label="precision: answers that are right")
axes.axvline(model.threshold_, color="0.4", linestyle="--", linewidth=1)
axes.annotate(
    f" threshold_ = {model.threshold_:.3f}", (model.threshold_, 0.06), color="0.3"
)
axes.set(xscale="log", xlim=(1e-4, 1), ylim=(0, 1.03), xlabel="threshold")
axes.set_title("Test rows, by the threshold")
axes.legend(frameon=False, loc="center left")
axes.spines[["top", "right"]].set_visible(False)

# %%
# What was missed
# ---------------
# The zeros that look least like one, and the others that look most like it; here
# without the noise that the model saw.

order = np.argsort(probability)
zeros, others = order[y_test[order]][:5], order[~y_test[order]][::-1][:5]
figure, axes = plt.subplots(2, 5, figsize=(6.4, 3.0), layout="constrained")
for axis, row in zip(axes.flat, [*zeros, *others], strict=True):
    axis.imshow(images_test[row].reshape(8, 8), cmap="gray_r")
    axis.set_title(f"{probability[row]:.2f}", fontsize=9)
    axis.set_xticks([])
    axis.set_yticks([])
axes[0, 0].set_ylabel("zeros", fontsize=9)
axes[1, 0].set_ylabel("others", fontsize=9)
figure.suptitle("Probability of a zero")
plt.show()
