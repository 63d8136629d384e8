"""Reading the catalogue: what a database on disk holds, without its module.

`schemas_of`, `reducers_of` and `module_of` put together what `qsdb.schema.catalogue`
has taken apart. Reading passes over what the system tables say of themselves: their
layout is known (`qsdb.schema.system`).

Rows may come from a damaged or a hostile file, and names of columns become names in
generated code. So reading checks every row by its kinds, every name, and all that one
row says of another: what is wrong is a ValueError.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import attrs

from qsdb.codec.cbor import from_cbor
from qsdb.errors import brief
from qsdb.schema.catalogue import canonical
from qsdb.schema.kind_data import kind_from_data, value_from_data
from qsdb.schema.modules import BoundTable
from qsdb.schema.rows import Row
from qsdb.schema.schedules import MISSED, Schedule
from qsdb.schema.shapes import fault_of_attribute
from qsdb.schema.specifiers import MISSING
from qsdb.schema.system import (
    USER_IDS_FIRST,
    StColumn,
    StConstraint,
    StIndex,
    StModule,
    StProcedure,
    StReducer,
    StRowLevelSecurity,
    StScheduled,
    StSequence,
    StTable,
    StView,
    system_tables,
)
from qsdb.schema.tables import (
    ColumnSchema,
    IndexSchema,
    RowFilter,
    TableSchema,
    fault_of_name,
)
from qsdb.values.compounds import ProductKind
from qsdb.values.kinds import (
    SCHEDULE_AT,
    U64,
    IntKind,
    Kind,
    MismatchError,
    Stored,
)

__all__ = [
    "CatalogueRows",
    "module_of",
    "private_functions_of",
    "procedures_of",
    "reducers_of",
    "schemas_of",
    "views_of",
]

CatalogueRows = Mapping[int, Iterable[tuple[Stored, ...]]]
"""The id of a system table → its stored rows; a table without rows may be absent."""

_R = TypeVar("_R", bound=Row)
_Part = TypeVar(
    "_Part",
    bound=StColumn
    | StSequence
    | StIndex
    | StConstraint
    | StScheduled
    | StRowLevelSecurity,
)


def schemas_of(rows: CatalogueRows) -> dict[int, TableSchema]:
    """Give the id → the schema of each table that is not a system table.

    Raises:
        ValueError: the rows are no catalogue: the text says which row, and why.

    Cost: some tens of microseconds for each column.
    """
    tables = sorted(_read(rows, StTable), key=lambda each: each.table_id)
    columns = _by_table(_read(rows, StColumn), tables)
    sequences = _by_table(_read(rows, StSequence), tables)
    keys: list[StIndex | StConstraint] = [
        *_read(rows, StIndex),
        *_read(rows, StConstraint),
    ]
    indexes = _by_table(keys, tables)
    schedules = _by_table(_read(rows, StScheduled), tables)
    filters = _by_table(_read(rows, StRowLevelSecurity), tables)
    found: dict[int, TableSchema] = {}
    for table in tables:
        _check_table(table)
        if table.table_type != "system":
            n = table.table_id
            schema = _schema(table, columns[n], sequences[n], indexes[n])
            schedule = _schedule(schema, schedules[n])
            row_filters = [RowFilter(each.sql, each.namespace) for each in filters[n]]
            found[n] = attrs.evolve(
                schema, schedule=schedule, row_filters=tuple(row_filters)
            )
    _refuse_twins([each.table_name for each in tables], "table")
    return found


def reducers_of(rows: CatalogueRows) -> dict[str, ProductKind]:
    """Give the name → the kind of the arguments of each reducer.

    Raises:
        ValueError: the rows are no catalogue: the text says which row, and why.
    """
    reducers = sorted(_read(rows, StReducer), key=lambda each: each.reducer_id)
    return _arguments_of("reducer", reducers)


def procedures_of(rows: CatalogueRows) -> dict[str, ProductKind]:
    """Give the name → the kind of the arguments of each procedure.

    Raises:
        ValueError: the rows are no catalogue: the text says which row, and why.
    """
    procedures = sorted(_read(rows, StProcedure), key=lambda each: each.procedure_id)
    return _arguments_of("procedure", procedures)


def views_of(rows: CatalogueRows) -> dict[str, tuple[StView, ProductKind, ProductKind]]:
    """Give the name → the row, the arguments and the columns of each view.

    Raises:
        ValueError: the rows are no catalogue: the text says which row, and why.
    """
    found: dict[str, tuple[StView, ProductKind, ProductKind]] = {}
    for each in sorted(_read(rows, StView), key=lambda each: each.view_id):
        place = f"view {each.view_name}"
        kinds = [_read_kind(data, place) for data in (each.params, each.row_type)]
        given, row = kinds
        if not isinstance(given, ProductKind) or not isinstance(row, ProductKind):
            names = " and ".join([kind.name for kind in kinds])
            text = f"{place}: its parameters and columns are {names}, not two products"
            raise ValueError(text)  # noqa: TRY004  it is data that is wrong
        found[each.view_name] = each, given, row
    return found


def _arguments_of(
    sort: str, functions: Iterable[StReducer | StProcedure]
) -> dict[str, ProductKind]:
    found: dict[str, ProductKind] = {}
    for each in functions:
        place = f"{sort} {each.name}"
        kind = _read_kind(each.params, place)
        if not isinstance(kind, ProductKind):
            text = f"{place}: its parameters are {kind.name}, which is no product"
            raise ValueError(text)  # noqa: TRY004  it is data that is wrong
        if each.name in found:
            raise ValueError(f"{place} stands in the catalogue twice")
        found[each.name] = kind
    return found


def private_functions_of(rows: CatalogueRows) -> frozenset[str]:
    """Give the names of the reducers and procedures that only the owner may call.

    Raises:
        ValueError: the rows are no catalogue: the text says which row, and why.
    """
    functions: list[StReducer | StProcedure] = [
        *_read(rows, StReducer),
        *_read(rows, StProcedure),
    ]
    return frozenset([each.name for each in functions if each.is_private])


def module_of(rows: CatalogueRows) -> StModule:
    """Give the one row of ``st_module``.

    Raises:
        ValueError: there is none, or more than one.
    """
    found = _read(rows, StModule)
    if len(found) != 1:
        raise ValueError(f"st_module has {len(found)} rows in place of 1")
    return found[0]


def _read(rows: CatalogueRows, row_class: type[_R]) -> list[_R]:
    """Check the stored rows of one system table, and give them as row objects."""
    table_id, bound = _place_of(row_class)
    kind, key = bound.shape.kind, bound.schema.primary_key
    found: dict[object, _R] = {}
    for given in rows.get(table_id, ()):
        try:
            row = canonical(kind, given)
        except MismatchError as mismatch:
            text = f"{brief(mismatch.value)} is not {mismatch.admitted}"
            raise ValueError(f"a row of {bound.schema.name}: {text}") from None
        key_value = tuple([row[place] for place in key])
        if key_value in found:
            name = bound.schema.name
            raise ValueError(f"{name} has two rows with the key {key_value}")
        found[key_value] = tuple.__new__(row_class, row)  # type: ignore[type-var]
    return list(found.values())


def _place_of(row_class: type[Row]) -> tuple[int, BoundTable]:
    return next(each for each in system_tables() if each[1].row_class is row_class)


def _by_table(
    parts: Iterable[_Part], tables: Iterable[StTable]
) -> dict[int, list[_Part]]:
    found: dict[int, list[_Part]] = {each.table_id: [] for each in tables}
    for part in parts:
        if part.table_id not in found:
            raise ValueError(f"{brief(part)} is of no table in the catalogue")
        found[part.table_id].append(part)
    return found


def _check_table(table: StTable) -> None:
    """Refuse a table row that contradicts itself."""
    name, place = table.table_name, f"table {table.table_name}"
    _refuse(place, fault_of_name(name))
    is_system = table.table_id < USER_IDS_FIRST
    if table.table_type not in (("system",) if is_system else ("user", "event")):
        given = f"{brief(table.table_type)} with the id {table.table_id}"
        bound = f"system tables are below {USER_IDS_FIRST}"
        raise ValueError(f"{place} is {given}: {bound}")
    if name.startswith("st_") is not is_system:
        raise ValueError(f"{place}: names of system tables begin with st_, no others")
    if table.table_access not in ("public", "private"):
        given = brief(table.table_access)
        raise ValueError(f"{place}: {given} is none of 'public', 'private'")


def _schema(
    table: StTable,
    columns: list[StColumn],
    sequences: list[StSequence],
    indexes: list[StIndex | StConstraint],
) -> TableSchema:
    """Put one table together."""
    place = f"table {table.table_name}"
    columns = sorted(columns, key=lambda each: each.col_pos)
    count = len(columns)
    places = [each.col_pos for each in columns]
    if places != list(range(count)) or not places:
        raise ValueError(f"{place}: the columns stand at {places}, not at 0, 1, …")
    _refuse_twins([each.col_name for each in columns], f"{place}, column")
    _refuse_twins([each.col_attribute for each in columns], f"{place}, attribute")
    generated = [each.col_pos for each in columns if each.col_auto_inc]
    numbered = sorted([each.col_pos for each in sequences])
    if numbered != generated:
        text = f"sequences for the columns {numbered}, but {generated} are generated"
        raise ValueError(f"{place}: {text}")
    _check_places(table.table_primary_key, count, f"{place}, primary key")
    return TableSchema(
        table.table_name,
        tuple([_column(place, each) for each in columns]),
        table.table_primary_key,
        tuple([_index(place, each, count) for each in sorted(indexes, key=_key_id)]),
        table.table_access == "public",
        table.table_type == "event",
    )


def _schedule(schema: TableSchema, rows: Sequence[StScheduled]) -> Schedule | None:
    if not rows:
        return None
    place = f"table {schema.name}, schedule"
    if len(rows) > 1:
        raise ValueError(f"{place}: it has {len(rows)} of them")
    [row] = rows
    _refuse(place, fault_of_name(row.reducer_name))
    _check_places((row.at_column,), len(schema.columns), place)
    columns = schema.columns
    key = [columns[n].kind for n in schema.primary_key]
    if key != [U64] or columns[row.at_column].kind != SCHEDULE_AT or schema.is_event:
        raise ValueError(f"{place}: the columns are not those of a scheduled table")
    if row.missed not in MISSED:
        admitted = ", ".join(map(repr, MISSED))
        raise ValueError(f"{place}: {brief(row.missed)} is none of {admitted}")
    return Schedule(row.reducer_name, row.at_column, row.missed, row.retry)


def _column(table_place: str, row: StColumn) -> ColumnSchema:
    place = f"{table_place}, column {row.col_name}"
    _refuse(place, fault_of_name(row.col_name))
    _refuse(place, fault_of_attribute(row.col_attribute))
    kind = _read_kind(row.col_type, place)
    if row.col_auto_inc and not isinstance(kind, IntKind):
        raise ValueError(f"{place}: it is generated, but {kind.name} is no integer")
    default: Stored = MISSING
    if row.col_default is not None:
        if row.col_auto_inc:
            raise ValueError(f"{place}: it is generated and has a default")
        default = _read_default(kind, row.col_default, place)
    return ColumnSchema(
        row.col_name, row.col_attribute, kind, row.col_auto_inc, default
    )


def _read_kind(data: bytes, place: str) -> Kind:
    try:
        return kind_from_data(from_cbor(data))
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _read_default(kind: Kind, data: bytes, place: str) -> Stored:
    try:
        return value_from_data(kind, from_cbor(data))
    except ValueError as error:
        raise ValueError(f"{place}, default: {error}") from None


def _index(table_place: str, row: StIndex | StConstraint, count: int) -> IndexSchema:
    if isinstance(row, StConstraint):
        index = IndexSchema(row.constraint_name, row.constraint_columns, "unique")
    else:
        index = IndexSchema(row.index_name, row.index_columns, row.index_algorithm)
        if index.algorithm not in ("btree", "hash"):
            place = f"{table_place}, index {index.accessor}"
            given = brief(index.algorithm)
            raise ValueError(f"{place}: {given} is none of 'btree', 'hash'")
    place = f"{table_place}, index {index.accessor}"
    _refuse(place, fault_of_name(index.accessor))
    if not index.columns:
        raise ValueError(f"{place}: it has no columns")
    _check_places(index.columns, count, place)
    return index


def _key_id(row: StIndex | StConstraint) -> int:
    return row.constraint_id if isinstance(row, StConstraint) else row.index_id


def _check_places(places: Sequence[int], count: int, what: str) -> None:
    """Refuse places that are no columns, and those named twice."""
    if len(set(places)) < len(places) or any(each >= count for each in places):
        raise ValueError(f"{what}: {brief(places)} are no places of {count} columns")


def _refuse_twins(names: Sequence[str], what: str) -> None:
    if len(set(names)) < len(names):
        twice, _ = Counter(names).most_common(1)[0]
        raise ValueError(f"{what} {twice} stands in the catalogue twice")


def _refuse(place: str, fault: str | None) -> None:
    if fault is not None:
        raise ValueError(f"{place}: {fault}")
