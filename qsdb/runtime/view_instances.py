"""Views that are kept current: one instance for each caller and arguments.

An instance is kept as long as a live query reads it. What it has is three things: its
rows, which stand in the engine's table of the view too (`qsdb.live.virtual`); what was
read for them (`qsdb.live.read_sets`); or, where the view gave a query, a live query of
an engine that is apart, since its changes must be known before the commit is.

::

    the reducer has returned
      refresh      who has read what changes?  those run again, nothing is moved yet
      the commit   is decided
      settle       rows and read sets are moved; the engine is told with the tables

So an error in a view can still undo the transaction, and a transaction that is undone
has moved nothing, but for the join indexes of the engine that is apart: those are moved
back.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from qsdb.errors import QueryError, ReducerError
from qsdb.live.engine import Engine, Outcome
from qsdb.live.operators import LiveResult
from qsdb.live.read_sets import ReadSets
from qsdb.live.tables import Delta
from qsdb.live.virtual import VirtualTable, virtual_schema
from qsdb.runtime.view_changes import (
    Change,
    Instance,
    Pending,
    asked_again,
    begun,
    dropped,
    ending,
    run_again,
)
from qsdb.runtime.view_runs import Found, InstanceKey, ViewRuns
from qsdb.schema.tables import TableSchema
from qsdb.schema.views import ABORT, View, ViewSchema
from qsdb.sql.loops import Readable
from qsdb.store.changes import Noted, net_change
from qsdb.store.current import CurrentTable
from qsdb.store.opened import Entry

__all__ = ["Instances"]


class Instances:
    """All views of a database that somebody listens to.

    Attributes:
        runs: How often a view was run, to begin or again.
        pending: What the last transaction does, or did.
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
        self._readers: ReadSets[Instance] = ReadSets(self._schema_of)
        self._queries = Engine(self._current)
        self._last_number = 0
        self.pending = Pending()
        self.runs = 0

    def __len__(self) -> int:
        """Give the number of instances."""
        return len(self._by_key)

    def _schema_of(self, name: str) -> TableSchema:
        return self._entries[name].table.bound.schema

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
        found = self._run(key)
        self._last_number += 1
        instance = Instance(self._last_number, key)
        self._by_key[key] = instance
        try:
            if found.lifted is not None:
                subscribe = self._queries.subscribe
                instance.query = subscribe(found.lifted, found.values, instance)
            self._make(begun(instance, found))
        except BaseException:
            self.drop([instance])
            raise
        return instance

    def _run(self, key: InstanceKey) -> Found:
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
                self._queries.unsubscribe(instance.query, instance)
            self._make(dropped(instance))
            self._by_key.pop(instance.key, None)

    def mend(self) -> None:
        """Keep what live queries read, and nothing else, after an interrupt."""
        for result in [*self._by_result]:
            if not result.subscribers:
                self.forget(result)
        self.drop([*self._by_key.values()])
        left = [each for each in self._by_key.values() if each.query is not None]
        there = set(self._queries.subscribers)
        self._queries.mend([each for each in there if each not in left])

    # What changes.

    def refresh(self, opened: Iterable[Noted], offset: int) -> None:
        """Run again what a transaction concerns, before it is a commit.

        Args:
            opened: The handles of the tables that it may have changed.
            offset: The commit that it is to be.

        Raises:
            ReducerError: a view fails whose errors undo the transaction.
        """
        if self._by_key:
            self._refresh(opened, offset)
            for change in self.pending.changes:
                view, error = change.instance.key.view, change.error
                if error is not None and view.on_error == ABORT:
                    message = f"{error}; the transaction is rolled back"
                    raise ReducerError(message) from error.__cause__

    def _refresh(self, opened: Iterable[Noted], offset: int) -> None:
        readers, queries = self._readers, self._queries
        concerned: dict[Instance, None] = {}
        deltas: dict[str, Delta] = {}
        noted = [each for each in opened if self._is_read(each)]
        for name, pairs in net_change(noted):
            concerned |= readers.concerned(name, pairs)
            if queries.listens_to(name):
                deltas[name] = Delta(pairs)
        # Before anything is moved, so that it can be moved back.
        self.pending = pending = Pending(offset, deltas)
        changes = [self._run_again(each) for each in concerned if self._is_kept(each)]
        outcomes = queries.commit(deltas) if deltas else []
        for outcome in outcomes:
            instances = [*outcome.result.subscribers]
            changes += [asked_again(each, outcome.difference) for each in instances]
        pending.changes = changes

    def _is_kept(self, instance: Instance) -> bool:
        """Whether an instance is there still: an interrupt may have been in between."""
        return self._by_key.get(instance.key) is instance

    def _is_read(self, noted: Noted) -> bool:
        stored = noted._stored  # noqa: SLF001  its names are the user's columns
        name = stored.bound.schema.name
        is_read = name in self._readers or self._queries.listens_to(name)
        return is_read and not stored.is_event

    def _run_again(self, instance: Instance) -> Change:
        try:
            return run_again(instance, self._run(instance.key))
        except QueryError as error:
            return ending(instance, error)

    def rolled_back(self, offset: int) -> None:
        """Take in that the transaction was undone; twice is once.

        Args:
            offset: The last commit.
        """
        pending = self.pending
        if pending.offset <= offset:
            return
        for name, delta in pending.deltas.items():
            self._queries.shift(name, Delta([(new, old) for old, new in delta.pairs]))
        self.pending = Pending()

    def settle(self, opened: Iterable[Noted], offset: int) -> dict[str, Delta]:
        """Make the changes of a commit; twice is once.

        Args:
            opened: The handles of the tables that it may have changed.
            offset: Its number.

        Returns:
            Name of a view → what came to its instances, and what went.
        """
        if not self._by_key:
            return {}
        if self.pending.offset != offset:  # of another process, which has no views
            self._refresh(opened, offset)
        pairs: dict[str, list[Delta]] = {}
        for change in self.pending.changes:
            if change.error is None and self._is_kept(change.instance):
                view = change.instance.key.view
                pairs.setdefault(view.name, []).append(self._make(change))
        deltas = {
            name: Delta([pair for each in parts for pair in each.pairs])
            for name, parts in pairs.items()
        }
        return {name: each for name, each in deltas.items() if each.pairs}

    def endings(self) -> Iterator[Outcome]:
        """Yield the live queries that end, since a view that they read has failed."""
        for change in self.pending.changes:
            if change.error is not None:
                for result in [*change.instance.results]:
                    yield Outcome(result, change.error)

    def settled(self, offset: int) -> None:
        """Forget what a commit did, which has been told."""
        self.pending = Pending(offset)

    def _make(self, change: Change) -> Delta:
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
            self._readers.enter(instance, change.reads)
            self._readers.leave(instance, before - change.reads)
            instance.reads = change.reads
            instance.is_noted = True
        return self._tables[name].move(instance.number, change.inserts, change.deletes)
