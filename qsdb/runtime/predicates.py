"""What a query asks of the rows that it looks through, for optimistic transactions.

Where a query has no index it looks at all rows of a table. The transaction would then
depend on each of them, and conflict with every change of the table. But it depends on
those alone for which the query's conditions on this table hold: any other row may come,
go and change. So these conditions are noted in place of the whole table.

Conditions on several tables, and those on rows of other tables that exist, are left
out: a row for which the rest holds counts as asked for, which is safe.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from qsdb.sql.arranging import AnyPlan, DerivedPlan
from qsdb.sql.checking import SENDER
from qsdb.sql.compiling import Bind, compile_predicate
from qsdb.sql.planning import Plan, Step
from qsdb.sql.typed import Logic, Typed, all_exists, sources_of
from qsdb.store.optimistic.notes import Test
from qsdb.store.optimistic.tables import OptimisticTable
from qsdb.store.orders import StoredRow
from qsdb.values.ranges import Range

__all__ = ["Predicates", "predicates_of"]


class Predicates:
    """The conditions of one query on each table that it looks through."""

    def __init__(self, plan: Plan, conditions: dict[int, list[Typed]]) -> None:
        """Keep them; they are compiled when they are first noted.

        Args:
            plan: Of the query.
            conditions: Source → what is asked of each of its rows.
        """
        self._parameters = [SENDER, *plan.query.parameters]
        self._conditions = conditions
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
        for source in self._conditions:
            handle = found[source]
            if isinstance(handle, OptimisticTable):
                test = self._bind(source)(caller, *values)
                # Rows of the tables before it are not looked at.
                found[source] = _Asked(handle, partial(test, *[None] * source))
        return found

    def _bind(self, source: int) -> Bind:
        bind = self._compiled.get(source)
        if bind is None:
            terms = self._conditions[source]
            whole = terms[0] if len(terms) == 1 else Logic("AND", tuple(terms))
            bind = compile_predicate(whole, self._parameters, source + 1)
            self._compiled[source] = bind
        return bind


class _Asked:
    """An optimistic table whose rows are looked through for a condition."""

    __slots__ = ("_table", "_test")

    def __init__(self, table: OptimisticTable[Any], test: Test) -> None:
        self._table = table
        self._test = test

    def _scan(self) -> list[StoredRow]:
        return self._table._scan_for(self._test)

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        return self._table._select(number, within, value)


def predicates_of(plan: AnyPlan) -> Predicates | None:
    """Give the conditions of a query; None if it looks through no table for any.

    Of outer joins, and of queries of several parts, the whole tables are noted.
    """
    if isinstance(plan, DerivedPlan) or plan.query.outer:
        return None
    conditions: dict[int, list[Typed]] = {}
    for step in plan.all_steps:
        terms = [*_own_conditions(step)]
        if terms:
            conditions[step.source] = terms
    return Predicates(plan, conditions) if conditions else None


def _own_conditions(step: Step) -> Iterator[Typed]:
    """Yield what a step that looks at all rows asks of each alone."""
    if step.path is not None and not step.is_hashed:
        return
    for each in step.filters:
        if sources_of(each) == {step.source} and not any(
            True for _ in all_exists([each])
        ):
            yield each
