"""How a query of several parts is answered: a plan for each, and orders from indexes.

Where a window is over one table and an ordered index has its rows in that order, the
rows are *walked*: read from one end of the index, no more of them than are asked for.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from qsdb.sql.paths import IndexPath, paths_of
from qsdb.sql.planning import Plan, Sargs, Step, make_plan, step_by
from qsdb.sql.queries import Query
from qsdb.sql.relations import Derived, Ordering, Relation, Selected, Window, inputs_of
from qsdb.sql.typed import Cell, Constant, Typed

__all__ = ["AnyPlan", "DerivedPlan", "Walk", "plan_query"]


@attrs.frozen
class Walk:
    """An ordered index that has the rows of a window in order.

    Attributes:
        step: The index, what its first columns are equal to, the range that is walked,
            and what is tested of each row.
        is_reversed: Whether it is walked from its end.
        columns_count: How many columns of the index decide; among rows that are equal
            in them the keys do.
        wanted: How many rows are wanted, if that is known.
    """

    step: Step
    is_reversed: bool
    columns_count: int
    wanted: int | None = None


@attrs.frozen
class DerivedPlan:
    """A query of several parts, and a plan for each.

    Attributes:
        plans: Of its leaves, from the left.
        walks: Number of a leaf → the index by which it is walked instead.
    """

    query: Derived
    plans: tuple[Plan, ...]
    walks: Mapping[int, Walk]

    @property
    def is_point(self) -> bool:
        """Whether it is one look-up of one row."""
        return len(self.plans) == 1 and self.plans[0].is_point


AnyPlan = Plan | DerivedPlan


def plan_query(query: Selected) -> AnyPlan:
    """Plan a query."""
    if isinstance(query, Query):
        return make_plan(query)
    plans = tuple([make_plan(leaf) for leaf in query.leaves])
    walks = dict(_walks(query.root, iter(range(len(plans))), plans))
    return DerivedPlan(query, plans, walks)


def _walks(
    relation: Relation, numbers: Iterator[int], plans: Sequence[Plan]
) -> Iterator[tuple[int, Walk]]:
    """Yield the leaves that are walked, from the left."""
    if isinstance(relation, Query):
        next(numbers)
        return
    if isinstance(relation, Window) and isinstance(relation.input, Query):
        number = next(numbers)
        walk = _walk(relation, relation.input, plans[number])
        if walk is not None:
            yield number, walk
        return
    for each in inputs_of(relation):
        yield from _walks(each, numbers, plans)


def _walk(window: Window, leaf: Query, plan: Plan) -> Walk | None:
    """Give the index by which a window is walked, if there is one."""
    asked = window.order[: window.asked]
    is_single = len(leaf.sources) == 1 and not leaf.views
    if window.limit is None or not asked or not is_single or not _is_even(asked):
        return None
    columns = []
    for each in asked:
        assert isinstance(each.term, Cell)
        term = leaf.outputs[each.term.place].term
        if not isinstance(term, Cell):
            return None
        columns.append(term.place)
    sargs = Sargs(leaf.conditions, 0)
    [planned] = plan.steps
    for path in paths_of(leaf.sources[0].schema):
        walk = _walk_by(path, sargs, columns, leaf.conditions)
        if walk is not None and len(walk.step.equal) >= len(planned.equal):
            return attrs.evolve(
                walk, is_reversed=asked[0].is_descending, wanted=_wanted(window)
            )
    return None


def _wanted(window: Window) -> int | None:
    """Say how many rows a window is about, if no parameter says so."""
    total = 0
    for each in (window.limit, window.offset):
        if isinstance(each, Constant) and isinstance(each.value, int):
            total += each.value
        elif each is not None:
            return None
    return total


def _is_even(asked: Sequence[Ordering]) -> bool:
    """Whether an index, walked in one direction, may have such an order."""
    direction = asked[0].is_descending
    return all(
        each.is_descending == direction and each.are_nulls_first == direction
        for each in asked
    )


def _walk_by(
    path: IndexPath, sargs: Sargs, columns: Sequence[int], conditions: Sequence[Typed]
) -> Walk | None:
    """Give the walk by an index, if it has the order of some columns."""
    if not path.is_ordered:
        return None
    step, settled = step_by(0, path, sargs)
    if step is None:
        step, settled = Step(0, path), []
    fixed = path.columns[: len(step.equal)]
    left = [each for each in columns if each not in fixed]
    if any(len(each) > 1 for each in step.equal) or not left:
        return None
    if [*path.columns[len(fixed) :][: len(left)]] != left:
        return None
    filters = [each for each in conditions if not any(each is s for s in settled)]
    step = attrs.evolve(step, filters=tuple(filters))
    return Walk(step, is_reversed=False, columns_count=len(fixed) + len(left))
