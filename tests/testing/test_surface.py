"""The surface of the API: every operation that is answered, and those that are not."""

import json
import sys
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.botocore_stubber import BotocoreStubber

from sklearn_sagemaker.testing.control import _moto_has
from sklearn_sagemaker.testing.shapes import service_model
from tests.testing import tuning
from tests.testing.jobs import (
    IMAGE,
    SERVE,
    SERVER,
    configure,
    ended,
    in_service,
    job,
)
from tests.testing.test_training_jobs import check_shape


class Calls:
    """Calls operations by their names, and checks the shapes of their answers."""

    def __init__(self):
        self.client = boto3.client("sagemaker")
        self.methods = {
            name: method
            for method, name in self.client.meta.method_to_api_mapping.items()
        }
        self.made = set()

    def __call__(self, name, **arguments):
        answer = getattr(self.client, self.methods[name])(**arguments)
        self.made.add(name)
        answer.pop("ResponseMetadata")
        shape = service_model().operation_model(name).output_shape
        if shape is None:
            assert answer == {}, name
        else:
            check_shape(shape, answer, name)
            if not name.startswith(("List", "Search")):
                assert_full(answer, shape, name)
        return answer


def assert_full(value, shape, path):
    """No list is empty that need not be there."""
    if shape.type_name == "structure":
        for name, item in value.items():
            if name not in shape.required_members:
                assert item != [], f"{path}.{name} is empty"
            assert_full(item, shape.members[name], f"{path}.{name}")


def test_every_answer_has_its_shape(emulator):
    emulator.image(SERVER, [sys.executable, "-I", "-S", "-c", SERVE])
    calls = Calls()
    _jobs(emulator, calls)
    _tuning(emulator, calls)
    _compilations(emulator, calls)
    _registry(emulator, calls)
    _bookkeeping(emulator, calls)
    ours = set(emulator._front.control.operations)
    moto = {name for name in service_model().operation_names if _moto_has(name)}
    assert calls.made == ours | moto


