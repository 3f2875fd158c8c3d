"""Faults that are asked for, as clients of boto3 see them."""

import contextlib
import io
import sys
import threading
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    FlexibleChecksumError,
    ReadTimeoutError,
    ResponseStreamingError,
    WaiterError,
)

from tests.testing.jobs import (
    GROUP,
    IMAGE,
    SERVE,
    SERVER,
    configure,
    ended,
    in_service,
    job,
    printed,
    run,
)


def client(service, attempts, **more):
    retries = {"mode": "standard", "total_max_attempts": attempts}
    return boto3.client(service, config=Config(retries=retries, **more))


@pytest.fixture(autouse=True)
def healed(emulator):
    yield
    emulator.heal()


def test_a_refusal_that_clients_repeat(emulator):
    rule = emulator.fail("ListModels", code="ThrottlingException", times=2)
    before = emulator.calls.get("ListModels", 0)
    client("sagemaker", 3).list_models()
    assert (rule.seen, rule.done) == (3, 2)
    assert emulator.calls["ListModels"] == before + 3
    emulator.fail("ListModels", code="ThrottlingException", message="Rate exceeded")
    with pytest.raises(ClientError, match="Rate exceeded"):
        client("sagemaker", 2).list_models()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 400),
        ("ExpiredTokenException", 400),
        ("ResourceLimitExceeded", 400),
    ],
)
def test_a_refusal_that_ends_it(emulator, code, status):
    rule = emulator.fail("ListModels", code=code, status=status, skip=1)
    sagemaker = client("sagemaker", 3)
    sagemaker.list_models()
    with pytest.raises(ClientError, match=code):
        sagemaker.list_models()
    assert rule.done == 1


def test_faults_of_s3(emulator):
    s3 = client("s3", 2)
    place = {"Bucket": emulator.bucket, "Key": "x"}
    emulator.fail("PutObject", code="AccessDenied", status=403, times=1)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(**place, Body=b"1")
    slow = emulator.fail("PutObject", code="SlowDown", status=503, times=1)
    s3.put_object(**place, Body=b"x" * 5000)
    assert slow.done == 1
    emulator.fail("GetObject", cut=100, times=1)
    with pytest.raises(ResponseStreamingError):
        s3.get_object(**place)["Body"].read()
    assert len(s3.get_object(**place)["Body"].read()) == 5000
    part = emulator.fail("UploadPart", code="InternalError", status=500, times=1)
    big = boto3.s3.transfer.TransferConfig(multipart_threshold=1, max_concurrency=1)
    body = emulator._folder / "big"
    body.write_bytes(bytes(6 << 20))
    client("s3", 3).upload_file(str(body), emulator.bucket, "big", Config=big)
    assert part.done == 1
    assert part.seen > 1


def test_a_reset_before_the_call_is_carried_out(emulator):
    emulator.fail("CreateTrainingJob", reset="before", times=1)
    client("sagemaker", 2).create_training_job(**job(emulator, "reset-before"))
    emulator.fail("ListModels", reset="before")
    with pytest.raises((ConnectionClosedError, ConnectionError)):
        client("sagemaker", 1).list_models()


def test_a_reset_while_an_upload_comes(emulator, s3):
    place = {"Bucket": emulator.bucket, "Key": "broken"}
    before = emulator.calls.get("PutObject", 0)
    rule = emulator.fail("PutObject", reset="during", where="broken", times=1)
    body = io.BytesIO(bytes(3 << 20))
    s3.put_object(Bucket=emulator.bucket, Key="other", Body=b"1")
    assert rule.seen == 0
    with pytest.raises(ConnectionClosedError):
        client("s3", 1).put_object(**place, Body=body)
    with pytest.raises(ClientError, match="404"):
        s3.head_object(**place)
    rule.times = 2
    body.seek(0)
    # Sent once more from its beginning.
    client("s3", 2).put_object(**place, Body=body)
    assert s3.head_object(**place)["ContentLength"] == 3 << 20
    assert (rule.seen, rule.done) == (3, 2)
    assert emulator.calls["PutObject"] == before + 4


