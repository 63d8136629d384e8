"""How changes of a table find a query: by which of its columns, and by which values.

`qsdb.live.routing` takes these addresses in. Where a table matters in several ways, as
where NOT IN looks for a value and for NULL, the address is one for all of them.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter

from qsdb.live.routing import Always, ByInterval, ByValue, Never, Route
from qsdb.live.virtual import instance_column
from qsdb.live.witnesses import conditions_on
from qsdb.sql.queries import Query
from qsdb.sql.readable import StoredRow
from qsdb.sql.sargs import End, Equality, Span, equality, span
from qsdb.sql.typed import Argument, Cell, Constant, IsNull, Typed, parts_of
from qsdb.values.kinds import F32, F64, Kind, Stored

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
    ways = conditions_on(query, source)
    fixed = [_fixed(each, source) for each in ways]
    joined = [
        (column, [value for each in fixed for value in each[column]])
        for column in fixed[0]
        if all(column in each for each in fixed)
    ]
    if joined:
        own = instance_column(query.tables[source].schema)
        # Of a view a whole instance changes, and nobody else's.
        column, sought = min(joined, key=lambda each: (each[0] != own, len(each[1])))
        wanted = [value_of(each, values) for each in sought]
        return ByValue(column, tuple(dict.fromkeys(wanted)))
    kinds = [each.kind for each in query.tables[source].schema.columns]
    first, *others = [_interval(each, source, kinds, values) for each in ways]
    return Always() if any(each != first for each in others) else first


def _fixed(conditions: Sequence[Typed], source: int) -> dict[int, tuple[Typed, ...]]:
    """Give the columns that must have one of some values, each with the fewest."""
    found: dict[int, tuple[Typed, ...]] = {}
    for condition in conditions:
        each = _equality(condition, source)
        if each is None or not all(map(_is_known, each.values)):
            continue
        before = found.get(each.column)
        if before is None or len(each.values) < len(before):
            found[each.column] = each.values
    return found


def _equality(condition: Typed, source: int) -> Equality | None:
    """Read a condition as one that fixes a column, also to NULL."""
    match condition:
        case IsNull(term=Cell(source=found, place=place, kind=kind)):
            return Equality(place, (Constant(None, kind),)) if found == source else None
        case _:
            return equality(condition, source)


def _interval(
    conditions: Sequence[Typed],
    source: int,
    kinds: Sequence[Kind],
    values: tuple[Stored, ...],
) -> Route:
    """Give the way by an interval, if there is one."""
    within = _widest([span(each, source) for each in conditions])
    if within is None:
        return Always()
    low, low_included = _end(within.low, values)
    high, high_included = _end(within.high, values)
    ends = (low_included, high_included)
    return ByInterval(within.column, kinds[within.column], low, high, ends)


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
    return end is None or _is_known(end.value)


def _is_known(node: Typed) -> bool:
    return isinstance(node, Constant | Argument)


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
