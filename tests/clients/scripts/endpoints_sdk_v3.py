"""SageMaker's SDK v3, its objects: kinds of endpoints, spot, warm pools, pipelines.

A rule of the emulator must take back the instances of the job "spot".
"""

import json
import time

import boto3
import steps
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import (
    Endpoint,
    EndpointConfig,
    Model,
    ModelPackage,
    ModelPackageGroup,
    Pipeline,
    PipelineExecution,
    TrainingJob,
)
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    AsyncInferenceConfig,
    AsyncInferenceOutputConfig,
    CaptureOption,
    Channel,
    CheckpointConfig,
    ContainerDefinition,
    DataCaptureConfig,
    DataSource,
    DesiredWeightAndCapacity,
    OutputDataConfig,
    ProductionVariant,
    ResourceConfig,
    S3DataSource,
    StoppingCondition,
)

SESSION = Session()
BUCKET = SESSION.default_bucket()
ROLE = get_execution_role()
IMAGE = image_uris.retrieve("linear-learner", SESSION.boto_region_name)
S3 = boto3.client("s3")
ROWS = "1.5,3\n0.5,4\n"
MADE = {}


def train(name, keep=None, **more):
    source = S3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{BUCKET}/train/")
    kept = {} if keep is None else {"keep_alive_period_in_seconds": keep}
    stopping = StoppingCondition(
        max_runtime_in_seconds=300, max_wait_time_in_seconds=more.pop("longest", None)
    )
    job = TrainingJob.create(
        training_job_name=name,
        hyper_parameters={
            "predictor_type": "binary_classifier",
            "epochs": "2",
            "num_models": "1",
            "mini_batch_size": "10",
        },
        algorithm_specification=AlgorithmSpecification(
            training_image=IMAGE, training_input_mode="File"
        ),
        role_arn=ROLE,
        input_data_config=[
            Channel(
                channel_name="train",
                content_type="text/csv",
                data_source=DataSource(s3_data_source=source),
            )
        ],
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/out"),
        resource_config=ResourceConfig(
            instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1, **kept
        ),
        stopping_condition=stopping,
        **more,
    )
    job.wait()
    job.refresh()
    return job


def serve(name, *variants, **more):
    EndpointConfig.create(
        endpoint_config_name=name, production_variants=list(variants), **more
    )
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService")
    return endpoint


def variant(name="a", model="book", **more):
    machines = {"instance_type": "ml.m5.large", "initial_instance_count": 1}
    return ProductionVariant(
        variant_name=name, model_name=model, **{**(more or machines)}
    )


def predictions(endpoint, **more):
    answer = endpoint.invoke(
        body=ROWS, content_type="text/csv", accept="application/json", **more
    )
    return json.loads(answer.body.read())["predictions"]


def objects_below(prefix):
    while True:
        found = S3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        if found["KeyCount"]:
            key = found["Contents"][0]["Key"]
            return S3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        time.sleep(0.2)


def a_model_and_a_warm_pool():
    lines = [f"{n % 2},{n % 2}.5,{n % 7}" for n in range(60)]
    body = "\n".join(lines).encode()
    S3.put_object(Bucket=BUCKET, Key="train/train.csv", Body=body)
    S3.put_object(
        Bucket=BUCKET, Key="in/rows.csv", Body=ROWS.encode(), ContentType="text/csv"
    )
    first, second = (train(name, keep=600) for name in ("warm-1", "warm-2"))
    first.refresh()
    assert first.warm_pool_status.status == "Reused", first.warm_pool_status
    assert second.warm_pool_status.status == "Available"
    MADE["artifact"] = second.model_artifacts.s3_model_artifacts
    Model.create(
        model_name="book",
        execution_role_arn=ROLE,
        primary_container=ContainerDefinition(
            image=IMAGE, model_data_url=MADE["artifact"]
        ),
    )


