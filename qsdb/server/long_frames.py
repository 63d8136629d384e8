"""`LongFrame`: a frame of a client that takes long to read, read by and by.

Of 32 MiB there may be millions of messages, or one with millions of texts, and to read
that takes seconds, in which nobody else would be served. So a thread reads, and hands
messages over by the dozen; they are handled where those of short frames are.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from qsdb.protocol.protocol_error import ProtocolError
from qsdb.server.sessions import AnySession

__all__ = ["LongFrame"]

MESSAGES_AT_ONCE = 64
"""So many are handed over together."""


class LongFrame:
    """A frame of a client.

    Attributes:
        messages: Those that were read last; none if there are no more.
        fault: What is wrong with those that follow; None if nothing is.
    """

    def __init__(self, session: AnySession, frame: bytes | str) -> None:
        """Read nothing yet."""
        self._session = session
        self._frame = frame
        self._rest: Iterator[Any] | None = None
        self.messages: list[Any] = []
        self.fault: ProtocolError | None = None

    def read_some(self) -> None:
        """Read the next messages; on any thread, one at a time."""
        self.messages = found = []
        try:
            if self._rest is None:
                self._rest = iter(self._session.read(self._frame))
            for message in islice(self._rest, MESSAGES_AT_ONCE):
                found.append(message)  # noqa: PERF402  those before a fault count
        except ProtocolError as fault:
            self.fault = fault
