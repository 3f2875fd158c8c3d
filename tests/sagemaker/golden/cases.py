"""The same calls for SageMaker's SDK v2 and for this package, a function a case."""

import importlib

import numpy as np

ROLE = "arn:aws:iam::111122223333:role/R"
COMMON = (ROLE, 1, "ml.m5.large")
X = np.arange(20, dtype="float32").reshape(5, 4)
Y = np.array([0, 1, 0, 1, 1], dtype="float32")
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:1"
TRAIN = {"train": "s3://data/train"}
TAGS = [{"Key": "team", "Value": "a"}]
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def part(sm, name):
    return importlib.import_module(f"{sm.__name__}.{name}")


def records(sm, channel="train", n=5000, d=4):
    return sm.amazon.amazon_estimator.RecordSet(
        f"s3://data/{channel}.manifest", num_records=n, feature_dim=d, channel=channel
    )


def linear(sm, session, *args, **kwargs):
    args = args or ("binary_classifier",)
    return sm.LinearLearner(*COMMON, *args, sagemaker_session=session, **kwargs)


def factors(sm, session, **kwargs):
    kwargs = {"num_factors": 8, "predictor_type": "regressor", **kwargs}
    return sm.FactorizationMachines(*COMMON, sagemaker_session=session, **kwargs)


def generic(sm, session, **kwargs):
    return sm.estimator.Estimator(IMAGE, *COMMON, sagemaker_session=session, **kwargs)


def fitted(sm, session, **kwargs):
    learner = linear(sm, session, **kwargs)
    learner.fit(records(sm), wait=False)
    return learner


# Training jobs


@case
def linear_minimal(sm, session):
    linear(sm, session).fit(records(sm), wait=False)


@case
def linear_every_binary_hyperparameter(sm, session):
    linear(
        sm, session, "binary_classifier", "f_beta", None, None, 2.5, 3, True, 4, 100,
        "normal", None, 0.5, 0.25, "adam", "logistic", 0.01, 0.001, None, 0.1, 0.9,
        0.99, 2.0, 0.5, True, 10, 0.5, 0.001, True, None, True, None, 50, None, None,
        None, None, 2, 0.1, None, None, 2.0, None,
    ).fit(records(sm), 64, False)  # fmt: skip


@case
def linear_regressor(sm, session):
    linear(
        sm, session, "regressor", loss="huber_loss", huber_delta=2.0, optimizer="sgd",
        momentum=0.5, normalize_label=False, unbias_label=True, wd=1,
    ).fit([records(sm), records(sm, "validation")], wait=False)  # fmt: skip


@case
def linear_multiclass(sm, session):
    linear(
        sm, session, "multiclass_classifier", num_classes=7, accuracy_top_k=2,
        balance_multiclass_weights=True, use_bias=False,
    ).fit([records(sm), records(sm, "test")], wait=False)  # fmt: skip


@case
def linear_balanced_and_target(sm, session):
    linear(
        sm, session, positive_example_weight_mult="balanced", target_recall=0.9,
        binary_classifier_model_selection_criteria="precision_at_target_recall",
    ).fit(records(sm, n=300), job_name="mine", wait=False)  # fmt: skip


@case
def linear_two_instances(sm, session):
    learner = sm.LinearLearner(
        ROLE, 2, "ml.m5.large", "regressor", sagemaker_session=session
    )
    learner.fit(records(sm, n=300), wait=False)


@case
def linear_options_of_the_job(sm, session):
    linear(
        sm, session, volume_size=50, volume_kms_key="vk", max_run=600,
        input_mode="Pipe", output_path="s3://out/models", output_kms_key="ok",
        base_job_name="base", tags=TAGS, subnets=["s-1"], security_group_ids=["g-1"],
        encrypt_inter_container_traffic=True, use_spot_instances=True, max_wait=900,
        checkpoint_s3_uri="s3://out/checkpoints", checkpoint_local_path="/opt/ml/cp",
        enable_network_isolation=True, max_retry_attempts=3,
        environment={"A": "b"}, keep_alive_period_in_seconds=60,
    ).fit(records(sm), wait=False)  # fmt: skip


