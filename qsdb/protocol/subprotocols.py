"""Which protocol a WebSocket speaks, and how many messages its frames have.

A client offers names, the server takes the one it likes best:

=========================  ===================================================
``v3.bsatn.spacetimedb``   one or more messages, back to back, in each frame
``v2.bsatn.spacetimedb``   the same messages, exactly one in each frame
``v1.bsatn.spacetimedb``   older messages, exactly one in each frame
=========================  ===================================================

"Frame" means a whole WebSocket message here. Nothing between messages says where one
ends: each has to be read to find the next.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from qsdb.protocol.protocol_error import ProtocolError

__all__ = ["SUBPROTOCOLS", "V1", "V2", "V3", "Subprotocol", "choose_subprotocol"]

Message = TypeVar("Message")


class Subprotocol(NamedTuple):
    """One of the protocols.

    Attributes:
        name: As it stands in ``Sec-WebSocket-Protocol``.
        is_batched: Whether a frame may have more messages than one.
    """

    name: str
    is_batched: bool

    def messages(
        self, data: bytes, read: Callable[[bytes, int], tuple[Message, int]]
    ) -> Iterator[Message]:
        """Give the messages of a frame one after another, each when it is asked for.

        So a frame of millions of messages never is millions of objects. Messages before
        one that is wrong are given; that one raises.

        Args:
            data: The frame, without the tag that frames of the server begin with.
            read: Reads the message at a position; gives it and the next position.

        Raises:
            ProtocolError: it has no message, one that cannot be read, or more than the
                protocol allows.
        """
        size = len(data)
        if not size:
            raise ProtocolError("frame", 0, "it is empty; a message was expected")
        position = 0
        while position < size:
            message, position = read(data, position)
            if position < size and not self.is_batched:
                many = f"{size - position} bytes follow the one message of {self.name}"
                raise ProtocolError("frame", position, many)
            yield message


V3 = Subprotocol("v3.bsatn.spacetimedb", is_batched=True)
V2 = Subprotocol("v2.bsatn.spacetimedb", is_batched=False)
V1 = Subprotocol("v1.bsatn.spacetimedb", is_batched=False)
V1_TEXT = Subprotocol("v1.json.spacetimedb", is_batched=False)

SUBPROTOCOLS = (V3, V2)
"""What a server of the present protocol speaks; what it likes best stands first."""


def choose_subprotocol(
    offered: Iterable[str], served: Sequence[Subprotocol] = SUBPROTOCOLS
) -> Subprotocol | None:
    """Give the best of what a client offers, or None if nothing will do.

    Args:
        offered: Values of the header ``Sec-WebSocket-Protocol``; each may list several
            names.
        served: What the server speaks, and what it likes best first.

    >>> choose_subprotocol(["v1.bsatn.spacetimedb, v2.bsatn.spacetimedb"]) is V2
    True
    """
    names = {name.strip() for value in offered for name in value.split(",")}
    return next((each for each in served if each.name in names), None)
