"""Reading ahead in a thread, while the caller works on what was read before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

Item = TypeVar("Item")


def read_ahead(
    items: Callable[[], Iterable[Item]], depth: int = 1
) -> Generator[Item, None, None]:
    """Iterate over items that a thread makes beforehand.

    Parameters
    ----------
    items : callable
        ``items()`` gives the iterable; it is called, and used, in the thread.
    depth : int, default=1
        Items that may wait, besides the one that is being made.

    Yields
    ------
    item : object
        In order. What the thread raises is raised here, after the items before it.

    Notes
    -----
    Closing the iterator ends the thread and closes the iterable's generator, and with
    it the files that it has open.

    Examples
    --------
    >>> list(read_ahead(lambda: range(3)))
    [0, 1, 2]
    """
    waiting: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(kind: str, value: Any) -> bool:
        """Hand over, unless the caller has gone."""
        while not stop.is_set():
            try:
                waiting.put((kind, value), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        iterable: Any = None
        try:
            iterable = iter(items())
            for item in iterable:
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)
        finally:
            if hasattr(iterable, "close"):
                iterable.close()

    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
            # Not to hold a window while waiting for the next.
            del value
    finally:
        stop.set()
        thread.join()
