"""
Data that lives in S3
=====================

``S3Data`` says where rows are, and what nobody should have to look up: the classes and
the number of features. A job reads the objects in place, and nothing passes through
this machine; a fit here reads a copy. It runs on the emulator.
"""

# %%
# Rows in two objects
# -------------------
# Digits, as records with their labels inside.

import boto3
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_sagemaker import LinearLearnerClassifier
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.io import S3Data, write_recordio
from sklearn_sagemaker.testing import SageMakerEmulator

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# One line, two places
# --------------------

with SageMakerEmulator(scale=0.0) as emulator:
    s3 = boto3.client("s3")
    for part in range(2):
        rows = write_recordio(None, X_train[part::2], y_train[part::2] * 1.0)
        s3.put_object(Bucket=emulator.bucket, Key=f"digits/{part}.pbr", Body=rows)

    rows = S3Data(
        f"s3://{emulator.bucket}/digits/", classes=range(10), n_features=X.shape[1]
    )
    model = LinearLearnerClassifier(random_state=0, epochs=5, num_models=4)
    model.set_params(backend=SageMakerBackend(image="sklearn-sagemaker", poll=0.5))
    model.fit(rows)
    print(f"trained there: accuracy {model.score(X_test, y_test):.3f}")
    here = model.set_params(backend="local").fit(rows)
    print(f"trained here:  accuracy {here.score(X_test, y_test):.3f}")
