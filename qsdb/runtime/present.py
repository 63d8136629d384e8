"""`Present`: who is connected now, whether that is noted anywhere or not."""

import weakref
from typing import cast

from qsdb.runtime.call_contexts import Sender
from qsdb.values.identity import ConnectionId

__all__ = ["Present"]


class Present:
    """The clients that are connected; those that nobody has any more are not.

    Each is known by its object: of two with one number the first one counts.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._by_number: weakref.WeakValueDictionary[ConnectionId, Sender] = (
            weakref.WeakValueDictionary()
        )

    def __len__(self) -> int:
        """Give how many there are."""
        return len(self._by_number)

    def __contains__(self, sender: Sender) -> bool:
        """Whether it is there."""
        return self._by_number.get(_number(sender)) is sender

    def add(self, sender: Sender) -> None:
        """Take one in; twice is once."""
        self._by_number.setdefault(_number(sender), sender)

    def remove(self, sender: Sender) -> None:
        """Take one out, if it is there."""
        if sender in self:
            self._by_number.pop(_number(sender), None)

    def all(self) -> list[Sender]:
        """Give all of them; others may come and go meanwhile."""
        found = [reference() for reference in self._by_number.valuerefs()]
        return [sender for sender in found if sender is not None]


def _number(sender: Sender) -> ConnectionId:
    return cast(ConnectionId, sender.connection)
