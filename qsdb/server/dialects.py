"""`Dialect`: what a server speaks over a WebSocket, by the name of its sub-protocol."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs

from qsdb.protocol.frames import FrameWriter
from qsdb.protocol.subprotocols import (
    V1,
    V1_TEXT,
    V2,
    V3,
    Subprotocol,
    choose_subprotocol,
)
from qsdb.server.sessions import AnySession
from qsdb.server.v1_forms import V1_BINARY, V1_JSON
from qsdb.server.v1_sessions import V1Session
from qsdb.server.v2_sessions import V2Session

__all__ = ["DIALECTS", "Dialect", "choose_dialect"]


@attrs.frozen(eq=False)
class Dialect:
    """What is spoken over a WebSocket.

    Attributes:
        subprotocol: Its name, and whether messages go together.
        session: Makes the session of a client, of what `Session` takes.
        confirmed: Whether clients that do not say are told only of what is on the disk.
    """

    subprotocol: Subprotocol
    session: Callable[..., AnySession]
    confirmed: bool

    @property
    def is_text(self) -> bool:
        """Whether frames are text."""
        return self.subprotocol is V1_TEXT

    def frames(self, messages: Sequence[bytes]) -> Iterator[bytes]:
        """Give the frames of messages that are due, in their order."""
        return iter(messages) if self.is_text else _writer(self.subprotocol)(messages)


@functools.cache
def _writer(subprotocol: Subprotocol) -> Callable[[Sequence[bytes]], Iterator[bytes]]:
    # Nothing is compressed: see `qsdb.protocol.frames`.
    return FrameWriter(subprotocol).frames


def _v2(subprotocol: Subprotocol) -> Dialect:
    session = functools.partial(V2Session, subprotocol=subprotocol)
    return Dialect(subprotocol, session, confirmed=True)


DIALECTS = (
    _v2(V3),
    _v2(V2),
    Dialect(V1, functools.partial(V1Session, form=V1_BINARY), confirmed=False),
    Dialect(V1_TEXT, functools.partial(V1Session, form=V1_JSON), confirmed=False),
)
"""What the server likes best stands first."""


def choose_dialect(offered: Iterable[str]) -> Dialect | None:
    """Give the best of what a client offers, or None if nothing will do.

    Args:
        offered: Values of the header ``Sec-WebSocket-Protocol``.
    """
    chosen = choose_subprotocol(offered, [each.subprotocol for each in DIALECTS])
    return next((each for each in DIALECTS if each.subprotocol is chosen), None)
