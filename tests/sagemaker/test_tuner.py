"""The tuner, whose jobs the emulator runs."""

import numpy as np
import pytest

from sklearn_sagemaker import sagemaker
from sklearn_sagemaker.exceptions import JobFailedError, ResourceNotFoundError
from sklearn_sagemaker.sagemaker import LinearLearner
from sklearn_sagemaker.sagemaker.estimator import Estimator
from sklearn_sagemaker.sagemaker.tuner import (
    CategoricalParameter,
    ContinuousParameter,
    HyperparameterTuner,
    IntegerParameter,
    TuningJobCompletionCriteriaConfig,
    WarmStartConfig,
    WarmStartTypes,
    create_transfer_learning_tuner,
)
from tests.testing.jobs import IMAGE
from tests.testing.tuning import BOWL

LOSS = [{"Name": "loss", "Regex": "loss=([^;]+);"}]
ROLE = "arn:aws:iam::111122223333:role/R"


def estimator(emulator, session, do=BOWL):
    made = Estimator(IMAGE, emulator.role, 1, "ml.m5.large", sagemaker_session=session)
    made.set_hyperparameters(do=do)
    return made


def tuner_of(emulator, session, do=BOWL, **more):
    ranges = {
        "x": ContinuousParameter(1e-4, 1.0, scaling_type="Logarithmic"),
        "k": IntegerParameter(1, 9),
        "c": CategoricalParameter(["a", "b"]),
    }
    return HyperparameterTuner(
        estimator(emulator, session, do),
        "loss",
        ranges,
        LOSS,
        **{
            "strategy": "Random",
            "objective_type": "Minimize",
            "max_jobs": 2,
            "max_parallel_jobs": 2,
            "random_seed": 1,
            **more,
        },
    )


def test_a_search_of_an_image(emulator, session, capsys):
    tuner = tuner_of(emulator, session)
    for call in (tuner.wait, tuner.describe, tuner.analytics, tuner.best_training_job):
        with pytest.raises(ValueError, match="No tuning job available: call fit"):
            call()
    tuner.fit()
    assert "Completed" in capsys.readouterr().out
    table = tuner.analytics().dataframe()
    assert list(table.columns) == [
        "x",
        "k",
        "c",
        "TrainingJobName",
        "TrainingJobStatus",
        "FinalObjectiveValue",
        "TrainingStartTime",
        "TrainingEndTime",
        "TrainingElapsedTimeSeconds",
    ]
    assert table["x"].dtype == float
    assert table["k"].dtype == float
    best = table.loc[table["FinalObjectiveValue"].idxmin()]
    assert tuner.best_training_job() == best["TrainingJobName"]
    assert set(tuner.analytics().tuning_ranges) == {"x", "k", "c"}
    assert tuner.describe()["HyperParameterTuningJobStatus"] == "Completed"
    trained = tuner.best_estimator()
    assert trained.latest_training_job.name == best["TrainingJobName"]
    assert trained.hyperparameters()["k"] == str(int(best["k"]))

    name = tuner.latest_tuning_job.name
    attached = HyperparameterTuner.attach(name, session)
    assert attached.hyperparameter_ranges() == tuner.hyperparameter_ranges()
    assert attached.best_training_job() == tuner.best_training_job()
    assert (attached.strategy, attached.objective_type) == ("Random", "Minimize")
    assert (attached.max_jobs, attached.random_seed) == (2, 1)
    assert attached.metric_definitions == LOSS

    # The second in a minute has a name of its own.
    tuner.random_seed = 2
    tuner.fit(wait=False)
    assert tuner.latest_tuning_job.name != name
    assert tuner.latest_tuning_job.name.startswith("quick-")
    tuner.wait()

    more = attached.identical_dataset_and_algorithm_tuner(
        {tuner.latest_tuning_job.name}
    )
    assert more.warm_start_config.parents == {name, tuner.latest_tuning_job.name}
    more.fit(job_name="more")
    values = [*table["FinalObjectiveValue"]]
    for other in (tuner, more):
        values += [*other.analytics().dataframe()["FinalObjectiveValue"]]
    best = more.describe()["OverallBestTrainingJob"]
    final = best["FinalHyperParameterTuningJobObjectiveMetric"]
    assert final["Value"] == min(values)
    other = create_transfer_learning_tuner("more", sagemaker_session=session)
    assert other.warm_start_config.type is WarmStartTypes.TRANSFER_LEARNING


