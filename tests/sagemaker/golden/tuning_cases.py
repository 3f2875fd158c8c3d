"""Calls of the tuner, for SageMaker's SDK v2 and for this package."""

try:
    from tests.sagemaker.golden import cases
except ImportError:
    import cases

TUNING_CASES = {}
LOSS = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]


def case(function):
    TUNING_CASES[function.__name__] = function
    return function


def ranges(sm):
    tuner = cases.part(sm, "tuner")
    return {
        "wd": tuner.ContinuousParameter(1e-7, 1, scaling_type="Logarithmic"),
        "mini_batch_size": tuner.IntegerParameter(100, 5000),
        "optimizer": tuner.CategoricalParameter(["adam", "sgd"]),
    }


def of_generic(sm, session, **more):
    tuner = cases.part(sm, "tuner")
    estimator = cases.generic(sm, session)
    estimator.set_hyperparameters(epochs=3, use_bias=True, wd=0.1)
    given = {"wd": tuner.ContinuousParameter(0.5, 2)}
    return tuner.HyperparameterTuner(
        estimator, "loss", given, metric_definitions=LOSS, **more
    )


@case
def tune_linear(sm, session):
    learner = cases.linear(sm, session, tags=cases.TAGS)
    tuner = cases.part(sm, "tuner").HyperparameterTuner(
        learner, "validation:objective_loss", ranges(sm), objective_type="Minimize",
        max_jobs=4, max_parallel_jobs=2, early_stopping_type="Auto", random_seed=3,
    )  # fmt: skip
    tuner.fit([cases.records(sm), cases.records(sm, "validation")], wait=False)


@case
def tune_factors(sm, session):
    tuner = cases.part(sm, "tuner")
    given = {"epochs": tuner.IntegerParameter(1, 9, scaling_type="Linear")}
    tuner = tuner.HyperparameterTuner(
        cases.factors(sm, session, bias_lr=0.25), "test:rmse", given,
        objective_type="Minimize", base_tuning_job_name="base",
        tags=[{"Key": "own", "Value": "b"}], max_runtime_in_seconds=600,
    )  # fmt: skip
    tuner.fit(cases.records(sm), mini_batch_size=50, wait=False)


@case
def tune_generic(sm, session):
    of_generic(sm, session).fit({"train": "s3://data/train"}, "named", wait=False)


@case
def tune_a_built_in_image_by_channels(sm, session):
    # As the MNIST notebook does it.
    tuner = cases.part(sm, "tuner")
    parameter = cases.part(sm, "parameter")
    image = sm.image_uris.retrieve(region="us-east-1", framework="linear-learner")
    estimator = sm.estimator.Estimator(
        image, cases.ROLE, instance_count=1, instance_type="ml.c4.xlarge",
        output_path="s3://out/here", sagemaker_session=session,
    )  # fmt: skip
    estimator.set_hyperparameters(
        feature_dim=784, predictor_type="binary_classifier", mini_batch_size=200
    )
    given = {
        "wd": parameter.ContinuousParameter(1e-7, 1, scaling_type="Auto"),
        "learning_rate": tuner.ContinuousParameter(1e-5, 1),
        "mini_batch_size": tuner.IntegerParameter(100, 2000),
    }
    made = tuner.HyperparameterTuner(
        estimator, "validation:binary_f_beta", given, max_jobs=6, max_parallel_jobs=3,
        objective_type="Maximize",
    )  # fmt: skip
    data = {
        name: sm.inputs.TrainingInput(f"s3://data/{name}", content_type="text/csv")
        for name in ("train", "validation")
    }
    made.fit(inputs=data, job_name="mnist", wait=False)


