"""
A search by a tuning job
========================

SageMaker searches for the penalty of a model, by jobs that train it with different
ones. All of it runs on the emulator, without an account.
"""

# %%
# What is searched
# ----------------
# Measures of diabetes, and few rows: the penalty matters.

from scipy.stats import loguniform
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from sklearn_sagemaker import LinearLearnerRegressor
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.testing import SageMakerEmulator

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=60, random_state=0)
model = LinearLearnerRegressor(num_models=1, epochs=20, random_state=0)

# %%
# The search
# ----------
# In an account of yours leave the ``with`` out, and set ``role=`` of the backend.

with SageMakerEmulator(scale=0.0) as emulator:
    backend = SageMakerBackend(emulator.role, image="sklearn-sagemaker", poll=0.2)
    model.set_params(backend=backend)
    model.tune(
        X_train,
        y_train,
        {"wd": loguniform(1e-4, 10)},
        max_jobs=4,
        max_parallel_jobs=2,
        strategy="Random",
        random_state=0,
    )

# %%
# What it has found
# -----------------
# A row a training job, the best first.

results = model.cv_results_
print(f"{'wd':>8}  {'loss':>8}  job")
for row in results["rank_test_score"].argsort():
    wd, loss = results["param_wd"][row], results["objective"][row]
    print(f"{wd:8.4f}  {loss:8.4f}  {results['training_job_name'][row]}")
print(f"R2 of the best on other rows: {model.score(X_test, y_test):.3f}")
