"""Tuning jobs: their training jobs run, and what they find is what is there."""

import re
import time

import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker.testing import tuning_run
from tests.testing.jobs import job, printed
from tests.testing.jobs import run as run_job
from tests.testing.tuning import (
    BOWL,
    NAME,
    OBJECTIVE,
    RANGES,
    children,
    config,
    create,
    definition,
    described,
    ended,
    run,
)

# A loss at each of ten epochs, which goes down to what x says.
EPOCHS = """
h = json.load(open(path("input/config/hyperparameters.json")))
for epoch in range(int(h.get("epochs", 10))):
    print("loss=%r;" % (float(h["x"]) + 1 / (epoch + 1)), flush=True)
    time.sleep(0.05)
"""
X = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["1", "2", "3", "4", "5"]}]}


def test_a_search_from_start_to_end(emulator, sagemaker):
    answer = create(emulator, "search", Tags=[{"Key": "team", "Value": "a"}])
    arn = answer["HyperParameterTuningJobArn"]
    assert arn.endswith(":hyper-parameter-tuning-job/search")
    found = ended("search")
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    assert found["TrainingJobStatusCounters"] == {
        "Completed": 3,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert found["ObjectiveStatusCounters"] == {
        "Succeeded": 3,
        "Pending": 0,
        "Failed": 0,
    }
    assert found["ConsumedResources"]["RuntimeInSeconds"] >= 3
    static = found["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["_tuning_objective_metric"] == "loss"
    assert found["TrainingJobDefinition"]["ResourceConfig"] == {
        "InstanceType": "ml.m5.large",
        "InstanceCount": 1,
        "VolumeSizeInGB": 1,
    }
    jobs = children("search")
    for number, one in enumerate(jobs, 1):
        pattern = rf"search-{number:03d}-[0-9a-f]{{8}}"
        assert re.fullmatch(pattern, one["TrainingJobName"])
        assert set(one["TunedHyperParameters"]) == {"x", "k", "c"}
        assert one["ObjectiveStatus"] == "Succeeded"
        assert one["TuningJobName"] == "search"
    values = [
        one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in jobs
    ]
    best = found["BestTrainingJob"]
    assert best == jobs[values.index(min(values))]
    assert "OverallBestTrainingJob" not in found

    child = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert child["TuningJobArn"] == arn
    assert child["HyperParameters"] == {**static, **best["TunedHyperParameters"]}
    metrics = {
        item["MetricName"]: item["Value"] for item in child["FinalMetricDataList"]
    }
    assert metrics == {"loss": min(values), "ObjectiveMetric": min(values)}
    assert sagemaker.list_tags(ResourceArn=child["TrainingJobArn"])["Tags"] == [
        {"Key": "team", "Value": "a"}
    ]
    assert f"loss={min(values)!r};" in printed(best["TrainingJobName"])


def test_the_values_are_those_of_the_seed(emulator):
    for name, seed in (("once", 5), ("again", 5), ("other", 6)):
        create(emulator, name, asked=config(jobs=2, RandomSeed=seed))
    tried = {}
    for name in ("once", "again", "other"):
        ended(name)
        tried[name] = [one["TunedHyperParameters"] for one in children(name)]
    assert tried["once"] == tried["again"]
    assert tried["once"] != tried["other"]


def test_a_guided_search_goes_on_from_what_it_knows(emulator):
    ranges = {"ContinuousParameterRanges": RANGES["ContinuousParameterRanges"]}
    asked = config("Bayesian", jobs=5, parallel=2, ParameterRanges=ranges)
    found = run(emulator, "guided", asked=asked)
    assert found["TrainingJobStatusCounters"]["Completed"] == 5
    tried = {one["TunedHyperParameters"]["x"] for one in children("guided")}
    assert len(tried) == 5


def test_a_grid_is_tried_whole(emulator):
    ranges = {
        "CategoricalParameterRanges": [
            {"Name": "k", "Values": ["1", "4", "6"]},
            {"Name": "c", "Values": ["a", "b"]},
        ]
    }
    asked = config("Grid", jobs=None, parallel=3, ParameterRanges=ranges)
    found = run(emulator, "grid", asked=asked)
    assert found["TrainingJobStatusCounters"]["Completed"] == 6
    assert found["BestTrainingJob"]["TunedHyperParameters"] == {"k": "4", "c": "a"}
    tried = {tuple(one["TunedHyperParameters"].values()) for one in children("grid")}
    assert tried == {(k, c) for k in "146" for c in "ab"}


def test_several_definitions_share_a_tuning_job(emulator):
    ranges = {"CategoricalParameterRanges": [{"Name": "k", "Values": ["3", "8"]}]}
    both = [
        definition(
            emulator,
            DefinitionName=name,
            TuningObjective=OBJECTIVE,
            HyperParameterRanges=ranges,
            StaticHyperParameters={"do": BOWL, "x": x},
        )
        for name, x in (("far", "1"), ("near", "0.01"))
    ]
    asked = config("Grid", jobs=None)
    del asked["ParameterRanges"], asked["HyperParameterTuningJobObjective"]
    found = run(
        emulator,
        "several",
        asked=asked,
        TrainingJobDefinition=None,
        TrainingJobDefinitions=both,
    )
    assert found["TrainingJobStatusCounters"]["Completed"] == 4
    best = found["BestTrainingJob"]
    assert best["TrainingJobDefinitionName"] == "near"
    assert best["TunedHyperParameters"] == {"k": "3"}
    value = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert value == pytest.approx(0.1)


def test_it_stops_when_it_is_asked(emulator, sagemaker):
    create(emulator, "stops", "time.sleep(600)")
    while len(children("stops")) < 2:
        time.sleep(0.02)
    sagemaker.stop_hyper_parameter_tuning_job(**{NAME: "stops"})
    assert described("stops")["HyperParameterTuningJobStatus"] in (
        "Stopping",
        "Stopped",
    )
    found = ended("stops")
    assert found["HyperParameterTuningJobStatus"] == "Stopped"
    assert found["TrainingJobStatusCounters"]["Stopped"] == 2
    assert found["ObjectiveStatusCounters"]["Failed"] == 2
    assert [one["TrainingJobStatus"] for one in children("stops")] == ["Stopped"] * 2
    with pytest.raises(ClientError, match="is in status Stopped"):
        sagemaker.stop_hyper_parameter_tuning_job(**{NAME: "stops"})


def test_it_is_forgotten_without_its_training_jobs(emulator, sagemaker):
    create(emulator, "gone", "time.sleep(600)")
    with pytest.raises(ClientError, match="is in status InProgress"):
        sagemaker.delete_hyper_parameter_tuning_job(**{NAME: "gone"})
    sagemaker.stop_hyper_parameter_tuning_job(**{NAME: "gone"})
    ended("gone")
    [*names] = [one["TrainingJobName"] for one in children("gone")]
    sagemaker.delete_hyper_parameter_tuning_job(**{NAME: "gone"})
    with pytest.raises(ClientError, match="can't find a tuning job"):
        described("gone")
    for name in names:
        sagemaker.describe_training_job(TrainingJobName=name)


@pytest.mark.parametrize(
    ("do", "jobs", "said"),
    [
        ("sys.exit(3)", 2, "All training jobs failed."),
        ("sys.exit(3)", 9, "No training job succeeded after 5 attempts."),
        ("pass", 2, "No objective metrics found after running 2 training jobs."),
        ("print('loss=nan;')", 2, "No objective metrics found"),
    ],
)
def test_it_fails_if_no_job_has_a_value(emulator, do, jobs, said):
    name = f"nothing-{time.monotonic_ns()}"
    found = run(emulator, name, do, asked=config(jobs=jobs, parallel=1))
    assert found["HyperParameterTuningJobStatus"] == "Failed"
    assert found["FailureReason"].startswith(said)
    assert "BestTrainingJob" not in found


def test_it_goes_on_if_some_jobs_fail(emulator):
    do = "if json.load(open(path('input/config/hyperparameters.json')))['k'] == '2':"
    do += "\n  sys.exit(1)\nprint('loss=1;')"
    ranges = {"CategoricalParameterRanges": [{"Name": "k", "Values": ["1", "2", "3"]}]}
    asked = config("Grid", jobs=None, ParameterRanges=ranges)
    # What the service breaks itself is counted otherwise.
    rule = emulator.fail(
        "CreateTrainingJob",
        where="some-fail-003",
        ends="Failed",
        reason="InternalServerError: broken",
    )
    found = run(emulator, "some-fail", do, asked=asked)
    emulator.heal()
    assert rule.done == 1
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    counters = found["TrainingJobStatusCounters"]
    assert (counters["Completed"], counters["NonRetryableError"]) == (1, 1)
    assert counters["RetryableError"] == 1
    assert found["ObjectiveStatusCounters"] == {
        "Succeeded": 1,
        "Pending": 0,
        "Failed": 2,
    }
    reasons = [one.get("FailureReason", "") for one in children("some-fail")]
    assert "exit code: 1" in reasons[1]
    assert reasons[2] == "InternalServerError: broken"


def test_jobs_that_fall_behind_are_stopped(emulator):
    asked = config(
        "Grid",
        jobs=None,
        parallel=1,
        ParameterRanges=X,
        TrainingJobEarlyStoppingType="Auto",
    )
    found = run(emulator, "early", EPOCHS, asked=asked)
    counters = found["TrainingJobStatusCounters"]
    # The first three are compared with nobody, and those after them are worse.
    assert (counters["Completed"], counters["Stopped"]) == (3, 2)
    assert found["ObjectiveStatusCounters"]["Succeeded"] == 5
    assert found["BestTrainingJob"]["TunedHyperParameters"] == {"x": "1"}


def test_hyperband_lets_the_best_go_on(emulator):
    ranges = {"ContinuousParameterRanges": [{**RANGES["ContinuousParameterRanges"][0]}]}
    resources = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
    asked = config(
        "Hyperband",
        jobs=9,
        parallel=3,
        ParameterRanges=ranges,
        StrategyConfig=resources,
    )
    do = EPOCHS.replace('h.get("epochs", 10)', '"9"')
    found = run(emulator, "hyperband", do, asked=asked)
    counters = found["TrainingJobStatusCounters"]
    assert counters["Stopped"] > 0
    assert counters["Completed"] > 0
    assert counters["Completed"] + counters["Stopped"] == 9


@pytest.mark.parametrize(
    ("criteria", "most"),
    [
        ({"TargetObjectiveMetricValue": 2.0}, 3),
        (
            {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}},
            4,
        ),
    ],
)
def test_it_is_complete_before_all_jobs(emulator, criteria, most):
    name = f"criteria-{time.monotonic_ns()}"
    values = ["3", "2", "2.5", "1"] if most == 3 else ["1", "2", "3", "4", "5"]
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": values}]}
    do = "print('loss=%s;' % json.load(open(path('input/config/hyperparameters.json')))"
    do += "['x'])"
    asked = config(
        "Grid",
        jobs=None,
        parallel=1,
        ParameterRanges=ranges,
        TuningJobCompletionCriteria=criteria,
    )
    found = run(emulator, name, do, asked=asked)
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    assert found["TrainingJobStatusCounters"]["Completed"] == {3: 2, 4: 4}[most]
    said = found["TuningJobCompletionDetails"]
    assert said["NumberOfTrainingJobsObjectiveNotImproving"] == {3: 0, 4: 3}[most]


def test_it_stops_after_its_time(emulator, monkeypatch):
    began = time.monotonic()
    # Minutes are seconds.
    monkeypatch.setattr(
        tuning_run, "monotonic", lambda: began + 200 * (time.monotonic() - began)
    )
    asked = config(jobs=None)
    asked["ResourceLimits"]["MaxRuntimeInSeconds"] = 120
    found = run(emulator, "time", "time.sleep(600)", asked=asked)
    assert found["HyperParameterTuningJobStatus"] == "Stopped"
    assert found["TrainingJobStatusCounters"]["InProgress"] == 0


def test_a_warm_start_knows_what_its_parents_tried(emulator):
    ranges = {"CategoricalParameterRanges": [{"Name": "k", "Values": list("1234")}]}
    first = run(emulator, "parent", asked=config(jobs=2, ParameterRanges=ranges))
    start = {
        "ParentHyperParameterTuningJobs": [{NAME: "parent"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    asked = config(jobs=2, ParameterRanges=ranges, RandomSeed=9)
    found = run(emulator, "child", asked=asked, WarmStartConfig=start)
    tried = [
        one["TunedHyperParameters"]["k"]
        for name in ("parent", "child")
        for one in children(name)
    ]
    assert sorted(tried) == list("1234")
    both = first["BestTrainingJob"], found["BestTrainingJob"]
    best = min(
        both,
        key=lambda one: one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
    )
    assert found["OverallBestTrainingJob"] == best
    start["WarmStartType"] = "TransferLearning"
    found = run(emulator, "other-data", asked=asked, WarmStartConfig=start)
    assert "OverallBestTrainingJob" not in found


def test_lists(emulator, sagemaker):
    run(emulator, "listed", asked=config(jobs=3, parallel=1))
    answer = sagemaker.list_hyper_parameter_tuning_jobs(NameContains="listed")
    [one] = answer["HyperParameterTuningJobSummaries"]
    assert one["Strategy"] == "Random"
    assert one["TrainingJobStatusCounters"]["Completed"] == 3
    assert not sagemaker.list_hyper_parameter_tuning_jobs(
        NameContains="listed", StatusEquals="Failed"
    )["HyperParameterTuningJobSummaries"]
    values = [
        one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for one in children("listed", SortBy="FinalObjectiveMetricValue")
    ]
    assert values == sorted(values)
    names = [one["TrainingJobName"] for one in children("listed")]
    back = children("listed", SortBy="Name", SortOrder="Descending")
    assert [one["TrainingJobName"] for one in back] == names[::-1]
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    paged = [
        one["TrainingJobName"]
        for page in pages.paginate(**{NAME: "listed"}, PaginationConfig={"PageSize": 2})
        for one in page["TrainingJobSummaries"]
    ]
    assert paged == names
    assert not children("listed", StatusEquals="Failed")
    found = sagemaker.search(
        Resource="HyperParameterTuningJob",
        SearchExpression={
            "Filters": [{"Name": "HyperParameterTuningJobName", "Value": "listed"}]
        },
    )["Results"]
    assert len(found) == 1


def test_quotas_hold_for_training_jobs(emulator, sagemaker, tmp_path):
    kind = "ml.c5.xlarge"
    resources = {"InstanceType": kind, "InstanceCount": 1, "VolumeSizeInGB": 1}
    held = f"while not os.path.exists({str(tmp_path / 'free')!r}): time.sleep(0.02)"
    jobs = definition(
        emulator,
        f"{held}\n{BOWL}",
        HyperParameterTuningResourceConfig=resources,
    )
    emulator.quota(kind, 2)
    with pytest.raises(ClientError) as caught:
        create(
            emulator, "too-many", asked=config(parallel=3), TrainingJobDefinition=jobs
        )
    assert caught.value.response["Error"]["Code"] == "ResourceLimitExceeded"
    assert "a request delta of 3 Instances" in str(caught.value)

    other = job(emulator, "takes-one", "time.sleep(600)", ResourceConfig=resources)
    sagemaker.create_training_job(**other)
    asked = config(jobs=2, parallel=1)
    create(emulator, "waits", asked=asked, TrainingJobDefinition=jobs)
    while len(children("waits")) < 1:
        time.sleep(0.02)
    emulator.quota(kind, 1)
    (tmp_path / "free").touch()
    while not children("waits", StatusEquals="Completed"):
        time.sleep(0.02)
    time.sleep(0.2)
    assert len(children("waits")) == 1
    sagemaker.stop_training_job(TrainingJobName="takes-one")
    assert ended("waits")["TrainingJobStatusCounters"]["Completed"] == 2


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_fault_ends_it(emulator, status):
    emulator.fail("CreateHyperParameterTuningJob", ends=status, times=1)
    found = run(emulator, f"fault-{status}")
    assert found["HyperParameterTuningJobStatus"] == status
    assert children(f"fault-{status}") == []


def _ranges(kind, **item):
    return {"ParameterRanges": {f"{kind}ParameterRanges": [{"Name": "x", **item}]}}


def _number(kind, low, high, scaling="Auto"):
    return _ranges(kind, MinValue=low, MaxValue=high, ScalingType=scaling)


NO_RANGES = {"ParameterRanges": {"ContinuousParameterRanges": []}}
AUTO = {"ParameterRanges": {"AutoParameters": [{"Name": "x", "ValueHint": "1"}]}}
OTHER = {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "none"}}
EARLY = {"TrainingJobEarlyStoppingType": "Auto"}
BAND = {"StrategyConfig": {"HyperbandStrategyConfig": {"MaxResource": 3}}}


@pytest.mark.parametrize(
    ("strategy", "more", "said"),
    [
        ("Random", _number("Continuous", "2", "1"), "2 of the hyperparameter x is gr"),
        ("Random", _number("Continuous", "a", "1"), "'a' of the hyperparameter x is n"),
        ("Random", _number("Integer", "1.5", "3"), "is no whole number"),
        ("Random", _number("Continuous", "1", "inf"), "'inf' of the hyperparameter"),
        ("Random", _number("Continuous", "0", "1", "Logarithmic"), "greater than 0"),
        ("Random", _number("Continuous", "0", "1", "ReverseLogarithmic"), "below 1"),
        ("Random", _number("Integer", "0", "1", "ReverseLogarithmic"), "below 1"),
        ("Random", _number("Integer", "0", "1", "Wild"), "enum value set"),
        ("Random", NO_RANGES, "nothing to tune"),
        ("Random", AUTO, "no Autotune"),
        ("Random", OTHER, r"\[none\], isn't valid for the training image"),
        ("Grid", _number("Integer", "0", "1"), "categorical hyperparameters only"),
        ("Grid", _ranges("Categorical", Values=["a"]), "has 1 combinations"),
        ("Random", BAND, "takes no StrategyConfig"),
        ("Hyperband", EARLY, "must be Off"),
        ("Hyperband", {}, "needs a MaxResource"),
        ("Guess", {}, "enum value set"),
    ],
)
def test_what_is_no_search_is_refused(emulator, strategy, more, said):
    with pytest.raises(ClientError, match=said) as caught:
        create(emulator, "refused", asked=config(strategy, **more))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"HyperParameterTuningResourceConfig": None}, "either a ResourceConfig or"),
        ({"StaticHyperParameters": {"k": "1"}}, "static and searched at once"),
        (
            {"AlgorithmSpecification": {"TrainingInputMode": "File"}},
            "needs a TrainingImage",
        ),
        ({"HyperParameterTuningResourceConfig": {"InstanceCount": 1}}, "InstanceType"),
    ],
)
def test_what_is_no_definition_is_refused(emulator, more, said):
    jobs = definition(emulator, **more)
    jobs = {name: value for name, value in jobs.items() if value is not None}
    with pytest.raises(ClientError, match=said):
        create(emulator, "refused", TrainingJobDefinition=jobs)


