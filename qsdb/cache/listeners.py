"""`Listeners`: functions that users have called, by what happens."""

import logging
from collections.abc import Callable, Iterable, Mapping

from qsdb.cache.steps import finish
from qsdb.errors import ArgumentError, brief

__all__ = ["Listeners", "Telling"]

_LOGGER = logging.getLogger("qsdb.delivery")

Listener = Callable[..., object]

_Calls = tuple[list[tuple[object, Listener]], list[tuple[object, ...]]]
"""Who is called, and with what."""


class Listeners:
    """What happens → who is told, in the order in which they came."""

    __slots__ = ("_by_kind",)

    def __init__(self) -> None:
        """Begin without any."""
        self._by_kind: dict[str, dict[object, Listener]] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return any(self._by_kind.values())

    def add(self, kind: str, callback: Listener) -> Callable[[], None]:
        """Enter a function, and give one that takes it out; twice is no error.

        Raises:
            ArgumentError: it cannot be called.
        """
        if not callable(callback):
            raise ArgumentError(f"{kind} takes a function, not {brief(callback)}")
        entry = object()  # one function may be entered twice
        listeners = self._by_kind.setdefault(kind, {})
        listeners[entry] = callback

        def remove() -> None:
            listeners.pop(entry, None)

        return remove

    def clear(self) -> None:
        """Take all out, also those that are yet to be told of what is told now."""
        for listeners in [*self._by_kind.values()]:
            listeners.clear()

    def of(self, kind: str) -> Mapping[object, Listener]:
        """Give those of one kind, of whom some may leave."""
        return self._by_kind.get(kind, {})

    def tell(self, kind: str, event: object, *values: Iterable[object]) -> None:
        """Call all functions with an event and, one after the other, values.

        What one raises is logged, or goes on if it is no `Exception`, and the others
        are called.
        """
        finish(Telling(self, kind, lambda: _told(event, *values)).run)

    def tell_once(self, kind: str, *values: object) -> None:
        """Call all functions with these values; what they raise is as with `tell`."""
        finish(Telling(self, kind, lambda: [values]).run)


class Telling:
    """What is told to all who listen: a step, in which each is called once with each.

    What a function raises is logged, and the others are called. What is no `Exception`
    goes on; then this is run again, and goes on with the next call.
    """

    __slots__ = ("_kind", "_listeners", "_make", "_place", "_state")

    def __init__(
        self,
        listeners: Listeners,
        kind: str,
        make: Callable[[], Iterable[tuple[object, ...]]],
    ) -> None:
        """Prepare.

        Args:
            listeners: Those who listen when it is run.
            kind: What happens.
            make: Gives what each function is called with, one call after the other; it
                may be called again if it was cut off.
        """
        self._listeners = listeners
        self._kind = kind
        self._make = make
        self._place = 0
        """How many calls were made, or are not to be made any more."""
        self._state: _Calls | None = None

    def run(self) -> None:
        """Make all calls that are not made yet."""
        listeners = self._listeners.of(self._kind)
        if self._state is None:
            who = [*listeners.items()]
            self._state = (who, [*self._make()] if who else [])
        who, told = self._state
        count = len(told)
        while self._place < len(who) * count:
            number, place = divmod(self._place, count)
            entry, callback = who[number]
            if entry not in listeners:  # it was taken out meanwhile
                self._place = (number + 1) * count
                continue
            values = told[place]
            self._place += 1  # and no interrupt comes before the call
            try:
                callback(*values)
            except Exception:
                _LOGGER.exception("a callback of %s raised", self._kind)


def _told(event: object, *values: Iterable[object]) -> list[tuple[object, ...]]:
    return [(event, *each) for each in zip(*values, strict=True)]
