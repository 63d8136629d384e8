"""How changes of a table find a query: by which of its columns, and by which values.

`qsdb.live.routing` takes these addresses in.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter

from qsdb.live.routing import Always, ByInterval, ByValue, Never, Route
from qsdb.live.virtual import instance_column
from qsdb.live.witnesses import conditions_on
from qsdb.sql.queries import Query
from qsdb.sql.readable import StoredRow
from qsdb.sql.sargs import End, Span, equality, span
from qsdb.sql.typed import Argument, Cell, Constant, Typed, parts_of
from qsdb.values.kinds import F32, F64, Stored

__all__ = ["columns_read", "is_told_apart", "picker", "route_of", "value_of"]


def columns_read(query: Query, source: int) -> frozenset[int] | None:
    """Give the columns of a table that a query looks at; None for all of them."""
    if query.whole == source:
        return None
    found: set[int] = set()
    for condition in query.tests:
        _add_columns(condition, source, found)
    for output in query.outputs if query.whole is None else ():
        _add_columns(output.term, source, found)
    every = len(query.tables[source].schema.columns)
    return None if len(found) == every else frozenset(found)


def picker(query: Query) -> Callable[[StoredRow], StoredRow] | None:
    """Give what makes a row of the result of a row of the only table.

    None where a query does more than to leave columns out. This is what most inputs of
    groups are, and a commit changes few rows: to run the query for them costs more.
    """
    if len(query.tables) > 1 or query.tests or query.whole is not None:
        return None
    terms = [each.term for each in query.outputs]
    places = [each.place for each in terms if isinstance(each, Cell)]
    if len(places) < len(terms):
        return None
    if len(places) < 2:  # which itemgetter gives no tuple of
        return lambda row: tuple([row[place] for place in places])
    return itemgetter(*places)


def _add_columns(node: Typed, source: int, found: set[int]) -> None:
    if isinstance(node, Cell) and node.source == source:
        found.add(node.place)
    for part in parts_of(node):
        _add_columns(part, source, found)


def route_of(query: Query, source: int, values: tuple[Stored, ...]) -> Route:
    """Say how changes of a table find a query."""
    if query.events and source not in query.events:
        return Never()
    conditions = conditions_on(query, source)
    fixed = [
        found
        for condition in conditions
        if (found := equality(condition, source)) is not None
        and all(isinstance(each, Constant | Argument) for each in found.values)
    ]
    if fixed:
        own = instance_column(query.tables[source].schema)
        # Of a view a whole instance changes, and nobody else's.
        best = min(fixed, key=lambda each: (each.column != own, len(each.values)))
        wanted = [value_of(each, values) for each in best.values]
        return ByValue(best.column, tuple(dict.fromkeys(wanted)))
    within = _widest([span(each, source) for each in conditions])
    if within is None:
        return Always()
    kind = query.tables[source].schema.columns[within.column].kind
    low, low_included = _end(within.low, values)
    high, high_included = _end(within.high, values)
    ends = (low_included, high_included)
    return ByInterval(within.column, kind, low, high, ends)


def _widest(spans: Sequence[Span | None]) -> Span | None:
    """Join what is said of one column; better of one that is bounded on both sides."""
    joined: dict[int, Span] = {}
    for each in spans:
        if each is None or not all(map(_is_fixed, (each.low, each.high))):
            continue
        before = joined.get(each.column)
        both = each if before is None else before.joined(each)
        if both is not None:
            joined[each.column] = both
    found = [*joined.values()]
    closed = [each for each in found if each.low is not None and each.high is not None]
    return next(iter(closed or found), None)


def _is_fixed(end: End | None) -> bool:
    return end is None or isinstance(end.value, Constant | Argument)


def _end(end: End | None, values: tuple[Stored, ...]) -> tuple[Stored, bool]:
    if end is None:
        return None, False
    return value_of(end.value, values), end.is_included


def value_of(node: Typed, values: tuple[Stored, ...]) -> Stored:
    """Give the value of a constant or a place of a template."""
    if isinstance(node, Argument):
        return values[int(node.name.removeprefix("k"))]
    assert isinstance(node, Constant)
    return node.value


def is_told_apart(query: Query, route: Route) -> bool:
    """Whether a query is whole rows of one table, just those that its route gives."""
    if query.whole is None or query.events:
        return False
    if not isinstance(route, ByValue):
        return not query.conditions
    # NULL equals nothing, and so does a float that is no number.
    kind = query.sources[0].schema.columns[route.column].kind
    is_exact = kind not in (F32, F64) and None not in route.values
    return is_exact and len(query.conditions) == 1
