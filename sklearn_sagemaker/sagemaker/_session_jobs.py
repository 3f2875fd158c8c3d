"""The part of a session that is about jobs."""

from __future__ import annotations

import logging
from typing import Any

from sklearn_sagemaker.exceptions import AWSError, ResourceNotFoundError
from sklearn_sagemaker.sagemaker._logs import LogReader
from sklearn_sagemaker.sagemaker._names import check_name
from sklearn_sagemaker.sagemaker._session_clients import Clients
from sklearn_sagemaker.sagemaker._studio import Tags, tags_of
from sklearn_sagemaker.sagemaker._waiting import (
    COMPILATION,
    LONGEST_PAUSE,
    TRAINING,
    TRANSFORM,
    Kind,
    Screen,
    Transitions,
    wait,
)

_log = logging.getLogger(__name__)


class Jobs(Clients):
    """Training, transform and compilation jobs."""

    on_interrupt: str

    def create_training_job(self, request: dict[str, Any]) -> None:
        """Create a training job.

        Parameters
        ----------
        request : dict
            As boto3's ``create_training_job`` takes it. Tags of a project of Studio are
            added.

        Raises
        ------
        NameInUseError, QuotaExceededError, AWSError
        ValueError
            If the name, or the request, is malformed.
        """
        self._create_job(TRAINING, request)

    def create_transform_job(self, request: dict[str, Any]) -> None:
        """Create a batch transform.

        Parameters
        ----------
        request : dict
            As boto3's ``create_transform_job`` takes it. Tags of a project of Studio
            are added.

        Raises
        ------
        NameInUseError, QuotaExceededError, AWSError
        ValueError
            If the name, or the request, is malformed.
        """
        self._create_job(TRANSFORM, request)

    def _create_job(self, kind: Kind, request: dict[str, Any]) -> None:
        name = request[kind.argument]
        check_name(kind.noun, name, kind.longest)
        tags = tags_of(request.get("Tags"))
        if tags is not None:
            request = {**request, "Tags": tags}
        _log.info("Creating the %s", kind.what(name))
        self._create(
            kind.operation.replace("describe", "create"),
            kind.what(name),
            request,
            lambda: kind.describe(self, name),
        )

    def describe_training_job(self, job_name: str) -> dict[str, Any]:
        """What the service knows of a training job.

        Parameters
        ----------
        job_name : str

        Returns
        -------
        description : dict
        """
        return TRAINING.describe(self, job_name)

    def describe_transform_job(self, job_name: str) -> dict[str, Any]:
        """What the service knows of a batch transform.

        Parameters
        ----------
        job_name : str

        Returns
        -------
        description : dict
        """
        return TRANSFORM.describe(self, job_name)

    def stop_training_job(self, job_name: str) -> None:
        """Stop a training job; one that has ended is left as it is.

        Parameters
        ----------
        job_name : str
        """
        self._stop(TRAINING, job_name)

    def stop_transform_job(self, name: str) -> None:
        """Stop a batch transform; one that has ended is left as it is.

        Parameters
        ----------
        name : str
        """
        self._stop(TRANSFORM, name)

    def stop_compilation_job(self, name: str) -> None:
        """Stop a compilation job; one that has ended is left as it is.

        Parameters
        ----------
        name : str
        """
        self._stop(COMPILATION, name)

    def _stop(self, kind: Kind, name: str) -> None:
        operation = kind.operation.replace("describe", "stop")
        try:
            self._call("sagemaker", operation, kind.what(name), **{kind.argument: name})
        except ResourceNotFoundError:
            raise
        except AWSError as error:
            if error.code != "ValidationException":
                raise
            _log.info("The %s runs no longer.", kind.what(name))

    def update_training_job(
        self,
        job_name: str,
        profiler_rule_configs: list[dict[str, Any]] | None = None,
        profiler_config: dict[str, Any] | None = None,
        resource_config: dict[str, Any] | None = None,
        remote_debug_config: dict[str, Any] | None = None,
    ) -> None:
        """Change a training job that runs, or the warm pool of one that has ended.

        Parameters
        ----------
        job_name : str
        profiler_rule_configs : list of dict or None, default=None
        profiler_config, remote_debug_config : dict or None, default=None
        resource_config : dict or None, default=None
            Such as ``{"KeepAlivePeriodInSeconds": 0}``.
        """
        given = {
            "ProfilerRuleConfigurations": profiler_rule_configs,
            "ProfilerConfig": profiler_config,
            "ResourceConfig": resource_config,
            "RemoteDebugConfig": remote_debug_config,
        }
        self._call(
            "sagemaker",
            "update_training_job",
            TRAINING.what(job_name),
            TrainingJobName=job_name,
            **{name: value for name, value in given.items() if value is not None},
        )

    def compile_model(
        self,
        input_model_config: dict[str, Any],
        output_model_config: dict[str, Any],
        role: str | None = None,
        job_name: str | None = None,
        stop_condition: dict[str, Any] | None = None,
        tags: Tags | None = None,
    ) -> None:
        """Create a compilation job of SageMaker Neo.

        Parameters
        ----------
        input_model_config, output_model_config : dict
            ``InputConfig`` and ``OutputConfig`` of the request.
        role : str
            ARN.
        job_name : str
        stop_condition : dict
        tags : list of dict, dict, or None, default=None
        """
        request = {
            "InputConfig": input_model_config,
            "OutputConfig": output_model_config,
            "RoleArn": role,
            "StoppingCondition": stop_condition,
            "CompilationJobName": job_name,
            "Tags": tags,
        }
        self._create_job(
            COMPILATION, {name: value for name, value in request.items() if value}
        )

    def wait_for_job(
        self,
        job: str,
        poll: float = LONGEST_PAUSE,
        *,
        timeout: float | None = None,
        on_interrupt: str | None = None,
        quiet: bool = False,
    ) -> dict[str, Any]:
        """Wait for the end of a training job, and print its statuses.

        Parameters
        ----------
        job : str
        poll : float, default=30
            Longest pause between two polls; the first is 0.2 s, and each is twice as
            long as the one before.
        timeout : float or None, default=None
            Seconds after which waiting ends; the job goes on.
        on_interrupt : {"leave", "stop"} or None, default=None
            What becomes of the job when waiting is interrupted by Ctrl-C. None takes
            what the session has.
        quiet : bool, default=False
            Whether nothing is printed.

        Returns
        -------
        description : dict

        Raises
        ------
        TrainingJobFailedError
            If it fails; `TrainingJobStoppedError` if it is stopped.
        WaitTimeoutError
        AWSError
            If it cannot be asked for any more; the job goes on.
        """
        return self._wait(
            TRAINING,
            job,
            poll=poll,
            timeout=timeout,
            on_interrupt=on_interrupt,
            quiet=quiet,
        )

    def wait_for_transform_job(
        self,
        job: str,
        poll: float = LONGEST_PAUSE,
        *,
        timeout: float | None = None,
        on_interrupt: str | None = None,
        quiet: bool = False,
    ) -> dict[str, Any]:
        """Wait for the end of a batch transform, and print its statuses.

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
            If it fails; `JobStoppedError` if it is stopped.
        WaitTimeoutError
        AWSError
            If it cannot be asked for any more; the job goes on.
        """
        return self._wait(
            TRANSFORM,
            job,
            poll=poll,
            timeout=timeout,
            on_interrupt=on_interrupt,
            quiet=quiet,
        )

    def wait_for_compilation_job(
        self, job: str, poll: float = LONGEST_PAUSE, *, timeout: float | None = None
    ) -> dict[str, Any]:
        """Wait for the end of a compilation job, and print its statuses.

        Parameters
        ----------
        job : str
        poll, timeout : object
            As of `wait_for_job`.

        Returns
        -------
        description : dict

        Raises
        ------
        JobFailedError
            If it fails; `JobStoppedError` if it is stopped.
        """
        return self._wait(COMPILATION, job, poll=poll, timeout=timeout)

    def _wait(
        self,
        kind: Kind,
        name: str,
        *,
        on_interrupt: str | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        return wait(
            self,
            kind,
            name,
            on_interrupt=on_interrupt or self.on_interrupt,
            **options,
        )

    def logs_for_job(
        self,
        job_name: str,
        wait: bool = False,
        poll: float = LONGEST_PAUSE,
        log_type: str | bool = "All",
        timeout: float | None = None,
        *,
        on_interrupt: str | None = None,
    ) -> dict[str, Any]:
        """Print what a training job has printed, with its statuses.

        Parameters
        ----------
        job_name : str
        wait : bool, default=False
            Whether to go on until the job has ended.
        poll, timeout, on_interrupt : object
            As of `wait_for_job`.
        log_type : str or bool, default="All"
            "All" or "Training" for the lines of the hosts; "None" or "Rules" for none.

        Returns
        -------
        description : dict

        Raises
        ------
        TrainingJobFailedError
            If it fails while it is waited for; `TrainingJobStoppedError` if it is
            stopped.
        WaitTimeoutError
        AWSError
            If it cannot be asked for any more; the job goes on.
        """
        show = log_type in ("All", "Training", True)
        return self._logs(TRAINING, job_name, wait, show, poll, timeout, on_interrupt)

    def logs_for_transform_job(
        self,
        job_name: str,
        wait: bool = False,
        poll: float = LONGEST_PAUSE,
        *,
        timeout: float | None = None,
        on_interrupt: str | None = None,
    ) -> dict[str, Any]:
        """Print what the hosts of a batch transform have printed.

        Parameters
        ----------
        job_name : str
        wait : bool, default=False
            Whether to go on until the job has ended.
        poll, timeout, on_interrupt : object
            As of `wait_for_job`.

        Returns
        -------
        description : dict

        Raises
        ------
        JobFailedError
            If it fails while it is waited for; `JobStoppedError` if it is stopped.
        """
        return self._logs(TRANSFORM, job_name, wait, True, poll, timeout, on_interrupt)

    def _logs(
        self,
        kind: Kind,
        name: str,
        waits: bool,
        show: bool,
        poll: float,
        timeout: float | None,
        on_interrupt: str | None,
    ) -> dict[str, Any]:
        logs = LogReader(self, kind.group or "", f"{name}/") if show else None
        if waits:
            return self._wait(
                kind,
                name,
                logs=logs,
                poll=poll,
                timeout=timeout,
                on_interrupt=on_interrupt,
            )
        found = kind.describe(self, name)
        news = Transitions(kind).new(found)
        news += [(line.time, line.text) for line in logs.read()] if logs else []
        ordered = sorted(news, key=lambda item: item[0])
        Screen(quiet=False).lines([text for _, text in ordered])
        return found
