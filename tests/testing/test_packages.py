"""The registry of models, and models that are made from it."""

import io
import sys
import tarfile

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.testing.jobs import SERVE, SERVER, configure, in_service


def inference(emulator):
    uri = f"s3://{emulator.bucket}/model.tar.gz"
    return {
        "Containers": [{"Image": SERVER, "ModelDataUrl": uri}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
        "SupportedTransformInstanceTypes": ["ml.m5.large"],
    }


def create(emulator, sagemaker, **more):
    return sagemaker.create_model_package(
        InferenceSpecification=inference(emulator), **more
    )["ModelPackageArn"]


def test_versions_of_a_group(emulator, sagemaker):
    group = {"ModelPackageGroupName": "versions"}
    made = sagemaker.create_model_package_group(**group)["ModelPackageGroupArn"]
    with pytest.raises(ClientError, match="ValidationException.*already exist"):
        sagemaker.create_model_package_group(**group)
    arns = [create(emulator, sagemaker, **group) for _ in range(2)]
    assert [arn.rpartition(":")[2] for arn in arns] == [
        "model-package/versions/1",
        "model-package/versions/2",
    ]
    # By name or ARN of the group.
    for name in ("versions", made):
        found = sagemaker.list_model_packages(ModelPackageGroupName=name)
        listed = found["ModelPackageSummaryList"]
        assert {item["ModelPackageVersion"] for item in listed} == {1, 2}
    sagemaker.update_model_package(
        ModelPackageArn=arns[0],
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={"a": "1", "b": "2"},
    )
    sagemaker.update_model_package(
        ModelPackageArn=arns[0], CustomerMetadataPropertiesToRemove=["a"]
    )
    found = sagemaker.describe_model_package(ModelPackageName=arns[0])
    assert found["CustomerMetadataProperties"] == {"b": "2"}
    again = sagemaker.describe_model_package(ModelPackageName=found["ModelPackageName"])
    assert again["ModelPackageArn"] == arns[0]
    approved = sagemaker.list_model_packages(**group, ModelApprovalStatus="Approved")
    [item] = approved["ModelPackageSummaryList"]
    assert item["ModelPackageArn"] == arns[0]
    with pytest.raises(ClientError, match="has packages"):
        sagemaker.delete_model_package_group(**group)
    for arn in arns:
        sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(**group)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package_group(**group)


def test_a_package_of_its_own_name(emulator, sagemaker):
    arn = create(emulator, sagemaker, ModelPackageName="single")
    found = sagemaker.describe_model_package(ModelPackageName="single")
    assert found["ModelPackageArn"] == arn
    assert "ModelPackageVersion" not in found
    listed = sagemaker.list_model_packages()["ModelPackageSummaryList"]
    assert [item["ModelPackageArn"] for item in listed] == [arn]
    with pytest.raises(ClientError, match="already exist"):
        create(emulator, sagemaker, ModelPackageName="single")


def test_a_model_of_an_approved_package_is_served(emulator, sagemaker, s3):
    emulator.image(SERVER, [sys.executable, "-I", "-S", "-c", SERVE])
    group = {"ModelPackageGroupName": "served"}
    sagemaker.create_model_package_group(**group)
    arn = create(emulator, sagemaker, **group)
    model = {
        "ModelName": "packaged",
        "ExecutionRoleArn": emulator.role,
        "Containers": [{"ModelPackageName": arn}],
    }
    with pytest.raises(ClientError, match="PendingManualApproval; only approved"):
        sagemaker.create_model(**model)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    with pytest.raises(ClientError, match="Could not find model data"):
        sagemaker.create_model(**model)
    with_data = inference(emulator)["Containers"][0]["ModelDataUrl"]
    empty = _empty_archive()
    s3.put_object(Bucket=emulator.bucket, Key=with_data.rpartition("/")[2], Body=empty)
    sagemaker.create_model(**model)
    found = sagemaker.describe_model(ModelName="packaged")
    assert found["Containers"] == [{"ModelPackageName": arn}]
    configure(sagemaker, "packaged", "packaged")
    sagemaker.create_endpoint(EndpointName="packaged", EndpointConfigName="packaged")
    found = in_service(sagemaker, "packaged")
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    answer = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="packaged", Body=b"1"
    )
    assert answer["Body"].read() == b"served"


def _empty_archive():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz"):
        pass
    return stream.getvalue()


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"Operator": "Equals", "Value": "one"}, ["one"]),
        ({"Operator": "NotEquals", "Value": "one"}, ["two"]),
        ({"Operator": "Contains", "Value": "o"}, ["one", "two"]),
        ({"Operator": "In", "Value": "two, three"}, ["two"]),
        ({"Operator": "Exists"}, ["one", "two"]),
        ({"Operator": "NotExists"}, []),
    ],
)
def test_search(groups, sagemaker, condition, found):
    name = {"Name": "ModelPackageGroupName"}
    assert searched(sagemaker, {"Filters": [{**name, **condition}, groups]}) == found


@pytest.fixture(scope="module")
def groups(emulator):
    """A filter for the groups of these tests."""
    sagemaker = boto3.client("sagemaker")
    for name in ("one", "two"):
        sagemaker.create_model_package_group(
            ModelPackageGroupName=name,
            Tags=[{"Key": "of", "Value": "search"}, {"Key": "is", "Value": name}],
        )
    return {"Name": "Tags.of", "Operator": "Equals", "Value": "search"}


def searched(sagemaker, expression, **more):
    results = sagemaker.search(
        Resource="ModelPackageGroup",
        SearchExpression=expression,
        SortBy="CreationTime",
        SortOrder="Ascending",
        **more,
    )["Results"]
    return [item["ModelPackageGroup"]["ModelPackageGroupName"] for item in results]


def test_search_by_time_and_parts(groups, sagemaker):
    def when(operator, value):
        condition = {"Name": "CreationTime", "Operator": operator, "Value": value}
        return searched(sagemaker, {"Filters": [condition, groups]})

    assert when("GreaterThan", "2020-01-01T00:00:00Z") == ["one", "two"]
    assert when("LessThanOrEqualTo", "2020-01-01T00:00:00") == []
    with pytest.raises(ClientError, match="cannot be compared"):
        when("LessThan", "yesterday")
    parts = [
        {"Filters": [{"Name": "Tags.is", "Operator": "Equals", "Value": name}]}
        for name in ("two", "three")
    ]
    both = {"SubExpressions": parts, "Operator": "Or"}
    assert searched(sagemaker, both) == ["two"]
    assert searched(sagemaker, {**both, "Operator": "And"}) == []
    nested = {"NestedPropertyName": "x", "Filters": [groups]}
    with pytest.raises(ClientError, match="NestedFilters"):
        searched(sagemaker, {"NestedFilters": [nested]})
    assert searched(sagemaker, {"Filters": [groups]}, MaxResults=1) == ["one"]
