import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import make_classification, make_regression
from sklearn.metrics import log_loss

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker.backends import LocalBackend
from sklearn_sagemaker.exceptions import CheckpointWarning, TrainingStoppedError
from sklearn_sagemaker.training.linear import rounds
from sklearn_sagemaker.training.shards.shard import rows_of_shards
from tests.training.shards.stand_in import LocalShards, RepeatedShards, ShardsBackend

STEPS = {"optimizer": "adam", "epochs": 4, "num_models": 6, "random_state": 0}


@pytest.fixture(scope="module")
def classes():
    X, y = make_classification(1200, 12, n_informative=6, class_sep=0.7, random_state=0)
    return X[:800], y[:800], X[800:], y[800:]


@pytest.fixture(scope="module")
def words():
    """Sparse rows of which each shard of `by_topic` has features of its own."""
    rng = np.random.default_rng(0)
    topic = rng.integers(0, 4, 1600)
    rows = np.repeat(np.arange(1600), 6)
    columns = rng.integers(0, 40, 1600 * 6) + 40 * np.repeat(topic, 6)
    X = sp.csr_matrix((np.ones(len(rows), "float32"), (rows, columns)), (1600, 160))
    scores = X @ rng.normal(size=160)
    y = (scores + rng.logistic(size=1600) > 0).astype(int)
    return X[:1000], y[:1000], X[1000:], y[1000:], topic[:1000]


def fitted(model, data, **backend):
    X, y, X_val, y_val = data[:4]
    model.set_params(backend=ShardsBackend(**backend) if backend else "local")
    return model.fit(X, y, X_val=X_val, y_val=y_val)


def same_bits(first, second):
    for name in ("coef_", "intercept_", "validation_curve_"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("n_shards", [1, 3, 8])
@pytest.mark.parametrize("sparse", [False, True])
def test_least_squares_are_those_of_one_machine(n_shards, sparse):
    X, y = make_regression(600, 8, noise=3.0, random_state=0)
    if sparse:
        X = sp.csr_matrix(np.where(np.abs(X) > 0.5, X, 0))
    weights = np.random.default_rng(0).random(400)
    model = LinearLearnerRegressor(random_state=0, wd=1e-3, l1=0.0)
    found = []
    for backend in (ShardsBackend(of=n_shards, blocks=2), LocalBackend()):
        model.set_params(backend=backend)
        model.fit(X[:400], y[:400], weights, X_val=X[400:], y_val=y[400:])
        found.append((model.coef_.copy(), model.intercept_))
    # The scaler is that of a sample, and here the sample is all rows in another order.
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-9)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-9)


@pytest.mark.parametrize("n_shards", [2, 8])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_of_shards_learn_what_those_of_one_machine_do(classes, n_shards, dtype):
    X, y, X_val, y_val = classes
    data = X.astype(dtype), y, X_val.astype(dtype), y_val
    model = LinearLearnerClassifier(**STEPS)
    alone = log_loss(y_val, fitted(model, data).predict_proba(data[2]))
    shared = fitted(model, data, of=n_shards).predict_proba(data[2])
    assert log_loss(y_val, shared) < 1.02 * alone


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adagrad", "rmsprop"])
@pytest.mark.parametrize("indices", [np.int32, np.int64])
def test_features_of_one_shard_are_learned(words, optimizer, indices):
    X, y, X_val, y_val, topic = words
    X = X.copy()
    X.indices, X.indptr = X.indices.astype(indices), X.indptr.astype(indices)
    shards = [np.flatnonzero(topic == k) for k in range(4)]
    model = LinearLearnerClassifier(**{**STEPS, "optimizer": optimizer})
    data = X, y, X_val, y_val
    alone = log_loss(y_val, fitted(model, data).predict_proba(X_val))
    shared = fitted(model, data, of=shards).predict_proba(X_val)
    assert log_loss(y_val, shared) < 1.04 * alone


@pytest.mark.parametrize("sparse", [False, True])
def test_tasks_may_run_twice_and_in_any_order(classes, words, sparse):
    data = words if sparse else classes
    first = fitted(LinearLearnerClassifier(**STEPS), data, of=5, blocks=2)
    second = fitted(
        LinearLearnerClassifier(**STEPS), data, of=5, blocks=2, kind=RepeatedShards
    )
    same_bits(first, second)