def test_a_search_that_fails_or_is_stopped(emulator, session):
    tuner = tuner_of(emulator, session, "sys.exit(1)")
    with pytest.raises(JobFailedError, match="All training jobs failed"):
        tuner.fit(job_name="fails")
    with pytest.raises(ValueError, match="Best training job not available for tuning"):
        tuner.best_training_job()
    assert tuner.analytics().dataframe()["FinalObjectiveValue"].isna().all()
    tuner = tuner_of(emulator, session, "time.sleep(600)")
    tuner.fit(job_name="stops", wait=False)
    tuner.stop_tuning_job()
    tuner.wait()
    assert tuner.describe()["HyperParameterTuningJobStatus"] == "Stopped"
    tuner.stop_tuning_job()
    with pytest.raises(ResourceNotFoundError, match="can't find a tuning job"):
        HyperparameterTuner.attach("nobody", session)


def test_several_estimators(emulator, session):
    parts = {"near": estimator(emulator, session), "far": estimator(emulator, session)}
    parts["far"].set_hyperparameters(x=1.0)
    tuner = HyperparameterTuner.create(
        parts,
        dict.fromkeys(parts, "loss"),
        {name: {"k": CategoricalParameter([4])} for name in parts},
        dict.fromkeys(parts, LOSS),
        strategy="Grid",
        objective_type="Minimize",
    )
    assert (tuner.estimator, tuner.metric_definitions) == (None, None)
    assert sorted(tuner.estimator_dict) == ["far", "near"]
    tuner.fit({"near": None}, job_name="several")
    best = tuner.describe()["BestTrainingJob"]
    assert best["TrainingJobDefinitionName"] == "near"
    assert "x" not in tuner.best_estimator().hyperparameters()
    assert set(tuner.analytics().tuning_ranges) == {"near", "far"}
    attached = HyperparameterTuner.attach("several", session)
    assert attached.hyperparameter_ranges_dict() == tuner.hyperparameter_ranges_dict()
    with pytest.raises(ValueError, match="multiple estimators"):
        attached.identical_dataset_and_algorithm_tuner()


def test_as_the_mnist_notebook_does_it(emulator, session):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).astype("float32")
    y = (X[:, 0] > 0).astype("float32")
    rows = "\n".join(
        ",".join(map(str, (label, *row))) for label, row in zip(y, X, strict=True)
    )
    uri = session.upload_string_as_file_body(rows, emulator.bucket, "rows/rows.csv")
    image = sagemaker.image_uris.retrieve(
        region=session.boto_region_name, framework="linear-learner"
    )
    linear = sagemaker.estimator.Estimator(
        image,
        emulator.role,
        instance_count=1,
        instance_type="ml.c4.xlarge",
        output_path=f"s3://{emulator.bucket}/out",
        sagemaker_session=session,
    )
    linear.set_hyperparameters(
        feature_dim=3, predictor_type="binary_classifier", mini_batch_size=100
    )
    ranges = {
        "wd": sagemaker.parameter.ContinuousParameter(1e-7, 1, scaling_type="Auto"),
        "learning_rate": sagemaker.tuner.ContinuousParameter(1e-5, 1),
        "mini_batch_size": sagemaker.tuner.IntegerParameter(50, 200),
    }
    tuner = sagemaker.tuner.HyperparameterTuner(
        linear,
        "validation:binary_f_beta",
        ranges,
        max_jobs=2,
        max_parallel_jobs=2,
        objective_type="Maximize",
        # By chance both could get a rate that learns nothing.
        random_seed=0,
    )
    data = {
        name: sagemaker.inputs.TrainingInput(uri, content_type="text/csv")
        for name in ("train", "validation")
    }
    with pytest.warns(UserWarning, match="content_type has no effect"):
        tuner.fit(inputs=data, job_name="mnist", wait=False, content_type="text/csv")
    tuner.wait()
    best = tuner.describe()["BestTrainingJob"]
    final = best["FinalHyperParameterTuningJobObjectiveMetric"]
    assert final["MetricName"] == "validation:binary_f_beta"
    assert 0 < final["Value"] <= 1
    found = session.describe_training_job(best["TrainingJobName"])
    metrics = {
        item["MetricName"]: item["Value"] for item in found["FinalMetricDataList"]
    }
    assert metrics["ObjectiveMetric"] == metrics["validation:binary_f_beta"]
    attached = HyperparameterTuner.attach("mnist", session)
    assert isinstance(attached.estimator, LinearLearner)
    assert attached.estimator.mini_batch_size == 50
    predictor = tuner.deploy(initial_instance_count=1, instance_type="ml.m5.large")
    assert predictor.endpoint_name == best["TrainingJobName"]
    predictor.serializer = sagemaker.serializers.CSVSerializer()
    predictor.deserializer = sagemaker.deserializers.JSONDeserializer()
    assert len(predictor.predict(X[:4])["predictions"]) == 4
    predictor.delete_endpoint()


