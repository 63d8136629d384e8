"""`Outgoing`: messages to the server, numbered and on their way."""

from qsdb.errors import ArgumentError
from qsdb.protocol.client_messages import (
    CLIENT_FRAME_BYTES_MAX,
    ClientMessage,
    encode_client_message,
)
from qsdb.protocol.subprotocols import V3, Subprotocol

__all__ = ["Outgoing"]

FRAME_BYTES_MAX = 256 << 10
"""Messages that are sent together have no more bytes; a longer one goes alone."""


class Outgoing:
    """Messages that wait to be sent, and the numbers of requests.

    Attributes:
        subprotocol: Says whether messages go together.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.subprotocol: Subprotocol = V3
        self._due: list[bytes] = []
        self._last_id = -1

    def next_id(self) -> int:
        """Give the number of the next request, or of a set of queries.

        After 4,294,967,295 it begins anew; whoever had that number has its answer.
        """
        self._last_id = (self._last_id + 1) & 0xFFFF_FFFF
        return self._last_id

    def put(self, message: ClientMessage) -> None:
        """Have a message sent.

        Raises:
            ArgumentError: it is longer than any server takes.
        """
        data = encode_client_message(message)
        if len(data) > CLIENT_FRAME_BYTES_MAX:
            name = type(message).__name__
            raise ArgumentError(
                f"this {name} has {len(data)} bytes, at most {CLIENT_FRAME_BYTES_MAX} "
                "can be sent"
            )
        self._due.append(data)

    def take(self) -> list[bytes]:
        """Give frames of what is due."""
        due, self._due = self._due, []
        if not self.subprotocol.is_batched:
            return due
        frames: list[bytes] = []
        batch: list[bytes] = []
        size = 0
        for data in due:
            size += len(data)
            if batch and size > FRAME_BYTES_MAX:
                frames.append(b"".join(batch))
                batch, size = [], len(data)
            batch.append(data)
        return [*frames, b"".join(batch)] if batch else frames

    def forget(self) -> None:
        """Begin anew, on another connection."""
        self._due.clear()
        self._last_id = -1
