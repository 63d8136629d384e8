"""A server that runs in a thread of the test, and is told to end at the end of it."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import qsdb
from qsdb.server.app import service_of
from qsdb.server.serving import Running

__all__ = ["running", "serving"]

SECONDS = 30


@contextlib.contextmanager
def running(server: Running) -> Iterator[Running]:
    """Run a server until the block is left."""
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    ready = threading.Event()
    server._ready = lambda _: ready.set()
    thread.start()
    assert ready.wait(SECONDS), "the server does not begin"
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive(), "the server does not end"


@contextlib.contextmanager
def serving(
    databases: Mapping[str, qsdb.Database], **options: Any
) -> Iterator[Running]:
    """Serve databases on a free port until the block is left."""
    server = Running(service_of(databases, **options), host="127.0.0.1", port=0)
    with running(server):
        yield server
