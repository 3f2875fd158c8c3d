"""Names, signatures and call forms of the pages of SageMaker's SDK, v1 and v2.

The lists are facts of those pages: names, their order and their defaults.
"""

import importlib
import inspect

import numpy as np
import pytest

from sklearn_sagemaker import sagemaker
from sklearn_sagemaker._hyperparameters.container import container_table
from sklearn_sagemaker.sagemaker.amazon.hyperparameter import Hyperparameter
from tests.sagemaker.golden.recorder import Recorder

REQUIRED = inspect.Parameter.empty
# What version 1 calls otherwise.
RENAMED = {
    "train_instance_count": "instance_count",
    "train_instance_type": "instance_type",
    "endpoint": "endpoint_name",
}
LINEAR = """role train_instance_count train_instance_type predictor_type
binary_classifier_model_selection_criteria target_recall target_precision
positive_example_weight_mult epochs use_bias num_models num_calibration_samples
init_method init_scale init_sigma init_bias optimizer loss wd l1 momentum learning_rate
beta_1 beta_2 bias_lr_mult bias_wd_mult use_lr_scheduler lr_scheduler_step
lr_scheduler_factor lr_scheduler_minimum_lr normalize_data normalize_label unbias_data
unbias_label num_point_for_scaler margin quantile loss_insensitivity huber_delta
early_stopping_patience early_stopping_tolerance num_classes accuracy_top_k f_beta
balance_multiclass_weights""".split()
FACTORS = """role train_instance_count train_instance_type num_factors predictor_type
epochs clip_gradient eps rescale_grad bias_lr linear_lr factors_lr bias_wd linear_wd
factors_wd bias_init_method bias_init_scale bias_init_sigma bias_init_value
linear_init_method linear_init_scale linear_init_sigma linear_init_value
factors_init_method factors_init_scale factors_init_sigma factors_init_value""".split()
BASE = """sagemaker_session tags output_path output_kms_key volume_size volume_kms_key
max_run max_wait input_mode base_job_name subnets security_group_ids model_uri
model_channel_name encrypt_inter_container_traffic use_spot_instances checkpoint_s3_uri
checkpoint_local_path enable_network_isolation metric_definitions""".split()
# Class or method -> arguments after self, with their defaults; in this order.
VPC = "VPC_CONFIG_DEFAULT"
BOTH = {
    "attach": {
        "training_job_name": REQUIRED,
        "sagemaker_session": None,
        "model_channel_name": "model",
    },
    "compile_model": {
        "target_instance_family": REQUIRED,
        "input_shape": REQUIRED,
        "output_path": REQUIRED,
        "framework": None,
        "framework_version": None,
        "compile_max_run": 300,
        "tags": None,
    },
    "create_model": {"vpc_config_override": VPC},
    "delete_endpoint": {},
    "enable_network_isolation": {},
    "fit": {
        "records": REQUIRED,
        "mini_batch_size": None,
        "wait": True,
        "logs": True,
        "job_name": None,
    },
    "fit_ndarray": {"train": REQUIRED, "labels": None},
    "get_vpc_config": {"vpc_config_override": VPC},
    "hyperparameters": {},
    "record_set": {
        "train": REQUIRED,
        "labels": None,
        "channel": "train",
        "encrypt": False,
    },
    "train_image": {},
    "transformer": {
        "instance_count": REQUIRED,
        "instance_type": REQUIRED,
        **dict.fromkeys(
            """strategy assemble_with output_path output_kms_key accept env
            max_concurrent_transforms max_payload tags role volume_kms_key""".split()
        ),
    },
}
DEPLOY = {
    "accelerator_type": None,
    "endpoint_name": None,
    "use_compiled_model": False,
    "update_endpoint": False,
    "wait": True,
    "tags": None,
}
MODEL = {"model_data": REQUIRED, "role": None, "sagemaker_session": None}
PREDICTOR = {"endpoint": REQUIRED, "sagemaker_session": None}
ALGORITHMS = {
    "LinearLearner": (LINEAR, "linear-learner"),
    "FactorizationMachines": (FACTORS, "factorization-machines"),
}
# Module of the SDK -> names that the pages, the notebook and the guides use.
MODULES = {
    "": """LinearLearner LinearLearnerModel LinearLearnerPredictor
        FactorizationMachines FactorizationMachinesModel FactorizationMachinesPredictor
        Session get_execution_role RealTimePredictor Predictor Model PipelineModel
        TrainingInput s3_input amazon estimator image_uris serializers deserializers
        session s3 transformer analytics predictor model exceptions""",
    "amazon.amazon_estimator": """AmazonAlgorithmEstimatorBase RecordSet
        FileSystemRecordSet get_image_uri""",
    "amazon.common": """write_numpy_to_dense_tensor write_spmatrix_to_sparse_tensor
        read_records RecordSerializer RecordDeserializer""",
    "amazon.factorization_machines": """FactorizationMachines
        FactorizationMachinesModel FactorizationMachinesPredictor""",
    "amazon.hyperparameter": "Hyperparameter",
    "amazon.linear_learner": """LinearLearner LinearLearnerModel
        LinearLearnerPredictor""",
    "amazon.record_pb2": "Record",
    "analytics": "TrainingJobAnalytics",
    "async_inference": "AsyncInferenceConfig",
    "deserializers": """RecordDeserializer CSVDeserializer JSONDeserializer
        JSONLinesDeserializer BytesDeserializer""",
    "estimator": "Estimator EstimatorBase",
    "image_uris": "retrieve",
    "inputs": "TrainingInput FileSystemInput",
    "model": "Model",
    "model_monitor": "DataCaptureConfig",
    "pipeline": "PipelineModel",
    "predictor": "Predictor RealTimePredictor",
    "s3": "S3Uploader S3Downloader",
    "serializers": """RecordSerializer CSVSerializer JSONSerializer
        JSONLinesSerializer IdentitySerializer""",
    "serverless": "ServerlessInferenceConfig",
    "session": "Session get_execution_role production_variant container_def",
    "transformer": "Transformer",
    "vpc_utils": "VPC_CONFIG_DEFAULT",
}
ROLE, TYPE = "arn:aws:iam::111122223333:role/R", "ml.m5.large"


