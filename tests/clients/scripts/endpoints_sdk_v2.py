"""SageMaker's SDK v2: kinds of endpoints, spot jobs, warm pools, registry, pipelines.

A rule of the emulator must take back the instances of jobs whose names hold "spot".
"""

import json
import time
from urllib.parse import urlsplit

import boto3
import numpy as np
import sagemaker
import steps
from sagemaker import LinearLearner, ModelPackage
from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
from sagemaker.deserializers import JSONDeserializer, StringDeserializer
from sagemaker.exceptions import AsyncInferenceModelError
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.model_monitor import DataCaptureConfig
from sagemaker.serializers import CSVSerializer
from sagemaker.serverless import ServerlessInferenceConfig
from sagemaker.session import production_variant
from sagemaker.workflow.functions import Join
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import TrainingStep

SESSION = sagemaker.Session()
BUCKET = SESSION.default_bucket()
ROLE = sagemaker.get_execution_role()
CLIENT, S3 = boto3.client("sagemaker"), boto3.client("s3")
MACHINES = {"instance_count": 1, "instance_type": "ml.m5.large"}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3)).astype("float32")
Y = (X[:, 0] > X[:, 1]).astype("float32")
TYPES = (["text/csv"], ["application/json"], ["ml.m5.large"], ["ml.m5.large"])
CALLS = {"serializer": CSVSerializer(), "deserializer": JSONDeserializer()}
MADE = {}


def learner(**more):
    return LinearLearner(
        ROLE, **MACHINES, predictor_type="binary_classifier", epochs=3, num_models=2,
        **more,
    )  # fmt: skip


def fit(estimator, **more):
    records = estimator.record_set(X, Y)
    estimator.fit(records, mini_batch_size=50, logs=False, **more)
    return estimator


def trained():
    MADE["estimator"] = fit(learner())
    predictor = MADE["estimator"].deploy(1, "ml.m5.large", **CALLS)
    MADE["scores"] = predictor.predict(X[:3])
    predictor.delete_endpoint()


def serverless():
    config = ServerlessInferenceConfig(memory_size_in_mb=1024, max_concurrency=2)
    predictor = MADE["estimator"].deploy(serverless_inference_config=config, **CALLS)
    assert predictor.predict(X[:3]) == MADE["scores"]
    found = CLIENT.describe_endpoint(EndpointName=predictor.endpoint_name)
    [variant] = found["ProductionVariants"]
    assert variant["CurrentServerlessConfig"]["MaxConcurrency"] == 2
    predictor.delete_endpoint()


def asynchronous():
    predictor = MADE["estimator"].deploy(
        1, "ml.m5.large", async_inference_config=AsyncInferenceConfig(), **CALLS
    )
    waits = WaiterConfig(max_attempts=100, delay=1)
    assert predictor.predict(X[:3], waiter_config=waits) == MADE["scores"]
    later = predictor.predict_async(X[:3])
    assert later.get_result(waits) == MADE["scores"]
    # The SDK reads failures by the deserializer of answers, too.
    predictor.predictor.deserializer = StringDeserializer()
    bad = predictor.predict_async("a,b\n")
    error = steps.raised(AsyncInferenceModelError, bad.get_result, waits)
    assert "400" in str(error), error
    predictor.delete_endpoint()


def variants_and_capture():
    names = []
    for name in ("a", "b"):
        model = MADE["estimator"].create_model(name=f"variant-{name}")
        model.create(instance_type="ml.m5.large")
        names.append(
            production_variant(
                f"variant-{name}",
                "ml.m5.large",
                1,
                variant_name=name,
                initial_weight=1,
            )
        )
    capture = DataCaptureConfig(True, 100, f"s3://{BUCKET}/captured")
    SESSION.endpoint_from_production_variants(
        "several",
        names,
        data_capture_config_dict=capture._to_request_dict(),
    )
    predictor = sagemaker.Predictor("several", SESSION, **CALLS)
    for name in ("a", "b"):
        found = predictor.predict(X[:3], target_variant=name)
        assert found == MADE["scores"]
    CLIENT.update_endpoint_weights_and_capacities(
        EndpointName="several",
        DesiredWeightsAndCapacities=[{"VariantName": "a", "DesiredWeight": 0}],
    )
    SESSION.wait_for_endpoint("several", poll=1)
    runtime = boto3.client("sagemaker-runtime")
    for _ in range(3):
        answer = runtime.invoke_endpoint(
            EndpointName="several", Body=b"1,2,3", ContentType="text/csv"
        )
        assert answer["InvokedProductionVariant"] == "b"
    predictor.delete_endpoint()
    seen = []
    for name, count in (("a", 1), ("b", 4)):
        lines = []
        while len(lines) < count:
            found = S3.list_objects_v2(
                Bucket=BUCKET, Prefix=f"captured/several/{name}/"
            )
            lines = [
                line
                for item in found.get("Contents", ())
                for line in S3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"]
                .read()
                .splitlines()
            ]
            time.sleep(1)
        assert len(lines) == count, lines
        seen += lines
    said = json.loads(seen[0])["captureData"]
    assert said["endpointInput"]["encoding"] == "CSV", said
    assert json.loads(said["endpointOutput"]["data"]) == MADE["scores"]


