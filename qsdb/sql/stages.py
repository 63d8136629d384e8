"""Operators as Python: from the rows of queries to the rows of a result.

Each operator is a line or two that make one list of another::

    def run(t0, p_sender):
        rows1 = leaf1(t0, p_sender)  # groups: (guild, sum, count)
        rows2 = [r0 for r0 in rows1 if r0[2] > 1]  # HAVING COUNT(*) > 1
        rows3 = [
            (
                r0[0],
                r0[1],
            )
            for r0 in rows2
        ]
        rows4 = smallest(rows3, 3, lambda r0: (-r0[1], r0[0]))
        return rows4

The queries at the leaves are compiled apart, groups together with the loops that find
their rows (`qsdb.sql.loops`). A window without an order stops them when there are
enough; one that an index has in order walks it (`qsdb.sql.walking`).
"""

import sys
from collections.abc import Sequence

from qsdb.sql.arranging import AnyPlan, DerivedPlan
from qsdb.sql.compiling import ExpressionWriter, parameter_variable
from qsdb.sql.freedom import SENDER
from qsdb.sql.loops import compile_plan
from qsdb.sql.planning import Plan
from qsdb.sql.queries import Output, Query
from qsdb.sql.readable import Run
from qsdb.sql.relations import (
    Compound,
    Distinct,
    Filter,
    Group,
    Project,
    Relation,
    Top,
    Window,
    outputs_of,
)
from qsdb.sql.sorting import (
    all_of_both,
    all_of_first,
    ascending_key,
    first_of_each,
    key_function,
    leading_of,
    smallest,
    sorts,
)
from qsdb.sql.typed import Cell, Constant, Typed
from qsdb.sql.walking import compile_walk
from qsdb.values.source import compile_source

__all__ = ["compile_query"]


def compile_query(plan: AnyPlan) -> Run:
    """Compile a plan. Cost: a millisecond for each part."""
    return compile_plan(plan) if isinstance(plan, Plan) else _Stages(plan).compile()


