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

Tables that a condition only looks into are told of in `qsdb.live.witnesses`, and those
of LEFT JOINs in `qsdb.live.outer_joins`.

The sum may hold the same row with both signs, and then it is neither come nor gone.

Such rows were never in the result, and to compute one may fail: where two tables change
at once, R now meets what S was. So if a sum fails, the result is made as a whole, as it
is and as it was; a query ends only if asking it now fails as well.

*Source*: delta joins as in DBToaster and Feldera, in two terms for two tables.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from qsdb.errors import QueryError
from qsdb.live.addressing import columns_read, is_told_apart, picker, route_of
from qsdb.live.differences import Difference, parted
from qsdb.live.outer_joins import OuterJoins
from qsdb.live.routing import Reader
from qsdb.live.states.changes import Change, cancelled
from qsdb.live.tables import Before, FoundRows, Now, Pair, Rows
from qsdb.live.templates import Lifted
from qsdb.live.virtual import gives_whole_rows
from qsdb.live.witnesses import Witnesses, bases_of
from qsdb.sql.loops import compile_plan
from qsdb.sql.planning import make_plan
from qsdb.sql.queries import Query
from qsdb.sql.readable import Readable, Run, StoredRow
from qsdb.values.kinds import Stored

__all__ = ["NO_CALLER", "AnyTemplate", "LiveResult", "Template"]

NO_CALLER = b""
"""In a template the caller is a value like others."""