@pytest.mark.parametrize("kind", [LocalShards, RepeatedShards])
def test_shards_that_share_what_a_task_is_given_share_blocks(
    classes, kind, monkeypatch
):
    made, rounds_run = [], []
    make, round_ = rounds.make_blocks, rounds.train_round

    def noted(*arguments):
        made.append(make(*arguments))
        return made[-1]

    def counted(shard, blueprint, *arguments):
        # What is sent has none of another process's blocks.
        again = pickle.loads(pickle.dumps(blueprint))
        assert "blocks" not in vars(again)
        rounds_run.append(shard.number)
        return round_(shard, blueprint, *arguments)

    monkeypatch.setattr(rounds, "make_blocks", noted)
    monkeypatch.setattr(rounds, "train_round", counted)
    fitted(LinearLearnerClassifier(**STEPS), classes, of=5, kind=kind)
    assert len(rounds_run) >= 20
    assert len(made) == (1 if kind is LocalShards else len(rounds_run))


def test_a_shard_of_one_class_and_one_without_rows(classes):
    X, y, *_ = classes
    shards = [np.flatnonzero(y == 0), np.arange(0), np.flatnonzero(y == 1)]
    model = fitted(LinearLearnerClassifier(**STEPS), classes, of=shards, rounds=20)
    assert model.score(X, y) > 0.7


def test_rows_are_held_out_where_they_are(classes):
    X, y, *_ = classes
    model = LinearLearnerClassifier(**STEPS, backend=ShardsBackend(of=3))
    model.fit(X, y)
    assert np.isfinite(model.validation_curve_).all()
    other = LinearLearnerClassifier(**STEPS, cv=False, backend=ShardsBackend(of=3))
    assert other.fit(X, y).score(X, y) > 0.7


def test_three_classes_and_weights():
    X, y = make_classification(900, 10, n_informative=6, n_classes=3, random_state=0)
    weights = np.random.default_rng(0).integers(0, 3, 900).astype(float)
    model = LinearLearnerClassifier(
        **STEPS, class_weight="balanced", backend=ShardsBackend(of=4)
    )
    assert (
        model.fit(X, np.array(["a", "b", "c"])[y], weights).score(
            X, np.array(["a", "b", "c"])[y]
        )
        > 0.6
    )


def test_a_fit_goes_on_from_its_checkpoint(classes, tmp_path):
    whole = fitted(LinearLearnerClassifier(**STEPS), classes, of=3)
    calls = iter([False, True])
    model = LinearLearnerClassifier(**STEPS)
    with pytest.raises(TrainingStoppedError):
        fitted(
            model,
            classes,
            of=3,
            checkpoint=tmp_path,
            every=0,
            stop=lambda: next(calls),
        )
    with pytest.warns(CheckpointWarning):
        fitted(model, classes, of=3, checkpoint=tmp_path, every=0)
    same_bits(whole, model)


def test_shards_are_alike_and_hold_each_row_once():
    parts = rows_of_shards(1000, 7, 3)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(1000))
    assert {len(part) for part in parts} == {142, 143}


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_shards", [1, 5])
def test_smooth_losses_reach_the_optimum_of_one_machine(n_classes, n_shards):
    X, y = make_classification(
        1500, 8, n_informative=6, n_classes=n_classes, class_sep=0.5, random_state=0
    )
    weights = np.random.default_rng(0).random(1200)
    given = {"X_val": X[1200:], "y_val": y[1200:]}
    found = []
    for backend in (ShardsBackend(of=n_shards, blocks=2), LocalBackend()):
        model = LinearLearnerClassifier(
            random_state=0, wd=1e-3, l1=0.0, optimizer="newton", backend=backend
        )
        model.fit(X[:1200], y[:1200], weights, **given)
        assert model.candidates_["optimality"][model.best_index_] < 1e-6
        found.append(model.predict_proba(X[1200:]))
    np.testing.assert_allclose(*found, atol=1e-4)
