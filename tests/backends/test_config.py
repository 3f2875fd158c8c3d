"""Which backend a fit uses: names, settings of a thread, and values."""

import threading

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

import sklearn_sagemaker
from sklearn_sagemaker import (
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    config_context,
    get_config,
    set_config,
)
from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.backends import (
    BACKENDS,
    Backend,
    LocalBackend,
    SageMakerBackend,
    SubprocessBackend,
    resolve_backend,
)

QUICK = {"random_state": 0, "num_models": 2, "epochs": 3}


class Recording(Backend):
    """A backend with a setting; it trains locally and notes what it was sent."""

    def __init__(self, name="spy"):
        self.name = name

    def train(self, spec, data, monitor=None):
        SENT.append((self.name, spec, data, monitor))
        return LocalBackend().train(spec, data, monitor)


class Canned(Backend):
    """A backend that trains nothing."""

    def train(self, spec, data, monitor=None):
        d = data.X.shape[1]
        return ModelState(
            coef=np.arange(1.0, d + 1)[None, :],
            intercept=np.array([2.5]),
            threshold=0.25,
            n_iter=1,
            best_index=0,
            best_params={"learning_rate": 0.1},
            best_score=0.5,
            candidates={"params": [{"learning_rate": 0.1}]},
            loss_curve=np.array([1.0]),
            validation_curve=None,
        )


SENT = []


@pytest.fixture(autouse=True)
def clean():
    SENT.clear()
    before = get_config()
    yield
    set_config(**before)


# ------------------------------------------------------------------------- resolve
def test_names_and_values_resolve():
    assert isinstance(resolve_backend(None), LocalBackend)
    assert isinstance(resolve_backend("local"), LocalBackend)
    for name, cls in BACKENDS.items():
        backend = resolve_backend(name)
        assert isinstance(backend, cls)
        assert isinstance(backend, Backend)
    backend = Recording()
    assert resolve_backend(backend) is backend


def test_unknown_name_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"backend='cloud' is not known.*'local'"):
        resolve_backend("cloud")
    with pytest.raises(ValueError, match="'cloud'"):
        set_config(backend="cloud")
    with pytest.raises(ValueError, match="'cloud'"), config_context(backend="cloud"):
        pytest.fail("the block must not run")
    with pytest.raises(ValueError, match="'cloud'"):
        LinearLearnerRegressor(backend="cloud").fit([[1.0], [2.0]], [1.0, 2.0])
    assert get_config() == {"backend": "local"}


class Stranger(BaseEstimator):
    """What has a method of a backend's name is none for that."""

    def train(self, spec, data, monitor=None):
        """Train."""


@pytest.mark.parametrize("value", [3, 2.5, object(), ["local"], b"local", Stranger()])
def test_what_is_no_backend_is_a_type_error(value):
    with pytest.raises(TypeError, match=type(value).__name__):
        resolve_backend(value)
    with pytest.raises(TypeError, match=type(value).__name__):
        set_config(backend=value)
    assert get_config() == {"backend": "local"}


@pytest.mark.parametrize("cls", [LocalBackend, SubprocessBackend, Recording])
def test_a_class_is_no_backend(cls):
    with pytest.raises(TypeError, match=rf"the class {cls.__name__}; make one"):
        resolve_backend(cls)
    with pytest.raises(TypeError, match=rf"{cls.__name__}\(\)"):
        LinearLearnerClassifier(backend=cls).fit([[0.0], [1.0]], [0, 1])


def test_backends_are_searched_by_their_settings():
    model = LinearLearnerClassifier(backend=SubprocessBackend(every=5))
    assert clone(model).set_params(backend__every=7).backend.every == 7
    assert model.backend.every == 5


def test_backends_refuse_what_they_cannot_do_by_name():
    X, y = load_breast_cancer(return_X_y=True)
    model = LinearLearnerClassifier(**QUICK, backend=Recording())
    with pytest.raises(ValueError, match="partial_fit cannot run on backend=Recording"):
        model.partial_fit(X, y, classes=[0, 1])
    model.set_params(warm_start=True)
    with pytest.raises(ValueError, match="warm_start=True cannot run on backend=Reco"):
        model.fit(X, y)
    assert SENT == []
    assert not hasattr(model, "n_features_in_")


