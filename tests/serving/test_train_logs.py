"""Lines of the training program, held to the regexes of SageMaker's built-in images.

They are what DescribeTrainingJob shows as metric definitions of linear-learner:1, and
for Factorization Machines the lines of stored logs (May 2023).
"""

import json
import re

import numpy as np
import pytest

from tests.serving.jobs import make_job, run_here

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
NUMBERS = X @ RNG.normal(size=4).astype(np.float32)
LABELS = (NUMBERS > 0).astype(int)
QUICK = {"epochs": "3", "num_models": "2"}
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
QUALITY = r"#quality_metric: host=\S+, "
SETS = ("train", "validation", "test")
ALWAYS = {
    "train:progress": r"#progress_metric: host=\S+, completed (\S+) %",
    "train:throughput": r"#throughput_metric: host=\S+, train throughput=(\S+) "
    "records/second",
}
OBJECTIVES = {
    **{
        f"{part}:objective_loss": QUALITY + rf"epoch=\S+, {part} \S+_objective "
        r"<loss>=(\S+)"
        for part in SETS[:2]
    },
    **{
        f"{part}:objective_loss:final": QUALITY + rf"{part} \S+_objective <loss>=(\S+)"
        for part in SETS
    },
}


def each(sets, kind, *names):
    return {
        f"{part}:{name}": QUALITY + rf"{part} {name} <{kind}>=(\S+)"
        for part in sets
        for name in names
    }


REGRESSION = each(SETS, "loss", "mse", "absolute_loss")
BINARY = each(
    SETS,
    "score",
    "binary_classification_accuracy",
    r"binary_f_\S+",
    "precision",
    "recall",
)
SEVERAL = each(
    SETS[1:],
    "score",
    "multiclass_accuracy",
    "dcg",
    "macro_recall",
    "macro_precision",
    r"macro_f_\S+",
    r"multiclass_top_k_accuracy_\S+",
)
FM_NUMBERS = {
    **each(("train", "test"), "loss", "rmse", "mse", "absolute_loss"),
    "epoch": QUALITY + r"epoch=\S+, train rmse <loss>=(\S+)",
    "score": r"#test_score \(algo-1\) : \('rmse', (\S+)\)",
}
FM_CLASSES = {
    **each(
        ("train", "test"), "score", "binary_classification_accuracy", "binary_f_1.000"
    ),
    **each(("train", "test"), "loss", "binary_classification_cross_entropy"),
    "epoch": QUALITY
    + r"epoch=\S+, train binary_classification_cross_entropy <loss>=(\S+)",
}
FM = {"feature_dim": "4", "num_factors": "2", "epochs": "3"}
JOBS = {
    "regression": ("regressor", QUICK, NUMBERS, {**OBJECTIVES, **REGRESSION}),
    "binary": ("binary_classifier", QUICK, LABELS, {**OBJECTIVES, **BINARY}),
    "hinge": (
        "binary_classifier",
        {**QUICK, "loss": "hinge_loss"},
        LABELS,
        {**OBJECTIVES, **BINARY},
    ),
    "classes": (
        "multiclass_classifier",
        {**QUICK, "num_classes": "4"},
        RNG.integers(4, size=300),
        {**OBJECTIVES, **SEVERAL},
    ),
    "machines": ("regressor", FM, NUMBERS, FM_NUMBERS),
    "machines of classes": ("binary_classifier", FM, LABELS, FM_CLASSES),
}


def logged(tmp_path, kind, strings, y, channels=SETS):
    rows = dict(zip(SETS, np.split(np.arange(300), [200, 250]), strict=True))
    if "num_factors" in strings:
        channels = [name for name in channels if name != "validation"]
    given = {name: (X[rows[name]], y[rows[name]]) for name in channels}
    root = make_job(tmp_path / "ml", {"predictor_type": kind, **strings}, **given)
    return run_here(root, tmp_path)


@pytest.mark.parametrize("job", JOBS)
def test_the_services_regexes_find_every_metric(tmp_path, job):
    kind, strings, y, regexes = JOBS[job]
    log = logged(tmp_path, kind, strings, y)
    for name, regex in {**ALWAYS, **regexes}.items():
        found = re.findall(regex, log)
        assert found, name
        assert all(re.fullmatch(NUMBER, text) for text in found), (name, found)
    assert re.findall(ALWAYS["train:progress"], log) == ["33", "66", "100"]


@pytest.mark.parametrize("job", JOBS)
def test_metrics_lines_are_json(tmp_path, job):
    kind, strings, y, _ = JOBS[job]
    log = logged(tmp_path, kind, strings, y)
    found = re.findall(r"^#metrics (\{.*\})\n$", log, re.MULTILINE)
    documents = [json.loads(text) for text in found]
    assert len(documents) == log.count("#metrics ")
    title = "factorization-machines" if "num_factors" in strings else "Linear Learner"
    for one in documents:
        assert list(one) == ["StartTime", "EndTime", "Dimensions", "Metrics"]
        assert 0 < one["StartTime"] <= one["EndTime"]
        assert one["Dimensions"]["Algorithm"] == title
        assert one["Dimensions"]["Host"] == "algo-1"
        assert one["Dimensions"]["Operation"] == "training"
        for value in one["Metrics"].values():
            assert list(value) == ["sum", "count", "min", "max"]
    assert "totaltime" in documents[-1]["Metrics"]
    assert documents[0]["Dimensions"]["Meta"] == "init_train_data_iter"
    models = [one["Dimensions"] for one in documents if "model" in one["Dimensions"]]
    assert {one["epoch"] for one in models} == {0, 1, 2}


ORDER = [
    "Docker entrypoint called",
    "Reading default configuration",
    "Merging with provided",
    "Final configuration",
    "Loggers have already",
    "is a worker",
    "Using default worker",
    "Checkpoint loading and saving are disabled",
    "Create Store: local",
    "Number of GPUs",
    '"Meta": "init_train_data_iter"',
    '"epoch": 0, "model": 0',
    "epoch=0, train",
    "epoch=0, validation",
    "#early_stopping_criteria_metric",
    "Epoch 0: Loss improved",
    "Saving model for epoch: 0",
    "#progress_metric",
    '"epoch": 0, "Meta": "training_data_iter"',
    "#throughput_metric",
    "epoch=1, train",
    "epoch=2, train",
    "completed 100 % of epochs",
    "#validation_score (algo-1)",
    "host=algo-1, validation",
    "Best model found for hyperparameters: {",
    "#test_score (algo-1)",
    "host=algo-1, test",
    '"initialize.time"',
]


def test_lines_come_in_the_order_of_the_built_in(tmp_path):
    log = "Docker entrypoint called\n" + logged(tmp_path, "regressor", QUICK, NUMBERS)
    at = 0
    for mark in ORDER:
        at = log.find(mark, at)
        assert at >= 0, mark


def test_weighted_classes_and_no_test_channel(tmp_path):
    strings = {**QUICK, "positive_example_weight_mult": "balanced", "f_beta": "2.0"}
    log = logged(tmp_path, "binary_classifier", strings, LABELS, ("train",))
    assert "binary_classification_weighted_cross_entropy_objective <loss>" in log
    assert "binary_f_2.000 <score>" in log
    assert "Test data is not provided." in log


def test_an_early_end_is_said(tmp_path):
    strings = {**QUICK, "epochs": "200", "early_stopping_tolerance": "0.5"}
    log = logged(tmp_path, "regressor", strings, NUMBERS)
    assert "Early stop condition met. Stopping training." in log
    assert re.findall(ALWAYS["train:progress"], log)[-1] == "100"
