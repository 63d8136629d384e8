"""What EXPLAIN gives: a plan that people can read.

>>> # 1. guild g   unique index name, equal to 'x'       ~1 row
>>> # 2. player p  index guild_id, equal to g.id         ~32 rows
>>> #              then p.level > 3 is tested
"""

from collections.abc import Iterator, Mapping, Sequence

from qsdb.sql.arranging import AnyPlan, Walk
from qsdb.sql.estimating import estimate
from qsdb.sql.explaining_stages import explain_stages
from qsdb.sql.paths import IndexPath
from qsdb.sql.planning import Plan, Step
from qsdb.sql.queries import Query
from qsdb.sql.sargs import Span
from qsdb.sql.spelling import spell
from qsdb.sql.typed import Typed, all_exists

__all__ = ["explain"]


def explain(plan: AnyPlan, sizes: Mapping[str, int]) -> list[str]:
    """Give a plan as lines of text.

    Args:
        plan: The plan.
        sizes: Name of each table → number of its rows.
    """
    if isinstance(plan, Plan):
        counts = estimate(plan, sizes)
        return [*_explained(plan, counts, None), f"gives {_result(plan.query)}"]
    left = iter(estimate(plan, sizes))
    parts = []
    for number, part in enumerate(plan.plans):
        counts = [next(left) for _ in part.steps]
        parts.append(_explained(part, counts, plan.walks.get(number)))
    whole = plan.query.whole
    result = ", ".join(plan.query.columns)
    if whole is not None:
        result = f"rows of {plan.query.tables[whole].schema.name}"
    return [*explain_stages(plan.query, parts), f"gives {result}"]


def _explained(plan: Plan, guessed: Sequence[int], walk: Walk | None) -> list[str]:
    """Say how the rows of one query are found."""
    query = plan.query
    steps = plan.steps if walk is None else (walk.step,)
    names = [_name(query, step) for step in steps]
    ways = [_way(query, step) for step in steps]
    if walk is not None:
        ways = [_walked(walk, query)]
    counts = [f"~{_counted(each)}" for each in guessed]
    for number, step in enumerate(steps):
        if step.source in query.views:
            counts[number] = "as many as the view gives"
    lines = []
    number_width = len(str(len(names))) + 1
    name_width, way_width = max(map(len, names)), max(map(len, ways))
    indent = " " * (number_width + name_width + 3)
    for number, step in enumerate(steps):
        at = f"{number + 1}."
        lines.append(
            f"{at:<{number_width}} {names[number]:<{name_width}}  "
            f"{ways[number]:<{way_width}}  {counts[number]}"
        )
        for each in (*step.own, *step.filters, *step.late):
            lines += [f"{indent}{line}" for line in _tested(plan, each)]
    return lines


def _walked(walk: Walk, query: Query) -> str:
    """Say how an index is walked."""
    end = "from its end" if walk.is_reversed else "from its begin"
    step = walk.step
    assert step.path is not None
    if step.equal or step.span is not None:
        return f"{_way(query, step)}, {end}, no further than needed"
    return f"{_index(step.path, step)}, {end}, no further than needed"


def _tested(plan: Plan, condition: Typed) -> Iterator[str]:
    """Say what is tested; of tables that whoever asks is not told of, nothing."""
    query = plan.query
    tables = query.tables
    inner = [*all_exists([condition])]
    if not all(query.is_told(number) for each in inner for number in each.sources):
        yield "then a row filter with private tables is tested"
        return
    yield f"then {spell(condition, tables)} is tested"
    for each in inner:
        for step in plan.inner[each]:
            yield f"     {_name(query, step)}  {_way(query, step)}"


def _name(query: Query, step: Step) -> str:
    source = query.tables[step.source]
    if not source.arguments:
        return source.spelt
    name = source.schema.name
    spelt = [spell(each, query.tables) for each in source.arguments]
    shown = f"{name}({', '.join(spelt)})"
    return shown if source.alias == name else f"{shown} {source.alias}"


def _way(query: Query, step: Step) -> str:
    path = step.path
    outer = "" if step.outer is None else f", {step.outer} JOIN"
    if path is None:
        return f"all rows{outer}"
    said = [_equal(query, each) for each in step.equal]
    columns = query.tables[step.source].schema.columns
    if step.span is not None:
        column = columns[step.span.column].name
        said.append(f"{column} {_range(query, step.span)}")
    return f"{_index(path, step)}, {', '.join(said)}{outer}"


def _index(path: IndexPath, step: Step) -> str:
    if step.is_hashed:
        return f"hash table of {path.name}, made for this query"
    if path.number is None:
        return f"primary key {path.name}"
    if path.number < 0:
        return f"index {path.name}, kept for this query"
    return f"{'unique index' if path.is_unique else 'index'} {path.name}"


def _equal(query: Query, values: tuple[Typed, ...]) -> str:
    spelt = [spell(each, query.tables) for each in values]
    if len(spelt) == 1:
        return f"equal to {spelt[0]}"
    return f"one of {', '.join(spelt)}"


def _range(query: Query, span: Span) -> str:
    return " and ".join(_ends(query, span))


def _ends(query: Query, span: Span) -> Iterator[str]:
    if span.low is not None:
        sign = ">=" if span.low.is_included else ">"
        yield f"{sign} {spell(span.low.value, query.tables)}"
    if span.high is not None:
        sign = "<=" if span.high.is_included else "<"
        yield f"{sign} {spell(span.high.value, query.tables)}"


def _result(query: Query) -> str:
    if query.whole is not None:
        return f"rows of {query.sources[query.whole].schema.name}"
    return ", ".join(query.columns)


def _counted(number: int) -> str:
    return f"{number:,} row" if number == 1 else f"{number:,} rows"
