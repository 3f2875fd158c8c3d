"""inspect, train --report, completion, and what is shown of long work."""

import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from unittest.mock import patch

import joblib
import numpy as np
import pytest
from sklearn import metrics

from sklearn_sagemaker.cli import completion, progress
from sklearn_sagemaker.cli.main import COMMANDS
from sklearn_sagemaker.estimators._progress import EpochBar

ARTIFACTS = Path(__file__).parents[1] / "estimators" / "artifacts"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
KINDS = ("binary_classifier", "multiclass_classifier", "regressor")


# --------------------------------------------------------------------- inspect
@pytest.mark.parametrize("kind", KINDS)
def test_inspect_tells_the_choice_and_the_coefficients(cli, trained, kind):
    path = trained / f"{kind}.joblib"
    model = joblib.load(path)
    text = cli("inspect", path, "--top", 2)
    assert text.code == 0, text.err
    assert f"candidate {model.best_index_ + 1} of 4" in text.out
    coef = np.atleast_2d(model.coef_)
    largest = "abc"[np.abs(coef).max(axis=0).argmax()]
    assert re.search(rf"^ +{largest} +{coef[0, 'abc'.index(largest)]:.4g}\b", text.out,
                     re.MULTILINE)  # fmt: skip
    assert "the largest 2 of 3" in text.out
    found = json.loads(cli("inspect", path, "--json").out)
    assert found["coefficients"][0]["feature"] == largest
    named = {one["feature"]: one["coef"] for one in found["coefficients"]}
    expected = coef[0] if len(coef) == 1 else coef.T
    np.testing.assert_array_equal([named[name] for name in "abc"], expected)
    assert len(found["candidates"]) == 4
    assert found["candidates"][0]["candidate"] == model.best_index_
    assert found["best_score_"] == model.best_score_


def test_inspect_takes_a_model_of_the_service(cli):
    result = cli("inspect", ARTIFACTS / "ll-adult.tar.gz")
    assert result.code == 0
    assert "read from an artifact, which holds no candidates" in result.out
    assert "0.463 on the probability of 1" in result.out
    assert "x9" in result.out
    found = json.loads(cli("inspect", ARTIFACTS / "ll-wildfire.tar.gz", "--json").out)
    assert found["candidates"] is None
    assert found["best_score_"] is None
    assert len(found["coefficients"]) == 58
    assert len(found["coefficients"][0]["coef"]) == len(found["classes_"]) == 13
    text = cli("inspect", ARTIFACTS / "ll-wildfire.tar.gz").out
    assert "7 classes more by --json" in text
    assert max(map(len, text.splitlines())) <= 100


def test_inspect_refuses_what_is_no_model(refused, tmp_path):
    file = tmp_path / "x.joblib"
    file.write_bytes(b"no model")
    assert "is not a model file" in refused("inspect", file)


# -------------------------------------------------------------------- evaluate
def test_evaluate_has_average_precision(cli, trained):
    path = trained / "binary_classifier.joblib"
    data = trained / "binary_classifier.csv"
    found = json.loads(cli("evaluate", data, "--model", path, "--json").out)
    rows = np.genfromtxt(data, delimiter=",", dtype=str, skip_header=1)
    model = joblib.load(path)
    scores = model.decision_function(rows[:, :3].astype(float))
    expected = metrics.average_precision_score(rows[:, 3] == "yes", scores)
    assert found["average_precision"] == pytest.approx(expected, rel=1e-12)
    text = cli("evaluate", data, "--model", path).out
    assert re.search(rf"^avg precision +{expected:.6g}$", text, re.MULTILINE)


# ---------------------------------------------------------------------- report
@pytest.fixture
def report(cli, trained, tmp_path):
    """Train with a report, and give its text and path."""

    def write(kind, *more):
        path = tmp_path / "report.html"
        result = cli(
            "train", trained / f"{kind}.csv", "--label", "target",
            "--predictor-type", kind, "--model", tmp_path / "m.joblib",
            "--set", "num_models=3", "--report", path, *more,
        )  # fmt: skip
        assert result.code == 0, result.err
        assert f"written to {path}" in result.out
        return path.read_text(encoding="utf-8"), path

    return write


def test_the_report_is_one_file_with_everything(report, tmp_path):
    page, _ = report("binary_classifier", "--set", "optimizer=adam", "--set",
                     "epochs=3")  # fmt: skip
    model = joblib.load(tmp_path / "m.joblib")
    for title in ("What was chosen", "Losses", "Threshold", "Coefficients"):
        assert f"<h2>{title}</h2>" in page
    assert f"candidate {model.best_index_ + 1} of 3" in page
    assert "training rows, which flatter the model" in page
    assert page.count("<img ") == page.count('src="data:image/svg+xml;base64,') == 4
    assert not re.search(r"https?://|<script|<link", page)
    assert page.count('<tr class="best">') == 1