class Lazy:
    """Rows elsewhere, which must not be looked at."""

    def __dask_graph__(self):
        raise AssertionError("gathered")

    __array__ = __iter__ = __len__ = __dask_graph__


@pytest.mark.parametrize("backend", ["local", "subprocess"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_rows_elsewhere_are_never_gathered(backend, method):
    model = LinearLearnerRegressor(backend=backend)
    with pytest.raises(TypeError, match=r"does not take a .*Lazy, .*compute\(\) it"):
        getattr(model, method)(Lazy(), [1.0, 2.0])


# -------------------------------------------------------------------------- config
def test_set_config_holds_until_it_is_set_again():
    backend = Recording()
    set_config(backend=backend)
    assert get_config()["backend"] is backend
    set_config()
    assert get_config()["backend"] is backend
    set_config(backend="local")
    assert get_config() == {"backend": "local"}


def test_get_config_gives_a_copy():
    get_config()["backend"] = "elsewhere"
    assert get_config() == {"backend": "local"}


def test_contexts_nest():
    outer, inner = Recording("outer"), Recording("inner")
    with config_context(backend=outer):
        assert resolve_backend(None) is outer
        with config_context(backend=inner):
            assert resolve_backend(None) is inner
            with config_context():
                assert resolve_backend(None) is inner
        assert resolve_backend(None) is outer
        set_config(backend=inner)
        assert resolve_backend(None) is inner
    assert get_config() == {"backend": "local"}


def test_context_is_left_after_an_exception():
    with pytest.raises(KeyError), config_context(backend=Recording()):
        raise KeyError
    assert get_config() == {"backend": "local"}


def test_config_is_of_the_calling_thread():
    seen = []

    def look():
        seen.append(get_config()["backend"])
        set_config(backend=Recording("other"))
        seen.append(get_config()["backend"].name)

    mine = Recording("mine")
    with config_context(backend=mine):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(10)
        assert get_config()["backend"] is mine
    assert seen == ["local", "other"]


def test_names_are_those_of_the_top_level():
    assert sklearn_sagemaker.get_config is get_config
    assert sklearn_sagemaker.set_config is set_config
    assert sklearn_sagemaker.config_context is config_context


# ------------------------------------------------------------------------- the fit
def test_fit_sends_a_validated_problem_to_the_backend():
    X, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    backend = Recording()
    model = LinearLearnerClassifier(**QUICK, cv=3, n_jobs=2, backend=backend)
    weights = np.linspace(0, 1, len(y))
    model.fit(X, names, weights, X_val=X[:9], y_val=names[:9])
    ((_, spec, data, monitor),) = SENT
    assert spec.algorithm == "linear-learner"
    assert spec.predictor_type == "multiclass_classifier"
    assert spec.n_classes == 3
    # Validation rows come before folds.
    assert (spec.cv, spec.n_jobs) == ("auto", 2)
    np.testing.assert_array_equal(spec.classes, ["a", "b", "c"])
    assert set(spec.hyperparameters) == set(LinearLearnerClassifier._table)
    assert spec.hyperparameters["epochs"] == 3
    assert data.X is X
    np.testing.assert_array_equal(data.y, y)
    np.testing.assert_array_equal(data.sample_weight, weights)
    np.testing.assert_array_equal(data.y_val, y[:9])
    np.testing.assert_array_equal(data.sample_weight_val, np.ones(9))
    assert "5.1" not in repr(data)  # no rows in logs
    assert callable(monitor)
    plain = clone(model).set_params(backend=None).fit(X, names, weights, X_val=X[:9],
                                                      y_val=names[:9])  # fmt: skip
    np.testing.assert_array_equal(plain.coef_, model.coef_)
    assert len(SENT) == 1


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_fit_does_not_copy_the_rows(dtype, order):
    X, y = load_breast_cancer(return_X_y=True)
    X = np.asarray(X, dtype=dtype, order=order)
    LinearLearnerClassifier(**QUICK, backend=Recording()).fit(X, y)
    assert SENT[0][2].X is X
    assert SENT[0][1].predictor_type == "binary_classifier"


def test_fit_uses_the_configured_backend_unless_the_estimator_has_one():
    X, y = load_diabetes(return_X_y=True)
    with config_context(backend=Recording("configured")):
        LinearLearnerRegressor(**QUICK).fit(X, y)
        LinearLearnerRegressor(**QUICK, backend=Recording("own")).fit(X, y)
        LinearLearnerRegressor(**QUICK, backend="local").fit(X, y)
    LinearLearnerRegressor(**QUICK).fit(X, y)
    assert [name for name, *_ in SENT] == ["configured", "own"]
    assert {spec.predictor_type for _, spec, *_ in SENT} == {"regressor"}


def test_attributes_are_those_of_the_state():
    X, y = load_diabetes(return_X_y=True)
    model = LinearLearnerRegressor(backend=Canned()).fit(X, y)
    np.testing.assert_array_equal(model.coef_, np.arange(1.0, 11.0))
    assert model.intercept_ == 2.5
    assert model.best_score_ == 0.5
    np.testing.assert_allclose(model.predict(X), X @ np.arange(1.0, 11.0) + 2.5)
    X, y = load_breast_cancer(return_X_y=True)
    model = LinearLearnerClassifier(backend=Canned()).fit(X, y)
    assert model.threshold_ == 0.25
    assert model.coef_.shape == (1, 30)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X)[:, 1] > 0.25)


