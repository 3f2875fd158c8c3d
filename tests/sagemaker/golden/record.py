"""Record what SageMaker's SDK v2 sends (2.257.7): ``python record.py``."""

import json
import sys
import time
from pathlib import Path

import sagemaker

sys.path.insert(0, str(Path(__file__).parent))
from cases import CASES
from recorder import Recorder
from session_cases import SESSION_CASES


def main():
    time.sleep = lambda _: None  # it polls
    found = {"sdk": sagemaker.__version__, "requests": {}}
    for name, case in {**CASES, **SESSION_CASES}.items():
        recorder = Recorder()
        case(sagemaker, sagemaker.Session(boto_session=recorder.boto_session))
        found["requests"][name] = recorder.requests()
    target = Path(__file__).with_name("requests.json")
    target.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(f"{len(found['requests'])} cases in {target}")


if __name__ == "__main__":
    main()
