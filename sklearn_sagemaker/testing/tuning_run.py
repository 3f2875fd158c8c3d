"""The execution of one tuning job: its training jobs, one after the other."""

from __future__ import annotations

import math
import random
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.errors import JobError, ServiceError
from sklearn_sagemaker.testing.outcomes import OUTCOME
from sklearn_sagemaker.testing.quotas import instances
from sklearn_sagemaker.testing.records import Record
from sklearn_sagemaker.testing.runs import Run
from sklearn_sagemaker.testing.training_jobs import ENDED, TrainingJobs
from sklearn_sagemaker.testing.training_run import VALUES
from sklearn_sagemaker.testing.tuning_checks import (
    definitions_of,
    epochs_of,
    most_jobs,
    objective_of,
    ranges_in,
    request_of,
)
from sklearn_sagemaker.testing.tuning_children import CHILDREN, best_of, settle
from sklearn_sagemaker.testing.tuning_stopping import MedianRule, Never, Rungs
from sklearn_sagemaker.testing.tuning_strategies import STRATEGIES

POLL_SECONDS = 0.02
ATTEMPTS = 5
"""After so many training jobs without a value of the objective a tuning job fails."""
Limit = Callable[[str, Any], None]
Tried = list[tuple[Mapping[str, str], float | None]]


class _Search:
    """The search of one definition."""

    def __init__(self, record: Record, definition: Record, seed: int, before: Tried):
        config = record["HyperParameterTuningJobConfig"]
        self.definition, self.before = definition, before
        self.name = definition.get("DefinitionName")
        self.ranges = ranges_in(record, definition)
        self.strategy = STRATEGIES[config["Strategy"]](self.ranges, seed)
        self.rule: Never = Never()
        if config["Strategy"] == "Hyperband":
            self.rule = Rungs(*epochs_of(config, definition))
        elif config["TrainingJobEarlyStoppingType"] == "Auto":
            self.rule = MedianRule()


