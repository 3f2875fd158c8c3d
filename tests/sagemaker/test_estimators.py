"""The classes against the emulator: jobs, endpoints and transforms are executed."""

import io
import json
import pickle
import sys
import tarfile
import warnings
from types import SimpleNamespace

import boto3
import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker import LinearLearnerClassifier, load_artifact, sagemaker
from sklearn_sagemaker.exceptions import (
    ArtifactError,
    NameInUseError,
    ResourceNotFoundError,
    TrainingJobFailedError,
    TrainingJobStoppedError,
)
from sklearn_sagemaker.sagemaker import (
    Estimator,
    FactorizationMachines,
    LinearLearner,
    TrainingInput,
    _session_clients,
)
from tests.testing.jobs import IMAGE, PROGRAM

TYPE = "ml.m5.large"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 5)).astype("float32")
Y = (X[:, 0] - X[:, 1] + 0.3 * RNG.normal(size=300) > 0).astype("float32")
SETTINGS = {"epochs": 3, "num_models": 2, "optimizer": "sgd", "learning_rate": 0.1}


def linear(emulator, session, **kwargs):
    return LinearLearner(
        emulator.role, 1, TYPE, "binary_classifier", sagemaker_session=session,
        **{**SETTINGS, **kwargs},
    )  # fmt: skip


def quick(emulator, session, do="put('m', 'model/m')", **kwargs):
    """A job that does what it is told."""
    estimator = Estimator(
        IMAGE, emulator.role, 1, TYPE, sagemaker_session=session, **kwargs
    )
    estimator.set_hyperparameters(do=do)
    return estimator


@pytest.fixture(scope="module")
def trained(emulator, session):
    learner = linear(emulator, session)
    records = learner.record_set(X[:200], Y[:200])
    check = learner.record_set(sparse.csr_array(X[200:]), Y[200:], "validation")
    learner.fit([records, check], mini_batch_size=50, logs=False)
    return learner


def test_a_fit_is_the_fit_of_this_machine(trained):
    local = LinearLearnerClassifier.sagemaker_defaults(
        **SETTINGS, mini_batch_size=50, random_state=0
    ).fit(X[:200], Y[:200], X_val=X[200:], y_val=Y[200:])
    remote = load_artifact(trained.model_data)
    np.testing.assert_array_equal(remote.coef_, local.coef_)
    np.testing.assert_array_equal(remote.intercept_, local.intercept_)
    # Its validation rows are sparse, whose sums are rounded otherwise.
    assert remote.threshold_ == pytest.approx(local.threshold_, rel=1e-7)


def test_attributes_of_a_training(trained, emulator):
    job = trained.latest_training_job
    assert job.name == job.job_name
    assert job.describe()["TrainingJobStatus"] == "Completed"
    assert trained.model_data == (
        f"s3://{emulator.bucket}/{job.name}/output/model.tar.gz"
    )
    assert trained.hyperparameters()["feature_dim"] == "5"
    assert trained.feature_dim == 5
    assert trained.mini_batch_size == 50
    table = trained.training_job_analytics.dataframe()
    assert list(table) == ["timestamp", "metric_name", "value"]
    assert "train:objective_loss" in set(table["metric_name"])
    assert (table["timestamp"] >= 0).all()


