"""The part of a session that is about tuning jobs."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker.sagemaker._session_jobs import Jobs
from sklearn_sagemaker.sagemaker._waiting import LONGEST_PAUSE, TUNING


class Tuning(Jobs):
    """Tuning jobs."""

    def create_tuning_job(self, request: dict[str, Any]) -> None:
        """Create a tuning job.

        Parameters
        ----------
        request : dict
            As boto3's ``create_hyper_parameter_tuning_job`` takes it. Tags of a project
            of Studio are added.

        Raises
        ------
        NameInUseError, QuotaExceededError, AWSError
        ValueError
            If the name, or the request, is malformed.
        """
        self._create_job(TUNING, request)

    def describe_tuning_job(self, job_name: str) -> dict[str, Any]:
        """What the service knows of a tuning job.

        Parameters
        ----------
        job_name : str

        Returns
        -------
        description : dict
        """
        return TUNING.describe(self, job_name)

    def stop_tuning_job(self, name: str) -> None:
        """Stop a tuning job and its training jobs; one that has ended is left as it is.

        Parameters
        ----------
        name : str
        """
        self._stop(TUNING, name)

    def wait_for_tuning_job(
        self,
        job: str,
        poll: float = LONGEST_PAUSE,
        *,
        timeout: float | None = None,
        on_interrupt: str | None = None,
        quiet: bool = False,
    ) -> dict[str, Any]:
        """Wait for the end of a tuning job, and print its statuses.

        One that is stopped has ended well: what it has found is found.

        Parameters
        ----------
        job : str
        poll, timeout, on_interrupt, quiet : object
            As of `wait_for_job`.

        Returns
        -------
        description : dict

        Raises
        ------
        JobFailedError
            If it fails.
        WaitTimeoutError
        AWSError
            If it cannot be asked for any more; the job goes on.
        """
        return self._wait(
            TUNING,
            job,
            poll=poll,
            timeout=timeout,
            on_interrupt=on_interrupt,
            quiet=quiet,
        )

    def training_jobs_of_tuning_job(self, name: str) -> list[dict[str, Any]]:
        """Summaries of the training jobs of a tuning job, by their names.

        Parameters
        ----------
        name : str

        Returns
        -------
        summaries : list of dict
        """
        pages = self._pages(
            "list_training_jobs_for_hyper_parameter_tuning_job",
            TUNING.what(name),
            HyperParameterTuningJobName=name,
            MaxResults=100,
        )
        return [one for page in pages for one in page["TrainingJobSummaries"]]
