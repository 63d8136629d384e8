"""Steps of a plan as source: loops and tests, and functions for what stands apart.

For a step of an inner join that is a loop over the rows that a way finds, and a test.
For LEFT JOIN a row of nothing stands in for rows that are not found::

    for r1 in [r1 for r1 in g1.get(r0[2], ()) if r1[3] > 7] or (nothing,):
        if r1[1] is None:

For RIGHT and FULL JOIN all rows of the table are in a list, ``a1``, and those that
fitted anything are noted, in ``fitting1``; the rest comes at the end.

Whether rows exist is asked of functions of the rows at hand, one for each table.
"""

import functools
import itertools
from collections.abc import Iterator, Sequence

from qsdb.sql.compiling import ExpressionWriter
from qsdb.sql.planning import Plan, Step
from qsdb.sql.typed import Exists, Typed, sources_of
from qsdb.sql.ways import Way, Ways

__all__ = ["Finder", "is_whole"]


def is_whole(step: Step) -> bool:
    """Whether a table is read as a whole, to know which of its rows fit nothing."""
    return step.outer in ("RIGHT", "FULL")


class Finder:
    """Writes the steps of one plan.

    Attributes:
        writer: Writes expressions.
        names: What the source refers to.
        ways: How rows are found.
    """

    def __init__(self, plan: Plan) -> None:
        """Begin."""
        self._plan = plan
        self.writer = ExpressionWriter(self._exists)
        self.names = self.writer.names
        self.ways = Ways(plan, self.writer)

    def tests(self, filters: Sequence[Typed]) -> str:
        """Write that conditions are true, as they are where there are none."""
        return " and ".join([self.writer.true(each) for each in filters]) or "True"

    def step(self, step: Step) -> Iterator[str]:
        """Write the heads of loops and tests for a step, each inside of the last."""
        yield from self._found(step) if step.outer is None else self._outer(step)

    def _found(self, step: Step, way: Way | None = None) -> Iterator[str]:
        way = way or self.ways.way(step)
        yield from self._choosing(way)
        yield f"for r{step.source} in {way.rows}:"
        filters = _filters(step)
        if filters:
            yield f"if {self.tests(filters)}:"

    def _choosing(self, way: Way) -> Iterator[str]:
        """Write the heads that give values to look up."""
        if len(way.choices) > 1:
            product = self.names.bind("product", itertools.product)
            lists = ", ".join(way.choices.values())
            yield f"for {', '.join(way.choices)} in {product}({lists}):"
        else:
            for variable, values in way.choices.items():
                yield f"for {variable} in {values}:"
        if way.known:
            yield f"if {' and '.join([f'{each} is not None' for each in way.known])}:"

    # Hash tables.

    def grouped(self, step: Step, rows: str | None = None) -> Iterator[str]:
        """Write the hash table of a step: value → rows."""
        assert step.path is not None
        [column] = step.path.columns
        row, table = f"r{step.source}", f"g{step.source}"
        yield f"{table} = {{}}"
        yield f"for {row} in {rows or f't{step.source}._scan()'}:"
        own = self.tests(_own_filters(step))
        yield f"    if {own}: {table}.setdefault({row}[{column}], []).append({row})"

    def _grouped_late(self, step: Step) -> Iterator[str]:
        """Write a function that gives the hash table, made when it is first asked.

        Several nodes may look into one table, each by a hash table of its own: so what
        refers to one has it as a default.
        """
        name, made = f"g{step.source}", f"made{step.source}"
        yield f"{made} = []"
        yield f"def {name}({made}={made}):"
        yield f"    if not made{step.source}:"
        yield from [f"        {line}" for line in self.grouped(step)]
        yield f"        made{step.source}.append({name})"
        yield f"    return made{step.source}[0]"

    # Outer joins.

    def whole(self, step: Step) -> Iterator[str]:
        """Write the list of all rows of a table, and what notes which of them fitted.

        They are noted by their identities; the list keeps them alive.
        """
        row, rows = f"r{step.source}", f"a{step.source}"
        own = f" if {self.tests(step.own)}" if step.own else ""
        yield f"{rows} = [{row} for {row} in t{step.source}._scan(){own}]"
        yield f"fitting{step.source} = {self.names.bind('set', set)}()"
        if step.is_hashed:
            yield from self.grouped(step, rows)

    def nothing(self, source: int) -> str:
        """Write a row of nothing."""
        width = len(self._plan.query.tables[source].schema.columns)
        return self.names.bind(f"nothing{width}", (None,) * width)

    def _outer(self, step: Step) -> Iterator[str]:
        row, way, filters = f"r{step.source}", self.ways.way(step), _filters(step)
        if way.choices or way.known or ":=" in way.rows:
            rows = self._found_apart(step)
        elif filters:
            rows = f"[{row} for {row} in {way.rows} if {self.tests(filters)}]"
        else:
            rows = way.rows
        if step.outer != "RIGHT":
            rows = f"{rows} or ({self.nothing(step.source)},)"
        yield f"for {row} in {rows}:"
        if is_whole(step):
            yield f"if not fitting{step.source}.add(_id({row})):"  # which is None
        elif step.late:
            yield f"if {self.tests(step.late)}:"

    def _found_apart(self, step: Step) -> str:
        """Write a function that gives the rows that fit, and give the call of it."""
        call = self.writer.variable("e")
        terms = [value for each in step.equal for value in each]
        terms += step.filters
        if step.span is not None:
            ends = (step.span.low, step.span.high)
            terms += [each.value for each in ends if each is not None]
        used = frozenset().union(*map(sources_of, terms)) - {step.source}
        rows = ", ".join([f"r{number}" for number in sorted(used)])
        heads = [*self._found(step)]
        lines = [f"def {call}({rows}):", "    found = []"]
        lines += [f"{'    ' * depth}{line}" for depth, line in enumerate(heads, 1)]
        lines.append(f"{'    ' * (len(heads) + 1)}found.append(r{step.source})")
        self._help([*lines, "    return found"])
        return f"{call}({rows})"

    # Whether rows exist: functions of the rows at hand, one for each table.

    def _exists(self, node: Exists) -> str:
        """Write the functions for a node, and give the call of the first."""
        steps, at_hand = self._plan.inner[node], sorted(sources_of(node))
        call = self.writer.variable("e")
        first = f"{call}({', '.join([f'r{number}' for number in at_hand])})"
        for number, step in enumerate(steps, 1):
            arguments = [f"r{source}" for source in at_hand]
            if step.is_hashed:
                self._help([*self._grouped_late(step)])
                arguments.append(f"g{step.source}=g{step.source}")
            head = f"{call}({', '.join(arguments)})"
            at_hand.append(step.source)
            inner = "True"
            if number < len(steps):
                call = self.writer.variable("e")
                inner = f"{call}({', '.join([f'r{source}' for source in at_hand])})"
            lines = []
            if inner == "True" and not step.filters:
                lines = self._counted(step)
            if not lines:
                way = None
                if at_hand != [step.source] and (kept := self.ways.kept(step)):
                    way, keeping = kept
                    self._help([keeping])
                lines = [*self._found(step, way), f"if {inner}: return True"]
            body = [f"{'    ' * depth}{line}" for depth, line in enumerate(lines, 1)]
            lines = [f"def {head}:", *body, "    return False"]
            if at_hand == [step.source]:  # the same for all rows: asked once
                lines.insert(0, f"@{self.names.bind('cache', functools.cache)}")
            self._help(lines)
        return first

    def _counted(self, step: Step) -> list[str]:
        """Write that an index has rows, where nothing else is asked of them."""
        way = self.ways.way(step)
        if way.arguments is None:
            return []
        found = f"if t{step.source}._count({way.arguments}): return True"
        return [*self._choosing(way), found]

    def _help(self, lines: Sequence[str]) -> None:
        self.writer.helpers.append("".join([f"    {line}\n" for line in lines]))


def _filters(step: Step) -> list[Typed]:
    """Give what is tested of each row, but for what its hash table has tested."""
    grouped = _own_filters(step) if step.is_hashed else ()
    return [each for each in step.filters if each not in grouped]


def _own_filters(step: Step) -> tuple[Typed, ...]:
    """Give the filters of a step that look at its table alone."""
    return tuple([each for each in step.filters if sources_of(each) <= {step.source}])
