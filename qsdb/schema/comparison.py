"""Schemas in words: what one has, and where two of them differ.

`describe` gives a schema as text, one line for each column, key and index.
`difference` sets a stored schema beside a module's and gives one sentence for
each thing that is not the same; there is none exactly where the engine may take
one for the other. `reducer_difference` does it for reducers, whose changes
concern nobody's data.

Tables are matched by name, columns by name and then by place, indexes by name,
algorithm and columns. In which order tables and indexes are declared makes no
difference.
"""

from collections.abc import Iterable, Iterator, Mapping

from qsdb.errors import brief
from qsdb.schema.specifiers import MISSING
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import Kind, Stored

__all__ = [
    "columns_text",
    "describe",
    "difference",
    "have_same_rows",
    "reducer_difference",
    "spelled",
]


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
            return f"{kind.class_name}{_parameters(kind)}"
        case SumKind():
            return " | ".join([spelled(each.kind) for each in kind.variants])
        case _:
            return kind.name


def _parameters(kind: ProductKind) -> str:
    parts = [f"{each.name}: {spelled(each.kind)}" for each in kind.fields]
    return f"({', '.join(parts)})"


def describe(schemas: Iterable[TableSchema]) -> str:
    """Give tables as text for people, in the given order.

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
    yield from [f"  {text}" for text in _index_texts(schema).values()]
    if schema.schedule is not None:
        yield f"  {_schedule_text(schema)}"


def columns_text(schema: TableSchema) -> str:
    """Give the columns of a table in one line.

    >>> from qsdb.values import kinds
    >>> columns_text(TableSchema("p", (ColumnSchema("x", "x", kinds.I8),), ()))
    '(x: i8)'
    """
    columns = [f"{each.name}: {spelled(each.kind)}" for each in schema.columns]
    return f"({', '.join(columns)})"


def have_same_rows(stored: TableSchema, declared: TableSchema) -> bool:
    """Whether rows of one are rows of the other, to those who read them."""
    columns = [
        [(column.name, column.kind) for column in each.columns]
        for each in (stored, declared)
    ]
    return columns[0] == columns[1] and stored.is_event == declared.is_event


def difference(
    stored: Iterable[TableSchema], declared: Iterable[TableSchema]
) -> list[str]:
    """Give one sentence for each difference between a stored schema and a module's.

    Args:
        stored: The tables of the catalogue; no two have the same name.
        declared: The tables of the module; no two have the same name.

    Cost: O(columns and indexes).

    >>> from qsdb.values import kinds
    >>> old = TableSchema("point", (ColumnSchema("x", "x", kinds.I8),), ())
    >>> new = TableSchema("point", (ColumnSchema("x", "x", kinds.I16),), ())
    >>> difference([old], [new])
    ['table point: column x is i8 in the stored schema, i16 in the module']
    """
    before = {each.name: each for each in stored}
    after = {each.name: each for each in declared}
    sentences = list(_one_sided(_labelled("table", before), _labelled("table", after)))
    for name, schema in before.items():
        if name in after:
            found = _table_difference(schema, after[name])
            sentences += [f"table {name}: {each}" for each in found]
    return sentences


def reducer_difference(
    stored: Mapping[str, ProductKind], declared: Mapping[str, ProductKind]
) -> list[str]:
    """Give one sentence for each reducer that is new, gone or takes other arguments.

    >>> reducer_difference({"send": ProductKind("send", ())}, {})
    ['reducer send is not in the module']
    """
    sentences = list(
        _one_sided(_labelled("reducer", stored), _labelled("reducer", declared))
    )
    for name, kind in stored.items():
        if name in declared and declared[name] != kind:
            texts = _parameters(kind), _parameters(declared[name])
            sentences.append(f"reducer {name} takes {_both(*texts)}")
    return sentences


def _both(stored: str, declared: str) -> str:
    return f"{stored} in the stored schema, {declared} in the module"


def _labelled(what: str, names: Iterable[str]) -> dict[object, str]:
    return {name: f"{what} {name}" for name in names}


def _one_sided(
    stored: Mapping[object, str], declared: Mapping[object, str]
) -> Iterator[str]:
    """Yield a sentence for each thing that only one side has."""
    for key, label in stored.items():
        if key not in declared:
            yield f"{label} is not in the module"
    for key, label in declared.items():
        if key not in stored:
            yield f"{label} is not in the stored schema"


def _table_difference(stored: TableSchema, declared: TableSchema) -> Iterator[str]:
    if stored.is_public != declared.is_public:
        yield f"it is {_both(_access(stored), _access(declared))}"
    if stored.is_event != declared.is_event:
        yield f"it is {_both(_sort(stored), _sort(declared))}"
    schedules = _schedule_text(stored), _schedule_text(declared)
    if schedules[0] != schedules[1]:
        yield f"it is {_both(*schedules)}"
    before = {each.name: each for each in stored.columns}
    after = {each.name: each for each in declared.columns}
    yield from _one_sided(_labelled("column", before), _labelled("column", after))
    common = [name for name in before if name in after]
    common_after = [name for name in after if name in before]
    if common != common_after:
        yield f"the columns are {_both(', '.join(common), ', '.join(common_after))}"
    for name in common:
        found = _column_difference(before[name], after[name])
        yield from [f"column {name} {each}" for each in found]
    keys = [_names(each, each.primary_key) for each in (stored, declared)]
    if keys[0] != keys[1]:
        texts = [", ".join(names) or "none" for names in keys]
        yield f"the primary key is {_both(*texts)}"
    yield from _one_sided(_index_texts(stored), _index_texts(declared))


def _column_difference(stored: ColumnSchema, declared: ColumnSchema) -> Iterator[str]:
    if stored.kind != declared.kind:
        yield f"is {_both(spelled(stored.kind), spelled(declared.kind))}"
    if stored.attribute != declared.attribute:
        yield f"is the attribute {_both(stored.attribute, declared.attribute)}"
    if stored.auto_inc != declared.auto_inc:
        texts = [_generated_text(each) for each in (stored, declared)]
        yield f"is {_both(*texts)}"
    if (stored.default,) != (declared.default,):  # in tuples, where NaN equals itself
        texts = [_default_text(each.default) for each in (stored, declared)]
        yield f"has {_both(*texts)}"


def _generated_text(column: ColumnSchema) -> str:
    return "generated" if column.auto_inc else "not generated"


def _default_text(default: Stored) -> str:
    return "no default" if default is MISSING else f"the default {brief(default)}"


def _sort(schema: TableSchema) -> str:
    return "an event table" if schema.is_event else "a table that is stored"


def _schedule_text(schema: TableSchema) -> str:
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


def _index_texts(schema: TableSchema) -> dict[object, str]:
    """Give all that makes an index the same → the index in words."""
    found: dict[object, str] = {}
    for index in schema.indexes:
        names = _names(schema, index.columns)
        sort = (
            "unique key" if index.algorithm == "unique" else f"{index.algorithm} index"
        )
        text = f"{sort} {index.accessor} over {', '.join(names)}"
        found[index.accessor, index.algorithm, names] = text
    return found
