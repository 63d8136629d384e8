"""`Engine`: all live queries of a database.

With each commit it is told what changed, net, and says which results change and how.
It knows rows and queries; who asked, and how they are told, is not its matter: a
subscriber is any object.

What it keeps is made of the tables alone: routes, and the indexes that joins need. It
has no results. So a commit that is told of twice comes to the same, and nothing can
drift.
"""

import logging
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from typing import Any

import attrs

from qsdb.errors import QueryError
from qsdb.live.operators import Difference, LiveResult, Template
from qsdb.live.routing import Routes
from qsdb.live.tables import Before, Delta, Now, Pair
from qsdb.live.templates import Lifted
from qsdb.schema.tables import TableSchema
from qsdb.sql.loops import Readable
from qsdb.values.kinds import Stored

__all__ = ["Counters", "Engine", "Outcome"]

_LOGGER = logging.getLogger("qsdb.live")


@attrs.define
class Counters:
    """What the engine has done since the database was opened."""

    commits: int = 0
    """Commits that changed a table which somebody listens to."""
    evaluations: int = 0
    """Live queries that were looked at in them."""
    changes: int = 0
    """Results that changed."""


@attrs.define
class Outcome:
    """What a commit did to one result.

    Attributes:
        result: Whose.
        difference: What came and went, or why that cannot be told; then it ends.
    """

    result: LiveResult
    difference: Difference | QueryError


class _Now(dict[str, Now]):
    """Tables as they are, each made when it is first asked for."""

    def __init__(self, table_of: Callable[[str], tuple[TableSchema, Readable]]) -> None:
        super().__init__()
        self._table_of = table_of

    def __missing__(self, name: str) -> Now:
        found = self[name] = Now(*self._table_of(name))
        return found


class _Before(dict[str, Before | None]):
    """Tables as they were, made when a join asks; None for those that are the same."""

    def __init__(self, now: Mapping[str, Now], deltas: Mapping[str, Delta]) -> None:
        super().__init__()
        self._now = now
        self._deltas = deltas

    def __missing__(self, name: str) -> Before | None:
        delta = self._deltas.get(name)
        found = None if delta is None else Before(self._now[name], delta)
        self[name] = found
        return found


