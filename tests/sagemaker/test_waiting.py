"""Waiting: what is printed, how often is asked, how it ends, and Ctrl-C."""

import datetime
import signal
import subprocess
import sys
import threading
import time

import pytest

from sklearn_sagemaker import exceptions
from sklearn_sagemaker.sagemaker import _waiting
from sklearn_sagemaker.sagemaker._waiting import PATIENCE, Pauses
from sklearn_sagemaker.sagemaker.session import Session
from tests.testing.jobs import job

START = datetime.datetime(2026, 11, 29, 8, tzinfo=datetime.UTC)


class Script(Session):
    """A session whose service answers from a list; the last answer stays."""

    def __init__(self, *answers, lines=()):
        self.answers, self.lines = list(answers), list(lines)
        self.asked, self.on_interrupt, self._created = [], "leave", {}

    def _call(self, service, operation, what, /, **request):
        self.asked.append(operation)
        if operation == "describe_log_streams":
            names = dict.fromkeys(name for name, _, _ in self.lines)
            return {"logStreams": [{"logStreamName": name} for name in names]}
        if operation == "get_log_events":
            events = [
                {"timestamp": when, "message": text}
                for name, when, text in self.lines
                if name == request["logStreamName"]
                and when >= request.get("startTime", 0)
                and "nextToken" not in request
            ]
            return {"events": events, "nextForwardToken": request.get("nextToken", "t")}
        if operation.startswith("stop"):
            return {}
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def training(status, *transitions, **more):
    items = [
        {
            "Status": name,
            "StatusMessage": message,
            "StartTime": START + datetime.timedelta(seconds=seconds),
        }
        for seconds, name, message in transitions
    ]
    return {
        "TrainingJobStatus": status,
        "SecondaryStatusTransitions": items,
        "ResourceConfig": {"InstanceCount": 1},
        **more,
    }


@pytest.fixture
def slept(monkeypatch):
    """Pauses, which take no time."""
    found = []
    monkeypatch.setattr(_waiting, "sleep", found.append)
    return found


def printed(capsys):
    return capsys.readouterr().out.splitlines()


# What is printed


def test_statuses_and_lines_come_in_order(slept, capsys):
    first = (0, "Starting", "Preparing"), (10, "Training", "Downloading the image")
    again = first[0], (10, "Training", "In progress")
    session = Script(
        training("InProgress", *first),
        training("InProgress", *again),
        training("InProgress", *again),
        training("Completed", *again, (20, "Uploading", ""), (21, "Completed", "Done")),
        lines=[
            ("j/algo-1-1800000000", (START.timestamp() + 15) * 1000, "epoch 1\n"),
            ("j/algo-1-1800000000", (START.timestamp() + 22) * 1000, "bye"),
        ],
    )
    session.logs_for_job("j", wait=True)
    assert printed(capsys) == [
        "2026-11-29 08:00:00 Starting - Preparing",
        "2026-11-29 08:00:10 Training - Downloading the image",
        "epoch 1",
        "bye",
        "2026-11-29 08:00:10 Training - In progress",
        "2026-11-29 08:00:20 Uploading",
        "2026-11-29 08:00:21 Completed - Done",
    ]


def test_hosts_are_told_apart_and_streams_of_one_host_are_not(slept, capsys):
    now = START.timestamp() * 1000
    session = Script(
        training("Completed"),
        lines=[
            ("j/algo-1-1800000000", now + 1, "a"),
            ("j/algo-2-1800000000", now + 2, "b"),
            ("j/algo-1-1800000000", now + 3, "c"),
        ],
    )
    session.logs_for_job("j")
    assert printed(capsys) == ["[algo-1] a", "[algo-2] b", "[algo-1] c"]
    # After a spot instance was taken away, the host has a second stream.
    session.lines = [
        ("j/algo-1-1800000000", now, "before"),
        ("j/algo-1-1800000900", now + 900_000, "after"),
    ]
    session.logs_for_job("j")
    assert printed(capsys) == ["before", "after"]


