"""`Listening`: what is kept current, for the tables and views of one module.

It is an engine, and the instances of views that queries in it read. When another module
is published another one takes its place (`qsdb.runtime.rebinding`).
"""

from collections.abc import Iterable, Mapping, Sequence

from qsdb.errors import QueryError, brief
from qsdb.live.differences import Difference
from qsdb.live.engine import Engine
from qsdb.live.results import AnyTemplate, LiveResult
from qsdb.live.virtual import instance_parameter
from qsdb.runtime.asked import Asked
from qsdb.runtime.queries import Queries
from qsdb.runtime.stats import LiveQueryStats
from qsdb.runtime.view_changes import Instance
from qsdb.runtime.view_instances import Instances
from qsdb.runtime.view_refreshing import Refreshing
from qsdb.runtime.view_sources import ViewSources
from qsdb.store.opened import Entry
from qsdb.values.kinds import Stored

__all__ = ["Held", "Listening"]

Places = tuple[Stored, ...]

Held = Mapping[int, Instance]
"""Place of a query's table → the instance of the view that it is."""


class Listening:
    """The live queries of one module.

    Attributes:
        queries: Reads their texts.
        engine: Keeps them current.
        views: What they read of views.
        refreshing: Keeps that current.
        firsts: What who asked first for a result has asked.
        watched: The tables that somebody looks at, and no commit of others matters: all
            where there are views, which may read any. Always the same set.
    """

    __slots__ = ("engine", "firsts", "queries", "refreshing", "views", "watched")

    def __init__(self, queries: Queries) -> None:
        """Begin without any."""
        self.queries = queries
        self.views = Instances(queries.views, queries.view_runs, queries.entries)
        self.engine = Engine(self.views.table_of)
        self.refreshing = Refreshing(self.views)
        self.firsts: dict[LiveResult, Asked] = {}
        self.watched: set[Entry] = set()
        self._watch()

    def _watch(self) -> None:
        """Have the set say which tables somebody looks at; twice is once.

        While it changes there may be too many in it, and never too few.
        """
        names: Iterable[str] = self.engine.routes
        entries = self.queries.entries
        if self.queries.views:
            names = entries
        watched = [entries[name] for name in names]
        self.watched.update(watched)
        self.watched.intersection_update(watched)

    def stats(self) -> list[LiveQueryStats]:
        """Give what there is to count of each live query, by whatever thread.

        Cost: O(live queries), some microseconds each.
        """
        found = []
        for result in self.engine.results:
            first = self.firsts.get(result)
            subscribers = [*result.subscribers.keys()]
            if first is not None and subscribers:  # else it begins or ends just now
                found.append(
                    LiveQueryStats(
                        first.text,
                        tuple(map(brief, result.values)),
                        len(subscribers),
                        subscribers[0].count,
                        result.evaluations,
                        result.changes,
                    )
                )
        return found

    def hold(
        self, asked: Iterable[tuple[Asked, Sequence[object]]], caller: bytes
    ) -> list[Held]:
        """Give for each of some queries the instances that are its sources.

        Whoever asks has them used by `subscribe`, or has them dropped.

        Args:
            asked: Queries, each with the values of its parameters.
            caller: What ``:sender`` is.

        Raises:
            QueryError: a view fails; then none of them is there for that.
        """
        keys = [
            dict(each.first.views.keys(caller, each.named(values)))
            if isinstance(each.first.views, ViewSources)
            else {}
            for each, values in asked
        ]
        flat = iter(self.views.hold([key for each in keys for key in each.values()]))
        return [{source: next(flat) for source in each} for each in keys]

    def subscribe(
        self,
        subscriber: object,
        asked: Asked,
        given: tuple[Sequence[object], bytes],
        held: Held,
        template: AnyTemplate | None = None,
    ) -> LiveResult:
        """Have a query kept current; between two commits.

        Args:
            subscriber: Who asks.
            asked: What.
            given: The values of its parameters, and what ``:sender`` is.
            held: The instances that it reads.
            template: What `Engine.prepared` has made.

        Raises:
            QueryError: the query fails where its state is made.
        """
        places = _places(asked, given, held)
        try:
            result = self.engine.subscribe(asked.lifted, places, subscriber, template)
        except QueryError as error:
            raise asked.lifted.placed(error) from None
        self._begun(result, asked, held)
        return result

    def resize(
        self,
        was: LiveResult,
        subscriber: object,
        asked: Asked,
        given: tuple[Sequence[object], bytes],
        held: Held,
        template: AnyTemplate | None,
    ) -> tuple[LiveResult, Difference]:
        """Have who listens to a window listen to another one, and say how it differs.

        From the first one it is to be forgotten after that; all else as `subscribe`.
        """
        places = _places(asked, given, held)
        resize = self.engine.resize
        result, found = resize(was, asked.lifted, places, subscriber, template)
        self._begun(result, asked, held)
        return result, found

    def _begun(self, result: LiveResult, asked: Asked, held: Held) -> None:
        self._watch()
        self.firsts.setdefault(result, asked)
        self.views.use(result, [*held.values()])

    def forget(self, result: LiveResult, subscriber: object) -> None:
        """Tell somebody no more; twice is no error."""
        self.engine.unsubscribe(result, subscriber)
        if not result.subscribers:
            self._watch()
            self.firsts.pop(result, None)
            self.views.forget(result)

    def mend(self, gone: Sequence[object]) -> None:
        """Take subscribers out, after an interrupt in the middle of something."""
        try:
            self.engine.mend(gone)
        finally:
            self.engine.mend(gone)
            self._watch()
            left = self.firsts.items()
            self.firsts = {each: asked for each, asked in left if each.subscribers}
            self.views.mend()


def _places(asked: Asked, given: tuple[Sequence[object], bytes], held: Held) -> Places:
    """Give the values for the places of a template."""
    values, caller = given
    named = asked.named(values) | {
        instance_parameter(source): instance.number for source, instance in held.items()
    }
    return asked.lifted.values(caller, named)