def spot():
    uri = f"s3://{BUCKET}/checkpoints"
    estimator = learner(
        use_spot_instances=True, max_run=300, max_wait=600, checkpoint_s3_uri=uri,
        base_job_name="spot",
    )  # fmt: skip
    fit(estimator)
    found = CLIENT.describe_training_job(
        TrainingJobName=estimator.latest_training_job.name
    )
    statuses = [item["Status"] for item in found["SecondaryStatusTransitions"]]
    assert statuses.count("Interrupted") == 1, statuses
    assert statuses.count("Training") == 2, statuses
    assert found["BillableTimeInSeconds"] <= found["TrainingTimeInSeconds"]
    estimator.deploy(1, "ml.m5.large", **CALLS).delete_endpoint()


def warm_pool():
    estimator = learner(keep_alive_period_in_seconds=600)
    fit(estimator, job_name="warm-1")
    fit(estimator, job_name="warm-2")
    first, second = (
        CLIENT.describe_training_job(TrainingJobName=name)["WarmPoolStatus"]
        for name in ("warm-1", "warm-2")
    )
    assert (first["Status"], first["ReusedByJob"]) == ("Reused", "warm-2")
    assert second["Status"] == "Available"
    SESSION.update_training_job(
        "warm-2", resource_config={"KeepAlivePeriodInSeconds": 0}
    )
    found = CLIENT.describe_training_job(TrainingJobName="warm-2")
    assert found["WarmPoolStatus"]["Status"] == "Terminated"


def compiled():
    estimator = MADE["estimator"]
    estimator.compile_model(
        "ml_c5", {"data": [1, 3]}, f"s3://{BUCKET}/neo", framework="mxnet",
        framework_version="1.8",
    )  # fmt: skip
    predictor = estimator.deploy(
        1, "ml.c5.large", use_compiled_model=True, endpoint_name="compiled", **CALLS
    )
    assert predictor.predict(X[:3]) == MADE["scores"]
    predictor.delete_endpoint()


def registry():
    package = MADE["estimator"].register(*TYPES, model_package_group_name="book")
    found = CLIENT.describe_model_package(ModelPackageName=package.model_package_arn)
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    deployed = ModelPackage(
        ROLE, model_package_arn=package.model_package_arn, sagemaker_session=SESSION
    )
    deployed.deploy(1, "ml.m5.large", endpoint_name="registered")
    predictor = sagemaker.Predictor("registered", SESSION, **CALLS)
    assert predictor.predict(X[:3]) == MADE["scores"]
    predictor.delete_endpoint()
    found = CLIENT.describe_model_package(ModelPackageName=package.model_package_arn)
    assert found["ModelApprovalStatus"] == "Approved"


def pipeline():
    session = PipelineSession()
    epochs = ParameterInteger("Epochs", default_value=2)
    status = ParameterString("Status", default_value="PendingManualApproval")
    image = MADE["estimator"].training_image_uri()
    estimator = sagemaker.estimator.Estimator(
        image, ROLE, **MACHINES, sagemaker_session=session,
        output_path=Join(on="/", values=[f"s3://{BUCKET}", "pipeline"]),
    )  # fmt: skip
    estimator.set_hyperparameters(
        predictor_type="binary_classifier", epochs=epochs, num_models=2,
        mini_batch_size=50, feature_dim=3,
    )  # fmt: skip
    records = learner().record_set(X, Y)
    data = TrainingInput(
        records.s3_data, distribution="ShardedByS3Key", s3_data_type="ManifestFile"
    )
    train = TrainingStep("Train", step_args=estimator.fit({"train": data}))
    model = Model(
        image,
        train.properties.ModelArtifacts.S3ModelArtifacts,
        ROLE,
        sagemaker_session=session,
    )
    register = ModelStep(
        "Register",
        step_args=model.register(
            *TYPES, model_package_group_name="by-pipeline", approval_status=status
        ),
    )
    made = Pipeline(
        "book",
        parameters=[epochs, status],
        steps=[train, register],
        sagemaker_session=session,
    )
    made.upsert(ROLE)
    made.upsert(ROLE, description="again")
    execution = made.start({"Epochs": 1, "Status": "Approved"})
    execution.wait(delay=1, max_attempts=300)
    assert execution.describe()["PipelineExecutionStatus"] == "Succeeded"
    found = {step["StepName"]: step for step in execution.list_steps()}
    assert set(found) == {"Train", "Register-RegisterModel"}, found
    assert {step["StepStatus"] for step in found.values()} == {"Succeeded"}
    values = execution.list_parameters()["PipelineParameters"]
    assert {"Name": "Epochs", "Value": "1"} in values
    arn = found["Train"]["Metadata"]["TrainingJob"]["Arn"]
    job = CLIENT.describe_training_job(TrainingJobName=arn.rpartition("/")[2])
    assert job["HyperParameters"]["epochs"] == "1"
    assert urlsplit(job["ModelArtifacts"]["S3ModelArtifacts"]).path.startswith(
        "/pipeline/"
    )
    package = found["Register-RegisterModel"]["Metadata"]["RegisterModel"]["Arn"]
    package = CLIENT.describe_model_package(ModelPackageName=package)
    [container] = package["InferenceSpecification"]["Containers"]
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert container["ModelDataUrl"] == artifact
    assert package["ModelApprovalStatus"] == "Approved"
    made.delete()


steps.run(
    trained,
    serverless,
    asynchronous,
    variants_and_capture,
    spot,
    warm_pool,
    compiled,
    registry,
    pipeline,
)