@case
def linear_role_by_name(sm, session):
    learner = sm.LinearLearner(
        "Named", 1, "ml.m5.large", "regressor", sagemaker_session=session
    )
    learner.fit(records(sm), wait=False)


@case
def linear_assigned_and_deleted(sm, session):
    learner = linear(sm, session, wd=0.5, epochs=3)
    learner.wd = 0.25
    del learner.epochs
    learner.normalize_data = False
    learner.fit(records(sm), wait=False)


@case
def linear_long_base_name(sm, session):
    linear(sm, session, base_job_name="b" * 60).fit(records(sm), wait=False)


@case
def linear_file_system(sm, session):
    found = sm.amazon.amazon_estimator.FileSystemRecordSet(
        "fs-0123456789abcdef0", "EFS", "/data", num_records=10, feature_dim=3
    )
    linear(sm, session).fit(found, wait=False)


@case
def factors_minimal(sm, session):
    factors(sm, session).fit(records(sm), wait=False)


@case
def factors_every_hyperparameter(sm, session):
    sm.FactorizationMachines(
        *COMMON, 8, "binary_classifier", 3, 0.5, 1e-7, 0.001, 0.1, 0.01, 0.001, 0.02,
        0.03, 0.04, "normal", None, 0.01, None, "uniform", 0.5, None, None, "constant",
        None, None, 0.25, sagemaker_session=session,
    ).fit(records(sm), mini_batch_size=100, wait=False)  # fmt: skip


@case
def factors_two_channels(sm, session):
    factors(sm, session).fit([records(sm), records(sm, "test")], wait=False)


@case
def generic_uris(sm, session):
    estimator = generic(sm, session, output_path="s3://out")
    estimator.set_hyperparameters(feature_dim=784, loss="auto", use_bias=True, wd=1e-5)
    estimator.fit({**TRAIN, "validation": "s3://data/validation"}, wait=False)


@case
def generic_one_uri(sm, session):
    generic(sm, session, hyperparameters={"a": 1}).fit("s3://data/all", wait=False)


@case
def generic_no_input(sm, session):
    generic(sm, session).fit(wait=False)


@case
def generic_inputs(sm, session):
    of = part(sm, "inputs")
    inputs = {
        "train": of.TrainingInput(
            "s3://data/t", distribution="ShardedByS3Key", compression="Gzip",
            content_type="text/csv;label_size=1", record_wrapping="RecordIO",
            s3_data_type="ManifestFile", input_mode="Pipe",
        ),
        "validation": of.TrainingInput("s3://data/v", content_type="text/csv"),
        "test": of.FileSystemInput("fs-0123456789abcdef0", "FSxLustre", "/fsx/d", "rw"),
    }  # fmt: skip
    generic(sm, session).fit(inputs, wait=False)


@case
def generic_one_input_with_a_mode(sm, session):
    source = part(sm, "inputs").TrainingInput("s3://data/t", input_mode="FastFile")
    generic(sm, session).fit(source, wait=False)


@case
def generic_metrics_and_model(sm, session):
    generic(
        sm, session, model_uri="s3://models/model.tar.gz",
        metric_definitions=[{"Name": "loss", "Regex": "loss=(.*?);"}],
        enable_sagemaker_metrics=True, tags={"team": "a"},
    ).fit(TRAIN, wait=False, job_name="given")  # fmt: skip


@case
def generic_registry_and_entry(sm, session):
    generic(
        sm, session, training_repository_access_mode="Vpc",
        training_repository_credentials_provider_arn="arn:aws:lambda:us-east-1:"
        "111122223333:function:f",
        container_entry_point=["python", "t.py"], container_arguments=["--a", "1"],
        disable_output_compression=True, enable_remote_debug=True,
    ).fit(TRAIN, wait=False)  # fmt: skip


