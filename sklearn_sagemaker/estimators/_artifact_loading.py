"""Model artifacts of SageMaker as estimators."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import BINARY, REGRESSOR
from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker._state import OF_TRAINING, ModelState
from sklearn_sagemaker.estimators._artifact_arguments import (
    check_classes,
    check_kind,
    check_names,
    check_threshold,
    choose_link,
    chosen,
)
from sklearn_sagemaker.estimators._artifact_saving import CLASSES, PLAIN
from sklearn_sagemaker.estimators._attributes import set_attributes
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.archives import MAX_BYTES
from sklearn_sagemaker.io.artifacts.artifact import (
    FM,
    KINDS,
    LINEAR,
    Machines,
    ModelArtifact,
)
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
    source : str, path-like, bytes-like or binary file object
        ``model.tar.gz``, the ``model_algo-1`` in it, or a folder that has one of both.
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
    ValueError
        If an argument does not fit the model.

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
    artifact = read_artifact(source, max_bytes=max_bytes)
    origin: dict[str, str] = {}
    kind, origin["predictor_type"] = chosen(predictor_type, artifact.predictor_type)
    if kind is None:
        raise ArtifactError(
            "The graph of the artifact does not say what the model predicts; pass "
            f"predictor_type, one of {', '.join(map(repr, KINDS))}."
        )
    check_kind(kind, predictor_type, artifact)
    link, origin["loss"] = choose_link(kind, loss, artifact)
    machines = artifact.machines
    if artifact.n_outputs == 2:
        machines = _difference(machines)
    binary = kind == BINARY or artifact.n_outputs == 2
    n_classes = max(2, artifact.n_outputs)
    labels = cut = None
    if kind != REGRESSOR:
        labels, origin["classes"] = chosen(
            check_classes(classes, n_classes), artifact.classes, np.arange(n_classes)
        )
    elif classes is not None:
        raise ValueError(
            "classes is given, but the model is a regressor; leave it out."
        )
    if binary:
        cut, origin["threshold"] = chosen(
            check_threshold(threshold, link), artifact.threshold, 0.5
        )
    elif threshold is not None:
        raise ValueError(
            "threshold is given, but only models of two classes have one; leave it out."
        )
    names, origin["feature_names"] = chosen(
        check_names(feature_names, artifact.n_features), artifact.feature_names
    )
    cls = CLASSES[artifact.algorithm, kind != REGRESSOR]
    estimator = cls(**_parameters(cls, artifact, loss, link))
    try:
        estimator._validate_params()
    except (ValueError, TypeError) as error:
        raise ArtifactError(
            f"The artifact has a parameter that is not valid ({error})."
        ) from None
    state = _state(artifact, machines, origin, cut, labels, names)
    estimator.n_features_in_ = artifact.n_features
    if state.feature_names is not None:
        estimator.feature_names_in_ = state.feature_names
    set_attributes(estimator, state)
    return estimator


def _parameters(
    cls: Any, artifact: ModelArtifact, loss: str | None, link: str
) -> dict[str, Any]:
    """Arguments of the constructor."""
    saved = artifact.training.get("parameters")
    found = {
        name: value
        for name, value in (saved if isinstance(saved, dict) else {}).items()
        if name in cls._table or (name in PLAIN and hasattr(cls(), name))
    }
    if loss is not None:
        found["loss"] = loss
    if artifact.algorithm == LINEAR and link == "score":
        found.setdefault("loss", "hinge_loss")
    if artifact.algorithm == LINEAR:
        chosen = found.get("loss", "auto")
        known = isinstance(chosen, str) and chosen in LOSSES
        if (LOSSES[chosen].link == "score" if known else False) != (link == "score"):
            raise ArtifactError(
                f"The artifact has the parameter loss={str(chosen)[:20]!r}, but scores "
                f"of the kind {link!r}; they are not of one model."
            )
    return found


def _difference(machines: Machines) -> Machines:
    """One score of two under a softmax, with the same probabilities."""
    if machines.factors is not None:
        raise ArtifactError(
            "The artifact has a factorization machine of two outputs, of which there "
            "are none: two classes have one score."
        )
    coef, intercept = machines.coef, machines.intercept
    return Machines(intercept[1:] - intercept[:1], coef[1:] - coef[:1], None)


def _state(
    artifact: ModelArtifact,
    machines: Machines,
    origin: dict[str, str],
    threshold: float | None,
    classes: np.ndarray | None,
    feature_names: Any,
) -> ModelState:
    coef, intercept, factors, draws = machines.coef, machines.intercept, None, None
    if machines.factors is not None:
        factors = machines.factors
    if artifact.n_draws is not None:
        shape = (artifact.n_draws, artifact.n_outputs)
        draws = {
            name: array.reshape(*shape, *array.shape[1:])
            for name, array in machines.arrays().items()
        }
        coef, intercept = artifact.means["coef"], artifact.means["intercept"]
        factors = draws["factors"][-1]
    training = artifact.training
    n_iter, resolved = training.get("n_iter"), training.get("resolved")
    n_iter = n_iter if type(n_iter) is int else None
    metrics = training.get("metrics")
    resolved = dict(resolved) if isinstance(resolved, dict) else {}
    if artifact.algorithm == FM:
        # By which the estimator knows a probit model.
        resolved["solver"] = _solver(resolved, artifact)
    return ModelState(
        coef=coef,
        intercept=intercept,
        factors=factors,
        draws=draws,
        threshold=threshold,
        n_iter=n_iter,
        resolved=resolved,
        metrics=metrics if isinstance(metrics, dict) else {},
        source=origin,
        classes=classes,
        feature_names=(
            None if feature_names is None else np.asarray(feature_names, dtype=object)
        ),
        unknown=OF_TRAINING[1:] if n_iter is not None else OF_TRAINING,
    )


def _solver(resolved: dict[str, Any], artifact: ModelArtifact) -> str:
    solver = resolved.get("solver", "gradient")
    sweeps = solver in ("als", "mcmc")
    probit = artifact.link == "probit"
    if not sweeps and (probit or solver != "gradient"):
        raise ArtifactError(
            f"The artifact says solver={str(solver)[:20]!r}, but scores of the kind "
            f"{artifact.link!r}; they are not of one model."
        )
    if sweeps and artifact.predictor_type != REGRESSOR and not probit:
        raise ArtifactError(
            f"The artifact says solver={solver!r}, but scores of the kind "
            f"{artifact.link!r}; they are not of one model."
        )
    return solver
