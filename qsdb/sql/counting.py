"""`IndexCounts`: how many rows a step finds, counted by its index.

An index knows how many rows have a value, and how many are in a range, without a look
at any row. Where a step compares with what is known before anything is found, so with
constants and parameters, that is the number. What depends on rows of other tables, or
is grouped for one run, is not counted.

Cost: that of compiling a small function, then of one look-up for each value.
"""

from collections.abc import Iterator, Mapping, Sequence

from qsdb.sql.compiling import ExpressionWriter, parameter_variable
from qsdb.sql.planning import Plan, Step
from qsdb.sql.readable import Readable
from qsdb.sql.typed import Typed, sources_of
from qsdb.sql.ways import Way, Ways
from qsdb.values.kinds import Stored
from qsdb.values.source import compile_source

__all__ = ["IndexCounts"]


class IndexCounts:
    """Counts for one run of a query."""

    def __init__(
        self,
        tables: Mapping[str, Readable],
        parameters: Sequence[str],
        values: Sequence[Stored],
    ) -> None:
        """Prepare.

        Args:
            tables: Name → table, of those that have indexes.
            parameters: Names of the query's parameters.
            values: Theirs.
        """
        self._tables = tables
        self._parameters = parameters
        self._values = values

    def of(self, plan: Plan, step: Step) -> int | None:
        """Give how many rows a step finds; None if it cannot be counted."""
        table = self._tables.get(plan.query.tables[step.source].schema.name)
        if table is None or step.is_hashed or any(map(sources_of, _terms(step))):
            return None
        writer = ExpressionWriter()
        way = Ways(plan, writer).way(step)
        if way.arguments is None:
            return None
        arguments = ", ".join(map(parameter_variable, self._parameters))
        code = (
            f"def count(t{step.source}, {arguments}):\n{''.join(writer.helpers)}"
            f"    return {_count(step, way)}\n"
        )
        count = compile_source("count", code, writer.names)["count"]
        assert callable(count)
        found = count(table, *self._values)
        assert type(found) is int
        return found


def _terms(step: Step) -> Iterator[Typed]:
    """Yield what a step compares with."""
    for each in step.equal:
        yield from each
    if step.span is not None:
        for end in (step.span.low, step.span.high):
            if end is not None:
                yield end.value


def _count(step: Step, way: Way) -> str:
    """Write the count: of all choices, and nothing where something is not known."""
    counted = f"t{step.source}._count({way.arguments})"
    for each in reversed(way.known):
        counted = f"(0 if {each} is None else {counted})"
    if not way.choices:
        return counted
    loops = " ".join([f"for {name} in {given}" for name, given in way.choices.items()])
    return f"sum([{counted} {loops}])"