def test_an_interrupted_spot_job_is_waited_for(slept, capsys):
    passed = [
        (0, "Starting", ""),
        (5, "Training", ""),
        (9, "Interrupted", "taken away"),
    ]
    passed += [(20, "Starting", ""), (25, "Training", "")]
    answers = [training("InProgress", *passed[:k]) for k in (1, 2, 3, 4, 5)]
    done = training(
        "Completed",
        *passed,
        (30, "Completed", ""),
        TrainingTimeInSeconds=100,
        BillableTimeInSeconds=30,
        EnableManagedSpotTraining=True,
        ResourceConfig={"InstanceCount": 2},
    )
    Script(*answers, done).wait_for_job("j")
    assert [line.removeprefix("2026-11-29 08:00:") for line in printed(capsys)] == [
        "00 Starting",
        "05 Training",
        "09 Interrupted - taken away",
        "20 Starting",
        "25 Training",
        "30 Completed",
        "Training seconds: 200",
        "Billable seconds: 60",
        "Managed Spot Training savings: 70.0%",
    ]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, []),
        ({"TrainingTimeInSeconds": 7}, ["Training seconds: 7"]),
        (
            {
                "TrainingTimeInSeconds": 0,
                "BillableTimeInSeconds": 0,
                "EnableManagedSpotTraining": True,
            },
            ["Training seconds: 0", "Billable seconds: 0"],
        ),
        (
            {
                "BillableTimeInSeconds": 7,
                "ResourceConfig": {
                    "InstanceGroups": [{"InstanceCount": 2}, {"InstanceCount": 1}]
                },
            },
            ["Billable seconds: 21"],
        ),
    ],
)
def test_the_bill(slept, capsys, more, expected):
    Script(training("Completed", **more)).wait_for_job("j")
    assert printed(capsys) == expected


def test_a_terminal_has_a_line_of_progress(slept, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    training_now = training(
        "InProgress", (0, "Starting", ""), SecondaryStatus="Starting"
    )
    done = training("Completed", (0, "Starting", ""), (9, "Completed", ""))
    Script(training_now, training_now, done).wait_for_job("j")
    clear = "\r\x1b[2K"
    line = f"{clear}training job 'j': Starting, 0 s"
    assert capsys.readouterr().out == (
        f"{clear}2026-11-29 08:00:00 Starting\n{line}{line}"
        f"{clear}2026-11-29 08:00:09 Completed\n{clear}"
    )
    Script(training_now, done).wait_for_job("j", quiet=True)
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("COLUMNS", "19")
    Script(training_now, done).wait_for_job("j")
    assert f"{clear}'j': Starting, 0 s{clear}" in capsys.readouterr().out


def test_statuses_of_what_has_no_transitions(slept, capsys):
    answers = [
        {"EndpointStatus": status, "LastModifiedTime": START}
        for status in ("Creating", "Creating", "SystemUpdating", "Novel", "InService")
    ]
    Script(*answers).wait_for_endpoint("e")
    statuses = ["Creating", "SystemUpdating", "Novel", "InService"]
    assert printed(capsys) == [f"2026-11-29 08:00:00 {status}" for status in statuses]


def test_lines_of_an_endpoint(slept, capsys):
    session = Script(
        {"EndpointStatus": "InService", "LastModifiedTime": START},
        lines=[("AllTraffic/i-0a1", START.timestamp() * 1000 - 1, "started")],
    )
    session.wait_for_endpoint("e", live_logging=True)
    assert printed(capsys) == ["started", "2026-11-29 08:00:00 InService"]
    session.wait_for_endpoint("e")
    assert printed(capsys) == ["2026-11-29 08:00:00 InService"]


@pytest.mark.parametrize(
    ("log_type", "shown"),
    [("All", True), ("Training", True), (True, True), ("None", False), (False, False)],
)
def test_lines_that_are_not_asked_for(slept, capsys, log_type, shown):
    lines = [("j/algo-1-1800000000", 1, "line")]
    session = Script(training("Completed"), lines=lines)
    for waits in (False, True):
        session.logs_for_job("j", waits, log_type=log_type)
        assert printed(capsys) == ["line"] * shown


def test_statuses_of_compilation_jobs(slept, capsys):
    answers = [
        {"CompilationJobStatus": status, "LastModifiedTime": START}
        for status in ("STARTING", "INPROGRESS", "COMPLETED")
    ]
    found = Script(*answers).wait_for_compilation_job("c")
    assert found["CompilationJobStatus"] == "Completed"
    assert [line[20:] for line in printed(capsys)] == [
        "Starting",
        "InProgress",
        "Completed",
    ]


# How often is asked


def test_pauses_double(slept, monkeypatch):
    monkeypatch.setattr(_waiting.random, "uniform", lambda low, high: high)
    pauses = Pauses(30)
    for _ in range(10):
        pauses.take()
    assert slept == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]
    slept.clear()
    pauses.news()
    pauses.take()
    pauses.take(limit=0.5)
    pauses.take(limit=-1)
    assert slept == [5, 0.5, 0]
    slept.clear()
    short = Pauses(1)
    for _ in range(4):
        short.take()
    assert slept == [0.2, 0.4, 0.8, 1]


