"""Kinds made of other kinds: arrays, options, enums, products and sums.

Stored forms: an array and a product are tuples, an option is None or the
value, an enum is its tag, a sum is ``(tag, payload)``. The rules of
`qsdb.values.kinds` hold for them through their parts: a product is canonical
when its fields are, and sorts field by field.
"""

from collections.abc import Callable, Iterable

import attrs

from qsdb.values.kinds import Kind, MismatchError, Stored
from qsdb.values.misfits import Misfit
from qsdb.values.source import Names, compile_source

__all__ = [
    "ArrayKind",
    "EnumKind",
    "Field",
    "OptionKind",
    "ProductKind",
    "SumKind",
    "tuple_kind",
]

VARIANTS_COUNT_MAX = 256
"""A tag is one byte on the wire and in the log."""

EMPTY_ITEMS_COUNT_MAX = 256
"""Most items of an array whose items hold nothing, and so have no bytes.

Encoded, nothing but a count would speak for them; `qsdb.codec` admits no more.
"""


@attrs.frozen(cache_hash=True)
class OptionKind(Kind):
    """A value or None, which sorts after every value."""

    inner: Kind

    @property
    def name(self) -> str:
        return f"{self.inner.name} | None"

    @property
    def default(self) -> Stored:
        return None

    @property
    def is_naturally_ordered(self) -> bool:
        return False

    def canonical(self, value: Stored) -> Stored:
        if value is None:
            return None
        try:
            return self.inner.canonical(value)
        except MismatchError as mismatch:
            own = value.value if isinstance(value, Misfit) else value
            if mismatch.value is not own:  # None would not do inside either
                raise
            admitted = f"{mismatch.admitted}, or None"
            raise MismatchError(own, admitted) from None

    def order(self, value: Stored) -> Stored:
        return (1,) if value is None else (0, self.inner.order(value))

    def suspicion(self, variable: str, names: Names) -> str:
        return f"{variable} is not None and ({self.inner.suspicion(variable, names)})"

    def order_source(self, variable: str, names: Names) -> str:
        inner = self.inner.order_source(variable, names)
        return f"((1,) if {variable} is None else (0, {inner}))"


@attrs.frozen(cache_hash=True)
class ArrayKind(Kind):
    """Any number of values of one kind; sorts like a Python tuple."""

    item: Kind

    @property
    def name(self) -> str:
        return f"tuple[{self.item.name}, ...]"

    @property
    def default(self) -> Stored:
        return ()

    @property
    def is_naturally_ordered(self) -> bool:
        return self.item.is_naturally_ordered

    def canonical(self, value: Stored) -> Stored:
        if type(value) is not tuple:
            raise MismatchError(value, f"a sequence of {self.item.name}")
        if len(value) > EMPTY_ITEMS_COUNT_MAX and _holds_nothing(self.item):
            items = f"at most {EMPTY_ITEMS_COUNT_MAX} {self.item.name}"
            raise MismatchError(value, f"a sequence of {items}, which hold nothing")
        return tuple([self.item.canonical(item) for item in value])

    def order(self, value: Stored) -> Stored:
        assert type(value) is tuple
        return tuple([self.item.order(item) for item in value])

    def suspicion(self, variable: str, names: Names) -> str:
        suspect = names.bind("is_item_suspect", _suspect_function([self.item]))
        doubt = f"_any(_map({suspect}, {variable}))"
        if _holds_nothing(self.item):
            doubt = f"_len({variable}) > {EMPTY_ITEMS_COUNT_MAX} or {doubt}"
        return f"_type({variable}) is not _tuple or {doubt}"


@attrs.frozen(cache_hash=True)
class EnumKind(Kind):
    """A plain enum: stored as its tag, the place in the definition."""

    class_name: str
    variants: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.class_name

    @property
    def default(self) -> Stored:
        return 0

    def canonical(self, value: Stored) -> Stored:
        if type(value) is not int or not 0 <= value < len(self.variants):
            names = ", ".join(f"{self.class_name}.{each}" for each in self.variants)
            raise MismatchError(value, f"one of {names}")
        return value

    def suspicion(self, variable: str, names: Names) -> str:
        bounds = f"0 <= {variable} < {len(self.variants)}"
        return f"_type({variable}) is not _int or not {bounds}"


@attrs.frozen(cache_hash=True)
class Field:
    """One named part of a product, or one variant of a sum."""

    name: str
    kind: Kind


