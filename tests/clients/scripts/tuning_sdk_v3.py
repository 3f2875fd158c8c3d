"""Tuning jobs by SageMaker's SDK v3: its resources, as AWS has them, and its tuner."""

import random

import boto3
import steps
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.parameter import (
    CategoricalParameter,
    ContinuousParameter,
    IntegerParameter,
)
from sagemaker.core.resources import HyperParameterTuningJob, TrainingJob
from sagemaker.core.shapes import (
    Channel,
    ContinuousParameterRange,
    DataSource,
    HyperParameterAlgorithmSpecification,
    HyperParameterTrainingJobDefinition,
    HyperParameterTuningJobConfig,
    HyperParameterTuningJobObjective,
    HyperParameterTuningJobWarmStartConfig,
    IntegerParameterRange,
    OutputDataConfig,
    ParameterRanges,
    ParentHyperParameterTuningJob,
    ResourceConfig,
    ResourceLimits,
    S3DataSource,
    StoppingCondition,
)
from sagemaker.core.utils.exceptions import FailedStatusError
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData
from sagemaker.train.tuner import HyperparameterTuner

SESSION = Session()
BUCKET = SESSION.default_bucket()
ROLE = get_execution_role()
IMAGE = image_uris.retrieve("linear-learner", SESSION.boto_region_name)
PARTS = ("train", "validation")


def put_data():
    random.seed(0)
    rows = [[random.gauss(0, 1) for _ in range(3)] for _ in range(200)]
    lines = [f"{int(row[0] > 0)},{','.join(map(str, row))}" for row in rows]
    body = "\n".join(lines).encode()
    for part in PARTS:
        boto3.client("s3").put_object(
            Bucket=BUCKET, Key=f"tuning/{part}/rows.csv", Body=body
        )


def create(name, **static):
    source = {
        "s3_data_type": "S3Prefix",
        "s3_data_distribution_type": "FullyReplicated",
    }
    channels = [
        Channel(
            channel_name=part,
            content_type="text/csv",
            data_source=DataSource(
                s3_data_source=S3DataSource(
                    s3_uri=f"s3://{BUCKET}/tuning/{part}/", **source
                )
            ),
        )
        for part in PARTS
    ]
    return HyperParameterTuningJob.create(
        hyper_parameter_tuning_job_name=name,
        hyper_parameter_tuning_job_config=HyperParameterTuningJobConfig(
            strategy="Random",
            resource_limits=ResourceLimits(
                max_number_of_training_jobs=2, max_parallel_training_jobs=2
            ),
            hyper_parameter_tuning_job_objective=HyperParameterTuningJobObjective(
                type="Maximize", metric_name="validation:binary_f_beta"
            ),
            parameter_ranges=ParameterRanges(
                continuous_parameter_ranges=[
                    ContinuousParameterRange(
                        name="wd", min_value="1e-7", max_value="1", scaling_type="Auto"
                    )
                ],
                integer_parameter_ranges=[
                    IntegerParameterRange(
                        name="mini_batch_size", min_value="50", max_value="100"
                    )
                ],
            ),
        ),
        training_job_definition=HyperParameterTrainingJobDefinition(
            static_hyper_parameters={
                "predictor_type": "binary_classifier", "feature_dim": "3", **static
            },
            algorithm_specification=HyperParameterAlgorithmSpecification(
                training_image=IMAGE, training_input_mode="File"
            ),
            role_arn=ROLE,
            input_data_config=channels,
            output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/out"),
            resource_config=ResourceConfig(
                instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1
            ),
            stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
        ),
    )  # fmt: skip


def resources():
    job = create("resources", epochs="2")
    job.wait()
    job.refresh()
    assert job.hyper_parameter_tuning_job_status == "Completed"
    assert job.training_job_status_counters.completed == 2
    best = job.best_training_job.training_job_name
    found = TrainingJob.get(best)
    assert found.model_artifacts.s3_model_artifacts.endswith(
        f"{best}/output/model.tar.gz"
    )
    names = [one.training_job_name for one in job.get_all_training_jobs()]
    assert best in names, names
    listed = [one.get_name() for one in HyperParameterTuningJob.get_all()]
    assert listed == ["resources"]


def stopped_job():
    job = create("stopped", epochs="1000000")
    job.stop()
    job.wait()
    assert job.hyper_parameter_tuning_job_status == "Stopped"
    job.delete()


def trainer(**settings):
    return ModelTrainer(
        training_image=IMAGE,
        hyperparameters={
            "predictor_type": "binary_classifier",
            "feature_dim": 3,
            "normalize_data": True,
            **settings,
        },
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        base_job_name="tuner",
    )


def tuner(ranges, objective="validation:objective_loss", epochs=2, **more):
    return HyperparameterTuner(
        model_trainer=trainer(epochs=epochs),
        objective_metric_name=objective,
        hyperparameter_ranges=ranges,
        objective_type="Minimize",
        max_jobs=2,
        max_parallel_jobs=2,
        **more,
    )


def data(*parts):
    return [
        InputData(
            channel_name=part,
            data_source=f"s3://{BUCKET}/tuning/{part}/",
            content_type="text/csv",
        )
        for part in parts
    ]


WD = {"wd": ContinuousParameter(1e-7, 1, scaling_type="Logarithmic")}


def tuned():
    """The tuner: its search, the best, the table, and one that starts warm."""
    ranges = {
        **WD,
        "mini_batch_size": IntegerParameter(50, 100),
        "use_bias": CategoricalParameter(["true", "false"]),
    }
    search = tuner(
        dict(ranges),
        strategy="Random",
        early_stopping_type="Auto",
        random_seed=3,
    )
    search.tune(data(*PARTS), job_name="tuner")
    found = search.describe()
    assert found.hyper_parameter_tuning_job_status == "Completed"
    best = search.best_training_job()
    values = TrainingJob.get(best).hyper_parameters
    assert values["use_bias"] in ("true", "false"), values
    table = search.analytics().dataframe()
    assert len(table) == 2
    assert best == table.loc[table["FinalObjectiveValue"].idxmin(), "TrainingJobName"]
    # Its transfer_learning_tuner makes a configuration that its shapes refuse.
    warm = HyperParameterTuningJobWarmStartConfig(
        warm_start_type="IdenticalDataAndAlgorithm",
        parent_hyper_parameter_tuning_jobs=[
            ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name="tuner")
        ],
    )
    after = tuner(ranges, warm_start_config=warm)
    after.tune(data(*PARTS), job_name="warm")
    assert after.describe().overall_best_training_job.training_job_name


def stopped_and_failed():
    search = tuner(WD, epochs=1_000_000)
    search.tune(data(*PARTS), job_name="stops", wait=False)
    search.stop_tuning_job()
    search.wait()
    assert search.describe().hyper_parameter_tuning_job_status == "Stopped"
    # Without a channel "test" there is no value of the objective.
    search = tuner(WD, "test:objective_loss", epochs=1)
    error = steps.raised(
        FailedStatusError, search.tune, data("train"), job_name="fails"
    )
    assert "No objective metrics found" in str(error), error


steps.run(put_data, resources, stopped_job, tuned, stopped_and_failed)