class TuningRun(Run):
    """A tuning job that runs; see `Run`.

    Parameters
    ----------
    account : Account
    region : str
    record : dict
        Of the tuning job.
    training : TrainingJobs
    limit : callable
        ``limit(region, instances)`` raises where a quota allows no more of them.
    before : list of (values, value)
        What the parents of a warm start have tried.
    """

    def __init__(
        self,
        account: Account,
        region: str,
        record: Record,
        training: TrainingJobs,
        limit: Limit,
        before: Tried,
    ):
        super().__init__(account, region, record)
        self._training, self._limit = training, limit
        config = record["HyperParameterTuningJobConfig"]
        definitions = definitions_of(record)
        kind = objective_of(record, definitions[0])["Type"]
        self._sign = 1.0 if kind == "Maximize" else -1.0
        self._most = most_jobs(record)
        self._limits = config["ResourceLimits"]
        self._criteria = config.get("TuningJobCompletionCriteria", {})
        seed = config.get("RandomSeed")
        seeds = random.Random(secrets.randbits(64) if seed is None else seed)
        self._searches = [
            _Search(record, one, seeds.randrange(2**32), before) for one in definitions
        ]
        self._children: list[Record] = record[CHILDREN]
        self._next: tuple[_Search, dict[str, str]] | None = None
        self._exhausted = self._complete = False
        self._judged: Counter[str] = Counter()

    def _execute(self) -> None:
        outcome = self._record.get(OUTCOME)
        if outcome is not None:
            outcome.strike(self._asked)
            return
        try:
            self._search()
        finally:
            self._end_children()

    def _search(self) -> None:
        """Create training jobs until there are enough, or a stop is asked for."""
        end = monotonic() + self._limits.get("MaxRuntimeInSeconds", math.inf)
        while not self._asked.is_set():
            running = len(self._look())
            if self._meets_a_criterion():
                self._complete = True
                return
            if monotonic() > end:
                with self._account.lock:
                    self._record["HyperParameterTuningJobStatus"] = "Stopping"
                return
            while running < self._limits["MaxParallelTrainingJobs"] and self._start():
                running += 1
            if not running and self._next is None:
                self._complete = True
                return
            self._asked.wait(POLL_SECONDS)

    def _start(self) -> bool:
        """Create the next training job, if there is one and the quotas allow it."""
        if self._next is None and not self._exhausted:
            self._next = self._proposed()
            self._exhausted = self._next is None
        if self._next is None:
            return False
        search, tuned = self._next
        own = self._record["HyperParameterTuningJobName"]
        name = f"{own}-{len(self._children) + 1:03d}-{secrets.token_hex(4)}"
        request = request_of(self._record, search.definition, name, tuned)
        with self._account.lock:
            try:
                self._limit(self._region, instances(request))
            except ServiceError:
                return False
            outcome = self._account.outcome("CreateTrainingJob", name)
            if outcome is not None:
                request[OUTCOME] = outcome
            self._training.create(self._region, request)
            self._children.append(
                {
                    "name": name,
                    "definition": search.name,
                    "tuned": tuned,
                    "value": None,
                    "ended": False,
                }
            )
        self._next = None
        return True

    def _proposed(self) -> tuple[_Search, dict[str, str]] | None:
        """What to try next, of the definitions in turn."""
        number = len(self._children)
        if number >= self._most:
            return None
        for turn in range(len(self._searches)):
            search = self._searches[(number + turn) % len(self._searches)]
            tuned = self._proposed_by(search)
            if tuned is not None:
                return search, tuned
        return None

    def _proposed_by(self, search: _Search) -> dict[str, str] | None:
        tried: Tried = list(search.before)
        pending = []
        with self._account.lock:
            for child in self._children:
                if child["definition"] == search.name:
                    if child["ended"]:
                        value = child["value"]
                        signed = None if value is None else self._sign * value
                        tried.append((child["tuned"], signed))
                    else:
                        pending.append(child["tuned"])
        tuned = search.strategy.propose(tried, pending)
        if search.strategy.converged:
            with self._account.lock:
                details = self._record.setdefault("TuningJobCompletionDetails", {})
                details.setdefault("ConvergenceDetectedTime", now())
        return tuned

    def _look(self) -> list[Record]:
        """See how the training jobs are; those that run."""
        with self._account.lock:
            running = []
            for child in self._children:
                if child["ended"]:
                    continue
                found = self._training.records.find(self._region, child["name"])
                if found is None or found["TrainingJobStatus"] in ENDED:
                    settle(child, found)
                else:
                    self._stop_early(child, found)
                    running.append(child)
            if len(running) < len(self._children):
                self._record["LastModifiedTime"] = now()
            return running

    def _stop_early(self, child: Record, found: Record) -> None:
        """End a training job that is worse than the others were."""
        names = [search.name for search in self._searches]
        rule = self._searches[names.index(child["definition"])].rule
        values = found.get(VALUES, [])
        news = len(values) > self._judged[child["name"]]
        if not news or found["TrainingJobStatus"] != "InProgress":
            return
        self._judged[child["name"]] = len(values)
        others = []
        for other in self._children:
            alike = other is not child and other["definition"] == child["definition"]
            job = self._training.records.find(self._region, other["name"])
            if alike and job is not None:
                others.append([self._sign * value for value in job.get(VALUES, ())])
        if rule.stops([self._sign * value for value in values], others):
            self._training.stop(self._region, {"TrainingJobName": child["name"]})

    def _meets_a_criterion(self) -> bool:
        """Whether the training jobs so far are enough.

        Raises
        ------
        JobError
            If none of them has a value of the objective.
        """
        ended = [child for child in self._children if child["ended"]]
        values = [child["value"] for child in ended if child["value"] is not None]
        if not values:
            if len(ended) >= min(ATTEMPTS, self._most):
                raise JobError(_why_nothing(ended))
            return False
        best = best_of(ended, self._sign)
        assert best is not None
        since = sum(child["value"] is not None for child in ended[ended.index(best) :])
        with self._account.lock:
            details = self._record.setdefault("TuningJobCompletionDetails", {})
            details["NumberOfTrainingJobsObjectiveNotImproving"] = since - 1
        target = self._criteria.get("TargetObjectiveMetricValue")
        if target is not None and self._sign * (best["value"] - target) >= 0:
            return True
        patience = self._criteria.get("BestObjectiveNotImproving", {}).get(
            "MaxNumberOfTrainingJobsNotImproving"
        )
        if patience is not None and since > patience:
            return True
        wanted = self._criteria.get("ConvergenceDetected", {})
        return (
            wanted.get("CompleteOnConvergence") == "Enabled"
            and "ConvergenceDetectedTime" in details
        )

    def _end_children(self) -> None:
        """Stop the training jobs that run, and wait for their ends."""
        while not self._closing and (running := self._look()):
            with self._account.lock:
                for child in running:
                    found = self._training.records.get(self._region, child["name"])
                    if found["TrainingJobStatus"] == "InProgress":
                        asked = {"TrainingJobName": child["name"]}
                        self._training.stop(self._region, asked)
            sleep(POLL_SECONDS)

    def _end(self, reason: str | None) -> None:
        record = self._record
        status = "Completed" if self._complete else "Stopped"
        if reason is not None:
            status = "Failed"
        record["HyperParameterTuningJobStatus"] = status
        record["HyperParameterTuningEndTime"] = record["LastModifiedTime"] = now()


def _why_nothing(ended: list[Record]) -> str:
    """Why a tuning job fails none of whose training jobs has a value."""
    failed = [
        child.get("summary", {}).get("TrainingJobStatus") == "Failed" for child in ended
    ]
    if all(failed) and len(ended) < ATTEMPTS:
        what = "All training jobs failed."
    elif all(failed):
        what = f"No training job succeeded after {len(ended)} attempts."
    else:
        return (
            f"No objective metrics found after running {len(ended)} training jobs. "
            "Please ensure that the custom algorithm is emitting the objective metric "
            "as defined by the regular expression provided."
        )
    return (
        f"{what} Please take a look at the training job failures to get more details."
    )
