"""A plan as Python: loops one inside the other, over stored rows.

For ``SELECT p.* FROM player p JOIN guild g ON p.guild = g.id WHERE g.name = :name`` the
code is, where both columns of guild have an index and the one of player has none::

    def run(t0, t1, p_sender, p_name):
        g0 = {}
        for r0 in t0._scan():
            if True:
                g0.setdefault(r0[2], []).append(r0)
        found = []
        for r1 in t1._select(0, None, p_name):
            for r0 in g0.get(r1[0], ()):
                found.append(r0)
        return found

The loops know nothing of who has the rows: a table is whatever follows `Readable`, in
a transaction or beside one.
"""

import itertools
from collections.abc import Iterator, Sequence

from qsdb.sql.compiling import parameter_variable
from qsdb.sql.finding import Finder, is_whole
from qsdb.sql.freedom import SENDER
from qsdb.sql.planning import Plan, Step
from qsdb.sql.readable import Run
from qsdb.sql.relations import Group
from qsdb.sql.sinks import Sink, group_sink, rows_sink
from qsdb.sql.ways import Way
from qsdb.values.source import compile_source

__all__ = ["compile_plan"]

_LOOPS_MAX = 16
"""So many loops stand one inside the other; Python takes 20 in one function."""


def compile_plan(
    plan: Plan, group: Group | None = None, *, is_limited: bool = False
) -> Run:
    """Compile a plan.

    Args:
        plan: The plan.
        group: What is made of the rows; None where they are given themselves.
        is_limited: Whether one argument more says how many rows are enough.

    Cost: a millisecond.
    """
    return _Loops(plan, group, is_limited=is_limited).compile()


