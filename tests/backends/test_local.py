"""The local backend is a value: it clones, pickles and has no settings."""

import pickle

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_iris

from sklearn_sagemaker import LinearLearnerClassifier
from sklearn_sagemaker._state import ModelState, TrainingData, TrainingSpec
from sklearn_sagemaker.backends import LocalBackend


def test_clone_pickle_and_parameters():
    assert repr(LocalBackend()) == "LocalBackend()"
    backend = LocalBackend(checkpoint="folder", every=5, stop=dict)
    for copy in (clone(backend), pickle.loads(pickle.dumps(backend))):
        assert type(copy) is LocalBackend
        assert copy is not backend
        assert vars(copy) == {"checkpoint": "folder", "every": 5, "stop": dict}


def test_train_gives_the_state_of_a_fit():
    X, y = load_iris(return_X_y=True)
    model = LinearLearnerClassifier(num_models=2, epochs=3, backend=LocalBackend())
    parameters = model.get_params()
    spec = TrainingSpec(
        algorithm="linear-learner",
        predictor_type="multiclass_classifier",
        hyperparameters={name: parameters[name] for name in model._table},
        classes=np.arange(3),
        seed=int(np.random.RandomState(0).randint(np.iinfo(np.int32).max)),
    )
    data = TrainingData(X, y.astype(float), np.ones(len(y)))
    calls = []
    state = LocalBackend().train(spec, data, lambda *call: calls.append(call))
    assert isinstance(state, ModelState)
    assert [epoch for epoch, *_ in calls] == [0, 1, 2]
    assert {epochs for _, epochs, _ in calls} == {3}
    assert all(
        {"train_loss", "validation_loss", "n_active"} <= set(c[2]) for c in calls
    )
    model.set_params(random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.coef_, state.coef)
    assert model.best_index_ == state.best_index
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(state)).coef, state.coef)


def test_a_true_answer_of_the_monitor_ends_the_training():
    X, y = load_iris(return_X_y=True)
    parameters = LinearLearnerClassifier(num_models=2, epochs=9).get_params()
    spec = TrainingSpec(
        algorithm="linear-learner",
        predictor_type="multiclass_classifier",
        hyperparameters={
            name: parameters[name] for name in LinearLearnerClassifier._table
        },
        classes=np.arange(3),
    )
    data = TrainingData(X, y.astype(float), np.ones(len(y)))
    state = LocalBackend().train(spec, data, lambda epoch, *_: epoch == 3)
    assert state.n_iter == 4
