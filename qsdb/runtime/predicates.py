"""What a query asks of the rows that it looks through, for optimistic transactions.

Where a query has no index it looks at all rows of a table. The transaction would then
depend on each of them, and conflict with every change of the table. But it depends on
those alone for which the query's conditions on this table hold: any other row may come,
go and change. So these conditions are noted in place of the whole table.

A query may look through one table several times, for different rows: NOT IN asks for
those that are equal and for those that are NULL. Then the rows are asked for that *one*
of the ways asks for; if a way asks for all, all are.

Conditions on several tables, and those on rows of other tables that exist, are left
out: a row for which the rest holds counts as asked for, which is safe.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal

from qsdb.sql.arranging import AnyPlan
from qsdb.sql.checking import SENDER
from qsdb.sql.compiling import Bind, compile_predicate
from qsdb.sql.finding import is_whole
from qsdb.sql.planning import Plan, Step
from qsdb.sql.typed import Logic, Typed, all_exists, can_fail, sources_of
from qsdb.store.optimistic.notes import Test
from qsdb.store.optimistic.tables import OptimisticTable
from qsdb.store.orders import StoredRow

__all__ = ["Predicates", "predicates_of"]

Condition = tuple[int, Typed]
"""The number of a table in its plan, and what is asked of each of its rows."""


class Predicates:
    """The conditions of one query on each table that it looks through."""

    def __init__(self, plan: AnyPlan, asked: dict[int, Condition]) -> None:
        """Keep them; they are compiled when they are first noted.

        Args:
            plan: Of the query.
            asked: Place of a table in the query → what is asked of its rows.
        """
        self._parameters = [SENDER, *plan.query.parameters]
        self._asked = asked
        self._compiled: dict[int, Bind] = {}

    def noting(
        self, handles: Sequence[object], caller: bytes, values: Sequence[object]
    ) -> Sequence[object]:
        """Give tables that note the conditions where all rows are looked at.

        Args:
            handles: The tables of the query's sources.
            caller: Who asks.
            values: Of the query's parameters.
        """
        found = [*handles]
        for place, (source, _) in self._asked.items():
            handle = found[place]
            if isinstance(handle, OptimisticTable):
                test = self._bind(place)(caller, *values)
                # Rows of the tables before it are not looked at.
                of_row = partial(test, *[None] * source)
                found[place] = _Asked(handle, (self, place, caller, *values), of_row)
        return found

    def _bind(self, place: int) -> Bind:
        bind = self._compiled.get(place)
        if bind is None:
            source, term = self._asked[place]
            bind = compile_predicate(term, self._parameters, source + 1)
            self._compiled[place] = bind
        return bind


class _Asked:
    """An optimistic table whose rows are looked through for a condition.

    By its indexes it is read as ever: another part of the query may do that.
    """

    __slots__ = ("_condition", "_count", "_select", "_table", "_test")

    def __init__(
        self, table: OptimisticTable[Any], condition: tuple[object, ...], test: Test
    ) -> None:
        self._table = table
        self._condition = condition
        self._test = test
        self._select, self._count = table._select, table._count

    def _scan(self) -> list[StoredRow]:
        return self._table._scan_for(self._condition, self._test)


def predicates_of(plan: AnyPlan) -> Predicates | None:
    """Give the conditions of a query; None if it looks through no table for any."""
    asked: dict[int, Condition] = {}
    begin = 0
    for part, steps in _parts(plan):
        for source, term in _asked_of(steps):
            asked[begin + source] = source, term
        begin += len(part.query.tables)
    return Predicates(plan, asked) if asked else None


def _parts(plan: AnyPlan) -> Iterator[tuple[Plan, list[Step]]]:
    """Yield the plans that a plan is made of, and by which steps each finds rows."""
    if isinstance(plan, Plan):
        yield plan, [*plan.all_steps]
        return
    for number, part in enumerate(plan.plans):
        steps = [*part.all_steps]
        if number in plan.walks:  # in place of its first step, which is its only one
            steps[0] = plan.walks[number].step
        yield part, steps


def _asked_of(steps: Sequence[Step]) -> Iterator[Condition]:
    """Yield what is asked of the rows of each table that is looked through."""
    ways: dict[int, list[Sequence[Typed]]] = {}
    for step in steps:
        if step.path is None or step.is_hashed:
            ways.setdefault(step.source, []).append([*_own_conditions(step)])
    for source, found in ways.items():
        if all(found):
            yield source, _joined("OR", [_joined("AND", each) for each in found])


def _joined(operator: Literal["AND", "OR"], terms: Sequence[Typed]) -> Typed:
    return terms[0] if len(terms) == 1 else Logic(operator, tuple(terms))


def _own_conditions(step: Step) -> Iterator[Typed]:
    """Yield what a step that looks at all rows asks of each alone.

    If a condition that is left out can fail, it may do so of rows for which those
    behind it do not hold: then these do not count.
    """
    for each in step.own if is_whole(step) else step.filters:
        used = sources_of(each)
        if used == {step.source} and not any(True for _ in all_exists([each])):
            yield each
        elif step.is_hashed and not used <= {step.source}:
            continue  # it is tested behind all those of the table alone
        elif can_fail(each):
            return