def test_an_endpoint_from_deploy_to_its_end(trained, session, caplog):
    predictor = trained.deploy(1, TYPE)
    name = trained.latest_training_job.name
    assert predictor.endpoint_name == name
    model = load_artifact(trained.model_data)
    records = predictor.predict(X[:7])
    labels = [r.label["predicted_label"].float32_tensor.values[0] for r in records]
    np.testing.assert_array_equal(labels, model.predict(X[:7]))
    np.testing.assert_allclose(
        predictor.predict_array(sparse.csr_array(X[:7]), key="score"),
        model.predict_proba(X[:7])[:, 1],
        rtol=1e-5,
    )
    with pytest.raises(NameInUseError, match=r"endpoint_name=.*update_endpoint=True"):
        trained.deploy(1, TYPE)
    before = session.describe_endpoint(name)["EndpointConfigName"]
    assert before == name
    old = session.describe_endpoint_config(name)["ProductionVariants"][0]["ModelName"]
    trained.deploy(1, TYPE, update_endpoint=True, model_name="one")
    after = session.describe_endpoint(name)["EndpointConfigName"]
    assert after != before
    for missing in (
        lambda: session.describe_endpoint_config(before),
        lambda: session.describe_model(old),
    ):
        with pytest.raises(ResourceNotFoundError):
            missing()
    # The same model again stays, and so does what an update without a wait leaves.
    trained.deploy(1, TYPE, update_endpoint=True, model_name="one")
    assert len(predictor.predict(X[:2])) == 2
    assert left(session)[2] == ["one"]
    trained.deploy(1, TYPE, update_endpoint=True, model_name="one", wait=False)
    assert "stay" in caplog.text
    session.wait_for_endpoint(name)
    assert len(left(session)[1]) == 2
    trained.delete_endpoint(delete_model=True)
    session.delete_endpoint_config(left(session)[1][0])
    assert left(session) == ([], [], [])
    with pytest.raises(ValueError, match="no endpoint"):
        trained.delete_endpoint()
    with pytest.raises(ValueError, match="no endpoint 'missing' to update"):
        trained.deploy(1, TYPE, endpoint_name="missing", update_endpoint=True)
    assert left(session) == ([], [], [])


def left(session):
    """Names of endpoints, configurations and models."""
    client = session.sagemaker_client
    return (
        [item["EndpointName"] for item in client.list_endpoints()["Endpoints"]],
        [
            item["EndpointConfigName"]
            for item in client.list_endpoint_configs()["EndpointConfigs"]
        ],
        [item["ModelName"] for item in client.list_models()["Models"]],
    )


def test_a_configuration_that_is_left_over_does_not_hinder(trained, session):
    name = trained.latest_training_job.name
    trained.deploy(1, TYPE, wait=False)
    session.delete_endpoint(name)
    predictor = trained.deploy(1, TYPE, wait=False)
    config = session.describe_endpoint(name)["EndpointConfigName"]
    assert config.startswith(f"{name[:20]}")
    assert config != name
    predictor.delete_endpoint()
    session.delete_endpoint_config(name)
    for model in left(session)[2]:
        session.delete_model(model)


def test_the_other_ways_to_say_data(emulator, session):
    learner = linear(emulator, session, image_uri=IMAGE)
    boto3.client("s3").put_object(Bucket=emulator.bucket, Key="a/b", Body=b"1")
    records = sagemaker.RecordSet(f"s3://{emulator.bucket}/a", 7, 2, "S3Prefix")
    source = TrainingInput(f"s3://{emulator.bucket}/a", content_type="text/csv")
    learner.fit({"train": records, "validation": source}, logs=False)
    assert learner.hyperparameters()["mini_batch_size"] == "7"
    learner.fit({"train": source, "test": records}, wait=False)
    # The container finds out how many features there are.
    assert not {"mini_batch_size", "feature_dim"} & set(learner.hyperparameters())
    learner.mini_batch_size = 5
    learner.fit(f"s3://{emulator.bucket}/a", wait=False)
    assert learner.hyperparameters()["mini_batch_size"] == "5"
    del learner.mini_batch_size
    learner.fit([records], 3, wait=False)
    assert learner.hyperparameters()["mini_batch_size"] == "3"
    learner.fit([records], wait=False)
    assert learner.hyperparameters()["mini_batch_size"] == "7"
    (channel,) = learner.latest_training_job.describe()["InputDataConfig"]
    assert channel["ChannelName"] == "train"


def test_sparse_records_train_factorization_machines(emulator, session):
    machine = FactorizationMachines(
        emulator.role, 1, TYPE, 2, "regressor", epochs=1, sagemaker_session=session
    )
    wide = sparse.random_array((40, 30), density=0.1, rng=RNG, format="csr")
    machine.fit_ndarray(wide, np.arange(40), mini_batch_size=10, logs=False)
    assert machine.hyperparameters()["feature_dim"] == "30"
    with machine.deploy(1, TYPE) as predictor:
        (first, *_) = predictor.predict(wide[:3])
        score = first.label["score"].float32_tensor.values[0]
    expected = load_artifact(machine.model_data).predict(wide[:1])
    np.testing.assert_allclose(score, expected[0], rtol=1e-4)
    assert left(session) == ([], [], [])


