"""`Listeners`: functions that users have called, by what happens."""

import logging
from collections.abc import Callable, Iterable

from qsdb.errors import ArgumentError, brief

__all__ = ["Listeners", "call_guarded"]

_LOGGER = logging.getLogger("qsdb.delivery")

Listener = Callable[..., object]


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

    def tell(self, kind: str, event: object, *values: Iterable[object]) -> None:
        """Call all functions with an event and, one after the other, values.

        What one raises is logged, and the others are called.
        """
        listeners = self._by_kind.get(kind)
        if not listeners:
            return
        told = [*zip(*values, strict=True)]
        for entry, callback in [*listeners.items()]:
            for each in told:
                if entry not in listeners:
                    break  # it was taken out meanwhile
                call_guarded(kind, callback, event, *each)

    def tell_once(self, kind: str, *values: object) -> None:
        """Call all functions with these values; what one raises is logged."""
        listeners = self._by_kind.get(kind, {})
        for entry, callback in [*listeners.items()]:
            if entry in listeners:
                call_guarded(kind, callback, *values)


def call_guarded(kind: str, callback: Listener, *values: object) -> None:
    """Call a function of the user's; what it raises is logged."""
    try:
        callback(*values)
    except Exception:
        _LOGGER.exception("a callback of %s raised", kind)
