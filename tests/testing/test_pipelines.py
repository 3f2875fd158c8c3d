"""Pipelines are executed: jobs, models and packages, in the order that they need."""

import json
import sys
import time

import pytest
from botocore.exceptions import ClientError

from tests.testing.jobs import ECHO, ECHO_SERVER, IMAGE, job, read

TOKEN = "x" * 32


def training(emulator, name, do, **more):
    arguments = job(emulator, "unnamed", do)
    del arguments["TrainingJobName"]
    return {"Name": name, "Type": "Training", "Arguments": arguments, **more}


def get(path):
    return {"Get": path}


def joined(*parts, on=""):
    return {"Std:Join": {"On": on, "Values": list(parts)}}


def packaged(name, artifact, group="pipelines"):
    return {
        "Name": name,
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": group,
            "ModelApprovalStatus": get("Parameters.Status"),
            "SkipModelValidation": "None",
            "InferenceSpecification": {
                "Containers": [{"Image": IMAGE, "ModelDataUrl": artifact}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        },
    }


STATUS = {"Name": "Status", "Type": "String", "DefaultValue": "PendingManualApproval"}


def define(sagemaker, emulator, name, *steps, parameters=(STATUS,)):
    definition = {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": list(parameters),
        "Steps": list(steps),
    }
    sagemaker.create_pipeline(
        PipelineName=name,
        PipelineDefinition=json.dumps(definition),
        RoleArn=emulator.role,
        ClientRequestToken=TOKEN,
    )
    return definition


def start(sagemaker, name, **values):
    given = [{"Name": key, "Value": value} for key, value in values.items()]
    return sagemaker.start_pipeline_execution(
        PipelineName=name, ClientRequestToken=TOKEN, PipelineParameters=given
    )["PipelineExecutionArn"]


def ended(sagemaker, arn, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        if found["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
            return found
        time.sleep(0.02)
    raise AssertionError(found)


def steps_of(sagemaker, arn):
    found = sagemaker.list_pipeline_execution_steps(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )["PipelineExecutionSteps"]
    return {step["StepName"]: step for step in found}


def test_a_model_is_trained_and_registered(emulator, sagemaker, s3):
    do = joined("put('", get("Parameters.Text"), "', 'model/said')")
    step = training(emulator, "Train", "", DisplayName="The training")
    step["Arguments"]["HyperParameters"]["do"] = do
    step["Arguments"]["StoppingCondition"]["MaxRuntimeInSeconds"] = get(
        "Parameters.Seconds"
    )
    step["Arguments"]["OutputDataConfig"]["S3OutputPath"] = joined(
        f"s3://{emulator.bucket}", get("Execution.PipelineExecutionId"), on="/"
    )
    seconds = {"Name": "Seconds", "Type": "Integer", "DefaultValue": 60}
    text = {"Name": "Text", "Type": "String"}
    artifact = get("Steps.Train.ModelArtifacts.S3ModelArtifacts")
    # The first one needs the second.
    definition = define(
        sagemaker,
        emulator,
        "book",
        packaged("Register", artifact),
        step,
        parameters=(STATUS, seconds, text),
    )
    arn = start(sagemaker, "book", Text="hello", Seconds="50", Status="Approved")
    found = ended(sagemaker, arn)
    assert found["PipelineExecutionStatus"] == "Succeeded", found
    steps = steps_of(sagemaker, arn)
    assert [*steps] == ["Train", "Register"]
    assert {item["StepStatus"] for item in steps.values()} == {"Succeeded"}
    assert steps["Train"]["StepDisplayName"] == "The training"
    name = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    assert name.startswith(f"pipelines-{arn.rpartition('/')[2]}-Train-")
    trained = sagemaker.describe_training_job(TrainingJobName=name)
    assert trained["HyperParameters"]["do"] == "put('hello', 'model/said')"
    assert trained["StoppingCondition"]["MaxRuntimeInSeconds"] == 50
    uri = trained["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri.startswith(f"s3://{emulator.bucket}/{arn.rpartition('/')[2]}/{name}/")
    assert read(s3, emulator, uri.split("/", 3)[3])
    package = steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    found = sagemaker.describe_model_package(ModelPackageName=package)
    [container] = found["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == uri
    assert found["ModelApprovalStatus"] == "Approved"
    given = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert {item["Name"]: item["Value"] for item in given["PipelineParameters"]} == {
        "Status": "Approved", "Seconds": "50", "Text": "hello"
    }  # fmt: skip
    kept = sagemaker.describe_pipeline_definition_for_execution(
        PipelineExecutionArn=arn
    )
    assert json.loads(kept["PipelineDefinition"]) == definition
    listed = sagemaker.list_pipeline_executions(PipelineName="book")
    [item] = listed["PipelineExecutionSummaries"]
    assert item["PipelineExecutionArn"] == arn


def test_models_and_transforms(emulator, sagemaker, s3):
    emulator.image(ECHO_SERVER, [sys.executable, "-I", "-S", "-c", ECHO])
    s3.put_object(Bucket=emulator.bucket, Key="rows/x", Body=b"1\n")
    model = {
        "Name": "Create",
        "Type": "Model",
        "Arguments": {
            "ExecutionRoleArn": emulator.role,
            "PrimaryContainer": {"Image": ECHO_SERVER},
        },
    }
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/rows"}
    transform = {
        "Name": "Transform",
        "Type": "Transform",
        "DependsOn": ["Create"],
        "Arguments": {
            "ModelName": get("Steps.Create.ModelName"),
            "TransformInput": {"DataSource": {"S3DataSource": source}},
            "TransformOutput": {"S3OutputPath": f"s3://{emulator.bucket}/scored"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        },
    }
    define(sagemaker, emulator, "scores", model, transform)
    arn = start(sagemaker, "scores")
    found = ended(sagemaker, arn)
    assert found["PipelineExecutionStatus"] == "Succeeded", steps_of(sagemaker, arn)
    assert json.loads(read(s3, emulator, "scored/x.out"))["size"] == 2
    steps = steps_of(sagemaker, arn)
    assert [*steps["Transform"]["Metadata"]] == ["TransformJob"]
    assert [*steps["Create"]["Metadata"]] == ["Model"]


def test_a_step_that_fails_ends_the_execution(emulator, sagemaker):
    bad = training(emulator, "Bad", "put('ClientError: no', 'output/failure'); 1 / 0")
    other = training(emulator, "Other", "put('m', 'model/m')")
    after = training(emulator, "After", "", DependsOn=["Bad"])
    define(sagemaker, emulator, "fails", bad, other, after)
    arn = start(sagemaker, "fails")
    found = ended(sagemaker, arn)
    assert found["PipelineExecutionStatus"] == "Failed"
    assert found["FailureReason"].startswith("Step failure: One or multiple steps")
    steps = steps_of(sagemaker, arn)
    assert {name: step["StepStatus"] for name, step in steps.items()} == {
        "Bad": "Failed", "Other": "Succeeded"
    }  # fmt: skip
    assert "ClientError: no" in steps["Bad"]["FailureReason"]


def test_so_does_one_whose_request_is_refused(emulator, sagemaker):
    step = training(emulator, "Train", "")
    step["Arguments"]["ResourceConfig"]["InstanceCount"] = 0
    define(sagemaker, emulator, "refused", step)
    arn = start(sagemaker, "refused")
    assert ended(sagemaker, arn)["PipelineExecutionStatus"] == "Failed"
    reason = steps_of(sagemaker, arn)["Train"]["FailureReason"]
    assert "InstanceCount 0 must be 1 or more" in reason


def test_an_execution_is_stopped(emulator, sagemaker):
    define(sagemaker, emulator, "long", training(emulator, "Long", "time.sleep(600)"))
    arn = start(sagemaker, "long")
    while "Long" not in steps_of(sagemaker, arn):
        time.sleep(0.02)
    with pytest.raises(ClientError, match="is running"):
        sagemaker.delete_pipeline(PipelineName="long", ClientRequestToken=TOKEN)
    stop = {"PipelineExecutionArn": arn, "ClientRequestToken": TOKEN}
    sagemaker.stop_pipeline_execution(**stop)
    assert ended(sagemaker, arn)["PipelineExecutionStatus"] == "Stopped"
    step = steps_of(sagemaker, arn)["Long"]
    assert step["StepStatus"] == "Stopped"
    name = step["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    found = sagemaker.describe_training_job(TrainingJobName=name)
    assert found["TrainingJobStatus"] in ("Stopping", "Stopped")
    with pytest.raises(ClientError, match="is in status Stopped"):
        sagemaker.stop_pipeline_execution(**stop)
    sagemaker.delete_pipeline(PipelineName="long", ClientRequestToken=TOKEN)
    with pytest.raises(ClientError, match="Could not find pipeline execution"):
        sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)


def test_what_is_not_executed_is_refused_by_its_name(emulator, sagemaker):
    step = {"Name": "If", "Type": "Condition", "Arguments": {}}
    define(sagemaker, emulator, "other", step)
    with pytest.raises(ClientError, match="steps of type Condition, such as If"):
        start(sagemaker, "other")
    for name, value, said in (
        ("circle", "Steps.circle.Name", "circle needs circle, which cannot come first"),
        ("lost", "Steps.Nobody.Name", "needs Nobody, which cannot come first"),
    ):
        step = training(emulator, name, get(value))
        define(sagemaker, emulator, name, step)
        with pytest.raises(ClientError, match=said):
            start(sagemaker, name)
    step = training(emulator, "Get", {"Std:JsonGet": {"PropertyFile": "x"}})
    define(sagemaker, emulator, "function", step)
    arn = start(sagemaker, "function")
    ended(sagemaker, arn)
    reason = steps_of(sagemaker, arn)["Get"]["FailureReason"]
    assert "do not have the function Std:JsonGet" in reason


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "Number has no default"),
        ({"Number": "x"}, "Number='x' must be Integer"),
        ({"Number": "3"}, "Number=3 must be one of"),
        ({"Number": "1", "Other": "x"}, "has no parameters Other; it has Number"),
    ],
)
def test_parameters_that_are_refused(emulator, sagemaker, values, said):
    number = {"Name": "Number", "Type": "Integer", "EnumValues": [1, 2]}
    names = [item["PipelineName"] for item in sagemaker.list_pipelines(
        PipelineNamePrefix="checked"
    )["PipelineSummaries"]]  # fmt: skip
    if not names:
        step = training(emulator, "Train", "")
        define(sagemaker, emulator, "checked", step, parameters=(number,))
    with pytest.raises(ClientError, match=said) as caught:
        start(sagemaker, "checked", **values)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_definitions(emulator, sagemaker, s3):
    step = training(emulator, "Train", "")
    define(sagemaker, emulator, "defined", step)
    # SDK v2 looks for these words.
    with pytest.raises(ClientError, match="already exists"):
        define(sagemaker, emulator, "defined", step)
    for text in ("nonsense", "[]", '{"Steps": [{}]}'):
        with pytest.raises(ClientError, match="Unable to parse pipeline definition"):
            sagemaker.update_pipeline(PipelineName="defined", PipelineDefinition=text)
    with pytest.raises(ClientError, match="must be unique: Train, Train"):
        define(sagemaker, emulator, "twice", step, step)
    # SDK v2 puts large ones into S3.
    s3.put_object(Bucket=emulator.bucket, Key="definition", Body=b'{"Steps": []}')
    where = {"Bucket": emulator.bucket, "ObjectKey": "definition"}
    arn = sagemaker.update_pipeline(
        PipelineName="defined", PipelineDefinitionS3Location=where
    )["PipelineArn"]
    found = sagemaker.describe_pipeline(PipelineName=arn)
    assert found["PipelineDefinition"] == '{"Steps": []}'
    with pytest.raises(ClientError, match="has no steps"):
        start(sagemaker, "defined")
    with pytest.raises(ClientError, match="cannot be read"):
        sagemaker.update_pipeline(
            PipelineName="defined",
            PipelineDefinitionS3Location={**where, "ObjectKey": "none"},
        )
