"""`Listeners`: functions that users have called, by what happens."""

import logging
from collections.abc import Callable, Iterable

from qsdb.errors import ArgumentError, brief

__all__ = ["Listeners"]

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
        return bool(self._by_kind)

    def add(self, kind: str, callback: Listener) -> Callable[[], None]:
        """Enter a function, and give one that takes it out; twice is no error.

        Raises:
            ArgumentError: it cannot be called.
        """
        if not callable(callback):
            raise ArgumentError(f"{kind} takes a function, not {brief(callback)}")
        entry = object()  # one function may be entered twice
        self._by_kind.setdefault(kind, {})[entry] = callback

        def remove() -> None:
            listeners = self._by_kind.get(kind, {})
            if listeners.pop(entry, None) is not None and not listeners:
                del self._by_kind[kind]

        return remove

    def tell(self, kind: str, event: object, *values: Iterable[object]) -> None:
        """Call all functions with an event and, one after the other, values.

        What one raises is logged, and the others are called.
        """
        listeners = self._by_kind.get(kind)
        if listeners is None:
            return
        told = [*zip(*values, strict=True)]
        for entry, callback in [*listeners.items()]:
            for each in told:
                if entry not in listeners:
                    break  # it was taken out meanwhile
                try:
                    callback(event, *each)
                except Exception:
                    _LOGGER.exception("a callback of %s raised", kind)
