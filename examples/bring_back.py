"""
Bring back a model trained in SageMaker
=======================================

Somebody has trained Linear Learner in SageMaker, by its SDK or in the console. The name
of the job is enough: ``attach`` reads its hyperparameters, its artifact, and what log
and metrics say, and there is a fitted estimator.
"""

# %%
# Somebody's job
# --------------
# Made on the emulator, by boto3 alone. In an account of yours it is there already.

import boto3
import numpy as np
from sklearn.datasets import load_breast_cancer

from sklearn_sagemaker import LinearLearnerClassifier, save_artifact
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.testing import SageMakerEmulator

X, y = load_breast_cancer(return_X_y=True)


def train_there(emulator: SageMakerEmulator, name: str) -> None:
    """Train as others do."""
    rows = write_recordio(None, X.astype(np.float32), y.astype(np.float32))
    boto3.client("s3").put_object(Bucket=emulator.bucket, Key="rows.pbr", Body=rows)
    place = f"s3://{emulator.bucket}"
    source = {"S3DataType": "S3Prefix", "S3Uri": f"{place}/rows.pbr"}
    boto3.client("sagemaker").create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": "382416733822.dkr.ecr.us-east-1.amazonaws.com/"
            "linear-learner:1",
            "TrainingInputMode": "File",
        },
        RoleArn=emulator.role,
        HyperParameters={"predictor_type": "binary_classifier", "epochs": "4"},
        InputDataConfig=[
            {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
        ],
        OutputDataConfig={"S3OutputPath": f"{place}/models"},
        ResourceConfig={
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 10,
        },
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )


# %%
# The model
# ---------
# With the arguments that the job was told, and SageMaker's defaults for the others.

with SageMakerEmulator(scale=0.0) as emulator:
    train_there(emulator, "their-job")

    backend = SageMakerBackend(poll=0.5)
    model = LinearLearnerClassifier.attach("their-job", backend=backend)
    print(f"{model.training_job_['name']}: {model.training_job_['image']}")
    print(f"epochs={model.epochs}, mini_batch_size={model.mini_batch_size}")
    print(f"threshold {model.threshold_:.3f}, accuracy {model.score(X, y):.3f}")
    print("loss by epoch:", np.round(model.loss_curve_, 3))
    save_artifact(model, "model.tar.gz")
    print("written to model.tar.gz, which sklearn-sagemaker serve takes")
