"""Lists: filters, order, pages."""

import datetime

import pytest

from sklearn_sagemaker.testing.errors import ServiceError
from sklearn_sagemaker.testing.records import Records


def at(day):
    return datetime.datetime(2026, 1, day, tzinfo=datetime.UTC)


@pytest.fixture
def records():
    found = Records("TrainingJob", lambda region, name: f"no {name} in {region}")
    for number, (name, status) in enumerate(
        [("b", "Failed"), ("a", "Completed"), ("c", "Completed")], 1
    ):
        found.add(
            "us-east-1",
            {
                "TrainingJobName": name,
                "TrainingJobArn": f"arn/{name}",
                "TrainingJobStatus": status,
                "CreationTime": at(number),
                "LastModifiedTime": at(10 - number),
                **({"WarmPoolStatus": {"Status": "Available"}} if name == "a" else {}),
            },
        )
    return found


def names(page):
    return [record["TrainingJobName"] for record in page["Jobs"]]


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ({}, "cab"),
        ({"SortOrder": "Ascending"}, "bac"),
        ({"SortBy": "Name"}, "cba"),
        ({"SortBy": "Name", "SortOrder": "Ascending"}, "abc"),
        ({"SortBy": "Status", "SortOrder": "Ascending"}, "acb"),
        ({"NameContains": "a"}, "a"),
        ({"StatusEquals": "Completed"}, "ca"),
        ({"WarmPoolStatusEquals": "Available"}, "a"),
        ({"TrainingPlanArnEquals": "arn"}, ""),
        ({"CreationTimeAfter": at(2).timestamp()}, "ca"),
        ({"CreationTimeBefore": at(2).timestamp()}, "ab"),
        ({"LastModifiedTimeAfter": at(8).timestamp()}, "ab"),
        ({"LastModifiedTimeBefore": at(8).timestamp()}, "ca"),
        ({"NameContains": "c", "StatusEquals": "Failed"}, ""),
    ],
)
def test_filters_and_order(records, request_, found):
    assert names(records.page("us-east-1", request_, "Jobs")) == list(found)
    assert records.page("eu-west-1", request_, "Jobs") == {"Jobs": []}


def test_the_order_of_lists_that_do_not_say():
    records = Records("Model", lambda region, name: "", order="Ascending")
    for day in (1, 2):
        record = {"ModelName": str(day), "ModelArn": "", "CreationTime": at(day)}
        records.add("us-east-1", record)
    found = records.page("us-east-1", {}, "Models")["Models"]
    assert [record["ModelName"] for record in found] == ["1", "2"]


def test_pages(records):
    found, token = [], {}
    for _ in range(2):
        page = records.page("us-east-1", {"MaxResults": 2, **token}, "Jobs")
        found += names(page)
        token = {"NextToken": page.get("NextToken")}
    assert found == ["c", "a", "b"]
    assert "NextToken" not in page
    with pytest.raises(ServiceError, match="NextToken"):
        records.page("us-east-1", {"NextToken": "nonsense"}, "Jobs")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ResourceInUse", "Training job names must be unique within an AWS account"),
        ("ValidationException", "Cannot create already existing training job"),
    ],
)
def test_a_name_that_is_taken(code, said):
    records = Records("TrainingJob", lambda region, name: "", code)
    record = {"TrainingJobName": "a", "TrainingJobArn": "arn/a"}
    records.add("us-east-1", record)
    records.add("us-east-2", record)
    with pytest.raises(ServiceError, match=said) as caught:
        records.add("us-east-1", record)
    assert caught.value.code == code
