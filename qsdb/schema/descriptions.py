"""Schemas in words: `describe` gives a line for each column, key and index.

What two schemas do not have in common is said by `qsdb.schema.plans`.
"""

from collections.abc import Iterable, Iterator

from qsdb.errors import brief
from qsdb.schema.specifiers import MISSING
from qsdb.schema.tables import IndexSchema, TableSchema
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import Kind

__all__ = ["describe", "index_text", "parameters_text", "schedule_text", "spelled"]


def spelled(kind: Kind) -> str:
    """Give a kind with all its parts, where `Kind.name` gives a class's name.

    >>> from qsdb.values.compounds import Field
    >>> from qsdb.values.kinds import F32
    >>> spelled(OptionKind(ProductKind("Place", (Field("x", F32),))))
    'Place(x: f32) | None'
    """
    match kind:
        case OptionKind():
            return f"{spelled(kind.inner)} | None"
        case ArrayKind():
            return f"tuple[{spelled(kind.item)}, ...]"
        case EnumKind():
            return f"{kind.class_name}{{{', '.join(kind.variants)}}}"
        case ProductKind():
            return f"{kind.class_name}{parameters_text(kind)}"
        case SumKind():
            return " | ".join([spelled(each.kind) for each in kind.variants])
        case _:
            return kind.name


def parameters_text(kind: ProductKind) -> str:
    """Give the fields of a product, as the parameters of a function.

    >>> from qsdb.values.compounds import Field
    >>> from qsdb.values.kinds import STR
    >>> parameters_text(ProductKind("send", (Field("room", STR),)))
    '(room: str)'
    """
    parts = [f"{each.name}: {spelled(each.kind)}" for each in kind.fields]
    return f"({', '.join(parts)})"


def describe(schemas: Iterable[TableSchema]) -> str:
    """Give tables as text for people, in the given order.

    >>> from qsdb.schema.tables import ColumnSchema
    >>> from qsdb.values import kinds
    >>> columns = (
    ...     ColumnSchema("id", "id", kinds.U64, True),
    ...     ColumnSchema("x", "x", kinds.I8),
    ... )
    >>> print(describe([TableSchema("point", columns, (0,))]))
    private table point, primary key id
      column id: u64, generated
      column x: i8
    """
    return "\n".join([line for schema in schemas for line in _lines(schema)])


def _lines(schema: TableSchema) -> Iterator[str]:
    key = _names(schema, schema.primary_key)
    key_text = f"primary key {', '.join(key)}" if key else "no primary key"
    sort = "event table" if schema.is_event else "table"
    yield f"{_access(schema)} {sort} {schema.name}, {key_text}"
    for column in schema.columns:
        parts = [f"  column {column.name}: {spelled(column.kind)}"]
        if column.attribute != column.name:
            parts.append(f"attribute {column.attribute}")
        if column.auto_inc:
            parts.append("generated")
        if column.default is not MISSING:
            parts.append(f"default {brief(column.default)}")
        yield ", ".join(parts)
    for index in schema.indexes:
        yield f"  {index_text(index, _names(schema, index.columns))}"
    if schema.schedule is not None:
        yield f"  {schedule_text(schema)}"


def schedule_text(schema: TableSchema) -> str:
    """Give what the rows of a table have run."""
    schedule = schema.schedule
    if schedule is None:
        return "not scheduled"
    column = schema.columns[schedule.at].name
    return (
        f"scheduled: {column} says when {schedule.function} is run "
        f"(missed: {schedule.missed}, retry: {schedule.retry})"
    )


def _access(schema: TableSchema) -> str:
    return "public" if schema.is_public else "private"


def _names(schema: TableSchema, places: Iterable[int]) -> tuple[str, ...]:
    return schema.column_names(tuple(places))


def index_text(index: IndexSchema, names: Iterable[str]) -> str:
    """Give an index, or a unique key, over columns with these names."""
    is_key = index.algorithm == "unique"
    sort = "unique key" if is_key else f"{index.algorithm} index"
    return f"{sort} {index.accessor} over {', '.join(names)}"
