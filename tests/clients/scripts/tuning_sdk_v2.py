"""The tuner of SageMaker's SDK v2."""

import boto3
import numpy as np
import sagemaker
import steps
from botocore.exceptions import ClientError
from sagemaker import LinearLearner, image_uris
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer
from sagemaker.tuner import (
    CategoricalParameter,
    ContinuousParameter,
    HyperparameterTuner,
    IntegerParameter,
    create_transfer_learning_tuner,
)

SESSION = sagemaker.Session()
BUCKET = SESSION.default_bucket()
ROLE = sagemaker.get_execution_role()
MACHINES = {"instance_count": 1, "instance_type": "ml.m5.large"}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3)).astype("float32")
Y = (X @ [1.0, -1.0, 0.5] > 0).astype("float32")
TRAIN, VALIDATION = slice(0, 300), slice(300, 400)
RANGES = {
    "wd": ContinuousParameter(1e-7, 1, scaling_type="Logarithmic"),
    "mini_batch_size": IntegerParameter(50, 100),
    "use_bias": CategoricalParameter(["True", "False"]),
}


def records():
    """The class, record sets, the table, attach, an endpoint, warm starts."""
    learner = LinearLearner(
        ROLE, **MACHINES, predictor_type="binary_classifier", epochs=2
    )
    data = [
        learner.record_set(X[TRAIN], Y[TRAIN]),
        learner.record_set(X[VALIDATION], Y[VALIDATION], channel="validation"),
    ]
    tuner = HyperparameterTuner(
        learner,
        "validation:objective_loss",
        RANGES,
        objective_type="Minimize",
        max_jobs=4,
        max_parallel_jobs=2,
        early_stopping_type="Auto",
        random_seed=3,
    )
    tuner.fit(data)
    found = tuner.describe()
    assert found["HyperParameterTuningJobStatus"] == "Completed", found
    table = tuner.analytics().dataframe()
    assert set(RANGES) <= set(table.columns), table.columns
    assert len(table) == 4
    best = table.loc[table["FinalObjectiveValue"].idxmin(), "TrainingJobName"]
    assert tuner.best_training_job() == best

    name = tuner.latest_tuning_job.name
    attached = HyperparameterTuner.attach(name)
    assert isinstance(attached.estimator, LinearLearner)
    assert attached.best_training_job() == best
    predictor = attached.deploy(1, "ml.m5.large")
    assert len(predictor.predict(X[:3])) == 3
    predictor.delete_model()
    predictor.delete_endpoint()

    tuner.max_jobs = 1
    again = tuner.identical_dataset_and_algorithm_tuner()
    again.fit(data, job_name="again")
    assert again.describe()["OverallBestTrainingJob"]
    other = create_transfer_learning_tuner("again", {name})
    assert len(other.warm_start_config.parents) == 2


def channels():
    """As the MNIST notebook has it: an image, files, a wait by hand."""
    rows = "\n".join(",".join(map(str, (y, *x))) for x, y in zip(X, Y, strict=True))
    SESSION.upload_string_as_file_body(rows, BUCKET, "tuning/rows.csv")
    image = image_uris.retrieve("linear-learner", SESSION.boto_region_name)
    estimator = Estimator(image, ROLE, **MACHINES, output_path=f"s3://{BUCKET}/out")
    estimator.set_hyperparameters(
        feature_dim=3, predictor_type="binary_classifier", epochs=2
    )
    tuner = HyperparameterTuner(
        estimator,
        "validation:binary_f_beta",
        {name: RANGES[name] for name in ("wd", "mini_batch_size")},
        max_jobs=2,
        max_parallel_jobs=2,
        objective_type="Maximize",
    )
    data = {
        name: TrainingInput(f"s3://{BUCKET}/tuning/rows.csv", content_type="text/csv")
        for name in ("train", "validation")
    }
    tuner.fit(inputs=data, job_name="notebook", wait=False, content_type="text/csv")
    tuner.wait()
    predictor = tuner.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.large",
        serializer=CSVSerializer(),
        deserializer=JSONDeserializer(),
    )
    assert predictor.endpoint_name == tuner.best_training_job()
    assert len(predictor.predict(X[:3])["predictions"]) == 3
    predictor.delete_endpoint()


def several():
    """Two estimators in one tuning job."""
    learners = {
        name: LinearLearner(
            ROLE, **MACHINES, predictor_type="binary_classifier", epochs=epochs
        )
        for name, epochs in (("one", 1), ("two", 2))
    }
    data = [
        learners["one"].record_set(X[TRAIN], Y[TRAIN]),
        learners["one"].record_set(X[VALIDATION], Y[VALIDATION], channel="validation"),
    ]
    tuner = HyperparameterTuner.create(
        learners,
        dict.fromkeys(learners, "validation:objective_loss"),
        {name: {"wd": RANGES["wd"]} for name in learners},
        objective_type="Minimize",
        max_jobs=2,
        max_parallel_jobs=2,
    )
    tuner.fit(
        dict.fromkeys(learners, data), job_name="several", include_cls_metadata={}
    )
    table = tuner.analytics().dataframe()
    assert set(table["TrainingJobDefinitionName"]) == {"one", "two"}
    assert tuner.best_estimator().epochs in (1, 2)


def stopped_and_failed():
    learner = LinearLearner(
        ROLE, **MACHINES, predictor_type="binary_classifier", epochs=1_000_000
    )
    data = learner.record_set(X[TRAIN], Y[TRAIN])
    held = learner.record_set(X[VALIDATION], Y[VALIDATION], channel="validation")
    tuner = HyperparameterTuner(
        learner, "validation:objective_loss", {"wd": RANGES["wd"]}, max_jobs=9
    )
    tuner.fit([data, held], job_name="stopped", wait=False)
    tuner.stop_tuning_job()
    tuner.wait()
    assert tuner.describe()["HyperParameterTuningJobStatus"] == "Stopped"
    # Without rows to validate by there is no value of the objective.
    learner.epochs = 1
    error = steps.raised(UnexpectedStatusException, tuner.fit, data, job_name="failed")
    assert "No objective metrics found" in str(error), error
    wrong = HyperparameterTuner(learner, "validation:none", {"wd": RANGES["wd"]})
    error = steps.raised(ClientError, wrong.fit, data, job_name="wrong")
    assert "isn't valid" in str(error), error
    names = {
        one["HyperParameterTuningJobName"]
        for one in boto3.client("sagemaker").list_hyper_parameter_tuning_jobs(
            StatusEquals="Failed"
        )["HyperParameterTuningJobSummaries"]
    }
    assert names == {"failed"}


steps.run(records, channels, several, stopped_and_failed)
