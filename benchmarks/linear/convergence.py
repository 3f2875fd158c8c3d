"""Time to within 1 % of the optimal objective of one regularised logistic model.

The objective is the mean log-loss plus wd / 2 |w|^2 with a free intercept, the
weights in the space of normalised features: dense features are centred and divided
by their standard deviation (constant ones are zero), CSR is left as it is. Its
optimum comes from L-BFGS in float64; "certified" bounds what that may have left,
relative to it. Every solver starts from zero and gets more and more iterations until
it is within 1 %; the median seconds of a fit with the least number that gets there
count.

Ours: one candidate with wd, l1=0 and the learning rate that a default fit with the
same wd and scaling selects (which is not in the time), cv=False. It reads the pixels
of MNIST as they are and learns the scaling in its time. A second row takes the rate
that is best by the objective itself; it has no bar.

The peers read the standardised matrix in float32, lightning in float64 (and CD by
columns) since it would convert it; making those is in no time. Those
that have no free intercept get a constant column, or intercept_scaling, of several
sizes; their cheapest counts. VW's examples are parsed beforehand, into its cache;
it has a thread of its own to read it. A peer is left when a fit takes longer than
--limit seconds, or longer than its cheapest so far. newton-cholesky is left out
where its Hessian would take more than 1 GB. The set made by data/sparse.py is easy at
this wd: see the gap of the intercept alone.
"""

import importlib
import math
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from benchmarks.common import (
    TIMING_HEADERS,
    Bars,
    Timing,
    add_repeats,
    make_parser,
    measure,
    print_busy,
    print_environment,
    print_table,
)
from benchmarks.data.sets import load
from benchmarks.data.sparse import make_sparse
from benchmarks.peers.logistic import Solution, make_peers
from sklearn_sagemaker import LinearLearnerClassifier

WD, MAX_GAP, MAX_RATIO = 1e-2, 0.01, 1.0
SETS = ("MNIST zero", "a9a", "CSR")
ITERATIONS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]
MAX_EPOCHS = 64
# A peer whose fit takes longer than this runs once.
LONG_SECONDS = 20.0
MAX_UNCERTAINTY = 1e-6
OURS, OURS_BEST = "ours, steps", "ours, steps, rate best by the objective"
SOLVED = "ours, solved"
"""What a user gets who sets the penalties; it goes on to the optimum."""


