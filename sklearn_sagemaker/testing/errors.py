"""Refusals with the service's codes."""

from __future__ import annotations


class ServiceError(Exception):
    """A request that the service refuses.

    Parameters
    ----------
    code : str
        Such as ``ValidationException``.
    message : str
    status : int, default=400
        Of the HTTP answer.
    """

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.code, self.status = code, status


def invalid(message: str) -> ServiceError:
    """A request that is wrong in itself."""
    return ServiceError("ValidationException", message)


def unknown_operation(name: str) -> ServiceError:
    """An operation that neither the emulator nor moto has."""
    return ServiceError(
        "UnknownOperationException", f"The emulator does not have the operation {name}."
    )


class JobError(Exception):
    """Why a job fails, as its FailureReason says it."""
