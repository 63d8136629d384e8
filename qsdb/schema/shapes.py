"""The shape of a row class: its columns, resolved, and what is wrong with them.

A class statement only notes what it was given (`Declared`). The annotations
are looked at later: all columns are resolved, all mistakes are gathered, and a
`Shape` comes out, from which the class's constructor, its attributes and its
table are made.
"""

import itertools
import keyword
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs

from qsdb.errors import SchemaError, brief
from qsdb.schema.annotations import DeepError, MistakeError, Scope, bind
from qsdb.schema.bindings import Binding, PlainBinding, ProductBinding
from qsdb.schema.specifiers import MISSING, Specifier
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import BOOL, IntKind, MismatchError

__all__ = [
    "OWN_MEMBERS",
    "Column",
    "Declared",
    "Shape",
    "ShapeLookup",
    "declare",
    "fault_of_attribute",
    "resolve_shape",
]

COLUMNS_COUNT_MAX = 1 << 16
"""SpacetimeDB's bound; column numbers are 16 bits in its schema messages."""


@attrs.frozen
class Column:
    """One column of a row class, or one field of a product."""

    attribute: str
    name: str
    binding: Binding
    specifier: Specifier
    default: object
    """As users see it and canonical, or `MISSING`."""

    @property
    def is_generated(self) -> bool:
        """Whether constructor calls leave the column out as a rule."""
        return self.specifier.auto_inc


@attrs.frozen
class Shape:
    """The columns of a row class, in order."""

    class_name: str
    columns: tuple[Column, ...]
    mistakes: tuple[str, ...] = ()
    """One sentence for each, beginning with its place; the shape is then a draft,
    in which columns without a kind have another's."""

    @property
    def kind(self) -> ProductKind:
        """The kind of a product with these fields."""
        fields = [Field(each.attribute, each.binding.kind) for each in self.columns]
        return ProductKind(self.class_name, tuple(fields))


OWN_MEMBERS = frozenset(
    {"__iter__", "__match_args__", "__new__", "__replace__", "_fields", "replace"}
)
"""What is made for every class (`qsdb.schema.row_source`), besides columns."""

_serials = itertools.count()


@attrs.define
class Declared:
    """What a class statement said, before any annotation is evaluated."""

    class_name: str
    is_product: bool
    annotations: Mapping[str, object]
    defaults: Mapping[str, object]
    """Attribute → specifier or default value, for those that have one."""
    scope: Scope
    serial: int
    """Place in the order in which classes were defined; tags of unions."""
    replaced: tuple[str, ...] = ()
    """Members that the class statement defines and that qsdb makes anew."""
    is_resolving: bool = False


def declare(name: str, namespace: dict[str, Any], *, is_product: bool) -> Declared:
    """Note a class statement, and take its defaults out of the namespace.

    The statement stands two frames above the caller.
    """
    annotations: Mapping[str, object] = {
        attribute: annotation
        for attribute, annotation in namespace.get("__annotations__", {}).items()
        if not _is_class_variable(annotation)
    }
    defaults = {
        attribute: namespace.pop(attribute)
        for attribute in [*namespace]
        if attribute in annotations or isinstance(namespace[attribute], Specifier)
    }
    replaced = tuple([name for name in namespace if name in OWN_MEMBERS])
    # Two frames up: the metaclass's __new__, and the class statement.
    scope = Scope(namespace.get("__qualname__", name), 2)
    serial = next(_serials)
    return Declared(name, is_product, annotations, defaults, scope, serial, replaced)


_class_variable = re.compile(r"""[\s'"]*(\w+\.)*ClassVar\b""")


def _is_class_variable(annotation: object) -> bool:
    if isinstance(annotation, str):
        return _class_variable.match(annotation) is not None
    return annotation is ClassVar or typing.get_origin(annotation) is ClassVar


ShapeLookup = Callable[[object, int], tuple[Declared, ProductBinding] | None]
"""Gives what a product class declared and its binding; None for other things. The
number is that of the levels around it."""


