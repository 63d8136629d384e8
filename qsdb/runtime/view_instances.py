"""Views that are kept current: one instance for each caller and arguments.

An instance is kept as long as a live query reads it. What it has is three things: its
rows, which stand in the engine's table of the view too (`qsdb.live.virtual`); what was
read for them (`qsdb.live.read_sets`); or, where the view gave a query, a live query of
an engine that is apart, since its changes must be known before the commit is
(`qsdb.runtime.view_refreshing`).
"""

from collections.abc import Iterable, Mapping, Sequence

from qsdb.errors import QueryError
from qsdb.live.engine import Engine
from qsdb.live.read_sets import ReadSets
from qsdb.live.results import LiveResult
from qsdb.live.tables import Pairs
from qsdb.live.templates import Lifted
from qsdb.live.virtual import VirtualTable, virtual_schema
from qsdb.runtime.tallies import Tallies
from qsdb.runtime.view_changes import Change, Instance, begun, dropped
from qsdb.runtime.view_runs import Found, InstanceKey, ViewRuns, failed
from qsdb.schema.tables import TableSchema
from qsdb.schema.views import View, ViewSchema
from qsdb.sql.readable import Readable
from qsdb.store.current import CurrentTable
from qsdb.store.opened import Entry
from qsdb.values.kinds import Stored

__all__ = ["Instances"]


class Instances:
    """All views of a database that somebody listens to.

    Attributes:
        readers: What was read for their rows.
        queries: Those that views gave, kept current.
        runs: How often a view was run, to begin or again.
    """

    def __init__(
        self, views: Mapping[str, View], runs: ViewRuns, entries: Mapping[str, Entry]
    ) -> None:
        """Begin without any.

        Args:
            views: Name → view.
            runs: Runs them.
            entries: Name → table, those of the system too.
        """
        self._runner = runs
        self._entries = entries
        self._tables = {name: VirtualTable() for name in views}
        self._schemas = {
            name: virtual_schema(view.bound.schema)
            for name, view in views.items()
            if isinstance(view.bound.schema, ViewSchema)
        }
        self._by_key: dict[InstanceKey, Instance] = {}
        self._by_result: dict[LiveResult, Sequence[Instance]] = {}
        self.readers: ReadSets[Instance] = ReadSets(self._schema_of)
        self.queries = Engine(self._current)
        self._last_number = 0
        self.runs = 0

    @property
    def kept(self) -> Mapping[InstanceKey, Instance]:
        """All of them, as they come and go."""
        return self._by_key

    @property
    def tallies(self) -> Tallies:
        """What views cost, by name."""
        return self._runner.tallies

    def __len__(self) -> int:
        """Give the number of instances."""
        return len(self._by_key)

    def _schema_of(self, name: str) -> TableSchema:
        return self._entries[name].bound.schema

    def _current(self, name: str) -> tuple[TableSchema, CurrentTable]:
        return self._schema_of(name), CurrentTable(self._entries[name].table)

    def _base_of(self, entry: Entry) -> CurrentTable:
        return CurrentTable(entry.table)

    def table_of(self, name: str) -> tuple[TableSchema, Readable]:
        """Give a table, or that of a view's instances, for the engine."""
        virtual = self._tables.get(name)
        if virtual is not None:
            return self._schemas[name], virtual
        return self._current(name)

    # Who listens.

    def hold(self, keys: Iterable[InstanceKey]) -> list[Instance]:
        """Give instances, between two commits; those that are new are run.

        Whoever asks has them used by a live query, or has them dropped.

        Raises:
            QueryError: a view fails; then none is there that was not before.
        """
        held: list[Instance] = []
        try:
            for key in keys:
                instance = self._by_key.get(key)
                if instance is None:
                    instance = self._begin(key)
                held.append(instance)
        except BaseException:
            self.drop(held)
            raise
        return held

    def _begin(self, key: InstanceKey) -> Instance:
        found = self.run(key)
        self._last_number += 1
        instance = Instance(self._last_number, key)
        self._by_key[key] = instance
        try:
            if found.lifted is not None:
                self._keep_query(instance, found.lifted, found.values)
            self.make(begun(instance, found))
        except BaseException:
            self.drop([instance])
            raise
        return instance

    def _keep_query(
        self, instance: Instance, lifted: Lifted, values: tuple[Stored, ...]
    ) -> None:
        """Have the query that a view gave kept current.

        Raises:
            QueryError: it fails of rows that asking it once does not come to.
        """
        try:
            instance.query = self.queries.subscribe(lifted, values, instance)
        except QueryError as error:
            raise failed(instance.key.view, error) from error

    def run(self, key: InstanceKey) -> Found:
        """Run a view on the tables as they stand.

        Raises:
            QueryError: it fails.
        """
        self.runs += 1
        return self._runner.run(key, self._base_of)

    def use(self, result: LiveResult, held: Sequence[Instance]) -> None:
        """Keep instances for as long as a live query is there."""
        if held:
            self._by_result[result] = held
            for instance in held:
                instance.results[result] = None

    def forget(self, result: LiveResult) -> None:
        """Take in that a live query is not there any more; twice is once."""
        held = self._by_result.get(result, ())
        for instance in held:
            instance.results.pop(result, None)
        self.drop(held)
        self._by_result.pop(result, None)  # last, so that it can be done again

    def drop(self, instances: Iterable[Instance]) -> None:
        """End those of some instances that no live query reads; twice is once."""
        for instance in instances:
            if instance.results:
                continue
            if instance.query is not None:
                self.queries.unsubscribe(instance.query, instance)
            self.make(dropped(instance))
            self._by_key.pop(instance.key, None)

    def mend(self) -> None:
        """Keep what live queries read, and nothing else, after an interrupt."""
        for result in [*self._by_result]:
            if not result.subscribers:
                self.forget(result)
        self.drop([*self._by_key.values()])
        left = [each for each in self._by_key.values() if each.query is not None]
        there = set(self.queries.subscribers)
        self.queries.mend([each for each in there if each not in left])

    def is_kept(self, instance: Instance) -> bool:
        """Whether an instance is there still: an interrupt may have been in between."""
        return self._by_key.get(instance.key) is instance

    def make(self, change: Change) -> Pairs:
        """Make a change; twice is once."""
        instance = change.instance
        name = instance.key.view.name
        rows = instance.rows
        for row, count in change.counts.items():
            if count:
                rows[row] = count
            else:
                rows.pop(row, None)
        if not instance.is_noted or change.reads != instance.reads:
            before, instance.is_noted = instance.reads, False
            instance.reads = before | change.reads
            self.readers.enter(instance, change.reads)
            self.readers.leave(instance, before - change.reads)
            instance.reads = change.reads
            instance.is_noted = True
        return self._tables[name].move(instance.number, change.inserts, change.deletes)
