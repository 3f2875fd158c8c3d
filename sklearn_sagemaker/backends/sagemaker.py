"""A backend that trains in SageMaker, and brings the model back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.backends.protocol import Backend
from sklearn_sagemaker.backends.sagemaker_body import (
    LONGEST,
    Content,
    Upload,
    training_body,
)
from sklearn_sagemaker.backends.sagemaker_image import BUILT_IN, Image, image_of
from sklearn_sagemaker.backends.sagemaker_settings import (
    PREFIX,
    check_settings,
    merged,
)
from sklearn_sagemaker.backends.sagemaker_training import SageMakerTraining
from sklearn_sagemaker.exceptions import AWSError, QuotaExceededError, QuotaWarning
from sklearn_sagemaker.sagemaker.training_access import (
    ROLE_VARIABLE,
    Access,
    job_role,
)


class SageMakerBackend(Backend):
    """Trains in a job of Amazon SageMaker, and brings the model back.

    It is a value: it holds settings only, and no credentials; those are found when it
    trains, as boto3 finds them (extra ``sagemaker``). See the page
    ``doc/sagemaker_backend.md``.

    Parameters
    ----------
    role : str or None, default=None
        Name or ARN of the role that jobs have. None takes the environment variable
        ``SAGEMAKER_ROLE``, else the role of the notebook.
    instance_type : str, default="ml.m5.xlarge"
    instance_count : int, default=1
        Instances of a job. Several with our image train as `DaskBackend` does.
    n_shards : int, default=8
        Parts of the rows that several instances with our image train side by side, as
        of `DaskBackend`: the model depends on it, and not on how many they are.
    image : str, default="built-in"
        "built-in" is SageMaker's own image of the algorithm. "sklearn-sagemaker" is
        this package's, in the registry of your account, which trains to the same bits
        as here. Or the URI of an image of either kind.
    bucket : str or None, default=None
        None takes ``sagemaker-{region}-{account}``, which is created if there is none.
    prefix : str or None, default=None
        Of keys and of the names of jobs; None is "sklearn-sagemaker".
    region, profile : str or None, default=None
        None is what boto3 finds.
    role_to_assume : str or None, default=None
        ARN of a role that makes the calls in place of the profile's own identity.
    expected_bucket_owner : str or None, default=None
        Account that the bucket must belong to.
    tags : dict, list of dict or None, default=None
        Of jobs.
    spot : bool, default=False
        Whether to train on spot instances.
    max_run : int or None, default=None
        Seconds that a job may take; None is a day.
    max_wait : int or None, default=None
        Seconds that a job on spot instances may take with all waiting; None is as
        ``max_run``.
    checkpoint_s3_uri : str or None, default=None
        Where jobs keep checkpoints. None keeps some by the job's output for our image
        on spot instances, and else none.
    volume_size : int, default=30
        Gigabytes of an instance's disk.
    kms_key : str or None, default=None
        Key that rows and models are encrypted with on S3.
    subnets, security_group_ids : sequence of str or None, default=None
        VPC of jobs.
    encrypt_inter_container_traffic, enable_network_isolation : bool, default=False
    keep_alive : int, default=0
        Seconds that an instance is kept for the next job (warm pool).
    max_jobs : int or None, default=None
        A fit is refused if the service knows so many jobs of this prefix.
    wait : bool, default=True
        Whether `fit` waits for the model. Without, call `wait_for_training` of the
        estimator, or `attach` in another process.
    on_interrupt : {"leave", "stop"}, default="leave"
        What becomes of a job when Ctrl-C ends the wait.
    on_quota : {"wait", "raise"}, default="wait"
        What a fit does when a quota allows no further job now. One that is too small
        for a single job is an error at once.
    poll : float, default=30.0
        Longest pause in seconds between two looks at a job, or at a quota.
    logs : bool, default=False
        Whether the log of a job is shown while `fit` waits.
    prices : dict of str to float or None, default=None
        Price of an hour of each instance type, for ``training_job_["cost_estimate"]``.

    Examples
    --------
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.backends import SageMakerBackend
    >>> backend = SageMakerBackend(instance_type="ml.c5.xlarge", spot=True)
    >>> model = LinearLearnerClassifier(backend=backend)
    >>> model.set_params(backend__instance_type="ml.m5.large").backend.instance_type
    'ml.m5.large'
    """

    def __init__(
        self,
        role: str | None = None,
        *,
        instance_type: str = "ml.m5.xlarge",
        instance_count: int = 1,
        n_shards: int = 8,
        image: str = BUILT_IN,
        bucket: str | None = None,
        prefix: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        role_to_assume: str | None = None,
        expected_bucket_owner: str | None = None,
        tags: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None,
        spot: bool = False,
        max_run: int | None = None,
        max_wait: int | None = None,
        checkpoint_s3_uri: str | None = None,
        volume_size: int = 30,
        kms_key: str | None = None,
        subnets: Sequence[str] | None = None,
        security_group_ids: Sequence[str] | None = None,
        encrypt_inter_container_traffic: bool = False,
        enable_network_isolation: bool = False,
        keep_alive: int = 0,
        max_jobs: int | None = None,
        wait: bool = True,
        on_interrupt: str = "leave",
        on_quota: str = "wait",
        poll: float = 30.0,
        logs: bool = False,
        prices: Mapping[str, float] | None = None,
    ):
        self.role = role
        self.instance_type = instance_type
        self.instance_count = instance_count
        self.n_shards = n_shards
        self.image = image
        self.bucket = bucket
        self.prefix = prefix
        self.region = region
        self.profile = profile
        self.role_to_assume = role_to_assume
        self.expected_bucket_owner = expected_bucket_owner
        self.tags = tags
        self.spot = spot
        self.max_run = max_run
        self.max_wait = max_wait
        self.checkpoint_s3_uri = checkpoint_s3_uri
        self.volume_size = volume_size
        self.kms_key = kms_key
        self.subnets = subnets
        self.security_group_ids = security_group_ids
        self.encrypt_inter_container_traffic = encrypt_inter_container_traffic
        self.enable_network_isolation = enable_network_isolation
        self.keep_alive = keep_alive
        self.max_jobs = max_jobs
        self.wait = wait
        self.on_interrupt = on_interrupt
        self.on_quota = on_quota
        self.poll = poll
        self.logs = logs
        self.prices = prices

    @classmethod
    def of_settings(
        cls, settings: Mapping[str, Any], environment: Mapping[str, str] = os.environ
    ) -> SageMakerBackend:
        """A backend of settings, and of environment variables for the others.

        Parameters
        ----------
        settings : mapping
            Parameters by name.
        environment : mapping of str
            ``SKLEARN_SAGEMAKER_`` and the name of a parameter in capitals.

        Raises
        ------
        ValueError
            If a parameter is unknown, or a variable's value is none of its kind.

        Examples
        --------
        >>> from sklearn_sagemaker.backends import SageMakerBackend
        >>> environment = {"SKLEARN_SAGEMAKER_SPOT": "true"}
        >>> SageMakerBackend.of_settings({"max_run": 60}, environment)
        SageMakerBackend(max_run=60, spot=True)
        """
        return cls(**merged(settings, environment, cls._get_param_names()))

    @property
    def continues(self) -> bool:  # type: ignore[override]
        """Whether it goes on from the state of another training: our image does."""
        return not self._kind.built_in

    @property
    def access(self) -> Access:
        """Whose account it trains in."""
        return Access(
            self.region, self.profile, self.role_to_assume, self.expected_bucket_owner
        )

    @property
    def _kind(self) -> Image:
        return image_of(self.image)

    @property
    def _prefix(self) -> str:
        return PREFIX if self.prefix is None else self.prefix.strip("/")

    @property
    def _base(self) -> str:
        """What names of jobs begin with."""
        return self._prefix.replace("/", "-")

    def opened(self, X: Any) -> Any:
        """Rows as they are: those in S3 are read there.

        Parameters
        ----------
        X : object
            As passed to `fit`.
        """
        return X

    # ------------------------------------------------------------------- refusals
    def check(self, spec: TrainingSpec) -> None:
        """Refuse settings that do not go together, before any call of AWS.

        Parameters
        ----------
        spec : TrainingSpec

        Raises
        ------
        ValueError
            Naming the value, the rule and the remedy.
        """
        super().check(spec)
        check_settings(self.get_params(deep=False), self._base, self._kind.built_in)

    # -------------------------------------------------------------------- training
    def train(
        self,
        spec: TrainingSpec,
        data: TrainingData | WindowedData,
        monitor: Monitor | None = None,
    ) -> ModelState | SageMakerTraining:
        """Train the spec's algorithm on the data.

        Parameters
        ----------
        spec : TrainingSpec
        data : TrainingData or WindowedData
        monitor : callable or None
            Is not called: what a job does is in its log.

        Returns
        -------
        state : ModelState or SageMakerTraining
            The latter with ``wait=False``.

        Raises
        ------
        AWSError
            If a call fails; if the job is there by then, the message has its name.
        ArtifactError, StoredStateError
            If what the job left is damaged, or another's.
        QuotaExceededError
            If a quota allows no job.
        TrainingJobFailedError, TrainingJobStoppedError
            If the job ends without a model.
        ValueError
            If the image cannot train the spec, or ``max_jobs`` are there.
        """
        from sklearn_sagemaker.sagemaker.training_jobs import nonce

        self.check(spec)
        session = self.access.session()
        end = nonce()
        root = f"s3://{self.bucket or session.default_bucket()}/{self._prefix}"
        request, content = self._request(
            spec,
            data,
            root,
            end,
            region=session.boto_region_name,
            image=self._kind.uri(spec.algorithm, session.boto_region_name, session),
            role=job_role(session, self.role),
        )
        self._check_budget(session)
        self._upload(session, content)
        try:
            self._create(session, request)
        except BaseException:
            self._remove(session, content.uploads)
            raise
        training = self.training(request["TrainingJobName"])
        return training.wait(session) if self.wait else training

    def tune(
        self,
        spec: TrainingSpec,
        data: TrainingData | WindowedData,
        distributions: Mapping[str, Any],
        **options: Any,
    ) -> Any:
        """Start a search for hyperparameters by a tuning job.

        Parameters
        ----------
        spec : TrainingSpec
        data : TrainingData or WindowedData
        distributions : mapping of str to object
            Lists, distributions of scipy.stats or ranges of `sagemaker.tuner`.
        **options
            As of `sagemaker_tuning.Search`.

        Returns
        -------
        tuning : SageMakerTuning
            Brings the best model.

        Raises
        ------
        AWSError
            If a call fails.
        QuotaExceededError
            If a quota allows no so many jobs at once.
        ValueError
            If a hyperparameter cannot be searched so.
        """
        # Late: most fits search nothing.
        from sklearn_sagemaker.backends.sagemaker_tuning import Search, start

        return start(self, spec, data, Search(distributions, **options))

    def request(
        self, spec: TrainingSpec, data: TrainingData | WindowedData
    ) -> dict[str, Any]:
        """What `train` would ask the service for; AWS is not called.

        Parameters
        ----------
        spec : TrainingSpec
        data : TrainingData or WindowedData

        Returns
        -------
        request : dict
            Body of ``CreateTrainingJob``.

        Raises
        ------
        ValueError
            If there is no ``role`` (an ARN, also in ``SAGEMAKER_ROLE``), ``bucket`` or
            ``region`` (also in ``AWS_DEFAULT_REGION``), or the image's registry is not
            known without a call.
        """
        from sklearn_sagemaker.sagemaker.training_jobs import nonce

        self.check(spec)
        role = self.role or os.environ.get(ROLE_VARIABLE, "")
        region = self.region or os.environ.get("AWS_DEFAULT_REGION", "")
        found = {"role": role, "bucket": self.bucket, "region": region}
        missing = [f"{name}=None" for name, value in found.items() if not value]
        if role and not role.startswith("arn:"):
            missing.append(f"role={role!r}")
        if missing:
            raise ValueError(
                f"{', '.join(missing)}: a request that is made without a call of AWS "
                "needs the role's ARN, the bucket and the region; set them."
            )
        image = self._kind.uri(spec.algorithm, region, None)
        root = f"s3://{self.bucket}/{self._prefix}"
        return self._request(
            spec, data, root, nonce(), region=region, image=image, role=role
        )[0]

    def training(self, job: str) -> SageMakerTraining:
        """A job of this account, whoever created it.

        Parameters
        ----------
        job : str
            Its name.
        """
        return SageMakerTraining(
            job,
            self.access,
            float(self.poll),
            dict(self.prices or {}),
            self.on_interrupt,
            not self.logs,
        )

    def model(
        self,
        algorithm: str,
        job: Mapping[str, Any] | None,
        artifact: Callable[[], tuple[bytes, bool]],
    ) -> Any:
        """A model of the service, for endpoints and batch transforms.

        Parameters
        ----------
        algorithm : str
        job : mapping or None
            ``training_job_`` of an estimator that was trained there.
        artifact : callable
            For one that was not: returns the bytes of ``model.tar.gz``, and whether
            SageMaker's own image reads them.

        Returns
        -------
        model : sklearn_sagemaker.sagemaker.model.Model

        Raises
        ------
        S3Error
            If the artifact cannot be written.
        ValueError
            If the image cannot serve the model.
        """
        # Late: most fits deploy nothing.
        from sklearn_sagemaker.backends.sagemaker_serving import model_of

        return model_of(self, algorithm, job, artifact)

    def clear_cache(self, older_than: timedelta | None = None) -> int:
        """Delete rows that fits have uploaded; models and jobs stay.

        Parameters
        ----------
        older_than : timedelta or None, default=None
            Only what was written so long ago; None deletes all. Jobs that have not
            begun to train still need their rows.

        Returns
        -------
        n_bytes : int
            That were deleted.
        """
        from sklearn_sagemaker.sagemaker.training_objects import old_objects, remove

        session = self.access.session()
        bucket, owner = self.bucket or session.default_bucket(), self.access.owner
        uri = f"s3://{bucket}/{self._prefix}/data/"
        found = dict(
            old_objects(session.s3_client, uri, owner, older_than or timedelta(0))
        )
        left = remove(
            session.s3_client, [f"s3://{bucket}/{key}" for key in found], owner
        )
        if left:
            _say_left(left)
        gone = set(found) - {uri.removeprefix(f"s3://{bucket}/") for uri in left}
        return sum(found[key] for key in gone)

    def _request(
        self, spec, data, root, end, *, region, image, role, longest=63
    ) -> tuple[dict[str, Any], Content]:
        from sklearn_sagemaker.sagemaker.training_jobs import job_name

        name, output = job_name(self._base, end, longest), f"{root}/jobs/{end}"
        content = self._kind.content(
            spec, data, root, f"{output}/{name}", self.instance_count, self.n_shards
        )
        settings = self.get_params(deep=False)
        body = training_body(
            settings, content, name=name, image=image, role=role, output=output
        )
        return body, content

    def _check_budget(self, session: Any) -> None:
        from sklearn_sagemaker.sagemaker.training_jobs import count

        if self.max_jobs is None:
            return
        found = count(session, self._base)
        if found >= self.max_jobs:
            raise ValueError(
                f"max_jobs={self.max_jobs}: the service knows {found} jobs "
                f"{self._base}-*; raise it, or set another prefix."
            )

    def _upload(self, session: Any, content: Content) -> None:
        from sklearn_sagemaker.sagemaker.training_objects import put

        begun: list[Upload] = []
        try:
            for one in content.uploads:
                begun.append(one)
                put(
                    session.s3_client,
                    one.uri,
                    one.pieces,
                    owner=self.access.owner,
                    kms_key=self.kms_key,
                    replace=not one.shared,
                )
        except BaseException:
            self._remove(session, begun)
            raise

    def _create(self, session: Any, request: dict[str, Any]) -> None:
        """Create the job; wait as long as a job may take for a quota to allow it."""
        from sklearn_sagemaker.sagemaker.training_jobs import create, hopeless

        end = time.monotonic() + (self.max_run or LONGEST)
        told = False
        while True:
            try:
                create(session, request)
                return
            except QuotaExceededError as error:
                late = time.monotonic() >= end
                if self.on_quota != "wait" or late or hopeless(error):
                    raise
                if not told:
                    told = True
                    warn_user(
                        f"{error} The fit waits until it is allowed; set "
                        "on_quota='raise' to be told at once.",
                        QuotaWarning,
                    )
            time.sleep(self.poll)

    def _remove(self, session: Any, uploads: list[Upload]) -> None:
        """Remove what only this job would have read; nothing of it is to be left."""
        from sklearn_sagemaker.sagemaker.training_objects import remove

        own = [one.uri for one in uploads if not one.shared]
        with suppress(AWSError):
            own = remove(session.s3_client, own, self.access.owner)
        if own:
            _say_left(own)


def _say_left(uris: list[str]) -> None:
    more = f" and {len(uris) - 5} more" if len(uris) > 5 else ""
    warn_user(
        f"These objects could not be deleted: {', '.join(uris[:5])}{more}. Whoever "
        "deletes them needs s3:DeleteObject.",
        UserWarning,
    )
