"""A spec as the hyperparameters of a job of SageMaker's built-in algorithm."""

from __future__ import annotations

from sklearn_sagemaker._hyperparameters.to_job import ContainerValues, to_container
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.training.factors import container as factors
from sklearn_sagemaker.training.linear import container as linear

CHOICES = {
    "linear-learner": linear.container_choices,
    "factorization-machines": factors.container_choices,
}
"""What "auto" becomes where the container has none, for each algorithm."""


def container_values(
    spec: TrainingSpec,
    *,
    n_rows: int,
    n_features: int,
    weighted: bool = False,
    validated: bool = False,
) -> ContainerValues:
    """The hyperparameters of the job that trains a spec.

    Parameters
    ----------
    spec : TrainingSpec
    n_rows : int
        Rows that train, without those that are held out.
    n_features : int
    weighted : bool
        Whether the weights of the rows differ.
    validated : bool
        Whether the data bring validation rows.

    Returns
    -------
    values : ContainerValues
        The strings, and by name what they cannot say.

    Examples
    --------
    >>> from sklearn_sagemaker._hyperparameters.tables import hyperparameters_for
    >>> from sklearn_sagemaker._state import TrainingSpec
    >>> from sklearn_sagemaker.backends.container import container_values
    >>> algorithm, kind = "factorization-machines", "regressor"
    >>> table = hyperparameters_for(algorithm, (kind,))
    >>> ours = {name: entry.default for name, entry in table.items()}
    >>> spec = TrainingSpec(algorithm, kind, ours, ensemble_size=3)
    >>> values = container_values(spec, n_rows=100_000, n_features=2000)
    >>> values.strings["num_factors"], values.strings["mini_batch_size"]
    ('64', '500')
    >>> print(*values.inexpressible)
    ensemble_size=3: the built-in algorithm returns one model
    """
    choices = CHOICES[spec.algorithm](spec, n_rows)
    return to_container(
        spec,
        choices,
        n_features=n_features,
        weighted=weighted,
        validated=validated,
    )
