"""Buckets of example data, which notebooks of AWS read."""

from __future__ import annotations

import gzip
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BUCKETS = ("sagemaker-example-files-prod-{region}", "sagemaker-sample-files")


def fill(s3: Any, region: str, folder: Path | None = None) -> None:
    """Make the buckets, and put data in: stand-ins from scikit-learn, or real ones.

    Parameters
    ----------
    s3 : client of boto3
    region : str
    folder : Path, optional
        Objects, by their keys, such as ``datasets/image/MNIST/mnist.pkl.gz``; they
        replace stand-ins of the same key.
    """
    place = {}
    if region != "us-east-1":
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    given = {} if folder is None else dict(_files(folder))
    objects = {**_stand_ins(), **given}
    for name in BUCKETS:
        bucket = name.format(region=region)
        s3.create_bucket(Bucket=bucket, **place)
        for key, body in objects.items():
            if isinstance(body, Path):
                s3.upload_file(str(body), bucket, key)
            else:
                s3.put_object(Bucket=bucket, Key=key, Body=body)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _stand_ins() -> dict[str, bytes]:
    """scikit-learn's own data sets, under AWS's keys and in its formats."""
    from sklearn.datasets import load_breast_cancer, load_iris

    iris, cancer = load_iris(), load_breast_cancer()
    flowers = [f"Iris-{iris.target_names[label]}" for label in iris.target]
    return {
        "datasets/image/MNIST/mnist.pkl.gz": _digits(),
        "datasets/tabular/iris/iris.data": _table(iris.data, after=flowers),
        "datasets/tabular/breast_cancer/wdbc.csv": _table(
            cancer.data,
            before=[f"{row},{'MB'[label]}" for row, label in enumerate(cancer.target)],
        ),
    }


def _digits() -> bytes:
    """scikit-learn's digits, enlarged to the 28 x 28 pixels of MNIST, in three sets."""
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    large = np.kron(digits.images / 16.0, np.ones((3, 3)))
    images = np.pad(large, ((0, 0), (2, 2), (2, 2))).reshape(len(large), -1)
    images = images.astype(np.float32)
    ends = slice(0, 1200), slice(1200, 1500), slice(1500, None)
    sets = tuple((images[part], digits.target[part]) for part in ends)
    return gzip.compress(pickle.dumps(sets), 1)


def _table(
    X: Any, before: list[str] | None = None, after: list[str] | None = None
) -> bytes:
    """Rows as CSV, with a column before or after them."""
    stream = io.StringIO()
    for number, row in enumerate(X):
        cells = [repr(float(value)) for value in row]
        if before:
            cells.insert(0, before[number])
        if after:
            cells.append(after[number])
        stream.write(",".join(cells) + "\n")
    return stream.getvalue().encode()
