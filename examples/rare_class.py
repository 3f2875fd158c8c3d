"""
Finding a rare class
====================

One row in 33 is a fraud. Missing one is expensive, and so is every false alarm: find
90 % of the frauds, with as few false alarms as that takes.
"""

# %%
# The data
# --------
# Made up, in two parts: rows to train on, which are also cut into folds to choose among
# the candidates, and rows to test.

from sklearn.datasets import make_classification
from sklearn.metrics import precision_score, recall_score
from sklearn.model_selection import train_test_split

from sklearn_sagemaker import LinearLearnerClassifier

X, y = make_classification(
    8000,
    12,
    n_informative=6,
    n_clusters_per_class=1,
    weights=[0.97],
    flip_y=0,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
print(f"{y_train.sum()} frauds in {len(y_train)} rows to train")

# %%
# Three ways to ask
# -----------------
# The criterion selects the candidate and sets its threshold. A model that is right
# most often hardly ever says "fraud"; a target for the recall says what is wanted.

ACCURACY = {"binary_classifier_model_selection_criteria": "accuracy"}
F1 = {"binary_classifier_model_selection_criteria": "f1"}
TARGET = {
    "binary_classifier_model_selection_criteria": "precision_at_target_recall",
    "target_recall": 0.9,
}

print("criterion                   threshold   out of fold: recall  precision")
for criterion in (ACCURACY, F1, TARGET):
    model = LinearLearnerClassifier(**criterion, random_state=0).fit(X_train, y_train)
    found = model.metrics_["validation"]
    print(
        f"{criterion['binary_classifier_model_selection_criteria']:28s}"
        f"{model.threshold_:9.3f}"
        f"{found['recall']:22.3f}{found['precision']:11.3f}"
    )
assert found["recall"] >= 0.9

# %%
# The test
# --------
# On other rows the recall is only about what it was where the threshold was set. Ask
# for a little more than you need.

answers = model.predict(X_test)
recall, precision = recall_score(y_test, answers), precision_score(y_test, answers)
print(f"on test rows: recall {recall:.3f}, precision {precision:.3f}")

# %%
# The loss
# --------
# ``positive_example_weight_mult`` makes frauds count more in the loss that is
# minimised. It moves the probabilities; recall and precision stay those of the rows as
# they are, so that a target means the same.

model.set_params(positive_example_weight_mult="balanced").fit(X_train, y_train)
found = model.metrics_["validation"]
print(
    f"balanced: threshold {model.threshold_:.3f}, recall {found['recall']:.3f}, "
    f"precision {found['precision']:.3f}"
)
