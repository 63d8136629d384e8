"""Tables that conditions only look into, and what their changes do to a result.

A condition may ask whether rows *exist* in other tables (`qsdb.sql.typed.Exists`);
those that make it true are its *witnesses*. Where P is such a condition on the rows of
S, the change of a result is

    d(S where P)  =  dS where P now  +  S before where (P now - P before)

The first part is that of any query (`qsdb.live.operators`). For the second it is enough
to look at those rows of S for which P may have changed, the *candidates*: those that go
with a row of a witness table that came or went. They are found by a plan that begins
with these few rows, goes on through the other witness tables, and ends in S as it was.
Of each candidate P is asked twice, with the witness tables as they are now and as they
were. Rows that stand in for one another have no candidates (`qsdb.live.flips`).

A table of a LEFT JOIN is one too: with a row of it that comes or goes change those rows
of the other tables that it fits, and what ON says takes the place of P. ON may look for
witnesses as well, and then they matter where the rest of it is true.

Conditions that look for witnesses in their turn are left out of that plan, and so are
those about tables that it does not read, as those of LEFT JOINs: it may find more than
it must, and never less. Of the tables of one condition those before the
changed one are taken as they are now and those behind it as they were, as in a join; so
a combination that came or went as a whole is met in one of the plans.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from qsdb.live.flips import Flips, flips_of
from qsdb.live.tables import Before, FoundRows, Now, Pair, Rows, parted
from qsdb.sql.loops import compile_plan
from qsdb.sql.planning import Plan, Step, make_plan
from qsdb.sql.queries import Output, Query
from qsdb.sql.readable import Readable, Run, StoredRow
from qsdb.sql.typed import (
    Cell,
    Exists,
    Logic,
    Typed,
    all_exists,
    parts_of,
    renumbered,
    sources_of,
)

__all__ = ["Witnesses", "bases_of", "conditions_on", "outputs_of"]


@attrs.frozen
class _Search:
    """How candidates are found for changes of one witness table.

    Attributes:
        source: The table.
        earlier: Those before it in the same condition.
        tables: All tables that the plan reads, in its order.
        flips: What finds those rows that can change an answer; None if all can.
    """

    source: int
    earlier: frozenset[int]
    tables: tuple[int, ...]
    plan: Plan
    run: Run
    flips: Flips | None

    def changed(
        self,
        pairs: Sequence[Pair],
        now: Readable,
        before: Readable | None,
        arguments: Sequence[object],
    ) -> list[StoredRow]:
        """Give the rows of the table that came or went and can change an answer."""
        flips = self.flips
        if flips is None:
            return [row for pair in pairs for row in pair if row is not None]
        came, went = parted(pairs)
        came = flips.of(came, before or now, arguments)
        return came + flips.of(went, now, arguments)


_Path = tuple[Exists, tuple[int, ...], tuple[Typed, ...]]
"""What looks for witnesses, the tables of those that it is inside of, and what must be
true so that it matters."""


class Witnesses:
    """The witness tables of one query.

    Attributes:
        plans: What finds candidates.
    """

    def __init__(self, query: Query, inner: Mapping[Exists, Sequence[Step]]) -> None:
        """Plan and compile.

        Args:
            query: The query.
            inner: How each condition that looks for witnesses is asked.

        Cost: some milliseconds for each of these tables.
        """
        self._names = [each.schema.name for each in query.tables]
        bases = bases_of(query)
        schemas = [query.sources[number].schema for number in bases]
        self._bases = [(each.name, len(each.columns)) for each in schemas]
        self._searches = [
            _search(query, bases, source, path, inner.get(path[0]))
            for path in (*_joined(query, bases), *_paths(query.conditions))
            for source in path[0].sources
        ]
        self.plans = [each.plan for each in self._searches]
        flips = [each.flips for each in self._searches]
        self.plans += [each.plan for each in flips if each is not None]

    def candidates(
        self,
        arguments: Sequence[object],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> list[list[Readable]]:
        """Give rows for which a condition may have changed, in place of the sources.

        Args:
            arguments: Of the query: who calls, and the values of the parameters.
            concerned: Which of the tables → the changes of it.
            now: Name → table as it is.
            before: Name → table as it was; None if it has not changed.
        """
        found: dict[StoredRow, None] = {}
        for search in self._searches:
            pairs = concerned.get(search.source, ())
            if not pairs:
                continue
            name = self._names[search.source]
            rows = search.changed(pairs, now[name], before[name], arguments)
            if rows:
                tables: list[Readable] = []
                for number in search.tables:
                    name = self._names[number]
                    old = None if number in search.earlier else before[name]
                    tables.append(
                        Rows(rows) if number == search.source else old or now[name]
                    )
                found |= dict.fromkeys(search.run(*tables, *arguments))
        if len(self._bases) > 1:
            return [self.parted(row, now) for row in found]
        return [[Rows([*found])]] if found else []

    def parted(self, row: StoredRow, now: Mapping[str, Now]) -> list[Readable]:
        """Give the rows of which one consists, each in the place of its table."""
        parts: list[Readable] = []
        start = 0
        for name, width in self._bases:
            parts.append(FoundRows([row[start : start + width]], now[name]))
            start += width
        return parts


def bases_of(query: Query) -> list[int]:
    """Give the tables of which a row must be there: all but those of outer joins."""
    outer = [each.source for each in query.outer]
    return [n for n in range(len(query.sources)) if n not in outer]


def outputs_of(query: Query, sources: Sequence[int]) -> tuple[Output, ...]:
    """Give all columns of some tables, one table after the other."""
    return tuple(
        [
            Output(f"c{number}_{n}", Cell(number, n, each.kind, is_optional=False))
            for number in sources
            for n, each in enumerate(query.sources[number].schema.columns)
        ]
    )


def _joined(query: Query, bases: Sequence[int]) -> Iterator[_Path]:
    """Yield the table of each outer join as if it were looked into.

    Besides, each condition in ON that looks for witnesses.
    """
    about = [e for e in query.conditions if not _looks(e) and sources_of(e) <= {*bases}]
    for outer in query.outer:
        wanted = (*about, *outer.conditions, *outer.own)
        yield Exists((outer.source,), wanted), (), wanted
        yield from _paths(wanted)


def _search(
    query: Query,
    bases: Sequence[int],
    source: int,
    path: _Path,
    steps: Sequence[Step] | None,
) -> _Search:
    """Plan how candidates are found for changes of one table.

    Args:
        query: The query.
        bases: Those of its tables of which a row must be there.
        source: The table.
        path: What looks for rows of it.
        steps: How that is asked; None for an outer join.
    """
    exists, around, conditions = path
    tables = (*bases, *around, *exists.sources)
    places = {number: place for place, number in enumerate(tables)}
    # A table has another number in this plan, wherever something is said of it.
    sought = attrs.evolve(
        query,
        sources=tuple([query.tables[number] for number in tables]),
        hidden=(),
        conditions=tuple(
            [e for e in conditions if not _looks(e) and sources_of(e) <= {*tables}]
        ),
        outputs=outputs_of(query, bases),
        whole=0 if len(bases) == 1 else None,
        outer=(),
    ).mapped(lambda each: renumbered(each, places))
    plan = make_plan(sought, places[source], wishes=True)
    earlier = exists.sources[: exists.sources.index(source)]
    flips = None if steps is None else flips_of(query, exists, source, steps)
    return _Search(source, frozenset(earlier), tables, plan, compile_plan(plan), flips)


def _paths(
    conditions: Sequence[Typed], around: tuple[int, ...] = ()
) -> Iterator[_Path]:
    """Yield each condition that looks for witnesses, also those inside of another.

    Besides, the tables of those that it is inside of, and what must be true so that it
    matters.
    """
    for exists, certain in _looking(conditions):
        plain = [each for each in exists.conditions if not _looks(each)]
        yield exists, around, (*certain, *plain)
        for inner, tables, needed in _paths(
            exists.conditions, (*around, *exists.sources)
        ):
            yield inner, tables, (*certain, *needed)


def _looking(
    conditions: Sequence[Typed],
) -> Iterator[tuple[Exists, tuple[Typed, ...]]]:
    """Yield what looks for witnesses, and the terms that must be true beside it."""
    plain = [each for each in conditions if not _looks(each)]
    for condition in filter(_looks, conditions):
        if isinstance(condition, Exists):
            yield condition, tuple(plain)
            continue
        parts = [*parts_of(condition)]
        is_all = isinstance(condition, Logic) and condition.operator == "AND"
        for part in [parts] if is_all else [[each] for each in parts]:
            for exists, certain in _looking(part):
                # Under NOT what is beside it may be unknown, and it matters.
                beside = certain if isinstance(condition, Logic) else ()
                yield exists, (*plain, *beside)


def _looks(node: Typed) -> bool:
    return any(True for _ in all_exists([node]))


def conditions_on(query: Query, source: int) -> list[Sequence[Typed]]:
    """Give the conditions that rows of a table must meet, so that they matter.

    Each is one way to matter: what IN with a query means looks into its tables in up to
    three ways, for a value, for NULL, and for anything (`qsdb.sql.subqueries`).
    """
    for outer in query.outer:
        if source == outer.source:
            return [(*outer.conditions, *outer.own)]
    looking = [e for e in all_exists(query.tests) if source in e.sources]
    return [each.conditions for each in looking] or [query.conditions]
