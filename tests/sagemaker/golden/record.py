"""Record what SageMaker's SDK v2 sends (2.257.7): ``python record.py``."""

import json
import sys
import time
from enum import Enum
from inspect import Parameter, isfunction, signature
from pathlib import Path

import sagemaker

sys.path.insert(0, str(Path(__file__).parent))
from cases import CASES
from recorder import Recorder
from session_cases import SESSION_CASES
from tuning_cases import TUNING_CASES

# Of modules that are shown by SageMaker's SDK only.
NOT_BUILT = {"visualize_job", "visualize_jobs"}


def signatures():
    """Arguments, with their defaults, of what the module of the tuner has."""
    from sagemaker import tuner

    for name, item in sorted(vars(tuner).items()):
        if name.startswith("_") or getattr(item, "__module__", "") not in (
            "sagemaker.tuner",
            "sagemaker.parameter",
        ):
            continue
        if isinstance(item, type) and not issubclass(item, Enum):
            yield name, arguments(item)
            for method in sorted(vars(item)):
                known = callable(getattr(item, method)) and not method.startswith("_")
                if known and method not in {*NOT_BUILT, "delete_endpoint"}:
                    yield f"{name}.{method}", arguments(getattr(item, method))
        elif isfunction(item):
            yield name, arguments(item)


def arguments(function):
    return [
        [one.name, None if one.default is Parameter.empty else repr(one.default)]
        for one in signature(function).parameters.values()
    ]


def main():
    time.sleep = lambda _: None  # it polls
    found = {"sdk": sagemaker.__version__, "requests": {}}
    for name, case in {**CASES, **SESSION_CASES, **TUNING_CASES}.items():
        recorder = Recorder()
        case(sagemaker, sagemaker.Session(boto_session=recorder.boto_session))
        found["requests"][name] = recorder.requests()
    found["signatures"] = dict(signatures())
    target = Path(__file__).with_name("requests.json")
    target.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(f"{len(found['requests'])} cases in {target}")


if __name__ == "__main__":
    main()
