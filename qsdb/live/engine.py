"""`Engine`: all live queries of a database.

With each commit it is told what changed, net, and says which results change and how.
It knows rows and queries; who asked, and how they are told, is not its matter: a
subscriber is any object.

What it keeps is made of the tables alone: routes, and the indexes that joins need. It
has no results. So a commit that is told of twice comes to the same, and nothing can
drift.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

import attrs

from qsdb.errors import QueryError
from qsdb.live.derived import KeptResult, template_of
from qsdb.live.differences import Difference, difference_of
from qsdb.live.results import AnyTemplate, LiveResult
from qsdb.live.routing import Routes
from qsdb.live.self_checks import BrokenResultError, SelfCheck
from qsdb.live.tables import Before, Now, Pairs
from qsdb.live.templates import Lifted
from qsdb.schema.tables import TableSchema
from qsdb.sql.readable import Readable
from qsdb.values.kinds import Stored

__all__ = ["Changes", "Counters", "Engine", "Outcomes"]

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


Changes = Mapping[str, Pairs]
"""Name of a table → what a commit did to it."""

Outcomes = dict[LiveResult, Difference | QueryError]
"""Result → what a commit brought and took, or why that cannot be told; then it ends."""


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

    __slots__ = ("_changes", "_now")

    def __init__(self, now: Mapping[str, Now], changes: Changes) -> None:
        self._now = now
        self._changes = changes

    def __missing__(self, name: str) -> Before | None:
        pairs = self._changes.get(name)
        found = None if pairs is None else Before(self._now[name], pairs)
        self[name] = found
        return found


class Engine:
    """Keeps live queries current.

    Attributes:
        counters: What it has done.
        self_check: What checks it now and then, if it is to be checked.
        evaluated: The results that the last commit was evaluated for.
    """

    def __init__(self, table_of: Callable[[str], tuple[TableSchema, Readable]]) -> None:
        """Begin without live queries.

        Args:
            table_of: Gives the schema of a table, and the table as it is at the moment,
                by its name.
        """
        self._now = _Now(table_of)
        self.routes: dict[str, Routes] = {}
        self._templates: dict[object, AnyTemplate] = {}
        self._unsettled: Collection[LiveResult] = ()
        self.counters = Counters()
        self.self_check: SelfCheck | None = None
        self.evaluated: list[LiveResult] = []

    def prepared(self, lifted: Lifted) -> AnyTemplate | None:
        """Make a template, if it is not there; at any time.

        Cost: a millisecond for each table, and more for long conditions.
        """
        return None if lifted.key in self._templates else template_of(lifted)

    def subscribe(
        self,
        lifted: Lifted,
        values: tuple[Stored, ...],
        subscriber: object,
        prepared: AnyTemplate | None = None,
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
            template = prepared or template_of(lifted)
            self._templates[lifted.key] = template
            for table, column in template.wishes():
                self._now[table].keep_index(column)
        result = template.results.get(values)
        if result is None:
            result = template.begin(values, self._now)
            self._enter(result)
        result.subscribers[subscriber] = None
        return result

    def _enter(self, result: LiveResult) -> None:
        template = result.template
        template.results[result.values] = result
        for reader in result.readers:
            name = template.tables[reader.source]
            self.routes.setdefault(name, Routes()).add(reader)

    def resize(
        self,
        was: LiveResult,
        lifted: Lifted,
        values: tuple[Stored, ...],
        subscriber: object,
        prepared: AnyTemplate | None = None,
    ) -> tuple[LiveResult, Difference]:
        """Have who asked for a window listen to another one; between two commits.

        From the first one it is to be unsubscribed after that.

        Args:
            was: The window.
            lifted: The template of the other one, which has the same rows.
            values: For its places.
            subscriber: Who asked.
            prepared: What `prepared` has made of it.

        Returns:
            The other window, and how it differs.

        Cost: O(rows that come, leave, or stand between) if the template is the same
        and nobody else has either window; else that of `subscribe`, and O(rows).
        """
        assert isinstance(was, KeptResult)
        template = self._templates.get(lifted.key)
        is_alone = len(was.subscribers) == 1
        if template is was.template and is_alone and values not in template.results:
            result, difference = was.resized(values, self._now)
            self._enter(result)
            result.subscribers[subscriber] = None
            return result, difference
        found = self.subscribe(lifted, values, subscriber, prepared)
        assert isinstance(found, KeptResult)
        return found, found.difference_from(was)

    def keep_only(self, result: LiveResult, subscriber: object) -> None:
        """Have who asked listen to one window alone, after `resize` was cut off.

        Cost: O(live queries), and that of the query where its states were moved.
        """
        for each in self.results:
            if each is not result:
                each.subscribers.pop(subscriber, None)
        assert isinstance(result, KeptResult)
        result.recover(self._now)

    def unsubscribe(self, result: LiveResult, subscriber: object) -> None:
        """Tell somebody no more; twice is no error."""
        result.subscribers.pop(subscriber, None)
        template = result.template
        if result.subscribers or template.results.get(result.values) is not result:
            return
        del template.results[result.values]
        for reader in result.readers:
            name = template.tables[reader.source]
            routes = self.routes[name]
            routes.remove(reader)
            if not routes:
                del self.routes[name]
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
        self.routes = routes
        self._templates = {
            key: each for key, each in self._templates.items() if each.results
        }
        for name, now in self._now.items():
            now.keep_only([column for table, column in wishes if table == name])

    def forget_all(self) -> None:
        """Keep nothing current any more, as another engine does that."""
        for template in self._templates.values():
            template.results = {}
        self._templates, self.routes = {}, {}

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

    def listens_to(self, table: str) -> bool:
        """Whether a change of a table can concern anybody."""
        return table in self.routes

    @property
    def sizes(self) -> dict[str, int]:
        """Give how much is kept: of what there is how many."""
        return {
            "templates": len(self._templates),
            "results": sum([len(each.results) for each in [*self._templates.values()]]),
            "indexes": sum([len(each.indexes) for each in self._now.values()]),
            "tables": len(self.routes),
        }

    def shift(self, table: str, pairs: Pairs) -> None:
        """Take in a change that concerns nobody who listens; twice is once.

        Args:
            table: Its name.
            pairs: What the table has taken in already.
        """
        self._now[table].apply(pairs)

    def undo(self, changes: Changes) -> None:
        """Take in that what `commit` was told last is undone; twice is once.

        Args:
            changes: What it was told.
        """
        _doubt(self._unsettled)
        self._unsettled = ()
        for name, pairs in changes.items():
            self.shift(name, [(new, old) for old, new in pairs])

    # What changes.

    def commit(self, changes: Changes) -> Outcomes:
        """Say which results change, and how; the tables are new already.

        Args:
            changes: Name of each table that changed and that somebody listens to → how.

        Cost: some 2 µs, and 1 µs for each result of a plain question that is concerned.
        """
        outcomes: Outcomes = {}
        self.evaluated = evaluated = []
        joined: dict[LiveResult, dict[int, Pairs]] = {}
        if self._unsettled:
            _doubt(self._unsettled)
        self._unsettled = joined
        for name, changed in changes.items():
            now = self._now[name]
            if now.indexes and not now.schema.is_event:
                now.apply(changed)
            for reader, pairs in self.routes[name].concerned(changed).items():
                result: LiveResult = reader.owner
                if result.takes_all:  # as with most: no condition is left to be asked
                    outcomes[result] = difference_of(pairs)
                    evaluated.append(result)
                    result.evaluations += 1
                    result.changes += 1
                else:
                    joined.setdefault(result, {})[reader.source] = pairs
        if joined:
            evaluated += joined
            self._ask(joined, changes, outcomes)
        counters = self.counters
        counters.commits += 1
        counters.evaluations += len(evaluated)
        if self.self_check is not None:
            self._check(self.self_check, changes, outcomes)
        counters.changes += len(outcomes)
        return outcomes

    def _check(self, check: SelfCheck, changes: Changes, outcomes: Outcomes) -> None:
        """Check a live query, if it is time, and end it if anything is wrong."""
        result = check.chosen(lambda: self.results)
        told = None if result is None else outcomes.get(result)
        if result is None or isinstance(told, QueryError):
            return
        before = _Before(self._now, changes)
        problem = check.problem(result, told, self._now, before)
        if problem is not None:
            _LOGGER.error("a live query is ended: %s", problem)
            outcomes[result] = problem

    def _ask(
        self,
        joined: Mapping[LiveResult, Mapping[int, Pairs]],
        changes: Changes,
        outcomes: Outcomes,
    ) -> None:
        """Ask templates how their results change; tables and indexes are new."""
        now, before = self._now, _Before(self._now, changes)
        for result, concerned in joined.items():
            result.evaluations += 1
            outcome: Difference | QueryError
            try:
                outcome = found = result.change(concerned, now, before)
                if not (found.inserts or found.deletes or found.moves):
                    continue
            except QueryError as error:
                outcome = error.with_traceback(None)
            except Exception as error:  # the commit stands: who made it has no part
                _LOGGER.exception("a live query is ended")
                what = f"{type(error).__name__}: {error}"
                outcome = BrokenResultError(f"it cannot be kept: {what}")
            outcomes[result] = outcome
            result.changes += 1

    def settle(self) -> None:
        """Take in that what the last commit did is told, and does not come again.

        Twice is once. Else states are made anew with the next commit.
        """
        self._unsettled = ()


def _doubt(moved: Collection[LiveResult]) -> None:
    """Have states made anew that a commit has moved; twice is once."""
    for result in moved:
        result.doubt()
