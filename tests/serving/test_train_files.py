"""Jobs of the training program on files: the same estimators as local fits."""

import gzip
import json

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    load_artifact,
)
from sklearn_sagemaker._state import TrainingData
from sklearn_sagemaker.backends import LocalBackend
from sklearn_sagemaker.estimators._attributes import set_attributes
from sklearn_sagemaker.estimators._spec import make_spec
from sklearn_sagemaker.estimators._targets import ClassTargets, NumberTargets
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.serving.channels import files_in
from sklearn_sagemaker.serving.train_job import read_job
from tests.serving.jobs import fitted, make_job, run_here, trained

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 6)).astype(np.float32)
NUMBERS = (X @ RNG.normal(size=6) + X[:, 0] * X[:, 1]).astype(np.float32)
LABELS = (RNG.normal(size=300) < NUMBERS).astype(int)
FOUR = RNG.integers(4, size=300)
SPARSE = sp.random(300, 30, density=0.2, format="csr", random_state=0, dtype=np.float32)
BINARY = {"predictor_type": "binary_classifier", "epochs": "4", "num_models": "4"}
REGRESSOR = {**BINARY, "predictor_type": "regressor"}
FM = {"predictor_type": "regressor", "feature_dim": "30", "num_factors": "4"}
FM_CLASSES = {**FM, "predictor_type": "binary_classifier"}
QUICK = {"epochs": 4, "num_models": 4}

