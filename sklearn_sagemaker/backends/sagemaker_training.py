"""A training job that a fit has created, or somebody else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sklearn_sagemaker._state import ModelState, PendingTraining
from sklearn_sagemaker.sagemaker.training_access import Access


@dataclass(frozen=True)
class SageMakerTraining(PendingTraining):
    """A training job of SageMaker.

    Attributes
    ----------
    job : str
        Its name.
    access : Access
        Whose account it is in.
    poll : float
        Longest pause in seconds between two looks at it.
    prices : dict of str to float
        Of an hour of an instance type.
    on_interrupt : {"leave", "stop"}
        What becomes of it when waiting is interrupted by Ctrl-C.
    quiet : bool
        Whether its log is not shown.
    """

    job: str
    access: Access = field(default_factory=Access)
    poll: float = 30.0
    prices: dict[str, float] = field(default_factory=dict)
    on_interrupt: str = "leave"
    quiet: bool = True

    @property
    def name(self) -> str:
        """By which the job is found again."""
        return self.job

    def result(self, timeout: float | None = None) -> ModelState:
        """Wait for the model; see `PendingTraining`."""
        return self.wait(self.access.session(), timeout)

    def wait(self, session: Any, timeout: float | None = None) -> ModelState:
        """The same in a session that there is already."""
        # Late: a fit that trains here reads no files.
        from sklearn_sagemaker.backends.sagemaker_model import model_of
        from sklearn_sagemaker.sagemaker._logs import LogReader
        from sklearn_sagemaker.sagemaker._waiting import TRAINING, wait

        logs = None
        if not self.quiet:
            logs = LogReader(session, TRAINING.group or "", f"{self.job}/")
        description = wait(
            session,
            TRAINING,
            self.job,
            logs=logs,
            poll=self.poll,
            timeout=timeout,
            on_interrupt=self.on_interrupt,
            quiet=self.quiet,
        )
        return model_of(session, self.access, description, self.prices)

    def trained(self) -> Any:
        """What it trains, in terms of an estimator.

        Returns
        -------
        trained : Trained

        Raises
        ------
        ResourceNotFoundError
            If there is no such job.
        ValueError
            If it is of another algorithm.
        """
        from sklearn_sagemaker.backends.sagemaker_model import trained_by
        from sklearn_sagemaker.sagemaker._waiting import TRAINING

        session = self.access.session()
        return trained_by(session, self.access, TRAINING.describe(session, self.job))