def test_pauses_of_many_clients_differ(slept):
    for _ in range(20):
        Pauses(30).take()
    assert len(set(slept)) > 10
    assert all(0.16 <= pause <= 0.2 for pause in slept)


def test_the_longest_pause_is_the_callers(slept):
    Script(*[training("InProgress")] * 20, training("Completed")).wait_for_job("j", 2)
    assert len(slept) == 20
    assert max(slept) <= 2


def test_the_lines_after_the_end_are_read(slept, capsys):
    """They come a little later than the status; one pause, at most 5 s."""
    session = Script(*[training("InProgress")] * 12, training("Completed"))
    read = []

    def call(service, operation, what, /, **request):
        if operation == "describe_log_streams":
            read.append(operation)
            if len(read) == 14:
                when = (START.timestamp() + 99) * 1000
                session.lines = [("j/algo-1-1800000000", when, "late")]
        return Script._call(session, service, operation, what, **request)

    session._call = call
    session.logs_for_job("j", wait=True)
    assert len(read) == 14
    assert slept[-1] == 5
    assert printed(capsys) == ["late"]


def test_waiting_ends_in_time(slept):
    session = Script(training("InProgress"))
    with pytest.raises(
        exceptions.WaitTimeoutError,
        match=r"The training job 'j' is InProgress after 0 s and goes on: "
        r"Estimator.attach\('j'\)",
    ):
        session.wait_for_job("j", timeout=0)
    assert session.asked == ["describe_training_job"]
    with pytest.raises(exceptions.WaitTimeoutError):
        session.logs_for_job("j", wait=True, timeout=0)
    with pytest.raises(TimeoutError, match="The endpoint 'e' is Creating"):
        Script({"EndpointStatus": "Creating"}).wait_for_endpoint("e", timeout=0)


def test_an_endpoint_is_not_waited_for_for_ever(slept, monkeypatch):
    times = iter(range(0, 10**6, 600))
    monkeypatch.setattr(_waiting, "monotonic", lambda: next(times))
    with pytest.raises(exceptions.WaitTimeoutError, match="after 3600 s"):
        Script({"EndpointStatus": "Creating"}).wait_for_endpoint("e", quiet=True)


# How it ends


@pytest.mark.parametrize(
    ("reason", "kind", "retryable"),
    [
        (
            "AlgorithmError: bad, exit code: 1",
            exceptions.TrainingJobFailedError,
            False,
        ),
        ("ClientError: no rows", exceptions.TrainingJobFailedError, False),
        ("InternalServerError: try", exceptions.TrainingJobFailedError, True),
        ("CapacityError: none left", exceptions.TrainingJobCapacityError, True),
    ],
)
def test_a_failed_job_says_why(slept, reason, kind, retryable):
    failed = training("Failed", FailureReason=reason)
    session = Script(
        failed, lines=[("j/algo-1-1", 1, "Traceback"), ("j/algo-1-1", 2, "x" * 1050)]
    )
    for wait in (session.wait_for_job, lambda name: session.logs_for_job(name, True)):
        with pytest.raises(kind) as caught:
            wait("j")
        error = caught.value
        assert type(error) is kind
        assert str(error).startswith(
            f"The training job 'j' failed: {reason} The end of"
        )
        assert error.log_tail == "Traceback\n" + "x" * 1000
        assert "log:\nTraceback\nxxx" in str(error)
        assert (error.job_name, error.reason) == ("j", reason)
        assert error.retryable is retryable
        assert isinstance(error, exceptions.UnexpectedStatusException)
        assert isinstance(error, exceptions.TrainingFailedError)
        assert error.actual_status == "Failed"
        assert isinstance(error, exceptions.CapacityError) is ("Capacity" in reason)


@pytest.mark.parametrize("status", ["MaxRuntimeExceeded", "MaxWaitTimeExceeded"])
def test_a_stopped_job_is_no_success(slept, status):
    session = Script(
        training(
            "Stopped",
            (0, status, "Training job runtime exceeded."),
            SecondaryStatus=status,
            ModelArtifacts={"S3ModelArtifacts": "s3://b/j/output/model.tar.gz"},
        )
    )
    with pytest.raises(
        exceptions.TrainingJobStoppedError,
        match=f"The training job 'j' was stopped: {status}: Training job runtime "
        "exceeded. What it has may be at s3://b/j/output/model.tar.gz",
    ):
        session.wait_for_job("j")


