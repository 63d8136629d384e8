"""Walks of ordered indexes: the first rows of an order, and no others looked at.

An index has its rows in the order of its columns, and those that are equal in them in
the order of their keys. So the first rows of the index are the first rows of a window,
but at its edge: where several rows are equal in what is asked for, the keys decide, and
backwards the index has these the wrong way round. All rows at the edge are looked at.
"""

from collections.abc import Callable, Sequence

from qsdb.sql.arranging import Walk
from qsdb.sql.compiling import parameter_variable
from qsdb.sql.finding import Finder
from qsdb.sql.freedom import SENDER
from qsdb.sql.planning import Plan
from qsdb.sql.readable import Run, StoredRow, Walkable
from qsdb.values.ranges import TOP, Range
from qsdb.values.source import compile_source

__all__ = ["compile_walk"]


def compile_walk(plan: Plan, walk: Walk) -> Run:
    """Compile a walk.

    Args:
        plan: Of the query whose rows are walked.
        walk: How.

    Returns:
        What takes the table, the caller, the parameters, and how many rows are
        wanted. It gives at least these rows, if there are so many, all of them that
        are before the last; in any order.
    """
    finder = Finder(plan)
    names, step = finder.names, walk.step
    assert step.path is not None
    columns = plan.query.sources[0].schema.columns
    known: list[str] = []
    values = [finder.ways.known(each, known) for [each] in step.equal]
    within = finder.ways.range(step, values, known)
    tie = "".join(
        [
            f"{columns[place].kind.order_source(f'r0[{place}]', names)}, "
            for place in step.path.columns[: walk.columns_count]
        ]
    )
    test = finder.tests(step.filters) or "True"
    guard = " and ".join([f"{each} is not None" for each in known])
    found = (
        f"{names.bind('walk', first_rows)}(t0, {step.path.number}, {within}, wanted, "
        f"{walk.is_reversed}, lambda r0: {test}, lambda r0: ({tie}))"
    )
    output = "r0"
    if plan.query.whole is None:
        terms = [finder.writer.value(each.term) for each in plan.query.outputs]
        output = f"({''.join([f'{each}, ' for each in terms])})"
    tables = [f"t{number}" for number in range(len(plan.query.tables))]
    parameters = map(parameter_variable, (SENDER, *plan.query.parameters))
    lines = [f"def run({', '.join([*tables, *parameters])}, wanted):\n"]
    lines += finder.writer.helpers
    lines += [f"    if not ({guard}): return []\n"] if guard else []
    lines += [f"    rows = {found}\n", f"    return [{output} for r0 in rows]\n"]
    run = compile_source("walk", "".join(lines), names)["run"]
    assert callable(run)
    return run


def first_rows(  # noqa: PLR0913, PLR0917  it is called by generated code alone
    table: Walkable,
    number: int,
    within: Range,
    wanted: int,
    is_reversed: bool,  # noqa: FBT001  as above
    test: Callable[[StoredRow], bool],
    tie: Callable[[StoredRow], tuple[object, ...]],
) -> Sequence[StoredRow]:
    """Give the first rows of an index that pass a test, with all that equal the last.

    Args:
        table: The table.
        number: The index.
        within: Its range.
        wanted: How many rows.
        is_reversed: Whether from the end.
        test: Of each row.
        tie: Gives the order keys in which rows may be equal.
    """
    if not wanted:
        return []
    count = wanted
    while True:
        rows = table._first(number, within, count, is_reversed)  # noqa: SLF001  its names are the user's tables
        found = [row for row in rows if test(row)]
        if len(rows) < count:
            return found
        if len(found) >= wanted:
            break
        count *= 4
    edge = tie(rows[-1])
    if tie(found[wanted - 1]) != edge:
        return found
    equal = table._select(number, Range(edge, (*edge, TOP)), None)  # noqa: SLF001  likewise
    before = [row for row in found if tie(row) != edge]
    return before + [row for row in equal if test(row)]
