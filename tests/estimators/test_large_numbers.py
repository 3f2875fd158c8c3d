"""Numbers that decide an allocation or a loop: right results, or refused at once."""

import numpy as np
import pytest

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.exceptions import TrainingTooLargeError
from sklearn_sagemaker.training import memory as memory_module
from sklearn_sagemaker.training.memory import check_bytes, in_words, memory

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = 2 * X[:, 0] - X[:, 1]
C = (Y > 0).astype(int)
HUGE = [10**9, 2**63 - 1, np.int64(2**63 - 1), 10**19, 10**30]
LINEAR = {"num_models": 2, "epochs": 2, "random_state": 0}
FACTORS = {"num_factors": 2, "epochs": 2, "random_state": 0}


@pytest.fixture(autouse=True)
def little_memory(monkeypatch):
    """So that nothing is allocated where a number is not refused as it should."""
    monkeypatch.setattr(memory_module, "memory", lambda: 10**9)


def same(model, other):
    for name in ("coef_", "intercept_", "factors_"):
        if hasattr(other, name):
            np.testing.assert_array_equal(getattr(model, name), getattr(other, name))


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize(
    ("cls", "settings", "name", "enough"),
    [
        (LinearLearnerRegressor, LINEAR, "mini_batch_size", 60),
        (LinearLearnerRegressor, LINEAR, "num_point_for_scaler", 60),
        (LinearLearnerRegressor, LINEAR, "early_stopping_patience", 3),
        (LinearLearnerRegressor, LINEAR, "lr_scheduler_step", 10**6),
        (LinearLearnerRegressor, LINEAR, "ensemble_size", 2),
        (LinearLearnerClassifier, LINEAR, "num_calibration_samples", 60),
        (FactorizationMachinesRegressor, FACTORS, "num_models", 8),
        (FactorizationMachinesRegressor, FACTORS, "mini_batch_size", 60),
        (FactorizationMachinesRegressor, FACTORS, "early_stopping_patience", 3),
        (
            FactorizationMachinesRegressor,
            {**FACTORS, "solver": "mcmc"},
            "num_draws",
            2,
        ),
        (FactorizationMachinesClassifier, FACTORS, "num_calibration_samples", 60),
        (
            FactorizationMachinesRegressor,
            {**FACTORS, "early_stopping_patience": 2, "solver": "als"},
            "epochs",
            1000,
        ),
        (
            FactorizationMachinesRegressor,
            {**FACTORS, "early_stopping_patience": 2},
            "epochs",
            1000,
        ),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_more_than_there_is_is_all_there_is(cls, settings, name, enough, value):
    y = C if "Classifier" in cls.__name__ else Y
    if name == "num_calibration_samples":
        criterion = {"binary_classifier_model_selection_criteria": "f1"}
        settings = {**settings, **criterion}
    found = cls(**{**settings, name: value}).fit(X, y)
    same(found, cls(**{**settings, name: enough}).fit(X, y))


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize("way", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("cls", "settings", "name"),
    [
        (LinearLearnerRegressor, LINEAR, "num_models"),
        (LinearLearnerRegressor, LINEAR, "epochs"),
        (FactorizationMachinesRegressor, {**FACTORS, "cv": False}, "epochs"),
        (FactorizationMachinesRegressor, {**FACTORS, "solver": "mcmc"}, "epochs"),
        *(
            (FactorizationMachinesRegressor, {**FACTORS, "solver": solver}, name)
            for solver in ("gradient", "als", "mcmc")
            for name in ("num_factors",)
        ),
        (FactorizationMachinesClassifier, FACTORS, "num_factors"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_more_than_memory_holds_is_refused_at_once(cls, settings, name, value, way):
    model = cls(**{**settings, name: value})
    more = {}
    if way == "partial_fit":
        if name == "epochs" or not hasattr(model, way):
            pytest.skip("a stream has no epochs, and needs the gradient solver")
        if "Classifier" in cls.__name__:
            more["classes"] = [0, 1]
    y = C if "Classifier" in cls.__name__ else Y
    with pytest.raises(TrainingTooLargeError) as caught:
        getattr(model, way)(X, y, **more)
    message = str(caught.value)
    assert f"{name}={value}" in message
    assert "this machine has 1 GB; set fewer " in message
    assert isinstance(caught.value, MemoryError)
    assert isinstance(caught.value, ValueError)
    assert not [key for key in vars(model) if key.endswith("_")]


def test_models_whose_weights_do_not_fit_are_refused():
    wide = np.zeros((20, 50_000), dtype=np.float32)
    wide[:, 0] = np.arange(20)
    with pytest.raises(TrainingTooLargeError, match="num_models=5000: weights and"):
        LinearLearnerRegressor(num_models=5000).fit(wide, np.arange(20.0))
    with pytest.raises(TrainingTooLargeError, match="num_factors=2500: the"):
        FactorizationMachinesRegressor(num_factors=2500).fit(wide, np.arange(20.0))


def test_draws_that_do_not_fit_are_refused():
    wide = np.zeros((20, 10_000), dtype=np.float32)
    wide[:, 0] = np.arange(20)
    model = FactorizationMachinesRegressor(
        solver="mcmc", num_factors=8, epochs=5000, num_draws=10**9, cv=False
    )
    with pytest.raises(TrainingTooLargeError, match="num_draws=1000000000: 5000 draws"):
        model.fit(wide, np.arange(20.0))


def test_fixed_candidates_are_as_few_as_ever():
    model = LinearLearnerRegressor(num_models=10**30, learning_rate=0.1, epochs=2)
    assert len(model.fit(X, Y).candidates_["params"]) <= 8


@pytest.mark.parametrize("value", [*HUGE, np.int32(2**31 - 1)])
def test_more_folds_than_rows_are_refused(value):
    for cls in (LinearLearnerRegressor, FactorizationMachinesRegressor):
        with pytest.raises(ValueError, match="n_splits"):
            cls(cv=value, epochs=1).fit(X, Y)


@pytest.mark.parametrize("n_jobs", [10**9, 10**19])
def test_more_threads_than_work_change_nothing(n_jobs):
    for cls, settings in (
        (LinearLearnerRegressor, LINEAR),
        (FactorizationMachinesRegressor, FACTORS),
    ):
        found = cls(**settings, n_jobs=n_jobs).fit(X, Y)
        same(found, cls(**settings).fit(X, Y))


@pytest.mark.parametrize("scale", [1e308, 1.7e308])
def test_a_start_that_is_too_wide_diverges_and_says_so(scale):
    with pytest.raises(FloatingPointError, match="diverged"):
        LinearLearnerRegressor(**LINEAR, init_method="uniform", init_scale=scale).fit(
            X, Y
        )
    for group in ("bias", "linear", "factors"):
        start = {f"{group}_init_method": "uniform", f"{group}_init_scale": scale}
        for solver in ("gradient", "als", "mcmc"):
            model = FactorizationMachinesRegressor(**FACTORS, **start, solver=solver)
            with pytest.raises(FloatingPointError):
                model.fit(X, Y)


@pytest.mark.parametrize("delta", [1e200, 1e308])
def test_a_huber_loss_without_an_end_is_half_the_squared_error(delta):
    model = LinearLearnerRegressor(**LINEAR, loss="huber_loss", huber_delta=delta)
    metrics = model.fit(X, Y).metrics_["train"]
    assert metrics["objective_loss"] == pytest.approx(metrics["mse"] / 2, rel=1e-5)


@pytest.mark.parametrize("factor", [1e200, 1e308, 1e-308])
def test_extreme_factors_of_positive_rows(factor):
    model = LinearLearnerClassifier(**LINEAR, positive_example_weight_mult=factor)
    model.fit(X, C)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(list(model.metrics_["train"].values())).all()


def test_what_fits_is_not_refused():
    check_bytes(10**9, "it", "less")
    with pytest.raises(TrainingTooLargeError, match="^it would take 1.1 GB, and this"):
        check_bytes(11 * 10**8, "it", "less")


def test_bytes_in_words():
    sizes = [12, 3 * 10**6, 45 * 10**8, 7 * 10**12, 10**30]
    assert [in_words(size) for size in sizes] == [
        "12 bytes", "3 MB", "4.5 GB", "7 TB", "more than 10^18 bytes",
    ]  # fmt: skip


def test_this_machine_has_memory():
    assert memory() > 10**6