def serverless():
    # Objects of sagemaker-core 2.27 write MemorySizeInMb, which botocore refuses.
    config = {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
    boto3.client("sagemaker").create_endpoint_config(
        EndpointConfigName="serverless",
        ProductionVariants=[
            {"VariantName": "a", "ModelName": "book", "ServerlessConfig": config}
        ],
    )
    endpoint = Endpoint.create(
        endpoint_name="serverless", endpoint_config_name="serverless"
    )
    endpoint.wait_for_status("InService")
    endpoint.refresh()
    assert (
        endpoint.production_variants[0].current_serverless_config.max_concurrency == 2
    )
    MADE["scores"] = predictions(endpoint)
    assert len(MADE["scores"]) == 2
    endpoint.delete()


def asynchronous():
    output = AsyncInferenceOutputConfig(s3_output_path=f"s3://{BUCKET}/answers")
    endpoint = serve(
        "async",
        variant(),
        async_inference_config=AsyncInferenceConfig(output_config=output),
    )
    answer = endpoint.invoke_async(
        input_location=f"s3://{BUCKET}/in/rows.csv", accept="application/json"
    )
    found = objects_below(answer.output_location.split("/", 3)[3])
    assert json.loads(found)["predictions"] == MADE["scores"]
    endpoint.delete()


def variants_and_capture():
    capture = DataCaptureConfig(
        initial_sampling_percentage=100,
        destination_s3_uri=f"s3://{BUCKET}/captured",
        capture_options=[CaptureOption(capture_mode="Input")],
    )
    endpoint = serve("several", variant("a"), variant("b"), data_capture_config=capture)
    assert predictions(endpoint, target_variant="b") == MADE["scores"]
    assert b"endpointInput" in objects_below("captured/several/b/")
    endpoint.update_weights_and_capacities(
        desired_weights_and_capacities=[
            DesiredWeightAndCapacity(variant_name="a", desired_weight=3)
        ]
    )
    endpoint.wait_for_status("InService")
    endpoint.refresh()
    weights = [item.current_weight for item in endpoint.production_variants]
    assert weights == [3, 1], weights
    endpoint.delete()


def spot():
    job = train(
        "spot",
        longest=300,
        enable_managed_spot_training=True,
        checkpoint_config=CheckpointConfig(s3_uri=f"s3://{BUCKET}/checkpoints"),
    )
    assert job.training_job_status == "Completed", job
    statuses = [item.status for item in job.secondary_status_transitions]
    assert statuses.count("Interrupted") == 1, statuses


def registry_and_pipeline():
    ModelPackageGroup.create(model_package_group_name="book")
    # ModelPackage.create takes the InferenceSpecification of model cards only, which
    # hides the other class of this name in sagemaker-core 2.27.
    arn = boto3.client("sagemaker").create_model_package(
        ModelPackageGroupName="book",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": MADE["artifact"]}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    package = ModelPackage.get(arn)
    assert package.model_approval_status == "Approved"
    model = {"ModelPackageName": package.model_package_arn}
    step = {
        "Name": "Create",
        "Type": "Model",
        "Arguments": {"ExecutionRoleArn": ROLE, "Containers": [model]},
    }
    pipeline = Pipeline.create(
        pipeline_name="book",
        client_request_token="x" * 32,
        role_arn=ROLE,
        pipeline_definition=json.dumps({"Version": "2020-12-01", "Steps": [step]}),
    )
    arn = boto3.client("sagemaker").start_pipeline_execution(
        PipelineName=pipeline.pipeline_name, ClientRequestToken="x" * 32
    )["PipelineExecutionArn"]
    execution = PipelineExecution.get(arn)
    execution.wait_for_status("Succeeded")
    [done] = execution.get_all_steps()
    name = done.metadata.model.arn.rpartition("/")[2]
    endpoint = serve("version", variant(model=name))
    assert predictions(endpoint) == MADE["scores"]
    endpoint.delete()


steps.run(
    a_model_and_a_warm_pool,
    serverless,
    asynchronous,
    variants_and_capture,
    spot,
    registry_and_pipeline,
)
