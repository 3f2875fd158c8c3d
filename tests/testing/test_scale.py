"""The service's waits, and their scale."""

import sys
import threading

import boto3
import pytest

from sklearn_sagemaker.testing import SageMakerEmulator
from sklearn_sagemaker.testing.account import LEAST_SECONDS, Account
from tests.testing.jobs import IMAGE, PROGRAM, configure, ended, job


class Waited(threading.Event):
    seconds = ()

    def wait(self, timeout=None):
        self.seconds += (timeout,)
        return super().wait(0)


@pytest.mark.parametrize(("scale", "waited"), [(0.0, ()), (0.5, (45.0,))])
def test_waits_are_scaled(scale, waited):
    account, asked = Account(None, None, None, None, scale), Waited()
    account.wait("Starting", asked)
    assert asked.seconds == waited
    assert account.grace(120) == max(120 * scale, LEAST_SECONDS)


def test_jobs_and_endpoints_wait_and_are_stopped_meanwhile():
    with SageMakerEmulator(scale=1000.0) as emulator:
        emulator.image(IMAGE, [sys.executable, "-I", "-S", "-c", PROGRAM])
        sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
        sagemaker.create_training_job(**job(emulator, "waits"))
        found = sagemaker.describe_training_job(TrainingJobName="waits")
        assert found["SecondaryStatus"] == "Starting"
        sagemaker.stop_training_job(TrainingJobName="waits")
        assert ended(sagemaker, "waits")["TrainingJobStatus"] == "Stopped"
        s3.put_object(Bucket=emulator.bucket, Key="m", Body=b"")
        image = {"Image": IMAGE, "ModelDataUrl": f"s3://{emulator.bucket}/m"}
        model = {"ExecutionRoleArn": emulator.role, "PrimaryContainer": image}
        sagemaker.create_model(ModelName="waits", **model)
        configure(sagemaker, "waits", "waits")
        sagemaker.create_endpoint(EndpointName="waits", EndpointConfigName="waits")
        found = sagemaker.describe_endpoint(EndpointName="waits")
        assert found["EndpointStatus"] == "Creating"
        sagemaker.delete_endpoint(EndpointName="waits")