@pytest.mark.parametrize(
    ("status", "kind", "match"),
    [
        ("Failed", exceptions.JobFailedError, "The transform job 't' failed: why"),
        ("Stopped", exceptions.JobStoppedError, "The transform job 't' was stopped"),
    ],
)
def test_transform_jobs_that_end_badly(slept, status, kind, match):
    session = Script({"TransformJobStatus": status, "FailureReason": "why"})
    for wait in (
        session.wait_for_transform_job,
        lambda name: session.logs_for_transform_job(name, wait=True),
    ):
        with pytest.raises(kind, match=match) as caught:
            wait("t")
        assert type(caught.value) is kind


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_endpoints_that_do_not_come(slept, status):
    answer = {"EndpointStatus": status, "FailureReason": "The ping failed."}
    with pytest.raises(
        exceptions.EndpointFailedError,
        match=f"The endpoint 'e' is {status}: The ping failed.",
    ) as caught:
        Script(answer).wait_for_endpoint("e")
    assert caught.value.allowed_statuses == ["InService"]
    assert caught.value.actual_status == status
    answer["FailureReason"] = "CapacityError: none left"
    with pytest.raises(exceptions.CapacityError, match="none left"):
        Script(answer).wait_for_endpoint("e")


def test_an_endpoint_is_deleted_under_us(slept):
    gone = exceptions.ResourceNotFoundError("endpoint 'e': there is none.")
    with pytest.raises(exceptions.EndpointFailedError, match="none. It was deleted wh"):
        Script({"EndpointStatus": "Creating"}, gone).wait_for_endpoint("e")
    with pytest.raises(exceptions.ResourceNotFoundError):
        Script(gone).wait_for_endpoint("e")


def test_packages_of_models(slept):
    done = [{"ModelPackageStatus": s} for s in ("Pending", "InProgress", "Completed")]
    found = Script(*done).wait_for_model_package("p")
    assert found["ModelPackageStatus"] == "Completed"
    with pytest.raises(exceptions.UnexpectedStatusException, match="'p' is Failed"):
        Script({"ModelPackageStatus": "Failed"}).wait_for_model_package("p")


# Faults while waiting


def test_polls_that_fail_for_a_while(slept, caplog):
    busy = exceptions.ThrottledError("busy.", "DescribeTrainingJob", "T", True, 5)
    often = [busy] * PATIENCE
    session = Script(*often, training("InProgress"), *often, training("Completed"))
    assert session.wait_for_job("j")["TrainingJobStatus"] == "Completed"
    assert len(session.asked) == 2 * PATIENCE + 2
    assert caplog.text.count("Asking again: busy.") == 2 * PATIENCE


def test_polls_that_fail_for_ever_leave_the_job(slept):
    busy = exceptions.ThrottledError("busy.", "DescribeTrainingJob", "T", True, 5)
    session = Script(training("InProgress"), busy)
    with pytest.raises(
        exceptions.ThrottledError,
        match=r"busy. The training job goes on: Estimator.attach\('j'\) waits for it "
        r"again, Session\(\).stop_training_job\('j'\) stops it.",
    ) as caught:
        session.wait_for_job("j")
    assert caught.value.operation == "DescribeTrainingJob"
    assert session.asked == ["describe_training_job"] * (PATIENCE + 2)
    assert sum(slept) > 60  # it was patient


def test_faults_on_the_wire(faults, session, at_once, monkeypatch):
    """Throttling, resets and errors of the service pass; the job is not lost."""
    monkeypatch.setattr(Pauses, "take", lambda self, limit=0: time.sleep(0.01))
    request = job(faults, "broken", "time.sleep(0.5)")
    session.create_training_job(request)
    for fault in (
        {"code": "ThrottlingException"},
        {"code": "InternalFailure", "status": 500},
        {"reset": "before"},
    ):
        faults.fail("DescribeTrainingJob", times=6, **fault)
    faults.fail("DescribeTrainingJob", cut=5, times=1)
    found = session.wait_for_job("broken", quiet=True)
    assert found["TrainingJobStatus"] == "Completed"


def test_access_that_is_lost_ends_the_wait_and_not_the_job(faults, session):
    session.create_training_job(job(faults, "lost", "time.sleep(60)"))
    rule = faults.fail("DescribeTrainingJob", code="ExpiredTokenException", skip=2)
    with pytest.raises(
        exceptions.AWSCredentialsError, match=r"^training job 'lost': .*attach\('lost'"
    ):
        session.wait_for_job("lost", quiet=True)
    assert rule.seen == 3
    faults.heal()
    assert session.describe_training_job("lost")["TrainingJobStatus"] == "InProgress"
    session.stop_training_job("lost")
    with pytest.raises(exceptions.TrainingJobStoppedError):
        session.wait_for_job("lost", quiet=True)


