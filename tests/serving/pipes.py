"""A writer of named pipes, one for each pass, as SageMaker's Pipe mode has it."""

import os
import threading
import time


class PipeWriter:
    """Writes the same bytes to ``<prefix>_0``, ``<prefix>_1`` and so on, in a thread.

    Parameters
    ----------
    prefix : path
    data : bytes, or a callable from the number of the pass to bytes
    size : int
        Bytes of a write.
    late : float
        Seconds before each pipe appears, and before its first bytes.
    """

    def __init__(self, prefix, data, *, size=1 << 16, late=0.0):
        self.prefix, self.size, self.late = prefix, size, late
        self.data = data if callable(data) else lambda _: data
        self.whole, self.broken = [], []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self):
        number = 0
        while not self._done.is_set():
            time.sleep(self.late)
            path = f"{self.prefix}_{number}"
            os.mkfifo(path)
            handle = self._opened(path)
            if handle is None:
                return
            time.sleep(self.late)
            data = self.data(number)
            try:
                for start in range(0, len(data), self.size):
                    os.write(handle, data[start : start + self.size])
                self.whole.append(number)
            except BrokenPipeError:
                self.broken.append(number)
            finally:
                os.close(handle)
            number += 1

    def _opened(self, path):
        """The pipe once it has a reader; None if there will be none."""
        while not self._done.is_set():
            try:
                handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                # ENXIO: nobody reads it yet.
                time.sleep(0.001)
            else:
                os.set_blocking(handle, True)
                return handle
        return None
