"""The same calls of a session, for SageMaker's SDK v2 and for this package."""

import tempfile
from pathlib import Path

IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:1"
MODEL = "s3://b/model.tar.gz"
ROLE = "arn:aws:iam::111122223333:role/R"
TAGS = [{"Key": "team", "Value": "a"}]
VPC = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 50,
    "DestinationS3Uri": "s3://b/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}
JOB = {
    "TrainingJobName": "job",
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    "RoleArn": ROLE,
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "ResourceConfig": {
        "InstanceType": "ml.m5.large",
        "InstanceCount": 1,
        "VolumeSizeInGB": 1,
    },
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    "VpcConfig": VPC,
}
SESSION_CASES = {}


def case(function):
    SESSION_CASES[function.__name__] = function
    return function


@case
def session_uploads(sm, session):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "more").mkdir()
        (Path(folder) / "a.csv").write_text("1,2")
        (Path(folder) / "more" / "b.csv").write_text("3,4")
        session.upload_data(f"{folder}/a.csv")
        session.upload_data(path=folder, bucket="other", key_prefix="some/where")
        session.upload_data(
            folder, key_prefix="kms", extra_args={"ServerSideEncryption": "aws:kms"}
        )
    session.upload_string_as_file_body("text", "other", "key")
    bucket = session.default_bucket()
    session.upload_string_as_file_body("text", bucket, "key", kms_key="k")


@case
def session_models(sm, session):
    session.create_model("image-only", ROLE, IMAGE)
    session.create_model("role-by-name", "Named", {"Image": IMAGE})
    session.create_model(
        name="everything",
        role=ROLE,
        container_defs=sm.container_def(IMAGE, MODEL, {"A": "1"}, "MultiModel"),
        vpc_config=VPC,
        enable_network_isolation=True,
        tags={"team": "a"},
    )
    session.create_model("pipeline", ROLE, [{"Image": IMAGE}, {"Image": IMAGE}])
    session.create_model("package", ROLE, {"ModelPackageName": "arn:package"})
    session.create_model(
        "licensed", ROLE, sm.container_def(IMAGE, MODEL, accept_eula=True)
    )
    session.delete_model("image-only")


@case
def session_model_from_a_job(sm, session):
    session.sagemaker_client.create_training_job(**JOB)
    session.create_model_from_job("job")
    session.create_model_from_job(
        "job", "mine", ROLE, IMAGE, MODEL, {"A": "1"}, True, None, TAGS
    )


@case
def session_configurations(sm, session):
    session.create_endpoint_config("minimal", "m", 1, "ml.m5.large")
    session.create_endpoint_config(
        "everything",
        "m",
        2,
        "ml.c5.xlarge",
        "ml.eia2.medium",
        {"team": "a"},
        "key",
        CAPTURE,
        volume_size=20,
        model_data_download_timeout=60,
        container_startup_health_check_timeout=90,
        inference_ami_version="al2-ami-sagemaker-inference-gpu-2",
    )
    session.create_endpoint_config(
        "serverless",
        "m",
        serverless_inference_config_dict={"MemorySizeInMB": 1024, "MaxConcurrency": 2},
    )
    session.create_endpoint_config(
        "asynchronous",
        "m",
        1,
        "ml.m5.large",
        async_inference_config_dict={"OutputConfig": {"S3OutputPath": "s3://b/out"}},
    )
    bare = {
        "VariantName": "AllTraffic",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    session.create_endpoint_config("bare", production_variants=[bare], role="Named")
    session.delete_endpoint_config("bare")


@case
def session_configuration_from_another(sm, session):
    session.create_endpoint_config("old", "m", 1, "ml.m5.large", kms_key="key")
    session.create_endpoint_config_from_existing("old", "new")
    variant = sm.production_variant("n", "ml.c5.large", 3, "Other", 0.5)
    session.create_endpoint_config_from_existing(
        "old", "newer", TAGS, "key-2", CAPTURE, [variant]
    )


@case
def session_endpoints(sm, session):
    session.create_endpoint("e", "c")
    session.create_endpoint("tagged", "c", {"team": "a"}, wait=False)
    session.update_endpoint("e", "d")
    session.delete_endpoint("tagged")


@case
def session_endpoint_from_variants(sm, session):
    variant = sm.production_variant("m", "ml.m5.large")
    session.endpoint_from_production_variants("e", [variant])
    session.endpoint_from_production_variants(
        name="everything",
        production_variants=[variant],
        tags=TAGS,
        kms_key="key",
        wait=False,
        data_capture_config_dict=CAPTURE,
        async_inference_config_dict={"OutputConfig": {"S3OutputPath": "s3://b/out"}},
        vpc_config=VPC,
        enable_network_isolation=True,
        role=ROLE,
    )


@case
def session_endpoint_from_a_job(sm, session):
    session.sagemaker_client.create_training_job(**JOB)
    session.endpoint_from_job("job", 1, "ml.m5.large")


@case
def session_endpoint_from_data(sm, session):
    session.endpoint_from_model_data(
        MODEL,
        IMAGE,
        1,
        "ml.m5.large",
        role=ROLE,
        model_environment_vars={"A": "1"},
        model_vpc_config=VPC,
        tags=TAGS,
    )


@case
def session_jobs(sm, session):
    session.sagemaker_client.create_training_job(**JOB)
    session.update_training_job("job", resource_config={"KeepAlivePeriodInSeconds": 0})
    session.stop_training_job("job")
    session.stop_transform_job("none")


@case
def session_compilation(sm, session):
    session.compile_model(
        {"S3Uri": MODEL, "DataInputConfig": '{"data": [1, 4]}', "Framework": "MXNET"},
        {"S3OutputLocation": "s3://b/neo", "TargetDevice": "ml_c5"},
        ROLE,
        "compilation",
        {"MaxRuntimeInSeconds": 900},
        TAGS,
    )
    session.wait_for_compilation_job("compilation")


@case
def session_packages(sm, session):
    session.create_model_package_from_containers(
        [{"Image": IMAGE, "ModelDataUrl": MODEL}],
        ["text/csv"],
        ["application/json"],
        ["ml.m5.large"],
        ["ml.m5.large"],
        model_package_group_name="group",
        approval_status="Approved",
        description="what it is",
        customer_metadata_properties={"a": "b"},
    )
    session.create_model_package_from_containers(
        [{"Image": IMAGE}],
        ["text/csv"],
        ["text/csv"],
        ["ml.m5.large"],
        ["ml.m5.large"],
        "named",
        marketplace_cert=True,
    )
    session.create_model_package_from_algorithm("a", "what", "arn:algorithm", MODEL)
