"""Coordinate sweeps for factorization machines: ALS and Gibbs sampling (MCMC).

The prediction is linear in all the numbers of one feature at once, its weight and
its factors, so a step takes them together: it solves their normal equations (ALS),
or draws them from the normal density that these describe (Gibbs). That costs little
more than one number at a time, and gets on faster where factors are correlated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import special

from sklearn_sagemaker._columns import start_numbers, start_rule
from sklearn_sagemaker.training.factors.axes import by_axis, principal_axes
from sklearn_sagemaker.training.factors.columns import ColumnStore
from sklearn_sagemaker.training.factors.groups import check_groups
from sklearn_sagemaker.training.factors.noise import NoiseFloor
from sklearn_sagemaker.training.factors.panels import LANES, Panel, Panels
from sklearn_sagemaker.training.factors.priors import (
    PRIOR_RATE,
    PRIOR_SHAPE,
    GroupPriors,
)
from sklearn_sagemaker.training.factors.truncated import latent_numbers
from sklearn_sagemaker.training.team import Team

REFRESH = 16
"""Sweeps after which errors are computed from scratch, before rounding adds up."""
PAIR_SHARE = {False: 0.01, True: 0.04}
"""Standard deviation at the start of what one factor adds, in deviations of y, for ALS
(False) and for sampling (True). From a small start, factors come up as the data ask."""
PILOT_SWEEPS, PILOT_WIDE_SWEEPS = 20, 5
"""Sweeps of sampling that estimate the regularisation of ALS, the first ones by a prior
as wide as y."""
PILOT_FACTORS = 7
"""Of the sampling at most: how much factors are to vary few tell as well as many."""
GROWTH_SWEEPS, GROWTH, WIDE_SWEEPS = 15, 1.5, 6
STILL_SWEEPS, STILL = 3, 0.9
"""If what factors add has not grown by so much after the first sweeps of sampling, or
the loss of the last few of these is more than so large a part of that of as many
behind the first few, a prior as wide as y holds for some sweeps: small factors and a
narrow prior can hold each other where they are for hundreds of sweeps, whatever the
data say."""
AXES_SWEEPS = 8
"""Sweeps of sampling after which factors are turned to their axes, each with a prior
of its own, and so many apart again: the data want few of them, and which ones nothing
tells before."""
AXES_GROWN = 6
"""Sweeps of ALS in which factors were larger than at the start, after which each has a
decay of its own as well. Few cheap axes from the start would end where they begin."""
FALL, LAST_FALL = 0.4, 0.75
"""Draws are forgotten when the loss of a sweep is so small a part of that of the first
one that is kept: the model has found what it lacked then. Not after so large a part of
all sweeps."""
PATH, PATH_DOWN = 2.0, {False: 0.85, True: 0.93}
"""What the regularisation of the factors is multiplied with in ALS: at first, and from
one sweep to the next, while factors are held up and when they stand by themselves. Too
much of it leaves no factors at all, and how much that is depends on the data; factors
that are there take some sweeps to follow it."""
HELD_END = 0.3
"""Share of the end of the path at which it ends, with rows that tell which sweep was
the best one, if factors have not come up."""
LEAST_SPREAD, GROWN = 0.3, 1.5
"""Of factors that the path holds down, in deviations of their start: from zero they
would not come back. They stand by themselves at so many times its square."""
ROWS_EACH, MANY_ROWS = 1 << 13, 1 << 16
"""Rows that a thread takes in one go, and from how many on several threads take what is
quick for a row."""
CHANGED = (
    "intercept", "alpha", "linear_mean", "linear_precision", "factors_mean",
    "factors_precision", "n_sweeps", "draws", "_target", "_fixed_ridge",
    "_wide_until", "burn_in", "_first_loss", "_early_losses",
    "path", "sweeps_grown",
)  # fmt: skip
"""What sweeps change, besides the panels and the random numbers."""


class SweepModel:
    """One factorization machine, trained by sweeps over the columns.

    Parameters
    ----------
    store : ColumnStore
    y : float64 array of shape (n,)
        Numbers for ``link="identity"``, 0.0 and 1.0 for ``link="probit"``.
    weights : float64 array of shape (n,)
        Positive.
    num_factors : int
    groups : int array of shape (n_features,)
        Features that share regularisation, from 0.
    sample : bool
        Gibbs sampling, else ALS.
    link : {"identity", "probit"}
    init_sigma : float or "auto"
        Standard deviation of the factors at the start.
    init : tuple of (float, array (n_features,), array (n_features, k)) or None
        Intercept, weights and factors to go on from.
    bias_wd : float or "auto"
    linear_wd, factors_wd : float, array of shape (n_groups,) or "auto"
        ALS minimises the weighted mean loss plus ``wd / 2`` times the squares. When
        sampling, a number fixes the prior precision that corresponds to it, at mean
        zero; "auto" draws precision and mean of each group. "auto" in ALS takes what
        some sweeps of sampling find.
    use_bias, use_linear : bool
    num_draws : int
        Draws kept, evenly over the sweeps after the burn-in.
    total_sweeps, burn_in : int
    seed : list of int
    alpha : float or None
        Fixes the precision of the errors when sampling.
    factors_boost : float
        ALS with ``factors_wd="auto"`` takes so many times the regularisation that
        sampling finds: a single solution needs more of it than an average.
    linear_boost : float
        The same for the linear weights.
    explore : float
        Other than 0, "auto" looks for factors that the start would not find: sampling
        by a wide prior for some sweeps (`GROWTH_SWEEPS`), ALS on a path from more to
        less regularisation (`PATH`), down to this share of it.
    wide_sweeps : int
        First sweeps of sampling by a prior of the factors that is as wide as y.
    columns : int64 array of shape (n_features,) or None
        Numbers of the features by which they start; None counts them.
    pilot : callable or None
        Says what `pilot_of` does; None asks that itself.
    team : Team or None
        Threads that share the sweeps, at first; None is the caller alone.

    Attributes
    ----------
    draws : list of (float, float32 array (d,), float32 array (d, k))
    burn_in : int
        Sweeps before the first draw.
    panels : Panels
        The numbers of the features, and the errors of the rows.
    path : float
        How many times the regularisation ALS takes next, on its path.
    sweeps_grown : int
        Of those on its path, for how many factors were larger than at the start.
    init_sigma : float
        Deviation of the factors at the start, if that was left to the model.
    """

    def __init__(
        self,
        store: ColumnStore,
        y: np.ndarray,
        weights: np.ndarray,
        *,
        num_factors: int,
        groups: np.ndarray,
        sample: bool,
        link: str,
        init_sigma: float | str = "auto",
        init: tuple | None = None,
        bias_wd: float | str = "auto",
        linear_wd: float | np.ndarray | str = "auto",
        factors_wd: float | np.ndarray | str = "auto",
        use_bias: bool = True,
        use_linear: bool = True,
        num_draws: int,
        total_sweeps: int,
        burn_in: int,
        seed: Sequence[int],
        alpha: float | None = None,
        factors_boost: float = 5.0,
        linear_boost: float = 1.0,
        explore: float = 0.0,
        wide_sweeps: int = 0,
        columns: np.ndarray | None = None,
        pilot: Callable[[], dict[str, Any]] | None = None,
        team: Team | None = None,
    ):
        self.store, self.sample, self.link = store, sample, link
        self.y = np.ascontiguousarray(y, dtype=np.float64)
        self.weights = np.ascontiguousarray(weights, dtype=np.float64)
        self.num_factors, self.use_bias = num_factors, use_bias
        self.use_linear = use_linear
        self._boost = {"linear": linear_boost, "factors": factors_boost}
        check_groups(groups, store.n_features)
        self.groups = np.ascontiguousarray(groups, dtype=np.int32)
        self.n_groups = int(self.groups.max(initial=0)) + 1
        self.rng = np.random.default_rng(seed)
        self.n_sweeps = 0
        self.draws: list[tuple[float, np.ndarray, np.ndarray]] = []
        self._total, self._num_draws = total_sweeps, num_draws
        self._plan_draws(burn_in)
        if not (num_factors and isinstance(factors_wd, str)):
            explore = 0.0
        # One that goes on from somewhere has been there.
        self._checks_growth = bool(explore) and sample and init is None
        self._checks_growth &= total_sweeps >= GROWTH_SWEEPS + 2 * WIDE_SWEEPS
        self._wide_until = wide_sweeps
        self._first_loss = 0.0
        self._early_losses: list[float] = []
        self._end_of_path = 0.0 if sample else explore
        self.path = PATH
        self.sweeps_grown = 0

        total = self.weights.sum()
        mean = self.weights @ self.y / total
        variance = float(self.weights @ (self.y - mean) ** 2 / total)
        # Of a constant y everything but the intercept is zero anyhow.
        self._variance = variance if link == "identity" and variance > 0 else 1.0
        even = bool((self.weights == 1.0).all())
        roots = np.zeros(0) if even else np.sqrt(self.weights)
        self._roots = np.ascontiguousarray(roots, dtype=store.dtype)
        # Squares of weights and of factors that make f as large as y.
        squares, pairs = store.mean_sizes(self.weights)
        self._linear_unit = self._variance / squares if squares > 0 else 1.0
        self._factors_unit = np.sqrt(self._variance / pairs) if pairs > 0 else 1.0
        self._seen = np.diff(store.indptr) > 0
        self._unseen = np.flatnonzero(~self._seen)
        self._priors = GroupPriors(self.groups, self.n_groups, self._seen)
        self._members = self._priors.members
        self._fixed_alpha = 1.0 if link == "probit" or not sample else alpha
        self.alpha = self._fixed_alpha or 1.0 / self._variance

        self._error_sums: tuple[float, float] | None = None
        self._columns = np.arange(store.n_features) if columns is None else columns
        self._start(init, init_sigma, seed)
        self.panels.team = team or Team()
        self._regularise(bias_wd, linear_wd, factors_wd, seed, pilot)
        self._target = self.y.copy()
        self._refresh()

    # ------------------------------------------------------------------ the start
    def _plan_draws(self, burn_in: int) -> None:
        """Keep draws evenly after the burn-in, the last sweep among them."""
        self.burn_in = burn_in
        n_after = max(self._total - burn_in, 0)
        # No more than there are sweeps.
        num_draws = min(self._num_draws, n_after)
        marks = np.arange(1, num_draws + 1) * (n_after / max(num_draws, 1))
        self._kept = set((burn_in + np.ceil(marks)).astype(int))

    def draw_again_after(self, burn_in: int) -> None:
        """Forget the draws so far, and keep those after so many sweeps.

        Parameters
        ----------
        burn_in : int
            Since the first sweep.
        """
        self.draws.clear()
        self._plan_draws(burn_in)

    def _start(self, init, init_sigma, seed) -> None:
        store, k, d = self.store, self.num_factors, self.store.n_features
        self.panels = Panels(store, k, self.use_linear)
        if init_sigma == "auto":
            init_sigma = np.sqrt(PAIR_SHARE[self.sample] * self._factors_unit)
        self.init_sigma = float(init_sigma)
        if init is not None:
            intercept, coef, factors = init
        else:
            intercept, coef = 0.0, np.zeros(d)
            rule = start_rule("normal", init_sigma, [*seed, 1])
            factors = start_numbers(rule, self._columns, k)
            if not self.sample:
                # Where the objective is least for features without rows.
                factors[self._unseen] = 0.0
        self.intercept = float(intercept) if self.use_bias else 0.0
        self.panels.set("coef", np.asarray(coef))
        self.panels.set("factors", np.asarray(factors))

    def _regularise(self, bias_wd, linear_wd, factors_wd, seed, pilot) -> None:
        """Prior precisions and means; in ALS the precisions are the ridges."""
        k, groups = self.num_factors, self.n_groups
        half = 0.5 if self.link == "identity" else 1.0
        self._ridge_of_wd = half * self.weights.sum()
        self._auto = {"linear": False, "factors": False}
        self._bias_ridge = self._ridge_of_wd * (0.0 if bias_wd == "auto" else bias_wd)
        self.linear_mean, self.factors_mean = np.zeros(groups), np.zeros((groups, k))
        self._fixed_ridge = {}
        self._noise_floor: NoiseFloor | None = None
        self._ridge_by_axis: np.ndarray | None = None
        found: dict[str, Any] = {}

        def own_pilot() -> dict[str, Any]:
            return pilot_of(
                self.store, self.y, self.weights, seed=seed, num_factors=k,
                groups=self.groups, link=self.link, linear_wd=linear_wd,
                factors_wd=factors_wd, use_bias=self.use_bias,
                use_linear=self.use_linear, columns=self._columns,
                team=self.panels.team,
            )  # fmt: skip

        for name, wd, shape in (
            ("linear", linear_wd, (groups, 1)),
            ("factors", factors_wd, (groups, k)),
        ):
            auto = isinstance(wd, str)
            if auto and not self.sample:
                found = found or (pilot or own_pilot)()
                ridge = self._boost[name] * found[name]
                if name == "factors":
                    # More factors than were sampled are as the last of these.
                    by_axis = ridge[:, np.minimum(np.arange(k), ridge.shape[1] - 1)]
                    self._ridge_by_axis = by_axis
                    ridge = 1.0 / (1.0 / ridge).mean(axis=1, keepdims=True)
                ridge = np.broadcast_to(ridge, shape)
                if name == "factors" and groups > 1 and k:
                    self._noise_floor = NoiseFloor(
                        self.store,
                        self.weights,
                        self.groups,
                        groups,
                        float(found["noise"]),
                    )
            elif auto:
                self._auto[name] = True
                # For the first sweep: the spread of the start, and some of that of y.
                square = 0.1 * self._linear_unit
                if name == "factors":
                    spread = self._spread() if k else 0.0
                    square = spread or PAIR_SHARE[True] * self._factors_unit
                ridge = np.full(shape, 1.0 / (square * self.alpha))
            else:
                ridge = np.asarray(wd, dtype=np.float64).reshape(-1, 1)
                ridge = np.broadcast_to(self._ridge_of_wd * ridge, shape).copy()
            self._fixed_ridge[name] = ridge
        self.linear_precision = self.alpha * self._fixed_ridge["linear"][:, 0]
        self.factors_precision = self.alpha * self._fixed_ridge["factors"]

    def pilot(self) -> dict[str, Any]:
        """Ridges that the mean of some sweeps of sampling suggests.

        Of a model that samples, and that was given the first sweeps of wide priors.
        """
        variances, noise = [], []
        for number in range(PILOT_SWEEPS):
            self.sweep()
            if number >= PILOT_SWEEPS // 2:
                linear = 1 / self.linear_precision + self.linear_mean**2
                factors = 1 / self.factors_precision + self.factors_mean**2
                variances.append((self.alpha * linear, self.alpha * factors))
                noise.append(1 / self.alpha)
        linear = np.mean([v for v, _ in variances], axis=0)[:, None]
        factors = np.ones((self.n_groups, 1))
        if self.num_factors:
            found = np.mean([v for _, v in variances], axis=0)
            factors = by_axis(found, self._members)
        return {
            "linear": 1 / linear,
            "factors": 1 / factors,
            "noise": float(np.mean(noise)),
        }

    @property
    def coef(self) -> np.ndarray:
        """Linear weights, float64 of shape (n_features,)."""
        return self.panels.coef

    @property
    def factors(self) -> np.ndarray:
        """Factors, float64 of shape (n_features, num_factors)."""
        return self.panels.factors()

    @property
    def finite(self) -> bool:
        """Whether no number has overflowed."""
        return self.panels.finite and bool(np.isfinite(self.intercept))

    @property
    def hyper(self) -> dict[str, np.ndarray]:
        """Regularisation as it stands, by group (and by factor).

        ``*_precision`` and ``*_mean`` are those of the normal priors, ``alpha`` the
        precision of the errors, ``*_wd`` the same as weights of the objective.
        """
        to_wd = 1 / (self.alpha * self._ridge_of_wd)
        return {
            "alpha": np.array(self.alpha),
            "linear_mean": self.linear_mean.copy(),
            "linear_precision": self.linear_precision.copy(),
            "factors_mean": self.factors_mean.copy(),
            "factors_precision": self.factors_precision.copy(),
            "linear_wd": self.linear_precision * to_wd,
            "factors_wd": self.factors_precision * to_wd,
        }

    # ------------------------------------------------------------------ the errors
    @property
    def _errors(self) -> np.ndarray:
        """Errors after the last panel; a view."""
        return self.panels.errors

    def _refresh(self) -> None:
        """Errors, and sums of the factors, from scratch."""
        self._error_sums = None
        self.panels.refresh(self._target, self.intercept)

    def _draw_latent(self) -> None:
        """New targets of the probit model: numbers on the label's side of zero."""
        errors, target = self._errors, np.empty(self.store.n_rows)
        u = 1.0 - self.rng.random(self.store.n_rows) if self.sample else None

        def draw(rows: slice) -> None:
            f = self._target[rows] - errors[rows]
            mine = None if u is None else u[rows]
            target[rows] = latent_numbers(f, self.y[rows], self.weights[rows], mine)
            errors[rows] = target[rows] - f

        self._by_rows(draw)
        self._target, self._error_sums = target, None

    def _by_rows(self, call: Callable[[slice], Any], quick: bool = False) -> list:
        """Answers for slices of all rows, in order, by the threads of the team.

        Of what is quick for a row there must be many to ask others.
        """
        n = self.store.n_rows
        slices = [slice(at, min(at + ROWS_EACH, n)) for at in range(0, n, ROWS_EACH)]
        if quick and n < MANY_ROWS:
            return [call(rows) for rows in slices]
        return list(self.panels.team.map(call, slices))

    def _sums_of_errors(self) -> tuple[float, float]:
        """Weighted sums over the rows of their errors and of the squares of these."""
        if self._error_sums is None:
            errors = self._errors

            def of(rows: slice) -> tuple[float, float]:
                mine, weights = errors[rows].astype(np.float64), self.weights[rows]
                return float(weights @ mine), float(weights @ mine**2)

            first, second = zip(*self._by_rows(of, quick=True), strict=True)
            self._error_sums = sum(first), sum(second)
        return self._error_sums

    # ------------------------------------------------------------- hyperparameters
    @property
    def _on_axes(self) -> bool:
        """Whether each factor has a precision of its own by now."""
        if not self.sample:
            return self._ridge_by_axis is not None and self.sweeps_grown >= AXES_GROWN
        after = max(AXES_SWEEPS, self._wide_until)
        return self._auto["factors"] and self.n_sweeps >= after

    def _turn(self) -> None:
        """Turn the factors to their axes."""
        factors = self.factors
        seen = factors[self._seen], self.groups[self._seen]
        self.panels.set("factors", factors @ principal_axes(*seen))

    def _draw_hyper(self) -> None:
        if self._fixed_alpha is None:
            error = self._sums_of_errors()[1]
            shape = (PRIOR_SHAPE + self.store.n_rows) / 2
            rate = (PRIOR_RATE * self._variance + error) / 2
            self.alpha = self.rng.gamma(shape) / rate
        if self._auto["linear"] and self.use_linear:
            precision, mean = self._priors.draw(
                self.coef[:, None], self._linear_unit, self.rng
            )
            self.linear_precision, self.linear_mean = precision[:, 0], mean[:, 0]
        elif not self._auto["linear"]:
            self.linear_precision = self.alpha * self._fixed_ridge["linear"][:, 0]
        if self._auto["factors"] and self.num_factors:
            self.factors_precision, self.factors_mean = self._priors.draw(
                self.factors, self._factors_unit, self.rng, self._on_axes
            )
        elif not self._auto["factors"]:
            self.factors_precision = self.alpha * self._fixed_ridge["factors"]

    # ----------------------------------------------------------------- exploration
    def _spread(self) -> float:
        """Mean square of the factors of features that have rows."""
        total = self.panels.squares()[self._seen].sum()
        return float(total) / max(1.0, self._members.sum() * self.num_factors)

    def _stands_still(self) -> bool:
        """Whether the first sweeps of sampling have found no factors, nor go there."""
        # What factors add goes with the square of their squares.
        if self._spread() < np.sqrt(GROWTH) * self.init_sigma**2:
            return True
        losses = self._early_losses
        early = losses[STILL_SWEEPS : 2 * STILL_SWEEPS]
        return sum(losses[-STILL_SWEEPS:]) > STILL * sum(early)

    def _explore(self) -> None:
        """Let factors come up that the data want, before a sweep."""
        if (
            self._checks_growth
            and self.n_sweeps == GROWTH_SWEEPS
            and self._stands_still()
        ):
            self._wide_until = self.n_sweeps + WIDE_SWEEPS
            self.draw_again_after(self._wide_until + self.burn_in)
        if self.n_sweeps < self._wide_until and self.num_factors:
            square = self._factors_unit / np.sqrt(self.num_factors)
            self.factors_precision = np.full_like(self.factors_precision, 1 / square)
            self.factors_mean = np.zeros_like(self.factors_mean)
        if self._end_of_path:
            share, ridge = self.path, self._fixed_ridge["factors"]
            if self._on_axes and self._ridge_by_axis is not None:
                ridge = self._ridge_by_axis
            self.factors_precision = self.alpha * ridge * share
            if self._noise_floor is not None:
                self.factors_precision = self._noise_floor.raised(
                    self.factors_precision
                )
            least = (LEAST_SPREAD * self.init_sigma) ** 2
            spread = self._spread()
            self.sweeps_grown += spread > self.init_sigma**2
            # Held factors are let on further; those that are up stay where they are.
            held = self._end_of_path < 1.0 and spread < self.init_sigma**2
            end = self._end_of_path * (HELD_END if held else 1.0)
            down = share * PATH_DOWN[spread > GROWN * least]
            self.path = max(down, min(share, end))
            if 0 < spread < least:
                self.panels.scale_factors(np.sqrt(least / spread))
                self._refresh()

    # ------------------------------------------------------------------- the sweep
    def _step_bias(self) -> None:
        if not self.use_bias:
            return
        errors = self._errors
        total = self.weights.sum() + self._bias_ridge
        change = self._sums_of_errors()[0]
        change = (change - self._bias_ridge * self.intercept) / total
        if self.sample:
            change += self.rng.standard_normal() / np.sqrt(self.alpha * total)
        self.intercept += change
        step = errors.dtype.type(change)

        def move(rows: slice) -> None:
            errors[rows] -= step

        self._by_rows(move, quick=True)
        self._error_sums = None

    def _step_panel(self, panel: Panel) -> None:
        precision, mean = np.zeros((2, self.n_groups, LANES))
        precision[:, : panel.n_factors] = self.factors_precision[:, panel.factors]
        mean[:, : panel.n_factors] = self.factors_mean[:, panel.factors]
        if panel.linear_lane >= 0:
            precision[:, panel.linear_lane] = self.linear_precision
            mean[:, panel.linear_lane] = self.linear_mean
        noise = np.zeros((self.store.n_features if self.sample else 0, LANES))

        def draw(first: int, last: int) -> None:
            some, seen = noise[first:last], self._seen[first:last]
            shape = int(seen.sum()), panel.n_numbers
            drawn = self.rng.standard_normal(shape)
            some[seen if shape[0] < len(some) else slice(None), : shape[1]] = drawn

        if self.sample:
            # Nothing is known of them but the prior: their mean spares noise.
            panel.parameters[self._unseen] = mean[self.groups[self._unseen]]
        self.panels.step(
            panel, self._roots, self.groups, precision, mean, noise, self.alpha,
            draw if self.sample else None,
        )  # fmt: skip
        self._error_sums = None

    def sweep(self) -> float:
        """Step every number once.

        Returns
        -------
        loss : float
            Weighted mean training loss after the sweep: the squared error, or minus
            the logarithm of the label's probability.
        """
        first = not self.sample and self.sweeps_grown == AXES_GROWN
        turns = self._on_axes and (first or self.n_sweeps % AXES_SWEEPS == 0)
        if turns:
            self._turn()
        if turns or (self.n_sweeps and self.n_sweeps % REFRESH == 0):
            self._refresh()
        if self.link == "probit":
            self._draw_latent()
        if self.sample and self.n_sweeps:
            self._draw_hyper()
        self._explore()
        self._step_bias()
        last = self.panels[-1]
        for panel in self.panels:
            if self.panels.shared:
                self.panels.sums(panel, np.zeros(self.store.n_rows))
            elif panel is not last:
                panel.lines[:, -1] = last.lines[:, -1]
            self._step_panel(panel)
            last = panel
        self.n_sweeps += 1
        if self.n_sweeps in self._kept:
            factors = self.panels.factors(np.float32)
            self.draws.append((self.intercept, self.coef.astype(np.float32), factors))
        loss = self._loss()
        if self._checks_growth:
            if self.n_sweeps <= GROWTH_SWEEPS:
                self._early_losses.append(loss)
            self._forget_less(loss)
        return loss

    def _forget_less(self, loss: float) -> None:
        """Draw again from here on if what is kept lacks what was found since."""
        if self.n_sweeps == self.burn_in + 1:
            self._first_loss = loss
        late = self.n_sweeps > LAST_FALL * self._total
        if not late and loss < FALL * self._first_loss:
            self._first_loss = 0.0
            self.draw_again_after(self.n_sweeps)

    def checkpoint(self) -> dict[str, Any]:
        """Plain values that say all that sweeps have changed."""
        return {
            **{name: getattr(self, name) for name in CHANGED},
            "panels": [(panel.parameters, panel.lines) for panel in self.panels],
            "rng": self.rng.bit_generator.state,
        }

    def continue_from(self, checkpoint: dict[str, Any]) -> None:
        """Be as when the checkpoint was taken."""
        for name in CHANGED:
            # Older ones lack what came later.
            setattr(self, name, checkpoint.get(name, getattr(self, name)))
        self._plan_draws(self.burn_in)
        for panel, saved in zip(self.panels, checkpoint["panels"], strict=True):
            panel.parameters[:], panel.lines[:] = saved
        self.rng.bit_generator.state = checkpoint["rng"]
        self._error_sums = None

    def _loss(self) -> float:
        if self.link == "identity":
            return self._sums_of_errors()[1] / float(self.weights.sum())
        errors = self._errors

        def of(rows: slice) -> float:
            f = self._target[rows] - errors[rows]
            losses = -special.log_ndtr((2 * self.y[rows] - 1) * f)
            return float(self.weights[rows] @ losses)

        return sum(self._by_rows(of)) / float(self.weights.sum())


def pilot_of(
    store: ColumnStore,
    y: np.ndarray,
    weights: np.ndarray,
    *,
    seed: Sequence[int],
    **settings: Any,
) -> dict[str, Any]:
    """Ridges of ALS by group, of the linear weights and of the factors, from sampling.

    The factors of a group have one each, the least first.

    Parameters
    ----------
    store, y, weights, seed, **settings
        Of a `SweepModel`.

    Returns
    -------
    found : dict
        Ridges: ``linear`` of shape (n_groups, 1), ``factors`` with a column for each
        factor that was sampled; and ``noise``, the mean square of the errors.
    """
    settings["num_factors"] = min(settings["num_factors"], PILOT_FACTORS)
    return SweepModel(
        store,
        y,
        weights,
        sample=True,
        num_draws=0,
        total_sweeps=PILOT_SWEEPS,
        burn_in=0,
        seed=[*seed, 1],
        wide_sweeps=PILOT_WIDE_SWEEPS,
        **settings,
    ).pilot()
