"""Deployments of the revived classes, executed by the emulator."""

import json

import boto3
import numpy as np
import pytest

from sklearn_sagemaker import LinearLearnerClassifier, sagemaker, save_artifact
from sklearn_sagemaker.exceptions import ModelError, WaitTimeoutError
from sklearn_sagemaker.sagemaker.async_inference import (
    AsyncInferenceConfig,
    WaiterConfig,
)
from sklearn_sagemaker.sagemaker.model_monitor import DataCaptureConfig
from sklearn_sagemaker.sagemaker.predictor_async import AsyncPredictor
from sklearn_sagemaker.sagemaker.serverless import ServerlessInferenceConfig
from sklearn_sagemaker.testing import SageMakerEmulator
from tests.testing.jobs import keys_below, read

X = np.float32([[1.5, 0.5], [-1.0, 2.0], [0.25, -3.0]])
SOON = WaiterConfig(max_attempts=600, delay=0.05)


@pytest.fixture(scope="module")
def emulator():
    with SageMakerEmulator() as running:
        yield running


@pytest.fixture(scope="module")
def estimator():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 2))
    return LinearLearnerClassifier(epochs=1, random_state=0).fit(
        rows, rows[:, 0] > rows[:, 1]
    )


@pytest.fixture(scope="module")
def model(emulator, estimator, tmp_path_factory):
    """Makes models of a stored artifact."""
    path = tmp_path_factory.mktemp("model") / "model.tar.gz"
    save_artifact(estimator, path)
    boto3.client("s3").upload_file(str(path), emulator.bucket, "model.tar.gz")
    uri = f"s3://{emulator.bucket}/model.tar.gz"
    return lambda **more: sagemaker.LinearLearnerModel(uri, emulator.role, **more)


@pytest.fixture
def s3(emulator):
    return boto3.client("s3")


def labels(records):
    return [
        record.label["predicted_label"].float32_tensor.values[0] for record in records
    ]


def test_a_serverless_endpoint(model, estimator):
    config = ServerlessInferenceConfig(1024, 3)
    with model().deploy(serverless_inference_config=config) as predictor:
        assert labels(predictor.predict(X)) == list(estimator.predict(X))
        found = boto3.client("sagemaker").describe_endpoint(
            EndpointName=predictor.endpoint_name
        )
    [variant] = found["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {
        "MemorySizeInMB": 1024, "MaxConcurrency": 3
    }  # fmt: skip


def test_an_asynchronous_endpoint(model, estimator, s3, emulator):
    config = AsyncInferenceConfig(max_concurrent_invocations_per_instance=2)
    with model().deploy(1, "ml.m5.large", async_inference_config=config) as predictor:
        assert isinstance(predictor, AsyncPredictor)
        found = predictor.predict(X, waiter_config=SOON)
        assert labels(found) == list(estimator.predict(X))
        # What is there already is not sent again.
        [key] = keys_below(s3, emulator, "async-endpoint-inputs/")
        path = f"s3://{emulator.bucket}/{key}"
        later = predictor.predict_async(input_path=path, inference_id="mine")
        assert later.output_path.endswith("/mine.out")
        assert labels(later.get_result(SOON)) == list(estimator.predict(X))
        bad = predictor.predict_async(X[:, :1])
        with pytest.raises(ModelError, match="client error \\(400\\)"):
            bad.get_result(SOON)
        predictor.serializer = sagemaker.serializers.CSVSerializer()
        predictor.deserializer = sagemaker.deserializers.JSONDeserializer()
        answer = predictor.predict(X, waiter_config=SOON)
        assert len(answer["predictions"]) == 3
        gone = predictor.predict_async(X)
    gone.output_path = gone.failure_path = f"s3://{emulator.bucket}/nothing"
    with pytest.raises(WaitTimeoutError):
        gone.get_result()


def test_capture(model, s3, emulator):
    config = DataCaptureConfig(
        True, 100, f"s3://{emulator.bucket}/captured", sagemaker_session=None
    )
    deployed = model().deploy(1, "ml.m5.large", data_capture_config=config)
    with deployed as predictor:
        predictor.serializer = sagemaker.serializers.CSVSerializer()
        predictor.deserializer = sagemaker.deserializers.JSONDeserializer()
        answer = predictor.predict(X[:1])
        [key] = keys_below(s3, emulator, f"captured/{predictor.endpoint_name}/")
    [line] = read(s3, emulator, key).splitlines()
    data = json.loads(line)["captureData"]
    assert data["endpointInput"]["data"].strip() == "1.5,0.5"
    assert data["endpointInput"]["encoding"] == "CSV"
    assert json.loads(data["endpointOutput"]["data"]) == answer