def test_a_reset_after_it_hides_that_the_job_was_created(emulator, sagemaker):
    emulator.fail("CreateTrainingJob", reset="after", times=1)
    with pytest.raises(ClientError, match="ResourceInUse"):
        client("sagemaker", 2).create_training_job(**job(emulator, "reset-after"))
    sagemaker.describe_training_job(TrainingJobName="reset-after")


def test_a_slow_answer(emulator):
    rule = emulator.fail("ListModels", seconds=3.0)
    with pytest.raises(ReadTimeoutError):
        client("sagemaker", 1, read_timeout=0.3).list_models()
    assert rule.seen == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({}, "Nothing happens"),
        ({"reset": "now"}, "one of during, before"),
        ({"ends": "x"}, "must be one of"),
    ],
)
def test_faults_that_are_none(emulator, fault, said):
    with pytest.raises(ValueError, match=said):
        emulator.fail("ListModels", **fault)


def test_patterns_and_places(emulator, sagemaker, s3):
    rule = emulator.fail("List*", code="AccessDeniedException")
    for call in (sagemaker.list_models, sagemaker.list_endpoints):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    assert rule.done == 2
    emulator.heal()
    emulator.fail("PutObject", where="secret/", code="AccessDenied", status=403)
    place = {"Bucket": emulator.bucket, "Body": b"1"}
    s3.put_object(**place, Key="public/x")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(**place, Key="secret/x")


def test_an_action_of_iam_is_denied(emulator, s3):
    place = {"Bucket": emulator.bucket, "Key": "denied"}
    s3.put_object(**place, Body=b"1")
    emulator.fail("s3:GetObject")
    emulator.fail("sagemaker:Create*", times=1)
    for call in (s3.get_object, s3.head_object):
        with pytest.raises(ClientError) as caught:
            call(**place)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    with pytest.raises(ClientError, match="not authorized to perform: s3:GetObject on"):
        s3.get_object(**place)
    decisions = simulated(emulator, "s3:GetObject", "s3:PutObject")
    assert decisions == {"s3:GetObject": "implicitDeny", "s3:PutObject": "allowed"}
    sagemaker = client("sagemaker", 3)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        sagemaker.create_training_job(**job(emulator, "denied"))
    # That was the only time.
    sagemaker.create_training_job(**job(emulator, "denied"))
    emulator.heal()
    assert s3.get_object(**place)["Body"].read() == b"1"


def simulated(emulator, *names):
    found = boto3.client("iam").simulate_principal_policy(
        PolicySourceArn=emulator.role, ActionNames=names
    )["EvaluationResults"]
    return {item["EvalActionName"]: item["EvalDecision"] for item in found}


def test_every_role_may_do_everything_else(emulator):
    names = "s3:PutObject", "ecr:Any"
    assert simulated(emulator, *names) == dict.fromkeys(names, "allowed")


def test_bits_and_whole_bodies_are_changed(emulator, s3):
    place = {"Bucket": emulator.bucket, "Key": "changed"}
    s3.put_object(**place, Body=bytes(100), ChecksumAlgorithm="CRC32")
    emulator.fail("GetObject", flip=50, times=1)
    with pytest.raises(FlexibleChecksumError):
        s3.get_object(**place)["Body"].read()
    s3.put_object(**place, Body=bytes(100))
    emulator.fail("GetObject", flip=50, times=1)
    plain = client("s3", 1, response_checksum_validation="when_required")
    assert plain.get_object(**place)["Body"].read() == bytes(50) + b"\1" + bytes(49)
    emulator.fail("GetObject", body=b"no archive", times=1)
    assert plain.get_object(**place)["Body"].read() == b"no archive"
    emulator.fail("GetObject", headers={"Content-Type": "text/html"}, times=1)
    found = s3.get_object(**place)
    assert (found["ContentType"], found["Body"].read()) == ("text/html", bytes(100))
    # A whole body comes in spite of a wait in its middle.
    stalled = emulator.fail("GetObject", stall=0.01)
    assert s3.get_object(**place)["Body"].read() == bytes(100)
    assert stalled.done == 1


def test_a_body_that_stalls(emulator, s3):
    place = {"Bucket": emulator.bucket, "Key": "stalls"}
    s3.put_object(**place, Body=bytes(1000))
    emulator.fail("GetObject", stall=600)
    impatient = client("s3", 1, read_timeout=0.3)
    with pytest.raises(ReadTimeoutError):
        impatient.get_object(**place)["Body"].read()


