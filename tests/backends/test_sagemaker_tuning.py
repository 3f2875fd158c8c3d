"""A search through the switch, on the emulator."""

import joblib
import numpy as np
import pytest
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.base import clone

from sklearn_sagemaker import (
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.backends.distributions import Interval, searched
from sklearn_sagemaker.exceptions import JobFailedError
from sklearn_sagemaker.sagemaker.session import Session
from sklearn_sagemaker.sagemaker.tuner import (
    CategoricalParameter,
    ContinuousParameter,
    IntegerParameter,
)
from sklearn_sagemaker.testing import SageMakerEmulator

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
Y = np.where(X[:, 0] + RNG.normal(size=200) / 2 > 0, "yes", "no")


@pytest.fixture(scope="module")
def emulator():
    with SageMakerEmulator() as running:
        yield running


def backend(emulator, **more):
    options = {"image": "sklearn-sagemaker", "poll": 0.2, **more}
    return SageMakerBackend(emulator.role, **options)


def test_it_comes_back_with_the_best_model(emulator, tmp_path):
    model = LinearLearnerClassifier(
        epochs=2, num_models=1, random_state=3, backend=backend(emulator)
    )
    ranges = {"wd": loguniform(1e-5, 10), "use_bias": [True, False]}
    found = model.tune(
        X, Y, ranges, max_jobs=3, max_parallel_jobs=3, strategy="Random", random_state=1
    )
    assert found is model
    results = model.cv_results_
    assert len(results["params"]) == 3
    assert sorted(results["rank_test_score"]) == [1, 2, 3]
    best = int(np.argmin(results["rank_test_score"]))
    assert best == np.argmax(results["mean_test_score"])
    assert (results["mean_test_score"] == -results["objective"]).all()
    assert results["param_wd"][best] == model.best_params_["wd"]
    assert results["params"][best] == model.best_params_
    assert results["training_job_name"][best] == model.training_job_["name"]
    assert model.training_job_["name"].startswith(f"{model.tuning_job_name_}-00")
    assert (results["mean_fit_time"] > 0).all()
    assert set(results["status"]) == {"Completed"}
    assert model.get_params()["wd"] == "auto"

    # A fit here with what was found is the same model.
    local = clone(model).set_params(**model.best_params_, backend="local").fit(X, Y)
    np.testing.assert_array_equal(local.coef_, model.coef_)
    assert list(local.predict(X)) == list(model.predict(X))

    attached = LinearLearnerClassifier.attach(
        model.training_job_["name"], backend=model.backend
    )
    np.testing.assert_array_equal(attached.coef_, model.coef_)
    assert attached.wd == model.best_params_["wd"]
    assert attached.use_bias == model.best_params_["use_bias"]
    assert list(attached.classes_) == ["no", "yes"]
    joblib.dump(model, tmp_path / "model")
    assert joblib.load(tmp_path / "model").tuning_job_name_ == model.tuning_job_name_
    # Another fit forgets the search.
    model.set_params(backend="local").fit(X, Y)
    assert not hasattr(model, "cv_results_")
    assert not hasattr(model, "tuning_job_name_")


@pytest.mark.slow
def test_the_built_in_image_and_no_wait(emulator):
    model = LinearLearnerRegressor.sagemaker_defaults(
        epochs=2, random_state=0, backend=backend(emulator, image="built-in")
    )
    ranges = {
        "mini_batch_size": IntegerParameter(20, 40),
        "learning_rate": ContinuousParameter(1e-3, 0.5, scaling_type="Logarithmic"),
    }
    held = {"X_val": X[:50], "y_val": X[:50, 1]}
    model.tune(
        X[50:], X[50:, 1], ranges, **held, max_jobs=2, max_parallel_jobs=2,
        strategy="Random", objective="mse", random_state=0, wait=False,
    )  # fmt: skip
    assert not hasattr(model, "coef_")
    name = model.pending_training_.name
    assert len(name) <= 32
    model.wait_for_training()
    assert model.tuning_job_name_ == name
    assert 20 <= model.best_params_["mini_batch_size"] <= 40
    session = Session()
    found = session.describe_tuning_job(name)
    aim = found["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    assert aim == {"Type": "Minimize", "MetricName": "validation:mse"}
    # The objective is the mean squared error of the rows held out.
    best = float(np.nanmin(model.cv_results_["objective"]))
    error = np.mean((model.predict(X[:50]) - X[:50, 1]) ** 2)
    assert error == pytest.approx(best, rel=1e-3)
    attached = LinearLearnerRegressor.attach(
        model.training_job_["name"], backend=model.backend
    )
    assert attached.learning_rate == model.best_params_["learning_rate"]


@pytest.mark.slow
def test_a_grid_of_factorization_machines(emulator):
    model = FactorizationMachinesRegressor(
        num_factors=2, random_state=0, backend=backend(emulator)
    )
    model.tune(X, X[:, 0], {"epochs": [1, 3]}, strategy="Grid", max_parallel_jobs=2)
    assert sorted(one["epochs"] for one in model.cv_results_["params"]) == [1, 3]
    assert model.n_iter_ <= 3
    name = model.tuning_job_name_
    found = Session().describe_tuning_job(name)["HyperParameterTuningJobConfig"]
    aim = found["HyperParameterTuningJobObjective"]
    assert aim == {"Type": "Minimize", "MetricName": "validation:rmse"}


@pytest.mark.slow
def test_a_search_without_a_model(emulator):
    model = LinearLearnerClassifier(epochs=1, backend=backend(emulator)).fit(X, Y)
    before = model.coef_
    emulator.fail("CreateHyperParameterTuningJob", ends="Stopped", times=1)
    with pytest.raises(JobFailedError, match="it is Stopped, and none of its training"):
        model.tune(X, Y, {"wd": uniform(0, 1)})
    assert model.coef_ is before
    emulator.fail(
        "CreateHyperParameterTuningJob", ends="Failed", reason="no luck", times=1
    )
    with pytest.raises(JobFailedError, match="no luck"):
        model.tune(X, Y, {"wd": uniform(0, 1)})
    emulator.heal()


@pytest.mark.parametrize(
    ("ranges", "more", "said"),
    [
        ({}, {}, "must be a dict of what to search"),
        ({"depth": [1]}, {}, "'depth' is no hyperparameter of LinearLearnerClassifier"),
        ({"cv": [1]}, {}, "'cv' is no hyperparameter"),
        ({"wd": norm()}, {}, "scipy.stats.uniform, loguniform or randint"),
        ({"wd": "auto"}, {}, "SageMaker searches a list"),
        ({"wd": []}, {}, "SageMaker searches a list"),
        ({"wd": [-1.0]}, {}, "The 'wd' parameter"),
        ({"wd": uniform(-1, 2)}, {}, "The 'wd' parameter"),
        ({"epochs": uniform(1, 5)}, {}, "'epochs' is a whole number"),
        ({"wd": uniform()}, {"strategy": "Grid"}, "'wd' has a range; give a list"),
        ({"wd": uniform()}, {"strategy": "Best"}, "strategy='Best' must be one of"),
        ({"wd": uniform()}, {"max_jobs": 0}, "max_jobs=0 must be a whole number"),
        ({"wd": uniform()}, {"objective_type": "Up"}, "objective_type='Up' must be"),
    ],
)
def test_what_cannot_be_searched_is_refused(ranges, more, said):
    model = LinearLearnerClassifier(backend=SageMakerBackend("arn:aws:iam::1:role/R"))
    with pytest.raises(ValueError, match=said):
        model.tune(X, Y, ranges, **more)
    assert not hasattr(model, "n_features_in_")


def test_a_search_needs_rows_held_out_and_sagemaker():
    remote = SageMakerBackend("arn:aws:iam::111122223333:role/R")
    with pytest.raises(ValueError, match="so there is nothing to tune by"):
        LinearLearnerClassifier(cv=False, backend=remote).tune(X, Y, {"wd": uniform()})
    with pytest.raises(ValueError, match="is no hyperparameter of a binary_classifier"):
        LinearLearnerClassifier.sagemaker_defaults(backend=remote).tune(
            X, Y, {"sagemaker_rules": [True]}
        )
    with pytest.raises(TypeError, match="use RandomizedSearchCV"):
        LinearLearnerClassifier().tune(X, Y, {"wd": uniform()})


def test_distributions():
    assert searched("x", uniform(1, 2)) == Interval(1.0, 3.0, "Linear")
    assert searched("x", loguniform(1, 2)) == Interval(1.0, 2.0, "Logarithmic")
    assert searched("x", randint(1, 4)) == Interval(1, 3, "Linear", whole=True)
    assert searched("x", np.array([1, 2])) == [1, 2]
    assert searched("x", CategoricalParameter([True, 1, 0.5, "a", None])) == [
        True, 1, 0.5, "a", None
    ]  # fmt: skip
    assert searched("x", IntegerParameter(1, 4)) == Interval(1, 4, "Auto", whole=True)
    assert searched("x", ContinuousParameter(1, 4)) == Interval(1, 4, "Auto")
