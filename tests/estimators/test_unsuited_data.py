"""Warnings of data that are in other units, or of another kind, than they should be."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerRegressor,
)
from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.exceptions import (
    HyperparameterScaleWarning,
    IdentifierColumnsWarning,
)
from sklearn_sagemaker.training.identifiers import warn_of_identifiers

RNG = np.random.default_rng(0)
N = 6000
IDS = np.stack([RNG.integers(0, 400, N), RNG.integers(0, 900, N)], axis=1)
TASTE = RNG.normal(size=400)[IDS[:, 0]] + RNG.normal(size=900)[IDS[:, 1]]
FM = {"num_factors": 2, "epochs": 1, "random_state": 0}
QUICK = {"num_models": 2, "epochs": 2, "random_state": 0}


def check(X):
    warn_of_identifiers(X, np.arange(X.shape[0]))


def once(call, category):
    """The one warning of a call, which points at this file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert [one.category for one in caught] == [category]
    assert caught[0].filename == __file__
    return str(caught[0].message)


# --------------------------------------------------------------------- identifiers
KINDS = {
    "float": lambda ids: ids.astype(float),
    "float32 from 1": lambda ids: (ids + 1).astype(np.float32),
    "int": lambda ids: ids,
    "uint16": lambda ids: ids.astype(np.uint16),
    "csr": lambda ids: sp.csr_array(ids.astype(float) + 1),
    "with time": lambda ids: np.c_[ids, 10**9 + RNG.integers(0, 10**8, len(ids))],
    "with gaps": lambda ids: np.c_[ids[:, 0], ids[:, 1] ** 2 + 7],
    "with age": lambda ids: np.c_[ids, RNG.integers(18, 90, len(ids))],
}


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_users_and_items_are_told(kind):
    X = KINDS[kind](IDS)
    with pytest.warns(IdentifierColumnsWarning) as caught:
        check(X)
    message = str(caught[0].message)
    assert message.startswith("Feature 0 and feature 1 ")
    assert "OneHotEncoder" in message
    assert "feature 2" not in message or kind == "with time"


@pytest.mark.parametrize("solver", ["gradient", "als", "mcmc"])
def test_a_fit_warns_once_where_it_was_called(solver):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(IDS, columns=["user", "item"])
    model = FactorizationMachinesRegressor(**FM, solver=solver)
    message = once(lambda: model.fit(X, TASTE), IdentifierColumnsWarning)
    assert message.startswith("Feature 0 ('user') and feature 1 ('item') look")
    model = FactorizationMachinesClassifier(**FM, solver=solver)
    once(lambda: model.fit(X, TASTE > 0), IdentifierColumnsWarning)


def test_absent_rows_are_no_identifiers():
    weights = np.ones(N)
    weights[800:] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FactorizationMachinesRegressor(**FM).fit(IDS, TASTE, weights)


def test_a_stream_warns_with_its_first_rows_only():
    model = FactorizationMachinesRegressor(**FM)
    once(lambda: model.partial_fit(IDS, TASTE), IdentifierColumnsWarning)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(IDS, TASTE)


def test_the_remedy_is_one():
    encoded = make_pipeline(
        OneHotEncoder(handle_unknown="ignore"),
        FactorizationMachinesRegressor(num_factors=2, epochs=20, random_state=0),
    ).fit(IDS, TASTE)
    with pytest.warns(IdentifierColumnsWarning):
        plain = FactorizationMachinesRegressor(num_factors=2, random_state=0).fit(
            IDS, TASTE
        )
    assert plain.score(IDS, TASTE) < 0.1
    assert encoded.score(IDS, TASTE) > 0.8


