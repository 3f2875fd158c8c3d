"""What the examples of several help texts share; a test runs all of them in order."""

from __future__ import annotations

FILES = """\
  python -c "from sklearn.datasets import load_breast_cancer as load; \\
      rows = load(as_frame=True).frame; rows[400:].to_csv('test.csv', index=False); \\
      rows[:400].to_csv('train.csv', index=False)"
"""
"""Makes two CSV files of scikit-learn's data, with two classes in the column target."""

TRAIN = """\
  sklearn-sagemaker train train.csv --label target \\
      --predictor-type binary_classifier --model cancer.joblib
"""

WITH_MODEL = "'train --help' shows how to make the files of these examples:"

TRUST = (
    "Model files of joblib can run code when loaded, so load only those from a source\n"
    "that you trust; .skops files and SageMaker's model.tar.gz run none."
)