class _Loops:
    """Writes the source for one plan."""

    def __init__(self, plan: Plan, group: Group | None, *, is_limited: bool) -> None:
        self._plan = plan
        self._query = plan.query
        self._finder = Finder(plan)
        self._writer = self._finder.writer
        self._names = self._finder.names
        self._is_limited = is_limited
        self._group = group

    def compile(self) -> Run:
        body = "".join([f"    {line}\n" for line in self._body()])
        tables = [f"t{number}" for number in range(len(self._query.tables))]
        parameters = map(parameter_variable, (SENDER, *self._query.parameters))
        limit = ["limit"] if self._is_limited else []
        arguments = ", ".join([*tables, *parameters, *limit])
        source = f"def run({arguments}):\n{''.join(self._writer.helpers)}{body}"
        run = compile_source("query", source, self._names)["run"]
        assert callable(run)
        return run

    def _body(self) -> Iterator[str]:
        group = self._group
        if self._is_limited:
            yield "if limit == 0: return []"
        step = self._plan.steps[0]
        way = self._finder.ways.way(step)
        is_plain = not way.choices and not way.known
        if len(self._plan.steps) > 1 or not is_plain:
            yield from self._nested(self._sink())
        elif group is None:
            yield from self._alone(step, way)
        elif group.is_count:
            yield from self._counted(step, way)
        else:
            yield from self._nested(self._sink())

    def _sink(self) -> Sink:
        """Give what takes the rows."""
        if self._group is None:
            return rows_sink(self._output(), is_limited=self._is_limited)
        return group_sink(self._group, self._writer)

    # One table, found by one look-up: without loops where that can be.

    def _alone(self, step: Step, way: Way) -> Iterator[str]:
        row, rows = f"r{step.source}", way.rows
        if ":=" in rows:  # which Python refuses at the head of a comprehension
            yield f"rows = {rows}"
            rows = "rows"
        tested = f" if {self._finder.tests(step.filters)}" if step.filters else ""
        output = self._output()
        if output == row and not tested:
            yield f"return {rows}" + ("[:limit]" if self._is_limited else "")
        elif step.finds_one and not self._is_limited:  # no comprehension: it is a call
            yield f"for {row} in {rows}:"
            yield f"    if {self._finder.tests(step.filters)}: return [{output}]"
            yield "return []"
        elif not self._is_limited:
            yield f"return [{output} for {row} in {rows}{tested}]"
        else:
            first = self._names.bind("islice", itertools.islice)
            loop = f"({output} for {row} in {rows}{tested})"
            yield f"return [*{first}({loop}, limit)]"

    def _counted(self, step: Step, way: Way) -> Iterator[str]:
        """Count rows of one table; nothing is looked at where it knows their number."""
        row = f"r{step.source}"
        if step.filters:
            yield f"rows = {way.rows}"
            found = f"_len([1 for {row} in rows if {self._finder.tests(step.filters)}])"
        elif way.arguments is None:
            found = f"_len(t{step.source})"
        else:
            found = f"t{step.source}._count({way.arguments})"
        yield f"return [({found},)]"

    # All else.

    def _nested(self, sink: Sink) -> Iterator[str]:
        for step in self._plan.steps:
            if is_whole(step):
                yield from self._finder.whole(step)
            elif step.is_hashed:
                yield from self._finder.grouped(step)
        yield from sink.begin
        parts = self._parts()
        for number in range(len(parts) - 1, 0, -1):
            yield from self._part(parts, number, sink)
        yield from self._loops(parts, 0, sink)
        for number, part in enumerate(parts[:-1]):
            if is_whole(part[-1]):
                yield from self._unmatched(parts, number, sink)
        yield from sink.end

    def _parts(self) -> list[list[Step]]:
        """Give the steps in parts, each a function of its own but the first.

        There are no more loops in one than Python takes. With RIGHT or FULL JOIN a
        part ends, for what comes behind is done from two places.
        """
        parts: list[list[Step]] = [[]]
        count = 0
        for step in self._plan.steps:
            loops = 1 + any(len(each) > 1 for each in step.equal)
            if parts[-1] and count + loops > _LOOPS_MAX:
                parts.append([])
                count = 0
            parts[-1].append(step)
            count += loops
            if is_whole(step):
                parts.append([])
                count = 0
        return parts

    def _part(
        self, parts: Sequence[Sequence[Step]], number: int, sink: Sink
    ) -> Iterator[str]:
        """Write a part of the loops as a function of the rows around it."""
        yield f"def part{number}({_rows_before(parts, number)}):"
        if number == len(parts) - 1 and sink.nonlocals:
            yield f"    nonlocal {', '.join(sink.nonlocals)}"
        for line in self._loops(parts, number, sink):
            yield f"    {line}"

    def _loops(
        self, parts: Sequence[Sequence[Step]], number: int, sink: Sink
    ) -> Iterator[str]:
        """Write a part of the loops, and in it the next part, or what is innermost."""
        innermost: Sequence[str] = sink.each
        if number + 1 < len(parts):
            innermost = [self._next(parts, number, sink)]
        heads = [line for step in parts[number] for line in self._finder.step(step)]
        heads = [*self._late(parts, number), *heads]
        for depth, line in enumerate(heads):
            yield f"{'    ' * depth}{line}"
        for line in innermost:
            yield f"{'    ' * len(heads)}{line}"

    def _next(self, parts: Sequence[Sequence[Step]], number: int, sink: Sink) -> str:
        """Write the call of the part behind another one."""
        call = f"part{number + 1}({_rows_before(parts, number + 1)})"
        return f"if {call}: return found" if sink.is_limited else call

    # Outer joins of whole tables.

    def _late(self, parts: Sequence[Sequence[Step]], number: int) -> Iterator[str]:
        """Write what is tested behind such a join, where a part begins."""
        before = parts[number - 1][-1] if number else None
        if before is not None and is_whole(before) and before.late:
            yield f"if {self._finder.tests(before.late)}:"

    def _unmatched(
        self, parts: Sequence[Sequence[Step]], number: int, sink: Sink
    ) -> Iterator[str]:
        """Write what is done with rows for which nothing before them fitted."""
        steps = [each for part in parts[: number + 1] for each in part]
        step = steps.pop()
        for each in steps:
            yield f"r{each.source} = {self._finder.nothing(each.source)}"
        row = f"r{step.source}"
        yield f"for {row} in a{step.source}:"
        yield f"    if _id({row}) not in fitting{step.source}:"
        yield f"        {self._next(parts, number, sink)}"

    def _output(self) -> str:
        if self._query.whole is not None:
            return f"r{self._query.whole}"
        values = [self._writer.value(each.term) for each in self._query.outputs]
        return f"({''.join([f'{each}, ' for each in values])})"


def _rows_before(parts: Sequence[Sequence[Step]], number: int) -> str:
    """Give the rows that are at hand where a part begins, as arguments."""
    return ", ".join([f"r{step.source}" for part in parts[:number] for step in part])
