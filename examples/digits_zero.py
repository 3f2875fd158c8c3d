"""
Is this digit a zero?
=====================

Train 32 candidate models on images of digits in one pass over the data, look at how
they did on validation rows, and test the selected one on rows that played no part.
"""

# %%
# The data
# --------
# scikit-learn's 1,797 images of 8 by 8 pixels, in three parts: one to train, one to
# choose among the candidates, one to test.

from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

from sklearn_sagemaker import LinearLearnerClassifier

X, digits = load_digits(return_X_y=True)
y = digits == 0
X_train, X_rest, y_train, y_rest = train_test_split(
    X, y, test_size=0.4, stratify=y, random_state=0
)
X_val, X_test, y_val, y_test = train_test_split(
    X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=0
)
print(f"{len(y_train)} rows to train, {len(y_val)} to choose, {len(y_test)} to test")

# %%
# The fit
# -------
# No scaling and no search: the candidates differ in learning rate, penalties and
# scaling. F1 weighs the rare zeros more than accuracy would.

model = LinearLearnerClassifier(
    binary_classifier_model_selection_criteria="f1", random_state=0
)
model.fit(X_train, y_train, X_val=X_val, y_val=y_val)

# %%
# The candidates
# --------------
# ``candidates_`` is shaped like ``cv_results_``; ``candidates_to_frame()`` makes a
# pandas table of it. Here are the best eight, without pandas. Candidates with the
# same score are ranked by their validation loss.

found = model.candidates_
print("rank  learning rate      wd      l1   scaling  epoch      F1    loss  threshold")
for i in found["rank_validation_score"].argsort()[:8]:
    print(
        f"{found['rank_validation_score'][i]:4d}"
        f"{found['param_learning_rate'][i]:15g}"
        f"{found['param_wd'][i]:8g}"
        f"{found['param_l1'][i]:8g}"
        f"{found['param_scaling'][i]:>10s}"
        f"{found['best_epoch'][i]:7d}"
        f"{found['validation_score'][i]:8.4f}"
        f"{found['validation_loss'][i]:8.4f}"
        f"{found['threshold'][i]:11.4f}"
    )
print("selected:", model.best_params_)

# %%
# The threshold
# -------------
# ``predict`` says "zero" where the probability is ``threshold_`` or above, which was
# calibrated on the validation rows. ``predict_proba`` knows nothing of it.

print(f"threshold: {model.threshold_:.4f}")
above = model.predict_proba(X_test)[:, 1] >= model.threshold_
assert (model.predict(X_test) == above).all()

# %%
# The test
# --------
# Rows of the matrix are what the images are, columns what the model says.

matrix = confusion_matrix(y_test, model.predict(X_test), labels=[True, False])
print("               said zero  said other")
print(f"is a zero      {matrix[0, 0]:9d}  {matrix[0, 1]:10d}")
print(f"is another     {matrix[1, 0]:9d}  {matrix[1, 1]:10d}")