class Engine:
    """Keeps live queries current.

    Attributes:
        counters: What it has done.
        evaluated: The results that the last commit was evaluated for.
    """

    def __init__(self, table_of: Callable[[str], tuple[TableSchema, Readable]]) -> None:
        """Begin without live queries.

        Args:
            table_of: Gives the schema of a table, and the table as it is at the moment,
                by its name.
        """
        self._now = _Now(table_of)
        self._routes: dict[str, Routes] = {}
        self._templates: dict[object, Template] = {}
        self.counters = Counters()
        self.evaluated: list[LiveResult] = []

    # Who listens.

    def prepared(self, lifted: Lifted) -> Template | None:
        """Make a template, if it is not there; at any time.

        Cost: a millisecond for each table, and more for long conditions.
        """
        return None if lifted.key in self._templates else Template(lifted)

    def subscribe(
        self,
        lifted: Lifted,
        values: tuple[Stored, ...],
        subscriber: object,
        prepared: Template | None = None,
    ) -> LiveResult:
        """Have a query kept current; between two commits.

        Args:
            lifted: The query's template.
            values: For its places.
            subscriber: Who asks; once for each result.
            prepared: What `prepared` has made of it.

        Cost: O(1), if somebody asks the same already or it is prepared; O(rows) where a
        join needs an index that is not there.
        """
        template = self._templates.get(lifted.key)
        if template is None:
            template = prepared or Template(lifted)
            self._templates[lifted.key] = template
            for table, column in template.wishes():
                self._now[table].keep_index(column)
        result = template.results.get(values)
        if result is None:
            result = template.results[values] = LiveResult(template, values)
            for reader in result.readers:
                name = template.tables[reader.source]
                self._routes.setdefault(name, Routes()).add(reader)
        result.subscribers[subscriber] = None
        return result

    def unsubscribe(self, result: LiveResult, subscriber: object) -> None:
        """Tell somebody no more; twice is no error."""
        result.subscribers.pop(subscriber, None)
        template = result.template
        if result.subscribers or template.results.get(result.values) is not result:
            return
        del template.results[result.values]
        for reader in result.readers:
            name = template.tables[reader.source]
            routes = self._routes[name]
            routes.remove(reader)
            if not routes:
                del self._routes[name]
        if not template.results:
            del self._templates[template.key]
            for table, column in template.wishes():
                self._now[table].drop_index(column)
        if self.is_idle:
            self.evaluated = []

    def mend(self, gone: Collection[object]) -> None:
        """Make what is kept fit to who listens, after an exception cut something off.

        Args:
            gone: Who is not to listen any more.

        Cost: O(live queries), and O(rows) for each index that is made anew.
        """
        routes: dict[str, Routes] = {}
        wishes: list[tuple[str, int]] = []
        for template in self._templates.values():
            results = [*template.results.values()]
            for result in results:
                for subscriber in gone:
                    result.subscribers.pop(subscriber, None)
            results = [each for each in results if each.subscribers]
            template.results = {each.values: each for each in results}
            wishes += template.wishes() if results else ()
            for result in results:
                for reader in result.readers:
                    name = template.tables[reader.source]
                    routes.setdefault(name, Routes()).add(reader)
        self._routes = routes
        self._templates = {
            key: each for key, each in self._templates.items() if each.results
        }
        for name, now in self._now.items():
            now.keep_only([column for table, column in wishes if table == name])

    def forget_all(self) -> None:
        """Keep nothing current any more, as another engine does that."""
        for template in self._templates.values():
            template.results = {}
        self._templates, self._routes = {}, {}

    @property
    def subscribers(self) -> list[Any]:
        """All who listen; once for each result. Cost: O(live queries)."""
        return [
            subscriber
            for template in self._templates.values()
            for result in template.results.values()
            for subscriber in result.subscribers
        ]

    @property
    def results(self) -> list[LiveResult]:
        """All live queries, in the order of their templates, by whatever thread.

        Cost: O(live queries).
        """
        # Lists of values are made in one go, whoever changes the dicts meanwhile.
        templates = [*self._templates.values()]
        return [result for each in templates for result in [*each.results.values()]]

    @property
    def is_idle(self) -> bool:
        """Whether nobody listens."""
        return not self._templates

    @property
    def tables(self) -> Container[str]:
        """The names of the tables whose changes can concern anybody."""
        return self._routes

    def listens_to(self, table: str) -> bool:
        """Whether a change of a table can concern anybody."""
        return table in self._routes

    @property
    def sizes(self) -> dict[str, int]:
        """Give how much is kept: of what there is how many."""
        return {
            "templates": len(self._templates),
            "results": sum([len(each.results) for each in [*self._templates.values()]]),
            "indexes": sum([len(each.indexes) for each in self._now.values()]),
            "tables": len(self._routes),
        }

    def shift(self, table: str, delta: Delta) -> None:
        """Take in a change that concerns nobody who listens; twice is once.

        Args:
            table: Its name.
            delta: What came and what went; that is in the table already.
        """
        self._now[table].apply(delta)

    # What changes.

    def commit(self, deltas: Mapping[str, Delta]) -> list[Outcome]:
        """Say which results change, and how; the tables are new already.

        Args:
            deltas: Name of each table that changed and that somebody listens to → how.
        """
        concerned: dict[LiveResult, dict[int, Sequence[Pair]]] = {}
        for name, delta in deltas.items():
            now = self._now[name]
            if now.indexes and not now.schema.is_event:
                now.apply(delta)
        for name, delta in deltas.items():
            for reader, pairs in self._routes[name].concerned(delta).items():
                owner = reader.owner
                found = concerned.get(owner)
                if found is None:
                    concerned[owner] = {reader.source: pairs}
                else:
                    found[reader.source] = pairs
        self.evaluated = [*concerned]
        counters = self.counters
        counters.commits += 1
        counters.evaluations += len(concerned)
        before = _Before(self._now, deltas)
        outcomes = [
            outcome
            for result, changes in concerned.items()
            if (outcome := self._outcome(result, changes, before)) is not None
        ]
        counters.changes += len(outcomes)
        return outcomes

    def _outcome(
        self,
        result: LiveResult,
        changes: Mapping[int, Sequence[Pair]],
        before: _Before,
    ) -> Outcome | None:
        template = result.template
        result.evaluations += 1
        try:
            found = template.change(result.values, changes, self._now, before)
        except QueryError as error:
            return Outcome(result, error.with_traceback(None))
        if not found.inserts and not found.deletes:
            return None
        result.changes += 1
        return Outcome(result, found)
