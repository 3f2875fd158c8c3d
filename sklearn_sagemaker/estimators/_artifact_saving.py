"""Estimators as model artifacts of SageMaker."""

from __future__ import annotations

import os
from typing import Any

from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker.artifacts.writing import artifact_of_state
from sklearn_sagemaker.estimators._attributes import state_of
from sklearn_sagemaker.estimators._factorization_machines import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)
from sklearn_sagemaker.estimators._linear_learner import (
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.artifact import FM, LINEAR, ModelArtifact
from sklearn_sagemaker.io.artifacts.files import write_artifact
from sklearn_sagemaker.io.artifacts.files import write_model as write_file
from sklearn_sagemaker.io.atomic import replacing
from sklearn_sagemaker.io.opening import file_name

CLASSES: dict[tuple[str, bool], type] = {
    (LINEAR, True): LinearLearnerClassifier,
    (LINEAR, False): LinearLearnerRegressor,
    (FM, True): FactorizationMachinesClassifier,
    (FM, False): FactorizationMachinesRegressor,
}
PLAIN = (
    "cv",
    "ensemble_size",
    "multiclass_model_selection_criteria",
    "positive",
    "random_state",
    "validation_fraction",
)
"""Parameters besides the hyperparameters that an artifact keeps, if they are plain."""


def save_artifact(estimator: Any, target: Any, *, graph: str = "sparse") -> None:
    """Write a fitted estimator as SageMaker writes its models.

    MXNet loads the artifact and predicts the same. What SageMaker's lacks (class
    labels, names of features, parameters, all digits of the coefficients and the
    threshold) is in further members, which other readers pass over.

    Parameters
    ----------
    estimator : fitted estimator of sklearn_sagemaker
    target : str, path-like or binary file object
        Such as ``model.tar.gz``. A path is written whole or not at all.
    graph : {"sparse", "dense"}, default="sparse"
        Which of SageMaker's two graphs a factorization machine gets: for CSR rows or
        for dense ones. Linear Learner has one.

    Raises
    ------
    ArtifactError
        If class labels are Python objects other than strings, or a coefficient is
        beyond the range of float32.
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is no estimator of this package.
    ValueError
        If ``graph`` is neither, or the target is on S3.

    See Also
    --------
    load_artifact : The way back, where the threshold is explained.
    write_model : Writes what is packed here into a folder.

    Notes
    -----
    Layout, names and JSON files are those that SageMaker's own algorithms write. What
    these say of the training is SageMaker's default where it is not known.

    MXNet computes in float32 and predicts the same to about 1e-6. Our own reader gets
    every digit back. Parameters that are no plain values (a splitter, weights of
    classes, a RandomState), candidates and training states are not kept.

    SageMaker's factorization machines have one output and a logistic link. Several
    classes, draws of "mcmc" and probit models are written with a graph that computes
    their predictions, whose parameters have names of their own ("machines_w0" and so
    on): a reader that looks for ``v`` and ``w1_weight`` stops there instead of taking a
    part for the whole.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from sklearn_sagemaker import FactorizationMachinesRegressor, save_artifact
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> model = FactorizationMachinesRegressor(num_factors=2, random_state=0)
    >>> target = io.BytesIO()
    >>> save_artifact(model.fit(X, X[:, 0] * X[:, 1]), target, graph="dense")
    >>> len(target.getvalue()) > 0
    True
    """
    _check_graph(graph)
    is_path = isinstance(target, (str, os.PathLike))
    if is_path:
        _check_local(target, "cp model.tar.gz")
    data = write_artifact(_artifact(estimator), graph=graph)
    if is_path:
        with replacing(target) as temporary:
            temporary.write_bytes(data)
    elif hasattr(target, "write"):
        target.write(data)
    else:
        raise TypeError(
            "target must be a path or a binary file object, got "
            f"{type(target).__name__}."
        )


def write_model(estimator: Any, folder: Any, *, graph: str = "sparse") -> None:
    """Write a fitted estimator into a model folder, as SageMaker's algorithms do.

    The folder gets the file ``model_algo-1``, the one that `save_artifact` packs.
    A training program of a container leaves it in ``/opt/ml/model``, from which
    SageMaker makes ``model.tar.gz``.

    Parameters
    ----------
    estimator : fitted estimator of sklearn_sagemaker
    folder : str or path-like
        Made if it is missing. The file is written whole or not at all.
    graph : {"sparse", "dense"}, default="sparse"
        As of `save_artifact`.

    Raises
    ------
    ArtifactError, NotFittedError, TypeError, ValueError
        As of `save_artifact`.
    OSError
        If the folder is a file, or cannot be written to.

    See Also
    --------
    load_artifact : Reads the folder.
    save_artifact : Writes ``model.tar.gz``.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_sagemaker import LinearLearnerRegressor, load_artifact, write_model
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LinearLearnerRegressor(random_state=0).fit(X, y)
    >>> folder = tempfile.TemporaryDirectory()
    >>> write_model(model, folder.name)
    >>> os.listdir(folder.name)
    ['model_algo-1']
    >>> bool((load_artifact(folder.name).coef_ == model.coef_).all())
    True
    >>> folder.cleanup()
    """
    _check_graph(graph)
    _check_local(folder, "cp --recursive model")
    write_file(_artifact(estimator), folder, graph=graph)


def _check_graph(graph: str) -> None:
    if graph not in ("sparse", "dense"):
        raise ValueError(f"graph={graph!r} must be 'sparse' or 'dense'.")


def _check_local(target: str | os.PathLike[str], copy: str) -> None:
    name = file_name(target, ArtifactError)
    if name.startswith("s3://"):
        raise ValueError(
            f"{name} is on S3, and only files are written; write one, and copy it "
            f"there with 'aws s3 {copy} {name}'."
        )


def packed(estimator: Any) -> tuple[bytes, bool]:
    """``model.tar.gz`` of a fitted estimator, and whether SageMaker's image reads it.

    Raises
    ------
    ArtifactError
        As of `save_artifact`.
    """
    artifact = _artifact(estimator)
    return write_artifact(artifact), artifact.is_sagemakers


def _artifact(estimator: Any) -> ModelArtifact:
    """A fitted estimator in plain arrays."""
    if not any(isinstance(estimator, cls) for cls in CLASSES.values()):
        raise TypeError(
            "estimator must be a LinearLearner or FactorizationMachines estimator of "
            f"sklearn_sagemaker, got {type(estimator).__name__}; of a Pipeline, pass "
            "its last step."
        )
    check_is_fitted(estimator, "coef_")
    parameters = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name in estimator._table or name in PLAIN
    }
    return artifact_of_state(state_of(estimator), parameters)
