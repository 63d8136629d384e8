"""One live query: how its result changes with its tables.

For tables R and S the change of R x S is, with signs for what came and what went,

    d(R x S)  =  dR x S before  +  R now x dS

and so on for more tables: each in its turn is replaced by its change, those before it
are taken as they are now and those behind it as they were. What stands under a sum is a
plan that begins with a few rows, and is compiled as any query is (`qsdb.sql.loops`).
The conditions and the outputs are applied on the way, for they are linear. One table
alone is the simplest case: its change goes through the conditions.

Rows of an *event table* are there while their commit is told, and at no other time. A
query that reads such tables is evaluated for them once, with all other tables as they
are now: its rows come, and none is kept or goes. Changes of other tables are nothing to
it.

Tables that a condition only looks into are told of in `qsdb.live.witnesses`.

The sum may hold the same row with both signs, and then it is neither come nor gone.

Such rows were never in the result, and to compute one may fail: where two tables change
at once, R now meets what S was. So if a sum fails, the result is made as a whole, as it
is and as it was; a query ends only if asking it now fails as well.

*Source*: delta joins as in DBToaster and Feldera, in two terms for two tables.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from qsdb.errors import QueryError
from qsdb.live.routing import Always, ByInterval, ByValue, Reader, Route
from qsdb.live.tables import Before, Now, Pair, Rows
from qsdb.live.templates import Lifted
from qsdb.live.virtual import gives_whole_rows, instance_column
from qsdb.live.witnesses import Witnesses, conditions_on
from qsdb.sql.loops import compile_plan
from qsdb.sql.planning import make_plan
from qsdb.sql.queries import Query
from qsdb.sql.readable import Readable, Run, StoredRow
from qsdb.sql.sargs import End, Span, equality, span
from qsdb.sql.typed import Argument, Cell, Constant, Typed, parts_of
from qsdb.values.kinds import F32, F64, Stored

__all__ = ["Difference", "LiveResult", "Template", "difference_of", "net"]

NO_CALLER = b""
"""In a template the caller is a value like others."""


@attrs.define
class Difference:
    """What came to a result and what went, as bags; no row is in both.

    Attributes:
        inserts: What came.
        deletes: What went.
        forms: What it was made into to be sent, by who made it; so all who are told
            the same share it.
    """

    inserts: Sequence[StoredRow]
    deletes: Sequence[StoredRow]
    forms: dict[object, bytes] | None = attrs.field(default=None, eq=False, repr=False)


class Template:
    """A query without its constants, ready to be kept current.

    Attributes:
        query: The query.
        tables: The names of the tables, in the order of FROM; then those that
            conditions look into.
        plans: For each table the plan that begins with changes of it; where there are
            event tables one alone, for the first of them.
        users: How many live queries have it.
        is_plain: Whether it is whole rows of one table: a set, in which none is twice.
        results: Values → the live query for them.
    """

    def __init__(self, lifted: Lifted) -> None:
        """Plan and compile. Cost: a millisecond for each table."""
        query = lifted.query
        self.key = lifted.key
        self.query = query
        self.tables = [each.schema.name for each in query.tables]
        self._count = len(query.sources)
        self._witnesses: Witnesses | None = None
        if query.hidden and not query.events:
            self._witnesses = Witnesses(query)
        self._events = query.events
        firsts = self._events[:1] or range(len(query.sources))
        self.plans = [make_plan(query, first, wishes=True) for first in firsts]
        self.results: dict[tuple[Stored, ...], LiveResult] = {}
        self._whole: Run | None = None
        self._runs: list[Run] = [compile_plan(plan) for plan in self.plans]
        self._columns = [columns_read(query, n) for n in range(len(query.tables))]
        self.is_plain = len(query.tables) == 1 and gives_whole_rows(query)

    def wishes(self) -> set[tuple[str, int]]:
        """Give the indexes that the plans need: table and column."""
        candidates = () if self._witnesses is None else self._witnesses.plans
        return {
            (plan.query.tables[step.source].schema.name, -1 - step.path.number)
            for plan in (*self.plans, *candidates)
            for step in plan.all_steps
            if step.path is not None
            and step.path.number is not None
            and step.path.number < 0
            and not plan.query.tables[step.source].schema.is_event
        }

    def readers(self, owner: "LiveResult") -> list[Reader]:
        """Give the readers of a live query, one for each table."""
        return [
            Reader(owner, source, columns, route_of(self.query, source, owner.values))
            for source, columns in enumerate(self._columns)
            if not self._events or source in self._events
        ]

    def change(
        self,
        values: tuple[Stored, ...],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        """Say how the result changes with a commit.

        Args:
            values: For the places of the template.
            concerned: Which of the tables → the changes of it.
            now: Name → table as it is.
            before: Name → table as it was; None if it has not changed.

        Raises:
            QueryError: the query, asked now, fails.

        Cost: as that of the rows that change, times those that they meet; where that
        fails, as that of asking twice.
        """
        if self._events:
            return self._emitted(values, concerned, now)
        try:
            if self.is_plain:
                return self._change_alone(values, concerned[0])
            return self._change_joined(values, concerned, now, before)
        except QueryError:
            return self._change_whole(values, now, before)

    def _change_joined(
        self,
        values: tuple[Stored, ...],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        """Give the sum of the terms, one for each table."""
        inserts: list[StoredRow] = []
        deletes: list[StoredRow] = []
        tables: list[Readable] = [before[each] or now[each] for each in self.tables]
        was = tables[self._count :]
        tables[self._count :] = [now[each] for each in self.tables[self._count :]]
        for source, run in enumerate(self._runs):
            pairs = concerned.get(source)
            if pairs:
                came = [new for _, new in pairs if new is not None]
                if came:
                    tables[source] = Rows(came)
                    inserts += run(*tables, NO_CALLER, *values)
                went = [old for old, _ in pairs if old is not None]
                if went:
                    tables[source] = Rows(went)
                    deletes += run(*tables, NO_CALLER, *values)
            tables[source] = now[self.tables[source]]
        if self._witnesses is not None:
            run, arguments = self._runs[0], (NO_CALLER, *values)
            for rows in self._witnesses.candidates(arguments, concerned, now, before):
                inserts += run(*rows, *tables[self._count :], *arguments)
                deletes += run(*rows, *was, *arguments)
        return net(inserts, deletes)

    def _emitted(
        self,
        values: tuple[Stored, ...],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
    ) -> Difference:
        """Give what comes with the rows of event tables."""
        tables: list[Readable] = [now[each] for each in self.tables]
        for source in self._events:
            pairs = concerned.get(source, ())
            tables[source] = Rows([new for _, new in pairs if new is not None])
        [run] = self._runs
        return Difference(run(*tables, NO_CALLER, *values), [])

    def _change_alone(
        self, values: tuple[Stored, ...], pairs: Sequence[Pair]
    ) -> Difference:
        """Give the change of whole rows of one table: a set, in which none is twice."""
        run = self._runs[0]
        came = [new for _, new in pairs if new is not None]
        went = [old for old, _ in pairs if old is not None]
        return Difference(
            run(Rows(came), NO_CALLER, *values) if came else came,
            run(Rows(went), NO_CALLER, *values) if went else went,
        )

    def _change_whole(
        self,
        values: tuple[Stored, ...],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        """Give the difference of what asking gives and what it gave."""
        run = self._whole = self._whole or compile_plan(make_plan(self.query))
        is_now = [now[each] for each in self.tables]
        found = run(*is_now, NO_CALLER, *values)
        was = [before[name] or now[name] for name in self.tables]
        return net(found, run(*was, NO_CALLER, *values))


def difference_of(pairs: Sequence[Pair]) -> Difference:
    """Give the change of all rows of one table: a set, in which none is twice."""
    if len(pairs) == 1:  # as with most commits
        [(old, new)] = pairs
        return Difference([] if new is None else [new], [] if old is None else [old])
    return Difference(
        [new for _, new in pairs if new is not None],
        [old for old, _ in pairs if old is not None],
    )


def net(inserts: list[StoredRow], deletes: list[StoredRow]) -> Difference:
    """Give what came and what went, without what did both."""
    if not inserts or not deletes:
        return Difference(inserts, deletes)
    came, went = Counter(inserts), Counter(deletes)
    return Difference([*(came - went).elements()], [*(went - came).elements()])


class LiveResult:
    """A template with its values: what all who ask the same share.

    Attributes:
        template: The template.
        values: For its places.
        readers: Of its tables.
        takes_all: Whether it is rows of one table, and all that its reader is told
            concerns it.
        subscribers: Who is told; in the order in which they came.
        evaluations: In how many commits it was looked at.
        changes: How many of them changed it.
    """

    __slots__ = (
        *("__weakref__", "changes", "evaluations"),
        *("readers", "subscribers", "takes_all", "template", "values"),
    )

    def __init__(self, template: Template, values: tuple[Stored, ...]) -> None:
        """Prepare; the engine enters the readers."""
        self.template = template
        self.values = values
        self.subscribers: dict[Any, None] = {}
        self.evaluations = self.changes = 0
        self.readers = template.readers(self)
        self.takes_all = template.is_plain and is_told_apart(
            template.query, self.readers[0].route
        )


def is_told_apart(query: Query, route: Route) -> bool:
    """Whether a query is whole rows of one table, just those that its route gives."""
    if query.whole is None or query.events:
        return False
    if not isinstance(route, ByValue):
        return not query.conditions
    # NULL equals nothing, and so does a float that is no number.
    kind = query.sources[0].schema.columns[route.column].kind
    is_exact = kind not in (F32, F64) and None not in route.values
    return is_exact and len(query.conditions) == 1


def columns_read(query: Query, source: int) -> frozenset[int] | None:
    """Give the columns of a table that a query looks at; None for all of them."""
    if query.whole == source:
        return None
    found: set[int] = set()
    for condition in query.conditions:
        _add_columns(condition, source, found)
    for output in query.outputs if query.whole is None else ():
        _add_columns(output.term, source, found)
    every = len(query.tables[source].schema.columns)
    return None if len(found) == every else frozenset(found)


def _add_columns(node: Typed, source: int, found: set[int]) -> None:
    if isinstance(node, Cell) and node.source == source:
        found.add(node.place)
    for part in parts_of(node):
        _add_columns(part, source, found)


def route_of(query: Query, source: int, values: tuple[Stored, ...]) -> Route:
    """Say how changes of a table find a query."""
    conditions = conditions_on(query, source)
    fixed = [
        found
        for condition in conditions
        if (found := equality(condition, source)) is not None
        and all(isinstance(each, Constant | Argument) for each in found.values)
    ]
    if fixed:
        own = instance_column(query.tables[source].schema)
        # Of a view a whole instance changes, and nobody else's.
        best = min(fixed, key=lambda each: (each.column != own, len(each.values)))
        wanted = [_value(each, values) for each in best.values]
        return ByValue(best.column, tuple(dict.fromkeys(wanted)))
    within = _widest([span(each, source) for each in conditions])
    if within is None:
        return Always()
    kind = query.tables[source].schema.columns[within.column].kind
    low, low_included = _end(within.low, values)
    high, high_included = _end(within.high, values)
    ends = (low_included, high_included)
    return ByInterval(within.column, kind, low, high, ends)


def _widest(spans: Sequence[Span | None]) -> Span | None:
    """Join what is said of one column; better of one that is bounded on both sides."""
    joined: dict[int, Span] = {}
    for each in spans:
        if each is None or not all(map(_is_fixed, (each.low, each.high))):
            continue
        before = joined.get(each.column)
        both = each if before is None else before.joined(each)
        if both is not None:
            joined[each.column] = both
    found = [*joined.values()]
    closed = [each for each in found if each.low is not None and each.high is not None]
    return next(iter(closed or found), None)


def _is_fixed(end: End | None) -> bool:
    return end is None or isinstance(end.value, Constant | Argument)


def _end(end: End | None, values: tuple[Stored, ...]) -> tuple[Stored, bool]:
    if end is None:
        return None, False
    return _value(end.value, values), end.is_included


def _value(node: Typed, values: tuple[Stored, ...]) -> Stored:
    if isinstance(node, Argument):
        return values[int(node.name.removeprefix("k"))]
    assert isinstance(node, Constant)
    return node.value
