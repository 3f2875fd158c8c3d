"""From a model to an endpoint in service, and back: nothing is left half made."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from sklearn_sagemaker.exceptions import (
    AWSError,
    EndpointFailedError,
    NameInUseError,
    ResourceNotFoundError,
    UnexpectedStatusException,
)
from sklearn_sagemaker.sagemaker._names import check_name, name_from_base

logger = logging.getLogger(__name__)


def put_in_service(
    session: Any,
    endpoint_name: str,
    create_model: Callable[[], str | None],
    configuration: dict[str, Any],
    *,
    tags: list[dict[str, str]] | None,
    update: bool,
    wait: bool,
) -> None:
    """Create a model, a configuration and an endpoint, or update that endpoint.

    Parameters
    ----------
    session : Session
    endpoint_name : str
    create_model : callable
        Creates the model; returns its name if that is new, and None if it was there.
    configuration : dict
        ``variants`` and further members of the endpoint's configuration.
    tags : list of dict or None
    update : bool
        Whether the endpoint exists. When it is updated, what it had is deleted.
    wait : bool
        Whether to wait until it is in service. Without, an update leaves what the
        endpoint had, as it is in use.

    Raises
    ------
    NameInUseError
        If there is an endpoint of that name, and it is not to be updated.
    EndpointFailedError
        If it does not come into service, or rolls back; what was created is deleted.
    ValueError
        If there is none to update.
    """
    check_name("endpoint", endpoint_name)
    before = _describe(session, endpoint_name)
    if update and before is None:
        raise ValueError(
            f"There is no endpoint {endpoint_name!r} to update; deploy without "
            "update_endpoint=True creates it."
        )
    if not update and before is not None:
        raise _taken(endpoint_name)
    with _undone(session) as made:
        if (model := create_model()) is not None:
            made.append(("model", model))
        config = _configure(session, endpoint_name, configuration, update)
        made.append(("endpoint_config", config))
        if before is None:
            session.create_endpoint(endpoint_name, config, tags=tags, wait=False)
            made.append(("endpoint", endpoint_name))
        else:
            session.update_endpoint(endpoint_name, config, wait=False)
        if not wait:
            if before is not None:
                logger.warning(
                    "The configuration %s and its models stay: the endpoint %s has "
                    "them until it is updated.",
                    before["EndpointConfigName"],
                    endpoint_name,
                )
            return
        with _left_alone(endpoint_name):
            session.wait_for_endpoint(endpoint_name)
        if before is not None:
            _check_update(session, endpoint_name, config)
    if before is not None:
        kept = {variant.get("ModelName") for variant in configuration["variants"]}
        _delete_configuration(session, before["EndpointConfigName"], kept)


class _Unfinished(Exception):  # noqa: N818 - it is no error, but leaves a block
    """The wait for an endpoint was given up, and the endpoint may come yet."""


@contextlib.contextmanager
def _left_alone(endpoint_name: str) -> Iterator[None]:
    """Keep an endpoint whose wait is given up: it is being made, and will come."""
    try:
        yield
    except (UnexpectedStatusException, ResourceNotFoundError):
        raise
    except BaseException as error:
        logger.warning(
            "The wait for the endpoint %s ended (%s); it is still being made, and is "
            "billed when it is in service. Session().wait_for_endpoint(%r) waits on, "
            "Predictor(%r).delete_endpoint() deletes it.",
            endpoint_name,
            type(error).__name__,
            endpoint_name,
            endpoint_name,
        )
        raise _Unfinished from error


@contextlib.contextmanager
def _undone(session: Any) -> Iterator[list[tuple[str, str]]]:
    """Delete what was made, the last first, if the block fails."""
    made: list[tuple[str, str]] = []
    try:
        yield made
    except _Unfinished as left:
        error = left.__cause__
        assert error is not None
        raise error from None
    except BaseException:
        for kind, name in reversed(made):
            _delete_quietly(session, kind, name)
        raise


def _describe(session: Any, name: str) -> dict[str, Any] | None:
    with contextlib.suppress(ResourceNotFoundError):
        return session.describe_endpoint(name)
    return None


def _taken(name: str) -> NameInUseError:
    return NameInUseError(
        f"There is an endpoint {name!r} already. Deploy under another name by "
        "endpoint_name=..., or put this model behind it by update_endpoint=True.",
        "CreateEndpoint",
        "ValidationException",
    )


def _configure(
    session: Any, endpoint_name: str, configuration: dict[str, Any], update: bool
) -> str:
    """Create the configuration; its name, which is the endpoint's if that is free."""
    other = name_from_base(endpoint_name)
    if update:
        return session._create_config(other, role=None, **configuration)
    try:
        return session._create_config(endpoint_name, role=None, **configuration)
    except NameInUseError:
        # Of an endpoint that is gone.
        return session._create_config(other, role=None, **configuration)


def _check_update(session: Any, name: str, config: str) -> None:
    """An update that fails leaves the endpoint in service with what it had."""
    found = _describe(session, name) or {}
    if found.get("EndpointConfigName") != config:
        reason = found.get("FailureReason", "no reason given")
        raise EndpointFailedError(
            f"The endpoint {name!r} was not updated and serves what it did before: "
            f"{reason}",
            ["InService"],
            found.get("EndpointStatus", "unknown"),
        )


def _delete_configuration(session: Any, name: str, kept: set[Any]) -> None:
    """Delete a configuration and its models, but those that are kept."""
    variants: list[dict[str, Any]] = []
    with contextlib.suppress(ResourceNotFoundError):
        variants = session.describe_endpoint_config(name)["ProductionVariants"]
    _delete_quietly(session, "endpoint_config", name)
    models = {each["ModelName"] for each in variants if "ModelName" in each}
    for model in models - kept:
        _delete_quietly(session, "model", model)


def _delete_quietly(session: Any, kind: str, name: str) -> None:
    """Delete it, and tell what could not be deleted."""
    try:
        getattr(session, f"delete_{kind}")(name)
    except ResourceNotFoundError:
        pass
    except AWSError as error:
        logger.warning("%s was not deleted: %s", name, error)
