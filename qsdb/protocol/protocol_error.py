"""`ProtocolError`: the other side sent what is no message.

Whoever has the socket closes it: nothing that follows such bytes can be understood.
"""

from qsdb.errors import QsdbError

__all__ = ["ProtocolError"]


class ProtocolError(QsdbError):
    """Bytes of a frame are no message, or not as many messages as belong there.

    Attributes:
        subject: What could not be read: ``"CallReducer"``, ``"frame"``.
        position: Of the bytes that are wrong, from the start of the frame's messages.
        reason: What was found there and what was allowed.
    """

    def __init__(self, subject: str, position: int, reason: str) -> None:
        """Name the place and the reason."""
        self.subject = subject
        self.position = position
        self.reason = reason
        super().__init__(f"{subject}, byte {position}: {reason}")

    def __reduce__(self) -> tuple[type["ProtocolError"], tuple[str, int, str]]:
        """Pickle by the parts."""
        return type(self), (self.subject, self.position, self.reason)