@attrs.frozen(cache_hash=True)
class ProductKind(Kind):
    """Named fields, stored as a tuple of their values in order."""

    class_name: str
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        return self.class_name

    @property
    def is_tuple(self) -> bool:
        """Whether it is a tuple's: its fields are named by their places."""
        return self.class_name.startswith("tuple[") and (
            self == tuple_kind([field.kind for field in self.fields])
        )

    @property
    def default(self) -> Stored:
        return tuple([field.kind.default for field in self.fields])

    @property
    def is_naturally_ordered(self) -> bool:
        return all(field.kind.is_naturally_ordered for field in self.fields)

    def canonical(self, value: Stored) -> Stored:
        if type(value) is not tuple or len(value) != len(self.fields):
            raise MismatchError(value, f"a {self.class_name}")
        parts: list[Stored] = []
        for field, part in zip(self.fields, value, strict=True):
            try:
                parts.append(field.kind.canonical(part))
            except MismatchError as mismatch:
                where = f"{mismatch.admitted} (field {field.name} of {self.class_name})"
                raise MismatchError(mismatch.value, where) from None
        return tuple(parts)

    def order(self, value: Stored) -> Stored:
        assert type(value) is tuple
        pairs = zip(self.fields, value, strict=True)
        return tuple([field.kind.order(part) for field, part in pairs])

    def suspicion(self, variable: str, names: Names) -> str:
        kinds = [field.kind for field in self.fields]
        suspect = names.bind("is_product_suspect", _suspect_function(kinds))
        shape = f"_type({variable}) is not _tuple or _len({variable}) != {len(kinds)}"
        return f"{shape} or {suspect}(*{variable})"


def tuple_kind(items: Iterable[Kind]) -> ProductKind:
    """Give the kind of a tuple of a fixed length: a product whose fields are places.

    No class of a user's has such a name, or fields of such names.

    >>> tuple_kind([OptionKind(ArrayKind(EnumKind("Mood", ("calm",))))]).name
    'tuple[tuple[Mood, ...] | None]'
    """
    fields = tuple([Field(f"{place}", kind) for place, kind in enumerate(items)])
    names = ", ".join([field.kind.name for field in fields])
    return ProductKind(f"tuple[{names}]", fields)


@attrs.frozen(cache_hash=True)
class SumKind(Kind):
    """One of several kinds, stored as ``(tag, payload)``; sorts by tag first."""

    variants: tuple[Field, ...]

    @property
    def name(self) -> str:
        return " | ".join(variant.name for variant in self.variants)

    @property
    def default(self) -> Stored:
        return (0, self.variants[0].kind.default)

    @property
    def is_naturally_ordered(self) -> bool:
        return all(variant.kind.is_naturally_ordered for variant in self.variants)

    def canonical(self, value: Stored) -> Stored:
        if type(value) is not tuple or len(value) != 2:
            raise MismatchError(value, f"one of {self.name}")
        tag, payload = value
        if type(tag) is not int or not 0 <= tag < len(self.variants):
            raise MismatchError(value, f"one of {self.name}")
        return (tag, self.variants[tag].kind.canonical(payload))

    def order(self, value: Stored) -> Stored:
        assert type(value) is tuple
        tag, payload = value
        return (tag, self.variants[tag].kind.order(payload))

    def suspicion(self, variable: str, names: Names) -> str:
        tests = [_suspect_function([variant.kind]) for variant in self.variants]

        def is_sum_suspect(value: Stored) -> bool:
            if type(value) is not tuple or len(value) != 2:
                return True
            tag, payload = value
            if type(tag) is not int or not 0 <= tag < len(tests):
                return True
            return tests[tag](payload)

        return f"{names.bind('is_sum_suspect', is_sum_suspect)}({variable})"


def _holds_nothing(kind: Kind) -> bool:
    """Whether a kind has one value only, which no bytes encode."""
    return isinstance(kind, ProductKind) and all(
        _holds_nothing(field.kind) for field in kind.fields
    )


def _suspect_function(kinds: list[Kind]) -> Callable[..., bool]:
    """Compile a function that takes a value of each kind and doubts any."""
    names = Names()
    variables = [f"v{index}" for index in range(len(kinds))]
    doubts = [
        f"({kind.suspicion(variable, names)})"
        for kind, variable in zip(kinds, variables, strict=True)
    ]
    source = (
        f"def is_suspect({', '.join(variables)}):\n"
        f"    return {' or '.join(doubts) or 'False'}\n"
    )
    function = compile_source("nested check", source, names)["is_suspect"]
    assert callable(function)
    return function
