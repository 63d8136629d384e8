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

import functools
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import attrs

from qsdb.sql.checking import SENDER
from qsdb.sql.compiling import ExpressionWriter, parameter_variable
from qsdb.sql.planning import Plan, Step
from qsdb.sql.sargs import End
from qsdb.sql.typed import Exists, Typed, is_optional, sources_of
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import Kind, Stored
from qsdb.values.ranges import TOP, Range
from qsdb.values.source import compile_source

__all__ = ["Countable", "Readable", "Run", "StoredRow", "compile_plan"]

StoredRow = tuple[Stored, ...]

_LOOPS_MAX = 16
"""So many loops stand one inside the other; Python takes 20 in one function."""


class Readable(Protocol):
    """A table, for whoever runs a plan; lists are the caller's own."""

    def _scan(self) -> list[StoredRow]:
        """Give all rows."""
        ...

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        """Give rows by an index: in a range of an ordered one, or equal to a value.

        Args:
            number: As `qsdb.sql.planning.IndexPath` has it.
            within: The range; None for an index without order.
            value: The value, of several columns a tuple.
        """
        ...


class Countable(Readable, Protocol):
    """A table whose rows can be counted: what plans of COUNT(*) need."""

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        """Give the number of rows that `_select` would give."""
        ...

    def __len__(self) -> int:
        """Give the number of all rows."""
        ...


Run = Callable[..., list[StoredRow]]
"""Takes each of the query's tables, then the caller's identity as bytes, and then the
parameters in their order.

It gives stored rows of the table that is asked for whole, or tuples of the outputs.
It raises `QueryError` where a result has no room in its kind, and where something is
divided by 0.
"""


def compile_plan(plan: Plan) -> Run:
    """Compile a plan. Cost: a millisecond."""
    return _Loops(plan).compile()


@attrs.frozen
class _Way:
    """How a step finds its rows, as source.

    Attributes:
        choices: Variable → the values that it takes, one after the other, each with
            each of the others.
        known: What must not be None.
        arguments: Of `_select` and `_count`; None where all rows are looked at.
        rows: The rows.
    """

    choices: Mapping[str, str]
    known: Sequence[str]
    arguments: str | None
    rows: str