def test_few_calls_are_made(faults, session, capsys):
    before = faults.calls
    session.create_training_job(job(faults, "short", 'print("a", flush=True)'))
    session.logs_for_job("short", wait=True)
    after = faults.calls
    assert after["DescribeTrainingJob"] - before.get("DescribeTrainingJob", 0) < 12
    assert "a" in printed(capsys)


# Ctrl-C


def interrupted(kind=KeyboardInterrupt, after=2):
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == after:
            raise kind

    return sleep


def test_ctrl_c_leaves_the_job(monkeypatch, capsys):
    session = Script(training("InProgress"))
    monkeypatch.setattr(_waiting, "sleep", interrupted())
    with pytest.raises(KeyboardInterrupt):
        session.wait_for_job("j")
    assert capsys.readouterr().err == (
        "The training job 'j' goes on: Estimator.attach('j') waits for it again, "
        "Session().stop_training_job('j') stops it.\n"
    )
    assert "stop_training_job" not in session.asked


@pytest.mark.parametrize("where", ["session", "argument"])
def test_ctrl_c_stops_the_job_if_asked(monkeypatch, capsys, where):
    session = Script(training("InProgress"))
    monkeypatch.setattr(_waiting, "sleep", interrupted())
    options = {"on_interrupt": "stop"} if where == "argument" else {}
    session.on_interrupt = "stop" if where == "session" else "leave"
    with pytest.raises(KeyboardInterrupt):
        session.logs_for_job("j", wait=True, **options)
    assert session.asked[-1] == "stop_training_job"
    assert capsys.readouterr().err == "The training job 'j' is being stopped.\n"
    with pytest.raises(ValueError, match="on_interrupt='kill' must be 'leave' or"):
        session.wait_for_job("j", on_interrupt="kill")


def test_a_job_that_cannot_be_stopped_is_told(monkeypatch, capsys):
    session = Script(training("InProgress"))
    monkeypatch.setattr(_waiting, "sleep", interrupted())
    denied = exceptions.AWSAccessError("training job 'j': access is denied.")

    def stop(name):
        raise denied

    session.stop_training_job = stop
    with pytest.raises(KeyboardInterrupt):
        session.wait_for_job("j", on_interrupt="stop")
    said = capsys.readouterr().err
    assert said.startswith("The job could not be stopped: training job 'j': access is")
    assert "goes on" in said


WAITS = """
import signal, sys
# Also where whoever started the tests ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
from sklearn_sagemaker.sagemaker.session import Session
Session().wait_for_job(sys.argv[1], on_interrupt=sys.argv[2])
"""


@pytest.mark.parametrize(
    ("number", "policy", "status"),
    [(signal.SIGINT, "leave", "InProgress"), (signal.SIGTERM, "stop", "Stopped")],
)
def test_a_signal_to_the_process(emulator, session, number, policy, status):
    name = f"job-{policy}"
    session.create_training_job(job(emulator, name, "time.sleep(60)"))
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS, name, policy],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "Starting" in process.stdout.readline()
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == (-signal.SIGINT if number == signal.SIGINT else 143)
    word = "goes on: Estimator.attach" if policy == "leave" else "is being stopped"
    assert f"The training job '{name}' {word}" in said
    if policy == "leave":
        assert session.describe_training_job(name)["TrainingJobStatus"] == status
        session.stop_training_job(name)
    with pytest.raises(exceptions.TrainingJobStoppedError):
        session.wait_for_job(name, quiet=True)


def test_signals_of_others_are_left_alone(slept):
    """SIGTERM is ours only while we wait, in the main thread, if it is nobody's."""
    before = signal.getsignal(signal.SIGTERM)
    seen = []
    session = Script(training("Completed"))
    whole = session._call

    def call(*args, **request):
        seen.append(signal.getsignal(signal.SIGTERM))
        return whole(*args, **request)

    session._call = call
    session.wait_for_job("j")
    assert seen[-1] is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is before
    thread = threading.Thread(target=session.wait_for_job, args=("j",))
    thread.start()
    thread.join()
    assert seen[-1] is signal.SIG_DFL
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        session.wait_for_job("j")
        assert seen[-1] is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
