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
from qsdb.sql.typed import Calculation, Negation, Typed, parts_of, sources_of
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
    """

    sure: Counter[str]
    perhaps: Counter[str]
    may_fail: bool
    limit: int | None
    is_count: bool

    def fault(self, rows: Iterable[Iterable[Any]]) -> str | None:
        """Say what is wrong with a result; None if it is right."""
        given = [tuple(row) for row in rows]
        least, most = self.sure.total(), self.sure.total() + self.perhaps.total()
        if self.is_count:
            expected = [(n,) for n in range(least, most + 1)]
            if self.limit == 0:
                return None if not given else f"{given} where nothing is asked for"
            good = len(given) == 1 and given[0] in expected
            return None if good else f"{given}, and {least} to {most} are right"
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


def judged_query(
    query: Query, tables: Mapping[str, StoredRows], arguments: Mapping[str, Any]
) -> Verdict:
    """Answer a query.

    Args:
        query: It.
        tables: Name → stored rows.
        arguments: Values of parameters, and of ``sender``.
    """
    rows = [tables[each.schema.name] for each in query.sources]
    sure: Counter[str] = Counter()
    perhaps: Counter[str] = Counter()
    terms = [output.term for output in query.outputs]
    fails = any(may_fail(each, rows, arguments) for each in (*query.conditions, *terms))
    for combination, is_sure in matching(query, rows, arguments):
        try:
            made = [judged(each, combination, arguments) for each in terms]
        except TroubleError:  # it fails, or is cut off before by a limit
            assert fails
            continue
        (sure if is_sure else perhaps).update(bag([made]))
    return Verdict(sure, perhaps, fails, query.limit, query.is_count)


def matching(
    query: Query, rows: Sequence[StoredRows], arguments: Mapping[str, Any]
) -> Iterator[tuple[Combination, bool]]:
    """Yield combinations that meet the conditions, and whether that is sure."""
    for combination in itertools.product(*rows):
        is_sure = True
        for condition in query.conditions:
            try:
                if judged(condition, combination, arguments) is not True:
                    break
            except TroubleError:
                is_sure = False
        else:
            yield combination, is_sure


def may_fail(
    node: Typed, rows: Sequence[StoredRows], arguments: Mapping[str, Any]
) -> bool:
    """Whether a part of an expression cannot be worked out for some rows."""
    if isinstance(node, Calculation | Negation):
        used = sources_of(node)
        # One row stands for all of a table that the node does not look at.
        looked_at = [each if n in used else [()] for n, each in enumerate(rows)]
        for combination in itertools.product(*looked_at):
            try:
                judged(node, combination, arguments)
            except TroubleError:
                return True
    return any(may_fail(each, rows, arguments) for each in parts_of(node))