def _jobs(emulator, calls):
    request = job(emulator, "whole", "put('m', 'model/m')", Environment={"A": "b"})
    request["Tags"] = [{"Key": "a", "Value": "1"}]
    arn = calls("CreateTrainingJob", **request)["TrainingJobArn"]
    assert ended(calls.client, "whole")["TrainingJobStatus"] == "Completed"
    calls("DescribeTrainingJob", TrainingJobName="whole")
    calls("AddTags", ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    calls("DeleteTags", ResourceArn=arn, TagKeys=["a"])
    tags = calls("ListTags", ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "b", "Value": "2"}]
    calls("CreateTrainingJob", **job(emulator, "long", "time.sleep(600)"))
    calls(
        "UpdateTrainingJob",
        TrainingJobName="long",
        ResourceConfig={"KeepAlivePeriodInSeconds": 0},
    )
    calls("StopTrainingJob", TrainingJobName="long")
    calls("ListTrainingJobs")
    uri = f"s3://{emulator.bucket}/out/whole/output/model.tar.gz"
    expression = {
        "Filters": [{"Name": "ModelArtifacts.S3ModelArtifacts", "Value": uri}]
    }
    found = calls("Search", Resource="TrainingJob", SearchExpression=expression)
    [result] = found["Results"]
    assert result["TrainingJob"]["TrainingJobName"] == "whole"
    image = {"Image": SERVER, "ModelDataUrl": uri}
    calls(
        "CreateModel",
        ModelName="m",
        ExecutionRoleArn=emulator.role,
        PrimaryContainer=image,
    )
    calls("DescribeModel", ModelName="m")
    calls("ListModels")
    configure(calls.client, "extra", "m")
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "m",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    calls("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant])
    calls("DescribeEndpointConfig", EndpointConfigName="c")
    calls("ListEndpointConfigs")
    both = {"EndpointName": "e", "EndpointConfigName": "c"}
    calls("CreateEndpoint", **both)
    in_service(calls.client, "e")
    calls("DescribeEndpoint", EndpointName="e")
    calls("UpdateEndpoint", **{**both, "EndpointConfigName": "extra"})
    in_service(calls.client, "e")
    calls("DescribeEndpoint", EndpointName="e")
    desired = [{"VariantName": "AllTraffic", "DesiredWeight": 2.0}]
    calls(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="e",
        DesiredWeightsAndCapacities=desired,
    )
    in_service(calls.client, "e")
    calls("ListEndpoints")
    calls("DeleteEndpoint", EndpointName="e")
    calls("DeleteEndpointConfig", EndpointConfigName="c")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/none"}
    calls(
        "CreateTransformJob",
        TransformJobName="t",
        ModelName="m",
        TransformInput={"DataSource": {"S3DataSource": source}},
        TransformOutput={"S3OutputPath": f"s3://{emulator.bucket}/answers"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    emulator.fail("CreateTransformJob", ends="InProgress", times=1)
    found = calls("DescribeTransformJob", TransformJobName="t")
    found.pop("TransformEndTime", None)
    again = {
        name: found[name]
        for name in (
            "ModelName", "TransformInput", "TransformOutput", "TransformResources"
        )
    }  # fmt: skip
    calls("CreateTransformJob", TransformJobName="stops", **again)
    calls("StopTransformJob", TransformJobName="stops")
    calls("ListTransformJobs")
    calls("DeleteModel", ModelName="m")
    ended(calls.client, "long")
    calls("DeleteTrainingJob", TrainingJobName="long")


def _tuning(emulator, calls):
    name, kind = {tuning.NAME: "tuned"}, "HyperParameterTuningJob"
    arn = calls(
        f"Create{kind}",
        **name,
        HyperParameterTuningJobConfig=tuning.config(jobs=1),
        TrainingJobDefinition=tuning.definition(emulator),
    )[f"{kind}Arn"]
    assert calls("ListTags", ResourceArn=arn) == {"Tags": []}
    calls(f"Describe{kind}", **name)
    tuning.ended("tuned")
    calls(f"Describe{kind}", **name)
    calls(f"List{kind}s")
    calls(f"ListTrainingJobsFor{kind}", **name)
    calls("Search", Resource=kind)
    calls(f"Delete{kind}", **name)
    emulator.fail(f"Create{kind}", ends="InProgress", times=1)
    tuning.create(emulator, "tuned")
    calls(f"Stop{kind}", **name)
    tuning.ended("tuned")
    calls(f"Delete{kind}", **name)


def training_step(emulator):
    arguments = job(emulator, "unnamed", "time.sleep(600)")
    del arguments["TrainingJobName"]
    return {"Name": "Train", "Type": "Training", "Arguments": arguments}


def _compilations(emulator, calls):
    name = {"CompilationJobName": "c"}
    uri = f"s3://{emulator.bucket}/out/whole/output/model.tar.gz"
    calls(
        "CreateCompilationJob",
        **name,
        RoleArn=emulator.role,
        InputConfig={"S3Uri": uri, "DataInputConfig": "{}", "Framework": "MXNET"},
        OutputConfig={
            "S3OutputLocation": f"s3://{emulator.bucket}/neo",
            "TargetDevice": "ml_c5",
        },
        StoppingCondition={"MaxRuntimeInSeconds": 900},
    )
    calls("ListCompilationJobs")
    while "InferenceImage" not in calls("DescribeCompilationJob", **name):
        time.sleep(0.02)
    calls("StopCompilationJob", **name)
    calls("DeleteCompilationJob", **name)


def _registry(emulator, calls):
    inference = {
        "Containers": [{"Image": IMAGE}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    group = {"ModelPackageGroupName": "group"}
    calls("CreateModelPackageGroup", **group, ModelPackageGroupDescription="d")
    calls("DescribeModelPackageGroup", **group)
    calls("ListModelPackageGroups")
    arn = calls("CreateModelPackage", **group, InferenceSpecification=inference)
    arn = arn["ModelPackageArn"]
    found = calls("DescribeModelPackage", ModelPackageName=arn)
    assert (found["ModelPackageVersion"], found["ModelApprovalStatus"]) == (
        1,
        "PendingManualApproval",
    )
    calls("ListModelPackages", **group)
    calls("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    calls("Search", Resource="ModelPackage")
    calls("DeleteModelPackage", ModelPackageName=arn)
    calls("DeleteModelPackageGroup", **group)


def _bookkeeping(emulator, calls):
    user = {"DomainId": "d-1", "UserProfileName": "me"}
    calls("DescribeUserProfile", **user)
    calls("DescribeSpace", DomainId="d-1", SpaceName="mine")
    role = {"ExecutionRole": emulator.role}
    arn = calls(
        "CreateDomain",
        DomainName="d",
        AuthMode="IAM",
        DefaultUserSettings=role,
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
    )["DomainArn"]
    calls("ListDomains")
    domain = {"DomainId": arn.rpartition("/")[2]}
    found = calls("DescribeDomain", **domain)
    assert found["DefaultUserSettings"] == role
    calls("DeleteDomain", **domain)
    notebook = {"NotebookInstanceName": "n"}
    calls(
        "CreateNotebookInstance",
        **notebook,
        InstanceType="ml.t3.medium",
        RoleArn=emulator.role,
    )
    calls("DescribeNotebookInstance", **notebook)
    calls("ListNotebookInstances")
    calls("StopNotebookInstance", **notebook)
    calls("StartNotebookInstance", **notebook)
    calls("StopNotebookInstance", **notebook)
    calls("DeleteNotebookInstance", **notebook)
    name = "NotebookInstanceLifecycleConfig"
    config = {f"{name}Name": "l"}
    calls(f"Create{name}", **config)
    calls(f"Describe{name}", **config)
    calls(f"Delete{name}", **config)
    pipeline = {"PipelineName": "p"}
    definition = '{"Version": "2020-12-01", "Steps": []}'
    calls(
        "CreatePipeline",
        **pipeline,
        PipelineDefinition=definition,
        ClientRequestToken="x" * 32,
        RoleArn=emulator.role,
    )
    assert calls("DescribePipeline", **pipeline)["PipelineDefinition"] == definition
    calls("UpdatePipeline", **pipeline, PipelineDescription="d")
    calls("ListPipelines")
    more = [{"Name": "Train", "Type": "Training", "Arguments": {}}]
    definition = json.dumps({"Steps": more})
    calls("UpdatePipeline", **pipeline, PipelineDefinition=definition)
    execution = calls("StartPipelineExecution", **pipeline, ClientRequestToken="x" * 32)
    while not calls("ListPipelineExecutionSteps", **execution)[
        "PipelineExecutionSteps"
    ]:
        time.sleep(0.02)
    calls("DescribePipelineDefinitionForExecution", **execution)
    calls("ListPipelineParametersForExecution", **execution)
    calls("ListPipelineExecutions", **pipeline)
    status = "PipelineExecutionStatus"
    while calls("DescribePipelineExecution", **execution)[status] == "Executing":
        time.sleep(0.02)
    step = training_step(emulator)
    definition = json.dumps({"Steps": [step]})
    calls("UpdatePipeline", **pipeline, PipelineDefinition=definition)
    execution = calls("StartPipelineExecution", **pipeline, ClientRequestToken="x" * 32)
    calls("StopPipelineExecution", **execution, ClientRequestToken="x" * 32)
    while calls("DescribePipelineExecution", **execution)[status] != "Stopped":
        time.sleep(0.02)
    calls("DeletePipeline", **pipeline, ClientRequestToken="x" * 32)
    experiment, trial = {"ExperimentName": "x"}, {"TrialName": "t"}
    component = {"TrialComponentName": "c"}
    calls("CreateExperiment", **experiment)
    calls("DescribeExperiment", **experiment)
    calls("ListExperiments")
    calls("CreateTrial", **experiment, **trial)
    calls("DescribeTrial", **trial)
    calls("ListTrials")
    calls("CreateTrialComponent", **component)
    calls("UpdateTrialComponent", **component, DisplayName="d")
    calls("AssociateTrialComponent", **component, **trial)
    calls("DescribeTrialComponent", **component)
    calls("ListTrialComponents")
    calls("DisassociateTrialComponent", **component, **trial)
    calls("DeleteTrialComponent", **component)
    calls("DeleteTrial", **trial)
    calls("DeleteExperiment", **experiment)


ONCE = Config(retries={"total_max_attempts": 1})
"""What is answered with 500 would be repeated."""


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("sagemaker", "create_hub", {"HubName": "h", "HubDescription": "d"}),
        # moto has them, and says that they have run.
        ("sagemaker", "list_processing_jobs", {}),
        (
            "sagemaker-runtime",
            "invoke_endpoint_with_response_stream",
            {"EndpointName": "x", "Body": b""},
        ),
        ("iam", "get_service_last_accessed_details", {"JobId": "0" * 36}),
        ("sts", "decode_authorization_message", {"EncodedMessage": "x"}),
        # moto would list the bucket.
        ("s3", "list_bucket_analytics_configurations", {"Bucket": "BUCKET"}),
        ("s3", "get_bucket_request_payment", {"Bucket": "BUCKET"}),
        ("s3", "create_session", {"Bucket": "BUCKET"}),
        ("logs", "list_anomalies", {}),
        ("cloudwatch", "list_metric_streams", {}),
        ("ecr", "get_account_setting", {"name": "x"}),
        # moto does not have the service.
        ("chime", "list_accounts", {}),
    ],
)
def test_what_nobody_has_is_an_unknown_operation(emulator, service, call, arguments):
    if arguments.get("Bucket"):
        arguments = {**arguments, "Bucket": emulator.bucket}
    with pytest.raises(ClientError) as caught:
        getattr(boto3.client(service, config=ONCE), call)(**arguments)
    answer = caught.value.response
    assert answer["Error"]["Code"] == "UnknownOperationException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_so_is_one_that_moto_lacks_packages_for(emulator, monkeypatch):
    def lacks(self, request):
        raise ModuleNotFoundError("No module named 'a_parser'")

    monkeypatch.setattr(BotocoreStubber, "process_request", lacks)
    with pytest.raises(ClientError) as caught:
        boto3.client("glue", config=ONCE).list_jobs()
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


@pytest.mark.parametrize(
    ("call", "arguments", "said"),
    [
        ("describe_training_job", {"TrainingJobName": "x"}, "resource not found"),
        ("stop_training_job", {"TrainingJobName": "x"}, "resource not found"),
        ("delete_training_job", {"TrainingJobName": "x"}, "resource not found"),
        ("describe_hyper_parameter_tuning_job", {tuning.NAME: "x"}, "can't find"),
        ("stop_hyper_parameter_tuning_job", {tuning.NAME: "x"}, "can't find"),
        ("delete_hyper_parameter_tuning_job", {tuning.NAME: "x"}, "can't find"),
        (
            "list_training_jobs_for_hyper_parameter_tuning_job",
            {tuning.NAME: "x"},
            "can't find",
        ),
        ("describe_transform_job", {"TransformJobName": "x"}, "Could not find"),
        ("stop_transform_job", {"TransformJobName": "x"}, "Could not find"),
        ("describe_model", {"ModelName": "x"}, "Could not find model"),
        ("delete_model", {"ModelName": "x"}, "Could not find model"),
        ("describe_endpoint_config", {"EndpointConfigName": "x"}, "Could not find"),
        ("delete_endpoint_config", {"EndpointConfigName": "x"}, "Could not find"),
        ("describe_endpoint", {"EndpointName": "x"}, "Could not find endpoint"),
        ("delete_endpoint", {"EndpointName": "x"}, "Could not find endpoint"),
        (
            "update_endpoint",
            {"EndpointName": "x", "EndpointConfigName": "x"},
            "Could not find",
        ),
        ("describe_model_package", {"ModelPackageName": "x"}, "does not exist"),
        ("delete_model_package", {"ModelPackageName": "x"}, "does not exist"),
        (
            "describe_model_package",
            {"ModelPackageName": "arn:aws:sagemaker:us-east-1:123456789012:model/m"},
            "does not begin with",
        ),
        (
            "describe_model_package",
            {
                "ModelPackageName": "arn:aws:sagemaker:eu-west-1:123456789012:"
                "model-package/group/1"
            },
            'does not begin with "arn:aws:sagemaker:us-east-1:123456789012:model-p',
        ),
        (
            "describe_model_package_group",
            {"ModelPackageGroupName": "x"},
            "does not exist",
        ),
        ("delete_model_package_group", {"ModelPackageGroupName": "x"}, "not exist"),
        ("create_model_package", {"ModelPackageGroupName": "x"}, "does not exist"),
        ("create_model_package", {}, "either a ModelPackageName"),
        ("describe_domain", {"DomainId": "d-1"}, "Could not find domain"),
        ("describe_pipeline", {"PipelineName": "x"}, "Could not find pipeline"),
        ("list_tags", {"ResourceArn": "model/m"}, "'resourceArn' failed to satisfy"),
        (
            "list_tags",
            {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model/none"},
            "Could not find",
        ),
        (
            "add_tags",
            {
                "ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/none",
                "Tags": [{"Key": "a", "Value": "b"}],
            },
            "Could not find",
        ),
        ("list_models", {"MaxResults": 101}, "less than or equal to 100"),
        ("list_models", {"SortBy": "Weight"}, "enum value set"),
        ("list_models", {"NextToken": "nonsense"}, "NextToken"),
        ("search", {"Resource": "Cloud"}, "enum value set"),
    ],
)
def test_what_is_not_there_or_wrong_is_refused(sagemaker, call, arguments, said):
    with pytest.raises(ClientError, match=said) as caught:
        getattr(sagemaker, call)(**arguments)
    answer = caught.value.response
    tunes = "hyper_parameter_tuning" in call
    expected = "ResourceNotFound" if tunes else "ValidationException"
    assert answer["Error"]["Code"] == expected
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_names_that_are_taken_are_refused(emulator, sagemaker, s3):
    s3.put_object(Bucket=emulator.bucket, Key="taken", Body=b"")
    image = {"Image": IMAGE, "ModelDataUrl": f"s3://{emulator.bucket}/taken"}
    variant = {
        "VariantName": "a",
        "ModelName": "taken",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/taken"}
    transform = {
        "TransformJobName": "taken",
        "ModelName": "taken",
        "TransformInput": {"DataSource": {"S3DataSource": source}},
        "TransformOutput": {"S3OutputPath": f"s3://{emulator.bucket}/answers"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    emulator.fail("Create*", ends="Failed")
    for call, arguments, expected in (
        (sagemaker.create_training_job, job(emulator, "taken"), "ResourceInUse"),
        (
            sagemaker.create_model,
            {
                "ModelName": "taken",
                "ExecutionRoleArn": emulator.role,
                "PrimaryContainer": image,
            },
            "ValidationException",
        ),
        (
            sagemaker.create_endpoint_config,
            {"EndpointConfigName": "taken", "ProductionVariants": [variant]},
            "ValidationException",
        ),
        (
            sagemaker.create_endpoint,
            {"EndpointName": "taken", "EndpointConfigName": "taken"},
            "ValidationException",
        ),
        (sagemaker.create_transform_job, transform, "ResourceInUse"),
    ):
        call(**arguments)
        with pytest.raises(ClientError, match="already") as caught:
            call(**arguments)
        assert caught.value.response["Error"]["Code"] == expected
    emulator.heal()


def test_limits(emulator, sagemaker):
    variants = [{"VariantName": str(number)} for number in range(11)]
    tags = [{"Key": str(number), "Value": ""} for number in range(51)]
    role = {"ExecutionRoleArn": emulator.role}
    for call, arguments, said in (
        (
            sagemaker.create_endpoint_config,
            {"EndpointConfigName": "x", "ProductionVariants": variants},
            "'productionVariants' failed to satisfy .* less than or equal to 10",
        ),
        (sagemaker.create_model, {"ModelName": "-x", **role}, "regular expression"),
        (sagemaker.create_model, {"ModelName": "x" * 64, **role}, "equal to 63"),
        (
            sagemaker.create_model,
            {"ModelName": "x", "ExecutionRoleArn": "arn:aws:iam::1:role/x"},
            "'executionRoleArn' failed to satisfy",
        ),
        (
            sagemaker.create_training_job,
            {**job(emulator, "x"), "Tags": tags},
            "'tags' failed to satisfy .* less than or equal to 50",
        ),
        (
            sagemaker.create_endpoint,
            {"EndpointName": "x", "EndpointConfigName": "ä"},
            "'endpointConfigName' failed to satisfy",
        ),
    ):
        with pytest.raises(ClientError, match=said) as caught:
            call(**arguments)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
