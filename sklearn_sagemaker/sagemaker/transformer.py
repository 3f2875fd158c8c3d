"""Batch transforms: predictions for what is on S3."""

from __future__ import annotations

import contextlib
from typing import Any

from sklearn_sagemaker.exceptions import JobStoppedError
from sklearn_sagemaker.sagemaker._descriptions import arguments_of_transform
from sklearn_sagemaker.sagemaker._names import base_name_from_image, name_from_base
from sklearn_sagemaker.sagemaker._requests import given, tag_list, transform_request
from sklearn_sagemaker.sagemaker.job import TransformJob
from sklearn_sagemaker.sagemaker.s3 import s3_path_join
from sklearn_sagemaker.sagemaker.session import Session

STRATEGIES = {"MULTI_RECORD": "MultiRecord", "SINGLE_RECORD": "SingleRecord"}
"""What the SDK's documentation calls them, and what the service takes."""


class Transformer:
    """A batch transform by a model that exists.

    Parameters
    ----------
    model_name : str
    instance_count : int
    instance_type : str
    strategy : {"MultiRecord", "SingleRecord"}, default=None
        How many records a request has; "MULTI_RECORD" and "SINGLE_RECORD" are taken
        too.
    assemble_with : {"Line", "None"}, default=None
    output_path : str, default=None
        Where predictions go, on S3; None is a folder of the job in the default bucket.
    output_kms_key : str, default=None
    accept : str, default=None
        Content type of the predictions.
    max_concurrent_transforms : int, default=None
    max_payload : int, default=None
        Of a request, in MB.
    tags : list of dict or dict, default=None
    env : dict of str to str, default=None
        Variables of the container.
    base_transform_job_name : str, default=None
        Beginning of the names of jobs; None is the repository of the model's image.
    sagemaker_session : Session, default=None
    volume_kms_key : str, default=None

    Attributes
    ----------
    latest_transform_job : TransformJob or None
    """

    JOB_CLASS_NAME = "transform-job"

    def __init__(
        self,
        model_name: str,
        instance_count: int,
        instance_type: str,
        strategy: str | None = None,
        assemble_with: str | None = None,
        output_path: str | None = None,
        output_kms_key: str | None = None,
        accept: str | None = None,
        max_concurrent_transforms: int | None = None,
        max_payload: int | None = None,
        tags: Any = None,
        env: dict[str, str] | None = None,
        base_transform_job_name: str | None = None,
        sagemaker_session: Session | None = None,
        volume_kms_key: str | None = None,
    ):
        self.model_name = model_name
        self.instance_count = instance_count
        self.instance_type = instance_type
        self.strategy = STRATEGIES.get(strategy or "", strategy)
        self.assemble_with = assemble_with
        self.output_path = output_path
        self.output_kms_key = output_kms_key
        self.accept = accept
        self.max_concurrent_transforms = max_concurrent_transforms
        self.max_payload = max_payload
        self.tags = tag_list(tags)
        self.env = env
        self.base_transform_job_name = base_transform_job_name
        self.volume_kms_key = volume_kms_key
        self.sagemaker_session = sagemaker_session or Session()
        self.latest_transform_job: TransformJob | None = None
        self._current_job_name: str | None = None
        self._own_output = output_path is None

    def __repr__(self) -> str:
        return f"<Transformer of the model {self.model_name!r}>"

    def transform(
        self,
        data: str,
        data_type: str = "S3Prefix",
        content_type: str | None = None,
        compression_type: str | None = None,
        split_type: str | None = None,
        job_name: str | None = None,
        input_filter: str | None = None,
        output_filter: str | None = None,
        join_source: str | None = None,
        experiment_config: dict[str, str] | None = None,
        model_client_config: dict[str, Any] | None = None,
        batch_data_capture_config: Any = None,
        wait: bool = True,
        logs: bool = True,
    ) -> None:
        """Predict what is on S3, by a job.

        Parameters
        ----------
        data : str
            A prefix or a manifest on S3.
        data_type : {"S3Prefix", "ManifestFile"}, default="S3Prefix"
        content_type : str, default=None
            Of the data.
        compression_type : {"Gzip", "None"}, default=None
        split_type : {"None", "Line", "RecordIO", "TFRecord"}, default=None
        job_name : str, default=None
            None makes one.
        input_filter, output_filter : str, default=None
            JSONPath of what the model gets and of what is kept.
        join_source : {"Input", "None"}, default=None
            Whether predictions come with their rows.
        experiment_config : dict, default=None
        model_client_config : dict, default=None
            With the keys "InvocationsTimeoutInSeconds" and "InvocationsMaxRetries".
        batch_data_capture_config : BatchDataCaptureConfig, default=None
        wait : bool, default=True
            Whether to wait for the end of the job.
        logs : bool, default=True
            Whether to show its log meanwhile.

        Raises
        ------
        ValueError
            If the data are not on S3.
        JobFailedError
            If the job fails; a `JobStoppedError` if it is stopped.
        """
        if not data.startswith("s3://"):
            raise ValueError(
                f"data={data!r} is not on S3: it must start with s3://. "
                "Session().upload_data(path) uploads a file and returns its address."
            )
        base = self.base_transform_job_name
        name = job_name or name_from_base(base or self._base_of_the_model())
        session = self.sagemaker_session
        if self._own_output:
            self.output_path = s3_path_join(
                "s3://", session.default_bucket(), session.default_bucket_prefix, name
            )
        processing = given(
            InputFilter=input_filter,
            OutputFilter=output_filter,
            JoinSource=join_source,
        )
        capture = batch_data_capture_config
        request = transform_request(
            self,
            job_name=name,
            source=given(
                DataSource={"S3DataSource": {"S3DataType": data_type, "S3Uri": data}},
                ContentType=content_type,
                CompressionType=compression_type,
                SplitType=split_type,
            ),
            DataProcessing=processing or None,
            ExperimentConfig=experiment_config or None,
            ModelClientConfig=model_client_config or None,
            DataCaptureConfig=None if capture is None else capture._to_request_dict(),
        )
        session.create_transform_job(request)
        self._current_job_name = name
        self.latest_transform_job = TransformJob(session, name)
        if wait:
            self.latest_transform_job.wait(logs=logs)

    def _base_of_the_model(self) -> str:
        found = self.sagemaker_session.describe_model(self.model_name)
        containers = found.get("Containers") or [{}]
        image = found.get("PrimaryContainer", containers[0]).get("Image")
        return base_name_from_image(image) if image else self.model_name

    def _job(self) -> TransformJob:
        if self.latest_transform_job is None:
            raise ValueError(
                "There is no batch transform; call transform, or "
                "Transformer.attach(transform_job_name)."
            )
        return self.latest_transform_job

    def wait(self, logs: bool = True) -> None:
        """Wait for the end of the job.

        Parameters
        ----------
        logs : bool, default=True
            Whether to show its log meanwhile.
        """
        self._job().wait(logs=logs)

    def stop_transform_job(self, wait: bool = True) -> None:
        """Stop the job.

        Parameters
        ----------
        wait : bool, default=True
            Whether to wait until it has stopped.
        """
        job = self._job()
        job.stop()
        if wait:
            with contextlib.suppress(JobStoppedError):
                job.wait(logs=False)

    def delete_model(self) -> None:
        """Delete the model."""
        self.sagemaker_session.delete_model(self.model_name)

    @classmethod
    def attach(
        cls, transform_job_name: str, sagemaker_session: Session | None = None
    ) -> Transformer:
        """A transformer for a batch transform that exists, whoever made it.

        Parameters
        ----------
        transform_job_name : str
        sagemaker_session : Session, default=None

        Returns
        -------
        transformer : Transformer
        """
        session = sagemaker_session or Session()
        found = session.describe_transform_job(transform_job_name)
        transformer = cls(sagemaker_session=session, **arguments_of_transform(found))
        transformer._current_job_name = transform_job_name
        transformer.latest_transform_job = TransformJob(session, transform_job_name)
        return transformer
