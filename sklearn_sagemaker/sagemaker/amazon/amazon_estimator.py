"""What Amazon's algorithms have in common, and the record sets that they read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker._hyperparameters.container import REQUIRED
from sklearn_sagemaker._hyperparameters.from_job import bare
from sklearn_sagemaker.io.recordio.writing import TensorType
from sklearn_sagemaker.sagemaker import image_uris
from sklearn_sagemaker.sagemaker._names import base_name_from_image
from sklearn_sagemaker.sagemaker._old_names import TRAINING, old_names
from sklearn_sagemaker.sagemaker._requests import MXNET
from sklearn_sagemaker.sagemaker.amazon._channels import FileSystemRecordSet, RecordSet
from sklearn_sagemaker.sagemaker.amazon._record_sets import upload_rows
from sklearn_sagemaker.sagemaker.amazon.hyperparameter import (
    Hyperparameter,
    check_together,
    serialized,
)
from sklearn_sagemaker.sagemaker.estimator import EstimatorBase
from sklearn_sagemaker.sagemaker.job import channels_of
from sklearn_sagemaker.sagemaker.model import Model
from sklearn_sagemaker.sagemaker.s3 import s3_path_join
from sklearn_sagemaker.sagemaker.session import Session

__all__ = [
    "AmazonAlgorithmEstimatorBase",
    "AmazonAlgorithmModel",
    "FileSystemRecordSet",
    "RecordSet",
    "get_image_uri",
]


class AmazonAlgorithmEstimatorBase(EstimatorBase):
    """The base of Amazon's algorithms.

    Parameters
    ----------
    role : str
        Name or ARN of the IAM role that the jobs and the models have.
    instance_count : int
    instance_type : str
    data_location : str, default=None
        Where `record_set` writes, on S3; None is the session's default bucket.
    enable_network_isolation : bool, default=False
        Of training jobs and batch transforms. As in the SDK, an endpoint has it only by
        ``deploy(..., enable_network_isolation=True)``.
    image_uri : str, default=None
        Another image that takes the same hyperparameters, such as this package's own.
    **kwargs
        As for `EstimatorBase`.
    """

    feature_dim = Hyperparameter("feature_dim")
    mini_batch_size = Hyperparameter("mini_batch_size")
    repo_name: str = ""
    repo_version: int | str = 1
    DEFAULT_MINI_BATCH_SIZE: int | None = None

    @old_names(**TRAINING)
    def __init__(
        self,
        role: str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        *,
        data_location: str | None = None,
        enable_network_isolation: bool = False,
        image_uri: str | None = None,
        **kwargs: Any,
    ):
        if "hyperparameters" in kwargs:
            raise TypeError(
                "hyperparameters: those of an algorithm are arguments of their own."
            )
        super().__init__(
            role,
            instance_count,
            instance_type,
            enable_network_isolation=enable_network_isolation,
            **kwargs,
        )
        self._image_uri = image_uri
        self._data_location: str | None = None
        # What a fit took from its data; what is set by hand wins.
        self._from_data: dict[str, Any] = {}
        # What has been found to go together, and has warned of what has no effect.
        self._checked: dict[str, Any] = {}
        if data_location is not None:
            self.data_location = data_location

    def _set(self, values: Mapping[str, Any]) -> None:
        """Set the hyperparameters of the constructor, and check them together."""
        for name, value in values.items():
            setattr(self, name, value)
        check_together(self.repo_name, self._hyperparameters)
        self._checked = dict(self._hyperparameters)

    def training_image_uri(self) -> str:
        """The image of the training job."""
        if self._image_uri is not None:
            return self._image_uri
        return image_uris.retrieve(
            self.repo_name,
            self.sagemaker_session.boto_region_name,
            version=str(self.repo_version),
        )

    @property
    def _base_name(self) -> str:
        return self.base_job_name or base_name_from_image(
            self._image_uri or self.repo_name
        )

    def hyperparameters(self) -> dict[str, str]:
        """The hyperparameters that are set, as a job has them.

        Returns
        -------
        texts : dict of str to str
        """
        return serialized({**self._from_data, **_set_ones(self._hyperparameters)})

    @property
    def data_location(self) -> str:
        """Where `record_set` writes, on S3."""
        if self._data_location is None:
            session = self.sagemaker_session
            self._data_location = s3_path_join(
                "s3://",
                session.default_bucket(),
                session.default_bucket_prefix,
                "sagemaker-record-sets",
                with_end_slash=True,
            )
        return self._data_location

    @data_location.setter
    def data_location(self, data_location: str) -> None:
        if not data_location.startswith("s3://"):
            raise ValueError(
                f"data_location={data_location!r} is not on S3: it must start with "
                "s3://."
            )
        self._data_location = data_location.rstrip("/") + "/"

    def record_set(
        self,
        train: Any,
        labels: Any = None,
        channel: str = "train",
        encrypt: bool = False,
        distribution: str = "ShardedByS3Key",
        *,
        kms_key: str | None = None,
        dtype: TensorType | None = "float32",
    ) -> RecordSet:
        """Write rows and labels as records to S3: an object an instance, a manifest.

        Parameters
        ----------
        train : array-like or sparse matrix of shape (n_samples, n_features)
        labels : array-like of shape (n_samples,), default=None
        channel : str, default="train"
        encrypt : bool, default=False
            Whether S3 encrypts the objects (AES-256).
        distribution : {"ShardedByS3Key", "FullyReplicated"}, default="ShardedByS3Key"
        kms_key : str, default=None
            Key that the objects are encrypted by, in place of S3's.
        dtype : {"float32", "float64", "int32"} or None, default="float32"
            Type of the tensors. The algorithms train on float32; None keeps the types
            of the arrays, as the SDK does.

        Returns
        -------
        records : RecordSet

        Raises
        ------
        ValueError
            If rows and labels do not match, or cannot be written exactly.
        """
        uploaded = upload_rows(
            self.sagemaker_session,
            self.data_location,
            type(self).__name__,
            train,
            labels,
            shards=self.instance_count or 1,
            dtype=dtype,
            encrypt=encrypt,
            kms_key=kms_key,
        )
        return RecordSet(
            uploaded.manifest,
            num_records=uploaded.n_rows,
            feature_dim=uploaded.n_features,
            channel=channel,
            distribution=distribution,
        )

    def fit(  # type: ignore[override]
        self,
        records: Any,
        mini_batch_size: int | None = None,
        wait: bool = True,
        logs: bool | str = True,
        job_name: str | None = None,
        experiment_config: dict[str, str] | None = None,
    ) -> None:
        """Train by a job of SageMaker.

        Parameters
        ----------
        records : RecordSet, FileSystemRecordSet, list, str, TrainingInput or dict
            A list is of record sets. A dict has channels' names, and a URI on S3, a
            `TrainingInput` or a record set for each. What says no channel is "train".
        mini_batch_size : int, default=None
            None is ``DEFAULT_MINI_BATCH_SIZE``, or the rows of an instance if they are
            fewer; without record sets it is the container's default.
        wait : bool, default=True
            Whether to wait for the end of the job.
        logs : bool, default=True
            Whether to show its log meanwhile.
        job_name : str, default=None
            None makes one of ``base_job_name`` and the time.
        experiment_config : dict, default=None

        Raises
        ------
        TrainingJobFailedError
            If the job fails; a `TrainingJobStoppedError` if it is stopped.
        ValueError
            If there is no channel "train", or a hyperparameter is missing or wrong.
        AWSError
            If a call of AWS fails.
        """
        channels = self._prepared(records, mini_batch_size)
        self._start(records, channels, job_name, experiment_config)
        if wait:
            self.latest_training_job.wait(logs=logs)  # type: ignore[union-attr]

    def _prepared(
        self, inputs: Any, mini_batch_size: int | None = None
    ) -> list[dict[str, Any]]:
        channels = channels_of(inputs, default="train")
        if "train" not in [channel["ChannelName"] for channel in channels]:
            raise ValueError(
                f"There is no input for the channel 'train', which {self.repo_name} "
                "reads."
            )
        self._take(_train_records(inputs), mini_batch_size)
        self._check()
        return channels

    def fit_ndarray(
        self,
        train: Any,
        labels: Any = None,
        mini_batch_size: int | None = None,
        wait: bool = True,
        logs: bool | str = True,
        job_name: str | None = None,
    ) -> None:
        """Write rows and labels to S3 and train on them.

        Parameters
        ----------
        train : array-like or sparse matrix of shape (n_samples, n_features)
        labels : array-like of shape (n_samples,), default=None
        mini_batch_size : int, default=None
        wait : bool, default=True
        logs : bool, default=True
        job_name : str, default=None
            All of these as for `fit`.
        """
        self._check(data_known=False)
        records = self.record_set(train, labels)
        self.fit(records, mini_batch_size, wait=wait, logs=logs, job_name=job_name)

    def _model(
        self, model: type[AmazonAlgorithmModel], override: Any, more: dict[str, Any]
    ) -> Any:
        """A model of the artifact of the training job."""
        if self._image_uri is not None:
            more.setdefault("image_uri", self._image_uri)
        return model(
            self.model_data,
            more.pop("role", self.role),
            self.sagemaker_session,
            vpc_config=self.get_vpc_config(override),
            **more,
        )

    def _take(self, records: Any, mini_batch_size: int | None) -> None:
        """What the data say, and what they leave to say."""
        self._from_data = {}
        if records is not None:
            known = self._hyperparameters.get("feature_dim")
            if known not in (None, "auto", records.feature_dim):
                raise ValueError(
                    f"feature_dim={known!r} is set, and the records have "
                    f"{records.feature_dim} features; delete it, or give it that value."
                )
            self._from_data["feature_dim"] = records.feature_dim
            if known == "auto":
                self._hyperparameters["feature_dim"] = None
        if mini_batch_size is not None:
            # Of this fit only.
            self.mini_batch_size = mini_batch_size
            self._from_data["mini_batch_size"] = self._hyperparameters.pop(
                "mini_batch_size"
            )
        elif records is not None and self._mini_batch_default(records) is not None:
            self._from_data["mini_batch_size"] = self._mini_batch_default(records)

    def _mini_batch_default(self, records: Any) -> int | None:
        """Rows of an instance, up to the default; a job with fewer rows fails."""
        if self.DEFAULT_MINI_BATCH_SIZE is None:
            return None
        share = records.num_records // (self.instance_count or 1)
        return min(self.DEFAULT_MINI_BATCH_SIZE, max(1, share))

    def _check(self, data_known: bool = True) -> None:
        """Refuse what the container would refuse."""
        known = {**self._from_data, **_set_ones(self._hyperparameters)}
        for name in REQUIRED[self.repo_name]:
            if name not in known and (data_known or name != "feature_dim"):
                raise ValueError(
                    f"{name} is missing: {self.repo_name} needs it. Set it by "
                    f"{type(self).__name__}(..., {name}=...) or as an attribute."
                )
        if self._hyperparameters != self._checked:
            check_together(self.repo_name, self._hyperparameters)
            self._checked = dict(self._hyperparameters)

    @classmethod
    def _of_job(cls, arguments: dict[str, Any], session: Session) -> Any:
        image = arguments.pop("image_uri")
        texts = arguments.pop("hyperparameters")
        name = base_name_from_image(image)
        if name in REQUIRED and name != cls.repo_name:
            raise ValueError(
                f"The training job runs {name}; {cls.__name__} attaches to jobs of "
                f"{cls.repo_name} only. Estimator.attach takes any job."
            )
        own = image_uris.retrieve(
            cls.repo_name, session.boto_region_name, version=str(cls.repo_version)
        )
        if image != own:
            arguments["image_uri"] = image
        estimator = cls(sagemaker_session=session, **arguments)
        texts = {key: bare(text) for key, text in texts.items()}
        for key in sorted(texts, key=lambda key: key != "predictor_type"):
            if isinstance(getattr(cls, key, None), Hyperparameter):
                estimator._adopt(key, texts[key])
        return estimator

    def _adopt(self, name: str, text: str) -> None:
        """Take a hyperparameter of a job, which may be one that the table refuses."""
        if text in ("None", "null"):
            return
        try:
            setattr(self, name, text)
        except ValueError:
            self._hyperparameters[name] = text
        if name in ("feature_dim", "mini_batch_size"):
            self._from_data[name] = self._hyperparameters.pop(name)


class AmazonAlgorithmModel(Model):
    """The base of the models of Amazon's algorithms: their image is known.

    Parameters
    ----------
    model_data : str
        Artifact on S3.
    role : str
        Name or ARN of the IAM role of the model.
    sagemaker_session : Session, default=None
    **kwargs
        As for `Model`; ``image_uri`` takes another image than that of the algorithm.
    """

    repo_name = ""
    repo_version: int | str = 1
    _framework_name = MXNET
    _predictor: Any = None

    def __init__(
        self,
        model_data: Any,
        role: str | None = None,
        sagemaker_session: Session | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            model_data=model_data,
            role=role,
            sagemaker_session=sagemaker_session,
            **{"predictor_cls": self._predictor, **kwargs},
        )

    @property
    def image_uri(self) -> str:
        """The image: the one given, else that of the algorithm in the region."""
        if self._image_uri is None:
            self._image_uri = image_uris.retrieve(
                self.repo_name,
                self.sagemaker_session.boto_region_name,
                version=str(self.repo_version),
            )
        return self._image_uri

    @image_uri.setter
    def image_uri(self, image_uri: str | None) -> None:
        self._image_uri = image_uri


def _set_ones(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _train_records(records: Any) -> Any:
    """The record set of the channel train, if there is one."""
    if isinstance(records, Mapping):
        named = list(records.items())
    else:
        each = records if isinstance(records, list | tuple) else [records]
        named = [(getattr(item, "channel", None), item) for item in each]
    for channel, item in named:
        if channel == "train" and hasattr(item, "num_records"):
            return item
    return None


def get_image_uri(
    region_name: str, repo_name: str, repo_version: str | int = "1"
) -> str:
    """The image of an algorithm, by its older name.

    Parameters
    ----------
    region_name, repo_name : str
    repo_version : str or int, default="1"

    Warns
    -----
    DeprecationWarning
        It is ``image_uris.retrieve`` now.
    """
    warn_user(
        "get_image_uri(region, name) is image_uris.retrieve(name, region) now.",
        DeprecationWarning,
    )
    return image_uris.retrieve(repo_name, region_name, version=str(repo_version))
