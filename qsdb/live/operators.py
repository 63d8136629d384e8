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

from collections.abc import Iterable, Iterator, Mapping, Sequence

from qsdb.errors import QueryError
from qsdb.live.addressing import columns_read, is_told_apart, picker, route_of
from qsdb.live.differences import Difference
from qsdb.live.outer_joins import OuterJoins
from qsdb.live.results import LiveResult
from qsdb.live.routing import Reader
from qsdb.live.states.changes import Change, cancelled
from qsdb.live.tables import Before, FoundRows, Now, Pair, Rows, parted
from qsdb.live.templates import Lifted
from qsdb.live.virtual import gives_whole_rows
from qsdb.live.witnesses import Witnesses, bases_of
from qsdb.sql.loops import compile_plan
from qsdb.sql.planning import make_plan
from qsdb.sql.queries import Query
from qsdb.sql.readable import Readable, Run, StoredRow
from qsdb.values.kinds import Stored

__all__ = ["NO_CALLER", "Template"]

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
        self._pick = None if self._events else picker(query)

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
        pick = self._pick
        if pick is not None and len(concerned[0]) == 1:  # as with most commits
            [(old, new)] = concerned[0]
            if old is not None and new is not None:
                row, was = pick(new), pick(old)
                return ([], []) if row == was else ([row], [was])
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
        sides = tables, was = _sides(self.tables, now, before)
        inserts, deletes = self._summed(values, concerned, tables, was)
        if self._witnesses is not None:  # and tables of which no row must be there
            arguments = (NO_CALLER, *values)
            looked = self._looked_into(arguments, concerned, (now, before), sides)
            for came, went in looked:
                inserts += came
                deletes += went
        return cancelled(inserts, deletes)

    def _summed(
        self,
        values: tuple[Stored, ...],
        concerned: Mapping[int, Sequence[Pair]],
        now: list[Readable],
        before: list[Readable],
    ) -> Change:
        """Give the sum of the terms of those tables of which a row must be there."""
        inserts: list[StoredRow] = []
        deletes: list[StoredRow] = []
        if concerned.keys().isdisjoint(self._bases):
            return inserts, deletes
        tables = [*now]
        for source in self._bases:
            tables[source] = before[source]
        for source, run in zip(self._bases, self._runs, strict=True):
            if source in concerned:
                came, went = parted(concerned[source])
                if came:
                    tables[source] = Rows(came)
                    inserts += run(*tables, NO_CALLER, *values)
                if went:
                    tables[source] = Rows(went)
                    deletes += run(*tables, NO_CALLER, *values)
            tables[source] = now[source]
        return inserts, deletes

    def _looked_into(
        self,
        arguments: Sequence[object],
        concerned: Mapping[int, Sequence[Pair]],
        by_name: tuple[Mapping[str, Now], Mapping[str, Before | None]],
        tables: tuple[list[Readable], list[Readable]],
    ) -> Iterable[Change]:
        """Say what comes and goes with tables of which no row must be there.

        Args:
            arguments: Of the query.
            concerned: Which of the tables → the changes of it.
            by_name: Name → table, as it is and as it was.
            tables: The same in the order of the query; they are changed.
        """
        if self._outer is not None and self._outer.are_all(concerned):
            return self._outer.changes(arguments, concerned, *by_name)
        assert self._witnesses is not None
        found = self._witnesses.candidates(arguments, concerned, *by_name)
        return self._looked_at(found, arguments, *tables)

    def _looked_at(
        self,
        found: Iterable[Sequence[Readable]],
        arguments: Sequence[object],
        now: list[Readable],
        before: list[Readable],
    ) -> Iterator[Change]:
        """Give what rows of the tables, and no others, give now and gave before."""
        [run, *_] = self._runs
        for rows in found:
            for source, row in zip(self._bases, rows, strict=True):
                now[source] = before[source] = row
            yield run(*now, *arguments), run(*before, *arguments)

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


def _sides(
    names: Sequence[str], now: Mapping[str, Now], before: Mapping[str, Before | None]
) -> tuple[list[Readable], list[Readable]]:
    """Give tables as they are, and the same as they were."""
    tables: list[Readable] = []
    was: list[Readable] = []
    for name in names:  # two comprehensions would cost three times as much
        table = now[name]
        tables.append(table)
        was.append(before[name] or table)
    return tables, was
