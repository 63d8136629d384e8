"""LEFT JOIN: what rows of its table do to a result that come or go.

A row on the left meets those on the right that fit it, or else a row of nothing. Where
the right table changes, that is the change of an inner join, and the rows of nothing
that come and go::

    d(S LEFT JOIN T)  =  S before x dT  +  S with nothing now  -  S with nothing before

Only rows on the left that something came or went for are asked whether they have
anything. Most of them have, as they had, and keep what they have: where a guild has
50,000 players, one more is one row of the result. With several such tables each is
changed in its turn, those before it as they are now and those behind it as they were.

That is how it is where all that is looked into is as it was. Else the rows on the left
are asked anew (`qsdb.live.operators`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs

from qsdb.live.states.changes import Change
from qsdb.live.tables import Before, Now, Pair, Rows, parted
from qsdb.live.witnesses import Witnesses, bases_of, outputs_of
from qsdb.sql.loops import compile_plan
from qsdb.sql.planning import Plan, make_plan
from qsdb.sql.queries import Outer, Query
from qsdb.sql.readable import Readable, Run, StoredRow
from qsdb.sql.typed import Exists, Not, renumbered

__all__ = ["OuterJoins"]


class OuterJoins:
    """The LEFT JOINs of one query.

    Attributes:
        plans: What finds rows for them.
    """

    def __init__(self, query: Query, witnesses: Witnesses, run: Run) -> None:
        """Plan and compile.

        Args:
            query: The query.
            witnesses: Finds the rows on the left.
            run: Gives the rows of the query, and begins with a table on the left.

        Cost: two milliseconds for each.
        """
        self._names = [each.schema.name for each in query.tables]
        self._bases = bases_of(query)
        self._sources = range(len(query.sources))
        self._witnesses = witnesses
        self._run = run
        self._joins = [_Join(query, each, self._bases) for each in query.outer]
        self.plans = [plan for each in self._joins for plan in each.plans]

    def are_all(self, concerned: Collection[int]) -> bool:
        """Whether no table changes that conditions only look into."""
        return all(each in self._sources for each in concerned)

    def changes(
        self,
        arguments: Sequence[object],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Iterator[Change]:
        """Yield what comes to the result and what goes, with tables of outer joins.

        Args:
            arguments: Of the query.
            concerned: Which of the tables → the changes of it.
            now: Name → table as it is.
            before: Name → table as it was; None if it has not changed.
        """
        tables: list[Readable] = [before[each] or now[each] for each in self._names]
        for join in self._joins:
            source = join.source
            pairs = concerned.get(source)
            if pairs:
                came, went = parted(pairs)
                was = tables[source]
                tables[source] = Rows(came)
                inserts = join.inner(*tables, *arguments) if came else []
                tables[source] = Rows(went)
                yield inserts, join.inner(*tables, *arguments) if went else []
                only = {source: pairs}
                for rows in self._witnesses.candidates(arguments, only, now, before):
                    tables[source] = now[self._names[source]]
                    alone = join.alone(tables, rows, arguments)
                    tables[source] = was
                    was_alone = join.alone(tables, rows, arguments)
                    tables[source] = Rows([])
                    yield (
                        self._met([*alone - was_alone], tables, arguments, now),
                        self._met([*was_alone - alone], tables, arguments, now),
                    )
            tables[source] = now[self._names[source]]

    def _met(
        self,
        rows: Sequence[StoredRow],
        tables: Sequence[Readable],
        arguments: Sequence[object],
        now: Mapping[str, Now],
    ) -> list[StoredRow]:
        """Give what rows on the left give."""
        found: list[StoredRow] = []
        for row in rows:
            given = [*tables]
            for source, each in zip(
                self._bases, self._witnesses.parted(row, now), strict=True
            ):
                given[source] = each
            found += self._run(*given, *arguments)
        return found


class _Join:
    """One of them.

    Attributes:
        source: Its table.
        plans: What finds rows for it.
        inner: Gives what rows of it give, as an inner join.
    """

    def __init__(self, query: Query, outer: Outer, bases: Sequence[int]) -> None:
        self.source = outer.source
        conditions = (*outer.conditions, *outer.own)
        inner = attrs.evolve(
            query,
            outer=tuple([each for each in query.outer if each is not outer]),
            conditions=(*query.conditions, *conditions),
        )
        hidden = range(len(query.sources), len(query.tables))
        self._bases = bases
        self._others = (*hidden, outer.source)
        order = (*bases, *self._others)
        places = {number: place for place, number in enumerate(order)}
        # What the query gives else may be of tables that are not there.
        lonely = attrs.evolve(
            query,
            sources=tuple([query.tables[number] for number in bases]),
            hidden=tuple([query.tables[number] for number in self._others]),
            conditions=(Not(Exists((outer.source,), conditions)),),
            outputs=outputs_of(query, bases),
            whole=None,
            outer=(),
        ).mapped(lambda each: renumbered(each, places))
        self.plans: list[Plan] = [
            make_plan(inner, outer.source, wishes=True),
            make_plan(lonely, 0, wishes=True),
        ]
        self.inner, self._alone = [compile_plan(each) for each in self.plans]

    def alone(
        self,
        tables: Sequence[Readable],
        rows: Sequence[Readable],
        arguments: Sequence[object],
    ) -> set[StoredRow]:
        """Give those rows on the left that meet nothing."""
        others = [tables[number] for number in self._others]
        return {*self._alone(*rows, *others, *arguments)}
