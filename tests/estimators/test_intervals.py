"""Several quantiles from one fit: order, shares, corrections."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import QuantileRegressor, Ridge
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_sagemaker import IntervalRegressor, LinearLearnerRegressor
from sklearn_sagemaker.estimators._intervals import weighted_quantile
from sklearn_sagemaker.io import FileDataset


class Untouched(QuantileRegressor):
    """Must not be fitted."""

    def fit(self, X, y, sample_weight=None):
        raise AssertionError("it was trained")


PEER = QuantileRegressor(alpha=0.0, solver="highs")
RNG = np.random.default_rng(0)


def rows(n=200, d=3, seed=0):
    """Numbers whose spread follows a feature."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, X[:, 0] + np.exp(X[:, 1] / 2) * rng.normal(size=n)


@parametrize_with_checks([IntervalRegressor(PEER, cv=2)])
def test_estimator_checks(estimator, check):
    check(estimator)


def test_each_quantile_is_that_of_the_estimator_alone():
    X, y = rows()
    model = IntervalRegressor(quantiles=[0.1, 0.8], conformal=False, random_state=3)
    model.fit(X, y)
    for number, quantile in enumerate((0.1, 0.8)):
        alone = model.estimators_[number]
        assert (alone.loss, alone.quantile) == ("quantile_loss", quantile)
        again = clone(alone).fit(X, y)
        np.testing.assert_array_equal(again.coef_, alone.coef_)
    np.testing.assert_array_equal(model.shifts_, 0)
    # Without the median the one that is nearest to it.
    np.testing.assert_array_equal(model.predict(X), model.predict_quantiles(X)[:, 1])


def test_quantiles_never_cross():
    """Lines of several slopes cross somewhere, far from the rows."""
    X, y = rows(80)
    model = IntervalRegressor(PEER, quantiles=[0.2, 0.4, 0.6, 0.8]).fit(X, y)
    far = 50 * RNG.normal(size=(100, 3))
    crossed = np.column_stack([one.predict(far) for one in model.estimators_])
    assert (np.diff(crossed + model.shifts_, axis=1) < 0).any()
    assert (np.diff(model.predict_quantiles(far), axis=1) >= 0).all()


def test_shares_are_right_out_of_fold():
    """Thirty features make quantiles of 120 rows too narrow for others."""
    X, y = rows(1120, 30)
    found = {}
    for conformal in (False, True):
        model = IntervalRegressor(PEER, quantiles=(0.1, 0.9), conformal=conformal)
        model.set_params(random_state=0).fit(X[:120], y[:120])
        low, high = model.predict_interval(X[120:], 0.8).T
        found[conformal] = ((low <= y[120:]) & (y[120:] <= high)).mean()
    assert found[False] < 0.74
    assert found[True] == pytest.approx(0.8, abs=0.06)


def test_folds_train_the_selected_candidate():
    X, y = load_diabetes(return_X_y=True)
    folds = KFold(3)
    model = IntervalRegressor(quantiles=(0.9,), cv=folds, random_state=0).fit(X, y)
    alone = clone(model.estimators_[0]).set_params(num_models=1, cv=False)
    alone.set_params(
        **{name: model.estimators_[0].best_params_[name] for name in ("wd", "l1")}
    )
    errors = np.empty(len(y))
    for train, test in folds.split(X):
        errors[test] = y[test] - clone(alone).fit(X[train], y[train]).predict(X[test])
    assert model.shifts_[0] == pytest.approx(np.quantile(errors, 0.9), rel=0.1)


def test_weights_are_copies():
    X, y = rows(60)
    twice = np.where(np.arange(60) < 20, 2.0, 0.0)
    folds = [
        (np.arange(0, 60, 2), np.arange(1, 60, 2)),
        (np.arange(1, 60, 2), np.arange(0, 60, 2)),
    ]
    model = IntervalRegressor(PEER, quantiles=(0.3,), cv=folds).fit(X, y, twice)
    halves = [
        (np.arange(0, 20, 2), np.arange(1, 20, 2)),
        (np.arange(1, 20, 2), np.arange(0, 20, 2)),
    ]
    alone = clone(model).set_params(cv=halves).fit(X[:20], y[:20])
    np.testing.assert_allclose(model.shifts_, alone.shifts_)
    values = RNG.normal(size=7)
    counts = RNG.integers(1, 4, 7)
    copies = np.repeat(values, counts)
    assert weighted_quantile(values, np.ones(7), 0.5) == np.median(values)
    assert weighted_quantile(values, counts / 1.0, 0.99) == copies.max()


def test_frames_and_sparse_rows():
    pd = pytest.importorskip("pandas")
    X, y = rows(60)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = IntervalRegressor(PEER, cv=2, random_state=0).fit(frame, pd.Series(y))
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    plain = clone(model).fit(X, y)
    np.testing.assert_allclose(model.shifts_, plain.shifts_)
    sparse = clone(model).fit(sp.csr_array(X), y)
    np.testing.assert_allclose(sparse.shifts_, plain.shifts_, atol=1e-6)


