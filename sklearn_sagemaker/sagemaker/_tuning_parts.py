"""The estimators of a tuner, what of them is searched, and the request for the job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker.sagemaker._names import base_name_from_image
from sklearn_sagemaker.sagemaker._tuning_configs import InstanceConfig
from sklearn_sagemaker.sagemaker._tuning_requests import (
    definition_of,
    objective,
    ranges_with,
    tuning_request,
)
from sklearn_sagemaker.sagemaker.amazon.amazon_estimator import (
    AmazonAlgorithmEstimatorBase,
)
from sklearn_sagemaker.sagemaker.amazon.hyperparameter import check_value
from sklearn_sagemaker.sagemaker.parameter import (
    CategoricalParameter,
    ParameterRange,
    tuning_ranges,
)
from sklearn_sagemaker.sagemaker.session import Session

CLASS_KEY = "sagemaker_estimator_class_name"
MODULE_KEY = "sagemaker_estimator_module"
"""Hyperparameters by which jobs are told the class of their estimator."""
PACKAGE = "sklearn_sagemaker."


@dataclass
class Part:
    """An estimator, and what of it is searched.

    Attributes
    ----------
    estimator : EstimatorBase
    metric : str or None
        The objective.
    ranges : dict of str to ParameterRange
    definitions : list of dict or None
        Of metrics.
    keep : list of str or None
        Hyperparameters that stay static with autotune.
    instances : list of InstanceConfig or None
    """

    estimator: Any
    metric: str | None
    ranges: dict[str, ParameterRange]
    definitions: list[dict[str, str]] | None = None
    keep: list[str] | None = None
    instances: list[InstanceConfig] | None = None


class Parts:
    """What a tuner of one estimator, whose name is None, and one of several have."""

    objective_type: str
    base_tuning_job_name: str | None
    autotune: bool
    tags: Any
    static_hyperparameters: dict[str, str] | None
    static_hyperparameters_dict: dict[str, dict[str, str]] | None
    _parts: dict[str | None, Part]

    def _add(self, name: str | None, part: Part) -> None:
        if not part.ranges and not self.autotune:
            raise ValueError(
                "Need to specify hyperparameter ranges or set autotune=True."
            )
        for hyperparameter, one in (part.ranges or {}).items():
            _check_range(part.estimator, hyperparameter, one)
        self._parts[name] = part

    # What there is

    def _one(self, member: str) -> Any:
        return getattr(self._parts[None], member) if None in self._parts else None

    def _each(self, member: str) -> Any:
        if None in self._parts:
            return None
        return {name: getattr(part, member) for name, part in self._parts.items()}

    @property
    def estimator(self) -> Any:
        """What is trained; None of several."""
        return self._one("estimator")

    @property
    def estimator_dict(self) -> Any:
        """What is trained, by names; None of a single one."""
        return self._each("estimator")

    @property
    def objective_metric_name(self) -> Any:
        """What is tuned by; None of several estimators."""
        return self._one("metric")

    @property
    def objective_metric_name_dict(self) -> Any:
        """What is tuned by, by the names of several estimators."""
        return self._each("metric")

    @property
    def metric_definitions(self) -> Any:
        """Metrics that are read from the logs; None of several estimators."""
        return self._one("definitions")

    @property
    def metric_definitions_dict(self) -> Any:
        """Metrics that are read from the logs, by the names of several estimators."""
        found = self._each("definitions")
        return found and {name: one for name, one in found.items() if one is not None}

    def hyperparameter_ranges(self) -> dict[str, Any] | None:
        """The ranges as a request has them; None of several estimators."""
        found = self._one("ranges")
        return None if found is None else tuning_ranges(found)

    def hyperparameter_ranges_dict(self) -> dict[str, Any] | None:
        """The ranges as a request has them, by the names of several estimators."""
        found = self._each("ranges")
        return found and {name: tuning_ranges(one) for name, one in found.items()}

    @property
    def sagemaker_session(self) -> Session:
        """The session, that of the first estimator."""
        return self._first.estimator.sagemaker_session

    @property
    def _first(self) -> Part:
        return next(iter(self._parts.values()))

    def override_resource_config(
        self, instance_configs: list[InstanceConfig] | dict[str, list[InstanceConfig]]
    ) -> None:
        """Let training jobs take one of several kinds of instances.

        Parameters
        ----------
        instance_configs : list of InstanceConfig, or dict of str to such lists
            By the names of several estimators.

        Raises
        ------
        ValueError
            If a name is none of theirs.
        """
        if isinstance(instance_configs, dict):
            check_names("instance_configs", instance_configs, self._parts)
            for name, configs in instance_configs.items():
                self._parts[name].instances = configs
        else:
            self._first.instances = instance_configs

    @property
    def _base_name(self) -> str:
        image = self._first.estimator.training_image_uri()
        return self.base_tuning_job_name or base_name_from_image(image)

    def _request(
        self, name: str, inputs: Any, metadata: Any, each: Any, single: dict[str, Any]
    ) -> dict[str, Any]:
        """The request for a tuning job; what it sets is there to be read."""
        several = None not in self._parts
        if several:
            for argument, found in (
                ("inputs", inputs),
                ("estimator_kwargs", each),
                ("include_cls_metadata", metadata or {}),
            ):
                check_names(argument, found or {}, self._parts)
        for tag in self._first.estimator.tags or ():
            self.tags = self.tags or []
            if tag not in self.tags:
                self.tags.append(tag)
        definitions, auto, fixed = [], None, {}
        for key, part in self._parts.items():
            data, told, more = inputs, metadata, single
            if several:
                data = (inputs or {}).get(key)
                told = (metadata or {}).get(key, False)
                more = (each or {}).get(key, {})
            request = self._training_request(part.estimator, name, data, more)
            static, auto = self._static(part, request, told)
            fixed[key] = static
            placed: dict[str, Any] = {}
            if several:
                placed = {
                    "DefinitionName": key,
                    "TuningObjective": objective(self.objective_type, part.metric),
                    "HyperParameterRanges": ranges_with(
                        tuning_ranges(part.ranges or {}), auto
                    ),
                }
            definitions.append(
                definition_of(
                    request,
                    static=static,
                    metric_definitions=part.definitions
                    or part.estimator.metric_definitions,
                    instance_configs=part.instances,
                    **placed,
                )
            )
        if several:
            self.static_hyperparameters_dict = fixed  # type: ignore[assignment]
            return tuning_request(self, name, {"TrainingJobDefinitions": definitions})
        self.static_hyperparameters = fixed[None]
        part = self._parts[None]
        return tuning_request(
            self,
            name,
            {"TrainingJobDefinition": definitions[0]},
            HyperParameterTuningJobObjective=objective(
                self.objective_type, part.metric
            ),
            ParameterRanges=ranges_with(tuning_ranges(part.ranges or {}), auto),
        )

    @staticmethod
    def _training_request(
        estimator: Any, name: str, inputs: Any, more: dict[str, Any]
    ) -> dict[str, Any]:
        """The request for a training job of an estimator."""
        known = {"mini_batch_size"}
        if not isinstance(estimator, AmazonAlgorithmEstimatorBase):
            known = set()
        for argument in sorted(set(more) - known - {"job_name"}):
            warn_user(f"{argument} has no effect on a tuning job.", UserWarning)
        options = {key: value for key, value in more.items() if key in known}
        channels = estimator._prepared(inputs, **options)
        return estimator._request(inputs, channels, name)

    def _static(
        self, part: Part, request: dict[str, Any], told: bool
    ) -> tuple[dict[str, str], dict[str, str] | None]:
        """Hyperparameters that are not searched, and those that the service chooses."""
        found = dict(request.get("HyperParameters", {}))
        for name in part.ranges or {}:
            found.pop(name, None)
        if told:
            cls = type(part.estimator)
            module = cls.__module__.removeprefix(PACKAGE)
            found[CLASS_KEY] = json.dumps(cls.__name__)
            found[MODULE_KEY] = json.dumps(module)
        if not self.autotune:
            return found, None
        keep = part.keep or []
        unknown = sorted(set(keep) - set(found))
        if unknown:
            raise ValueError(
                f"hyperparameters_to_keep_static has {unknown[0]!r}, which the "
                "estimator has not set."
            )
        auto = {name: text for name, text in found.items() if name not in keep}
        return {name: found[name] for name in found if name in keep}, auto


def _check_range(estimator: Any, name: str, one: Any) -> None:
    """Refuse a range with values that the algorithm would refuse."""
    if not isinstance(one, ParameterRange):
        raise TypeError(
            f"The range of {name!r} is a {type(one).__name__}; it must be a "
            "ContinuousParameter, an IntegerParameter or a CategoricalParameter."
        )
    if not isinstance(estimator, AmazonAlgorithmEstimatorBase):
        return
    ends = (
        one.values
        if isinstance(one, CategoricalParameter)
        else [one.min_value, one.max_value]
    )
    for value in ends:
        check_value(estimator, name, value)


def check_names(argument: str, found: Any, names: Iterable[Any]) -> None:
    """Refuse a dict that is not by the names of several estimators.

    Raises
    ------
    ValueError
    """
    wanted = sorted(str(name) for name in names)
    if not isinstance(found, Mapping):
        raise ValueError(
            f"Argument '{argument}' must be a dict with the keys {wanted}."
        )
    unknown = sorted(set(map(str, found)) - set(wanted))
    if unknown:
        raise ValueError(
            f"Argument '{argument}' has the key {unknown[0]!r}; the estimators are "
            f"{wanted}."
        )