# ------------------------------------------------------------------ the problem
@dataclass
class Problem:
    """A set and its objective; `solve` finds the optimum.

    Parameters
    ----------
    X : float32 ndarray or CSR
        What the peers read, standardised if dense.
    y : int64 array
        0 or 1.
    raw : ndarray or CSR
        What ours reads.
    mean, deviation : float64 arrays or None
        By which the dense features were centred and divided.
    wd : float
    """

    X: Any
    y: np.ndarray
    raw: Any
    mean: np.ndarray | None
    deviation: np.ndarray | None
    wd: float
    optimum: float = math.nan
    uncertainty: float = math.nan
    null_gap: float = math.nan
    exact: Any = field(init=False)

    def __post_init__(self) -> None:
        self.exact = self.X.astype(np.float64)

    def objective(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Objective and gradient of the weights, the intercept last."""
        w = theta[:-1]
        z = self.exact @ w + theta[-1]
        loss = float(np.mean(np.logaddexp(0.0, z) - self.y * z))
        slope = (expit(z) - self.y) / len(z)
        gradient = np.append(self.exact.T @ slope + self.wd * w, slope.sum())
        return loss + 0.5 * self.wd * float(w @ w), gradient

    def solve(self) -> None:
        """Find the optimum, how well it is known, and the gap of zero weights."""
        start = np.zeros(self.X.shape[1] + 1)
        start[-1] = math.log(self.y.mean() / (1 - self.y.mean()))
        found = minimize(
            self.objective,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 50_000, "maxfun": 50_000, "ftol": 0, "gtol": 1e-10},
        )
        self.optimum = found.fun
        slope = found.jac
        self.uncertainty = float(slope @ slope) / (2 * self.wd * found.fun)
        if not self.uncertainty <= MAX_UNCERTAINTY:
            raise RuntimeError(f"L-BFGS did not find the optimum: {found.message}")
        self.null_gap = self.objective(start)[0] / self.optimum - 1

    def gap(self, solution: Solution) -> float:
        """How far a solution is above the optimum, relative to it."""
        theta = np.append(np.asarray(solution[0], dtype=np.float64), solution[1])
        if not np.isfinite(theta).all():
            return math.inf
        return self.objective(theta)[0] / self.optimum - 1


def make_problem(name: str, data_dir: Path, wd: float) -> Problem:
    """Load a set and standardise it if it is dense."""
    if name == "CSR":
        data = make_sparse()
        return Problem(data.X_train, data.y_train, data.X_train, None, None, wd)
    if name == "a9a":
        split = load(data_dir, "a9a")
        X, y = split.X_train, (split.y_train > 0).astype(np.int64)
        return Problem(X, y, X, None, None, wd)
    split = load(data_dir, "mnist-zero")
    raw, y = split.X_train, split.y_train
    mean, deviation = raw.mean(0, dtype=np.float64), raw.std(0, dtype=np.float64)
    deviation[deviation == 0] = 1.0
    X = ((raw - mean) / deviation).astype(np.float32)
    return Problem(X, y, raw, mean, deviation, wd)


# ------------------------------------------------------------------------- ours
def our_model(problem: Problem, **settings) -> LinearLearnerClassifier:
    """Fit ours on the problem's rows, scaled as the objective says."""
    dense = problem.mean is not None
    model = LinearLearnerClassifier(
        wd=problem.wd,
        l1=0.0,
        normalize_data=dense,
        unbias_data=dense,
        num_point_for_scaler=len(problem.y),
        random_state=0,
        **settings,
    )
    return model.fit(problem.raw, problem.y)


def our_rates(problem: Problem) -> dict[str, float]:
    """The learning rates of our two rows."""
    default = our_model(problem, optimizer="adam")
    by_objective = our_model(
        problem,
        cv=False,
        optimizer="adam",
        binary_classifier_model_selection_criteria="cross_entropy_loss",
    )
    return {
        OURS: default.best_params_["learning_rate"],
        OURS_BEST: by_objective.best_params_["learning_rate"],
    }


def our_fit(problem: Problem, rate: float, epochs: int) -> Solution:
    """Ours, as weights of the normalised features."""
    model = our_model(
        problem, num_models=1, learning_rate=rate, cv=False, epochs=epochs
    )
    return normalised(problem, model)


def our_optimum(problem: Problem, number: int) -> Solution:
    """The same by the solver, which asks for no number of iterations."""
    given = {"num_models": 1, "cv": False, "optimizer": "newton"}
    return normalised(problem, our_model(problem, **given))


def normalised(problem: Problem, model: LinearLearnerClassifier) -> Solution:
    """The weights of a model in the units of the objective."""
    w, b = model.coef_[0], float(model.intercept_[0])
    if problem.mean is None or problem.deviation is None:
        return w, b
    return w * problem.deviation, b + float(w @ problem.mean)


# ------------------------------------------------------------------- the search
@dataclass
class Found:
    """The cheapest fit of a solver that is within 1 %."""

    what: str
    fit: Callable[[], Solution]
    seconds: float
    gap: float


def search(problem: Problem, settings, numbers: list[int], limit: float):
    """Raise the number of iterations with each setting until it is within 1 %.

    Between the last number that is not and the first that is, it is halved.

    Returns
    -------
    found : Found or None
        The cheapest fit within 1 %.
    left : str
        What to print if there is none.
    """
    found, closest, seconds = None, math.inf, 0.0

    def run(what, fit, number) -> bool:
        nonlocal found, closest, seconds
        case, timing = partial(fit, number), Timing()
        timing.run(case)
        gap, seconds = problem.gap(timing.result), timing.seconds
        closest = min(closest, gap)
        if gap <= MAX_GAP and (found is None or seconds < found.seconds):
            name = f"{what}, {number}" if what else str(number)
            found = Found(name, case, seconds, gap)
        return gap <= MAX_GAP

    for what, fit in settings:
        low, high = 0, 0
        for number in numbers:
            most = limit if found is None else found.seconds
            if run(what, fit, number):
                high = number
                break
            low = number
            if seconds > most:
                break
        while high - low > 1 and seconds < limit:
            middle = (low + high) // 2
            if run(what, fit, middle):
                high = middle
            else:
                low = middle
    return found, f"left at {closest:.1%} after {low}, {seconds:.0f} s"


def run_set(name: str, options, folder: str):
    """Search, time and print one set; the names and seconds of the solvers."""
    problem = make_problem(name, options.data_dir, options.wd)
    problem.solve()
    print(
        f"{name}: {problem.X.shape[0]:,} x {problem.X.shape[1]:,}, wd {problem.wd:g}, "
        f"optimum {problem.optimum:.8f} (certified {problem.uncertainty:.0e}); the "
        f"intercept alone is {problem.null_gap:.1%} above it",
        flush=True,
    )
    found, left, rates = {}, {}, our_rates(problem)
    epochs = [number for number in ITERATIONS if number <= MAX_EPOCHS]
    for row, rate in rates.items():
        settings = [(f"rate {rate:.3g}", partial(our_fit, problem, rate))]
        found[row], left[row] = search(problem, settings, epochs, options.limit)
    try:
        found[SOLVED], left[SOLVED] = search(
            problem, [("", partial(our_optimum, problem))], [1], options.limit
        )
    except ValueError as error:
        found[SOLVED], left[SOLVED] = None, str(error).split(":")[0]
    for peer in make_peers(problem, folder):
        if options.peers and not any(part in peer.name for part in options.peers):
            continue
        try:
            importlib.import_module(peer.package)
        except ImportError:
            print(f"{peer.name}: {peer.package} is not installed")
            continue
        found[peer.name], left[peer.name] = search(
            problem, peer.settings(), ITERATIONS, options.limit
        )
    timings = measure(
        {
            solver: (case.fit, options.repeats if case.seconds < LONG_SECONDS else 1)
            for solver, case in found.items()
            if case is not None
        }
    )
    ours = fastest_of_ours(timings)
    rows = []
    for solver, case in found.items():
        if case is None:
            rows.append([solver, left[solver], *[""] * (len(TIMING_HEADERS) + 2)])
            continue
        ratio = timings[ours].ratio(timings[solver]) if found[ours] else 0
        rows.append(
            [
                solver,
                case.what,
                f"{case.gap:.2%}",
                *timings[solver].cells(),
                f"{ratio:.2f}" if ratio else "",
            ]
        )
    print()
    print_table(
        ["solver", "with, iterations", "gap", *TIMING_HEADERS, "ours / it"], rows
    )
    return timings


def fastest_of_ours(timings) -> str:
    """Steps or the solver: what a user would choose."""
    ours = [solver for solver in (OURS, SOLVED) if solver in timings]
    return min(ours, key=lambda solver: timings[solver].seconds) if ours else OURS


def main() -> None:
    """Print the tables and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser, 5)
    parser.add_argument("--wd", type=float, default=WD, help="default %(default)s")
    parser.add_argument("--only", choices=SETS, help="one set only")
    parser.add_argument("--peers", nargs="*", help="those with such a part of a name")
    parser.add_argument(
        "--limit",
        type=float,
        default=20.0,
        help="seconds of a fit after which a solver is left (default %(default)s)",
    )
    options = parser.parse_args()
    print_environment()
    warnings.simplefilter("ignore")
    ratios = {}
    for name in [options.only] if options.only else SETS:
        with tempfile.TemporaryDirectory() as folder:
            timings = run_set(name, options, folder)
        peers = {
            solver: timing.seconds
            for solver, timing in timings.items()
            if solver not in (OURS, OURS_BEST, SOLVED)
        }
        fastest = min(peers, key=peers.__getitem__) if peers else "no peer"
        mine = fastest_of_ours(timings)
        ours = timings[mine].seconds if mine in timings else math.nan
        ratios[f"{name}: ours / {fastest}"] = ours / peers.get(fastest, math.nan)
        print_busy(timings)
        print(flush=True)
    bars = Bars()
    for what, ratio in ratios.items():
        bars.at_most(what, ratio, MAX_RATIO)
    bars.exit()


if __name__ == "__main__":
    main()