def test_what_is_wrong_is_said_before_anything_is_done(emulator, session):
    learner = linear(emulator, session)
    before = dict(emulator.calls)
    records = sagemaker.RecordSet("s3://b/m", 10, 4)
    with pytest.raises(ValueError, match="channel 'train'"):
        learner.fit(sagemaker.RecordSet("s3://b/m", 10, 4, channel="test"))
    with pytest.raises(ValueError, match="Two inputs are for the channel 'train'"):
        learner.fit([records, records])
    with pytest.raises(TypeError, match="A list of inputs is one of record sets"):
        learner.fit(["s3://b/m"])
    with pytest.raises(ValueError, match="not on S3"):
        learner.fit({"train": "/here"})
    with pytest.raises(TypeError, match="is a ndarray"):
        learner.fit({"train": X})
    learner.feature_dim = 3
    with pytest.raises(ValueError, match="feature_dim=3 is set"):
        learner.fit(records)
    with pytest.raises(ValueError, match="feature_dim is missing"):
        FactorizationMachines(
            emulator.role, 1, TYPE, 2, "regressor", sagemaker_session=session
        ).fit({"train": "s3://b/x"})
    with pytest.raises(ValueError, match="predictor_type is missing"):
        LinearLearner(emulator.role, 1, TYPE).fit_ndarray(X, Y)
    for call in ("deploy", "transformer"):
        with pytest.raises(ValueError, match="has no training job; call fit"):
            getattr(learner, call)(1, TYPE)
    for name in ("model_data", "training_job_analytics"):
        with pytest.raises(ValueError, match="has no training job"):
            getattr(learner, name)
    assert dict(emulator.calls) == before


# Jobs that fail, and jobs of others


def test_arguments_that_the_sdk_ignores(session):
    with pytest.warns(DeprecationWarning, match="enable_cloudwatch_metrics has no eff"):
        Estimator(IMAGE, "role", 1, TYPE, enable_cloudwatch_metrics=True)
    with pytest.raises(TypeError, match="no argument 'l2', and .* correct its name"):
        Estimator(IMAGE, "role", 1, TYPE, l2=0.1)


def test_a_job_that_runs_has_no_model_yet(emulator, session):
    estimator = quick(emulator, session, "time.sleep(60)")
    estimator.fit(wait=False)
    for call in (lambda: estimator.model_data, lambda: estimator.deploy(1, TYPE)):
        with pytest.raises(ValueError, match=r"is InProgress; wait .*\.wait\(\)"):
            call()
    session.stop_training_job(estimator.latest_training_job.name)


def test_a_failure_has_reason_and_log(emulator, session, capsys):
    estimator = quick(
        emulator, session,
        "print('last words', flush=True); put('too cold', 'output/failure');"
        "sys.exit(3)",
    )  # fmt: skip
    with pytest.raises(TrainingJobFailedError, match="too cold") as caught:
        estimator.fit()
    job = estimator.latest_training_job.name
    assert caught.value.job_name == job
    assert "last words" in caught.value.log_tail
    assert "last words" in capsys.readouterr().out
    with pytest.raises(ValueError, match="has no model: it is Failed; .*too cold"):
        _ = estimator.model_data
    with pytest.raises(TrainingJobFailedError, match="too cold"):
        Estimator.attach(job, sagemaker_session=session)
    with pytest.raises(ValueError, match="has no model"):
        estimator.deploy(1, TYPE)
    assert left(session) == ([], [], [])


def test_a_stopped_job_is_no_success(emulator, session):
    estimator = quick(emulator, session, "time.sleep(60)")
    estimator.fit(wait=False)
    estimator.latest_training_job.stop()
    with pytest.raises(TrainingJobStoppedError):
        estimator.latest_training_job.wait(logs=False)


def test_attach_shows_the_log_and_waits(emulator, session, capsys):
    go = emulator.bucket  # any name: the job waits for a file of its own
    estimator = quick(
        emulator, session,
        "print('from the job', flush=True); time.sleep(0.5); put('m', 'model/m')",
        tags={"team": go},
    )  # fmt: skip
    estimator.fit(wait=False)
    again = Estimator.attach(estimator.latest_training_job.name, session)
    assert "from the job" in capsys.readouterr().out
    assert again.model_data == estimator.model_data
    assert again.tags == [{"Key": "team", "Value": go}]
    assert again.hyperparameters() == estimator.hyperparameters()