def learner(**more):
    return LinearLearner(ROLE, 1, "ml.m5.large", "regressor", **more)


@pytest.mark.parametrize(
    ("ranges", "more", "said"),
    [
        ({}, {}, "Need to specify hyperparameter ranges or set autotune=True"),
        ({"wd": ContinuousParameter(-1, 1)}, {}, "wd='-1' is not valid"),
        ({"loss": CategoricalParameter(["x"])}, {}, "loss='x' is not valid"),
        ({"depth": IntegerParameter(1, 2)}, {}, "no hyperparameter 'depth'; it has"),
        (
            {"wd": ContinuousParameter(0, 1)},
            {"hyperparameters_to_keep_static": ["l1"]},
            "is for autotune=True",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused(ranges, more, said):
    with pytest.raises(ValueError, match=said):
        HyperparameterTuner(learner(), "validation:mse", ranges, **more)


def test_other_arguments_that_are_refused():
    with pytest.raises(TypeError, match="range of 'wd' is a tuple"):
        HyperparameterTuner(learner(), "validation:mse", {"wd": (0, 1)})
    with pytest.raises(ValueError, match="estimator_dict is empty"):
        HyperparameterTuner.create({}, {}, {})
    one = {"a": learner()}
    wd = {"wd": ContinuousParameter(0, 1)}
    with pytest.raises(ValueError, match=r"objective_metric_name_dict has \['b'\]"):
        HyperparameterTuner.create(one, {"b": "m"}, {"a": wd})
    tuner = HyperparameterTuner.create(one, {"a": "m"}, {"a": wd})
    with pytest.raises(ValueError, match="'inputs' has the key 'b'"):
        tuner.fit({"b": "s3://b/x"})
    with pytest.raises(ValueError, match="'inputs' must be a dict with the keys"):
        tuner.fit("s3://b/x")
    with pytest.raises(ValueError, match="'instance_configs' has the key 'b'"):
        tuner.override_resource_config({"b": []})
    with pytest.raises(ValueError, match="must be one of"):
        WarmStartConfig("TransferLearning", {"a"})
    with pytest.raises(ValueError, match="needs tuning jobs"):
        WarmStartConfig(WarmStartTypes.TRANSFER_LEARNING, set())
    auto = HyperparameterTuner(
        Estimator(IMAGE, ROLE, 1, "ml.m5.large", output_path="s3://b/o"),
        "loss",
        {},
        autotune=True,
        hyperparameters_to_keep_static=["a"],
    )
    with pytest.raises(ValueError, match="'a', which the estimator has not set"):
        auto.fit()


def test_values_there_and_back():
    criteria = TuningJobCompletionCriteriaConfig(5, False, 0.5)
    again = TuningJobCompletionCriteriaConfig.from_job_desc(criteria.to_input_req())
    assert vars(again) == vars(criteria)
    start = WarmStartConfig(WarmStartTypes.TRANSFER_LEARNING, {"b", "a"})
    assert vars(WarmStartConfig.from_job_desc(start.to_input_req())) == vars(start)
    assert WarmStartConfig.from_job_desc({}) is None
    assert ContinuousParameter(np.float64(0.5), 1).as_tuning_range("x")["MinValue"] == (
        "0.5"
    )
    assert IntegerParameter(1, 3).is_valid(3)
    assert not IntegerParameter(1, 3).is_valid(4)
    assert CategoricalParameter([1, 2]).is_valid("1")
    assert CategoricalParameter("a").as_json_range("c") == {
        "Name": "c",
        "Values": ['"a"'],
    }
