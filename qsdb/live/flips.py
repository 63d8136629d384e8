"""Which rows of a witness table can change an answer at all.

`Exists` looks at a row of one of its tables in two ways: some conditions are about this
row alone, and what the others see of it are a few columns, its *key*. Rows that meet
the former and have equal keys do the same for all rows around. So it is of no matter
how many of them there are, but only whether there are any: a row that comes changes
nothing where one with its key was there before, and one that goes changes nothing where
another is there now. As with DISTINCT, what counts is whether a key *flips*.

A thousand who are in one guild change who has company as one does: the first that comes
is looked at, and so is the last that goes, and for the others an index is asked once.

It is asked only where an index settles the whole key, which is one that the table has,
or that the condition needs besides: then that costs O(1), or O(rows with that key)
where conditions are about these rows alone.
"""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from qsdb.live.tables import Rows
from qsdb.sql.loops import compile_plan
from qsdb.sql.planning import Plan, Step, make_plan
from qsdb.sql.queries import Query
from qsdb.sql.readable import Readable, Run, StoredRow
from qsdb.sql.typed import (
    Cell,
    Comparison,
    Exists,
    Not,
    Typed,
    all_exists,
    can_fail,
    parts_of,
    renumbered,
    sources_of,
)

__all__ = ["Flips", "cells_of", "flips_of"]


@attrs.frozen
class Flips:
    """Finds, of the rows that came or went, those whose keys flip.

    Attributes:
        key: The places of the columns that are the key.
        plan: What finds the rows that meet their own conditions, and for which there is
            no other with their key.
    """

    key: tuple[int, ...]
    plan: Plan
    own: Run
    run: Run

    def of(
        self, rows: list[StoredRow], other: Readable, arguments: Sequence[object]
    ) -> list[StoredRow]:
        """Give one row for each key that flips.

        Args:
            rows: They came, or they went.
            other: The table without the former, or without the latter.
            arguments: Of the query.
        """
        if len(rows) > 1:  # each key is asked for once
            rows = self.own(Rows(rows), other, *arguments)
            keyed = {tuple([row[place] for place in self.key]): row for row in rows}
            rows = [*keyed.values()]
        return self.run(Rows(rows), other, *arguments) if rows else rows


def cells_of(nodes: Iterable[Typed], source: int) -> Mapping[int, Cell]:
    """Give the columns of a table that expressions look at, by their places."""
    found: dict[int, Cell] = {}
    for node in nodes:
        if isinstance(node, Cell) and node.source == source:
            found[node.place] = node
        found |= cells_of(parts_of(node), source)
    return found


def flips_of(
    query: Query, exists: Exists, source: int, steps: Sequence[Step]
) -> Flips | None:
    """Say how it is found which keys of a table flip; None if that would cost more.

    Args:
        query: What the condition stands in.
        exists: The condition.
        source: The table.
        steps: How the condition is asked.
    """
    alone = [e for e in exists.conditions if _is_alone(e, source)]
    rest = [e for e in exists.conditions if not _is_alone(e, source)]
    cells = cells_of(rest, source)
    same: list[Typed] = [
        Comparison("=", attrs.evolve(cell, source=1), attrs.evolve(cell, source=0))
        for cell in cells.values()
    ]
    other = Exists((1,), (*same, *[renumbered(e, {source: 1}) for e in alone]))
    table = query.tables[source]
    own = attrs.evolve(
        query,
        sources=(table,),
        hidden=(table,),
        conditions=tuple([renumbered(e, {source: 0}) for e in alone]),
        outputs=(),
        whole=0,
        outer=(),
    )
    flipping = attrs.evolve(own, conditions=(*own.conditions, Not(other)))
    plan = make_plan(flipping, 0, wishes=True)
    [step] = plan.inner[other]
    if step.finds_one or any(each in step.filters for each in same):
        return None
    is_kept = step.path is None or step.path.number is None or step.path.number >= 0
    if not is_kept and step.path not in [e.path for e in steps if e.source == source]:
        return None
    own_run = compile_plan(make_plan(own, 0, wishes=True))
    return Flips(tuple(cells), plan, own_run, compile_plan(plan))


def _is_alone(node: Typed, source: int) -> bool:
    """Whether a condition is about rows of one table alone, and cannot fail."""
    is_own = sources_of(node) == {source} and not can_fail(node)
    return is_own and not any(True for _ in all_exists([node]))
