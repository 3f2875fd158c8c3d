"""A process that outlives the emulator by a moment, and clears up after it.

It reads what runs from a pipe: processes, and groups of them as negative numbers. The
pipe ends when the emulator does, however that ends, and then they are killed and the
folder is removed. Processes that have left their group are found by their environment,
on Linux. It is run as a file, and imports nothing of this package.
"""

import contextlib
import os
import shutil
import signal
import sys

MARK = "SAGEMAKER_EMULATOR"
"""Variable of programs that the emulator was asked to run, and of what they start."""


def main(folder: str) -> None:
    """Wait for the end of standard input, then clear up.

    Parameters
    ----------
    folder : str
    """
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    running: set[int] = set()
    for line in sys.stdin:
        what, _, text = line.strip().partition(" ")
        (running.add if what == "+" else running.discard)(int(text))
    for number in running:
        with contextlib.suppress(OSError):
            os.kill(number, signal.SIGKILL)
    kill_strays(os.path.join(folder, ""))
    kill_strays(f"{folder}\0", MARK)
    shutil.rmtree(folder, ignore_errors=True)


def kill_strays(beginning: str, variable: str = "SAGEMAKER_BASE_DIR") -> None:
    """Kill the processes whose folder, as their environment has it, begins with a text.

    Parameters
    ----------
    beginning : str
    variable : str, default="SAGEMAKER_BASE_DIR"
        That has the folder.
    """
    mark = os.fsencode(f"{variable}={beginning}")
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        with contextlib.suppress(OSError, ValueError):
            number = int(name)
            with open(f"/proc/{number}/environ", "rb") as file:
                found = file.read()
            if mark in found:
                os.kill(number, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
