"""A server that offers some sub-protocols alone.

So a client that would like another best has to make do with what is left.
"""

import contextlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, cast

import attrs
from starlette.applications import Starlette

import qsdb
from qsdb.server.app import service_of
from qsdb.server.serving import Running
from qsdb.server.wires import Receive, Send
from tests.support.served_app import running

__all__ = ["offering"]


class _Offering:
    """An application that is told of some sub-protocols alone."""

    def __init__(self, inner: Starlette, names: frozenset[str]) -> None:
        self._inner = inner
        self._names = names

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "websocket":
            offered = [each for each in scope["subprotocols"] if each in self._names]
            scope = {**scope, "subprotocols": offered}
        await self._inner(scope, receive, send)


@contextlib.contextmanager
def offering(databases: Mapping[str, qsdb.Database], *names: str) -> Iterator[Running]:
    """Serve databases until the block is left.

    Args:
        databases: By name.
        names: Of the sub-protocols that are offered.
    """
    service = service_of(databases)
    app = cast(Starlette, _Offering(service.app, frozenset(names)))
    server = Running(attrs.evolve(service, app=app), host="127.0.0.1", port=0)
    with running(server):
        yield server
