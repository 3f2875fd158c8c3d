"""A process that outlives the emulator by a moment, and clears up after it.

It reads the process groups that run from a pipe. The pipe ends when the emulator does,
however that ends, and then the groups are killed and the folder is removed. It is run
as a file, and imports nothing of this package.
"""

import contextlib
import os
import shutil
import signal
import sys


def main(folder: str) -> None:
    """Wait for the end of standard input, then clear up.

    Parameters
    ----------
    folder : str
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        what, _, group = line.strip().partition(" ")
        (groups.add if what == "+" else groups.discard)(int(group))
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
