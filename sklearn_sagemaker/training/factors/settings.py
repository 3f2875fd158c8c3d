"""What a spec of Factorization Machines means, and the candidates that it trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_sagemaker._columns import start_rule
from sklearn_sagemaker._hyperparameters import AUTO_OPTIMIZER
from sklearn_sagemaker._kernels import DEFAULT_LOSS, OPTIMIZERS, FactorDefaults
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.training.memory import check_bytes
from sklearn_sagemaker.training.selection.settings import (
    CALIBRATION_ROWS,
    Settings,
)

AUTO = {
    "solver": "gradient",
    "optimizer": AUTO_OPTIMIZER["factorization-machines"],
    "mini_batch_size": 1,
    "early_stopping_patience": 4,
    "num_calibration_samples": CALIBRATION_ROWS,
    "bias_wd": 0.0,
}
"""What ``"auto"`` becomes where it is the same for all candidates."""

LOG_LOSS_DECAYS = (0.08, 0.17)
"""Factors of the decays of linear weights and factors for the log loss."""
GROUPS = ("bias", "linear", "factors")
"""Of the parameters."""
INIT_SIGMA, STREAM_SIGMA = 0.006, 0.03
"""Of factors that have many passes to come up, and of those that have one."""
FACTORS = {"gradient": 64, "als": 14, "mcmc": 14}
"""With the weight, 14 are what the sweeps of a feature step at once."""
MOST_FACTORS, FEWEST_FACTORS = 512, 8
"""Of all classes under a softmax together, and of each all the same."""
PATH_PATIENCE, SETTLED_PATIENCE = 24, 5
"""Epochs without an improvement that "als" waits: its factors come up on the way to
less regularisation, after what is linear has been found. Fewer once they have."""
MOST_LOST, RISING = 0.1, 5
"""By which the validation losses since the best one may exceed it in all, in units of
it, if the last few have risen from each to the next. Where factors come up late and
help, it is a seventieth until they do."""
EPOCHS = {"validated": 100, "blind": 15, "als": 50, "mcmc": 100, "pairs": 10}
PAIR_FACTORS = 32
"""Of a model of all pairs of queries and items."""

# Factors of (learning rates, linear decay, factor decay, number of factors), and how
# many times the decay that draws suggest "als" takes; the most promising first.
VARIATIONS = (
    (1.0, 1.0, 1.0, 1.0, 5.0),
    (1.0, 0.1, 0.1, 0.5, 3.5),
    (1.0, 0.3, 0.3, 0.5, 7.0),
    (1.0, 0.0, 0.0, 0.125, 5.0),
    (0.3, 1.0, 1.0, 1.0, 3.5),
    (1.0, 0.3, 0.3, 1.0, 7.0),
    (1.0, 3.0, 3.0, 0.5, 5.0),
    (0.3, 0.1, 0.1, 0.25, 3.5),
)

# Factors of the rates of linear weights and factors, and of the factors' decay, for the
# candidates of num_models="auto".
OWN_VARIATIONS = {
    "squared": ((1.0, 1.0, 1.0), (3.3, 2.0, 1.0), (3.3, 2.0, 2.0)),
    "log": ((1.0, 1.0, 1.0), (1.0, 2.0, 3.0), (1.0, 2.0, 6.0)),
}
AXIS_VARIATIONS = ((3.3, 4.0, 1.0), (3.3, 4.0, 0.5))
"""The same of those in place of the later ones where numbers are predicted by adagrad:
they have few factors, whose axes have decays of their own..."""
AXIS_SHARE, AXIS_DECAY = 0.25, 6.0
"""... that share of the factors, and up to so many times the decay along an axis."""
ROWS_EACH = 50.0
"""Of a feature: beyond, the decay with each row is to be less, as what the rows tell
grows with their number and what holds against it does not. The factors' rate is halved
then, for they have steps enough."""
STREAM_RATES = (3.3, 3.5)
"""Of a stream that starts from nothing: times the rates of a fit."""
LINEAR_RATE = 3.3
"""Of a linear part alone: times the rate beside factors..."""
LINEAR_DECAYS = (1.0, 4.0)
"""... and times its decay."""
SWEPT_DECAYS = (0.25, 1.0, 4.0)
"""The same of "als", whose decays are those that sampling suggests."""


class Candidates:
    """The candidates of a run: hyperparameters in which its models differ.

    Parameters
    ----------
    columns : dict of str to array
        One entry a candidate.
    """

    def __init__(self, columns: dict[str, np.ndarray]):
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def params(self, index: int) -> dict[str, Any]:
        """Hyperparameters of one candidate, as plain Python values."""
        return {
            name: values[index].item()
            if hasattr(values[index], "item")
            else values[index]
            for name, values in self.columns.items()
        }


class FactorSettings(Settings):
    """The settings of a run of Factorization Machines.

    Parameters
    ----------
    spec : TrainingSpec
    """

    def __init__(self, spec: TrainingSpec):
        super().__init__(spec, AUTO, DEFAULT_LOSS[spec.predictor_type])
        values = self.values
        self.solver: str = values["solver"]
        self.optimizer: str = values["optimizer"]
        self.waits_for_factors = False
        # Whether pairs that no row has count, too.
        self.pairs = self.solver == "als" and bool(values.get("unobserved_weight"))
        if self.pairs:
            self._settle_pairs()
        asked = spec.hyperparameters.get("early_stopping_patience", "auto")
        if (
            not self.pairs
            and self.solver == "als"
            and (asked, values["factors_wd"]) == ("auto", "auto")
        ):
            values["early_stopping_patience"] = PATH_PATIENCE
            self.waits_for_factors = True
        if values["eps"] == "auto":
            values["eps"] = self.defaults.eps

    def _settle_pairs(self) -> None:
        """Refuse what has no meaning for all pairs, and leave out what moves zero.

        Raises
        ------
        ValueError
            Naming the value, the rule and the remedy.
        """
        values, spec = self.values, self.spec
        weight = f"unobserved_weight={values['unobserved_weight']!r}"
        for name in ("normalize_data", "normalize_label"):
            if values[name] == "auto":
                values[name] = False
            if values[name]:
                raise ValueError(
                    f"{name}=True moves the zero that {weight} stands for; leave it at "
                    "'auto'."
                )
        if values["num_models"] not in ("auto", 1):
            raise ValueError(
                f"num_models={values['num_models']!r}: {weight} has no validation rows "
                "to choose among models by; leave it at 'auto', and search by a score "
                "of ranks."
            )
        automatic = isinstance(spec.cv, str) or spec.cv is False
        if not automatic or spec.validation_fraction != "auto":
            name = "validation_fraction" if automatic else "cv"
            raise ValueError(
                f"{name} holds rows out, which {weight} would count as pairs that no "
                f"row has; leave it at 'auto', and compare ranks of rows kept aside."
            )

    @property
    def defaults(self) -> FactorDefaults:
        """What the optimizer takes where the user leaves it open."""
        defaults = OPTIMIZERS[self.optimizer].factors
        assert defaults is not None
        return defaults

    @property
    def probit(self) -> bool:
        """Whether scores become probabilities by the normal distribution."""
        return self.solver != "gradient" and not self.regression

    @property
    def own_rates(self) -> bool:
        """Whether the user set a learning rate."""
        return any(
            self.spec.hyperparameters[f"{group}_lr"] != "auto"
            for group in ("linear", "factors")
        )

    @property
    def clip(self) -> float:
        """Bound of the gradient."""
        clip = self.values["clip_gradient"]
        return np.inf if clip == "auto" else clip

    @property
    def rescale(self) -> float:
        """Factor of the gradient; 0 for one over the rows of the mini-batch."""
        rescale = self.values["rescale_grad"]
        if rescale != "auto":
            return rescale
        return 1.0 if self.defaults.summed else 0.0

    def check_memory(
        self, n_features: int, n_outputs: int, n_models: int = 1, epochs: int = 1
    ) -> None:
        """Refuse factors and draws that cannot be held.

        Parameters
        ----------
        n_features, n_outputs : int
        n_models : int
            Candidates, and as many for each fold.
        epochs : int

        Raises
        ------
        TrainingTooLargeError
        """
        k = self.values["num_factors"]
        k = self.auto_factors if k == "auto" else k
        numbers = n_models * n_features * n_outputs * (k + 1)
        layers = 2 + OPTIMIZERS[self.optimizer].n_states
        check_bytes(
            4 * numbers * layers,
            f"num_factors={k}: the factors of {n_features} features in {n_models} "
            "models, with what trains them,",
            "set fewer num_factors, or cv=False to train no folds beside them",
        )
        draws = self.values["num_draws"]
        if self.solver == "mcmc" and draws != "auto":
            kept = min(draws, epochs)
            check_bytes(
                4 * numbers * kept,
                f"num_draws={draws}: {kept} draws of {n_models} models",
                "set fewer num_draws, or 'auto', which keeps as many as take 256 MB",
            )

    def spread(self, y: np.ndarray) -> float:
        """By what errors of margins are measured: deviation of y, or 1 for log-odds."""
        if not self.regression:
            return 1.0
        return float(np.std(y)) or float(np.abs(y).max()) or 1.0

    def epochs(self, validated: bool) -> int:
        """Passes over the data at most."""
        epochs = self.values["epochs"]
        if epochs != "auto":
            return epochs
        if self.solver != "gradient":
            return EPOCHS["pairs" if self.pairs else self.solver]
        return EPOCHS["validated" if validated else "blind"]

    def candidates(
        self,
        square: float = 1.0,
        num_factors: int | None = None,
        *,
        several: bool = False,
        validated: bool = False,
        few: bool = False,
        fresh: bool = False,
        rows_each: float = ROWS_EACH,
    ) -> Candidates:
        """The candidates to train: distinct, and as many as were asked for at most.

        Where ``num_models`` is left to us they are one model, with validation rows also
        its linear part alone (of sweeps if rows are few), and if the data are small it
        with other rates and decays.

        Parameters
        ----------
        square : float
            Mean square of the stored values: what a row tells of a weight grows with
            it, and so do the decays of ``"auto"``.
        num_factors : int or None
            Of all candidates, in place of those of the settings.
        several : bool
            Whether training a few models with factors is affordable.
        validated : bool
            Whether there are validation rows to tell candidates apart.
        few : bool
            Whether rows are so few that sweeps had better compare themselves with their
            linear part.
        fresh : bool
            Whether they are of a stream that starts from nothing.
        rows_each : float
            That have a feature, in the mean.
        """
        wanted = self.values["num_models"]
        if wanted == "auto":
            rates = STREAM_RATES if fresh else (1.0, 1.0)
            axes = several and validated and self._chooses_axes
            found = self._own_candidates(
                square, rates, several and not axes, validated, few
            )
            if axes:
                found[1:1] = self._with_axes(square, min(1.0, ROWS_EACH / rows_each))
        else:
            found = [
                self._candidate((rate, rate), linear, decay, square, share, boost)
                for rate, linear, decay, share, boost in VARIATIONS
            ]
        rows: list[dict[str, Any]] = []
        for row in found:
            if row not in rows:
                rows.append(row)
        if wanted != "auto":
            rows = rows[:wanted]
        if num_factors is not None:
            rows = [{**row, "num_factors": num_factors} for row in rows]
        return Candidates(
            {name: _column([row[name] for row in rows]) for name in rows[0]}
        )

    def _own_candidates(
        self,
        square: float,
        rates: tuple[float, float],
        several: bool,
        validated: bool,
        few: bool,
    ) -> list[dict[str, Any]]:
        if self.solver != "gradient" or not validated:
            found = [self._candidate(rates, 1.0, 1.0, square, 1.0, 5.0)]
            linear_too = validated and few and self._starts_factors
            return self._with_linear_part(found[0]) if linear_too else found
        kind = OWN_VARIATIONS["squared" if self.regression else "log"]
        found = [
            self._candidate((linear, factors), 1.0, decay, square)
            for linear, factors, decay in kind[: len(kind) if several else 1]
        ]
        if self._starts_factors:
            found = [{**row, "factors_init_sigma": INIT_SIGMA} for row in found]
            found += [
                {
                    **self._candidate((LINEAR_RATE, 1.0), decay, 1.0, square),
                    "factors_init_sigma": 0.0,
                }
                for decay in LINEAR_DECAYS
            ]
        return found

    def _with_axes(self, square: float, rare: float) -> list[dict[str, Any]]:
        """Candidates with few factors, whose axes have decays of their own.

        Parameters
        ----------
        square : float
        rare : float
            Times the decays, at most 1.
        """
        found = []
        for linear, factors, decay in AXIS_VARIATIONS:
            rates = linear, factors * (1.0 + rare) / 2.0
            row = self._candidate(rates, rare, decay * rare, square, AXIS_SHARE)
            found.append(
                {**row, "factors_init_sigma": INIT_SIGMA, "axis_decay": AXIS_DECAY}
            )
        return found

    @property
    def _chooses_axes(self) -> bool:
        """Whether how much they decay is left to us."""
        left = [self.values[name] for name in ("factors_wd", "axis_decay", "num_models")
                if name in self.values]  # fmt: skip
        return self.tells_axes and self._starts_factors and set(left) == {"auto"}

    @property
    def tells_axes(self) -> bool:
        """Whether factors may have axes with decays of their own."""
        return (
            self.solver == "gradient"
            and self.regression
            and self.optimizer == "adagrad"
        )

    def _with_linear_part(self, one: dict[str, Any]) -> list[dict[str, Any]]:
        """A candidate of sweeps, and its linear part alone.

        Decays of "mcmc" are drawn, so that there is but one.
        """
        found = [{**one, "factors_init_sigma": "auto"}]
        if self.solver == "mcmc" or self.values["linear_wd"] != "auto":
            return [*found, {**one, "factors_init_sigma": 0.0}]
        return [
            {**row, "factors_init_sigma": sigma, "linear_boost": boost}
            for row, sigma, boost in (
                (one, "auto", 1.0),
                *((one, 0.0, boost) for boost in SWEPT_DECAYS),
            )
        ]

    @property
    def auto_factors(self) -> int:
        """What ``num_factors="auto"`` is for the first candidate."""
        most = PAIR_FACTORS if self.pairs else FACTORS[self.solver]
        if self.solver != "gradient":
            return most
        return min(most, max(FEWEST_FACTORS, MOST_FACTORS // self.n_outputs))

    @property
    def init_sigma(self) -> float:
        """Deviation of the starting factors of gradient steps."""
        return STREAM_SIGMA if self.spec.stream else INIT_SIGMA

    @property
    def _starts_factors(self) -> bool:
        """Whether where factors start is left to us."""
        normal = self.values["factors_init_method"] == "normal"
        return normal and self.values["factors_init_sigma"] == "auto"

    def _candidate(
        self,
        rates: tuple[float, float],
        linear: float,
        decay: float,
        square: float,
        share: float = 1.0,
        boost: float = 1.0,
    ) -> dict[str, Any]:
        values, k = self.values, self.values["num_factors"]
        linear, decay = linear * square, decay * square
        if k == "auto":
            k = max(1, int(self.auto_factors * share))
        row: dict[str, Any] = {"num_factors": k}
        if self.solver == "gradient":
            linear_lr, factors_lr = np.multiply(rates, self.defaults.rates)
            if not self.regression:
                linear_lr *= self.defaults.log_loss_rate
                factors_lr *= self.defaults.log_loss_rate
                linear, decay = linear * LOG_LOSS_DECAYS[0], decay * LOG_LOSS_DECAYS[1]
            row["linear_lr"] = _or(values["linear_lr"], linear_lr)
            row["factors_lr"] = _or(values["factors_lr"], factors_lr)
            row["bias_lr"] = _or(values["bias_lr"], row["linear_lr"])
            linear_wd, factors_wd = self.defaults.decays
            row["linear_wd"] = _or(values["linear_wd"], linear * linear_wd)
            row["factors_wd"] = _or(values["factors_wd"], decay * factors_wd)
            if self.tells_axes:
                row["axis_decay"] = _or(values["axis_decay"], 1.0)
        elif self.solver == "als":
            row["linear_wd"] = values["linear_wd"]
            row["factors_wd"] = values["factors_wd"]
            if row["factors_wd"] == "auto" and not self.pairs:
                row["factors_boost"] = boost
        return row


def _column(values: list[Any]) -> np.ndarray:
    # Numbers beside "auto" stay numbers.
    mixed = len({isinstance(value, str) for value in values}) > 1
    return np.array(values, dtype=object if mixed else None)


def _or(value: Any, auto: float) -> float:
    # Six digits of what we choose: candidates are read by people.
    return float(f"{auto:.6g}" if value == "auto" else value)


def start_of(
    values: dict[str, Any], group: str, auto_sigma: float, seed: Sequence[int]
) -> dict[str, Any]:
    """The rule by which a group of parameters starts; see `start_numbers`.

    Parameters
    ----------
    values : dict
        Hyperparameters.
    group : {"bias", "linear", "factors"}
    auto_sigma : float
        What ``"auto"`` is.
    seed : sequence of int
        The groups of a model have different numbers by it.

    Returns
    -------
    rule : dict
    """
    seed = [*seed, GROUPS.index(group)]
    method = values[f"{group}_init_method"]
    if method == "constant":
        return start_rule(method, values[f"{group}_init_value"], seed)
    if method == "uniform":
        # The length of the range must not overflow.
        scale = _or(values[f"{group}_init_scale"], auto_sigma * np.sqrt(3.0))
        return start_rule(method, min(scale, np.finfo(np.float64).max / 4), seed)
    return start_rule(method, _or(values[f"{group}_init_sigma"], auto_sigma), seed)
