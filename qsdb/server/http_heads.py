"""`HttpProtocol`: HTTP as uvicorn reads it, with limits for how long things may take.

Who connects and says nothing, or says a request letter by letter, would hold a
descriptor for ever: uvicorn waits with patience until there is a whole head. So would
who asks for much and reads nothing of the answer, and the answer with it. What comes
after the head has limits of its own: bodies (`qsdb.server.http.bodies`), connections
that are kept alive (uvicorn's), WebSockets (`qsdb.server.websocket_protocol`).
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from qsdb.server.doors import CrowdedError, Door
from qsdb.server.websocket_upgrade import http_response

__all__ = ["HEAD_SECONDS", "UNREAD_SECONDS", "HttpProtocol"]

HEAD_SECONDS = 20.0
"""From its first byte, or from the connection, to the end of a head."""

UNREAD_SECONDS = 60.0
"""A client that takes not one byte of its answer for so long is cut off."""


class HttpProtocol(H11Protocol):
    """One connection, which is cut off while it owes a head, or does not read.

    Attributes:
        door: Counts connections by address; None if nobody does.
    """

    door: Door | None = None
    _address: str | None = None
    _head_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first head."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # of whatever is unread we are told
        self._await_head()
        if self.door is not None:
            self._come(self.door, transport)

    def _come(self, door: Door, transport: asyncio.Transport) -> None:
        """Be counted, or be turned away with an answer to whatever would be asked."""
        peer = transport.get_extra_info("peername")
        address = door.neighbour(peer[0] if isinstance(peer, tuple) else None)
        try:
            door.sockets.enter(address)
        except CrowdedError as crowd:
            wait = [(b"retry-after", str(crowd.seconds).encode())]
            transport.write(http_response(429, wait, crowd.text.encode()))
            transport.close()
        else:
            self._address = address

    def _go(self) -> None:
        """Be counted no more."""
        address, self._address = self._address, None
        if self.door is not None:
            self.door.sockets.leave(address)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over; it is counted as a WebSocket from now on."""
        super().handle_websocket_upgrade(event)
        self._go()

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
        self._stop_looking()
        self._go()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Give the client some time to read."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        """Go on: it has read."""
        self._stop_looking()
        super().resume_writing()

    def _await_reading(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self._look, left)

    def _look(self, left: int) -> None:
        """Cut a client off that has read nothing meanwhile."""
        if self.transport.get_write_buffer_size() < left:
            self._await_reading()
        else:
            self.transport.abort()

    def _stop_looking(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