@case
def experiment(sm, session):
    generic(sm, session).fit(
        TRAIN, wait=False, experiment_config={"ExperimentName": "e", "TrialName": "t"}
    )


# Records


@case
def record_set_dense(sm, session):
    linear(sm, session).record_set(X, Y)


@case
def record_set_two_shards_encrypted(sm, session):
    learner = sm.LinearLearner(
        ROLE, 2, "ml.m5.large", "regressor", sagemaker_session=session,
        data_location="s3://data/records",
    )  # fmt: skip
    learner.data_location = "s3://data/other"
    learner.fit(learner.record_set(X, Y, encrypt=True), wait=False)


@case
def record_set_without_labels(sm, session):
    found = factors(sm, session).record_set(X, channel="test")
    assert (found.num_records, found.feature_dim, found.channel) == (5, 4, "test")


# Endpoints


@case
def deploy_linear(sm, session):
    fitted(sm, session).deploy(1, "ml.m5.large")


@case
def deploy_named_and_tagged(sm, session):
    fitted(sm, session).deploy(
        initial_instance_count=2, instance_type="ml.c5.xlarge", endpoint_name="e",
        model_name="m", tags=TAGS, kms_key="key", wait=False,
        model_data_download_timeout=600, container_startup_health_check_timeout=300,
        volume_size=10,
    )  # fmt: skip


@case
def deploy_with_the_tags_of_the_job(sm, session):
    fitted(
        sm, session, tags=TAGS, subnets=["s-1"], security_group_ids=["g-1"],
    ).deploy(1, "ml.m5.large")  # fmt: skip


@case
def deploy_vpc_override(sm, session):
    fitted(sm, session).deploy(
        1, "ml.m5.large",
        vpc_config_override={"Subnets": ["s-2"], "SecurityGroupIds": ["g-2"]},
    )  # fmt: skip


@case
def deploy_accelerator(sm, session):
    fitted(sm, session).deploy(1, "ml.m5.large", accelerator_type="ml.eia1.medium")


@case
def deploy_serverless(sm, session):
    config = part(sm, "serverless").ServerlessInferenceConfig(
        memory_size_in_mb=2048, max_concurrency=5
    )
    fitted(sm, session).deploy(serverless_inference_config=config)


@case
def deploy_asynchronous(sm, session):
    config = part(sm, "async_inference").AsyncInferenceConfig(
        output_path="s3://out/async", max_concurrent_invocations_per_instance=2
    )
    fitted(sm, session).deploy(1, "ml.m5.large", async_inference_config=config)


@case
def deploy_capture(sm, session):
    config = part(sm, "model_monitor").DataCaptureConfig(
        True,
        sampling_percentage=50,
        destination_s3_uri="s3://out/capture",
        sagemaker_session=session,
    )
    fitted(sm, session).deploy(1, "ml.m5.large", data_capture_config=config)


@case
def deploy_generic_isolated(sm, session):
    estimator = generic(sm, session, enable_network_isolation=True)
    estimator.fit(TRAIN, wait=False)
    predictor = estimator.deploy(1, "ml.m5.large", endpoint_name="mine")
    predictor.delete_endpoint()


@case
def deploy_factors(sm, session):
    machine = factors(sm, session, base_job_name="fm")
    machine.fit(records(sm), wait=False)
    machine.deploy(1, "ml.m5.large")


@case
def models_by_hand(sm, session):
    model = sm.model.Model(
        image_uri=IMAGE, model_data="s3://models/m.tar.gz", role=ROLE, name="by-hand",
        env={"A": "b"}, sagemaker_session=session,
        vpc_config={"Subnets": ["s-1"], "SecurityGroupIds": ["g-1"]},
    )  # fmt: skip
    model.create(tags=TAGS)
    model.delete_model()
    sm.LinearLearnerModel(
        "s3://models/l.tar.gz", ROLE, sagemaker_session=session
    ).deploy(1, "ml.m5.large", endpoint_name="one")
    sm.FactorizationMachinesModel(
        "s3://models/f.tar.gz", role=ROLE, sagemaker_session=session
    ).deploy(1, "ml.m5.large", endpoint_name="two")