def test_attach_takes_jobs_that_others_made(emulator, session, trained):
    """Private hyperparameters, quotes, wrong values, and none at all."""
    image = "example.com/linear-learner:1"
    emulator.image(image, [sys.executable, "-I", "-S", "-c", PROGRAM])
    described = trained.latest_training_job.describe()
    request = {
        "TrainingJobName": "by-boto3",
        "AlgorithmSpecification": {
            "TrainingImage": image, "TrainingInputMode": "File",
        },
        "RoleArn": emulator.role,
        "InputDataConfig": described["InputDataConfig"],
        "OutputDataConfig": {"S3OutputPath": f"s3://{emulator.bucket}/boto3"},
        "ResourceConfig": described["ResourceConfig"],
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "HyperParameters": {
            "predictor_type": '"binary_classifier"', "epochs": "2", "wd": "0.01",
            "num_models": "1", "feature_dim": "5", "mini_batch_size": "100",
            "_tuning_objective_metric": "validation:objective_loss",
            "unknown": "1", "l1": "-1", "loss": "null",
        },
    }  # fmt: skip
    session.sagemaker_client.create_training_job(**request)
    again = LinearLearner.attach("by-boto3", sagemaker_session=session)
    assert (again.epochs, again.wd, again.loss) == (2, 0.01, None)
    assert again.hyperparameters() == {
        "predictor_type": "binary_classifier", "epochs": "2", "wd": "0.01",
        "num_models": "1", "feature_dim": "5", "mini_batch_size": "100", "l1": "-1",
    }  # fmt: skip
    assert again.train_image() == image
    assert again.output_kms_key is None
    assert again.base_job_name == "by-boto3"
    with pytest.raises(ValueError, match="runs linear-learner; FactorizationMachines"):
        FactorizationMachines.attach("by-boto3", session)
    bare = quick(emulator, session)
    bare._hyperparameters.clear()
    bare.fit(logs=False)
    assert Estimator.attach(bare.latest_training_job.name, session).tags == []
    with pytest.raises(ResourceNotFoundError, match="'missing'"):
        LinearLearner.attach("missing", session)


# Batch transforms, and what is between


def test_a_batch_transform(trained, emulator, session, capsys):
    text = "\n".join(",".join(map(str, row)) for row in X[:9])
    key = "batch/rows.csv"
    boto3.client("s3").put_object(Bucket=emulator.bucket, Key=key, Body=text.encode())
    transformer = trained.transformer(
        1, TYPE, strategy="MULTI_RECORD", assemble_with="Line",
        accept="application/jsonlines",
    )  # fmt: skip
    source = f"s3://{emulator.bucket}/{key}"
    transformer.transform(source, content_type="text/csv", split_type="Line")
    found = session.read_s3_file(
        emulator.bucket,
        transformer.output_path.partition(f"{emulator.bucket}/")[2] + "/rows.csv.out",
    )
    labels = [json.loads(line)["predicted_label"] for line in found.splitlines()]
    expected = load_artifact(trained.model_data).predict(X[:9])
    np.testing.assert_array_equal(labels, expected)
    job = transformer.latest_transform_job
    again = sagemaker.Transformer.attach(job.name, session)
    again.wait(logs=False)
    assert again.latest_transform_job.name == job.job_name
    assert again.model_name == transformer.model_name
    assert (again.strategy, again.assemble_with) == ("MultiRecord", "Line")
    with pytest.raises(ValueError, match="data='rows' is not on S3"):
        again.transform("rows")
    again.delete_model()
    assert left(session) == ([], [], [])
    with pytest.raises(ValueError, match="no batch transform"):
        sagemaker.Transformer("m", 1, TYPE, sagemaker_session=session).wait()