def test_fresh_keys_are_hidden_for_some_calls(emulator, s3, sagemaker):
    for key in ("seen/old", "seen/fresh"):
        s3.put_object(Bucket=emulator.bucket, Key=key, Body=b"1")
    emulator.fail("ListObjectsV2", hide="seen/fresh", times=2)

    def listed():
        found = s3.list_objects_v2(Bucket=emulator.bucket, Prefix="seen/")
        assert found["KeyCount"] == len(found["Contents"])
        return [item["Key"] for item in found["Contents"]]

    assert listed() == ["seen/old"]
    assert listed() == ["seen/old"]
    assert listed() == ["seen/fresh", "seen/old"]
    run(emulator, sagemaker, "hidden")
    emulator.fail("ListTrainingJobs", hide="hidden", times=1)
    only = {"NameContains": "hidden"}
    assert sagemaker.list_training_jobs(**only)["TrainingJobSummaries"] == []
    assert len(sagemaker.list_training_jobs(**only)["TrainingJobSummaries"]) == 1


def test_a_job_is_not_described_at_first(emulator, sagemaker):
    emulator.fail(
        "DescribeTrainingJob",
        code="ValidationException",
        message="Requested resource not found.",
        times=2,
    )
    sagemaker.create_training_job(**job(emulator, "later"))
    for _ in range(2):
        with pytest.raises(ClientError, match="not found"):
            sagemaker.describe_training_job(TrainingJobName="later")
    sagemaker.describe_training_job(TrainingJobName="later")


@pytest.mark.parametrize(
    "reason", ["AlgorithmError", "ClientError", "InternalServerError", "CapacityError"]
)
def test_a_job_fails_for_a_reason(emulator, sagemaker, reason):
    emulator.fail("CreateTrainingJob", ends="Failed", reason=f"{reason}: it is so")
    # Its program would have ended well.
    found = run(emulator, sagemaker, f"fails-{reason}")
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"] == f"{reason}: it is so"
    assert found["SecondaryStatus"] == "Failed"


@pytest.mark.parametrize(
    "ends", ["Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"]
)
def test_a_job_is_stopped_by_the_service(emulator, sagemaker, ends):
    emulator.fail("CreateTrainingJob", ends=ends)
    found = run(emulator, sagemaker, f"ends-{ends}")
    assert found["TrainingJobStatus"] == "Stopped"
    assert found["SecondaryStatus"] == ends
    with pytest.raises(ClientError, match="404"):
        boto3.client("s3").head_object(
            Bucket=emulator.bucket, Key=f"out/ends-{ends}/output/model.tar.gz"
        )


def test_a_job_does_not_end_until_it_is_stopped(emulator, sagemaker):
    emulator.fail("CreateTrainingJob", ends="InProgress")
    sagemaker.create_training_job(**job(emulator, "endless"))
    found = sagemaker.describe_training_job(TrainingJobName="endless")
    assert found["TrainingJobStatus"] == "InProgress"
    sagemaker.stop_training_job(TrainingJobName="endless")
    assert ended(sagemaker, "endless")["TrainingJobStatus"] == "Stopped"


@pytest.fixture(scope="module")
def config(emulator):
    """A configuration of an endpoint, and its model."""
    sagemaker = boto3.client("sagemaker")
    boto3.client("s3").put_object(Bucket=emulator.bucket, Key="m", Body=b"")
    image = {"Image": IMAGE, "ModelDataUrl": f"s3://{emulator.bucket}/m"}
    sagemaker.create_model(
        ModelName="m", ExecutionRoleArn=emulator.role, PrimaryContainer=image
    )
    configure(sagemaker, "m", "m")
    return {"EndpointConfigName": "m"}