@case
def pipeline_of_models(sm, session):
    models = [
        sm.model.Model(IMAGE, "s3://models/a.tar.gz", ROLE, sagemaker_session=session),
        fitted(sm, session).create_model(),
    ]
    part(sm, "pipeline").PipelineModel(
        models, ROLE, name="row", sagemaker_session=session
    ).deploy(1, "ml.m5.large", tags=TAGS, endpoint_name="row-1")


# Batch transforms


@case
def transform_minimal(sm, session):
    transformer = fitted(sm, session).transformer(1, "ml.m5.large")
    transformer.transform("s3://data/x", wait=False)


@case
def transform_everything(sm, session):
    transformer = fitted(sm, session, tags=TAGS).transformer(
        2, "ml.m5.large", "MultiRecord", "Line", "s3://out/t", "ok",
        "application/jsonlines", {"A": "b"}, 2, 1, [{"Key": "t", "Value": "u"}],
        "arn:aws:iam::111122223333:role/Other", "vk",
    )  # fmt: skip
    transformer.transform(
        "s3://data/x", "ManifestFile", "text/csv", "Gzip", "Line", "named",
        "$[1:]", "$.score", "Input",
        model_client_config={"InvocationsMaxRetries": 1}, wait=False,
    )  # fmt: skip


@case
def transform_by_a_model(sm, session):
    model = sm.LinearLearnerModel(
        "s3://models/l.tar.gz", ROLE, sagemaker_session=session, name="mine"
    )
    model.transformer(1, "ml.m5.large", assemble_with="Line").transform(
        "s3://data/x", content_type="text/csv", split_type="Line", wait=False
    )


# Compilation, and jobs of others


@case
def compile_for_a_device(sm, session):
    learner = fitted(sm, session)
    learner.compile_model(
        "ml_c5", {"data": [1, 4]}, "s3://out/neo", "mxnet", "1.8.0",
        compile_max_run=300, tags=TAGS,
    )  # fmt: skip
    learner.deploy(1, "ml.c5.large", use_compiled_model=True)


@case
def attach_and_train_again(sm, session):
    learner = linear(
        sm, session, wd=0.01, loss="auto", output_path="s3://out", volume_size=7,
        max_run=900, subnets=["s-1"], security_group_ids=["g-1"],
        enable_network_isolation=True, use_spot_instances=True, max_wait=1000,
    )  # fmt: skip
    learner.fit(records(sm), wait=False)
    again = sm.LinearLearner.attach(
        learner.latest_training_job.name, sagemaker_session=session
    )
    again.fit(records(sm), wait=False)
    again.deploy(1, "ml.m5.large", endpoint_name="again")


@case
def attach_a_generic_one(sm, session):
    estimator = generic(sm, session)
    estimator.set_hyperparameters(a=1)
    estimator.fit(TRAIN, wait=False, job_name="of-mine")
    again = sm.estimator.Estimator.attach("of-mine", sagemaker_session=session)
    again.fit(TRAIN, wait=False)


# Less common


@case
def transform_capture(sm, session):
    capture = part(sm, "inputs").BatchDataCaptureConfig(
        "s3://out/capture", kms_key_id="key", generate_inference_id=True
    )
    transformer = fitted(sm, session).transformer(1, "ml.m5.large")
    transformer.transform(
        "s3://data/x",
        join_source="Input",
        batch_data_capture_config=capture,
        wait=False,
    )


@case
def transform_by_a_pipeline(sm, session):
    models = [
        sm.model.Model(IMAGE, "s3://models/a.tar.gz", ROLE, sagemaker_session=session),
        sm.LinearLearnerModel("s3://models/l.tar.gz", ROLE, sagemaker_session=session),
    ]
    row = part(sm, "pipeline").PipelineModel(
        models, ROLE, name="row", sagemaker_session=session,
        vpc_config={"Subnets": ["s-1"], "SecurityGroupIds": ["g-1"]},
        enable_network_isolation=True,
    )  # fmt: skip
    row.transformer(1, "ml.m5.large", tags=TAGS).transform("s3://data/x", wait=False)
    row.delete_model()


