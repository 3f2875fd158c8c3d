"""A channel of mode Pipe: for each pass, a pipe through which its objects come."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sklearn_sagemaker.testing.delivery import CHUNK, Object, said_by_s3
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.recordio import wrapped

POLL_SECONDS = 0.01


class Pipes:
    """The pipes, served by a thread.

    Parameters
    ----------
    s3 : client
    found : callable
        ``found(epoch)``: the objects of a pass, in their order.
    folder : Path
        The pipes are beside it, with the number of a pass in their names.
    compressed : bool
        Whether the objects are decompressed on their way.
    wraps : bool
        Whether each becomes a record of RecordIO.

    Attributes
    ----------
    error : JobError or None
        Why no more comes.
    """

    def __init__(
        self,
        s3: Any,
        found: Callable[[int], list[Object]],
        folder: Path,
        *,
        compressed: bool,
        wraps: bool,
    ):
        self._s3, self._found, self._folder = s3, found, folder
        self._compressed, self._wraps = compressed, wraps
        self.error: JobError | None = None
        self._ended = threading.Event()
        os.mkfifo(self._path(0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; the program must have ended."""
        self._ended.set()
        self._thread.join()

    def _path(self, epoch: int) -> str:
        return f"{self._folder}_{epoch}"

    def _serve(self) -> None:
        epoch = 0
        while (pipe := self._open(self._path(epoch))) is not None:
            # Which the program may ask for before it has read this one.
            os.mkfifo(self._path(epoch + 1))
            try:
                # One that stops early ends the pass.
                with contextlib.suppress(BrokenPipeError), os.fdopen(pipe, "wb") as out:
                    for item in self._found(epoch):
                        with said_by_s3(f"s3://{item.bucket}/{item.key}"):
                            for chunk in self._chunks(item):
                                out.write(chunk)
            except JobError as error:
                self.error = error
                return
            epoch += 1

    def _open(self, path: str) -> int | None:
        """Wait for a reader of a pipe, or for the end."""
        while not self._ended.is_set():
            try:
                pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                os.set_blocking(pipe, True)
                return pipe
        return None

    def _chunks(self, item: Object) -> Iterator[bytes]:
        body: Any = self._s3.get_object(Bucket=item.bucket, Key=item.key)["Body"]
        try:
            with gzip.open(body) if self._compressed else body as file:
                if self._wraps:
                    yield wrapped(file.read())
                    return
                while chunk := file.read(CHUNK):
                    yield chunk
        except (gzip.BadGzipFile, EOFError) as error:
            raise JobError(
                f"ClientError: s3://{item.bucket}/{item.key} cannot be decompressed: "
                f"{error}"
            ) from error