def test_an_endpoint_fails_or_is_stuck_or_gone(emulator, sagemaker, config):
    emulator.fail("CreateEndpoint", ends="Failed", reason="It is so.", times=1)
    sagemaker.create_endpoint(EndpointName="fails", **config)
    found = in_service(sagemaker, "fails")
    assert (found["EndpointStatus"], found["FailureReason"]) == ("Failed", "It is so.")
    emulator.fail("CreateEndpoint", ends="InProgress", times=1)
    sagemaker.create_endpoint(EndpointName="stuck", **config)
    found = sagemaker.describe_endpoint(EndpointName="stuck")
    assert found["EndpointStatus"] == "Creating"
    # Deleted under those who use it.
    sagemaker.delete_endpoint(EndpointName="stuck")
    with pytest.raises(ClientError, match="Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName="stuck")
    with pytest.raises(ClientError, match="ValidationError"):
        boto3.client("sagemaker-runtime").invoke_endpoint(
            EndpointName="stuck", Body=b""
        )


def test_an_update_that_fails_leaves_what_was_there(emulator, sagemaker, s3):
    emulator.image(SERVER, [sys.executable, "-I", "-S", "-c", SERVE])
    image = {"Image": SERVER}
    sagemaker.create_model(
        ModelName="serves", ExecutionRoleArn=emulator.role, PrimaryContainer=image
    )
    both = {"EndpointName": "serves", "EndpointConfigName": "serves"}
    configure(sagemaker, "serves", "serves")
    configure(sagemaker, "serves-2", "serves")
    sagemaker.create_endpoint(**both)
    assert in_service(sagemaker, "serves")["EndpointStatus"] == "InService"
    emulator.fail("UpdateEndpoint", ends="Failed", reason="It is so.", times=1)
    sagemaker.update_endpoint(**{**both, "EndpointConfigName": "serves-2"})
    found = in_service(sagemaker, "serves")
    assert (found["EndpointStatus"], found["FailureReason"]) == (
        "InService",
        "It is so.",
    )
    assert found["EndpointConfigName"] == "serves"


def test_a_batch_transform_ends_as_it_is_told(emulator, sagemaker, config):
    def ends(name, **fault):
        emulator.fail("CreateTransformJob", times=1, **fault)
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/none/"}
        sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName="m",
            TransformInput={"DataSource": {"S3DataSource": source}},
            TransformOutput={"S3OutputPath": f"s3://{emulator.bucket}/answers"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
        quickly = {"Delay": 0, "MaxAttempts": 1000}
        with contextlib.suppress(WaiterError):
            waiter.wait(TransformJobName=name, WaiterConfig=quickly)
        return sagemaker.describe_transform_job(TransformJobName=name)

    found = ends("fails", ends="Failed", reason="ClientError: it is so")
    assert found["TransformJobStatus"] == "Failed"
    assert found["FailureReason"] == "ClientError: it is so"
    assert ends("stops", ends="Stopped")["TransformJobStatus"] == "Stopped"


def test_quotas(emulator, sagemaker, config):
    emulator.quota("ml.c5.xlarge", 1)
    resources = {
        "InstanceType": "ml.c5.xlarge",
        "InstanceCount": 1,
        "VolumeSizeInGB": 1,
    }
    request = {"do": "time.sleep(600)", "ResourceConfig": resources}
    sagemaker.create_training_job(**job(emulator, "first", **request))
    with pytest.raises(ClientError) as caught:
        sagemaker.create_training_job(**job(emulator, "second", **request))
    error = caught.value.response["Error"]
    assert error["Code"] == "ResourceLimitExceeded"
    assert "'ml.c5.xlarge for training job usage' is 1 Instances" in error["Message"]
    assert "current utilization of 1 Instances" in error["Message"]
    # What has ended is not counted.
    sagemaker.stop_training_job(TrainingJobName="first")
    ended(sagemaker, "first")
    request["do"] = ""
    sagemaker.create_training_job(**job(emulator, "second", **request))
    emulator.quota("ml.m5.large", 0, "endpoint")
    with pytest.raises(ClientError, match="for endpoint usage' is 0"):
        sagemaker.create_endpoint(EndpointName="too-many", **config)
    emulator.quota("ml.m5.large", 100, "endpoint")
    with pytest.raises(ValueError, match="must be one of"):
        emulator.quota("ml.m5.large", 0, "notebook")


def test_logs_are_missing_or_late(emulator, sagemaker):
    run(emulator, sagemaker, "logs", "print('a'); print('b')")
    emulator.fail(
        "DescribeLogStreams",
        code="ResourceNotFoundException",
        message="The specified log group does not exist.",
        times=1,
    )
    assert printed("logs") == []
    logs = boto3.client("logs")
    streams = logs.describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix="logs/"
    )["logStreams"]
    place = {"logGroupName": GROUP, "logStreamName": streams[0]["logStreamName"]}
    emulator.fail("GetLogEvents", late=True, times=2)
    found, token = [], {}
    for number in range(4):
        page = logs.get_log_events(**place, startFromHead=True, **token)
        if number < 2:
            assert page["events"] == []
        found += [event["message"] for event in page["events"]]
        token = {"nextToken": page["nextForwardToken"]}
    assert found == ["a", "b"]
    emulator.fail("FilterLogEvents", late=True, times=1)
    names = {"logGroupName": GROUP, "logStreamNamePrefix": "logs/"}
    assert logs.filter_log_events(**names)["events"] == []
    assert len(logs.filter_log_events(**names)["events"]) == 2


@pytest.mark.parametrize(
    ("code", "status", "attempts"),
    [
        ("ModelNotReadyException", 429, 1),
        ("ServiceUnavailable", 503, 2),
        ("InternalDependencyException", 530, 1),
        ("InternalFailure", 500, 2),
    ],
)
def test_faults_of_an_endpoint(emulator, code, status, attempts):
    rule = emulator.fail("InvokeEndpoint", code=code, status=status)
    runtime = client("sagemaker-runtime", 2)
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName="x", Body=b"")
    answer = caught.value.response
    assert answer["Error"]["Code"] == code
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert rule.done == attempts