@case
def transform_isolated(sm, session):
    model = sm.model.Model(
        IMAGE, "s3://models/a.tar.gz", ROLE, sagemaker_session=session,
        enable_network_isolation=True, name="alone",
    )  # fmt: skip
    model.transformer(1, "ml.m5.large", env={"A": "b"}).transform(
        "s3://data/x", wait=False
    )


@case
def deploy_asynchronous_by_default(sm, session):
    config = part(sm, "async_inference").AsyncInferenceConfig(
        notification_config={"SuccessTopic": "arn:aws:sns:us-east-1:111122223333:t"},
        kms_key_id="key",
    )
    fitted(sm, session).deploy(1, "ml.m5.large", async_inference_config=config)


@case
def deploy_with_variables(sm, session):
    estimator = generic(sm, session)
    estimator.fit(TRAIN, wait=False)
    estimator.deploy(1, "ml.m5.large", env={"A": "b"}, role=f"{ROLE}2")


@case
def model_of_a_folder(sm, session):
    estimator = generic(sm, session, disable_output_compression=True)
    estimator.fit(TRAIN, wait=False)
    estimator.deploy(1, "ml.m5.large")


@case
def fit_a_model_of_another_channel(sm, session):
    linear(
        sm, session, model_uri="s3://models/m.tar.gz", model_channel_name="start"
    ).fit(records(sm), wait=False)


# The registry

TYPES = (["text/csv"], ["application/json"], ["ml.m5.large"], ["ml.m5.xlarge"])


@case
def register_a_model(sm, session):
    model = sm.model.Model(
        IMAGE, "s3://models/a.tar.gz", ROLE, sagemaker_session=session, env={"A": "b"}
    )
    package = model.register(*TYPES, model_package_group_name="group")
    assert package.model_package_arn.endswith("model-package/group/1")
    model.register(
        *TYPES,
        model_package_group_name="group",
        image_uri=f"{IMAGE}2",
        approval_status="Approved",
        description="d",
        customer_metadata_properties={"a": "1"},
        domain="MACHINE_LEARNING",
        task="CLASSIFICATION",
        sample_payload_url="s3://b/payload",
        framework="MXNET",
        framework_version="1.8",
        skip_model_validation="All",
        source_uri="s3://b/source",
    )


@case
def register_a_model_by_itself(sm, session):
    model = sm.model.Model(
        IMAGE, "s3://models/a.tar.gz", ROLE, sagemaker_session=session, env={"A": "b"}
    )
    model.register(*TYPES, model_package_name="alone", marketplace_cert=False)
    model.register(["text/csv"], ["text/csv"])


@case
def register_an_estimator(sm, session):
    fitted(sm, session).register(
        *TYPES, model_package_group_name="group", approval_status="Approved"
    )


@case
def deploy_a_package(sm, session):
    model = sm.model.Model(
        IMAGE, "s3://models/a.tar.gz", ROLE, sagemaker_session=session
    )
    package = model.register(*TYPES, model_package_group_name="group")
    package.deploy(1, "ml.m5.large")
    again = sm.model.ModelPackage(
        ROLE,
        model_package_arn=package.model_package_arn,
        sagemaker_session=session,
        env={"A": "b"},
        name="named",
    )
    again.deploy(1, "ml.m5.large", endpoint_name="of-a-package", tags=TAGS)
    again.update_approval_status("Rejected", "no good")
    again.update_customer_metadata({"a": "2"})
    again.remove_customer_metadata_properties(["a"])


@case
def transform_by_a_package(sm, session):
    model = sm.model.Model(
        IMAGE, "s3://models/a.tar.gz", ROLE, sagemaker_session=session
    )
    package = model.register(*TYPES, model_package_group_name="group")
    package.transformer(1, "ml.m5.large").transform("s3://data/x", wait=False)
