"""Trees: the operators above the queries of a result, and what grows of them.

A query that is more than a bag of rows is a tree of operators over such bags
(`qsdb.sql.relations`). Its template plans the tree once; each live query has one of its
own that grows by that plan, with its values and its states::

    SELECT guild, COUNT(*) FROM player GROUP BY guild HAVING COUNT(*) > 1
    ORDER BY COUNT(*) DESC LIMIT 3

    Window     keeps all groups in order      gives moves
    Project    keeps nothing
    Filter     keeps nothing
    Group      keeps a number for each guild  gives its row as it was and as it is
    Query      keeps nothing                  gives rows that came and went
"""

import heapq
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qsdb.live.addressing import value_of
from qsdb.live.nodes import Both, Kept, Leaf, Mapped, Node, Picked, Shown, United
from qsdb.live.operators import NO_CALLER
from qsdb.live.states.aggregates import (
    Aggregate,
    average,
    count,
    count_rows,
    greatest,
    least,
    total,
)
from qsdb.live.states.distinct import DistinctRows
from qsdb.live.states.grouping import grouping_of
from qsdb.live.states.groups import Groups
from qsdb.live.states.heads import IndexedWindow, ReadAfter
from qsdb.live.states.numbering import Numbered
from qsdb.live.states.set_operations import SetOperation
from qsdb.live.states.sorting import Entry, SortTerm, entry_function
from qsdb.live.states.tops import Tops
from qsdb.live.states.windows import Window
from qsdb.sql import relations, typed
from qsdb.sql.arithmetic import fitter
from qsdb.sql.arranging import DerivedPlan, plan_query
from qsdb.sql.compiling import compile_predicate, compile_values
from qsdb.sql.queries import Query
from qsdb.sql.readable import Readable, StoredRow
from qsdb.sql.relations import Derived, Relation, Selected, outputs_of
from qsdb.sql.sorting import key_function
from qsdb.sql.typed import Cell, Typed
from qsdb.sql.walking import compile_walk
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import U64, IntKind, Kind, Stored

__all__ = ["Growing", "TreePlan", "is_ordered", "is_set", "window_of"]

Values = tuple[Stored, ...]

Now = Mapping[str, Readable]
"""Name → table as it is, whenever that is asked."""

Growing = Callable[[Values, Now], Node]
"""Makes a node, and all below it, for a live query with some values."""


class TreePlan:
    """How trees grow for the live queries of one template."""

    def __init__(self, query: Derived) -> None:
        """Compile what all of them share. Cost: a millisecond for each operator."""
        self._parameters = [*query.parameters]
        self._shown = window_of(query)
        self._leaves = query.leaves
        plan = plan_query(query)
        assert isinstance(plan, DerivedPlan)
        self._plan = plan
        self.grow = self._growing(query.root)

    def window(self, values: Values) -> tuple[int, int | None]:
        """Give OFFSET and LIMIT of a result that is a window, for some values."""
        window = self._shown
        assert window is not None
        offset = self._number(window.offset, values) or 0
        return offset, self._number(window.limit, values)

    def _growing(self, relation: Relation) -> Growing:
        match relation:
            case Query():
                found = self._leaf(relation)
            case relations.Group():
                found = self._group(relation)
            case relations.Filter():
                found = self._filter(relation)
            case relations.Project():
                found = self._project(relation)
            case relations.Distinct():
                found = self._distinct(relation)
            case relations.Top():
                found = self._top(relation)
            case relations.Window():
                found = self._window(relation)
            case _:
                found = self._compound(relation)
        return found

    def _leaf(self, query: Query) -> Growing:
        number = self._number_of(query)
        return lambda *_: Leaf(number)

    def _number_of(self, query: Query) -> int:
        return next(n for n, each in enumerate(self._leaves) if each is query)

    def _group(self, group: relations.Group) -> Growing:
        below = self._growing(group.input)
        aggregates = [*map(_aggregate, group.aggregates)]
        grouping = grouping_of(range(group.keys_count), aggregates)
        return lambda values, now: Kept(below(values, now), Groups(grouping))

    def _filter(self, picked: relations.Filter) -> Growing:
        below = self._growing(picked.input)
        test = compile_predicate(picked.condition, self._parameters)
        return lambda values, now: Picked(below(values, now), test(*values))

    def _project(self, project: relations.Project) -> Growing:
        below = self._growing(project.input)
        terms = [each.term for each in project.outputs]
        places = [each.place for each in terms if isinstance(each, Cell)]
        width = len(outputs_of(project.input))
        if len(places) == len(terms) and places == [*range(width)]:
            return below  # as with most groups: their rows are what is asked for
        make: Any = compile_values(terms, self._parameters)
        return lambda values, now: Mapped(below(values, now), make(*values))

    def _distinct(self, distinct: relations.Distinct) -> Growing:
        below = self._growing(distinct.input)
        return lambda values, now: Kept(below(values, now), DistinctRows())

    def _top(self, top: relations.Top) -> Growing:
        below = self._growing(top.input)
        group_of = key_function(top.groups)
        entry_of = entry_function([*map(_sort_term, top.order)])

        def grow(values: Values, now: Now) -> Node:
            limit = self._number(top.limit, values)
            assert limit is not None
            return Kept(below(values, now), Tops(group_of, entry_of, limit))

        return grow

    def _window(self, window: relations.Window) -> Growing:
        below = self._growing(window.input)
        terms = [_sort_term(each) for each in window.order]
        has_numbers = not is_set(window)
        if has_numbers:
            terms.append(SortTerm(len(outputs_of(window.input)), U64))
        entry_of = entry_function(terms)
        walk = None if has_numbers else self._walk(window, entry_of)

        def grow(values: Values, now: Now) -> Node:
            offset = self._number(window.offset, values) or 0
            limit = self._number(window.limit, values)
            numbered = Numbered() if has_numbers else None
            shown = Window(entry_of, offset, limit)
            if walk is not None and limit is not None:
                shown = IndexedWindow(entry_of, walk(values, now), offset, limit)
            return Shown(below(values, now), shown, numbered)

        return grow

    def _walk(
        self, window: relations.Window, entry_of: Callable[[StoredRow], Entry]
    ) -> Callable[[Values, Now], ReadAfter] | None:
        """Give what reads on in an index that has the order, if there is one."""
        leaf = window.input
        if not isinstance(leaf, Query):
            return None
        number = self._number_of(leaf)
        walk = self._plan.walks.get(number)
        if walk is None:
            return None
        run = compile_walk(self._plan.plans[number], walk)
        names = [each.schema.name for each in leaf.tables]

        def walking(values: Values, now: Now) -> ReadAfter:
            def read_after(bound: Entry, known: int, count: int) -> list[StoredRow]:
                tables = [now[each] for each in names]
                wanted = min(known + count, sys.maxsize)  # as many as can be counted
                rows = run(*tables, NO_CALLER, *values, wanted)
                behind = [each for each in map(entry_of, rows) if bound < each[:-1]]
                return [each[-1] for each in heapq.nsmallest(count, behind)]

            return read_after

        return walking

    @staticmethod
    def _number(term: Typed | None, values: Values) -> int | None:
        """Give what LIMIT or OFFSET is."""
        if term is None:
            return None
        found = value_of(term, values)
        assert isinstance(found, int)
        return found

    def _compound(self, compound: relations.Compound) -> Growing:
        left, right = self._growing(compound.left), self._growing(compound.right)
        operator = compound.operator
        if operator == "UNION" and compound.is_all:
            return lambda values, now: United(left(values, now), right(values, now))
        times = compound.is_all
        return lambda values, now: Both(
            left(values, now), right(values, now), SetOperation(operator, is_all=times)
        )


