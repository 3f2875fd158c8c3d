"""What the examples of several help texts share; a test runs all of them in order."""

from __future__ import annotations

CANCER = """\
  python -c "from sklearn.datasets import load_breast_cancer as load; \\
      load(as_frame=True).frame.to_csv('cancer.csv', index=False)"
"""
"""Makes a CSV file of scikit-learn's data: 569 rows, two classes in `target`."""

TRAIN = """\
  sklearn-sagemaker train cancer.csv --label target \\
      --predictor-type binary_classifier --model cancer.joblib
"""

WITH_MODEL = "'train --help' shows how to make the files of these examples:"

TRUST = (
    "Model files of joblib can run code when loaded, so load only those from a source\n"
    "that you trust; .skops files and SageMaker's model.tar.gz run none."
)
