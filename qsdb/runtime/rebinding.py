"""Live queries when a module is published: who goes on, who ends, and what is told.

Each query is asked again of its text, with the tables of the new module. It goes on if
it can be asked, and its result has the columns that it had, whatever other columns its
tables have now; then what the publication changed of its result is one update like any
other. Otherwise it ends, and `QueryError` says why.

Connections go on too, and know the new tables and reducers, unless the plan has steps
that clients cannot go on with: then each is closed.

All of this is made before the module is published (`Rebinding`), and taken at once
with it. What is told goes through the outbox, so it is told after all that was
committed before, and before all that is committed later.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import attrs

from qsdb.errors import QueryError
from qsdb.live.results import LiveResult
from qsdb.runtime.asked import Asked, ask, first_result
from qsdb.runtime.batches import Batch, Published, Receiver, Subscriber
from qsdb.runtime.listening import Listening
from qsdb.runtime.queries import Queries
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.runtime.updates import Update, difference_of
from qsdb.schema.descriptions import spelled
from qsdb.sql.typed import is_optional
from qsdb.store.reads import ReadTransaction
from qsdb.values.kinds import Kind

__all__ = ["Change", "Rebinding"]


class Asker(Subscriber, Protocol):
    """Who asked one query, and what."""

    @property
    def caller(self) -> bytes:
        """What ``:sender`` is."""
        ...

    asked: Asked
    """What was asked."""
    values: Sequence[object]
    """Of its parameters."""


@attrs.frozen(eq=False)
class Change:
    """What a publication does, as live queries see it.

    Attributes:
        module: The name of the module.
        queries: What asks its tables.
        offset: The commit that publishes it.
        changed: The names of tables that have other rows.
        before: The database as it is, before.
        after: As it will be.
        ends: Why connections end; None where they go on.
    """

    module: str
    queries: Queries
    offset: int
    changed: AbstractSet[str]
    before: ReadTransaction
    after: ReadTransaction
    ends: QueryError | None


@attrs.frozen
class _Columns:
    """The columns of a result, and the parameters by which it was asked.

    Attributes:
        of_what: What has them: a table, if its whole rows were asked for.
        parameters: The name and the kind of each.
        columns: The name of each, its kind, and whether it may be NULL.
        is_event: Whether rows only come.
    """

    of_what: str = attrs.field(eq=False)
    parameters: Mapping[str, Kind]
    columns: Sequence[tuple[str, Kind, bool]]
    is_event: bool

    @classmethod
    def of(cls, asked: Asked) -> "_Columns":
        """Give those of a query."""
        query = asked.first.plan.query
        terms = [each.term for each in query.outputs]
        columns = [
            (name, term.kind, is_optional(term))
            for name, term in zip(query.columns, terms, strict=True)
        ]
        what = "its result"
        if query.whole is not None:
            what = f"table {query.tables[query.whole].schema.name}"
        return cls(what, asked.parameters, columns, asked.shape.is_event)

    def __str__(self) -> str:
        """Give all of it in one line."""
        texts = [
            f"{name}: {spelled(kind)}{' or NULL' if may_be_null else ''}"
            for name, kind, may_be_null in self.columns
        ]
        given = [f":{name} {spelled(kind)}" for name, kind in self.parameters.items()]
        by = f", asked by {', '.join(given)}" if given else ""
        return f"({', '.join(texts)}){' of events' if self.is_event else ''}{by}"


class Rebinding:
    """All that is subscribed, made ready for other tables.

    Under the writer lock; nothing is changed before `take`.

    Cost: some milliseconds for each text, and where rows change that of asking each
    query concerned twice.
    """

    def __init__(self, hub: Subscriptions, change: Change) -> None:
        """Ask everything again."""
        self._hub = hub
        self._before = hub.engine
        self._change = change
        self._listening = Listening(change.queries)
        self._listening.engine.counters = hub.engine.counters
        self._listening.views.runs = hub.listening.views.runs
        self._updates: dict[LiveResult, Update | QueryError | None] = {}
        self._texts: dict[tuple[object, ...], Asked | QueryError] = {}
        self._moved: list[tuple[Asker, Asked, LiveResult | None]] = []
        self._batches: dict[int, Batch] = {}
        self._connected = {id(each) for each in hub.connected}
        for receiver in hub.connected:
            self._batch(receiver)
        for subscriber in hub.engine.subscribers:
            self._move(subscriber)

    def take(self) -> None:
        """Have everybody go on with the new tables, or end; twice is once."""
        self._before.forget_all()
        for subscriber, asked, result in self._moved:
            subscriber.asked = asked
            if result is not None:  # who ends has one until that is told
                subscriber.result = result
        change, batches = self._change, [*self._batches.values()]
        offset = change.offset
        self._hub.take(self._listening, batches, offset)

    def _batch(self, receiver: Receiver) -> Batch:
        found = self._batches.get(id(receiver))
        if found is None:
            change = self._change
            published = Published(change.queries, change.ends)
            found = Batch(receiver, change.offset, None, [], published=published)
            self._batches[id(receiver)] = found
        return found

    def _move(self, subscriber: Asker) -> None:
        before = subscriber.asked
        asked, result = self._again(before), None
        what: Update | QueryError | None
        if isinstance(asked, QueryError):
            what, asked = asked, before
        elif self._change.ends is not None and self._is_connected(subscriber):
            what = self._change.ends
        else:
            result, what = self._begin(subscriber, asked)
        self._moved.append((subscriber, asked, result))
        if what is not None:
            self._batch(subscriber.receiver).add(subscriber, what)

    def _begin(
        self, subscriber: Asker, asked: Asked
    ) -> tuple[LiveResult | None, Update | QueryError | None]:
        """Have a query kept current, and say what the publication changes of it."""
        listening, given = self._listening, (subscriber.values, subscriber.caller)
        try:
            [held] = listening.hold([(asked, subscriber.values)], subscriber.caller)
        except QueryError as error:  # of a view
            return None, error.with_traceback(None)
        try:
            result = listening.subscribe(subscriber, asked, given, held)
        except QueryError as error:  # its state cannot be made
            listening.mend([])
            return None, error.with_traceback(None)
        what = self._update(result, subscriber, asked)
        if isinstance(what, QueryError):
            listening.forget(result, subscriber)
            return None, what
        return result, what

    def _is_connected(self, subscriber: Asker) -> bool:
        return id(subscriber.receiver) in self._connected

    def _again(self, before: Asked) -> Asked | QueryError:
        """Ask a text again, once for all who have asked it."""
        key = before.text, before.is_owner, before.window
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = self._asked(before)
        return found

    def _asked(self, before: Asked) -> Asked | QueryError:
        text, is_owner = before.text, before.is_owner
        queries, window = self._change.queries, before.window
        try:
            asked = ask(queries, text, is_owner=is_owner, window=window)
        except QueryError as error:
            return self._end(before, f"{error.args[0]}")
        was, now = [_Columns.of(each) for each in (before, asked)]
        if was != now:
            return self._end(before, f"{was.of_what} had {was} and has {now}")
        return asked

    def _end(self, before: Asked, reason: str) -> QueryError:
        fault = f"module {self._change.module} was published, and ended this: {reason}"
        return QueryError(fault, before.text)

    def _update(
        self, result: LiveResult, subscriber: Asker, asked: Asked
    ) -> Update | QueryError | None:
        """Say what the publication changes of a result, once for all who share it."""
        is_concerned = self._change.changed or asked.first.views is not None
        if is_concerned and result not in self._updates:
            self._updates[result] = self._difference(subscriber, asked)
        return self._updates.get(result)

    def _difference(
        self, subscriber: Asker, asked: Asked
    ) -> Update | QueryError | None:
        change, was = self._change, subscriber.asked
        names = {each.schema.name for each in asked.first.plan.query.tables}
        has_views = asked.first.views is not None  # whose functions may be others
        if asked.shape.is_event or not (has_views or names & change.changed):
            return None
        values, caller = subscriber.values, subscriber.caller
        try:
            rows = first_result(was, change.before, caller, values)
            after = first_result(asked, change.after, caller, values)
            found = difference_of(rows, after, asked.shape)
        except QueryError as error:
            return error.with_traceback(None)
        if not found:
            return None
        return Update(change.offset, found, asked.shape)
