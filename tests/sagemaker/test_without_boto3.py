"""The package imports, and constructs, without boto3, pandas and a region."""

import subprocess
import sys

PROGRAM = """
import sys
for name in ("boto3", "botocore", "s3transfer", "pandas"):
    sys.modules[name] = None
from sklearn_sagemaker import load_artifact, sagemaker
for name in sagemaker.__all__:
    getattr(sagemaker, name)
learner = sagemaker.LinearLearner("R/x", 1, "ml.m5.large", "regressor", wd=0.5)
sagemaker.LinearLearnerModel("s3://b/m.tar.gz", "R")
sagemaker.LinearLearnerPredictor("endpoint")
for call in (lambda: learner.fit("s3://b/x"), lambda: load_artifact("of-a-job")):
    try:
        call()
    except OSError as error:
        print(type(error).__name__, error)
    except ImportError as error:
        print(type(error).__name__, error)
"""


def test_names_without_boto3_and_what_asks_for_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    first, second = done.stdout.splitlines()
    assert first.startswith("OptionalDependencyError boto3 is needed for SageMaker")
    assert second.startswith("FileNotFoundError There is no file 'of-a-job'")
    assert "sklearn_sagemaker[sagemaker]" in second