def test_searches_pickles_and_our_default():
    X, y = rows(60)
    model = IntervalRegressor(conformal=False, random_state=0)
    assert cross_val_score(model, X, y, cv=2).shape == (2,)
    model.fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_interval(X), model.predict_interval(X))


def test_intervals_are_those_that_were_trained():
    X, y = rows(40)
    model = IntervalRegressor(PEER, quantiles=(0.05, 0.25, 0.75, 0.95), cv=2).fit(X, y)
    found = model.predict_quantiles(X)
    np.testing.assert_array_equal(model.predict_interval(X), found[:, [0, 3]])
    np.testing.assert_array_equal(model.predict_interval(X, 0.5), found[:, [1, 2]])
    with pytest.raises(
        ValueError, match=r"coverage=0.8 .* 0.1 and 0.9, of which 0.1 is"
    ):
        model.predict_interval(X, coverage=0.8)
    with pytest.raises(ValueError, match="has one quantile"):
        model.set_params(quantiles=[0.5]).fit(X, y).predict_interval(X)


@pytest.mark.parametrize(
    "quantiles", [(0.5, 0.1), (0.0, 0.5), (0.5, 1.0), (), (0.2, 0.2), (np.nan,)]
)
def test_quantiles_are_probabilities_in_order(quantiles):
    with pytest.raises(ValueError, match="ascending order"):
        IntervalRegressor(quantiles=quantiles).fit(*rows(20))


def test_what_it_cannot_do_it_says():
    with pytest.raises(TypeError, match="Ridge has no parameter quantile"):
        IntervalRegressor(Ridge()).fit(*rows(20))
    unused = Untouched()
    source = FileDataset.__new__(FileDataset)
    with pytest.raises(TypeError, match="set conformal=False"):
        IntervalRegressor(unused).fit(source)
    # Folds that cannot be are refused before anything is trained.
    with pytest.raises(ValueError, match="n_splits=30"):
        IntervalRegressor(unused, cv=30).fit(*rows(20))


def test_names_of_an_earlier_table_are_forgotten():
    pd = pytest.importorskip("pandas")
    X, y = rows(40)
    model = IntervalRegressor(PEER, conformal=False)
    model.fit(pd.DataFrame(X, columns=["a", "b", "c"]), y).fit(X, y)
    assert not hasattr(model, "feature_names_in_")


def test_rows_of_weight_zero_are_in_no_fold():
    X, y = rows(60)
    weights = np.arange(60) % 3 * 1.0
    there = weights > 0
    model = IntervalRegressor(PEER, cv=4, random_state=0).fit(X, y, weights)
    alone = clone(model).fit(X[there], y[there], weights[there])
    np.testing.assert_allclose(model.shifts_, alone.shifts_, atol=1e-6)


@pytest.mark.parametrize(
    ("cv", "says"),
    [
        ([], "makes no split"),
        (GroupKFold(3), "needs groups, which fit does not take; pass its splits"),
        (np.zeros(20), "cv must hold two arrays of row numbers"),
        ([([0, 1], [20])], "cv names a row that X, with 20 rows, does not have"),
    ],
    ids=["none", "groups", "numbers", "other rows"],
)
def test_folds_that_cannot_be_are_refused_before_anything_is_trained(cv, says):
    for model in (IntervalRegressor(Untouched(), cv=cv), LinearLearnerRegressor(cv=cv)):
        with pytest.raises(ValueError, match=says):
            model.fit(*rows(20))


@pytest.mark.parametrize("coverage", [0, 1, -0.9, 90, "0.9", [0.9], np.nan, True])
def test_a_coverage_is_a_probability(coverage):
    model = IntervalRegressor(PEER, conformal=False).fit(*rows(20))
    with pytest.raises(ValueError, match=r"must be a probability inside \(0, 1\)"):
        model.predict_interval(rows(20)[0], coverage)


def test_a_coverage_of_float32_is_found():
    X, y = rows(20)
    model = IntervalRegressor(PEER, conformal=False).fit(X, y)
    found = model.predict_interval(X, np.float32(0.9))
    np.testing.assert_array_equal(found, model.predict_interval(X))


def test_scikit_learns_quantile_loss_has_its_own_name():
    trees = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5)
    model = IntervalRegressor(trees, conformal=False).fit(*rows(40))
    assert {one.loss for one in model.estimators_} == {"quantile"}


def test_csr_rows_of_float16_have_folds():
    X, y = rows(30)
    half, quick = X.astype(np.float16), LinearLearnerRegressor(num_models=1)
    odd = sp.csr_array(half.astype(np.float32))
    odd.data = odd.data.astype(np.float16)
    model = IntervalRegressor(quick, cv=2, random_state=0)
    found = clone(model).fit(odd, y).shifts_
    plain = model.fit(sp.csr_array(half.astype(np.float32)), y).shifts_
    np.testing.assert_array_equal(found, plain)