@case
def tune_with_everything(sm, session):
    tuner = cases.part(sm, "tuner")
    estimator = cases.generic(
        sm, session, volume_size=50, volume_kms_key="vk", max_run=600,
        input_mode="Pipe", output_path="s3://out/models", output_kms_key="ok",
        subnets=["s-1"], security_group_ids=["g-1"],
        encrypt_inter_container_traffic=True, use_spot_instances=True, max_wait=900,
        checkpoint_s3_uri="s3://out/checkpoints", checkpoint_local_path="/opt/ml/cp",
        enable_network_isolation=True, max_retry_attempts=3, environment={"A": "b"},
        keep_alive_period_in_seconds=60,
    )  # fmt: skip
    tuner.HyperparameterTuner(
        estimator, "loss", {"x": tuner.IntegerParameter(1, 3)}, LOSS, "Hyperband",
        "Minimize", 7, 2, 3600, cases.TAGS, "tuned",
        tuner.WarmStartConfig(tuner.WarmStartTypes.TRANSFER_LEARNING, {"parent"}),
        tuner.StrategyConfig(tuner.HyperbandStrategyConfig(9, 1)),
        tuner.TuningJobCompletionCriteriaConfig(5, True, 0.25),
    ).fit(cases.TRAIN, wait=False)  # fmt: skip


@case
def tune_with_instances(sm, session):
    tuner = of_generic(sm, session)
    config = cases.part(sm, "tuner").InstanceConfig
    tuner.override_resource_config([config(1, "ml.m5.large"), config(2, "ml.c5.large")])
    tuner.fit(cases.TRAIN, job_name="instances", wait=False)


@case
def tune_by_the_service_alone(sm, session):
    estimator = cases.generic(sm, session, hyperparameters={"a": 1, "b": 2.5})
    cases.part(sm, "tuner").HyperparameterTuner(
        estimator, "loss", {}, LOSS, autotune=True,
        hyperparameters_to_keep_static=["b"],
    ).fit(cases.TRAIN, job_name="auto", wait=False)  # fmt: skip


@case
def tune_with_the_class_told(sm, session):
    learner = cases.linear(sm, session)
    tuner = cases.part(sm, "tuner").HyperparameterTuner(
        learner, "validation:objective_loss", ranges(sm)
    )
    tuner.fit(cases.records(sm), include_cls_metadata=True, wait=False)


@case
def tune_several(sm, session):
    module = cases.part(sm, "tuner")
    made = module.HyperparameterTuner.create(
        {
            "b": cases.generic(sm, session),
            "a": cases.linear(sm, session, wd=0.5, tags=cases.TAGS),
        },
        {"b": "loss", "a": "validation:objective_loss"},
        {
            "b": {"x": module.CategoricalParameter([1, 2])},
            "a": {"wd": module.ContinuousParameter(0.1, 1)},
        },
        {"b": LOSS},
        objective_type="Minimize",
        max_jobs=5,
    )
    made.fit(
        {"b": cases.TRAIN, "a": cases.records(sm)},
        job_name="several",
        include_cls_metadata={},
        estimator_kwargs={"a": {"mini_batch_size": 10}},
        wait=False,
    )


@case
def tune_wait_and_deploy(sm, session):
    tuner = of_generic(sm, session)
    tuner.fit(cases.TRAIN, job_name="tuned")
    predictor = tuner.deploy(1, "ml.m5.large")
    predictor.delete_endpoint()
    tuner.stop_tuning_job()


@case
def tune_attach_and_deploy_linear(sm, session):
    learner = cases.linear(sm, session)
    given = ranges(sm)
    # The SDK's attach() forgets scalings.
    given["wd"].scaling_type = "Auto"
    tuner = cases.part(sm, "tuner").HyperparameterTuner(
        learner, "validation:objective_loss", given, objective_type="Minimize",
        max_jobs=4, max_parallel_jobs=2,
    )  # fmt: skip
    tuner.fit([cases.records(sm), cases.records(sm, "validation")], "tuned")
    attached = cases.part(sm, "tuner").HyperparameterTuner.attach("tuned", session)
    attached.deploy(1, "ml.m5.large", endpoint_name="served")
    next_one = attached.identical_dataset_and_algorithm_tuner()
    data = [cases.records(sm), cases.records(sm, "validation")]
    next_one.fit(data, job_name="again", wait=False)
    attached.transfer_learning_tuner(estimator=learner).fit(
        data, job_name="other", wait=False
    )
