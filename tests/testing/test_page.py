"""The page at ``/``: who may read it, what it shows, and that it changes nothing."""

import html
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from http.cookiejar import CookieJar

import pytest

from sklearn_sagemaker.testing.page_kinds import KINDS
from tests.testing import test_compilation_jobs as compilations
from tests.testing import test_pipelines as pipelines
from tests.testing import tuning
from tests.testing.jobs import configure, echoing, ended, in_service, job

HTML = {"Accept": "text/html,application/xhtml+xml"}
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)


@pytest.fixture
def browser(emulator):
    """``browser(query)``: status and text of a page, by one who has given the key."""
    opener = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(CookieJar())
    )

    def browse(query="", **headers):
        asked = urllib.request.Request(
            f"{emulator.url}/{query}", headers={**HTML, **headers}
        )
        try:
            with opener.open(asked) as answer:
                return answer.status, answer.read().decode(), answer
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read().decode(), answer

    browse(f"?key={emulator.access_key}")
    return browse


def test_the_key_opens_it_and_leaves_the_address(emulator):
    asked = urllib.request.Request(f"{emulator.url}/", headers=HTML)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(asked)
    with caught.value as answer:
        assert answer.code == 403
        assert "input name=key" in answer.read().decode()
    opener = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(CookieJar())
    )
    for key, status in (("AKIAWRONG", 403), (emulator.access_key, 200)):
        asked = urllib.request.Request(f"{emulator.url}/?key={key}", headers=HTML)
        try:
            answer = opener.open(asked)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            assert answer.code == status
            text = answer.read().decode()
            assert emulator.access_key not in text
    assert answer.url == f"{emulator.url}/"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_clients_find_buckets_there_as_before(emulator, s3, browser):
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert emulator.bucket in names
    # No browser, and no signature.
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{emulator.url}/")
    with caught.value as answer:
        assert answer.code == 403
        assert b"<html" not in answer.read()


def test_jobs_logs_and_objects_are_shown(emulator, sagemaker, s3, browser):
    said = "print('<b>a line & more</b>'); put('x', 'model/weights')"
    sagemaker.create_training_job(**job(emulator, "shown", said))
    ended(sagemaker, "shown")
    _, text, _ = browser()
    assert "Training jobs" in text
    assert "Completed" in text
    link = re.search(r'href="/(\?kind=TrainingJob[^"]*)"', text)[1]
    _, text, _ = browser(html.unescape(link))
    assert "&lt;b&gt;a line &amp; more&lt;/b&gt;" in text
    assert "<b>" not in text
    assert "ml.m5.large" in text
    _, text, _ = browser(f"?bucket={emulator.bucket}&prefix=out/shown/output/")
    assert "out/shown/output/model.tar.gz" in text
    s3.put_object(Bucket=emulator.bucket, Key="<script>alert(1)</script>", Body=b"")
    _, text, _ = browser(f"?bucket={emulator.bucket}")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def links(text):
    return [html.unescape(link) for link in re.findall(r'href="/([^"]+)"', text)]


def kind_in(link):
    return re.search("kind=([A-Za-z]+)", link)[1]


def test_one_of_each_kind(emulator, sagemaker, s3, browser):
    empty = browser()[1]
    assert "There are no " in empty
    assert "compilation jobs" in empty
    s3.put_object(Bucket=emulator.bucket, Key=compilations.SOURCE, Body=b"bytes")
    request = compilations.compilation(emulator, "compiled")
    sagemaker.create_compilation_job(**request)
    compilations.ended(sagemaker, "compiled")
    tuning.run(emulator, "tuned", asked=tuning.config(jobs=2))
    uri = f"s3://{emulator.bucket}/{compilations.SOURCE}"
    train = pipelines.training(emulator, "Train", "")
    register = pipelines.packaged("Register", uri, group="group")
    pipelines.define(sagemaker, emulator, "book", train, register)
    arn = pipelines.start(sagemaker, "book")
    pipelines.ended(sagemaker, arn)
    echoing(emulator, sagemaker, "model")
    configure(sagemaker, "config", "model")
    sagemaker.create_endpoint(EndpointName="point", EndpointConfigName="config")
    in_service(sagemaker, "point")
    _, text, _ = browser()
    assert "There are no batch transforms." in text
    found = {kind_in(link): link for link in links(text) if "kind=" in link}
    assert set(found) == {kind.name for kind in KINDS} - {"TransformJob"}
    pages = {}
    for kind, link in found.items():
        status, pages[kind], _ = browser(link)
        assert status == 200, kind
    assert "The emulator compiles nothing" in pages["CompilationJob"]
    assert "PendingManualApproval" in text
    # The training jobs of a search, with their values, and what the steps have made.
    job_names = {child["TrainingJobName"] for child in tuning.children("tuned")}
    shown = links(pages["HyperParameterTuningJob"])
    assert {f"?kind=TrainingJob&name={name}" for name in job_names} == set(shown)
    assert "<th>objective</th>" in pages["HyperParameterTuningJob"]
    made = links(pages["PipelineExecution"])
    assert list(map(kind_in, made)) == ["TrainingJob", "ModelPackage"]
    assert "<h1>book/execution/" in pages["PipelineExecution"]
    assert all(
        re.search(r"CreationTime&quot;: &quot;20\d\d-", each) for each in pages.values()
    )
    assert all(browser(link)[0] == 200 for link in made)


def test_it_is_shown_anew_while_something_runs(emulator, sagemaker, browser):
    wait = "print('here', flush=True); time.sleep(60)"
    sagemaker.create_training_job(**job(emulator, "runs", wait))
    assert 'http-equiv="refresh"' in browser()[1]
    sagemaker.stop_training_job(TrainingJobName="runs")
    ended(sagemaker, "runs")
    assert 'http-equiv="refresh"' not in browser()[1]


@pytest.mark.parametrize(
    "query",
    ["?kind=TrainingJob&name=none", "?kind=Nothing&name=x", "?kind=TrainingJob",
     "?bucket=none", "?kind=TrainingJob&name=%3Cscript%3E"],
)  # fmt: skip
def test_what_is_not_there_is_said(query, browser):
    status, text, _ = browser(query)
    assert status == 404
    assert "Not here" in text
    assert "<script" not in text


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it(width, emulator, sagemaker, tmp_path):
    sagemaker.create_training_job(**job(emulator, f"in-a-browser-{width}"))
    ended(sagemaker, f"in-a-browser-{width}")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
        f"--user-data-dir={tmp_path}", f"--window-size={width},800",
        f"{emulator.url}/?key={emulator.access_key}",
    ]  # fmt: skip
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert f"in-a-browser-{width}" in found.stdout
    assert "Refused to" not in found.stderr
