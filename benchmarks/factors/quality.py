"""Test figures of factorization machines with default parameters, against peers.

Ratings: `mlsmall` (one-hot user and film) and `mlsmall_side` (with genres and the
period of the rating). Ours is given the validation rows and nothing else, one fit a
seed; MCMC also trains as many draws with as many factors as myFM, without validation.
myFM runs with one prior for all columns, and one for users, films, genres and
periods each; it keeps its own choice of draws, and the figure of the later half of
the draws is beside it. libFM's ALS takes the decays that are best on the validation
rows.

Labels: a generated set like click logs, 10 values a row, drawn from a factorization
machine (data/factors.py); also against LogisticRegression.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.common import (
    Bars,
    Timing,
    add_quick,
    add_seeds,
    add_several,
    make_parser,
    print_environment,
    print_table,
)
from benchmarks.data.factors import RATINGS, load_ratings, make_ctr
from benchmarks.data.sets import Split
from benchmarks.factors.fits import SOLVERS, estimator, unvalidated
from benchmarks.peers import fm_known, fm_libraries, fm_programs
from benchmarks.peers.fm_known import Peer, class_figures, rmse

FACTORS = (8, 16, 64)
DRAWS = 100
ALS_EPOCHS = 20
CTR_FACTORS, CTR_DRAWS, SGD_EPOCHS = 64, 50, 15
MAX_RMSE = {
    ("mlsmall", "gradient"): 0.863,
    ("mlsmall_side", "gradient"): 0.863,
    ("mlsmall", "als"): 0.872,
    ("mlsmall_side", "mcmc"): 0.852,
}
# On this set MCMC may not be worse than myFM with as many factors and draws.
AGAINST_MYFM = "mlsmall_side"


@dataclass
class Line:
    """The runs of one model on one set."""

    data: str
    model: str
    factors: str
    runs: list[Peer] = field(default_factory=list)

    def mean(self, figure: str) -> float:
        """Mean over the seeds."""
        return float(np.mean([peer.figures[figure] for peer in self.runs]))

    def cells(self, figures: tuple[str, ...]) -> list[str]:
        """The row of a table."""
        found = [self.data, self.model, self.factors, str(len(self.runs))]
        for figure in figures:
            values = [peer.figures[figure] for peer in self.runs]
            found += [f"{np.mean(values):.4f}", f"{np.ptp(values):.4f}"]
        epochs = np.mean([peer.epochs for peer in self.runs])
        seconds = np.mean([peer.seconds for peer in self.runs])
        each = np.mean([p.details.get("draw", p.epoch_seconds) for p in self.runs])
        return [*found, f"{seconds:.2f}", f"{epochs:.0f}", f"{each:.4f}"]


def ours(task: str, data: Split, validate: bool, **parameters: Any) -> Peer:
    """One fit of ours."""
    model = estimator(task, **parameters)
    fit = data.fit if validate else (lambda m: m.fit(data.X_train, data.y_train))
    timing = Timing()
    timing.run(partial(fit, model))
    if task == "regression":
        figures = rmse(data.y_test, model.predict(data.X_test))
    else:
        figures = class_figures(
            data.y_test, model.predict_proba(data.X_test)[:, 1].astype(np.float64)
        )
    factors = np.shape(model.factors_)[-1]
    return Peer(figures, timing.seconds, int(model.n_iter_), {"factors": factors})


def run(
    data: str,
    model: str,
    factors: int | str,
    case: Callable[[int], Peer],
    seeds: int,
) -> Line:
    """Run a model with several seeds and print what comes."""
    line = Line(data, model, str(factors))
    for seed in range(seeds):
        line.runs.append(case(seed))
    if factors == "":
        found = sorted({peer.details["factors"] for peer in line.runs})
        line.factors = ", ".join(map(str, found))
    means = {name: round(line.mean(name), 4) for name in line.runs[0].figures}
    print(f"{data}: {model}, k = {line.factors}: {means}", flush=True)
    return line


# -------------------------------------------------------------------------- ratings
def rate(name: str, options, programs: dict[str, Any]) -> dict[Any, Line]:
    """All models of one set of ratings."""
    data, groups = load_ratings(options.data_dir, name)
    lines: dict[Any, Line] = {}
    for solver in SOLVERS:
        lines["ours", solver] = run(
            name,
            f"ours, {solver}, defaults",
            "",
            lambda seed, s=solver: ours(
                "regression", data, True, solver=s, random_state=seed
            ),
            options.seeds,
        )
    for k in options.factors:
        lines["ours", k] = run(
            name,
            f"ours, mcmc, {DRAWS} draws",
            k,
            lambda seed, k=k: ours(
                "regression",
                data,
                False,
                solver="mcmc",
                num_factors=k,
                random_state=seed,
                **unvalidated(DRAWS),
            ),
            options.seeds,
        )
        if "myfm" in programs:
            kinds: dict[str, list[int] | None] = {"one prior": None}
            if len(groups) > 2:
                kinds["a prior a block"] = groups
            for kind, sizes in kinds.items():
                line = run(
                    name,
                    f"myFM, {DRAWS} draws, {kind}",
                    k,
                    lambda seed, k=k, sizes=sizes: fm_libraries.myfm(
                        "regression", data, k, DRAWS, groups=sizes, seed=seed
                    ),
                    options.peer_seeds,
                )
                lines["myFM", k, kind] = line
                late = [
                    Peer(p.details["late"], p.seconds, p.epochs, p.details)
                    for p in line.runs
                ]
                label = f"{line.model}, later half"
                lines["late", k, kind] = Line(name, label, str(k), late)
        if "libfm" in programs:
            lines["libFM mcmc", k] = run(
                name,
                f"libFM MCMC, {DRAWS} draws",
                k,
                lambda seed, k=k: fm_programs.libfm(
                    programs["libfm"], "regression", data, k, DRAWS, seed=seed
                ),
                options.peer_seeds,
            )
            lines["libFM als", k] = run(
                name,
                f"libFM ALS, best of {len(fm_programs.DECAYS)} decays",
                k,
                lambda seed, k=k: fm_programs.libfm(
                    programs["libfm"],
                    "regression",
                    data,
                    k,
                    ALS_EPOCHS,
                    method="als",
                    decays=fm_programs.DECAYS,
                    seed=seed,
                ),
                1,
            )
    if "xlearn" in programs:
        k = max(options.factors)
        lines["xLearn", k] = run(
            name,
            "xLearn AdaGrad, epochs by validation",
            k,
            lambda seed: fm_programs.xlearn(
                programs["xlearn"], "regression", data, k, 80, stop=True
            ),
            1,
        )
    return lines


def check_ratings(bars: Bars, name: str, lines: dict[Any, Line], factors) -> None:
    """The bars of one set of ratings."""
    for solver in SOLVERS:
        if (name, solver) in MAX_RMSE:
            value = lines["ours", solver].mean("RMSE")
            what = f"{name}: {solver}, defaults, mean test RMSE"
            bars.at_most(what, value, MAX_RMSE[name, solver])
    if name != AGAINST_MYFM:
        return
    for k in factors:
        own = lines["ours", k].mean("RMSE")
        theirs = [lines[key].mean("RMSE") for key in lines if key[:2] == ("myFM", k)]
        if theirs:
            what = f"{name}: mcmc, k = {k}, against myFM's better"
            bars.at_most(what, own, min(theirs))
        else:
            bars.not_measured(f"{name}: mcmc against myFM, k = {k}")


# --------------------------------------------------------------------------- labels
def classify(options, programs: dict[str, Any]) -> list[Line]:
    """All models of the generated set like click logs."""
    data, name, task = make_ctr(), "CTR-like", "classification"
    if options.quick:
        data.X_train, data.y_train = data.X_train[:20_000], data.y_train[:20_000]
    lines = [
        run(
            name,
            f"ours, {solver}, defaults",
            "",
            lambda seed, s=solver: ours(task, data, True, solver=s, random_state=seed),
            options.seeds,
        )
        for solver in SOLVERS
    ]
    peers: dict[str, Callable[[int], Peer]] = {}
    k = CTR_FACTORS
    if "myfm" in programs:
        peers[f"myFM, {CTR_DRAWS} draws"] = lambda seed: fm_libraries.myfm(
            task, data, k, CTR_DRAWS, seed=seed
        )
    if "fastFM" in programs:
        peers[f"fastFM MCMC, {CTR_DRAWS} draws"] = lambda seed: fm_libraries.fastfm(
            task, data, k, CTR_DRAWS
        )
    if "libfm" in programs:
        for method, epochs, decays in (
            ("mcmc", CTR_DRAWS, None),
            ("als", ALS_EPOCHS, [(r, r) for r in (1.0, 3.0, 10.0, 30.0)]),
            ("sgd", SGD_EPOCHS, [(r, r) for r in (0.0, 1e-4, 1e-3)]),
        ):
            peers[f"libFM {method}, {epochs} epochs"] = (
                lambda seed, m=method, e=epochs, d=decays: fm_programs.libfm(
                    programs["libfm"], task, data, k, e, method=m, decays=d, seed=seed
                )
            )
    if "xlearn" in programs:
        for optimizer in ("sgd", "adagrad"):
            peers[f"xLearn {optimizer}, epochs by validation"] = (
                lambda seed, o=optimizer: fm_programs.xlearn(
                    programs["xlearn"], task, data, k, 80, optimizer=o, stop=True
                )
            )
    for label, case in peers.items():
        lines.append(run(name, label, k, case, 1))
    lines.append(run(name, "LogisticRegression", 0, lambda _: logistic(data), 1))
    return lines


def logistic(data: Split) -> Peer:
    """LogisticRegression with the C that is best on the validation rows."""
    timing, best = Timing(), None
    for C in (0.01, 0.1, 1.0, 10.0):
        model = LogisticRegression(C=C, max_iter=300)
        timing.run(partial(model.fit, data.X_train, data.y_train))
        validation = class_figures(data.y_val, model.predict_proba(data.X_val)[:, 1])
        if best is None or validation["log-loss"] < best[0]:
            best = validation["log-loss"], model
    assert best is not None
    chance = best[1].predict_proba(data.X_test)[:, 1]
    epochs = int(best[1].n_iter_[0])
    return Peer(class_figures(data.y_test, chance), timing.seconds, epochs)


def headers(figures: tuple[str, ...]) -> list[str]:
    """Of a table of figures."""
    names = [name for figure in figures for name in (f"test {figure}", "range")]
    return ["data", "model", "k", "seeds", *names, "fit s", "epochs", "s an epoch"]


def main() -> None:
    """Print the tables and check the bars."""
    parser = make_parser(__doc__)
    fm_known.add_programs(parser)
    sets = (*RATINGS, "ctr")
    add_several(parser, "--datasets", sets)
    add_seeds(parser, "our fits")
    parser.add_argument("--peer-seeds", type=int, default=3, help="seeds of peers")
    parser.add_argument("--repeats", type=int, dest="seeds", help="the same as --seeds")
    parser.add_argument("--factors", type=int, nargs="+", default=FACTORS)
    add_quick(parser, "one seed, k = 8, few labelled rows")
    options = parser.parse_args()
    print_environment()
    if options.quick:
        options.seeds = options.peer_seeds = 1
        options.factors = FACTORS[:1]
        print("QUICK: one seed, one number of factors, few labelled rows.\n")
    programs = fm_known.present(options, ("myfm", "fastFM", "libfm", "xlearn"))
    ratings = {
        name: rate(name, options, programs)
        for name in RATINGS
        if name in options.datasets
    }
    labels = classify(options, programs) if "ctr" in options.datasets else []
    print()
    rows = [
        line.cells(("RMSE",)) for lines in ratings.values() for line in lines.values()
    ]
    if rows:
        print_table(headers(("RMSE",)), rows)
    if labels:
        figures = ("log-loss", "AUC")
        print_table(headers(figures), [line.cells(figures) for line in labels])
    print(
        "Range: largest minus least of the seeds. Fit s: of ours with validation; of "
        "peers the\ntraining alone, of the last of several settings; s an epoch: of "
        "myFM and libFM the median.\n"
    )
    bars = Bars()
    for name, lines in ratings.items():
        check_ratings(bars, name, lines, options.factors)
    bars.exit()


if __name__ == "__main__":
    main()
