"""Addresses of the built-in images, equal to those of SageMaker's SDK v2."""

import pytest

from sklearn_sagemaker.sagemaker import image_uris
from sklearn_sagemaker.testing.images import is_ours


@pytest.mark.parametrize(
    ("region", "start"),
    [
        ("us-east-1", "382416733822.dkr.ecr.us-east-1.amazonaws.com/"),
        ("us-gov-west-1", "226302683700.dkr.ecr.us-gov-west-1.amazonaws.com/"),
        ("cn-north-1", "390948362332.dkr.ecr.cn-north-1.amazonaws.com.cn/"),
        ("us-iso-east-1", "490574956308.dkr.ecr.us-iso-east-1.c2s.ic.gov/"),
        ("us-isob-east-1", "765400339828.dkr.ecr.us-isob-east-1.sc2s.sgov.gov/"),
        ("us-isof-south-1", "124985052026.dkr.ecr.us-isof-south-1.csp.hci.ic.gov/"),
    ],
)
@pytest.mark.parametrize("algorithm", image_uris.ALGORITHMS)
def test_the_address(region, start, algorithm):
    assert image_uris.retrieve(algorithm, region) == f"{start}{algorithm}:1"


def test_the_emulator_runs_all_of_them():
    assert len(image_uris.ACCOUNTS) == 37
    for region in image_uris.ACCOUNTS:
        assert is_ours(image_uris.retrieve("linear-learner", region))


@pytest.mark.parametrize("version", [None, "1", "latest", "1.7-1"])
def test_there_is_one_version(version):
    found = image_uris.retrieve("linear-learner", "us-east-1", version)
    assert found.endswith("/linear-learner:1")


def test_arguments_of_the_sdk_are_taken_by_name():
    found = image_uris.retrieve(
        region="us-east-1",
        framework="factorization-machines",
        version="1",
        py_version="py3",
        instance_type="ml.m5.large",
        accelerator_type=None,
        image_scope="inference",
        container_version=None,
        sagemaker_session=object(),
    )
    assert found.endswith("/factorization-machines:1")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (
            {"framework": "xgboost"},
            "framework='xgboost': addresses are known of linear",
        ),
        (
            {"region": "us-mars-1"},
            "Unsupported region: 'us-mars-1'. .* af-south-1, ap-",
        ),
        ({"region": None}, "Unsupported region: None"),
        ({"image_scope": "eia"}, "Unsupported image scope: 'eia'"),
    ],
)
def test_what_there_is_not(arguments, match):
    with pytest.raises(ValueError, match=match):
        image_uris.retrieve(
            **{"framework": "linear-learner", "region": "us-east-1", **arguments}
        )
    with pytest.raises(TypeError, match="no argument 'area'"):
        image_uris.retrieve("linear-learner", "us-east-1", area="x")
