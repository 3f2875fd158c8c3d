"""A fit in a process of its own: the same model, and what goes wrong stays there.

Each process takes seconds to start, so there are as few as show it; what is read and
written is compared without one in tests/io/test_problem_files.py.
"""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_sagemaker.backends.subprocess as module
from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    exceptions,
)
from sklearn_sagemaker._compat import HAS_CALLBACKS
from sklearn_sagemaker._state import (
    RowSource,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.backends import Backend, SubprocessBackend, worker
from sklearn_sagemaker.exceptions import (
    CheckpointWarning,
    DataFileError,
    InapplicableHyperparameterWarning,
    RecordIOError,
    TrainingFailedError,
    TrainingJobFailedError,
)
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.io.problem_files import (
    read_problem,
    write_problem,
    write_state,
)
from tests.backends.support import assert_same
from tests.backends.test_checkpoints import CASES
from tests.io.test_problem_files import STATE

QUICK = {"epochs": 4, "num_models": 3, "random_state": 0}
CANCER, IRIS, DIABETES = (
    load(return_X_y=True) for load in (load_breast_cancer, load_iris, load_diabetes)
)


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    """Where temporary files go; nothing is left there."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert os.listdir(folder) == []


@pytest.fixture
def started(monkeypatch):
    """The processes that were started; all of them have ended."""
    found = []

    class Started(subprocess.Popen):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            found.append(self)

    monkeypatch.setattr(module.subprocess, "Popen", Started)
    yield found
    for process in found:
        assert process.returncode is not None


class Caught(Backend):
    """What a fit sends, by a way out."""

    def train(self, spec, data, monitor=None):
        raise KeyboardInterrupt(spec, data)


def problem_of(model, *rows):
    with pytest.raises(KeyboardInterrupt) as caught:
        clone(model).set_params(backend=Caught()).fit(*rows)
    return caught.value.args


def pair(model):
    """The model, to be trained here and there."""
    return model, clone(model).set_params(backend="subprocess")


# ----------------------------------------------------------------------- the same model
NAMES = np.array(["setosa", "versicolor", "virginica"])[IRIS[1]]
FITS = {
    "a frame, classes of text, weights, a splitter": (
        LinearLearnerClassifier(**QUICK, cv=KFold(3), n_jobs=2),
        pd.DataFrame(IRIS[0].astype(np.float32), columns=list("abcd")),
        NAMES,
        np.linspace(0, 2, 150),
    ),
    "csr, and more threads than one would start": (
        FactorizationMachinesClassifier(n_jobs=10**6, random_state=0),
        *CASES["csr"][1:],
    ),
    "mcmc": (
        FactorizationMachinesRegressor(solver="mcmc", epochs=9, random_state=0),
        *DIABETES,
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_every_attribute_is_that_of_a_local_fit(name):
    model, *rows = FITS[name]
    here, there = pair(model)
    assert_same(here.fit(*rows), there.fit(*rows))
    np.testing.assert_array_equal(here.predict(rows[0]), there.predict(rows[0]))


@pytest.mark.slow
def test_searches_and_pipelines():
    model = make_pipeline(StandardScaler(), LinearLearnerRegressor(**QUICK))
    name = "linearlearnerregressor__"
    searches = [
        GridSearchCV(
            clone(model).set_params(**{f"{name}backend": backend}),
            {f"{name}l1": [1.0]},
            cv=2,
        ).fit(*DIABETES)
        for backend in ("local", "subprocess")
    ]
    here, there = searches
    np.testing.assert_array_equal(
        here.cv_results_["mean_test_score"], there.cv_results_["mean_test_score"]
    )
    assert_same(*(one.best_estimator_[-1] for one in searches))


@pytest.mark.slow
def test_streams_and_warm_starts_go_on():
    here, there = pair(FactorizationMachinesRegressor(**QUICK))
    for part in (slice(50), slice(50, 90)):
        for model in (here, there):
            model.partial_fit(DIABETES[0][part], DIABETES[1][part])
    assert_same(here, there)
    here, there = pair(LinearLearnerRegressor(**QUICK, warm_start=True))
    here.fit(*DIABETES).fit(*DIABETES)
    assert_same(here, there.fit(*DIABETES).fit(*DIABETES))


# ------------------------------------------------------------------- what is said of it
def test_verbose_and_warnings_are_those_of_a_local_fit(capfd, monkeypatch):
    bar = "sklearn_sagemaker.estimators._progress.progress_bar_available"
    monkeypatch.setattr(bar, lambda: False)
    said = []
    for model in pair(
        FactorizationMachinesRegressor(
            **QUICK, verbose=True, groups=[0] * 10, solver="gradient"
        )
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            model.fit(*DIABETES)
        out, err = capfd.readouterr()
        assert out == ""
        lines = [line.rpartition(",")[0] for line in err.splitlines()]
        assert len(lines) == 4
        said.append(
            (lines, [(one.category, str(one.message), one.filename) for one in caught])
        )
    assert said[0] == said[1]
    (category, message, filename), *others = said[0][1]
    assert filename == __file__
    assert category is InapplicableHyperparameterWarning
    assert "groups has no effect" in message
    assert not others


def test_threads_are_counted_here(monkeypatch):
    sent = []

    def run(task, monitor):
        sent.append(read_problem(Path(task["folder"], "problem.zip"))[0].n_jobs)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_run", run)
    for n_jobs in (None, 10**6, -1):
        model = LinearLearnerClassifier(backend=SubprocessBackend(), n_jobs=n_jobs)
        with joblib.parallel_config(n_jobs=3), pytest.raises(KeyboardInterrupt):
            model.fit(*IRIS)
    assert sent == [3, 10**6, joblib.effective_n_jobs(-1)]
    with pytest.raises(ValueError, match="n_jobs"):
        LinearLearnerClassifier(backend="subprocess", n_jobs=0).fit(*IRIS)


def test_no_room_for_the_rows_is_said(monkeypatch):
    def write(self, *_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", write)
    with pytest.raises(OSError, match=r"No space left.*set TMPDIR to") as caught:
        LinearLearnerClassifier(backend="subprocess").fit(*IRIS)
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize("python", [None, "", "/nowhere/python"])
def test_a_python_that_cannot_be_started_is_named(monkeypatch, python):
    monkeypatch.setattr(sys, "executable", python)
    message = f"sys.executable={python!r} .*set backend='local'"
    with pytest.raises(TrainingFailedError, match=message):
        LinearLearnerClassifier(backend="subprocess").fit(*IRIS)


class Stopping:
    """A callback of scikit-learn that stops a fit, or raises, after some epochs."""

    def __init__(self, after, error=None):
        self.after, self.error = after, error

    def setup(self, estimator, context):
        pass

    on_fit_task_begin = teardown = lambda self, *_, **__: None

    def on_fit_task_end(self, estimator, context, **_):
        if context.task_name == "epoch":
            self.after -= 1
            if self.after == 0 and self.error is not None:
                raise self.error
        return self.after == 0


@pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn 1.9 has callbacks")
def test_a_callback_stops_it_after_an_epoch():
    here, there = pair(LinearLearnerClassifier(epochs=9, random_state=0))
    for model in (here, there):
        model.set_callbacks(Stopping(3)).fit(*CANCER)
        assert len(model.candidates_["n_iter"]) > 1
        assert model.candidates_["n_iter"].max() == 3
    assert_same(here, there)


# -------------------------------------------------------------------------- checkpoints
@pytest.mark.slow
@pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn 1.9 has callbacks")
def test_it_goes_on_from_a_checkpoint_in_a_new_process(tmp_path, monkeypatch, started):
    monkeypatch.chdir(tmp_path)
    backend = SubprocessBackend(checkpoint=Path("folder"), every=np.float32(0))
    model, rows, y = CASES["gradient"]
    whole = clone(model).set_params(random_state=0).fit(rows, y)
    model = clone(model).set_params(random_state=0, backend=backend)
    with pytest.raises(ZeroDivisionError):
        clone(model).set_callbacks(Stopping(4, ZeroDivisionError())).fit(rows, y)
    assert sorted(os.listdir("folder"))[-1] == "epoch-000003.zip"
    with pytest.warns(CheckpointWarning, match="epoch-000003.zip, to the same bits"):
        model.fit(rows, y)
    assert_same(model, whole)
    assert started[0].returncode == -signal.SIGKILL
    with pytest.raises(ValueError, match="every=-1"):
        model.set_params(backend__every=-1).fit(rows, y)


# ------------------------------------------------------------------------ rows in files
@pytest.mark.slow
def test_windows_are_read_where_they_are(tmp_path, monkeypatch, started):
    monkeypatch.chdir(tmp_path)
    model, rows, y = CASES["binary"]
    write_recordio("a.pbr", rows, y)
    data = FileDataset("a.pbr", memory=4096)
    here, there = pair(clone(model).set_params(random_state=0))
    assert_same(here.fit(data), there.fit(data))
    assert len(started) == 1

    def run(task, monitor):
        assert not Path(task["folder"], "problem.zip").read_bytes().count(b"npy") > 9
        write_state(Path(task["folder"], "state.zip"), STATE)
        write_recordio("a.pbr", rows + 1, y)

    # The other process could not know.
    monkeypatch.setattr(module, "_run", run)
    before = dict(vars(there))
    with pytest.raises(DataFileError, match=r"a\.pbr.*changed"):
        there.fit(data)
    assert vars(there) == before


class Own(RowSource):
    memory, contents = 1, None

    def load(self):
        raise AssertionError

    windows = load


def test_a_source_of_ones_own_is_refused_by_name(started):
    spec = TrainingSpec("linear-learner", "regressor", {})
    with pytest.raises(TypeError, match="rows of a Own cannot be described"):
        SubprocessBackend().train(spec, WindowedData(Own()))
    assert not started


# -------------------------------------------------------------- what the process raises
def returned(error):
    """An exception as it arrives from a worker."""
    try:
        raise error
    except Exception:
        said = [worker._bases(type(error)), *worker._told(error), "the way"]
    found = module._made(*json.loads(json.dumps(said)))
    assert found.__notes__ == ["In the process of the training:\nthe way"]
    return found


class Stranger(np.linalg.LinAlgError):
    """Of a module that this process imports by another name."""


Stranger.__module__ = "elsewhere"

RAISED = [
    *(
        cls("said \u2028 {so}")
        for name in exceptions.__all__
        if not issubclass(cls := getattr(exceptions, name), Warning)
        and not issubclass(cls, exceptions.UnexpectedStatusException)
    ),
    TrainingJobFailedError("job", "reason", "tail"),
    RecordIOError("cut short", 3, 17, "a.pbr"),
    ValueError("a", 2),
    TypeError(),
    MemoryError("Unable to allocate 8 GiB"),
    KeyError("name"),
    OSError(errno.ENOSPC, "No space left on device", "/tmp/a"),
    FileNotFoundError(errno.ENOENT, "No such file", "a"),
    PermissionError("no"),
    NotFittedError("not yet"),
]


@pytest.mark.parametrize("error", RAISED, ids=repr)
def test_exceptions_keep_their_class_and_message(error):
    found = returned(error)
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert found.args == error.args
    assert getattr(found, "errno", None) == getattr(error, "errno", None)


def test_an_exception_that_is_unknown_here_is_what_it_is_known_as():
    found = returned(Stranger("singular"))
    assert type(found) is np.linalg.LinAlgError
    error = UnicodeDecodeError("utf-8", b"secret", 0, 1, "invalid start byte")
    found = returned(error)
    assert type(found) is TrainingFailedError
    assert str(found) == f"UnicodeDecodeError: {error}"
    assert type(returned(SystemError("x"))) is SystemError
    # No warning is raised, no error warned of.
    assert type(returned(UserWarning("x"))) is TrainingFailedError
    assert module._found(worker._bases(ValueError), UserWarning) is UserWarning
    for cls in (ConvergenceWarning, CheckpointWarning, RuntimeWarning):
        assert module._found(worker._bases(cls), UserWarning) is cls


@pytest.mark.slow
def test_what_a_training_raises_is_raised_here(started, tmp_path):
    model = FactorizationMachinesRegressor(**QUICK).fit(*DIABETES)
    before = dict(vars(model))
    model.set_params(solver="als", groups=[0, 1], backend="subprocess")
    for arguments in (DIABETES, (DIABETES[0][:, :3], DIABETES[1])):
        with pytest.raises(ValueError, match="groups has shape") as caught:
            model.fit(*arguments)
        assert type(caught.value) is ValueError
        assert "check_groups" in caught.value.__notes__[0]
        assert {name: vars(model)[name] for name in before if name[-1] == "_"} == {
            name: value for name, value in before.items() if name[-1] == "_"
        }
    (tmp_path / "file").touch()
    backend = SubprocessBackend(checkpoint=tmp_path / "file" / "folder")
    with pytest.raises(NotADirectoryError) as caught:
        LinearLearnerRegressor(backend=backend).fit(*DIABETES)
    assert caught.value.errno == errno.ENOTDIR
    assert len(started) == 3


# -------------------------------------------- how a process ends, and who waits for it
EPOCH = json.dumps(["epoch", 0, 9, {"train_loss": 1.0, "validation_loss": 1.0,
                                    "n_active": 1, "train_losses": [1.0],
                                    "validation_losses": [None]}])  # fmt: skip
SAYS = f"import os, sys, time; print('\\x1e' + {EPOCH!r}, flush=True); "


def fit_with(monkeypatch, script, monitor=None):
    """A fit whose process runs a script of the test."""
    monkeypatch.setattr(module, "_START", script)
    data = TrainingData(*DIABETES, np.ones(442))
    spec = TrainingSpec("linear-learner", "regressor", {})
    return SubprocessBackend().train(spec, data, monitor)


def test_a_process_that_is_killed(monkeypatch, started):
    script = "import os; os.write(2, b'one\\n' * 99 + b'last words'); "
    script += "os.kill(os.getpid(), 9)"
    with pytest.raises(
        TrainingFailedError, match="ended by SIGKILL, as.*memory"
    ) as caught:
        fit_with(monkeypatch, script)
    message = str(caught.value)
    assert "without a model" in message
    assert message.endswith("one\nlast words")
    assert message.count("one\n") == module.LOG_LINES - 1
    assert str(DIABETES[1][0]) not in message
    # Between an epoch and its answer.
    with pytest.raises(TrainingFailedError, match="SIGTERM, without a model.$"):
        fit_with(
            monkeypatch, SAYS + "time.sleep(99)", lambda *_: started[-1].terminate()
        )
    with pytest.raises(TrainingFailedError, match="ended by signal 40"):
        fit_with(monkeypatch, "import os; os.kill(os.getpid(), 40)")
    with pytest.raises(TrainingFailedError, match="ended with code 0, without"):
        fit_with(monkeypatch, "")
    with pytest.raises(
        TrainingFailedError, match="(?s)code 1, .*ModuleNotFound"
    ) as caught:
        fit_with(monkeypatch, "import no_such_module")
    assert "log:\nTraceback" in str(caught.value)


def test_an_estimator_is_as_before_when_its_process_is_killed(monkeypatch):
    model = LinearLearnerRegressor(**QUICK).fit(*DIABETES)
    model.set_params(backend="subprocess")
    before = dict(vars(model))
    monkeypatch.setattr(module, "_START", "import os; os.abort()")
    with pytest.raises(TrainingFailedError, match="SIGABRT"):
        model.fit(DIABETES[0][:, :2], DIABETES[1])
    assert vars(model) == before


@pytest.fixture
def interruptible():
    """Interrupts are heard, also where whoever started the tests ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_process(monkeypatch, started):
    script = SAYS + "time.sleep(99)"

    def interrupted(*_):
        # While it waits for a line, as the interrupt of a notebook.
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()

    with pytest.raises(KeyboardInterrupt):
        fit_with(monkeypatch, script, interrupted)

    def raising(*_):
        raise BrokenPipeError("of the monitor")

    with pytest.raises(BrokenPipeError, match="of the monitor"):
        fit_with(monkeypatch, script, raising)
    with warnings.catch_warnings(action="error"), pytest.raises(RuntimeWarning):
        fit_with(
            monkeypatch,
            SAYS.replace(EPOCH, '["warning", [["builtins", "RuntimeWarning"]], "x"]')
            + "time.sleep(99)",
        )
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 3


def test_a_process_that_nobody_waits_for_ends_and_removes_the_rows(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    spec, data = problem_of(LinearLearnerRegressor(epochs=1000), *DIABETES)
    write_problem(folder / "problem.zip", spec, data)
    process = subprocess.Popen(
        [sys.executable, "-c", module._START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    task = {"folder": str(folder), "settings": {}, "path": sys.path}
    process.stdin.write(json.dumps(task) + "\n")
    process.stdin.flush()
    assert process.stdout.readline().startswith('\x1e["epoch", 0, 1000')
    # Which only the parent sees; here it is the system that closes the pipes.
    process.send_signal(signal.SIGINT)
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline().startswith('\x1e["epoch", 1, 1000')
    process.stdin.close()
    process.stdout.close()
    assert process.wait(30) == 1
    assert not folder.exists()


def test_what_libraries_print_is_no_part_of_the_protocol(monkeypatch):
    noise = (
        "import atexit, os, sys; print('{[noise', end=''); print('1e[]', end=''); "
        "sys.stdout.flush(); sys.stderr.write('x' * 99 + '\\n' * 10**5); "
        "atexit.register(os._exit, 3); atexit.register(os.write, 1, b'[1, 2]'); "
    )
    monkeypatch.setattr(module, "_START", noise + module._START)
    # A process that ends badly after the model is there has done its work.
    here, there = pair(LinearLearnerRegressor(**QUICK))
    assert_same(here.fit(*DIABETES), there.fit(*DIABETES))


@pytest.mark.slow
def test_a_package_that_only_this_process_finds():
    """Isolated from the environment, by a path that is relative."""
    code = """
import os, sys
root, *rest = sys.argv[1:]
os.chdir(os.path.dirname(root))
sys.path[:0] = ["", os.path.basename(root)]
import numpy as np
from sklearn_sagemaker import LinearLearnerRegressor
from sklearn_sagemaker.backends import subprocess
X = np.arange(20.0).reshape(10, 2)
model = LinearLearnerRegressor(epochs=2, random_state=0, backend="subprocess")
print(model.fit(X, X[:, 0]).coef_.shape)
subprocess._START = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.readline())['path']; "
    "import sklearn_sagemaker; sys.exit(sklearn_sagemaker.__file__)"
)
try:
    model.fit(X, X[:, 0])
except RuntimeError as error:
    print(error)
"""
    root = str(Path(module.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, root],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(2,)\n")
    assert done.stdout.rstrip().endswith(f"{root}/sklearn_sagemaker/__init__.py")


def test_a_full_disk_is_an_error_of_the_system(temporary, started):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    model = LinearLearnerClassifier(backend="subprocess")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            model.fit(*CANCER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG
    assert not started
    assert os.listdir(temporary) == []
    assert not hasattr(model, "n_features_in_")
