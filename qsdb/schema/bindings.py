"""Between a user's values and stored ones: one binding for each annotation.

The engine stores exact built-ins (`qsdb.values.kinds`); users see `Identity`
objects, enum members and products. A `Binding` joins a kind to the class that
the user wrote:

* *enter* turns a user's value into its stored form. Entering checks nothing
  but the class: what no column could hold becomes a `Misfit`, which table
  operations refuse later;
* *leave* turns a stored value into what the user sees, and a `Misfit` into
  what it was made from;
* *admit* is for arguments: enter, check, make canonical, leave.

Plain kinds (bool, ints, floats, str, bytes) are seen as they are stored, so
rows read them without a call. They enter as they are, but for NaN: it enters as
the one NaN, so that rows with NaN are equal before they are stored.
"""

import enum
import keyword
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from qsdb.errors import shown
from qsdb.values.compounds import ArrayKind, EnumKind, Field, OptionKind, SumKind
from qsdb.values.kinds import NAN, FloatKind, Kind, Stored
from qsdb.values.kinds import UUID as UUID_KIND
from qsdb.values.misfits import Misfit
from qsdb.values.source import Names
from qsdb.values.wrapped import Wrapped

__all__ = [
    "ArrayBinding",
    "Binding",
    "EnumBinding",
    "OptionBinding",
    "PlainBinding",
    "ProductBinding",
    "Record",
    "SumBinding",
    "UuidBinding",
    "WrappedBinding",
    "one_nan",
]


class Record:
    """What a row or a product is, besides a tuple: no sequence of its values."""

    __slots__ = ()


class Binding:
    """A kind together with the class in which users see its values."""

    __slots__ = ()
    kind: Kind

    @property
    def is_plain(self) -> bool:
        """Whether users see stored values as they are."""
        return False

    def enter(self, value: object) -> Stored:
        """Give the stored form, or a `Misfit`; the range is not looked at."""
        raise NotImplementedError  # pragma: no cover  each binding has its own

    def leave(self, stored: Stored) -> object:
        """Give what the user sees for a stored value or a `Misfit`."""
        raise NotImplementedError  # pragma: no cover  each binding has its own

    def show(self, value: object) -> str:
        """Give a text that evaluates to `value`, which is as users see it."""
        return shown(value)

    def admit(self, value: object) -> object:
        """Check a user's value and give it in canonical form.

        Raises:
            MismatchError: the value is of a wrong kind or out of range.
        """
        return self.leave(self.kind.canonical(self.enter(value)))

    def enter_source(self, variable: str, names: Names) -> str:
        """Give `enter` of a variable as an expression."""
        return f"{names.bind('enter', self.enter)}({variable})"

    def doubt(self, variable: str, names: Names) -> str:
        """Give an expression that is false only where `admit` is identity."""
        return "True"


@attrs.frozen
class PlainBinding(Binding):
    """A kind whose stored values are what users see."""

    kind: Kind

    @property
    def is_plain(self) -> bool:
        return True

    def enter(self, value: object) -> Stored:
        return one_nan(value) if isinstance(self.kind, FloatKind) else value

    def leave(self, stored: Stored) -> object:
        return stored

    def show(self, value: object) -> str:
        if type(value) is float and (
            value != value or value in (_INFINITY, -_INFINITY)
        ):
            return f"float('{value}')"
        return shown(value)

    def enter_source(self, variable: str, names: Names) -> str:
        if not isinstance(self.kind, FloatKind):
            return variable
        function = names.bind("one_nan", one_nan)
        return f"({variable} if {variable} == {variable} else {function}({variable}))"

    def doubt(self, variable: str, names: Names) -> str:
        return self.kind.suspicion(variable, names)


_INFINITY = float("inf")


def one_nan(value: object) -> object:
    """Put the one NaN for each, in tuples too; all other values stay."""
    if type(value) is tuple:
        return tuple([one_nan(item) for item in value])
    return NAN if type(value) is float and value != value else value


@attrs.frozen
class WrappedBinding(Binding):
    """One of qsdb's own value classes: `Identity`, `Timestamp` and so on."""

    kind: Kind
    wrapper: type[Wrapped[Any]]

    def enter(self, value: object) -> Stored:
        return value.stored if type(value) is self.wrapper else Misfit(value)

    def leave(self, stored: Stored) -> object:
        if type(stored) is Misfit:
            return stored.value
        return self.wrapper.from_stored(stored)

    def enter_source(self, variable: str, names: Names) -> str:
        wrapper = names.bind(self.wrapper.__name__, self.wrapper)
        misfit = names.bind("Misfit", Misfit)
        return (
            f"({variable}.stored if _type({variable}) is {wrapper} "
            f"else {misfit}({variable}))"
        )

    def doubt(self, variable: str, names: Names) -> str:
        wrapper = names.bind(self.wrapper.__name__, self.wrapper)
        return f"_type({variable}) is not {wrapper}"


@attrs.frozen
class UuidBinding(Binding):
    """`uuid.UUID`, stored as 16 bytes in the order of its text."""

    kind: Kind = UUID_KIND

    def enter(self, value: object) -> Stored:
        return value.bytes if type(value) is uuid.UUID else Misfit(value)

    def leave(self, stored: Stored) -> object:
        if type(stored) is not bytes:
            assert type(stored) is Misfit
            return stored.value
        return uuid.UUID(bytes=stored)


