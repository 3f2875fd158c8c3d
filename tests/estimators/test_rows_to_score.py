"""Rows of a prediction: looked at once, and refused as scikit-learn does."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.utils import check_array

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker import _sparse as sparse_module
from sklearn_sagemaker._kernels import readers as readers_module

N, D = 40, 37
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, D)) * (RNG.random((N, D)) < 0.5)
QUICK = {"epochs": 1, "num_models": 1, "cv": False, "random_state": 0}


def classifier(n_classes):
    y = np.arange(N) % n_classes
    return LinearLearnerClassifier(**QUICK).fit(X, y)


MODELS = {
    "regressor": LinearLearnerRegressor(**QUICK).fit(X, X[:, 0]),
    "two classes": classifier(2),
    "three": classifier(3),
    "twenty": classifier(20),
    "machines": FactorizationMachinesClassifier(num_factors=2, **QUICK).fit(
        X, np.arange(N) % 2
    ),
}


def wide(kind):
    """With indices of 64 bits."""

    def make(array):
        found = kind(array)
        found.indices, found.indptr = (
            found.indices.astype("i8"),
            found.indptr.astype("i8"),
        )
        return found

    return make


LAYOUTS = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "every other column": lambda array: np.repeat(array, 2, axis=1)[:, ::2],
    "csr": sp.csr_array,
    "csr matrix": sp.csr_matrix,
    "csr of 64 bits": wide(sp.csr_array),
    "csc": sp.csc_array,
    "list": np.ndarray.tolist,
}


def error_of(call):
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)") as found:
        call()
    return str(found.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", ">f8"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", MODELS)
def test_a_number_that_is_not_finite_is_refused_wherever_it_stands(
    name, layout, dtype, value
):
    if layout.startswith("cs") and dtype in ("f2", ">f8"):
        pytest.skip("scipy has no such matrices")
    model = MODELS[name]
    for row, column in ((0, 0), (N // 2, D // 2), (N - 1, D - 1)):
        rows = X.astype(dtype)
        rows[row, column] = value
        made = LAYOUTS[layout](rows)
        expected = error_of(
            lambda made=made: check_array(
                made, accept_sparse=True, estimator=model, input_name="X"
            )
        )
        assert error_of(lambda made=made: model.predict(made)) == expected
        one = LAYOUTS[layout](rows[row : row + 1])
        assert error_of(lambda one=one: model.predict(one)) == expected


def test_and_where_the_model_has_no_use_for_it():
    model = LinearLearnerRegressor(**QUICK).fit(X, X[:, 0])
    model.coef_ = np.zeros(D)
    for make in LAYOUTS.values():
        rows = X.copy()
        rows[3, 5] = np.inf
        error_of(lambda rows=rows, make=make: model.predict(make(rows)))


def test_and_behind_the_last_row_as_in_scikit_learn():
    rows = sp.csr_array(X)
    rows.data = np.append(rows.data, np.nan)
    rows.indices = np.append(rows.indices, 0)
    error_of(lambda: MODELS["two classes"].predict(rows))


def test_scores_that_overflow_are_no_fault_of_the_rows():
    model = LinearLearnerRegressor(**QUICK).fit(X, X[:, 0])
    model.coef_ = np.full(D, 10.0)
    found = model.predict(np.full((2, D), 1e308))
    np.testing.assert_array_equal(found, [np.inf, np.inf])


def test_who_tells_scikit_learn_that_all_is_finite_is_believed():
    with config_context(assume_finite=True):
        found = MODELS["two classes"].decision_function(np.full((1, D), np.nan))
    assert np.isnan(found).all()


@pytest.mark.parametrize("name", [name for name in MODELS if name != "machines"])
@pytest.mark.parametrize("layout", ["csr", "csr matrix", "csr of 64 bits"])
def test_a_prediction_looks_at_the_columns_of_csr_once(name, layout, monkeypatch):
    seen, check = [], sparse_module.check_compressed

    def counted(*arguments):
        seen.append(arguments)
        return check(*arguments)

    monkeypatch.setattr(sparse_module, "check_compressed", counted)
    monkeypatch.setattr(readers_module, "check_compressed", counted)
    model = MODELS[name]
    rows = LAYOUTS[layout](X)
    np.testing.assert_allclose(model.predict(rows), model.predict(X), rtol=1e-12)
    assert len(seen) == 1


@pytest.mark.parametrize("name", MODELS)
def test_what_is_no_table_is_refused_as_before(name):
    model = MODELS[name]
    for rows, message in (
        (X[0], "Expected 2D array"),
        (X[:0], "0 sample"),
        (sp.csr_array(X[:0]), "0 sample"),
        (X[None], "dim 3"),
        (X[:, :3], f"X has 3 features, but {type(model).__name__} is expecting {D}"),
        (sp.csr_array(X[:, :3]), "X has 3 features"),
        (X.astype(complex), "Complex data not supported"),
        (sp.csr_array(X.astype(complex)), "Complex data not supported"),
    ):
        with pytest.raises(ValueError, match=message):
            model.predict(rows)
    with pytest.raises(TypeError, match=r"np\.matrix is not supported"):
        model.predict(sp.csr_matrix(X).todense())