def test_what_does_not_go_together_is_refused(emulator):
    jobs = definition(emulator)
    with pytest.raises(ClientError, match="either a TrainingJobDefinition or"):
        create(emulator, "refused", TrainingJobDefinition=None)
    with pytest.raises(ClientError, match="stands in each of them"):
        create(
            emulator,
            "refused",
            TrainingJobDefinition=None,
            TrainingJobDefinitions=[{**jobs, "DefinitionName": "one"}],
        )
    with pytest.raises(ClientError, match="has no Autotune"):
        create(emulator, "refused", Autotune={"Mode": "Enabled"})
    with pytest.raises(ClientError, match="is 100 Training Jobs"):
        create(emulator, "refused", asked=config(parallel=101))
    with pytest.raises(ClientError, match="is 500 Training Jobs"):
        create(emulator, "refused", asked=config("Bayesian", jobs=501))
    with pytest.raises(ClientError, match="MaxNumberOfTrainingJobs or a MaxRuntime"):
        create(emulator, "refused", asked=config(jobs=None))
    run(emulator, "taken", asked=config(jobs=1))
    with pytest.raises(ClientError) as caught:
        create(emulator, "taken")
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"


def test_a_warm_start_needs_parents_that_are_alike(emulator):
    ranges = {"CategoricalParameterRanges": [{"Name": "k", "Values": list("1234")}]}
    run(emulator, "alike", asked=config(jobs=1, ParameterRanges=ranges))
    start = {
        "ParentHyperParameterTuningJobs": [{NAME: "alike"}],
        "WarmStartType": "TransferLearning",
    }
    asked = config(ParameterRanges=ranges)
    other = {"Type": "Maximize", "MetricName": "loss"}
    for more, said in (
        ({"asked": {**asked, "HyperParameterTuningJobObjective": other}}, "is another"),
        ({"asked": config()}, "The number of hyperparameters"),
    ):
        with pytest.raises(ClientError, match=said):
            create(emulator, "refused", WarmStartConfig=start, **more)
    start["ParentHyperParameterTuningJobs"] = [{NAME: "nobody"}]
    with pytest.raises(ClientError, match="can't find a tuning job"):
        create(emulator, "refused", asked=asked, WarmStartConfig=start)


def test_its_training_jobs_are_in_the_list_of_all(emulator, sagemaker):
    run_job(emulator, sagemaker, "alone")
    run(emulator, "among", asked=config(jobs=1))
    found = sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    names = [one["TrainingJobName"] for one in found]
    assert "alone" in names
    assert {one["TrainingJobName"] for one in children("among")} <= set(names)