def test_models_by_hand(trained, session):
    model = trained.create_model(name="of-mine")
    assert model.prepare_container_def() == {
        "Image": trained.train_image(),
        "Environment": {},
        "ModelDataUrl": trained.model_data,
    }
    model.create()
    model.delete_model()
    with pytest.raises(ValueError, match="has not been created"):
        trained.create_model().delete_model()
    with pytest.raises(ValueError, match="Version 1"):
        sagemaker.Model("s3://b/model.tar.gz", "image:1", "role")
    with pytest.raises(ValueError, match="an endpoint needs both"):
        model.deploy(1)
    with pytest.raises(ValueError, match="no compiled model"):
        trained.deploy(1, TYPE, use_compiled_model=True)
    with pytest.raises(ValueError, match="give both or none"):
        trained.compile_model("ml_c5", {"data": [1, 5]}, "s3://b/o", framework="mxnet")
    assert left(session) == ([], [], [])


def test_an_accelerator_warns(trained, session):
    with pytest.warns(DeprecationWarning, match="closed Elastic Inference"):
        predictor = trained.deploy(
            1, TYPE, accelerator_type="ml.eia1.medium", endpoint_name="eia", wait=False
        )
    predictor.delete_endpoint()
    predictor.delete_model()


def test_a_model_is_deployed_again(trained, faults, session):
    model = trained.create_model()
    faults.fail("CreateEndpoint", code="ResourceLimitExceeded", message="no", times=1)
    with pytest.raises(sagemaker.exceptions.QuotaExceededError):
        model.deploy(1, TYPE, endpoint_name="one")
    assert left(session) == ([], [], [])
    first = model.deploy(1, TYPE, endpoint_name="one", wait=False)
    second = model.deploy(1, TYPE, endpoint_name="two", wait=False)
    assert [len(names) for names in left(session)] == [2, 2, 1]
    # What was there before stays when a deploy fails.
    faults.fail("CreateEndpoint", code="ResourceLimitExceeded", message="no", times=1)
    with pytest.raises(sagemaker.exceptions.QuotaExceededError):
        model.deploy(1, TYPE, endpoint_name="three")
    assert [len(names) for names in left(session)] == [2, 2, 1]
    first.delete_endpoint()
    second.delete_endpoint()
    model.delete_model()
    assert left(session) == ([], [], [])


def test_an_artifact_that_fails_leaves_nothing(trained, emulator, session):
    bucket, key = emulator.bucket, "bad/model.tar.gz"
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz"):
        pass
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content.getvalue())
    model = sagemaker.LinearLearnerModel(
        f"s3://{bucket}/{key}", emulator.role, sagemaker_session=session
    )
    with pytest.raises(sagemaker.exceptions.EndpointFailedError, match="bad-one"):
        model.deploy(1, TYPE, endpoint_name="bad-one")
    assert left(session) == ([], [], [])
    # An update that fails keeps what was served, and tells so.
    predictor = trained.deploy(1, TYPE, endpoint_name="kept")
    before = session.describe_endpoint("kept")["EndpointConfigName"]
    with pytest.raises(sagemaker.exceptions.EndpointFailedError, match="kept"):
        sagemaker.LinearLearnerModel(
            f"s3://{bucket}/{key}", emulator.role, sagemaker_session=session
        ).deploy(1, TYPE, endpoint_name="kept", update_endpoint=True)
    assert session.describe_endpoint("kept")["EndpointConfigName"] == before
    assert len(predictor.predict(X[:2])) == 2
    assert [len(names) for names in left(session)] == [1, 1, 1]
    predictor.delete_model()
    predictor.delete_endpoint()


@pytest.mark.parametrize(
    "error", [sagemaker.exceptions.WaitTimeoutError, KeyboardInterrupt]
)
def test_a_wait_that_is_given_up_leaves_the_endpoint_and_says_so(
    trained, session, monkeypatch, caplog, error
):
    def late(name, **_):
        raise error(f"{name} is late")

    monkeypatch.setattr(session, "wait_for_endpoint", late)
    with pytest.raises(error, match="late"):
        trained.deploy(1, TYPE, endpoint_name="slow")
    assert "wait_for_endpoint('slow')" in caplog.text
    assert [len(names) for names in left(session)] == [1, 1, 1]
    with sagemaker.Predictor("slow", session):
        pass
    assert left(session) == ([], [], [])