def parameters(function):
    found = inspect.signature(function).parameters
    return {name: item for name, item in found.items() if name != "self"}


def check(function, expected, positional=True):
    """The arguments stand first, in order, with their defaults."""
    found = parameters(function)
    wanted = [RENAMED.get(name, name) for name in expected]
    if positional:
        assert list(found)[: len(wanted)] == wanted
    for name, default in zip(wanted, expected.values(), strict=True):
        kind = found[name].kind
        assert kind == (
            inspect.Parameter.POSITIONAL_OR_KEYWORD
            if positional
            else inspect.Parameter.KEYWORD_ONLY
        )
        if default is not REQUIRED:
            assert found[name].default == default, name


@pytest.mark.parametrize("module", MODULES)
def test_the_names_are_there(module):
    found = sagemaker
    if module:
        found = importlib.import_module(f"sklearn_sagemaker.sagemaker.{module}")
        through = sagemaker
        for part in module.split("."):
            through = getattr(through, part)  # as "import sagemaker" reads them
        assert through is found
    for name in MODULES[module].split():
        assert getattr(found, name) is not None


@pytest.mark.parametrize("name", ALGORITHMS)
def test_signatures(name):
    cls, (arguments, repository) = getattr(sagemaker, name), ALGORITHMS[name]
    required = 5 if name == "FactorizationMachines" else 4
    check(
        cls.__init__,
        dict.fromkeys(arguments[:required], REQUIRED)
        | dict.fromkeys(arguments[required:]),
    )
    for method, expected in BOTH.items():
        check(getattr(cls, method), expected)
    check(cls.deploy, {"initial_instance_count": REQUIRED, "instance_type": REQUIRED})
    check(cls.deploy, DEPLOY, positional=False)  # versions disagree on the third
    check(getattr(sagemaker, f"{name}Model").__init__, MODEL)
    check(getattr(sagemaker, f"{name}Predictor").__init__, PREDICTOR)
    assert (cls.repo_name, cls.repo_version) == (repository, 1)
    assert type(cls.repo_version) is int
    for argument in arguments[3:]:
        assert isinstance(getattr(cls, argument), Hyperparameter)
    for property_ in ("data_location", "model_data", "training_job_analytics"):
        assert isinstance(getattr(cls, property_), property)
    assert issubclass(cls, sagemaker.AmazonAlgorithmEstimatorBase)
    assert issubclass(getattr(sagemaker, f"{name}Model"), sagemaker.Model)
    assert issubclass(getattr(sagemaker, f"{name}Predictor"), sagemaker.Predictor)


def test_constants():
    assert sagemaker.LinearLearner.DEFAULT_MINI_BATCH_SIZE == 1000
    assert sagemaker.VPC_CONFIG_DEFAULT == VPC


@pytest.fixture(scope="module")
def session():
    return sagemaker.Session(boto_session=Recorder().boto_session)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ALGORITHMS)
def test_arguments_by_position_and_by_name(name, session):
    cls, (arguments, _) = getattr(sagemaker, name), ALGORITHMS[name]
    entries = container_table(cls.repo_name, "binary_classifier")
    given = {
        "role": ROLE,
        "train_instance_count": 1,
        "train_instance_type": TYPE,
        "predictor_type": "binary_classifier",
    }
    for argument in arguments:
        if argument in entries:
            given.setdefault(argument, entries[argument].default)
        else:
            given.setdefault(argument, None)
    by_position = cls(*[given[argument] for argument in arguments])
    by_name = cls(**{RENAMED.get(key, key): value for key, value in given.items()})
    with pytest.warns(DeprecationWarning, match="is called"):
        by_old_name = cls(**given)
    for estimator in (by_position, by_name, by_old_name):
        assert estimator.role == ROLE
        assert (estimator.instance_count, estimator.instance_type) == (1, TYPE)
        assert estimator.hyperparameters() == by_name.hyperparameters()
    sent = by_name.hyperparameters()
    assert sent.keys() == {k for k in arguments[3:] if given[k] is not None}
    values = dict.fromkeys(BASE, "given")
    values |= {"sagemaker_session": session, "tags": {"a": "b"}}
    estimator = cls(ROLE, 1, TYPE, **values)
    for argument in set(BASE) - {"sagemaker_session", "tags"}:
        found = getattr(estimator, argument)
        assert (found() if callable(found) else found) in ("given", True)
    assert estimator.tags == [{"Key": "a", "Value": "b"}]
    assert estimator.sagemaker_session is session