def test_a_solved_regressor_has_no_losses_and_always_the_same_report(report):
    page, _ = report("regressor")
    assert "<h2>Losses</h2>" not in page
    assert "<h2>Threshold</h2>" not in page
    assert page.count("<img ") == 2
    assert report("regressor")[0] == page


def test_a_report_is_refused_before_the_work(refused, trained, tmp_path):
    arguments = (
        "train", trained / "regressor.csv", "--label", "target",
        "--predictor-type", "regressor", "--model", tmp_path / "m.joblib", "--report",
    )  # fmt: skip
    assert "does not exist" in refused(*arguments, tmp_path / "none" / "r.html")
    assert "file that is read" in refused(*arguments, trained / "regressor.csv")
    with patch.dict("sys.modules", {"matplotlib.figure": None}):
        assert "sklearn_sagemaker[plot]" in refused(*arguments, tmp_path / "r.html")
    assert not (tmp_path / "m.joblib").exists()


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine")
def test_a_browser_shows_the_report(report, tmp_path):
    _, path = report("binary_classifier")
    # The policy of the page forbids scripts: the sizes of pictures are in its picture.
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}", "--window-size=900,1600",
        "--enable-logging=stderr", f"--screenshot={tmp_path / 'page.png'}",
        path.as_uri(),
    ]  # fmt: skip
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "Refused to" not in found.stderr
    assert "violates" not in found.stderr
    from matplotlib.image import imread

    pixels = imread(tmp_path / "page.png")[..., :3]
    # Blue of the candidates, vermilion of the chosen one: the pictures are there.
    for colour in ((0, 114, 178), (213, 94, 0)):
        near = np.abs(pixels * 255 - colour).max(axis=2) < 4
        assert near.sum() > 50


# ------------------------------------------------------------------ completion
def test_completion_names_its_extra(refused):
    with patch.dict("sys.modules", {"shtab": None}):
        assert "sklearn_sagemaker[completion]" in refused("completion", "bash")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_commands_options_and_files(cli, tmp_path):
    pytest.importorskip("shtab")
    script = tmp_path / "script.sh"
    script.write_text(cli("completion", "bash").out)
    (tmp_path / "rows.csv").touch()

    def complete(*words):
        asked = " ".join(f"'{word}'" for word in words)
        code = (
            f". {script}; COMP_WORDS=({asked}); COMP_CWORD={len(words) - 1}; "
            "$(complete -p sklearn-sagemaker | sed 's/.*-F \\([^ ]*\\).*/\\1/') "
            f"sklearn-sagemaker '{words[-1]}' '{words[-2]}'; "
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "-c", code], cwd=tmp_path, capture_output=True, text=True
        )
        return done.stdout.split()

    assert set(COMMANDS) <= set(complete("sklearn-sagemaker", ""))
    assert "--report" in complete("sklearn-sagemaker", "train", "--re")
    assert "regressor" in complete("sklearn-sagemaker", "train", "--predictor-type", "")
    assert "rows.csv" in complete("sklearn-sagemaker", "evaluate", "ro")


def test_scripts_are_made_for_all_shells(cli):
    pytest.importorskip("shtab")
    for shell in completion.SHELLS:
        assert "inspect" in cli("completion", shell).out


# -------------------------------------------------------------- what one watches
class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_long_predictions_tell_how_far_they_are(monkeypatch):
    monkeypatch.setattr(progress, "PART", 10)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    watched = Terminal()
    monkeypatch.setattr("sys.stderr", watched)
    X = np.arange(50.0).reshape(25, 2)
    found = progress.by_parts(lambda part: part.sum(axis=1), X)
    np.testing.assert_array_equal(found, X.sum(axis=1))
    shown = [line.strip() for line in watched.getvalue().split("\r")]
    assert shown[1] == "predicting"
    assert shown[2].startswith("predicting: 10 of 25 rows, ")
    assert shown[4].startswith("predicting: 25 of 25 rows, ")
    assert shown[-1] == ""


def test_nothing_is_shown_where_nobody_watches(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PART", 10)
    progress.by_parts(lambda part: part[:, 0], np.zeros((30, 1)))
    assert capsys.readouterr().err == ""


def test_no_color_takes_the_colours_from_the_bar(monkeypatch):
    rich = pytest.importorskip("rich.console")
    drawn = []
    for value in ("", "1"):
        monkeypatch.setenv("NO_COLOR", value)
        console = rich.Console(
            file=io.StringIO(), force_terminal=True, color_system="256", width=100
        )
        with EpochBar("fit", console) as bar:
            bar.show(0, 2, "training loss 1")
        drawn.append(console.file.getvalue())
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
    assert coloured.search(drawn[0])
    assert not coloured.search(drawn[1])
