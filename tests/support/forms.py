"""Kinds with names for all their parts, which can be changed as migrations allow.

A *form* gives the annotation of a column, and turns *plain* values, which know
nothing of places and tags, into stored ones and back: an enum is the name of its
variant, a product a dict, a union a pair of a name and a dict. `changed` draws what
a form may become, and `carried` says what then becomes of a plain value.
"""

import abc
import enum
from collections.abc import Mapping
from typing import Any

import attrs
from hypothesis import strategies as st

import qsdb
from qsdb import u8, u16, u64

__all__ = ["Form", "carried", "changed", "drawn", "plain_value"]

Plain = Any


class Form(abc.ABC):
    """One kind."""

    @abc.abstractmethod
    def annotation(self) -> Any:
        """Give what a user writes."""

    def store(self, plain: Plain) -> Any:
        """Give the stored value."""
        return plain

    def read(self, stored: Any) -> Plain:
        """Give the plain value."""
        return stored


@attrs.frozen
class Number(Form):
    """An integer of 8, 16 or 64 bits."""

    rank: int

    def annotation(self) -> Any:
        return (u8, u16, u64)[self.rank]


@attrs.frozen
class Text(Form):
    """A str."""

    def annotation(self) -> Any:
        return str


@attrs.frozen
class Enum(Form):
    """Variants, in order."""

    variants: tuple[str, ...]

    def annotation(self) -> Any:
        return enum.Enum("Mood", list(self.variants))

    def store(self, plain: Plain) -> Any:
        return self.variants.index(plain)

    def read(self, stored: Any) -> Plain:
        return self.variants[stored]


@attrs.frozen
class Product(Form):
    """Fields, in order; those with a default are last."""

    name: str
    fields: Mapping[str, Form]
    defaults: Mapping[str, Plain] = attrs.field(factory=dict)

    def annotation(self) -> Any:
        members = {
            "__module__": __name__,
            "__qualname__": self.name,
            "__annotations__": {k: v.annotation() for k, v in self.fields.items()},
            **self.defaults,
        }
        metaclass: Any = type(qsdb.Product)
        return metaclass(self.name, (qsdb.Product,), members)

    def store(self, plain: Plain) -> Any:
        return tuple([form.store(plain[name]) for name, form in self.fields.items()])

    def read(self, stored: Any) -> Plain:
        pairs = zip(self.fields.items(), stored, strict=True)
        return {name: form.read(part) for (name, form), part in pairs}


@attrs.frozen
class Union(Form):
    """Two or more products."""

    products: tuple[Product, ...]

    def annotation(self) -> Any:
        first, *others = [each.annotation() for each in self.products]
        for each in others:
            first = first | each
        return first

    def product(self, name: str) -> Product:
        """Give the product of this name."""
        return next(each for each in self.products if each.name == name)

    def store(self, plain: Plain) -> Any:
        name, payload = plain
        names = [each.name for each in self.products]
        return (names.index(name), self.product(name).store(payload))

    def read(self, stored: Any) -> Plain:
        product = self.products[stored[0]]
        return (product.name, product.read(stored[1]))


@attrs.frozen
class Option(Form):
    """A value or None."""

    inner: Form

    def annotation(self) -> Any:
        return self.inner.annotation() | None

    def store(self, plain: Plain) -> Any:
        return None if plain is None else self.inner.store(plain)

    def read(self, stored: Any) -> Plain:
        return None if stored is None else self.inner.read(stored)


@attrs.frozen
class Array(Form):
    """Any number of values."""

    item: Form

    def annotation(self) -> Any:
        return tuple[self.item.annotation(), ...]  # type: ignore[misc]

    def store(self, plain: Plain) -> Any:
        return tuple([self.item.store(each) for each in plain])

    def read(self, stored: Any) -> Plain:
        return [self.item.read(each) for each in stored]


_small = st.integers(0, 255)
_rank = st.integers(0, 2)
_few = st.integers(0, 2)
_coin = st.booleans()
_texts = st.text("ab", max_size=2)
_sorts = st.sampled_from(
    ("number", "text", "enum", "product", "union", "option", "array")
)