def test_an_endpoint_answers_nonsense(emulator):
    runtime = client("sagemaker-runtime", 1)
    said = {"OriginalStatusCode": 507, "OriginalMessage": "no memory"}
    emulator.fail("InvokeEndpoint", code="ModelError", status=424, change=said, times=1)
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName="x", Body=b"")
    assert caught.value.response["OriginalStatusCode"] == 507
    assert caught.value.response["OriginalMessage"] == "no memory"


def test_members_of_an_answer_are_changed(emulator, sagemaker):
    run(emulator, sagemaker, "member")
    said = {"TrainingJobStatus": "Deleting", "BillableTimeInSeconds": None}
    emulator.fail("DescribeTrainingJob", change=said)
    found = sagemaker.describe_training_job(TrainingJobName="member")
    assert found["TrainingJobStatus"] == "Deleting"
    assert "BillableTimeInSeconds" not in found
    assert found["SecondaryStatus"] == "Completed"


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("s3", "list_buckets", "ExpiredToken"),
        ("s3", "list_buckets", "RequestTimeTooSkewed"),
        ("iam", "list_roles", "ExpiredToken"),
        ("sts", "get_caller_identity", "ExpiredToken"),
        ("logs", "describe_log_groups", "ExpiredTokenException"),
        ("cloudwatch", "list_metrics", "ExpiredTokenException"),
        ("ecr", "describe_repositories", "ExpiredTokenException"),
    ],
)
def test_every_service_refuses_in_its_protocol(emulator, service, call, code):
    name = "".join(part.capitalize() for part in call.split("_"))
    rule = emulator.fail(name, code=code, status=403)
    with pytest.raises(ClientError, match="asked for") as caught:
        getattr(client(service, 3), call)()
    assert caught.value.response["Error"]["Code"] == code
    assert rule.done == 1


def test_a_rule_for_nothing_is_refused(emulator):
    with pytest.raises(ValueError, match="'CreateTraningJob' is no operation of sage"):
        emulator.fail("CreateTraningJob", code="ThrottlingException")
    for name in ("InvokeEndpoint", "GetLogEvents", "ListMetrics", "GetRole", "Publis*"):
        emulator.fail(name, code="ThrottlingException")


def test_healing_ends_waits(emulator, sagemaker):
    rule = emulator.fail("ListModels", seconds=3600)
    found = []
    thread = threading.Thread(target=lambda: found.append(sagemaker.list_models()))
    thread.start()
    while not rule.done:
        time.sleep(0.01)
    emulator.heal()
    thread.join(60)
    assert found


def test_a_user_of_studio_has_the_role(emulator, sagemaker):
    found = sagemaker.describe_user_profile(DomainId="d-1", UserProfileName="me")
    assert found["UserSettings"]["ExecutionRole"] == emulator.role
    assert sagemaker.describe_space(DomainId="d-1", SpaceName="mine")["SpaceArn"]
