"""What EXPLAIN says of a query as a live one: how commits find it, what it keeps."""

from collections.abc import Iterator, Sequence

from qsdb.live.addressing import columns_read, route_of
from qsdb.live.explaining_states import explain_states
from qsdb.live.operators import Template
from qsdb.live.refusing import why_not_live
from qsdb.live.routing import ByInterval, ByValue, Route
from qsdb.live.templates import lift
from qsdb.live.virtual import INSTANCE, live_form
from qsdb.schema.tables import ColumnSchema
from qsdb.sql.arranging import DerivedPlan, plan_query
from qsdb.sql.queries import Query
from qsdb.sql.relations import Selected

__all__ = ["explain_live"]


def explain_live(query: Selected) -> list[str]:
    """Give lines of text, one or more for each table and each state."""
    reason = why_not_live(query)
    if reason is not None:
        return [f"live: not possible: {reason}"]
    query = live_form(query)
    if isinstance(query, Query):
        return [*_explained(query)]
    lines = [line for leaf in query.leaves for line in _explained(leaf)]
    plan = plan_query(query)
    assert isinstance(plan, DerivedPlan)
    walked = [query.leaves[number] for number in plan.walks]
    return [*lines, *[f"live: {each}" for each in explain_states(query.root, walked)]]


def _explained(query: Query) -> Iterator[str]:
    """Say how commits find a query on tables, and what it needs."""
    events = [query.sources[number].alias for number in query.events]
    for number, source in enumerate(query.sources):
        if number in query.events or not events:
            yield f"live: a change of {source.alias} {_told(query, number)}"
    if not events:
        yield from _looked_into(query)
    else:
        verb = "is an event table" if len(events) == 1 else "are event tables"
        yield f"live: {' and '.join(events)} {verb}: nothing is kept of a result"
    for each in (*_costs(query), *_kept(query, Template(lift(query)))):
        yield f"live: {each}"


def _looked_into(query: Query) -> Iterator[str]:
    """Say the same of tables that EXISTS, IN or a row filter looks into."""
    for number in range(len(query.sources), len(query.tables)):
        if query.is_told(number):
            alias = query.tables[number].alias
            yield f"live: a change of {alias} {_told(query, number)}"


def _told(query: Query, number: int) -> str:
    """Say which changes of a table are looked at."""
    # The values are of no matter here, only which columns they are for.
    lifted = lift(query)
    nothing = tuple([None] * len(lifted.slots))
    columns = query.tables[number].schema.columns
    read = columns_read(query, number)
    assert isinstance(lifted.query, Query)
    told = _route(route_of(lifted.query, number, nothing), columns)
    if columns[-1].attribute == INSTANCE:  # all of a row is one value there
        return "is found by whose result it is, and what it was called with"
    if read is None:
        return told
    if not read:
        return f"{told}, if rows come or go"
    names = ", ".join([columns[place].name for place in sorted(read)])
    return f"{told}, if it changes {names}"


def _route(route: Route, columns: Sequence[ColumnSchema]) -> str:
    match route:
        case ByValue(column=column):
            return f"is found by the value of {columns[column].name}"
        case ByInterval(column=column):
            return f"is found by the interval of {columns[column].name}"
        case _:
            return "is always looked at"


def _costs(query: Query) -> Iterator[str]:
    """Say what a change costs where rows of several tables are brought together."""
    outer_count = len(query.outer)
    if len(query.sources) > outer_count + 1:
        yield "JOIN keeps nothing; a change costs as much as the rows that it meets"
    if outer_count:
        found = "as the rows that it meets"
        yield f"LEFT JOIN keeps nothing; a change costs as much {found}"
    if query.own_hidden:
        yield (
            "EXISTS and IN (SELECT …) keep nothing; a change of what they look for "
            "costs as much as the rows that look for it, and what each looks through"
        )


def _kept(query: Query, template: Template) -> Iterator[str]:
    """Say which indexes are made for it, and where there are none to use."""
    told = {
        each.schema.name: each.schema
        for number, each in enumerate(query.tables)
        if query.is_told(number)
    }
    for table, column in sorted(template.wishes()):
        if table in told:
            name = told[table].columns[column].name
            yield f"an index of {table}.{name} is made and kept for it"
    whole = {
        step.source
        for plan in template.plans
        for step in plan.steps[1:]
        if step.path is None
    }
    for number in sorted(whole):
        alias = query.sources[number].alias
        yield f"all rows of {alias} are looked at with each change of another table"