class _Stages:
    """Writes the source for one plan."""

    def __init__(self, plan: DerivedPlan) -> None:
        self._plan = plan
        self._writer = ExpressionWriter()
        self._names = self._writer.names
        self._lines: list[str] = []
        self._leaves_count = 0
        self._tables_count = 0

    def compile(self) -> Run:
        rows = self._rows(self._plan.query.root)
        tables = [f"t{number}" for number in range(self._tables_count)]
        parameters = map(parameter_variable, (SENDER, *self._plan.query.parameters))
        body = "".join([f"    {line}\n" for line in [*self._lines, f"return {rows}"]])
        source = f"def run({', '.join([*tables, *parameters])}):\n"
        source += "".join(self._writer.helpers) + body
        run = compile_source("result", source, self._names)["run"]
        assert callable(run)
        return run

    def _made(self, source: str) -> str:
        """Write what makes a list, and give its name."""
        name = self._writer.variable("rows")
        self._lines.append(f"{name} = {source}")
        return name

    def _rows(self, relation: Relation) -> str:  # noqa: C901, PLR0911  a table
        """Write what gives the rows of an operator, and give the list's name."""
        match relation:
            case Query():
                return self._leaf()
            case Group():
                return self._leaf(relation)
            case Filter(input=rows, condition=condition):
                found = self._rows(rows)
                test = self._writer.true(condition)
                return self._made(f"[r0 for r0 in {found} if {test}]")
            case Project(input=rows, outputs=outputs):
                return self._projected(rows, outputs)
            case Distinct(input=Query(whole=None) as leaf):
                # Groups without aggregates are their keys, each once.
                return self._leaf(Group(leaf, len(leaf.outputs), ()))
            case Distinct(input=rows):
                return self._made(self._each_once(self._rows(rows)))
            case Top():
                return self._top(relation)
            case Window():
                return self._window(relation)
            case _:
                return self._compound(relation)

    def _leaf(self, group: Group | None = None, limit: str | None = None) -> str:
        number = self._leaves_count
        self._leaves_count += 1
        plan = self._plan.plans[number]
        walk = self._plan.walks.get(number)
        if walk is None or limit is None:
            run = compile_plan(plan, group, is_limited=limit is not None)
        else:
            run = compile_walk(plan, walk)
        more = [] if limit is None else [limit]
        begin = self._tables_count
        self._tables_count += len(plan.query.tables)
        tables = [f"t{n}" for n in range(begin, self._tables_count)]
        parameters = map(parameter_variable, (SENDER, *plan.query.parameters))
        arguments = ", ".join([*tables, *parameters, *more])
        return self._made(f"{self._names.bind(f'leaf{number}', run)}({arguments})")

    def _projected(self, rows: Relation, outputs: Sequence[Output]) -> str:
        found, width = self._rows(rows), len(outputs_of(rows))
        places = [e.term.place for e in outputs if isinstance(e.term, Cell)]
        if places == [*range(len(outputs))]:
            is_same = len(places) == width
            return (
                found
                if is_same
                else self._made(f"[r0[:{len(places)}] for r0 in {found}]")
            )
        made = "".join([f"{self._writer.value(each.term)}, " for each in outputs])
        return self._made(f"[({made}) for r0 in {found}]")

    def _each_once(self, rows: str) -> str:
        return f"[*{self._names.bind('dict', dict)}.fromkeys({rows})]"

    # Windows.

    def _top(self, top: Top) -> str:
        rows, limit = self._rows(top.input), self._number(top.limit)
        group = self._names.bind("group", key_function(top.groups))
        key = ascending_key(top.order, self._names)
        first = self._names.bind("first_of_each", first_of_each)
        return self._made(f"{first}({rows}, {limit}, {group}, {key})")

    def _window(self, window: Window) -> str:
        limit, offset = self._number(window.limit), self._number(window.offset)
        wanted = limit
        if limit is not None and offset is not None:
            most = self._names.bind("min", min)
            wanted = f"{most}({limit} + {offset}, {sys.maxsize})"
        is_walked = self._leaves_count in self._plan.walks
        if isinstance(window.input, Query) and (is_walked or not window.order):
            rows = self._leaf(limit=wanted)
        else:
            rows = self._rows(window.input)
        if window.order:
            self._sort(rows, window, wanted)
        begin, end = offset or "", wanted or ""
        return self._made(f"{rows}[{begin}:{end}]") if begin or end else rows

    def _number(self, term: Typed | None) -> str | None:
        """Write LIMIT or OFFSET."""
        if term is None:
            return None
        if isinstance(term, Constant):
            assert isinstance(term.value, int)
            return str(min(term.value, sys.maxsize))
        most = self._names.bind("min", min)
        return f"{most}({self._writer.value(term)}, {sys.maxsize})"

    def _sort(self, rows: str, window: Window, wanted: str | None) -> None:
        if wanted is None:
            for key, is_reversed in sorts(window.order, self._names):
                self._lines.append(f"{rows}.sort(key={key}, reverse={is_reversed})")
            return
        key = ascending_key(window.order, self._names)
        select = self._names.bind("smallest", smallest)
        leading = self._names.bind("leading", leading_of(window.order[0]))
        self._lines.append(f"{rows} = {select}({rows}, {wanted}, {key}, {leading})")

    # UNION, INTERSECT, EXCEPT.

    def _compound(self, compound: Compound) -> str:
        left, right = self._rows(compound.left), self._rows(compound.right)
        if compound.operator == "UNION":
            both = f"[*{left}, *{right}]"
            return self._made(both if compound.is_all else self._each_once(both))
        if compound.is_all:
            function = all_of_both if compound.operator == "INTERSECT" else all_of_first
            name = self._names.bind(function.__name__, function)
            return self._made(f"{name}({left}, {right})")
        others = self._made(f"{self._names.bind('set', set)}({right})")
        test = "in" if compound.operator == "INTERSECT" else "not in"
        return self._made(
            self._each_once(f"[r0 for r0 in {left} if r0 {test} {others}]")
        )