def resolve_shape(
    declared: Declared, find_product: ShapeLookup, depth: int = 0
) -> Shape:
    """Resolve all columns, and note all mistakes.

    Args:
        declared: What the class statement said.
        find_product: Knows the product classes.
        depth: How many levels of kinds stand around the columns.

    Raises:
        SchemaError: the class contains itself.
        DeepError: a column nests too deep, and the class stands inside another.
    """
    mistakes: list[str] = []
    if declared.is_resolving:
        raise SchemaError(f"{declared.class_name} contains itself")

    def lookup(annotation: object, depth: int) -> tuple[int, ProductBinding] | None:
        found = find_product(annotation, depth)
        return None if found is None else (found[0].serial, found[1])

    columns: list[Column] = []
    declared.is_resolving = True
    try:
        for attribute, annotation in declared.annotations.items():
            given = declared.defaults.get(attribute, MISSING)
            try:
                resolved = declared.scope.resolve(annotation)
                binding = bind(resolved, lookup, depth=depth)
                columns.append(_column(attribute, binding, given))
                continue
            except DeepError as mistake:
                if depth:
                    raise
                faults: tuple[str, ...] = (str(mistake),)
            except MistakeError as mistake:
                faults = (str(mistake),)
            except SchemaError as error:
                faults = error.mistakes
            place = f"{declared.class_name}.{attribute}"
            mistakes += [f"{place}: {each}" for each in faults]
            columns.append(_column_without_kind(attribute, given))
    finally:
        declared.is_resolving = False
    mistakes += _mistakes_in_class(declared, columns)
    return Shape(declared.class_name, tuple(columns), tuple(mistakes))


def _column_without_kind(attribute: str, given: object) -> Column:
    """Stand in for a column with a mistake, so that others are found besides."""
    specifier, default = _parts(given)
    name = attribute if specifier.name is None else specifier.name
    return Column(attribute, name, PlainBinding(BOOL), specifier, default)


def _parts(given: object) -> tuple[Specifier, object]:
    if isinstance(given, Specifier):
        return given, given.default
    return Specifier(), given


def _column(attribute: str, binding: Binding, given: object) -> Column:
    """Join an annotation's binding with what stood behind it."""
    specifier, default = _parts(given)
    if specifier.auto_inc:
        if not isinstance(binding.kind, IntKind):
            raise MistakeError(f"auto_inc needs an integer, not {binding.kind.name}")
        if default is not MISSING:
            raise MistakeError("a generated column has no default of its own")
        default = 0
    elif default is not MISSING:
        try:
            default = binding.admit(default)
        except MismatchError as mismatch:
            raise MistakeError(
                f"the default {brief(mismatch.value)} is not {mismatch.admitted}"
            ) from None
    name = attribute if specifier.name is None else specifier.name
    return Column(attribute, name, binding, specifier, default)


def _mistakes_in_class(declared: Declared, columns: list[Column]) -> list[str]:
    """Give what is wrong with the columns taken together."""
    mistakes = [
        f"{declared.class_name}.{attribute}: {fault}"
        for attribute in declared.annotations
        if (fault := fault_of_attribute(attribute))
    ]
    mistakes += [
        f"{declared.class_name}.{attribute}: a column needs an annotation"
        for attribute in declared.defaults
        if attribute not in declared.annotations
    ]
    mistakes += [
        f"{declared.class_name}.{name}: qsdb makes {name} for every row, and yours "
        "would be lost; give it another name"
        for name in declared.replaced
    ]
    if len(declared.annotations) > COLUMNS_COUNT_MAX:
        bound = f"at most {COLUMNS_COUNT_MAX} are possible"
        mistakes.append(f"{declared.class_name}: {len(columns)} columns; {bound}")
    with_default: Column | None = None
    for column in columns:
        if column.is_generated:
            continue
        if column.default is not MISSING:
            with_default = column
        elif with_default is not None:
            mistakes.append(
                f"{declared.class_name}.{column.attribute}: a column without a "
                f"default cannot follow {with_default.attribute}, which has one"
            )
    if declared.is_product:
        mistakes += [
            f"{declared.class_name}.{column.attribute}: a product's field takes "
            f"a default only, not {column.specifier!r}"
            for column in columns
            if column.specifier != Specifier(default=column.specifier.default)
        ]
    return mistakes


def fault_of_attribute(attribute: str) -> str | None:
    """Say why a column cannot have this attribute, or None."""
    if attribute.startswith("_"):
        return "a column's attribute cannot begin with an underscore"
    if attribute == "replace":
        return "replace is a method of every row; give the column another attribute"
    if keyword.iskeyword(attribute) or not attribute.isidentifier():
        return "a column's attribute must be an identifier; column(name=…) is free"
    return None
