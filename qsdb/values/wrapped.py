"""The common ground of the value classes: one stored value, wrapped for users.

A row stores an `Identity` as bytes and a `Timestamp` as an int; the class puts
names, arithmetic and a type of its own around that one value.

1. A wrapped value never changes, and `Wrapped.stored` is all that it holds.
2. It equals, and sorts against, values of exactly its own class. So a
   `Timestamp` never equals a `TimeDuration`, nor an `Identity` its bytes.
3. `Wrapped.from_stored` trusts: rows call it for each attribute that is read.
   Everybody else comes in through a class method that checks.

Rule 1 is kept by refusing `__setattr__`; `from_stored` goes past the refusal
with the slot's own setter, which costs a third of `object.__setattr__`.
"""

from collections.abc import Callable
from typing import Generic, NoReturn, Self, TypeVar

__all__ = ["Sortable", "Wrapped"]

Plain = TypeVar("Plain")
Ordered = TypeVar("Ordered", bytes, int)


class Wrapped(Generic[Plain]):
    """An immutable value around a stored one.

    Attributes:
        stored: The value as tables keep it.
    """

    __slots__ = ("stored",)

    stored: Plain

    def __init__(self, *_: object) -> None:
        """Refuse: a bare value would not say in which form or unit it is."""
        name = type(self).__name__
        raise TypeError(f"{name}(...) is not how one is made; see help({name})")

    @classmethod
    def from_stored(cls, raw: Plain) -> Self:
        """Wrap `raw`, which must be a canonical stored value; nothing is checked."""
        self = _new(cls)
        _fill(self, raw)
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable; cannot set {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"{type(self).__name__} is immutable; cannot delete {name}"
        )

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.stored == other.stored

    def __hash__(self) -> int:
        return hash(self.stored)

    def __reduce__(self) -> tuple[Callable[[Plain], Self], tuple[Plain]]:
        return type(self).from_stored, (self.stored,)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


_new = object.__new__
_fill: Callable[[object, object], None] = Wrapped.__dict__["stored"].__set__


class Sortable(Wrapped[Ordered]):
    """A wrapped value that sorts as its stored value does."""

    __slots__ = ()

    def __lt__(self, other: Self) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.stored < other.stored

    def __le__(self, other: Self) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.stored <= other.stored

    def __gt__(self, other: Self) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.stored > other.stored

    def __ge__(self, other: Self) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.stored >= other.stored
