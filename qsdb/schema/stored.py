"""A module made of a stored catalogue: tables whose classes nobody wrote.

A database can be read without the module that made it. Its catalogue has names and
kinds, and that is enough to make what a module would have given: a binding for each
kind, an enum for each enum, a class for each product and each table's rows.

Rows are *named tuples* here, since whoever has no classes wants to look at values:
they have attributes, places and ``_asdict()``, and equal a plain tuple of the same
values. Beneath, they are tuples of stored values like all rows, so everything that
a tuple can is done on the values as users see them.

>>> from qsdb.schema.tables import ColumnSchema, TableSchema
>>> from qsdb.values.kinds import STR, U64
>>> columns = ColumnSchema("id", "id", U64), ColumnSchema("text", "text", STR)
>>> module = stored_module("chat", [TableSchema("message", columns, (0,))])
>>> row = module.tables[0].row_class(7, text="hi")
>>> row, row == (7, "hi"), row._asdict()
(message(id=7, text='hi'), True, {'id': 7, 'text': 'hi'})

The names come from a file that may be damaged or hostile. Attributes become names
in generated code, so each is looked at; what no class could have is a ValueError.
"""

import enum
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Self, cast

from qsdb.schema.bindings import (
    ArrayBinding,
    Binding,
    EnumBinding,
    OptionBinding,
    PlainBinding,
    ProductBinding,
    Record,
    SumBinding,
    TupleBinding,
    UuidBinding,
    WrappedBinding,
)
from qsdb.schema.modules import BoundTable, ModuleSchema
from qsdb.schema.row_source import row_members
from qsdb.schema.rows import Row
from qsdb.schema.shapes import Column, Shape, fault_of_attribute
from qsdb.schema.specifiers import MISSING, Specifier
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.values import kinds
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.kinds import Kind, Stored
from qsdb.values.misfits import Misfit
from qsdb.values.source import printable
from qsdb.values.timestamps import ScheduleAt, TimeDuration, Timestamp

__all__ = ["NamedRow", "stored_module"]


