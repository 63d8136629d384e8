"""`HttpProtocol`: HTTP as uvicorn reads it, with a limit for how long a head may take.

Who connects and says nothing, or says a request letter by letter, would hold a
descriptor for ever: uvicorn waits with patience until there is a whole head. What comes
after the head has limits of its own: bodies (`qsdb.server.http.bodies`), connections
that are kept alive (uvicorn's), WebSockets (`qsdb.server.websocket_protocol`).
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEAD_SECONDS", "HttpProtocol"]

HEAD_SECONDS = 20.0
"""From its first byte, or from the connection, to the end of a head."""


class HttpProtocol(H11Protocol):
    """One connection, which is cut off while it owes a head for too long."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Read; a head that is not whole is waited for, and time is not begun anew."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await_head()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