def _aggregate(node: typed.Aggregate) -> Aggregate:
    """Give what is kept of an aggregate of cells of the input."""
    term = node.term
    if term is None:
        return count_rows()
    assert isinstance(term, Cell)
    place, kind, distinct = term.place, term.kind, node.is_distinct
    match node.function:
        case "COUNT":
            return count(place, distinct=distinct)
        case "SUM":
            [where] = node.places or (None,)
            fit, room = fitter(node.kind, where), None
            if isinstance(node.kind, IntKind):
                room = (node.kind.least, node.kind.greatest)
            return total(place, kind, fit, distinct=distinct, room=room)
        case "AVG":
            return average(place, kind, fitter(node.kind), distinct=distinct)
        case "MIN":
            return least(place, kind)
        case _:
            return greatest(place, kind)


def _sort_term(ordering: relations.Ordering) -> SortTerm:
    cell = ordering.term
    assert isinstance(cell, Cell)
    kind: Kind = OptionKind(cell.kind) if cell.is_optional else cell.kind
    return SortTerm(cell.place, kind, ordering.is_descending, ordering.are_nulls_first)


def is_ordered(query: Selected) -> bool:
    """Whether a result is sorted."""
    window = window_of(query)
    return window is not None and bool(window.order)


def window_of(query: Selected) -> relations.Window | None:
    """Give the window that a result is, whatever is made of its rows."""
    root = query.root if isinstance(query, Derived) else query
    if isinstance(root, relations.Project):
        root = root.input
    return root if isinstance(root, relations.Window) else None


def is_set(window: relations.Window) -> bool:
    """Whether it is certain that no two rows of a window's input are equal in order.

    The order has keys behind what was asked for; so it is, if the input has no row
    twice that can be told apart by nothing.
    """
    return _is_set(window.input, window)


def _keys(query: Query) -> Iterator[tuple[int, int]]:
    """Yield the columns that tell the rows of all tables in FROM apart."""
    for number, source in enumerate(query.sources):
        schema = source.schema
        for place in schema.primary_key or range(len(schema.columns)):
            yield number, place


def _is_set(relation: Relation, window: relations.Window) -> bool:
    match relation:
        case Query(outputs=outputs):
            # A row of a join is there once for the rows that it is made of; a row of
            # nothing, once for those it stands beside.
            cells = [each.term for each in window.order if isinstance(each.term, Cell)]
            terms = [outputs[each.place].term for each in cells]
            sorted_by = {
                (each.source, each.place) for each in terms if isinstance(each, Cell)
            }
            return sorted_by >= {*_keys(relation)}
        case relations.Group() | relations.Distinct():
            return True
        case relations.Top(input=rows):
            return _is_set(rows, window)
        case relations.Compound(is_all=is_all):
            return not is_all
        case _:
            return False