class EnumBinding(Binding):
    """A plain enum: members in the order of their definition are the tags."""

    __slots__ = ("_members", "_tags", "kind")

    def __init__(self, enum_class: type[enum.Enum]) -> None:
        """Number the members; aliases are no members of their own."""
        self._members = tuple(enum_class)
        # By identity: members live as long as their class, and hashing one
        # would call Python code.
        self._tags = {id(member): tag for tag, member in enumerate(self._members)}
        variants = tuple([member.name for member in self._members])
        self.kind = EnumKind(enum_class.__name__, variants)

    def enter(self, value: object) -> Stored:
        tag = self._tags.get(id(value))
        return Misfit(value) if tag is None else tag

    def leave(self, stored: Stored) -> object:
        return self._members[stored] if type(stored) is int else _unpack(stored)

    def show(self, value: object) -> str:
        if isinstance(value, enum.Enum):
            # The functional form of enum takes any text for a member's name.
            is_plain = value.name.isidentifier() and not keyword.iskeyword(value.name)
            place = f".{value.name}" if is_plain else f"[{value.name!r}]"
            return f"{type(value).__name__}{place}"
        return shown(value)

    def doubt(self, variable: str, names: Names) -> str:
        return f"_id({variable}) not in {names.bind('tags', self._tags)}"


def _unpack(stored: Stored) -> object:
    return stored.value if type(stored) is Misfit else stored


class ProductBinding(Binding):
    """A product class: its rows are tuples over the same stored values."""

    __slots__ = ("kind", "product")

    def __init__(self, kind: Kind, product: type[tuple[object, ...]]) -> None:
        """Bind a product class to the kind that its shape gives."""
        self.kind = kind
        self.product = product

    def enter(self, value: object) -> Stored:
        if type(value) is not self.product:
            return Misfit(value)
        return tuple.__getitem__(value, _ALL)

    def leave(self, stored: Stored) -> object:
        if type(stored) is not tuple:
            return _unpack(stored)
        return tuple.__new__(self.product, stored)


_ALL = slice(None)


class SumBinding(Binding):
    """A union of product classes; the tag says which one."""

    __slots__ = ("_tags", "kind", "products")

    def __init__(self, products: Sequence[ProductBinding]) -> None:
        """Number the products in the given order."""
        self.products = tuple(products)
        self._tags: dict[type, int] = {
            each.product: tag for tag, each in enumerate(products)
        }
        variants = [Field(each.product.__name__, each.kind) for each in products]
        self.kind = SumKind(tuple(variants))

    def enter(self, value: object) -> Stored:
        tag = self._tags.get(type(value))
        if tag is None:
            return Misfit(value)
        return (tag, self.products[tag].enter(value))

    def leave(self, stored: Stored) -> object:
        if type(stored) is not tuple:
            return _unpack(stored)
        tag, payload = stored
        return self.products[tag].leave(payload)


class ArrayBinding(Binding):
    """A sequence of values; rows give tuples, arguments may be lists."""

    __slots__ = ("_enters_as_it_is", "_make", "item", "kind")

    def __init__(
        self, item: Binding, make: Callable[[list[object]], object] = tuple
    ) -> None:
        """Bind an array of `item`, shown as what `make` builds."""
        self.item = item
        self._enters_as_it_is = item.enter_source("item", Names()) == "item"
        self._make = make
        self.kind = ArrayKind(item.kind)

    def enter(self, value: object) -> Stored:
        if not isinstance(value, Sequence) or isinstance(
            value, str | bytes | bytearray | Record
        ):
            return Misfit(value)
        if self._enters_as_it_is:
            return tuple(value)
        enter = self.item.enter
        return tuple([enter(item) for item in value])

    def leave(self, stored: Stored) -> object:
        if type(stored) is not tuple:
            return _unpack(stored)
        if self.item.is_plain and self._make is tuple:
            return stored
        leave = self.item.leave
        return self._make([leave(item) for item in stored])

    def show(self, value: object) -> str:
        if not isinstance(value, tuple | list) or isinstance(value, Record):
            return shown(value)
        items = ", ".join([self.item.show(item) for item in value])
        if isinstance(value, list):
            return f"[{items}]"
        return f"({items},)" if len(value) == 1 else f"({items})"


class OptionBinding(Binding):
    """A value or None."""

    __slots__ = ("inner", "kind")

    def __init__(self, inner: Binding) -> None:
        """Bind the option of `inner`."""
        self.inner = inner
        self.kind = OptionKind(inner.kind)

    @property
    def is_plain(self) -> bool:
        return self.inner.is_plain

    def enter(self, value: object) -> Stored:
        return None if value is None else self.inner.enter(value)

    def leave(self, stored: Stored) -> object:
        return None if stored is None else self.inner.leave(stored)

    def show(self, value: object) -> str:
        return "None" if value is None else self.inner.show(value)

    def enter_source(self, variable: str, names: Names) -> str:
        inner = self.inner.enter_source(variable, names)
        if self.is_plain:
            return inner  # plain values enter as they are, None too
        return f"(None if {variable} is None else {inner})"

    def doubt(self, variable: str, names: Names) -> str:
        return f"{variable} is not None and ({self.inner.doubt(variable, names)})"