QUANTITIES = {
    "normal": RNG.normal(size=(N, 2)),
    "ages": np.stack([RNG.integers(0, 100, N), RNG.integers(0, 40, N)], axis=1),
    "years and prices": np.stack(
        [RNG.integers(1900, 2021, N), np.round(RNG.lognormal(8, 1, N))], axis=1
    ),
    "counts": RNG.poisson(500, (N, 3)),
    "counts of long tails": RNG.negative_binomial(1, 0.002, (N, 3)),
    "colours": RNG.integers(0, 256, (N, 3)).astype(np.uint8),
    "areas": np.round(RNG.normal(1500, 400, (N, 3)).clip(100)),
    "numbers of rows": np.stack([np.arange(N), np.arange(N)[::-1]], axis=1),
    "an identifier alone": IDS[:, :1],
    "an identifier and a measure": np.c_[IDS[:, 0], RNG.normal(size=N)],
    "signed": IDS - 200,
    "few rows": IDS[:800],
    "none": np.zeros((0, 2)),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", QUANTITIES)
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_quantities_are_not_identifiers(name, make):
    check(make(QUANTITIES[name]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "load",
    [
        load_breast_cancer,
        load_diabetes,
        load_digits,
        load_iris,
        load_linnerud,
        load_wine,
    ],
    ids=lambda load: load.__name__,
)
def test_data_sets_of_scikit_learn_hold_none(load):
    X = load().data
    X = np.tile(X, (-(-2000 // len(X)), 1))
    check(X)
    for start in range(0, X.shape[1] - 1, 3):
        check(X[:, start : start + 5])


@pytest.mark.filterwarnings("error")
def test_one_hot_columns_are_not_identifiers():
    check(OneHotEncoder().fit_transform(IDS).tocsr())
    check(OneHotEncoder().fit_transform(IDS[:, :1] % 5).tocsr())


# ------------------------------------------------------------ parameters of losses
X, Y = load_diabetes(return_X_y=True)
REGRESSION = {n: x for n, x in LOSSES.items() if x.link == "identity"}
IN_UNITS = [name for name, loss in REGRESSION.items() if loss.parameter_scales]


@pytest.mark.parametrize("loss", IN_UNITS)
def test_a_parameter_in_other_units_than_y_is_told(loss):
    name, y = LOSSES[loss].parameter, 1e5 + 3000 * Y
    model = LinearLearnerRegressor(**QUICK, loss=loss)
    message = once(lambda: model.fit(X, y), HyperparameterScaleWarning)
    assert message.startswith(f"{name}={getattr(model, name):g} is in the units of y")
    assert f"{np.std(y):.4g}" in message
    assert "TransformedTargetRegressor" in message
    stream = LinearLearnerRegressor(**QUICK, loss=loss)
    once(lambda: stream.partial_fit(X, y), HyperparameterScaleWarning)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Not again with each call of a stream.
        stream.partial_fit(X, y)
        # The remedies.
        model.set_params(**{name: float(f"{np.std(y) / 10:.2g}")}).fit(X, y)
        LinearLearnerRegressor(**QUICK, loss=loss).fit(X, (y - y.mean()) / y.std())


@pytest.mark.parametrize("loss", [name for name in IN_UNITS if "eps" in name])
def test_an_insensitivity_above_all_errors_is_told(loss):
    y = Y / 1e5
    model = LinearLearnerRegressor(**QUICK, loss=loss)
    message = once(lambda: model.fit(X, y), HyperparameterScaleWarning)
    assert message.startswith("loss_insensitivity=0.01 is in the units of y, which all")
    assert f"within {np.ptp(y):.4g}" in message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(loss_insensitivity=float(f"{np.ptp(y) / 50:.2g}")).fit(X, y)
    assert model.score(X, y) > 0.3


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("loss", IN_UNITS)
@pytest.mark.parametrize(
    "y", [Y, Y / 100, np.full(len(Y), 1e6)], ids=["usual", "small", "constant"]
)
def test_defaults_suit_targets_of_usual_sizes(loss, y):
    LinearLearnerRegressor(**QUICK, loss=loss).fit(X, y)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("loss", [n for n in REGRESSION if n not in IN_UNITS])
def test_losses_without_such_a_parameter_warn_of_nothing(loss):
    LinearLearnerRegressor(**QUICK, loss=loss).fit(X, 1e6 * Y)
