"""The scheduler or the worker of a host, in a process beside the program.

It is told its settings as JSON in its last argument. It prints what happens as lines
of JSON; what tasks print goes to the standard error. One line on its standard input, or
the end of that, which is the end of the program, ends it. It is run as a file, and
imports nothing of this package before a task does.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

SCHEDULER, WORKER = "scheduler", "worker"
DONE, FAILED, STOPPED = "done", "failed", "stopped"
"""How a job is over."""
SILENCE = 120
"""Seconds after which a host that does not say anything is lost..."""
UNREACHABLE = 30
"""... or does not answer the network."""
LOOK_SECONDS = 0.5
TELLING = 10.0
"""Seconds for telling all workers that the job is over."""
SETTINGS = {
    "logging": {"distributed": "error"},
    "distributed.comm.timeouts.connect": f"{UNREACHABLE}s",
    "distributed.comm.timeouts.tcp": f"{UNREACHABLE}s",
    "distributed.scheduler.worker-ttl": f"{SILENCE}s",
    # A worker without memory would wait for ever for some that nobody frees.
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
"""Of Dask, in all processes of a job."""
UNSEEN = "127.0.0.1:0"
"""Where a scheduler or worker listens for a browser, which it always does."""
OVER = "job_over"
Tell = Callable[..., None]
Word = dict[str, str]


async def schedule(given: Any, tell: Tell, heard: asyncio.Future[Word | None]) -> None:
    """Be the scheduler until the job is over, and let all workers know."""
    import distributed

    class Presence(distributed.SchedulerPlugin):
        """Tells who comes and who goes."""

        def __init__(self) -> None:
            self.names: dict[str, str] = {}

        def add_worker(self, scheduler: Any, worker: str) -> None:
            self.names[worker] = str(scheduler.workers[worker].name)
            tell(event="joined", host=self.names[worker])

        def remove_worker(self, scheduler: Any, worker: str, **_: Any) -> None:
            if not heard.done():
                tell(event="left", host=self.names.get(worker, worker))

    scheduler = await distributed.Scheduler(
        host=given["address"],
        port=given["port"],
        dashboard=False,
        dashboard_address=UNSEEN,
        plugins=[Presence()],
    )
    tell(event="listens", address=scheduler.address)
    word = await heard
    if word is None:
        text = f"AlgorithmError: The program of {given['name']} was ended."
        word = {"status": FAILED, "reason": text}
    message = {"op": OVER, "word": word}
    telling = scheduler.broadcast(msg=message, on_error="ignore")
    await asyncio.wait([asyncio.ensure_future(telling)], timeout=TELLING)


async def work(given: Any, tell: Tell, heard: asyncio.Future[Word | None]) -> None:
    """Be the worker until the job is over."""
    import distributed

    told: asyncio.Future[Word] = asyncio.get_running_loop().create_future()

    def over(word: Word) -> str:
        if not told.done():
            told.set_result(word)
        return "OK"

    worker: Any = distributed.Worker(
        given["scheduler"],
        name=given["name"],
        host=given["address"],
        port=given["port"],
        nthreads=given["threads"],
        local_directory=given["folder"],
        death_timeout=given["seconds"],
        dashboard=False,
        dashboard_address=UNSEEN,
    )
    # For tasks, by `distributed.get_worker`.
    worker.channels_folder = given["channels"]
    worker.handlers[OVER] = over
    await worker
    ends: asyncio.Future[Any] = asyncio.ensure_future(_closes(worker))
    waited: list[asyncio.Future[Any]] = [told, heard, ends]
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if told.done():
        tell(event="over", word=told.result())
        # For the answer, which is on its way.
        await asyncio.sleep(0.1)
    elif not heard.done():
        tell(event="lost")


async def _closes(worker: Any) -> None:
    """Wait until a worker closes, which itself waits for tasks that run."""
    while worker.status.name in ("running", "paused"):
        await asyncio.sleep(LOOK_SECONDS)


async def _run(kind: str, given: Any, tell: Tell) -> None:
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[Word | None] = loop.create_future()

    def hear() -> None:
        line = sys.stdin.readline()
        word = json.loads(line) if line else None
        loop.call_soon_threadsafe(heard.set_result, word)

    threading.Thread(target=hear, daemon=True).start()
    code = 0
    try:
        await {SCHEDULER: schedule, WORKER: work}[kind](given, tell, heard)
    except Exception as error:
        tell(event="failed", reason=f"{type(error).__name__}: {error}")
        code = 1
    sys.stderr.flush()
    # Waiting neither for tasks that run nor for connections.
    os._exit(code)


def main(kind: str, text: str) -> None:
    """Be a scheduler or a worker; ends the process.

    Parameters
    ----------
    kind : {"scheduler", "worker"}
    text : str
        JSON of ``name``, ``address`` and ``port``; of a worker also ``scheduler``,
        ``threads``, ``folder``, ``channels`` (of the job's data) and ``seconds``.
    """
    import dask.config

    # The program decides.
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**event: Any) -> None:
        out.write(json.dumps(event) + "\n")
        out.flush()

    # Before it is imported.
    with dask.config.set(SETTINGS):
        asyncio.run(_run(kind, json.loads(text), tell))


if __name__ == "__main__":
    main(*sys.argv[1:])
