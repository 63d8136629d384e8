"""`MessageTable`: messages that are a tag and plain fields.

All that clients send is of this form. The tag is the place of the class in the table.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from qsdb.codec.bsatn import DecodeError, encoder, reader
from qsdb.protocol.fields import tagged
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.values.compounds import ProductKind

__all__ = ["MessageTable"]

Message = TypeVar("Message", bound=tuple[Any, ...])


class _Entry(NamedTuple):
    """What is compiled for one class."""

    name: str
    make: Callable[[Any], Any]
    read: Callable[[bytes, int], tuple[Any, int]]


class MessageTable(Generic[Message]):
    """Encodes and reads messages of one direction and protocol."""

    __slots__ = ("_encoders", "_entries", "_side")

    def __init__(self, side: str, kinds: Mapping[type[Message], ProductKind]) -> None:
        """Compile.

        Args:
            side: Who sends the messages, for errors.
            kinds: The named tuple of each message → its fields, in order of the tags.
        """
        self._side = side
        self._encoders = {
            each: (tag, encoder(tagged(kinds[each]))) for tag, each in enumerate(kinds)
        }
        self._entries = [
            _Entry(each.__name__, partial(tuple.__new__, each), reader(kinds[each]))
            for each in kinds
        ]

    def encode(self, message: Message) -> bytes:
        """Give the bytes of a message.

        Raises:
            LimitError: a text or bytes have over 4,294,967,295 bytes.
        """
        tag, encode = self._encoders[type(message)]
        return encode((tag, *message))

    def read(self, data: bytes, position: int) -> tuple[Message, int]:
        """Read the message at a position before the end; give the next position too.

        Raises:
            ProtocolError: there is none.
        """
        tag = data[position]
        if tag >= len(self._entries):
            found = f"tag is {tag}, at most {len(self._entries) - 1} is allowed"
            raise ProtocolError(f"{self._side} message", position, found)
        name, make, read = self._entries[tag]
        try:
            fields, end = read(data, position + 1)
        except DecodeError as error:
            raise ProtocolError(name, error.position, error.reason) from None
        return make(fields), end
