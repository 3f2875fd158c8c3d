"""A process that has imported the container's programs, and forks itself for each run.

Importing scikit-learn takes longer than a small job. No run leaves anything to the
next: each begins as a copy of a process that has run nothing. It is run as a file, by
`sklearn_sagemaker.testing.forked`, and ends with the emulator.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import warnings

MOST_BYTES = 1 << 17
"""Of a request."""
READY = b"ready"


def main(descriptor, modules):
    """Serve the socket of a descriptor until its other end is closed.

    Parameters
    ----------
    descriptor : int
    modules : list of str
        Imported before.
    """
    control = socket.socket(fileno=descriptor)
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # So that collections in the copies do not write to the shared memory.
    gc.collect()
    gc.freeze()
    try:
        control.send(READY)
    except OSError:
        return
    request = serve(control)
    if request is not None:
        become(control, request)
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def serve(control):
    """Fork for each request; what was asked for in the copy, None at the end.

    Parameters
    ----------
    control : socket
        Takes a request with two descriptors: for what the run prints, and for its exit
        code.
    """
    woken, wakes = os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    running = {}
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            os.read(woken, 1 << 12)
            reap(running)
        if control in ready:
            message, given, _, _ = socket.recv_fds(control, MOST_BYTES, 2)
            if not message:
                end_all(running)
                return None
            printed, code = given
            if (process := fork(control)) == 0:
                return {**json.loads(message), "printed": printed}
            os.close(printed)
            if process is None:
                os.close(code)
            else:
                running[process] = code


def fork(control):
    """Fork; None if that is not possible, which the other end is told as 0."""
    try:
        # Python warns of threads, which libraries for matrices have; they mind forks.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return os.fork()
    except OSError:
        control.send(b"0")
        return None


def reap(running):
    """Tell the exit codes of the processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            code = running.pop(found[0])
            with contextlib.suppress(OSError):
                os.write(code, str(os.waitstatus_to_exitcode(found[1])).encode())
            os.close(code)


def end_all(running):
    """Kill the processes, and those that they have started."""
    for process in running:
        with contextlib.suppress(OSError):
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)


def become(control, request):
    """Make a copy what a new process of the program would be.

    Parameters
    ----------
    control : socket
        Told the number of the process when its group is there.
    request : dict
    """
    os.setsid()
    control.send(str(os.getpid()).encode())
    control.detach()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (1, 2):
        os.dup2(request["printed"], number)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2:
            # That of the list itself is closed already.
            with contextlib.suppress(OSError):
                os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = [request["module"], *request["arguments"]]
    # Or all runs that ask for no seed would draw the same numbers.
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
