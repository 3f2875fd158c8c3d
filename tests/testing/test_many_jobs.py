"""Jobs one after another and at once leave no process, thread or descriptor."""

import gc
import os
import sys
import threading
from pathlib import Path

import pytest

from tests.testing.jobs import ended, job, printed, run


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_many_jobs_leave_nothing(emulator, sagemaker):
    def kept():
        gc.collect()
        # Without those of connections, which come and go.
        names = [thread.name for thread in threading.enumerate()]
        threads = sum("process_request" not in name for name in names)
        return threads, len(os.listdir("/proc/self/fd"))

    run(emulator, sagemaker, "first")
    threads, files = kept()
    names = [f"job-{number}" for number in range(20)]
    for name in names:
        sagemaker.create_training_job(**job(emulator, name, "time.sleep(0.2)"))
    found = [ended(sagemaker, name)["TrainingJobStatus"] for name in names]
    assert found == ["Completed"] * 20
    for number in range(10):
        run(emulator, sagemaker, f"one-{number}")
    assert emulator._children._running == {}
    assert not [path for path in emulator._folder.iterdir() if path.is_dir()]
    now = kept()
    # Threads of jobs that have just ended may have a last line to go.
    assert now[0] <= threads + 2
    assert now[1] <= files + 8


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_has_left_its_group_ends_with_the_job(emulator, sagemaker):
    do = """
import subprocess
print(subprocess.Popen(["sleep", "600"], start_new_session=True).pid, flush=True)
"""
    assert run(emulator, sagemaker, "leaves", do)["TrainingJobStatus"] == "Completed"
    [process] = map(int, printed("leaves"))
    # It may wait for whoever adopts it.
    path = Path(f"/proc/{process}/cmdline")
    assert not path.exists() or path.read_bytes() == b""
