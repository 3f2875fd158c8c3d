"""Operations on tuning jobs."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.control import Operation, tag
from sklearn_sagemaker.testing.errors import ServiceError, invalid
from sklearn_sagemaker.testing.outcomes import LOST
from sklearn_sagemaker.testing.quotas import instances
from sklearn_sagemaker.testing.records import Record, Records, paged
from sklearn_sagemaker.testing.training_jobs import TrainingJobs
from sklearn_sagemaker.testing.tuning_checks import (
    check_parents,
    complete,
    definitions_of,
    ranges_in,
    request_of,
)
from sklearn_sagemaker.testing.tuning_children import (
    CHILDREN,
    best_of,
    counters,
    settle,
    sign_of,
    summary,
)
from sklearn_sagemaker.testing.tuning_run import Limit, Tried, TuningRun

KIND = "HyperParameterTuningJob"
NAME, STATUS = f"{KIND}Name", f"{KIND}Status"
ENDED = ("Completed", "Failed", "Stopped")
MOST_AT_ONCE = 100
_SORTED = {
    "Name": "TrainingJobName",
    "CreationTime": "CreationTime",
    "Status": "TrainingJobStatus",
}


class TuningJobs:
    """The tuning jobs of an account.

    Parameters
    ----------
    account : Account
    training : TrainingJobs
    limit : callable
        ``limit(region, instances)`` raises where a quota allows no more of them.
    """

    def __init__(self, account: Account, training: TrainingJobs, limit: Limit):
        self._account, self._training, self._limit = account, training, limit

        def missing(region: str, name: str) -> str:
            arn = account.arn(region, "hyper-parameter-tuning-job", name)
            return f"Amazon SageMaker can't find a tuning job with the ARN {arn}."

        self.records = Records(KIND, missing, unknown="ResourceNotFound")
        self._runs: dict[str, TuningRun] = {}

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            f"Create{KIND}": self.create,
            f"Describe{KIND}": self.describe,
            f"List{KIND}s": self.list,
            f"ListTrainingJobsFor{KIND}": self.list_training_jobs,
            f"Stop{KIND}": self.stop,
            f"Delete{KIND}": self.delete,
        }

    def create(self, region: str, request: Record) -> Record:
        """Take a tuning job, and start it."""
        record = copy.deepcopy(request)
        complete(record)
        name = record[NAME]
        arn = self._account.arn(region, "hyper-parameter-tuning-job", name)
        time = now()
        record.update(
            {
                f"{KIND}Arn": arn,
                STATUS: "InProgress",
                "CreationTime": time,
                "LastModifiedTime": time,
                CHILDREN: [],
            }
        )
        before = self._before(region, record)
        parallel = record[f"{KIND}Config"]["ResourceLimits"]["MaxParallelTrainingJobs"]
        for definition in definitions_of(record):
            sample = request_of(record, definition, f"{name}-001-00000000", {})
            self._training.check(sample)
            asked = instances(sample)
            for kind in asked:
                asked[kind] *= parallel
            self._limit(region, asked)
        running = [one for one in self.records.all(region) if one[STATUS] not in ENDED]
        if len(running) >= MOST_AT_ONCE:
            raise ServiceError(
                "ResourceLimitExceeded",
                "The account-level service limit 'Number of parallel hyperparameter "
                f"tuning jobs' is {MOST_AT_ONCE}, with current utilization of "
                f"{len(running)} and a request delta of 1.",
            )
        self.records.add(region, record)
        tag(self._account, arn, request)
        run = TuningRun(
            self._account, region, record, self._training, self._limit, before
        )
        run.start()
        self._runs[arn] = run
        return {f"{KIND}Arn": arn}

    def _before(self, region: str, record: Record) -> Tried:
        """What the parents of a warm start have tried."""
        names = _parents(record)
        if not names:
            return []
        parents = {name: self.records.get(region, name) for name in names}
        check_parents(record, parents)
        ranges = ranges_in(record, record["TrainingJobDefinition"])
        sign = sign_of(record)
        found: Tried = []
        for parent in parents.values():
            static = parent["TrainingJobDefinition"]["StaticHyperParameters"]
            for child in parent[CHILDREN]:
                values = {**static, **child["tuned"]}
                inside = all(one.has(values.get(one.name, "")) for one in ranges)
                if inside and child["value"] is not None:
                    tuned = {one.name: values[one.name] for one in ranges}
                    found.append((tuned, sign * child["value"]))
        return found

    def describe(self, region: str, request: Record) -> Record:
        """Say how a tuning job is."""
        return self.described(region, self.records.get(region, request[NAME]))

    def described(self, region: str, record: Record) -> Record:
        """A record, and what its training jobs have come to."""
        sign = sign_of(record)
        found = {**record, **counters(record)}
        best = best_of(record[CHILDREN], sign)
        if best is not None:
            found["BestTrainingJob"] = self._summary(region, record, best)
        seconds = sum(child.get("seconds", 0) for child in record[CHILDREN])
        found["ConsumedResources"] = {"RuntimeInSeconds": seconds}
        warm = record.get("WarmStartConfig", {})
        if warm.get("WarmStartType") == "IdenticalDataAndAlgorithm":
            known = {one[NAME]: one for one in self.records.all(region)}
            all_jobs = [record, *(known[n] for n in _parents(record) if n in known)]
            pairs = [(one, best_of(one[CHILDREN], sign)) for one in all_jobs]
            valued = [(one, child) for one, child in pairs if child is not None]
            if valued:
                one, child = max(valued, key=lambda pair: sign * pair[1]["value"])
                found["OverallBestTrainingJob"] = self._summary(region, one, child)
        return found

    def _summary(self, region: str, record: Record, child: Record) -> Record:
        found = self._training.records.find(region, child["name"])
        return summary(record, child, found)

    def list(self, region: str, request: Record) -> Record:
        """List tuning jobs."""
        answer = self.records.page(region, request, f"{KIND}Summaries")
        answer[f"{KIND}Summaries"] = [
            {
                **record,
                **counters(record),
                "Strategy": record[f"{KIND}Config"]["Strategy"],
                "ResourceLimits": record[f"{KIND}Config"]["ResourceLimits"],
            }
            for record in answer[f"{KIND}Summaries"]
        ]
        return answer

    def list_training_jobs(self, region: str, request: Record) -> Record:
        """List the training jobs of a tuning job."""
        record = self.records.get(region, request[NAME])
        found = [self._summary(region, record, child) for child in record[CHILDREN]]
        # One that was deleted while it ran has left nothing to tell.
        found = [item for item in found if "TrainingJobArn" in item]
        wanted = request.get("StatusEquals")
        if wanted is not None:
            found = [item for item in found if item["TrainingJobStatus"] == wanted]
        key = request.get("SortBy", "Name")
        if key == "FinalObjectiveMetricValue":
            final = "FinalHyperParameterTuningJobObjectiveMetric"
            found = [item for item in found if final in item]
            found.sort(key=lambda item: item[final]["Value"])
        else:
            found.sort(key=lambda item: item[_SORTED[key]])
        if request.get("SortOrder", "Ascending") == "Descending":
            found.reverse()
        return paged(found, request, "TrainingJobSummaries")

    def stop(self, region: str, request: Record) -> Record:
        """Ask a tuning job to stop, and its training jobs."""
        record = self.records.get(region, request[NAME])
        if record[STATUS] in ENDED:
            raise invalid(
                "The request was rejected because the hyperparameter tuning job is in "
                f"status {record[STATUS]}."
            )
        record[STATUS] = "Stopping"
        self._runs[record[f"{KIND}Arn"]].stop()
        return {}

    def delete(self, region: str, request: Record) -> Record:
        """Forget a tuning job that has ended; its training jobs stay."""
        record = self.records.get(region, request[NAME])
        if record[STATUS] not in ENDED:
            raise invalid(
                "The request was rejected because the hyperparameter tuning job is in "
                f"status {record[STATUS]}."
            )
        self.records.remove(region, request[NAME])
        self._runs.pop(record[f"{KIND}Arn"], None)
        self._account.tags.pop(record[f"{KIND}Arn"], None)
        return {}

    def load(self, items: Iterable[tuple[str, str, Record]]) -> None:
        """Bring back jobs of an emulator that has ended, and with it those that ran.

        The training jobs must be there.
        """
        self.records.load(items)
        for region, _, record in items:
            for child in record[CHILDREN]:
                if not child["ended"]:
                    settle(child, self._training.records.find(region, child["name"]))
            if record[STATUS] not in ENDED:
                record[STATUS] = "Failed"
                record["FailureReason"] = LOST

    def close(self) -> None:
        """End the tuning jobs that run; their training jobs are ended by others."""
        for run in list(self._runs.values()):
            run.close()


def _parents(record: Record) -> list[Any]:
    warm = record.get("WarmStartConfig", {})
    return [one[NAME] for one in warm.get("ParentHyperParameterTuningJobs", ())]
