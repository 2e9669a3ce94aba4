"""A WSGI application served by Waitress in a thread of the tests, and ended without a race; holds no application."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from waitress.server import create_server
from waitress.wasyncore import dispatcher

_SECONDS_TO_END = 10.0


@contextmanager
def served(application: Callable[..., Any], port: int, *, threads: int = 4) -> Iterator[None]:
    """Serve at a port of this machine until the block ends; answers under way are finished first."""
    connections: dict[int, Any] = {}
    server = create_server(application, map=connections, listen=f"127.0.0.1:{port}", threads=threads)
    runner = threading.Thread(target=server.run, daemon=True, name=f"serving {port}")
    runner.start()
    try:
        yield
    finally:
        server.task_dispatcher.shutdown(timeout=5)
        # By its own thread: a socket that another thread closes may be one that it is waiting for at that moment.
        # What wakes it is closed last, since whoever wakes it may still be writing there when it is awake.
        server.trigger.pull_trigger(lambda: _leave(connections, server.trigger))
        runner.join(_SECONDS_TO_END)
        server.trigger.close()


def _leave(connections: dict[int, Any], waker: Any) -> None:
    for each in list(connections.values()):
        if each is not waker:
            dispatcher.close(each)
    connections.clear()  # without any, the loop ends
