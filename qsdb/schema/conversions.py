"""From a stored kind to a declared one: which values can be carried over, and how.

A conversion never fails and never guesses: every value of the stored kind has one
of the declared kind, and different values stay different, unless a field of a
product is given up, which is said. So the rules are these, and they hold inside
each other:

====================  ====================================================
from                  to
====================  ====================================================
any kind              the same
an integer            an integer whose range holds all of it
``f32``               ``f64``
``T``                 ``U | None``, where T goes to U
``T | None``          ``U | None``
``tuple[T, ...]``     ``tuple[U, ...]``
an enum               an enum with all its variants, matched by name
a product             a product, fields matched by name; new ones have a default
a union               a union with all its products, matched by name
a product             a union in which a product of its name is
====================  ====================================================

Most of these change no stored value, but their encoded form: see
`Conversion.is_rewritten`. Names of enums and products do not matter where they only
name a class.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import cast

import attrs

from qsdb.schema.bindings import (
    ArrayBinding,
    Binding,
    EnumBinding,
    OptionBinding,
    ProductBinding,
    SumBinding,
)
from qsdb.schema.rows import RowClass, shape_of
from qsdb.schema.shapes import Column
from qsdb.schema.specifiers import MISSING
from qsdb.schema.stored import NamedRow
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import FloatKind, IntKind, Kind, Stored

__all__ = ["Conversion", "NoConversionError", "find_conversion"]

Convert = Callable[[Stored], Stored]


class NoConversionError(Exception):
    """No rule leads from the one kind to the other; the text says why."""


@attrs.frozen
class Conversion:
    """How all values of a stored kind become values of a declared one."""

    convert: Convert | None = None
    """None: stored values stay as they are."""
    is_rewritten: bool = True
    """Whether encoded values are other bytes than before."""
    lost: tuple[str, ...] = ()
    """The fields of products that are given up: values may become equal by that."""


_SAME = Conversion(is_rewritten=False)
_WIDENED = Conversion()


def find_conversion(stored: Kind, declared: Binding) -> Conversion:
    """Find the conversion by the rules above.

    Raises:
        NoConversionError: there is none.

    Cost: some microseconds for each part of the kinds.

    >>> from qsdb.schema.bindings import PlainBinding
    >>> from qsdb.values.kinds import U8, U64
    >>> find_conversion(U8, PlainBinding(U64)).is_rewritten
    True
    """
    kind = declared.kind
    if stored == kind:
        return _SAME
    if isinstance(declared, OptionBinding):
        return _to_option(stored, declared)
    found = _by_parts(stored, declared)
    if found is not None:
        return found
    if _is_wider(stored, kind):
        return _WIDENED
    raise NoConversionError(_reason(stored, kind))


def _by_parts(stored: Kind, declared: Binding) -> Conversion | None:
    """Find the conversion between kinds that are made of others."""
    match stored, declared:
        case ArrayKind(), ArrayBinding():
            return _mapped(find_conversion(stored.item, declared.item))
        case ProductKind(), ProductBinding():
            return _product(stored, declared)
        case SumKind(), SumBinding():
            return _sum(stored, declared)
        case ProductKind(), SumBinding():
            return _into_sum(stored, declared)
        case EnumKind(), EnumBinding():
            return _enum(stored, cast(EnumKind, declared.kind))
        case _:
            return None


def _reason(stored: Kind, declared: Kind) -> str:
    if isinstance(stored, OptionKind):
        return f"None is no {declared.name}"
    if isinstance(stored, IntKind) and isinstance(declared, IntKind):
        return f"not every {stored.name} is an {declared.name}".replace("an u", "a u")
    return f"no {stored.name} is a {declared.name}"


def _is_wider(stored: Kind, declared: Kind) -> bool:
    if isinstance(stored, IntKind) and isinstance(declared, IntKind):
        return declared.least <= stored.least and stored.greatest <= declared.greatest
    if isinstance(stored, FloatKind) and isinstance(declared, FloatKind):
        return stored.bits <= declared.bits
    return False


def _to_option(stored: Kind, declared: OptionBinding) -> Conversion:
    is_option = isinstance(stored, OptionKind)
    inner = find_conversion(
        stored.inner if isinstance(stored, OptionKind) else stored, declared.inner
    )
    convert = inner.convert
    if not is_option or convert is None:
        return attrs.evolve(inner, is_rewritten=inner.is_rewritten or not is_option)
    known: Convert = convert

    def option(value: Stored) -> Stored:
        return None if value is None else known(value)

    return attrs.evolve(inner, convert=option)


def _mapped(item: Conversion) -> Conversion:
    convert = item.convert
    if convert is None:
        return item
    known: Convert = convert

    def array(value: Stored) -> Stored:
        assert type(value) is tuple
        return tuple([known(each) for each in value])

    return attrs.evolve(item, convert=array)


def _enum(stored: EnumKind, declared: EnumKind) -> Conversion:
    _need(stored.variants, declared.variants, stored.class_name)
    tags = [declared.variants.index(name) for name in stored.variants]
    if tags == list(range(len(tags))):
        return _SAME

    def tag(value: Stored) -> Stored:
        assert type(value) is int
        return tags[value]

    return Conversion(tag)


def _need(stored: Sequence[str], declared: Sequence[str], owner: str) -> None:
    """Refuse variants that are gone."""
    gone = [name for name in stored if name not in declared]
    if gone:
        raise NoConversionError(f"{owner} has no {', '.join(gone)} any more")


def _product(stored: ProductKind, declared: ProductBinding) -> Conversion:
    """Match fields by name; what is new takes its default."""
    places = {field.name: place for place, field in enumerate(stored.fields)}
    columns = _columns(declared)
    makers: list[Convert] = []
    lost = [f"{stored.class_name}.{name}" for name in places]
    parts = []
    for column in columns:
        place = places.get(column.attribute)
        if place is None:
            makers.append(_constant(column, stored.class_name))
            continue
        lost.remove(f"{stored.class_name}.{column.attribute}")
        try:
            part = find_conversion(stored.fields[place].kind, column.binding)
        except NoConversionError as error:
            where = f"{stored.class_name}.{column.attribute}"
            raise NoConversionError(f"{where}: {error}") from None
        parts.append(part)
        makers.append(_part(place, part.convert))
    kept = [places.get(column.attribute) for column in columns]
    is_in_place = kept == list(range(len(places)))
    all_lost = tuple(lost) + tuple([each for part in parts for each in part.lost])
    is_rewritten = not is_in_place or any(part.is_rewritten for part in parts)
    if is_in_place and all(part.convert is None for part in parts):
        return Conversion(None, is_rewritten, all_lost)

    def product(value: Stored) -> Stored:
        return tuple([make(value) for make in makers])

    return Conversion(product, is_rewritten, all_lost)


def _columns(binding: ProductBinding) -> tuple[Column, ...]:
    product = binding.product
    if issubclass(product, NamedRow):
        return product._columns  # noqa: SLF001  a class made by qsdb.schema.stored
    return shape_of(cast(RowClass, product)).columns


def _constant(column: Column, owner: str) -> Convert:
    if column.default is MISSING:
        raise NoConversionError(f"{owner}.{column.attribute} is new and has no default")
    value = column.binding.kind.canonical(column.binding.enter(column.default))
    return lambda _: value


def _part(place: int, convert: Convert | None) -> Convert:
    read = cast(Convert, itemgetter(place))  # of a tuple
    if convert is None:
        return read
    known: Convert = convert
    return lambda value: known(read(value))


def _sum(stored: SumKind, declared: SumBinding) -> Conversion:
    """Match products by name; the tag becomes that of the declared one."""
    names = [each.product.__name__ for each in declared.products]
    _need([each.name for each in stored.variants], names, "the union")
    tags = [names.index(each.name) for each in stored.variants]
    payloads = [
        find_conversion(each.kind, declared.products[tag])
        for each, tag in zip(stored.variants, tags, strict=True)
    ]
    lost = tuple([each for payload in payloads for each in payload.lost])
    is_in_place = tags == list(range(len(tags)))
    is_rewritten = not is_in_place or any(each.is_rewritten for each in payloads)
    converts = [each.convert for each in payloads]
    if is_in_place and not any(converts):
        return Conversion(None, is_rewritten, lost)

    def union(value: Stored) -> Stored:
        assert type(value) is tuple
        tag, payload = value
        convert = converts[tag]
        return (tags[tag], payload if convert is None else convert(payload))

    return Conversion(union, is_rewritten, lost)


def _into_sum(stored: ProductKind, declared: SumBinding) -> Conversion:
    names = [each.product.__name__ for each in declared.products]
    if stored.class_name not in names:
        raise NoConversionError(f"the union has no {stored.class_name}")
    tag = names.index(stored.class_name)
    payload = find_conversion(stored, declared.products[tag])
    convert = payload.convert

    def union(value: Stored) -> Stored:
        return (tag, value if convert is None else convert(value))

    return Conversion(union, lost=payload.lost)