def test_an_endpoint_that_vanishes_leaves_nothing(trained, session, monkeypatch):
    def gone(name, **_):
        session.delete_endpoint(name)
        return session.describe_endpoint(name)

    monkeypatch.setattr(_session_clients, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(session, "wait_for_endpoint", gone)
    with pytest.raises(ResourceNotFoundError, match="gone"):
        trained.deploy(1, TYPE, endpoint_name="gone")
    assert left(session) == ([], [], [])


@pytest.mark.parametrize("operation", ["CreateEndpointConfig", "CreateEndpoint"])
def test_a_refusal_on_the_way_leaves_nothing(trained, faults, session, operation):
    faults.fail(operation, code="ResourceLimitExceeded", message="too many")
    with pytest.raises(sagemaker.exceptions.QuotaExceededError, match="too many"):
        trained.deploy(1, TYPE, endpoint_name="refused")
    faults.heal()
    assert left(session) == ([], [], [])


@pytest.mark.parametrize("code", ["ResourceLimitExceeded", "AccessDeniedException"])
def test_a_job_that_is_refused_is_not_tried_again(emulator, faults, session, code):
    rule = faults.fail("CreateTrainingJob", code=code, message="no")
    estimator = quick(emulator, session)
    with pytest.raises(sagemaker.exceptions.AWSError, match="no"):
        estimator.fit()
    assert rule.seen == 1
    assert estimator.latest_training_job is None
    faults.heal()
    estimator.fit(logs=False)


def test_a_lost_answer_is_our_job(emulator, faults, session, at_once):
    faults.fail("CreateTrainingJob", reset="after", times=1)
    estimator = quick(emulator, session)
    estimator.fit(logs=False)
    assert estimator.model_data


def test_keys_that_expire_end_the_wait_and_the_job_is_named(
    emulator, faults, session, monkeypatch
):
    estimator = quick(emulator, session)
    estimator.fit(wait=False)
    name = estimator.latest_training_job.name
    secret = session.boto_session.get_credentials().secret_key
    faults.fail("DescribeTrainingJob", code="ExpiredTokenException", message="old")
    with pytest.raises(sagemaker.exceptions.AWSError, match=name) as caught:
        estimator.latest_training_job.wait(logs=False)
    assert secret not in str(caught.value)
    faults.heal()
    Estimator.attach(name, session)


def test_nothing_secret_in_what_is_shown_or_stored(trained, session):
    keys = session.boto_session.get_credentials()
    shown = [repr(trained), repr(trained.latest_training_job), repr(session)]
    stored = pickle.dumps(trained)
    for secret in (keys.secret_key, keys.access_key):
        assert not any(secret in text for text in shown)
        assert secret.encode() not in stored
    again = pickle.loads(stored)
    assert again.model_data == trained.model_data
    assert again.hyperparameters() == trained.hyperparameters()


def test_no_warning_and_no_print_without_logs(emulator, session, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(emulator, session).fit(wait=False)
    assert capsys.readouterr().out == ""


# Artifacts by their job


def test_the_artifact_of_a_job_by_what_ran_it(trained, session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = trained.latest_training_job
    arn = job.describe()["TrainingJobArn"]
    model = load_artifact(trained.model_data)
    resource = SimpleNamespace(
        training_job_name=job.name,
        training_job_status="InProgress",
        model_artifacts=None,
    )

    def refresh():
        resource.training_job_status = "Completed"
        resource.model_artifacts = SimpleNamespace(
            s3_model_artifacts=trained.model_data
        )

    resource.refresh = refresh
    v3 = SimpleNamespace(_latest_training_job=resource)
    for source in (trained, job, job.name, arn, v3, resource):
        np.testing.assert_array_equal(load_artifact(source).coef_, model.coef_)
    with pytest.raises(FileNotFoundError, match="no training job of this name"):
        load_artifact("of-nobody")
    with pytest.raises(FileNotFoundError, match=r"of-nobody\.tar\.gz"):
        load_artifact("of-nobody.tar.gz")


def test_a_job_that_failed_has_no_artifact(emulator, session):
    estimator = quick(emulator, session, "sys.exit(1)")
    with pytest.raises(TrainingJobFailedError):
        estimator.fit(logs=False)
    with pytest.raises(ArtifactError, match="has no model: it is Failed"):
        load_artifact(estimator)
