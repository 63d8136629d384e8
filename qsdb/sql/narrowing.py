"""Conditions of whole tables, put into a query wherever these tables stand in it.

A table may be narrowed to some of its rows, as if it had no others. In FROM that is a
condition like others; but behind an outer join a row of nothing would not meet it, so
there it belongs to the join, and to what is joined before RIGHT and FULL. Where a
condition looks into a table, it is one of what is looked for.
"""

from collections.abc import Callable

import attrs

from qsdb.sql.queries import Outer, Query
from qsdb.sql.typed import Exists, Typed, parts_of, with_parts

__all__ = ["narrowed"]

ConditionsOf = Callable[[int], tuple[Typed, ...]]
"""Gives what must be true of rows of a table, by its number."""


def narrowed(query: Query, conditions_of: ConditionsOf) -> Query:
    """Give a query whose tables have only rows that meet conditions.

    Args:
        query: It.
        conditions_of: Gives them; each is about the table, and may look into others.
    """
    count = len(query.tables)

    def looking(node: Typed) -> Typed:
        found = with_parts(node, [*map(looking, parts_of(node))])
        if not isinstance(found, Exists) or max(found.sources) >= count:
            return found
        more = [each for number in found.sources for each in conditions_of(number)]
        return attrs.evolve(found, conditions=(*more, *found.conditions))

    if query.hidden:
        query = query.mapped(looking)
    for number in range(len(query.sources)):
        more = conditions_of(number)
        if more:
            query = _narrowed_at(query, number, more)
    return query


def _narrowed_at(query: Query, number: int, more: tuple[Typed, ...]) -> Query:
    """Narrow one table of FROM."""
    outer = [*query.outer]
    for place, each in enumerate(outer):
        if each.source == number or (each.kind != "LEFT" and each.source > number):
            outer[place] = _joined(each, number, more)
            return attrs.evolve(query, outer=tuple(outer))
    return attrs.evolve(query, conditions=(*more, *query.conditions))


def _joined(outer: Outer, number: int, more: tuple[Typed, ...]) -> Outer:
    if outer.source != number:
        return attrs.evolve(outer, before=(*more, *outer.before))
    if outer.kind == "LEFT":
        return attrs.evolve(outer, conditions=(*more, *outer.conditions))
    return attrs.evolve(outer, own=(*more, *outer.own))
