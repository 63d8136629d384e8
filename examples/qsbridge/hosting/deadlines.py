"""A socket whose whole use ends at one time.

A socket's own time-out counts from the last byte, and a server that sends a byte now
and then never runs into it. With a *deadline* the socket is given, before each read and
each write, what is left until then.
"""

import io
import socket
from collections.abc import Callable

__all__ = ["DeadlineSocket"]


class DeadlineSocket:
    """What `http.client` needs of a connected socket, until the deadline.

    Attributes:
        sock: The socket itself; its time-out is changed all the time.
        deadline: When it ends, by the clock.
        clock: Gives seconds that only grow.
        has_ended: Whether all that was sent from the other side has been received.
    """

    def __init__(
        self, sock: socket.socket, deadline: float, clock: Callable[[], float]
    ) -> None:
        self.sock = sock
        self.deadline = deadline
        self.clock = clock
        self.has_ended = False

    def arm(self) -> None:
        """Let the next use of the socket last until the deadline.

        Raises:
            TimeoutError: it has passed.
        """
        left = self.deadline - self.clock()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        self.sock.settimeout(left)

    def sendall(self, data: bytes) -> None:
        """Send everything.

        Raises:
            OSError: as the socket does; `TimeoutError` at the deadline.
        """
        self.arm()
        self.sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Give what is received as a file, which keeps the socket open."""
        assert mode == "rb"
        return io.BufferedReader(_Received(self))

    def close(self) -> None:
        """Close the socket, when its files are closed as well."""
        self.sock.close()


class _Received(io.RawIOBase):
    """What a socket receives."""

    def __init__(self, timed: DeadlineSocket) -> None:
        self._timed = timed
        self._raw = timed.sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(  # type: ignore[override]  # the kind to write is new in 3.12
        self, buffer: bytearray | memoryview, /
    ) -> int | None:
        self._timed.arm()
        count = self._raw.readinto(buffer)
        self._timed.has_ended = count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