def test_a_model_is_registered_approved_and_deployed(model, estimator, emulator):
    package = model().register(
        ["application/x-recordio-protobuf"],
        ["application/json"],
        ["ml.m5.large"],
        ["ml.m5.large"],
        model_package_group_name="deployed",
    )
    client = boto3.client("sagemaker")
    name = package.model_package_arn
    status = client.describe_model_package(ModelPackageName=name)
    assert status["ModelApprovalStatus"] == "PendingManualApproval"
    with package.deploy(1, "ml.m5.large") as predictor:
        assert predictor.endpoint_name.startswith("deployed-")
        assert labels(predictor.predict(X)) == list(estimator.predict(X))
    status = client.describe_model_package(ModelPackageName=name)
    assert status["ModelApprovalStatus"] == "Approved"
    again = model().register(
        ["text/csv"], ["text/csv"], model_package_group_name="deployed"
    )
    assert again.model_package_arn.endswith("model-package/deployed/2")
    again.update_approval_status("Rejected", "worse")
    again.update_customer_metadata({"a": "1", "b": "2"})
    again.remove_customer_metadata_properties(["a"])
    found = client.describe_model_package(ModelPackageName=again.model_package_arn)
    assert found["ModelApprovalStatus"] == "Rejected"
    assert found["CustomerMetadataProperties"] == {"b": "2"}
    assert not again.enable_network_isolation()


def test_a_compiled_model_is_deployed(model, estimator, emulator):
    compiled = model()
    compiled.compile(
        "ml_c5", {"data": [1, 2]}, f"s3://{emulator.bucket}/neo", framework="mxnet"
    )
    assert compiled.model_data.endswith("/neo/model-ml_c5.tar.gz")
    with compiled.deploy(1, "ml.c5.large") as predictor:
        assert labels(predictor.predict(X)) == list(estimator.predict(X))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "model_package_arn is missing"),
        ({"algorithm_arn": "a"}, "algorithm_arn='a' is not built"),
    ],
)
def test_packages_that_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        sagemaker.ModelPackage("R", **arguments)


def test_models_that_cannot_be_registered(emulator):
    session = sagemaker.Session()
    model = sagemaker.Model("i:1", {"S3DataSource": {}}, "R", sagemaker_session=session)
    types = (["a"], ["b"], ["ml.m5.large"], ["ml.m5.large"])
    with pytest.raises(ValueError, match="takes a model.tar.gz"):
        model.register(*types, model_package_name="alone")
    model.model_data = None
    with pytest.raises(ValueError, match="exclude each other"):
        model.register(*types, model_package_name="a", model_package_group_name="b")
    with pytest.raises(ValueError, match="source_uri needs model_package_group_name"):
        model.register(*types, model_package_name="a", source_uri="s3://b/k")
    learner = sagemaker.LinearLearner("R", 1, "ml.m5.large", "regressor")
    with pytest.raises(ValueError, match="fit"):
        learner.register()
    package = sagemaker.ModelPackage(
        None, model_package_arn="a", sagemaker_session=session
    )
    with pytest.raises(ValueError, match="role is missing"):
        package.create()
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        sagemaker.model.Nothing  # noqa: B018
    assert sagemaker.model.ModelPackage is sagemaker.ModelPackage


@pytest.mark.slow
def test_spot_instances_and_warm_pools(emulator, capsys):
    """The estimator's arguments, executed: interruption, savings, and reuse."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 2)).astype("float32")
    y = (rows[:, 0] > 0).astype("float32")
    common = (emulator.role, 1, "ml.m5.large", "binary_classifier")
    spot = sagemaker.LinearLearner(
        *common,
        epochs=2,
        num_models=1,
        use_spot_instances=True,
        max_run=300,
        max_wait=300,
        checkpoint_s3_uri=f"s3://{emulator.bucket}/checkpoints",
    )
    records = spot.record_set(rows, y)
    emulator.fail("CreateTrainingJob", interrupt="epoch=0,", times=1)
    spot.fit(records, mini_batch_size=20)
    said = capsys.readouterr().out
    assert "Interrupted" in said
    assert "Managed Spot Training savings" in said
    client = boto3.client("sagemaker")
    pools = []
    for name in ("pool-1", "pool-2"):
        learner = sagemaker.LinearLearner(
            *common, epochs=1, num_models=1, keep_alive_period_in_seconds=600
        )
        learner.fit(records, mini_batch_size=20, logs=False, job_name=name)
    for name in ("pool-1", "pool-2"):
        found = client.describe_training_job(TrainingJobName=name)
        pools.append(found["WarmPoolStatus"]["Status"])
    assert pools == ["Reused", "Available"]