CASES = {
    "binary": (BINARY, LinearLearnerClassifier, QUICK, X, LABELS),
    "classes": (
        {**BINARY, "predictor_type": "multiclass_classifier", "num_classes": "4"},
        LinearLearnerClassifier,
        QUICK,
        X,
        FOUR,
    ),
    "quoted": (
        {**REGRESSOR, "predictor_type": '"regressor"', "use_bias": "False"},
        LinearLearnerRegressor,
        {**QUICK, "use_bias": False},
        X,
        NUMBERS,
    ),
    "sparse": (REGRESSOR, LinearLearnerRegressor, QUICK, SPARSE, NUMBERS),
    "machines": (
        FM,
        FactorizationMachinesRegressor,
        {"num_factors": 4},
        SPARSE,
        NUMBERS,
    ),
    "machines of classes": (
        {**FM_CLASSES, "factors_init_sigma": "0.1", "epochs": "3"},
        FactorizationMachinesClassifier,
        {"num_factors": 4, "factors_init_sigma": 0.1, "epochs": 3},
        SPARSE,
        LABELS,
    ),
    "our own": (
        {
            **FM,
            "sklearn_sagemaker.epochs": '"auto"',
            "sklearn_sagemaker.solver": '"als"',
            "sklearn_sagemaker.cv": "3",
            "sklearn_sagemaker.random_state": "7",
            "sklearn_sagemaker.ensemble_size": "2",
            "sklearn_sagemaker.num_models": "2",
        },
        FactorizationMachinesRegressor,
        {
            "num_factors": 4,
            "epochs": "auto",
            "solver": "als",
            "cv": 3,
            "random_state": 7,
            "ensemble_size": 2,
            "num_models": 2,
        },
        SPARSE,
        NUMBERS,
    ),
    "class_weight": (
        {**BINARY, "sklearn_sagemaker.class_weight": '{"0": 2.0, "1": 1.0}'},
        LinearLearnerClassifier,
        {**QUICK, "class_weight": {0: 2.0, 1: 1.0}},
        X,
        LABELS,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_job_trains_as_a_local_fit(tmp_path, case):
    strings, cls, arguments, rows, y = CASES[case]
    root = make_job(tmp_path / "ml", strings, train=(rows, y))
    run_here(root, tmp_path)
    local = cls.sagemaker_defaults(**{"random_state": 0, **arguments})
    assert trained(root, clone(local)) == fitted(local.fit(rows, y))
    model = load_artifact(root / "model" / "model_algo-1")
    np.testing.assert_array_equal(model.coef_, local.coef_)
    np.testing.assert_array_equal(model.predict(rows), local.predict(rows))


def test_signs_of_coefficients_are_for_linear_models():
    signs = {"sklearn_sagemaker.positive": "[1, 0, -1]"}
    for strings in (REGRESSOR, BINARY):
        assert read_job({**strings, **signs}).estimator().positive == [1, 0, -1]
    with pytest.raises(ValueError, match="positive' was unexpected"):
        read_job({**FM, **signs})


def test_validation_and_test_channels(tmp_path):
    parts = slice(0, 200), slice(200, 250), slice(250, 300)
    train, validation, test = ((X[part], LABELS[part]) for part in parts)
    root = make_job(
        tmp_path / "ml", BINARY, train=train, validation=validation, test=test
    )
    log = run_here(root, tmp_path)
    local = LinearLearnerClassifier.sagemaker_defaults(random_state=0, **QUICK)
    local.fit(*train, X_val=validation[0], y_val=validation[1])
    assert trained(root, clone(local)) == fitted(local)
    accuracy = local.score(*test)
    assert (
        f"#test_score (algo-1) : ('binary_classification_accuracy', {accuracy!r})"
        in log
    )


@pytest.mark.parametrize("algorithm", ["linear-learner", "factorization-machines"])
def test_a_class_without_rows_is_a_class(tmp_path, algorithm):
    three = np.where(FOUR == 2, 0, FOUR)
    strings = {**BINARY, "predictor_type": "multiclass_classifier", "num_classes": "4"}
    cls = LinearLearnerClassifier
    if algorithm == "factorization-machines":
        strings = {
            **FM_CLASSES,
            "feature_dim": "6",
            "epochs": "4",
            "sklearn_sagemaker.num_classes": "4",
            "sklearn_sagemaker.num_models": "4",
        }
        cls = FactorizationMachinesClassifier
    root = make_job(tmp_path / "ml", strings, train=(X, three))
    run_here(root, tmp_path)
    more = {"num_factors": 4} if cls is FactorizationMachinesClassifier else {}
    local = cls.sagemaker_defaults(random_state=0, **QUICK, **more)
    spec = make_spec(local, ClassTargets(np.arange(4), np.ones(4)), local.cv)
    data = TrainingData(X, three.astype(float), np.ones(300))
    set_attributes(local, LocalBackend().train(spec, data))
    assert len(local.coef_) == 4
    assert trained(root, clone(local)) == fitted(local)
    served = load_artifact(root / "model" / "model_algo-1")
    np.testing.assert_array_equal(served.classes_, np.arange(4))


def test_arrays_of_our_channel(tmp_path):
    weights = RNG.uniform(0, 2, size=300)
    weights[:20] = 0
    rows = np.arange(20, 300)
    folds = [(rows[rows % 3 != k], rows[rows % 3 == k]) for k in range(3)]
    groups = np.arange(30) // 10
    root = make_job(
        tmp_path / "ml",
        {**FM, "sklearn_sagemaker.solver": '"als"', "sklearn_sagemaker.epochs": "5"},
        train=(SPARSE, NUMBERS),
        sklearn_sagemaker={},
    )
    folder = root / "input" / "data" / "sklearn_sagemaker"
    np.save(folder / "sample_weight.npy", weights)
    np.save(folder / "groups.npy", groups)
    for number, (train, test) in enumerate(folds):
        np.save(folder / f"cv-{number}-train.npy", train)
        np.save(folder / f"cv-{number}-test.npy", test)
    run_here(root, tmp_path)
    local = FactorizationMachinesRegressor.sagemaker_defaults(
        num_factors=4, solver="als", epochs=5, random_state=0, cv=folds, groups=groups
    )
    local.fit(SPARSE, NUMBERS, weights)
    assert trained(root, clone(local)) == fitted(local)


def test_weights_inside_the_records(tmp_path):
    weights = RNG.uniform(0.5, 2, size=300)
    root = make_job(tmp_path / "ml", REGRESSOR, train={}, validation={})
    for name, rows in (("train", slice(0, 200)), ("validation", slice(200, 300))):
        write_recordio(
            root / "input" / "data" / name / "part",
            X[rows],
            NUMBERS[rows],
            sample_weight=weights[rows],
        )
    run_here(root, tmp_path)
    local = LinearLearnerRegressor.sagemaker_defaults(random_state=0, **QUICK)
    stored = weights.astype(np.float32)
    local.fit(
        X[:200],
        NUMBERS[:200],
        stored[:200],
        X_val=X[200:],
        y_val=NUMBERS[200:],
        sample_weight_val=stored[200:],
    )
    assert trained(root, clone(local)) == fitted(local)


def test_files_are_told_by_content_type_and_content(tmp_path):
    """Nested, in shards, compressed or not whatever the name says, and some to skip."""
    root = make_job(tmp_path / "ml", BINARY, train={"ContentType": "None"})
    folder = root / "input" / "data" / "train"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "_temporary").mkdir()
    parts = np.split(np.arange(300), [100, 200, 250])
    names = ["a/0.csv", "a/b/1", "a/b/2.gz", "z.bz2"]
    for name, part, packed in zip(names, parts, (0, 1, 0, 1), strict=True):
        data = write_recordio(None, X[part], LABELS[part])
        (folder / name).write_bytes(gzip.compress(data) if packed else data)
    (folder / "empty.pbr").touch()
    for name in ("_SUCCESS", ".hidden", "_temporary/part-0"):
        (folder / name).write_text("no records")
    run_here(root, tmp_path)
    local = LinearLearnerClassifier.sagemaker_defaults(random_state=0, **QUICK)
    assert trained(root, clone(local)) == fitted(local.fit(X, LABELS))


def test_csv_and_fast_file(tmp_path):
    said = {"ContentType": "text/csv", "TrainingInputMode": "FastFile"}
    root = make_job(tmp_path / "ml", REGRESSOR, train=said)
    table = np.column_stack([NUMBERS, X]).astype(float)
    for name, part in (("0.data", table[:150]), ("1.data", table[150:])):
        lines = [",".join(map(repr, row)) for row in part.tolist()]
        (root / "input" / "data" / "train" / name).write_text("\n".join(lines))
    run_here(root, tmp_path)
    local = LinearLearnerRegressor.sagemaker_defaults(random_state=0, **QUICK)
    local.fit(X.astype(float), NUMBERS.astype(float))
    assert trained(root, clone(local)) == fitted(local)


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_beyond_memory_come_in_windows(tmp_path, sparse):
    rows, y = (SPARSE, NUMBERS) if sparse else (X, LABELS)
    strings, memory = FM if sparse else BINARY, 6000
    own = {"sklearn_sagemaker.memory": str(memory)}
    root = make_job(tmp_path / "ml", {**strings, **own}, train=(rows, y))
    run_here(root, tmp_path)
    path = root / "input" / "data" / "train" / "matrix_0.pbr"
    source = FileDataset(path, memory=memory, n_features=rows.shape[1])
    assert source.contents.n_bytes > memory
    if sparse:
        local = FactorizationMachinesRegressor.sagemaker_defaults(
            num_factors=4, random_state=0
        )
    else:
        local = LinearLearnerClassifier.sagemaker_defaults(random_state=0, **QUICK)
    local.fit(source)
    found = trained(root, clone(local))
    wanted = fitted(local)
    if not sparse:
        # Labels of records are float32; a job's classes are whole numbers.
        assert wanted.pop("classes_") != found.pop("classes_")
    assert found == wanted


REFUSED = {
    "no train": ({"validation": (X, LABELS)}, BINARY, "Must provide train channel"),
    "channel": ({"train": (X, LABELS), "extra": (X, LABELS)}, BINARY, "'extra'"),
    "mode": ({"train": {"TrainingInputMode": "Fast"}}, BINARY, "TrainingInputMode"),
    "empty": ({"train": {}}, BINARY, "'train' has no file"),
    "type": ({"train": {"ContentType": "text/plain"}}, BINARY, "text/plain"),
    "unlabelled": (
        {"train": {"ContentType": "text/csv;label_size=0"}},
        BINARY,
        "needs labels",
    ),
    "wrapped": ({"train": {"RecordWrapperType": "RecordIO"}}, BINARY, "'None'"),
    "label": ({"train": (X, LABELS + 1)}, BINARY, "the label 2"),
    "width": ({"train": (X, LABELS)}, {**BINARY, "feature_dim": "5"}, "5"),
    "test width": ({"train": (X, LABELS), "test": (X[:, :3], LABELS)}, BINARY, "6"),
    "test label": (
        {"train": (X, LABELS), "test": (X, LABELS + 1)},
        BINARY,
        "'test' has the label 2",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_data_is_refused(tmp_path, case):
    channels, strings, match = REFUSED[case]
    root = make_job(tmp_path / "ml", strings, **channels)
    with pytest.raises(ValueError, match=match):
        run_here(root, tmp_path)
    assert not (root / "model").exists()


BAD = {
    "unknown": ({"epoch": "3"}, r"Additional properties are not allowed \('epoch'"),
    "range": ({"epochs": "0"}, "epochs='0'"),
    "our unknown": ({"sklearn_sagemaker.l3": "1"}, "'sklearn_sagemaker.l3' was"),
    "our json": ({"sklearn_sagemaker.epochs": "auto"}, "is no JSON"),
    "our range": ({"sklearn_sagemaker.epochs": "0"}, "epochs"),
    "algorithm": ({"sklearn_sagemaker.algorithm": '"xgboost"'}, "xgboost"),
    "seed": ({"sklearn_sagemaker.seed": "-1"}, "seed=-1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_hyperparameters_are_refused(tmp_path, case):
    more, match = BAD[case]
    root = make_job(tmp_path / "ml", {**BINARY, **more}, train=(X, LABELS))
    with pytest.raises(ValueError, match=match):
        run_here(root, tmp_path)


def test_bad_arrays_are_refused(tmp_path):
    root = make_job(tmp_path / "ml", BINARY, train=(X, LABELS), sklearn_sagemaker={})
    folder = root / "input" / "data" / "sklearn_sagemaker"
    np.save(folder / "weights.npy", np.ones(3))
    with pytest.raises(ValueError, match=r"weights.npy .* is unknown"):
        run_here(root, tmp_path)
    (folder / "weights.npy").unlink()
    np.save(folder / "cv-0-train.npy", np.arange(3))
    with pytest.raises(ValueError, match=r"cv-0-test.npy is missing"):
        run_here(root, tmp_path)
    (folder / "cv-0-train.npy").unlink()
    np.save(folder / "sample_weight.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="no array of numbers"):
        run_here(root, tmp_path)
    np.save(folder / "sample_weight.npy", np.ones(7))
    with pytest.raises(ValueError, match=r"sample_weight.shape"):
        run_here(root, tmp_path)


PLAIN = {
    "LinearLearnerClassifier": (LinearLearnerClassifier(), X, LABELS),
    "LinearLearnerRegressor": (
        LinearLearnerRegressor(loss="huber_loss"),
        SPARSE,
        NUMBERS,
    ),
    "FactorizationMachinesClassifier": (
        FactorizationMachinesClassifier(),
        SPARSE,
        FOUR,
    ),
    "FactorizationMachinesRegressor": (
        FactorizationMachinesRegressor(solver="mcmc"),
        SPARSE,
        NUMBERS,
    ),
}


@pytest.mark.parametrize("case", PLAIN)
def test_all_of_a_spec_can_be_said(tmp_path, case):
    """As a backend sends it: every setting of ours, and the seed that was drawn."""
    model, rows, y = PLAIN[case]
    model = clone(model).set_params(random_state=np.random.RandomState(3))
    kind, n_classes = "regressor", 1
    if "Classifier" in case:
        n_classes = len(np.unique(y))
        kind = "binary_classifier"
    classes = ClassTargets(np.arange(n_classes), np.ones(n_classes))
    targets = NumberTargets() if kind == "regressor" else classes
    spec = make_spec(clone(model), targets, model.cv)
    values = {**spec.hyperparameters, "seed": spec.seed, "cv": spec.cv}
    strings = {
        "predictor_type": kind,
        **{
            f"sklearn_sagemaker.{name}": json.dumps(one) for name, one in values.items()
        },
    }
    if "Factorization" in case:
        strings |= {"feature_dim": "30", "num_factors": "2"}
        strings["sklearn_sagemaker.num_classes"] = json.dumps(n_classes)
    root = make_job(tmp_path / "ml", strings, train=(rows, y))
    run_here(root, tmp_path)
    assert trained(root, clone(model)) == fitted(model.fit(rows, y))


def test_a_seed_of_a_spec(tmp_path):
    strings = {**BINARY, "sklearn_sagemaker.seed": "123"}
    root = make_job(tmp_path / "ml", strings, train=(X, LABELS))
    run_here(root, tmp_path)
    other = make_job(tmp_path / "other", BINARY, train=(X, LABELS))
    run_here(other, tmp_path)
    data = [
        (one / "output" / "data" / "state.zip").read_bytes() for one in (root, other)
    ]
    assert data[0] != data[1]
    assert json.loads(strings["sklearn_sagemaker.seed"]) == 123


def test_weights_in_a_file_need_the_rows_in_memory(tmp_path):
    strings = {**BINARY, "sklearn_sagemaker.memory": "6000"}
    root = make_job(tmp_path / "ml", strings, train=(X, LABELS), sklearn_sagemaker={})
    folder = root / "input" / "data" / "sklearn_sagemaker"
    np.save(folder / "sample_weight.npy", np.ones(300))
    with pytest.raises(ValueError, match="write the weights into the records"):
        run_here(root, tmp_path)


def test_a_link_that_leads_up_brings_no_file_again(tmp_path):
    folder, other = tmp_path / "train", tmp_path / "other"
    for place in (folder / "a", other):
        place.mkdir(parents=True)
        (place / "rows").write_text("1,2")
    (folder / "a" / "up").symlink_to("..")
    (folder / "self").symlink_to(".")
    (folder / "z").symlink_to(other)
    found = [str(path.relative_to(folder)) for path in files_in(folder)]
    assert found == ["a/rows", "z/rows"]


def test_links_that_lead_to_each_other_end(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.csv").write_text("1,2\n")
        (tmp_path / name / "link").symlink_to(tmp_path / other)
    found = [str(path.relative_to(tmp_path)) for path in files_in(tmp_path)]
    rows = ["a/link/rows.csv", "a/rows.csv", "b/link/rows.csv", "b/rows.csv"]
    assert found == rows
