"""SageMaker's SDK v3, by its guide and by the notebooks that AWS has moved to it."""

import json
import logging

import boto3
import steps
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import (
    Endpoint,
    EndpointConfig,
    Model,
    TrainingJob,
    TransformJob,
)
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    Channel,
    ContainerDefinition,
    DataSource,
    OutputDataConfig,
    ProductionVariant,
    ResourceConfig,
    S3DataSource,
    StoppingCondition,
    TransformDataSource,
    TransformInput,
    TransformOutput,
    TransformResources,
    TransformS3DataSource,
)
from sagemaker.core.utils.exceptions import FailedStatusError
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData

SESSION = Session()
BUCKET = SESSION.default_bucket()
ROLE = get_execution_role()
IMAGE = image_uris.retrieve("linear-learner", SESSION.boto_region_name)
ROWS = "1.5,3\n0.5,4\n"
SETTINGS = {"predictor_type": "binary_classifier", "num_models": 1, "epochs": 2}


class Lines(logging.Handler):
    """The SDK shows the lines of a job as messages of a logger."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def emit(self, record):
        self.seen.append(record.getMessage())


def put_data():
    lines = [f"{n % 2},{n % 2}.5,{n % 7}" for n in range(60)]
    s3 = boto3.client("s3")
    body = "\n".join(lines).encode()
    s3.put_object(Bucket=BUCKET, Key="train/train.csv", Body=body)
    s3.put_object(Bucket=BUCKET, Key="rows/rows.csv", Body=ROWS.encode())


def create_job(name, **hyper_parameters):
    source = S3DataSource(
        s3_data_type="S3Prefix",
        s3_uri=f"s3://{BUCKET}/train/",
        s3_data_distribution_type="ShardedByS3Key",
    )
    return TrainingJob.create(
        training_job_name=name,
        hyper_parameters={
            key: str(value)
            for key, value in {
                **SETTINGS,
                "mini_batch_size": 10,
                **hyper_parameters,
            }.items()
        },
        algorithm_specification=AlgorithmSpecification(
            training_image=IMAGE, training_input_mode="File"
        ),
        role_arn=ROLE,
        input_data_config=[
            Channel(
                channel_name="train",
                content_type="text/csv",
                data_source=DataSource(s3_data_source=source),
            )
        ],
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/out"),
        resource_config=ResourceConfig(
            instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=300),
    )


def predictions(endpoint):
    answer = endpoint.invoke(
        body=ROWS, content_type="text/csv", accept="application/json"
    )
    return json.loads(answer.body.read())["predictions"]


def resources():
    """The objects: a job, and what is made of it."""
    job = create_job("objects")
    job.wait()
    assert job.training_job_status == "Completed"
    found = TrainingJob.get("objects")
    metrics = {item.metric_name for item in found.final_metric_data_list}
    assert "train:objective_loss" in metrics, metrics
    assert "objects" in [item.training_job_name for item in TrainingJob.get_all()]
    model = Model.create(
        model_name="objects",
        execution_role_arn=ROLE,
        primary_container=ContainerDefinition(
            image=IMAGE, model_data_url=found.model_artifacts.s3_model_artifacts
        ),
    )
    assert Model.get("objects").get_name() == "objects"
    config, other = (
        EndpointConfig.create(
            endpoint_config_name=name,
            production_variants=[
                ProductionVariant(
                    variant_name="AllTraffic",
                    model_name="objects",
                    instance_type="ml.m5.large",
                    initial_instance_count=1,
                )
            ],
        )
        for name in ("objects", "objects-2")
    )
    endpoint = Endpoint.create(endpoint_name="objects", endpoint_config_name=config)
    endpoint.wait_for_status("InService")
    assert [set(item) for item in predictions(endpoint)] == [
        {"score", "predicted_label"}
    ] * 2
    endpoint.endpoint_config_name = "objects-2"
    endpoint.update()
    endpoint.wait_for_status("InService")
    assert Endpoint.get("objects").endpoint_config_name == "objects-2"
    endpoint.delete()
    config.delete()
    other.delete()
    transform = TransformJob.create(
        transform_job_name="objects",
        model_name="objects",
        transform_input=TransformInput(
            content_type="text/csv",
            split_type="Line",
            data_source=TransformDataSource(
                s3_data_source=TransformS3DataSource(
                    s3_data_type="S3Prefix", s3_uri=f"s3://{BUCKET}/rows/"
                )
            ),
        ),
        transform_output=TransformOutput(
            s3_output_path=f"s3://{BUCKET}/scores", accept="application/jsonlines"
        ),
        transform_resources=TransformResources(
            instance_type="ml.m5.large", instance_count=1
        ),
    )
    transform.wait()
    stored = boto3.client("s3").get_object(Bucket=BUCKET, Key="scores/rows.csv.out")
    assert len(stored["Body"].read().splitlines()) == 2
    model.delete()


def trainer():
    """ModelTrainer with logs, ModelBuilder."""
    training = ModelTrainer(
        training_image=IMAGE,
        hyperparameters={**SETTINGS, "use_bias": True, "mini_batch_size": 10},
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        base_job_name="trainer",
    )
    data = InputData(
        channel_name="train",
        data_source=f"s3://{BUCKET}/train/",
        content_type="text/csv",
    )
    lines = Lines()
    logging.getLogger("sagemaker.core.resources").addHandler(lines)
    training.train(input_data_config=[data], wait=True, logs=True)
    said = "".join(lines.seen)
    assert "Docker entrypoint called with argument(s): train" in said, said
    assert "#train_score (algo-1)" in said, said
    job = training._latest_training_job
    job.refresh()
    assert job.training_job_status == "Completed"
    builder = ModelBuilder(
        image_uri=IMAGE,
        s3_model_data_url=job.model_artifacts.s3_model_artifacts,
        role_arn=ROLE,
        instance_type="ml.m5.large",
    )
    builder.build(model_name="built")
    endpoint = builder.deploy(endpoint_name="built")
    assert len(predictions(endpoint)) == 2
    endpoint.delete()


def failing_job():
    """A job with settings that are refused says why."""
    job = create_job("failing", optimizer="guess")
    error = steps.raised(FailedStatusError, job.wait)
    assert "optimizer" in str(error), error


def stopped_job():
    job = create_job("stopped", epochs=1000000)
    job.stop()
    job.wait()
    assert job.training_job_status == "Stopped"
    job.delete()


steps.run(put_data, resources, trainer, failing_job, stopped_job)
