"""Reading logs: nothing twice, nothing lost, and no job depends on them."""

import contextlib

import pytest

from sklearn_sagemaker import exceptions
from sklearn_sagemaker.sagemaker._logs import EMPTY_PAGES, LogReader
from tests.testing.jobs import job

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture
def ended(faults, session):
    """A job that has printed three lines."""
    do = 'print("a", flush=True); print("b", flush=True); print("c", flush=True)'
    with contextlib.suppress(exceptions.NameInUseError):
        session.create_training_job(job(faults, "printed", do))
    session.wait_for_job("printed", quiet=True)
    return "printed"


def reader(session, name):
    return LogReader(session, GROUP, f"{name}/")


def texts(lines):
    return [line.text for line in lines]


def test_lines_are_read_once(session, ended):
    logs = reader(session, ended)
    assert texts(logs.read()) == ["a", "b", "c"]
    assert logs.read() == []
    assert logs.tail() == "a\nb\nc"
    assert reader(session, ended).tail() == "a\nb\nc"


class Stream:
    """A session with a stream in pages of two events."""

    def __init__(self, *events, repeat=None):
        self.events, self.repeat, self.calls = list(events), repeat, 0

    def _call(self, service, operation, what, /, **request):
        if operation == "describe_log_streams":
            return {"logStreams": [{"logStreamName": "j/algo-1-1"}]}
        self.calls += 1
        assert self.calls < 1000, "an endless loop"
        if self.repeat is not None:
            return self.repeat(self.calls, request)
        left = [e for e in self.events if e["timestamp"] >= request["startTime"]]
        at = int(request.get("nextToken", 0))
        page = left[at : at + 2]
        return {"events": page, "nextForwardToken": str(at + len(page))}


def event(when, text):
    return {"timestamp": when, "message": text}


def test_lines_of_the_same_millisecond_are_told_apart():
    session = Stream(event(1, "a"), event(2, "b"), event(2, "c"))
    logs = reader(session, "j")
    assert texts(logs.read()) == ["a", "b", "c"]
    assert logs.read() == []
    session.events += [event(2, "d"), event(2, "e")]
    assert texts(logs.read()) == ["d", "e"]
    session.events += [event(2, "f"), event(3, "g"), event(3, "h")]
    assert texts(logs.read()) == ["f", "g", "h"]
    assert logs.read() == []


def test_a_token_that_comes_again_ends_the_reading():
    def same(calls, request):
        return {"events": [event(5, "again")], "nextForwardToken": "f/same"}

    session = Stream(repeat=same)
    reader(session, "j").read()
    assert session.calls == 2


def test_empty_pages_are_not_the_end_and_not_endless():
    def sparse(calls, request):
        events = [event(1, "late")] if calls == 3 else []
        return {"events": events, "nextForwardToken": str(calls)}

    session = Stream(repeat=sparse)
    assert texts(reader(session, "j").read()) == ["late"]
    assert session.calls == 3 + EMPTY_PAGES


def test_a_page_without_anything():
    session = Stream(repeat=lambda calls, request: {})
    assert reader(session, "j").read() == []
    assert session.calls == 1


def test_more_hosts_than_fit_on_a_page():
    class Many:
        def _call(self, service, operation, what, /, **request):
            if operation == "get_log_events":
                host = request["logStreamName"]
                return {"events": [event(7, host[2:8])]}
            at = int(request.get("nextToken", 0))
            names = [f"j/algo-{k}-1" for k in range(at, at + 2)]
            page = {"logStreams": [{"logStreamName": name} for name in names]}
            return {**page, "nextToken": str(at + 2)} if at < 4 else page

    found = texts(reader(Many(), "j").read())
    assert found == [f"[algo-{k}-1] algo-{k}" for k in range(6)]


def test_the_group_is_not_there_yet(session):
    logs = LogReader(session, "/aws/sagemaker/none", "j/")
    assert logs.read() == []
    assert logs.tail() == ""


@pytest.mark.parametrize("operation", ["DescribeLogStreams", "GetLogEvents"])
@pytest.mark.parametrize(
    ("code", "times", "after"),
    [
        ("ResourceNotFoundException", 1, ["a", "b", "c"]),
        ("ThrottlingException", 5, ["a", "b", "c"]),
        ("AccessDeniedException", 1, []),
    ],
)
def test_logs_that_cannot_be_read_now(
    faults, session, ended, at_once, caplog, operation, code, times, after
):
    """What passes is read later; what is closed is told once."""
    rule = faults.fail(operation, code=code, times=times)
    logs = reader(session, ended)
    assert logs.read() == []
    assert rule.done == times
    assert texts(logs.read()) == after
    closed = [r for r in caplog.records if "The log is not shown" in r.message]
    assert len(closed) == (0 if after else 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"code": "AccessDeniedException"},
        {"code": "ThrottlingException"},
        {"reset": "before"},
        {"cut": 3},
        {"code": "ResourceNotFoundException"},
    ],
    ids=str,
)
def test_a_job_does_not_depend_on_its_log(faults, session, at_once, fault, request):
    name = f"job-{request.node.callspec.indices['fault']}"
    session.create_training_job(job(faults, name, 'print("x"); sys.exit(1)'))
    for operation in ("DescribeLogStreams", "GetLogEvents"):
        faults.fail(operation, **fault)
    with pytest.raises(exceptions.TrainingJobFailedError, match="exit code: 1"):
        session.logs_for_job(name, wait=True)
