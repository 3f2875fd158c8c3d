"""gunicorn with the settings of this package: processes that have threads.

The model is loaded before the processes are forked, so they share its memory, and the
port answers when it is there. SIGHUP loads it again and replaces the processes one
after the other; a model that cannot be loaded leaves the one before in place.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.serving.app import App
from sklearn_sagemaker.serving.deadlines import Listener

THREADS = 2
"""Of a worker: one computes while the other waits for its client. With eight, most of
the time of one-row requests went into handing the interpreter's lock around."""

SHARED_MEMORY = "/dev/shm"
"""For the file of heartbeats: disks of containers are slow."""

SETTINGS: dict[str, Any] = {
    "threads": THREADS,
    "preload_app": True,
    # Below the 30 seconds after which SageMaker kills a container.
    "graceful_timeout": 25,
    # SageMaker waits 60 seconds for an answer.
    "timeout": 60,
    # Longer than its own proxies keep a connection idle.
    "keepalive": 75,
    "control_socket_disable": True,
    "loglevel": "info",
}


def run(load: Callable[[], App], bind: str, workers: int) -> None:
    """Serve until a signal says stop; does not return.

    Parameters
    ----------
    load : callable
        Makes the application; called again at SIGHUP.
    bind : str
        ``host:port``.
    workers : int
        Processes.

    Raises
    ------
    OptionalDependencyError
        If gunicorn is not installed.
    """
    base = import_optional("gunicorn.app.base", "serving", "servers of many processes")
    from sklearn_sagemaker.serving.gunicorn_worker import Worker

    worker_class = Worker.share()

    class Application(base.BaseApplication):  # type: ignore[misc, name-defined]
        def load_config(self) -> None:
            for name, value in SETTINGS.items():
                self.cfg.set(name, value)
            if os.path.isdir(SHARED_MEMORY):
                self.cfg.set("worker_tmp_dir", SHARED_MEMORY)
            self.cfg.set("worker_class", worker_class)
            self.cfg.set("bind", bind)
            self.cfg.set("workers", workers)
            self.cfg.set("post_worker_init", set_deadlines)
            self.cfg.set("child_exit", lambda arbiter, worker: worker.leave())

        def load(self) -> App:
            return load()

        def reload(self) -> None:
            super().reload()
            try:
                self.callable = load()
            except Exception as error:
                print(f"the model is not replaced: {error}", flush=True)

    Application().run()


def set_deadlines(worker: Any) -> None:
    """Give the connections of a worker deadlines; a hook of gunicorn."""
    for listener in worker.sockets:
        listener.sock = Listener(listener.sock)