class NamedRow(tuple[object, ...]):
    """A row, or a product inside one, of a class made from the catalogue.

    Attributes:
        _fields: The names of its attributes, in order.
    """

    __slots__ = ()

    _fields: tuple[str, ...]
    _columns: tuple[Column, ...]

    def _asdict(self) -> dict[str, object]:
        """Give the row as attribute → value."""
        return dict(zip(self._fields, self, strict=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple) or isinstance(other, Record):
            return NotImplemented
        return _values(self) == _values(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(_values(self))

    def __repr__(self) -> str:
        parts = [
            f"{column.attribute}={column.binding.show(value)}"
            for column, value in zip(self._columns, self, strict=True)
        ]
        return f"{type(self).__name__}({', '.join(parts)})"

    def __reversed__(self) -> Iterator[object]:
        return reversed(_values(self))

    def __radd__(self, other: tuple[object, ...]) -> tuple[object, ...]:
        return other + _values(self)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as a plain tuple: the class is of one open database."""
        return tuple, (_values(self),)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


def _values(row: tuple[object, ...]) -> tuple[object, ...]:
    """Give the values of a tuple of any class as users see them."""
    return tuple(iter(row))


def _on_values(name: str) -> Callable[..., object]:
    """Make a method that does what a tuple does, on the values as users see them."""
    method = getattr(tuple, name)

    def do(row: NamedRow, *arguments: object) -> object:
        plain = [_values(x) if isinstance(x, NamedRow) else x for x in arguments]
        return method(_values(row), *plain)

    return do


for _name in ("add", "contains", "ge", "getitem", "gt", "le", "lt", "mul", "rmul"):
    setattr(NamedRow, f"__{_name}__", _on_values(f"__{_name}__"))
for _name in ("count", "index"):
    setattr(NamedRow, _name, _on_values(_name))


def stored_module(name: str, schemas: Iterable[TableSchema]) -> ModuleSchema:
    """Make a module of stored tables; it has no reducers.

    Args:
        name: Of the module.
        schemas: Its tables.

    Raises:
        ValueError: a name in the catalogue can be none of an attribute, of an enum
            or of one of its members, or a kind contradicts itself.

    Cost: about a millisecond for each table and product.
    """
    bindings = _Bindings()
    tables = [_bound_table(schema, bindings) for schema in schemas]
    return ModuleSchema(name, tuple(tables), {}, {})


def _bound_table(schema: TableSchema, bindings: "_Bindings") -> BoundTable:
    columns = tuple([_column(each, bindings) for each in schema.columns])
    shape, row_class = _row_class(printable(schema.name), columns)
    return BoundTable(schema, shape, cast(type[Row], row_class))


def _column(schema: ColumnSchema, bindings: "_Bindings") -> Column:
    binding = bindings.of(schema.kind)
    default = schema.default
    if schema.auto_inc:
        default = 0
    elif default is not MISSING:
        default = binding.leave(default)
    specifier = Specifier(auto_inc=schema.auto_inc)
    return Column(schema.attribute, schema.name, binding, specifier, default)


def _row_class(
    name: str, columns: tuple[Column, ...]
) -> tuple[Shape, type[tuple[object, ...]]]:
    for column in columns:
        attribute = column.attribute
        fault = fault_of_attribute(attribute)
        if fault is not None:
            raise ValueError(f"{name}.{attribute}: {fault}")
        if unicodedata.normalize("NFKC", attribute) != attribute:
            # In source it would be another name, perhaps that of its neighbour.
            raise ValueError(f"{name}.{attribute!r}: Python has no such names")
    shape = Shape(name, columns)
    made = type(name, (NamedRow,), {"__slots__": (), "_columns": columns})
    for member_name, member in row_members(shape, made).items():
        setattr(made, member_name, member)
    return shape, made


class _Bindings:
    """The bindings of one catalogue; equal kinds have one, and so one class."""

    def __init__(self) -> None:
        self._made: dict[Kind, Binding] = dict(_SIMPLE)

    def of(self, kind: Kind) -> Binding:
        """Give the binding of a kind.

        Raises:
            ValueError: nobody's classes can have given the kind.
        """
        found = self._made.get(kind)
        if found is None:
            found = self._made[kind] = self._make(kind)
            if found.kind != kind:
                raise ValueError(f"the kind {kind.name} contradicts itself")
        return found

    def _make(self, kind: Kind) -> Binding:
        match kind:
            case kinds.IntKind() | kinds.FloatKind():
                return PlainBinding(kind)
            case OptionKind():
                return OptionBinding(self.of(kind.inner))
            case ArrayKind():
                return ArrayBinding(self.of(kind.item))
            case EnumKind():
                return EnumBinding(_enum_class(kind))
            case ProductKind():
                return self._tuple(kind) if kind.is_tuple else self._product(kind)
            case SumKind():
                return SumBinding([self._product(each.kind) for each in kind.variants])
            case _:
                raise ValueError(f"there are no values of the kind {kind.name}")

    def _tuple(self, kind: ProductKind) -> TupleBinding:
        return TupleBinding([self.of(field.kind) for field in kind.fields])

    def _product(self, kind: Kind) -> ProductBinding:
        if not isinstance(kind, ProductKind) or kind.is_tuple:
            raise ValueError(f"a union is made of products; {kind.name} is none")
        found = self._made.get(kind)
        if found is None:
            parts = [self.of(field.kind) for field in kind.fields]
            found = self._made[kind] = _NamedProductBinding(kind, parts)
        assert isinstance(found, ProductBinding)
        return found


_SIMPLE: dict[Kind, Binding] = {
    **{kind: PlainBinding(kind) for kind in (kinds.BOOL, kinds.STR, kinds.BYTES)},
    kinds.IDENTITY: WrappedBinding(kinds.IDENTITY, Identity),
    kinds.CONNECTION_ID: WrappedBinding(kinds.CONNECTION_ID, ConnectionId),
    kinds.TIMESTAMP: WrappedBinding(kinds.TIMESTAMP, Timestamp),
    kinds.TIME_DURATION: WrappedBinding(kinds.TIME_DURATION, TimeDuration),
    kinds.SCHEDULE_AT: WrappedBinding(kinds.SCHEDULE_AT, ScheduleAt),
    kinds.UUID: UuidBinding(),
}


def _enum_class(kind: EnumKind) -> type[enum.Enum]:
    members = [(name, tag) for tag, name in enumerate(kind.variants)]
    return cast(type[enum.Enum], enum.Enum(kind.class_name, members))


class _NamedProductBinding(ProductBinding):
    """A product whose class nobody has: a plain tuple enters in its place too."""

    __slots__ = ("_parts",)

    def __init__(self, kind: ProductKind, parts: list[Binding]) -> None:
        """Make the class."""
        columns = [
            Column(field.name, field.name, part, Specifier(), MISSING)
            for field, part in zip(kind.fields, parts, strict=True)
        ]
        _, product = _row_class(kind.class_name, tuple(columns))
        super().__init__(kind, product)
        self._parts = parts

    def enter(self, value: object) -> Stored:
        if type(value) is not self.product and isinstance(value, tuple):
            if isinstance(value, Record) or len(value) != len(self._parts):
                return Misfit(value)
            pairs = zip(self._parts, value, strict=True)
            return tuple([part.enter(each) for part, each in pairs])
        return super().enter(value)