@pytest.mark.parametrize("name", ALGORITHMS)
def test_calls_of_the_pages(name, session, capsys):
    cls = getattr(sagemaker, name)
    values = {"predictor_type": "binary_classifier", "sagemaker_session": session}
    if name == "FactorizationMachines":
        values["num_factors"] = 2
    estimator = cls(ROLE, 1, TYPE, **values)
    X, y = np.ones((4, 3), "float32"), np.array([0, 1, 0, 1], "float32")
    records = estimator.record_set(X, y, "train", False)
    by_name = estimator.record_set(train=X, labels=y, channel="test", encrypt=True)
    assert (by_name.channel, by_name.num_records, by_name.feature_dim) == ("test", 4, 3)
    estimator.fit(records, 2, False, True, None)
    estimator.fit(
        records=records, mini_batch_size=2, wait=False, logs=True, job_name=f"of-{name}"
    )
    assert estimator.latest_training_job.name == f"of-{name}"
    estimator.fit_ndarray(X, y)
    estimator.fit_ndarray(train=X, labels=y, wait=False)
    again = cls.attach(f"of-{name}", session, "model")
    again = cls.attach(
        training_job_name=f"of-{name}",
        sagemaker_session=session,
        model_channel_name="model",
    )
    assert again.hyperparameters()["feature_dim"] == "3"
    assert again.train_image() == estimator.train_image()
    assert again.model_data.endswith(f"/of-{name}/output/model.tar.gz")
    assert again.training_job_analytics.name == f"of-{name}"
    assert again.data_location.startswith("s3://sagemaker-us-east-1-")
    assert again.get_vpc_config() is None
    assert again.enable_network_isolation() is False
    # The endpoint has the name of the training job.
    predictor = again.deploy(1, TYPE)
    assert type(predictor) is getattr(sagemaker, f"{name}Predictor")
    assert predictor.endpoint_name == f"of-{name}"
    again.delete_endpoint()
    with pytest.raises(ValueError, match=f"no endpoint 'of-{name}'"):
        again.delete_endpoint()
    model = again.create_model(VPC)
    assert type(model) is getattr(sagemaker, f"{name}Model")
    assert again.create_model(vpc_config_override=None).vpc_config is None
    transformer = again.transformer(1, TYPE, "MultiRecord", "Line", "s3://o", "k", "a")
    assert transformer.output_path == "s3://o"
    with pytest.warns(DeprecationWarning, match="is called"):
        old = getattr(sagemaker, f"{name}Predictor")(endpoint="e")
    assert old.endpoint_name == "e"
    getattr(sagemaker, f"{name}Model")(
        model_data="s3://m/m.tar.gz", role=ROLE, sagemaker_session=session
    )


def test_what_is_not_built_says_what_to_use():
    from sklearn_sagemaker.sagemaker import clarify  # a notebook's first lines

    with pytest.raises(AttributeError, match="not built here.*use SageMaker Clarify"):
        clarify.DataConfig("s3://b/x")
    assert "not built" in repr(clarify)
    # What other first lines import goes on, too, until it is used.
    from sklearn_sagemaker.sagemaker.clarify import DataConfig
    from sklearn_sagemaker.sagemaker.lineage import artifact
    from sklearn_sagemaker.sagemaker.lineage.visualizer import LineageTableVisualizer

    with pytest.raises(NotImplementedError, match="use SageMaker Clarify"):
        DataConfig("s3://b/x")
    with pytest.raises(AttributeError, match="lineage.artifact is not built"):
        artifact.Artifact.list()
    with pytest.raises(NotImplementedError, match="use boto3's create_artifact"):
        LineageTableVisualizer(None)
    with pytest.raises(ModuleNotFoundError):
        import sklearn_sagemaker.sagemaker.nothing  # noqa: F401
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sagemaker.nothing


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("KMeans", "Estimator with the image of that algorithm"),
        ("LocalSession", "SageMakerEmulator"),
    ],
)
def test_classes_that_are_not_built_say_so_too(name, use):
    found = {}
    exec(f"from sklearn_sagemaker.sagemaker import LinearLearner, {name}", found)
    with pytest.raises(NotImplementedError, match=f"{name} is not built .*{use}"):
        found[name]()


def test_names_of_the_sdks_utils():
    import sklearn_sagemaker.sagemaker.utils as utils
    from sklearn_sagemaker.sagemaker.utils import name_from_base

    assert utils is sagemaker.utils
    assert name_from_base("mine").startswith("mine-20")


def test_a_notebook_that_asks_for_the_version_of_the_sdk_goes_on():
    assert int(sagemaker.__version__.split(".")[0]) == 2