def test_seed_is_drawn_from_random_state():
    X, y = load_diabetes(return_X_y=True)
    for seed in (0, 0, 1, np.random.RandomState(0)):
        model = LinearLearnerRegressor(**{**QUICK, "random_state": seed})
        model.set_params(backend=Recording()).fit(X, y)
    seeds = [spec.seed for _, spec, *_ in SENT]
    assert seeds[0] == seeds[1] == seeds[3] != seeds[2]


def test_backend_settings_can_be_searched():
    model = LinearLearnerRegressor(backend=Recording("a"))
    assert model.get_params()["backend__name"] == "a"
    model.set_params(backend__name="b")
    assert model.backend.name == "b"
    copy = clone(model)
    assert copy.backend is not model.backend
    assert copy.backend.name == "b"


# ------------------------------------------------------------------------- "sagemaker"
def test_settings_of_a_name(monkeypatch):
    monkeypatch.setenv("SKLEARN_SAGEMAKER_INSTANCE_TYPE", "ml.c5.large")
    monkeypatch.setenv("SKLEARN_SAGEMAKER_MAX_RUN", "60")
    monkeypatch.setenv("SKLEARN_SAGEMAKER_SPOT", "True")
    with config_context(sagemaker={"max_run": 90, "tags": {"a": "b"}}):
        backend = resolve_backend("sagemaker")
        assert (
            backend.get_params()
            == SageMakerBackend(
                instance_type="ml.c5.large", max_run=90, spot=True, tags={"a": "b"}
            ).get_params()
        )
        with config_context(sagemaker={}):
            assert resolve_backend("sagemaker").max_run == 60
        assert get_config()["sagemaker"]["max_run"] == 90
    assert resolve_backend("sagemaker").max_run == 60
    assert "sagemaker" not in get_config()


def test_settings_of_a_name_that_are_wrong(monkeypatch):
    with pytest.raises(ValueError, match="'instance' is no parameter of SageMakerBack"):
        set_config(sagemaker={"instance": "ml.c5.large"})
    assert "sagemaker" not in get_config()
    monkeypatch.setenv("SKLEARN_SAGEMAKER_SPOT", "perhaps")
    with pytest.raises(ValueError, match="SKLEARN_SAGEMAKER_SPOT='perhaps'"):
        resolve_backend("sagemaker")