class _Loops:
    """Writes the source for one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._query = plan.query
        self._writer = ExpressionWriter(self._exists)
        self._names = self._writer.names
        limit = self._query.limit
        self._limit = None if limit is None or limit > sys.maxsize else limit

    def compile(self) -> Run:
        body = "".join([f"    {line}\n" for line in self._body()])
        tables = [f"t{number}" for number in range(len(self._query.tables))]
        parameters = map(parameter_variable, (SENDER, *self._query.parameters))
        arguments = ", ".join([*tables, *parameters])
        source = f"def run({arguments}):\n{''.join(self._writer.helpers)}{body}"
        run = compile_source("query", source, self._names)["run"]
        assert callable(run)
        return run

    def _body(self) -> Iterator[str]:
        if self._limit == 0:
            yield "return []"
            return
        step = self._plan.steps[0]
        way = self._way(step)
        if len(self._plan.steps) == 1 and not way.choices and not way.known:
            yield from self._alone(step, way)
        else:
            yield from self._nested()

    # One table, found by one look-up: without loops where that can be.

    def _alone(self, step: Step, way: _Way) -> Iterator[str]:
        row, rows, limit = f"r{step.source}", way.rows, self._limit
        if ":=" in rows:  # which Python refuses at the head of a comprehension
            yield f"rows = {rows}"
            rows = "rows"
        tested = f" if {self._tests(step.filters)}" if step.filters else ""
        if self._query.is_count:
            if tested:
                found = f"_len([1 for {row} in {rows}{tested}])"
            elif way.arguments is None:
                found = f"_len(t{step.source})"
            else:
                found = f"t{step.source}._count({way.arguments})"
            yield f"return [({found},)]"
            return
        output = self._output()
        if output == row and not tested:
            yield f"return {rows}" + ("" if limit is None else f"[:{limit}]")
        elif limit is None:
            yield f"return [{output} for {row} in {rows}{tested}]"
        else:
            first = self._names.bind("islice", itertools.islice)
            loop = f"({output} for {row} in {rows}{tested})"
            yield f"return [*{first}({loop}, {limit})]"

    # All else.

    def _nested(self) -> Iterator[str]:
        is_count, limit = self._query.is_count, self._limit
        for step in self._plan.steps:
            if step.is_hashed:
                yield from self._group(step)
        yield "count = 0" if is_count else "found = []"
        innermost = ["count += 1"]
        if not is_count:
            innermost = [f"found.append({self._output()})"]
            if limit is not None:
                innermost.append(f"if _len(found) == {limit}: return found")
        parts = self._parts()
        for number in range(1, len(parts)):
            yield from self._part(parts, number, innermost)
        yield from self._loops(parts, 0, innermost)
        yield "return [(count,)]" if is_count else "return found"

    def _parts(self) -> list[list[Step]]:
        """Give the steps in parts with no more loops than Python takes in one."""
        parts: list[list[Step]] = [[]]
        count = 0
        for step in self._plan.steps:
            loops = 1 + any(len(each) > 1 for each in step.equal)
            if parts[-1] and count + loops > _LOOPS_MAX:
                parts.append([])
                count = 0
            parts[-1].append(step)
            count += loops
        return parts

    def _part(
        self, parts: Sequence[Sequence[Step]], number: int, innermost: Sequence[str]
    ) -> Iterator[str]:
        """Write a part of the loops as a function of the rows around it."""
        yield f"def part{number}({_rows_before(parts, number)}):"
        if self._query.is_count and number == len(parts) - 1:
            yield "    nonlocal count"
        for line in self._loops(parts, number, innermost):
            yield f"    {line}"

    def _loops(
        self, parts: Sequence[Sequence[Step]], number: int, innermost: Sequence[str]
    ) -> Iterator[str]:
        """Write a part of the loops, and in it the next part, or what is innermost."""
        if number + 1 < len(parts):
            inner = f"part{number + 1}({_rows_before(parts, number + 1)})"
            innermost = [f"if {inner}: return found"]  # which is at its limit
        heads = [line for step in parts[number] for line in self._step(step)]
        for depth, line in enumerate(heads):
            yield f"{'    ' * depth}{line}"
        for line in innermost:
            yield f"{'    ' * len(heads)}{line}"

    def _group(self, step: Step) -> Iterator[str]:
        """Write the hash table of a step: value → rows."""
        assert step.path is not None
        [column] = step.path.columns
        row, table = f"r{step.source}", f"g{step.source}"
        yield f"{table} = {{}}"
        yield f"for {row} in t{step.source}._scan():"
        own = self._tests(_own_filters(step)) or "True"
        yield f"    if {own}: {table}.setdefault({row}[{column}], []).append({row})"

    def _step(self, step: Step) -> Iterator[str]:
        """Write the heads of loops and tests for a step, each inside of the last."""
        way = self._way(step)
        if len(way.choices) > 1:
            product = self._names.bind("product", itertools.product)
            lists = ", ".join(way.choices.values())
            yield f"for {', '.join(way.choices)} in {product}({lists}):"
        else:
            for variable, values in way.choices.items():
                yield f"for {variable} in {values}:"
        if way.known:
            yield f"if {' and '.join([f'{each} is not None' for each in way.known])}:"
        yield f"for r{step.source} in {way.rows}:"
        grouped = _own_filters(step) if step.is_hashed else ()
        filters = [each for each in step.filters if each not in grouped]
        if filters:
            yield f"if {self._tests(filters)}:"

    def _output(self) -> str:
        if self._query.whole is not None:
            return f"r{self._query.whole}"
        values = [self._writer.value(each.term) for each in self._query.outputs]
        return f"({''.join([f'{each}, ' for each in values])})"

    def _tests(self, filters: Sequence[Typed]) -> str:
        return " and ".join([self._writer.true(each) for each in filters])

    # Whether rows exist: functions of the rows at hand, one for each table.

    def _exists(self, node: Exists) -> str:
        """Write the functions for a node, and give the call of the first."""
        steps, at_hand = self._plan.inner[node], sorted(sources_of(node))
        call = self._writer.variable("e")
        first = f"{call}({', '.join([f'r{number}' for number in at_hand])})"
        for number, step in enumerate(steps, 1):
            head = f"{call}({', '.join([f'r{source}' for source in at_hand])})"
            at_hand.append(step.source)
            inner = "True"
            if number < len(steps):
                call = self._writer.variable("e")
                inner = f"{call}({', '.join([f'r{source}' for source in at_hand])})"
            if step.is_hashed:
                self._help([*self._group_late(step)])
            lines = [*self._step(step), f"if {inner}: return True"]
            body = [f"{'    ' * depth}{line}" for depth, line in enumerate(lines, 1)]
            lines = [f"def {head}:", *body, "    return False"]
            if at_hand == [step.source]:  # the same for all rows: asked once
                lines.insert(0, f"@{self._names.bind('cache', functools.cache)}")
            self._help(lines)
        return first

    def _help(self, lines: Sequence[str]) -> None:
        self._writer.helpers.append("".join([f"    {line}\n" for line in lines]))

    def _group_late(self, step: Step) -> Iterator[str]:
        """Write a function that gives the hash table, made when it is first asked."""
        name = f"g{step.source}"
        yield f"made{step.source} = []"
        yield f"def {name}():"
        yield f"    if not made{step.source}:"
        yield from [f"        {line}" for line in self._group(step)]
        yield f"        made{step.source}.append({name})"
        yield f"    return made{step.source}[0]"

    # Ways to rows.

    def _way(self, step: Step) -> _Way:
        table, path = f"t{step.source}", step.path
        if path is None:
            return _Way({}, (), None, f"{table}._scan()")
        choices: dict[str, str] = {}
        known: list[str] = []
        values = [self._one_of(each, choices, known) for each in step.equal]
        if step.is_hashed:
            made = "()" if step.source >= len(self._query.sources) else ""
            grouped = f"g{step.source}{made}.get({values[0]}, ())"
            return _Way(choices, known, None, grouped)
        if path.is_ordered:
            within = self._range(step, values, known)
            arguments = f"{path.number}, {within}, None"
        else:
            value = values[0] if len(values) == 1 else f"({', '.join(values)})"
            arguments = f"{path.number}, None, {value}"
        return _Way(choices, known, arguments, f"{table}._select({arguments})")

    def _one_of(
        self, values: Sequence[Typed], choices: dict[str, str], known: list[str]
    ) -> str:
        """Write a value to look up; where there are several, each in its turn."""
        if len(values) == 1:
            return self._known(values[0], known)
        variable = self._writer.variable()
        distinct = self._names.bind("distinct", _distinct)
        spelt = "".join([f"{self._writer.value(each)}, " for each in values])
        choices[variable] = f"{distinct}(({spelt}))"
        return variable

    def _known(self, value: Typed, known: list[str]) -> str:
        """Write a value; if it can be absent, then nothing is looked up."""
        source = self._writer.value(value)
        if not is_optional(value):
            return source
        variable = self._writer.variable()
        known.append(f"({variable} := {source})")
        return variable

    def _range(self, step: Step, values: Sequence[str], known: list[str]) -> str:
        """Write a range of an ordered index."""
        assert step.path is not None
        columns = self._query.tables[step.source].schema.columns
        kinds = [columns[place].kind for place in step.path.columns]
        begin = [
            kind.order_source(value, self._names)
            for kind, value in zip(kinds, values, strict=False)
        ]
        low, high = begin, [*begin, self._names.bind("TOP", TOP)]
        if step.span is not None:
            kind = kinds[len(begin)]
            low = [*begin, *self._end(step.span.low, kind, known, is_after=False)]
            high = [*begin, *self._end(step.span.high, kind, known, is_after=True)]
        bounds = [f"({''.join([f'{each}, ' for each in end])})" for end in (low, high)]
        return f"{self._names.bind('Range', Range)}({', '.join(bounds)})"

    def _end(
        self, end: End | None, kind: Kind, known: list[str], *, is_after: bool
    ) -> Iterator[str]:
        """Write what an end of a range adds to a bound."""
        top = self._names.bind("TOP", TOP)
        if end is not None:
            yield kind.order_source(self._known(end.value, known), self._names)
            if end.is_included == is_after:
                yield top
        elif is_after and isinstance(kind, OptionKind):
            yield self._names.bind("absent", kind.order(None))  # they come last
        elif is_after:
            yield top


def _rows_before(parts: Sequence[Sequence[Step]], number: int) -> str:
    """Give the rows that are at hand where a part begins, as arguments."""
    return ", ".join([f"r{step.source}" for part in parts[:number] for step in part])


def _own_filters(step: Step) -> tuple[Typed, ...]:
    """Give the filters of a step that look at its table alone."""
    return tuple([each for each in step.filters if sources_of(each) <= {step.source}])


def _distinct(values: Sequence[Stored]) -> list[Stored]:
    """Give each value once, and None not at all."""
    return [value for value in dict.fromkeys(values) if value is not None]