def drawn(draw: st.DrawFn, depth: int = 2) -> Form:  # noqa: PLR0911  one a sort
    """Draw a form."""
    sort = draw(_sorts) if depth else "number"
    match sort:
        case "number":
            return Number(draw(_rank))
        case "text":
            return Text()
        case "enum":
            return Enum(("A", "B", "C")[: 1 + draw(_few)])
        case "product":
            return _product(draw, "P", depth)
        case "union":
            return Union((_product(draw, "Q", depth), _product(draw, "R", depth)))
        case "option":
            inner = drawn(draw, depth - 1)
            return inner if isinstance(inner, Option) else Option(inner)
        case _:
            return Array(drawn(draw, depth - 1))


def _product(draw: st.DrawFn, name: str, depth: int) -> Product:
    names = ("x", "y")[: draw(_few)]
    return Product(name, {each: drawn(draw, depth - 1) for each in names})


def changed(draw: st.DrawFn, form: Form) -> Form:
    """Draw what rules let a form become."""
    found = _changed_parts(draw, form)
    if isinstance(found, Option) or draw(_coin):
        return found
    return Option(found)


def _changed_parts(draw: st.DrawFn, form: Form) -> Form:  # noqa: PLR0911  one a sort
    match form:
        case Number():
            return Number(max(form.rank, draw(_rank)))
        case Enum():
            more = ("D", "E")[: draw(_few)]
            return Enum(tuple(draw(st.permutations([*form.variants, *more]))))
        case Product():
            product = _changed_product(draw, form)
            if draw(_coin):
                return product
            return Union(tuple(draw(st.permutations([product, Product("Z", {})]))))
        case Union():
            products = [_changed_product(draw, each) for each in form.products]
            more_products = [Product("Z", {})][: draw(_few)]
            return Union(tuple(draw(st.permutations([*products, *more_products]))))
        case Option():
            inner = changed(draw, form.inner)
            return inner if isinstance(inner, Option) else Option(inner)
        case Array():
            return Array(changed(draw, form.item))
        case _:
            return form


def _changed_product(draw: st.DrawFn, form: Product) -> Product:
    names = draw(st.permutations(list(form.fields)))
    kept = names[: len(names) - (draw(_few) == 2)]
    fields = {name: changed(draw, form.fields[name]) for name in kept}
    more: dict[str, Form] = {"new": Number(0), "newer": Option(Text())}
    defaults: dict[str, Plain] = {"new": 7, "newer": None}
    names = ["new", "newer"][: draw(_few)]
    return Product(
        form.name,
        {**fields, **{name: more[name] for name in names}},
        {name: defaults[name] for name in names},
    )


def plain_value(draw: st.DrawFn, form: Form) -> Plain:  # noqa: PLR0911  one a sort
    """Draw a plain value of a form."""
    match form:
        case Number():
            return draw(_small)
        case Enum():
            return draw(st.sampled_from(form.variants))
        case Product():
            return {name: plain_value(draw, each) for name, each in form.fields.items()}
        case Union():
            product = draw(st.sampled_from(form.products))
            return (product.name, plain_value(draw, product))
        case Option():
            return plain_value(draw, form.inner) if draw(_coin) else None
        case Array():
            return [plain_value(draw, form.item) for _ in range(draw(_few))]
        case _:
            return draw(_texts)


def carried(old: Form, new: Form, plain: Plain) -> Plain:
    """Give what becomes of a plain value."""
    if isinstance(new, Option):
        inner = old.inner if isinstance(old, Option) else old
        return None if plain is None else carried(inner, new.inner, plain)
    match old, new:
        case Product(), Product():
            return {
                name: carried(old.fields[name], form, plain[name])
                if name in old.fields
                else new.defaults[name]
                for name, form in new.fields.items()
            }
        case Product(), Union():
            return (old.name, carried(old, new.product(old.name), plain))
        case Union(), Union():
            name, payload = plain
            payload = carried(old.product(name), new.product(name), payload)
            return (name, payload)
        case Array(), Array():
            return [carried(old.item, new.item, each) for each in plain]
        case _:
            return plain
