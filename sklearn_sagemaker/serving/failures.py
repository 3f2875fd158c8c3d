"""Why a job fails, for SageMaker and for its log."""

from __future__ import annotations

import traceback

from sklearn_sagemaker.exceptions import JobHostsError
from sklearn_sagemaker.serving.cluster.job_cluster import EndedElsewhereError
from sklearn_sagemaker.serving.logs import JobLog
from sklearn_sagemaker.serving.train_job import Folders

FAILED = 1
"""Exit code of a job that has failed."""


class HyperparameterError(ValueError):
    """The hyperparameters of the job are not those of the algorithm."""


def reason(error: Exception) -> str:
    """Why a job failed, as the built-in algorithms say it.

    What is wrong with the job's data is a ``ClientError``; hyperparameters, and
    everything else, is an ``AlgorithmError``. All hosts of a job say that of the first.
    """
    if isinstance(error, EndedElsewhereError):
        return str(error)
    theirs = isinstance(error, ValueError) and not isinstance(
        error, HyperparameterError | FloatingPointError | MemoryError
    )
    text = str(error) or type(error).__name__
    return f"{'ClientError' if theirs else 'AlgorithmError'}: {text}"


def fail(error: Exception, folders: Folders, log: JobLog) -> int:
    """Say why the job fails; the program's exit code.

    Parameters
    ----------
    error : Exception
    folders : Folders
    log : JobLog
    """
    said = reason(error)
    log.line(said, "ERROR")
    known = isinstance(error, ValueError | JobHostsError)
    if said.startswith("AlgorithmError") and not known:
        traceback.print_exception(error)
    folders.failure.parent.mkdir(parents=True, exist_ok=True)
    folders.failure.write_text(said, encoding="utf-8")
    return FAILED
