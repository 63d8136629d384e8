"""The slow obvious twin of whole queries: every combination of rows, one by one.

It shares nothing with plans and loops but the typed tree, and takes expressions from
`tests.unit.sql.judge`. No index is used, and nothing is clever.

A result that has no room in its kind, and a division by 0, end a query; but only if it
comes to that, and how far a query goes is the plan's own affair. So a verdict says

* what must be in the result: combinations of which every condition is true;
* what may be in it: combinations of which no condition is false, but one cannot be
  worked out. Where one operand is absent, others need not be looked at, so that there
  can be an answer all the same;
* whether the query may fail: whether any part of an expression cannot be worked out,
  of any rows of the tables that it is about. A plan works values out before it looks
  rows up, also where no row would have been found.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from qsdb.sql.queries import Query
from qsdb.sql.relations import Derived, Group, Project, Selected, Window, leaves_of
from qsdb.sql.typed import (
    Calculation,
    Call,
    Negation,
    Typed,
    can_fail,
    parts_of,
    sources_of,
)
from tests.support.relation_judge import combinations, derived_rows, has_loose_limit
from tests.unit.sql.judge import TroubleError, judged

__all__ = ["Verdict", "bag", "judged_query", "matching", "may_fail"]

StoredRows = Sequence[tuple[Any, ...]]
Combination = Sequence[tuple[Any, ...]]


def bag(rows: Iterable[Iterable[Any]]) -> Counter[str]:
    """Give rows as a bag: True is not 1 in it, and NaN is NaN."""
    return Counter(repr(tuple(row)) for row in rows)


@attrs.frozen
class Verdict:
    """What a query may give; all of it counts rows before LIMIT.

    Attributes:
        sure: Rows that must be there.
        perhaps: Rows that may be there.
        may_fail: Whether it may end with an error.
        limit: Of the query.
        is_count: Whether a number is asked for.
        order: The rows as they must follow each other; None for any order.
        is_open: Whether anything may come: something fails, and on what else that has
            an effect, nobody can tell.
    """

    sure: Counter[str]
    perhaps: Counter[str]
    may_fail: bool
    limit: int | None = None
    is_count: bool = False
    order: list[str] | None = None
    is_open: bool = False

    def fault(self, rows: Iterable[Iterable[Any]]) -> str | None:
        """Say what is wrong with a result; None if it is right."""
        given = [tuple(row) for row in rows]
        least, most = self.sure.total(), self.sure.total() + self.perhaps.total()
        if self.is_count:
            expected = [(n,) for n in range(least, most + 1)]
            good = len(given) == 1 and given[0] in expected
            return None if good else f"{given}, and {least} to {most} are right"
        if self.order is not None:
            found_order = [repr(each) for each in given]
            good = found_order == self.order
            return None if good else f"{found_order}, and {self.order} is right"
        return None if self.is_open else self._fault_of_bag(given, least, most)

    def _fault_of_bag(
        self, given: list[tuple[Any, ...]], least: int, most: int
    ) -> str | None:
        found = bag(given)
        if self.limit is not None:
            least, most = min(least, self.limit), min(most, self.limit)
        elif missing := self.sure - found:
            return f"missing: {missing}"
        if surplus := found - (self.sure + self.perhaps):
            return f"too many: {surplus}"
        if not least <= len(given) <= most:
            return f"{len(given)} rows, and {least} to {most} are right"
        return None


Rows = Mapping[str, StoredRows]


def judged_query(
    query: Selected, tables: Rows, arguments: Mapping[str, Any]
) -> Verdict:
    """Answer a query.

    Args:
        query: It.
        tables: Name → stored rows.
        arguments: Values of parameters, and of ``sender``.
    """
    if isinstance(query, Query):
        return _judged_bag(query, tables, arguments)
    root = query.root
    match root:
        case Project(input=Group(is_count=True, input=leaf)):
            return attrs.evolve(_judged_bag(leaf, tables, arguments), is_count=True)
        case Window(input=Query() as leaf, order=(), offset=None, limit=limit) if limit:
            most = judged(limit, [], arguments)
            return attrs.evolve(_judged_bag(leaf, tables, arguments), limit=most)
        case _:
            return _judged_tree(query, tables, arguments)


def _judged_tree(query: Derived, tables: Rows, arguments: Mapping[str, Any]) -> Verdict:
    """Answer a query with operators; nothing is told of one that may fail."""
    fails = any(
        _may_leaf_fail(leaf, tables, arguments) for leaf in leaves_of(query.root)
    )
    try:
        rows = derived_rows(query, tables, arguments)
    except TroubleError:
        fails = True
        rows = []
    if fails:
        return Verdict(Counter(), Counter(), may_fail=True, is_open=True)
    root, order = query.root, None
    while isinstance(root, Project):
        root = root.input
    if isinstance(root, Window) and root.order:
        order = [repr(tuple(row)) for row in rows]
    if not has_loose_limit(root):
        return Verdict(bag(rows), Counter(), may_fail=False, order=order)
    assert isinstance(root, Window)
    assert not has_loose_limit(root.input)
    before = attrs.evolve(query, root=root.input)
    everything = bag(derived_rows(before, tables, arguments))
    return Verdict(everything, Counter(), may_fail=False, limit=len(rows))


def _may_leaf_fail(leaf: Query, tables: Rows, arguments: Mapping[str, Any]) -> bool:
    # Rows of nothing stand in, behind outer joins, and then nothing fails.
    rows = [tables[each.schema.name] for each in leaf.tables]
    terms = (*leaf.tests, *[each.term for each in leaf.outputs])
    return any(may_fail(each, rows, arguments) for each in terms)


def _judged_bag(query: Query, tables: Rows, arguments: Mapping[str, Any]) -> Verdict:
    rows = [tables[each.schema.name] for each in query.tables]
    sure: Counter[str] = Counter()
    perhaps: Counter[str] = Counter()
    terms = [output.term for output in query.outputs]
    fails = _may_leaf_fail(query, tables, arguments)
    if fails and (query.outer or query.hidden):
        return Verdict(sure, perhaps, may_fail=True, is_open=True)
    for combination, is_sure in matching(query, rows, arguments):
        try:
            made = [judged(each, combination, arguments, rows) for each in terms]
        except TroubleError:  # it fails, or is cut off before by a limit
            assert fails
            continue
        (sure if is_sure else perhaps).update(bag([made]))
    return Verdict(sure, perhaps, fails)


def matching(
    query: Query, rows: Sequence[StoredRows], arguments: Mapping[str, Any]
) -> Iterator[tuple[Combination, bool]]:
    """Yield combinations that meet the conditions, and whether that is sure.

    Args:
        query: Whose.
        rows: Of all its tables.
        arguments: Values of parameters.
    """
    for found in combinations(query, rows, arguments):
        combination = [*found, *rows[len(query.sources) :]]
        is_sure = True
        for condition in query.conditions:
            try:
                if judged(condition, combination, arguments, rows) is not True:
                    break
            except TroubleError:
                is_sure = False
        else:
            yield found, is_sure


def may_fail(
    node: Typed, rows: Sequence[StoredRows], arguments: Mapping[str, Any]
) -> bool:
    """Whether a part of an expression cannot be worked out for some rows."""
    if isinstance(node, Calculation | Negation | Call) and can_fail(node):
        used = sources_of(node)
        # One row stands for all of a table that the node does not look at.
        looked_at = [each if n in used else [()] for n, each in enumerate(rows)]
        for combination in itertools.product(*looked_at):
            try:
                judged(node, combination, arguments)
            except TroubleError:
                return True
    return any(may_fail(each, rows, arguments) for each in parts_of(node))