class Template:
    """A query without its constants, ready to be kept current.

    Attributes:
        query: The query.
        tables: The names of the tables, in the order of FROM; then those that
            conditions look into.
        plans: For each table the plan that begins with changes of it; where there are
            event tables one alone, for the first of them.
        columns: Of each table the places of the columns that it looks at; None for all.
        results: Values → the live query for them.
    """

    def __init__(self, lifted: Lifted) -> None:
        """Plan and compile. Cost: a millisecond for each table."""
        query = lifted.query
        assert isinstance(query, Query)
        self.key = lifted.key
        self.query = query
        self.tables = [each.schema.name for each in query.tables]
        self._witnesses: Witnesses | None = None
        self._outer: OuterJoins | None = None
        self._bases = bases_of(query)
        self._events = query.events
        firsts = self._events[:1] or self._bases
        self.plans = [make_plan(query, first, wishes=True) for first in firsts]
        if (query.hidden or query.outer) and not query.events:
            self._witnesses = Witnesses(query, self.plans[0].inner)
        self.results: dict[tuple[Stored, ...], LiveResult] = {}
        self._whole: Run | None = None
        self._runs: list[Run] = [compile_plan(plan) for plan in self.plans]
        if query.outer and self._witnesses is not None:
            self._outer = OuterJoins(query, self._witnesses, self._runs[0])
        self.columns = [columns_read(query, n) for n in range(len(query.tables))]
        self._is_alone = len(query.tables) == 1
        self._is_plain = self._is_alone and gives_whole_rows(query)
        self._pick = picker(query)

    def wishes(self) -> set[tuple[str, int]]:
        """Give the indexes that the plans need: table and column."""
        candidates = [] if self._witnesses is None else self._witnesses.plans
        outer = [] if self._outer is None else self._outer.plans
        return {
            (plan.query.tables[step.source].schema.name, -1 - step.path.number)
            for plan in (*self.plans, *candidates, *outer)
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
            for source, columns in enumerate(self.columns)
        ]

    def change(
        self,
        values: tuple[Stored, ...],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        """Say how the result changes with a commit; as `parts`."""
        return Difference(*self.parts(values, concerned, now, before))

    def parts(
        self,
        values: tuple[Stored, ...],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Change:
        """Say what comes to the result with a commit, and what goes; no row does both.

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
            if self._is_alone:
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
    ) -> Change:
        """Give the sum of the terms, one for each table."""
        inserts: list[StoredRow] = []
        deletes: list[StoredRow] = []
        was: list[Readable] = [before[each] or now[each] for each in self.tables]
        tables: list[Readable] = [now[each] for each in self.tables]
        for source in self._bases:
            tables[source] = was[source]
        for source, run in zip(self._bases, self._runs, strict=True):
            if source in concerned:
                came, went = parted(concerned[source])
                if came:
                    tables[source] = Rows(came)
                    inserts += run(*tables, NO_CALLER, *values)
                if went:
                    tables[source] = Rows(went)
                    deletes += run(*tables, NO_CALLER, *values)
            tables[source] = now[self.tables[source]]
        for came, went in self._looked_into(values, concerned, now, before):
            inserts += came
            deletes += went
        return cancelled(inserts, deletes)

    def _looked_into(
        self,
        values: tuple[Stored, ...],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Iterable[Change]:
        """Say what comes and goes with tables of which no row must be there."""
        if self._witnesses is None:
            return []
        arguments = (NO_CALLER, *values)
        if self._outer is not None and self._outer.are_all(concerned):
            return self._outer.changes(arguments, concerned, now, before)
        tables: list[Readable] = [now[each] for each in self.tables]
        was: list[Readable] = [before[e] or now[e] for e in self.tables]
        found = self._witnesses.candidates(arguments, concerned, now, before)
        return [self._looked_at(each, arguments, tables, was) for each in found]

    def _looked_at(
        self,
        rows: Sequence[Readable],
        arguments: Sequence[object],
        now: list[Readable],
        before: list[Readable],
    ) -> Change:
        """Give what rows of the tables, and no others, give now and gave before."""
        for source, row in zip(self._bases, rows, strict=True):
            now[source] = before[source] = row
        [run, *_] = self._runs
        return run(*now, *arguments), run(*before, *arguments)

    def _emitted(
        self,
        values: tuple[Stored, ...],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
    ) -> Change:
        """Give what comes with the rows of event tables."""
        tables: list[Readable] = [now[each] for each in self.tables]
        for source in self._events:
            pairs = concerned.get(source, ())
            rows = [new for _, new in pairs if new is not None]
            tables[source] = FoundRows(rows, now[self.tables[source]])
        [run] = self._runs
        return run(*tables, NO_CALLER, *values), []

    def _change_alone(
        self, values: tuple[Stored, ...], pairs: Sequence[Pair]
    ) -> Change:
        """Give what comes and what goes with the rows of one table."""
        pick = self._pick
        if pick is not None and len(pairs) == 1:  # as with most commits
            [(old, new)] = pairs
            if old is None or new is None:
                return [] if new is None else [pick(new)], [] if old is None else [
                    pick(old)
                ]
            row, was = pick(new), pick(old)
            return ([], []) if row == was else ([row], [was])
        came, went = parted(pairs)
        if pick is not None:
            came, went = [*map(pick, came)], [*map(pick, went)]
        else:
            [run], given = self._runs, (NO_CALLER, *values)
            came = run(Rows(came), *given) if came else came
            went = run(Rows(went), *given) if went else went
        # Whole rows are a set, in which nothing stands twice.
        return (came, went) if self._is_plain else cancelled(came, went)

    def _change_whole(
        self,
        values: tuple[Stored, ...],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Change:
        """Give the difference of what asking gives and what it gave."""
        found = self.rows(values, now)
        was = {name: before[name] or now[name] for name in self.tables}
        return cancelled(found, self.rows(values, was))

    def rows(
        self, values: tuple[Stored, ...], tables: Mapping[str, Readable]
    ) -> list[StoredRow]:
        """Give the result by asking.

        Args:
            values: For the places of the template.
            tables: Name → table.

        Raises:
            QueryError: it fails.

        Cost: that of the query.
        """
        run = self._whole = self._whole or compile_plan(make_plan(self.query))
        return run(*[tables[each] for each in self.tables], NO_CALLER, *values)

    def asked_twice(
        self,
        values: tuple[Stored, ...],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference | None:
        """Say how the result changes with a commit, by asking after and before it.

        Of what comes with events nothing is there to be asked for: None.
        """
        if self._events:
            return None
        return Difference(*self._change_whole(values, now, before))

    def begin(
        self, values: tuple[Stored, ...], now: Mapping[str, Readable]
    ) -> "LiveResult":
        """Make the live query for some values.

        Args:
            values: For the places of the template.
            now: Name → table as it is.
        """
        found = LiveResult(self, values)
        if self._is_plain:
            found.takes_all = is_told_apart(self.query, found.readers[0].route)
        return found


class AnyTemplate(Protocol):
    """What live queries share who ask the same but for constants.

    Attributes:
        key: Equal for equal templates.
        tables: The names of its tables.
        results: Values → the live query for them.
    """

    key: object
    tables: list[str]
    results: "dict[tuple[Stored, ...], LiveResult]"

    def wishes(self) -> set[tuple[str, int]]:
        """Give the indexes that it needs: table and column."""
        ...

    def readers(self, owner: "LiveResult") -> list[Reader]:
        """Give the readers of a live query, one for each table."""
        ...

    def begin(
        self, values: tuple[Stored, ...], now: Mapping[str, Readable]
    ) -> "LiveResult":
        """Make the live query for some values."""
        ...

    def change(
        self,
        values: tuple[Stored, ...],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        """Say how a result changes with a commit."""
        ...

    def asked_twice(
        self,
        values: tuple[Stored, ...],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference | None:
        """Say the same by asking after the commit and before it; None if it cannot."""
        ...


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

    def __init__(self, template: AnyTemplate, values: tuple[Stored, ...]) -> None:
        """Prepare; the engine enters the readers."""
        self.template = template
        self.values = values
        self.subscribers: dict[Any, None] = {}
        self.evaluations = self.changes = 0
        self.readers = template.readers(self)
        self.takes_all = False

    def change(
        self,
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        """Say how it changes with a commit: see `Template.change`."""
        return self.template.change(self.values, concerned, now, before)

    def doubt(self) -> None:
        """Take in that the last change may come again."""

    def drift(self, now: Mapping[str, Now]) -> str | None:
        """Say how what is kept differs from what is; None if it does not."""
        return None
