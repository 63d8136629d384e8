"""`Migrated`: the tables of another module, built beside those that there are.

A plan (`qsdb.schema.plans`) says what becomes of each table. Of what there is nothing
is changed here, so that whatever fails, all is as it was; and who reads meanwhile, or
goes on reading, keeps the tables that they have::

    account 4096   rows as they are                ──►  the same table
    member  4097   other indexes or kinds          ──►  account 4097, rows copied
    message 4098   rows of another layout          ──►  message 4100, rows converted
    draft   4099   is no more                      ──►
                   is new                          ──►  room 4101

Where the layout of rows changes, the table has a new id: so whoever replays the log
knows by the id how rows are to be read, and has no need to convert anything.

A migration is one commit. Its record has the new rows of the system tables, which say
what tables there are, and all rows of tables with a new id (`record_of`).

Cost: O(rows) for tables that are copied or converted, in time and memory; nothing for
the others.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter

import attrs

from qsdb.log.recording import plain_section_writer, write_plain, write_sequences
from qsdb.recovery.state import row_kind
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.catalogue import catalogue_rows
from qsdb.schema.catalogue_reading import module_of
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.plans import MigrationPlan, TableChange
from qsdb.schema.system import (
    CATALOGUE_IDS,
    ST_MODULE,
    USER_IDS_FIRST,
)
from qsdb.schema.tables import TableSchema
from qsdb.store.images import StoredTable
from qsdb.store.mistakes import taken
from qsdb.store.orders import StoredRow, key_function
from qsdb.store.writing import check_unique

__all__ = [
    "Migrated",
    "changed_rows",
    "migrated",
    "record_of",
    "set_catalogue",
    "set_rows",
]


@attrs.frozen(eq=False)
class Migrated:
    """What a migration makes.

    Attributes:
        tables: Those of the module in their order, then those of the system.
        bounds: How each is declared.
        sources: Each → the one that its rows come from, which it may be itself; those
            that are new have none.
    """

    tables: list[StoredTable]
    bounds: list[BoundTable]
    sources: dict[StoredTable, StoredTable]

    def replace(self, table: StoredTable) -> None:
        """Have another table of the system in the place of the one with its id."""
        [place] = [
            number
            for number, each in enumerate(self.tables)
            if each.table_id == table.table_id
        ]
        before = self.tables[place]
        self.sources[table] = self.sources.pop(before)
        self.tables[place] = table

    @property
    def users(self) -> list[StoredTable]:
        """The tables of the module."""
        return [each for each in self.tables if not each.is_system]


def migrated(plan: MigrationPlan, before: Sequence[StoredTable]) -> Migrated:
    """Build the tables that a plan leads to; those of the system stay.

    Args:
        plan: The plan; its functions have not run.
        before: The tables that there are, between two transactions.

    Raises:
        SchemaError, UniqueError: the rows do not fit; nothing has changed.
    """
    there = {each.bound.schema.name: each for each in before if not each.is_system}
    changes = {
        each.declared.schema.name: each
        for each in plan.changes
        if each.declared is not None
    }
    following = max([each.table_id for each in before] + [USER_IDS_FIRST - 1]) + 1
    sources: dict[StoredTable, StoredTable] = {}
    tables: list[StoredTable] = []
    bounds: list[BoundTable] = []
    # What a function may change is a copy, so that it can be thrown away.
    is_shared = not plan.migrations
    for bound in plan.declared.tables:
        change = changes.get(bound.schema.name)
        stored = bound.schema if change is None else change.stored
        old = None if stored is None else there[stored.name]
        if old is None:
            table = StoredTable(bound, following)
        elif change is not None and _is_laid_out_anew(change, old, bound):
            table = _converted(change, old, bound, following)
        elif is_shared and _is_built_alike(old.bound.schema, bound.schema):
            table = old
        else:
            table = StoredTable(bound, old.table_id)
            check_unique(table, old.rows.values())
            table.adopt(dict(old.rows), old.sequences)
        following += table.table_id == following
        if old is not None:
            sources[table] = old
            table.written = old.written
        tables.append(table)
        bounds.append(bound)
    for system in [each for each in before if each.is_system]:
        tables.append(system)
        bounds.append(system.bound)
        sources[system] = system
    return Migrated(tables, bounds, sources)


def _is_laid_out_anew(change: TableChange, old: StoredTable, bound: BoundTable) -> bool:
    """Whether rows, their keys or the numbers of the sequences mean something else."""
    was, now = old.bound.schema, bound.schema
    return (
        change.is_rewritten
        or change.is_filled
        or was.primary_key != now.primary_key
        or was.is_event != now.is_event
        or _generated(was) != _generated(now)
    )


def _generated(schema: TableSchema) -> list[int]:
    return [n for n, column in enumerate(schema.columns) if column.auto_inc]


def _is_built_alike(was: TableSchema, now: TableSchema) -> bool:
    """Whether rows and indexes of one are those of the other."""
    kinds = [[column.kind for column in each.columns] for each in (was, now)]
    indexes = [
        [(index.columns, index.algorithm) for index in each.indexes]
        for each in (was, now)
    ]
    return kinds[0] == kinds[1] and indexes[0] == indexes[1]


def _converted(
    change: TableChange, old: StoredTable, bound: BoundTable, table_id: int
) -> StoredTable:
    table = StoredTable(bound, table_id)
    if change.is_filled:
        return table
    before = [*old.rows.values()]
    rows = [*map(change.converter(), before)]
    key_of = key_function(bound)
    by_key = dict(zip(map(key_of, rows), rows, strict=True))
    key = bound.schema.primary_key
    if key and len(by_key) < len(rows):
        [(twice, _)] = Counter(map(key_of, rows)).most_common(1)
        raise taken(bound, key, twice)
    check_unique(table, rows)
    table.adopt(by_key, change.next_numbers(old.sequences, rows))
    return table


# The catalogue, and the record.


def set_catalogue(found: Migrated, module: ModuleSchema) -> None:
    """Have the system tables describe a module, where they do not yet."""
    by_id = {each.table_id: each for each in found.tables}
    row = module_of({ST_MODULE: by_id[ST_MODULE].rows.values()})
    rows = catalogue_rows(
        module,
        database_identity=row.database_identity,
        owner_identity=row.owner_identity,
        seed=row.seed,
        created=row.created,
        version=row.version,
        ids=[each.table_id for each in found.users],
    )
    for table_id in sorted(CATALOGUE_IDS):
        set_rows(found, by_id[table_id], rows[table_id])


def set_rows(found: Migrated, before: StoredTable, rows: Sequence[StoredRow]) -> None:
    """Have other rows in a system table, if they are others."""
    key_of = key_function(before.bound)
    by_key = {key_of(row): row for row in rows}
    if by_key != before.rows:
        table = StoredTable(before.bound, before.table_id)
        table.adopt(by_key, ())
        found.replace(table)


def changed_rows(
    table: StoredTable, before: StoredTable | None
) -> dict[object, StoredRow | None]:
    """Give the row key → the row before, of all rows that are different."""
    if before is None or before.table_id != table.table_id:
        return dict.fromkeys(table.rows)
    if before is table:
        return {}
    was, now = before.rows, table.rows
    gone: dict[object, StoredRow | None] = {
        key: row for key, row in was.items() if key not in now
    }
    find = was.get
    return {**gone, **{k: find(k) for k, row in now.items() if find(k) != row}}


def record_of(found: Migrated, microseconds: int) -> bytes | None:
    """Give the record of a migration; None if it changes nothing that is stored.

    Raises:
        LimitError: a row cannot be encoded.
    """
    tables = sorted(found.tables, key=attrgetter("table_id"))
    # Whatever changes of the tables, the system tables say so.
    sections = [*_row_sections(found, tables), *_sequence_sections(found, tables)]
    return write_plain(microseconds, b"".join(sections)) if sections else None


def _row_sections(found: Migrated, tables: Sequence[StoredTable]) -> Iterator[bytes]:
    for table in tables:
        images = changed_rows(table, found.sources.get(table))
        if images:
            schema = table.bound.schema
            row = row_kind(schema)
            write = plain_section_writer(table.table_id, row, schema.primary_key)
            yield write(images, table.rows.get)


def _sequence_sections(
    found: Migrated, tables: Sequence[StoredTable]
) -> Iterator[bytes]:
    for table in tables:
        source = found.sources.get(table)
        if source is not None and source.table_id == table.table_id:
            was: Sequence[int] = source.sequences
        else:
            was = [1] * len(table.sequences)
        pairs = zip(was, table.sequences, strict=True)
        moved = [(place, now) for place, (then, now) in enumerate(pairs) if then != now]
        if moved:
            yield write_sequences(table.table_id, moved)
