"""
From your machine to SageMaker's format and back
================================================

Write training rows as SageMaker takes them, train on that very file, save the model as
SageMaker's ``model.tar.gz``, read it back, and predict the same. Both files are left in
the current folder.
"""

# %%
# The rows
# --------
# Tumours, benign or malignant. Records hold numbers: malignant, which has to be found,
# is 1. One of three tumours is kept aside to test.

import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

from sklearn_sagemaker import LinearLearnerClassifier, load_artifact, save_artifact
from sklearn_sagemaker.io import FileDataset, read_recordio, write_recordio

data = load_breast_cancer()
X, malignant = data.data.astype(np.float32), (data.target == 0).astype(int)
X_train, X_test, y_train, y_test = train_test_split(
    X, malignant, test_size=1 / 3, stratify=malignant, random_state=0
)

# %%
# The file
# --------
# RecordIO-protobuf, byte for byte as SageMaker's SDK would write it. Each record has a
# header of 8 bytes: a magic number and the length of the message behind it.

write_recordio("train.pbr", X_train, y_train)
raw = Path("train.pbr").read_bytes()
print(f"train.pbr: {len(y_train)} rows, {X.shape[1]} features, {len(raw):,} bytes")
print(f"  magic    {raw[:4].hex(' ')}")
print(f"  length   {raw[4:8].hex(' ')} = {int.from_bytes(raw[4:8], 'little')} bytes")
print(f"  message  {raw[8:32].hex(' ')} ...")

X_read, y_read = read_recordio("train.pbr")
assert (X_read == X_train).all()
assert (y_read == y_train).all()

# %%
# The fit
# -------
# Straight from the file, which might as well be many, larger than memory. Missing a
# malignant one is worse than a false alarm: the threshold is set to find 99 %.

model = LinearLearnerClassifier(
    binary_classifier_model_selection_criteria="precision_at_target_recall",
    target_recall=0.99,
    random_state=0,
)
model.fit(FileDataset("train.pbr"))
print(f"\ntrained on train.pbr: threshold {model.threshold_:.3f}")

# %%
# The artifact
# ------------
# A tar file with a zip file in it, as SageMaker's training jobs leave it. MXNet loads
# the graph and its parameters; the further members hold what SageMaker's have no place
# for.

save_artifact(model, "model.tar.gz")
print(f"\nmodel.tar.gz: {Path('model.tar.gz').stat().st_size:,} bytes")
with tarfile.open("model.tar.gz") as archive:
    for outer in archive.getmembers():
        print(f"  {outer.name}")
        inner = zipfile.ZipFile(BytesIO(archive.extractfile(outer).read()))
        for member in inner.infolist():
            print(f"    {member.filename:32s}{member.file_size:6,} bytes")

# %%
# And back
# --------
# The same estimator again, as far as predictions go.

again = load_artifact("model.tar.gz")
assert (again.predict_proba(X_test) == model.predict_proba(X_test)).all()
assert (again.predict(X_test) == model.predict(X_test)).all()
assert again.threshold_ == model.threshold_
print(f"\nread back: {len(y_test)} predictions of test rows, all equal")

matrix = confusion_matrix(y_test, again.predict(X_test), labels=[1, 0])
print("\n                said malignant  said benign")
print(f"is malignant    {matrix[0, 0]:14d}  {matrix[0, 1]:11d}")
print(f"is benign       {matrix[1, 0]:14d}  {matrix[1, 1]:11d}")

# %%
# A model of SageMaker's
# ----------------------
# It is read in the same way, with the threshold that SageMaker calibrated, but holds no
# labels. Pass what you know better; ``artifact_source_`` tells what came from where. At
# 0.5 this model overlooks more.

half = load_artifact("model.tar.gz", threshold=0.5)
print()
for name in ("classes", "threshold"):
    print(f"{name}: as the {half.artifact_source_[name]} says")
for threshold, one in ((again.threshold_, again), (0.5, half)):
    missed = int((one.predict(X_test) < y_test).sum())
    print(f"threshold {threshold:.3f} overlooks {missed} of {y_test.sum()}")
