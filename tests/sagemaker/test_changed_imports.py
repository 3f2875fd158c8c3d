"""The lines for sed do with imports what the page says, as people write them."""

import json

import pytest

from tests.sagemaker.changed_imports import changed

OURS = "sklearn_sagemaker.sagemaker"
WHOLE = "from sklearn_sagemaker import sagemaker"
LINES = {
    "import sagemaker": WHOLE,
    "    import sagemaker ": f"    {WHOLE} ",
    "import sagemaker  # the SDK": f"{WHOLE}  # the SDK",
    "import sagemaker as sage": f"{WHOLE} as sage",
    "import sagemaker; print(1)": f"{WHOLE}; print(1)",
    "import sagemaker, boto3": f"{WHOLE}; import boto3",
    "import boto3, sagemaker": f"{WHOLE}; import boto3",
    "import boto3, sagemaker  # both": f"{WHOLE}; import boto3  # both",
    "import io, sagemaker as sage": "import io, sagemaker as sage",
    "import io, sagemaker, os": f"{WHOLE}; import io, os",
    "import sagemaker.amazon.common as smac # x": (
        f"import {OURS}.amazon.common as smac # x"
    ),
    "import sagemaker.image_uris": f"{WHOLE}; import {OURS}.image_uris",
    "from sagemaker import Session": f"from {OURS} import Session",
    "    from sagemaker.tuner import (": f"    from {OURS}.tuner import (",
    "import sagemaker_containers": "import sagemaker_containers",
    "from sagemaker_training import x": "from sagemaker_training import x",
    "job = sagemaker.Session()": "job = sagemaker.Session()",
}


@pytest.mark.parametrize(("line", "expected"), LINES.items())
def test_a_line(line, expected):
    assert changed(line) == expected
    # In a notebook a line is a string, the last one of a cell without its end.
    for end in ("\n", ""):
        document = json.dumps([line + end, "0"], indent=1)
        assert json.loads(changed(document)) == [expected + end, "0"]


def test_a_changed_program_imports_all_of_it():
    program = changed("import sagemaker.image_uris\nimport sagemaker as sage\n")
    found = {}
    exec(program, found)
    assert found["sage"] is found["sagemaker"]
    assert found["sagemaker"].image_uris.retrieve("linear-learner", "us-east-1")
