"""An endpoint that exists: what is behind it, updates, and its end."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from typing import Any, Self

from sklearn_sagemaker.exceptions import (
    AWSError,
    CleanUpError,
    ResourceNotFoundError,
)
from sklearn_sagemaker.sagemaker._late_session import LateSession
from sklearn_sagemaker.sagemaker._names import name_from_base
from sklearn_sagemaker.sagemaker._variants import production_variant

_log = logging.getLogger(__name__)


class DeployedEndpoint(LateSession):
    """An endpoint of a session.

    Parameters
    ----------
    endpoint_name : str
    sagemaker_session : Session or None
        None makes one when it is needed.
    """

    def __init__(self, endpoint_name: str, sagemaker_session: Any):
        self.endpoint_name = endpoint_name
        self._session = sagemaker_session
        # Name of the configuration and its variants; None if they cannot be seen.
        self._found: tuple[str, list[dict[str, Any]] | None] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint_name={self.endpoint_name!r})"

    def _look_up(self) -> tuple[str, list[dict[str, Any]] | None]:
        """The configuration and its variants; kept for when the endpoint is gone."""
        session = self.sagemaker_session
        name = session.describe_endpoint(self.endpoint_name)["EndpointConfigName"]
        if self._found is None or self._found[0] != name:
            self._found = (name, None)
            with contextlib.suppress(AWSError):
                config = session.describe_endpoint_config(name)
                self._found = (name, config["ProductionVariants"])
        return self._found

    def _seen(self) -> tuple[str, list[dict[str, Any]] | None]:
        """The same, as it was when it was looked up last."""
        return self._found or self._look_up()

    @property
    def _models(self) -> list[str]:
        variants = self._found[1] if self._found else None
        return [v["ModelName"] for v in variants or () if "ModelName" in v]

    def update_endpoint(
        self,
        initial_instance_count: int | None = None,
        instance_type: str | None = None,
        accelerator_type: str | None = None,
        model_name: str | None = None,
        tags: Any = None,
        kms_key: str | None = None,
        data_capture_config_dict: dict[str, Any] | None = None,
        max_instance_count: int | None = None,
        min_instance_count: int | None = None,
        wait: bool = True,
    ) -> None:
        """Put the endpoint on other instances, or another model behind it.

        A new configuration is made of the one that it has; that one stays.

        Parameters
        ----------
        initial_instance_count, instance_type : int, str or None, default=None
            Must come together, and with any of the two that follow.
        accelerator_type : str or None, default=None
        model_name : str or None, default=None
            None is the model that it has.
        tags : list of dict, dict or None, default=None
            Of the configuration; None takes those of the old one.
        kms_key : str or None, default=None
        data_capture_config_dict : dict or None, default=None
        max_instance_count, min_instance_count : int or None, default=None
            Bounds of scaling.
        wait : bool, default=True
            Whether to wait until it is in service again.

        Raises
        ------
        ValueError
            If one of count and type is missing, or there are several models and none
            is named.
        EndpointFailedError
            If the update fails.
        """
        old, _ = self._look_up()
        models = self._models
        variants = None
        if initial_instance_count or instance_type or accelerator_type or model_name:
            if instance_type is None or initial_instance_count is None:
                raise ValueError(
                    "Missing initial_instance_count and/or instance_type: "
                    f"initial_instance_count={initial_instance_count!r}, "
                    f"instance_type={instance_type!r}; a new variant needs both."
                )
            if model_name is None and len(models) != 1:
                raise ValueError(
                    f"The endpoint has {len(models)} models ({', '.join(models)}); say "
                    "which one by model_name=."
                )
            scaling = {
                name: count
                for name, count in (
                    ("MaxInstanceCount", max_instance_count),
                    ("MinInstanceCount", min_instance_count),
                )
                if count
            }
            variants = [
                production_variant(
                    model_name or models[0],
                    instance_type,
                    initial_instance_count,
                    accelerator_type=accelerator_type,
                    managed_instance_scaling=scaling or None,
                )
            ]
        self._reconfigure(
            old,
            name_from_base(old),
            wait,
            new_tags=tags,
            new_kms_key=kms_key,
            new_data_capture_config_dict=data_capture_config_dict,
            new_production_variants=variants,
        )

    def _reconfigure(self, old: str, name: str, wait: bool, **changes: Any) -> None:
        """Put a changed copy of a configuration behind the endpoint."""
        session = self.sagemaker_session
        session.create_endpoint_config_from_existing(old, name, **changes)
        session.update_endpoint(self.endpoint_name, name, wait=wait)
        self._found = None

    def update_data_capture_config(self, data_capture_config: Any) -> None:
        """Change what is kept of requests and answers, and wait for it.

        Parameters
        ----------
        data_capture_config : DataCaptureConfig
        """
        self._reconfigure(
            self._look_up()[0],
            name_from_base(self.endpoint_name),
            True,
            new_data_capture_config_dict=data_capture_config._to_request_dict(),
        )

    def enable_data_capture(self) -> None:
        """Keep requests and answers in the session's default bucket."""
        self.update_data_capture_config(self._capture(True))

    def disable_data_capture(self) -> None:
        """Keep requests and answers no more."""
        self.update_data_capture_config(self._capture(False))

    def _capture(self, enable: bool) -> Any:
        from sklearn_sagemaker.sagemaker.model_monitor import DataCaptureConfig

        return DataCaptureConfig(enable, sagemaker_session=self.sagemaker_session)

    def delete_endpoint(self, delete_endpoint_config: bool = True) -> None:
        """Delete the endpoint.

        Parameters
        ----------
        delete_endpoint_config : bool, default=True
            Whether to delete its configuration, too.

        Raises
        ------
        ResourceNotFoundError
            If there is none of this name.
        """
        config, _ = self._look_up()
        session = self.sagemaker_session
        if delete_endpoint_config:
            with contextlib.suppress(ResourceNotFoundError):
                session.delete_endpoint_config(config)
        session.delete_endpoint(self.endpoint_name)

    def delete_predictor(self, wait: bool = False) -> None:
        """Delete the endpoint and its configuration.

        Parameters
        ----------
        wait : bool, default=False
            Has no effect: deleting does not take long.
        """
        self.delete_endpoint()

    def delete_model(self) -> None:
        """Delete the models of the endpoint, also when it has been deleted before.

        Raises
        ------
        CleanUpError
            If one cannot be deleted.
        ResourceNotFoundError
            If there is no such endpoint.
        """
        self._seen()
        if left := self._left(("model", name) for name in self._models):
            raise CleanUpError(left)

    def _delete(self, models: bool) -> None:
        """Delete the endpoint, its configuration and, if asked, its models."""
        self.delete_endpoint()
        if models:
            self.delete_model()

    def _left(self, things: Iterable[tuple[str, str]]) -> str:
        """Delete things, and say which could not be."""
        left = []
        for kind, name in things:
            try:
                getattr(self.sagemaker_session, f"delete_{kind}")(name)
            except ResourceNotFoundError:
                pass
            except AWSError as error:
                left.append(f"{kind.replace('_', ' ')} {name!r} ({error})")
        if not left:
            return ""
        return "These were not deleted, and may cost money: " + "; ".join(left)

    def __enter__(self) -> Self:
        # The block may delete the endpoint, and then nobody knows the rest.
        with contextlib.suppress(AWSError):
            self._look_up()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        with contextlib.suppress(AWSError):
            self._look_up()
        things = [("endpoint", self.endpoint_name)]
        if self._found is not None:
            things.append(("endpoint_config", self._found[0]))
            things += [("model", name) for name in self._models]
        left = self._left(things)
        if not left:
            return
        if error is None:
            raise CleanUpError(left)
        _log.warning(left)
        error.add_note(left)
