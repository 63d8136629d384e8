"""`ModuleFollower`: what a reader does when its writer publishes another module.

The record of such a commit has the system tables' new rows, and all rows of tables that
are laid out otherwise. Who reads without a module of their own goes on with a new one,
made of what is stored. Who was given a module cannot read rows of another one with it:
they stay at the commit before, and are told.
"""

from collections.abc import Mapping

from qsdb.log.records import Record, read_record
from qsdb.recovery.state import State
from qsdb.runtime.migrated_tables import Migrated
from qsdb.runtime.module_tables import make_module, require_same
from qsdb.runtime.publishing import Publisher
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.system import CATALOGUE_IDS, system_tables
from qsdb.store.images import StoredTable

__all__ = ["ModuleFollower", "publishes"]


def publishes(record: bytes) -> bool:
    """Whether a commit changes what describes the tables.

    Raises:
        RecordError: the bytes are no record.
    """
    return any(each.table_id in CATALOGUE_IDS for each in read_record(record).sections)


class ModuleFollower:
    """Takes publications of a writer over to the tables of a reader."""

    def __init__(
        self, publisher: Publisher, path: str, module: ModuleSchema | None
    ) -> None:
        """Prepare.

        Args:
            publisher: Of the database that follows.
            path: Of the directory, for messages.
            module: The module that it was opened with; None without one.
        """
        self._publisher = publisher
        self._path = path
        self._module = module
        self._store = publisher.calls.writer.directory.store

    def take(self, data: bytes) -> int | None:
        """Have the tables that the next commit makes.

        Args:
            data: Its record, which `publishes` something.

        Returns:
            The time of the commit, in microseconds since 1970; None if the tables stay
            those of the module, and the commit is one like others.

        Raises:
            RecordError: the record does not fit.
            SchemaError: they are not those of the module any more.
            CorruptionError: what is stored is no schema.

        Cost: O(rows) of tables that change.
        """
        record, store = read_record(data), self._store
        state = self._state(record)
        state.offset = store.offset
        state.apply(data)
        if self._module is not None:
            require_same(
                state,
                self._module,
                f"{self._path}: its writer has published another module with offset "
                f"{state.offset}; open it again with that",
            )
            return None
        module = make_module(state, self._path)
        self._publisher.adopt(module, self._tables(state, module), state.offset)
        return state.microseconds

    def _state(self, record: Record) -> State:
        """Give what there is, with rows of its own where the record changes some."""
        state = State()
        touched = {each.table_id for each in record.sections}
        # System tables come first: they say what the others are.
        for table in sorted(self._store.tables, key=lambda each: each.table_id):
            found = state.table(table.table_id)
            number = table.table_id
            found.rows = dict(table.rows) if number in touched else table.rows
            found.sequences = [*table.sequences]
        return state

    def _tables(self, state: State, module: ModuleSchema) -> Migrated:
        """Give the tables of a state; those that have not changed stay."""
        before: Mapping[int, StoredTable] = {t.table_id: t for t in self._store.tables}
        numbers = {table.schema.name: n for n, table in state.described().items()}
        bounds: list[BoundTable] = [*module.tables]
        bounds += [bound for _, bound in system_tables()]
        sources: dict[StoredTable, StoredTable] = {}
        tables: list[StoredTable] = []
        for bound in bounds:
            number = numbers[bound.schema.name]
            found, old = state.tables[number], before.get(number)
            is_same = (
                old is not None
                and old.rows is found.rows
                and old.bound.schema == bound.schema
                and old.sequences == found.sequences
            )
            if is_same and old is not None:
                table = old
            else:
                table = StoredTable(bound, number)
                rows = dict(found.rows) if old is not None else found.rows
                table.adopt(rows, found.sequences)
            if old is not None:
                sources[table] = old
            tables.append(table)
        return Migrated(tables, bounds, sources)
