"""Model artifacts of SageMaker as estimators."""

from __future__ import annotations

import os
from typing import Any

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.artifacts.reading import state_of_artifact
from sklearn_sagemaker.estimators._artifact_saving import CLASSES, PLAIN
from sklearn_sagemaker.estimators._attributes import set_attributes
from sklearn_sagemaker.estimators._targets import class_labels
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.archives import MAX_BYTES
from sklearn_sagemaker.io.artifacts.artifact import LINEAR, ModelArtifact
from sklearn_sagemaker.io.artifacts.files import read_artifact


def load_artifact(
    source: Any,
    *,
    classes: Any = None,
    threshold: float | None = None,
    predictor_type: str | None = None,
    loss: str | None = None,
    feature_names: Any = None,
    max_bytes: int = MAX_BYTES,
):
    """Read a model that SageMaker, or `save_artifact`, wrote.

    Nothing is extracted to disk and nothing in it is run. The whole artifact is checked
    before there is an estimator.

    Parameters
    ----------
    source : str, path-like, bytes-like, binary file object or training job
        ``model.tar.gz``, the ``model_algo-1`` in it, or a folder that has one of both.
        ``s3://bucket/key`` is read by boto3 (extra ``sagemaker``), with the credentials
        and the region that it finds. So is what a training job of SageMaker left: its
        name or ARN, the estimator of `sklearn_sagemaker.sagemaker` or of SageMaker's
        SDK v2 that ran it, or the ``ModelTrainer`` or ``TrainingJob`` of SDK v3.
    classes : array-like of shape (n_classes,), default=None
        Class labels, ascending: the first is what SageMaker was given as label 0.
        None is what the artifact says, otherwise 0, 1, ....
    threshold : float, default=None
        For two classes: `predict` answers the second one above this probability (with
        hinge loss, score). None is what the artifact says, which is what Linear Learner
        calibrated, otherwise 0.5.
    predictor_type : {"binary_classifier", "multiclass_classifier", "regressor"}, \
            default=None
        Needed where the graph ends in an operation that does not tell. None is what
        the artifact says.
    loss : str, default=None
        Linear Learner's loss of the training, where it matters: "hinge_loss" says that
        scores are no log-odds. None is what the artifact says.
    feature_names : array-like of str of shape (n_features,), default=None
        Names of the features. None is what the artifact says, otherwise none.
    max_bytes : int, default=1 GiB
        Limit of the file, of what it unpacks to, and of each array.

    Returns
    -------
    estimator : LinearLearnerClassifier, LinearLearnerRegressor, \
            FactorizationMachinesClassifier or FactorizationMachinesRegressor
        Fitted, without what describes a training (``candidates_`` and so on). What
        was said by whom is in ``artifact_source_``, a dict with the keys
        "predictor_type", "loss", "classes", "threshold" and "feature_names" and the
        values "artifact", "argument" and "default".

    Raises
    ------
    ArtifactError
        If the artifact is damaged, a danger, too large, of another algorithm, or its
        parts disagree.
    ModelFormatError
        If a newer version of the package wrote it.
    OptionalDependencyError
        If the source is on S3, and boto3 is not installed.
    S3Error
        If it is on S3 and cannot be read; a `S3NotFoundError` is a FileNotFoundError,
        a `S3AccessError` a PermissionError.
    ValueError
        If an argument does not fit the model, or the source is on S3 and no object.

    See Also
    --------
    save_artifact : The way back.

    Notes
    -----
    An argument wins over the artifact, but ``predictor_type`` and ``loss`` may not
    contradict it. Two outputs under a softmax become one, the difference, with the
    same probabilities.

    Examples
    --------
    >>> import io
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_sagemaker import LinearLearnerClassifier, load_artifact
    >>> from sklearn_sagemaker import save_artifact
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LinearLearnerClassifier(random_state=0).fit(X, y)
    >>> target = io.BytesIO()
    >>> save_artifact(model, target)
    >>> again = load_artifact(target.getvalue())
    >>> bool((again.predict_proba(X) == model.predict_proba(X)).all())
    True
    >>> again.artifact_source_["threshold"]
    'artifact'
    """
    source = _fetched(source, max_bytes)
    artifact = read_artifact(source, max_bytes=max_bytes)
    state = state_of_artifact(
        artifact,
        classes=class_labels(classes, "classes"),
        threshold=threshold,
        predictor_type=predictor_type,
        loss=loss,
        feature_names=feature_names,
    )
    cls = CLASSES[artifact.algorithm, state.classes is not None]
    estimator = cls(**_parameters(cls, artifact, loss, state.link))
    try:
        estimator._validate_params()
    except (ValueError, TypeError) as error:
        raise ArtifactError(
            f"The artifact has a parameter that is not valid ({error})."
        ) from None
    set_attributes(estimator, state)
    return estimator


def _fetched(source: Any, max_bytes: int) -> Any:
    """What is on S3 as bytes; the rest as it is."""
    here = (bytes, bytearray, memoryview, os.PathLike)
    if isinstance(source, here) or hasattr(source, "read"):
        return source
    if isinstance(source, str) and source.startswith("s3://"):
        from sklearn_sagemaker.sagemaker.s3 import read_object

        return read_object(source, max_bytes=max_bytes)
    from sklearn_sagemaker.sagemaker.training_artifacts import read_artifact_of_job

    found = read_artifact_of_job(source, max_bytes=max_bytes)
    return source if found is None else found


def _parameters(
    cls: Any, artifact: ModelArtifact, loss: str | None, link: str | None
) -> dict[str, Any]:
    """Arguments of the constructor."""
    saved = artifact.training.get("parameters")
    found = {
        name: value
        for name, value in (saved if isinstance(saved, dict) else {}).items()
        if name in cls._table or (name in PLAIN and hasattr(cls(), name))
    }
    if artifact.algorithm != LINEAR:
        return found
    # Two outputs became one, of which a loss of several classes says nothing.
    if loss is not None and LOSSES[loss].link == link:
        found["loss"] = loss
    if link == "score":
        found.setdefault("loss", "hinge_loss")
    chosen = found.get("loss", "auto")
    known = isinstance(chosen, str) and chosen in LOSSES
    if (known and LOSSES[chosen].link == "score") != (link == "score"):
        raise ArtifactError(
            f"The artifact has the parameter loss={str(chosen)[:20]!r}, but scores "
            f"of the kind {link!r}; they are not of one model."
        )
    return found
