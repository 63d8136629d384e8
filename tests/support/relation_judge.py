"""The slow obvious twin of operators: lists of rows, one operator after the other.

It shares nothing with plans and stages but the tree, and takes expressions from
`tests.unit.sql.judge`. Joins try every combination of rows in the order of FROM, groups
are lists of rows, sums are fractions, and rows are sorted by comparing each two.
"""

import functools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from qsdb.sql.queries import Outer, Query
from qsdb.sql.relations import (
    Compound,
    Derived,
    Distinct,
    Filter,
    Group,
    Ordering,
    Project,
    Relation,
    Top,
    Window,
)
from qsdb.sql.typed import Aggregate, Typed
from qsdb.values.kinds import FloatKind, IntKind
from tests.unit.sql.judge import TroubleError, judged, order_of

__all__ = [
    "Arguments",
    "Tables",
    "combinations",
    "comparing",
    "derived_rows",
    "has_loose_limit",
]

Row = tuple[Any, ...]
Tables = Sequence[Sequence[Row]]
"""The rows of each table that a query has, in the order of its numbers."""
Arguments = Mapping[str, Any]


def derived_rows(
    query: Derived, tables: Mapping[str, Sequence[Row]], arguments: Arguments
) -> list[Row]:
    """Give the rows of a result, in its order if it has one.

    Args:
        query: It.
        tables: Name → stored rows.
        arguments: Values of parameters.

    Raises:
        TroubleError: a result has no room, or something is divided by 0.
    """
    return _rows(query.root, tables, arguments)


def _rows(  # noqa: C901, PLR0911  a table
    relation: Relation, tables: Mapping[str, Sequence[Row]], arguments: Arguments
) -> list[Row]:
    def of(node: Typed, row: Row) -> Any:
        return judged(node, [row], arguments)

    def rows_of(each: Relation) -> list[Row]:
        return _rows(each, tables, arguments)

    match relation:
        case Query():
            return [*_query_rows(relation, tables, arguments)]
        case Group():
            return _groups(relation, rows_of(relation.input), arguments)
        case Filter(input=rows, condition=condition):
            return [row for row in rows_of(rows) if of(condition, row) is True]
        case Project(input=rows, outputs=outputs):
            return [
                tuple([of(each.term, row) for each in outputs]) for row in rows_of(rows)
            ]
        case Distinct(input=rows):
            return _once(rows_of(rows))
        case Top():
            return _top(relation, rows_of(relation.input), arguments)
        case Window():
            return _window(relation, rows_of(relation.input), arguments)
        case Compound():
            return _together(relation, rows_of(relation.left), rows_of(relation.right))


def _query_rows(
    query: Query, tables: Mapping[str, Sequence[Row]], arguments: Arguments
) -> Iterator[Row]:
    rows = [tables[each.schema.name] for each in query.tables]
    for combination in combinations(query, rows, arguments):
        values = [*combination, *rows[len(query.sources) :]]
        if all(
            judged(each, values, arguments, rows) is True for each in query.conditions
        ):
            yield tuple(
                [judged(each.term, values, arguments, rows) for each in query.outputs]
            )


# Joins.


def combinations(
    query: Query, rows: Tables, arguments: Arguments
) -> Iterator[Sequence[Row]]:
    """Yield the combinations of rows that FROM gives, but for inner conditions."""
    count = len(query.sources)
    order = [*range(count)]
    outer = {each.source: each for each in query.outer}
    if 0 in outer and outer[0].kind == "LEFT":  # a RIGHT JOIN, said the other way round
        order[:2] = [1, 0]
    found: list[dict[int, Row]] = [{}]
    for number in order:
        found = _joined(found, number, outer.get(number), query, rows, arguments)
    for each in found:
        yield [each[number] for number in range(count)]


def _joined(
    found: list[dict[int, Row]],
    number: int,
    outer: Outer | None,
    query: Query,
    rows: Tables,
    arguments: Arguments,
) -> list[dict[int, Row]]:
    def holds(conditions: Sequence[Typed], known: Mapping[int, Row]) -> bool:
        values = [known.get(n, each) for n, each in enumerate(rows)]
        return all(judged(e, values, arguments, rows) is True for e in conditions)

    def nothing(n: int) -> Row:
        return (None,) * len(query.sources[n].schema.columns)

    own = rows[number]
    if outer is None:
        return [{**known, number: row} for known in found for row in own]
    found = [known for known in found if holds(outer.before, known)]
    own = [row for row in own if holds(outer.own, {number: row})]
    joined: list[dict[int, Row]] = []
    fitted: set[int] = set()
    for known in found:
        fitting = [
            n
            for n, row in enumerate(own)
            if holds(outer.conditions, {**known, number: row})
        ]
        fitted.update(fitting)
        joined += [{**known, number: own[n]} for n in fitting]
        if not fitting and outer.kind != "RIGHT":
            joined.append({**known, number: nothing(number)})
    if outer.kind != "LEFT":
        before = {n: nothing(n) for n in range(number)}
        joined += [
            {**before, number: row} for n, row in enumerate(own) if n not in fitted
        ]
    return joined


# Groups.


def _key(row: Sequence[Any]) -> str:
    """Give what is the same for equal values: True is not 1, and NaN is NaN."""
    return repr(tuple(row))


def _groups(group: Group, rows: Sequence[Row], arguments: Arguments) -> list[Row]:
    several: dict[str, list[Row]] = {} if group.keys_count else {"": []}
    for row in rows:
        key = _key(row[: group.keys_count]) if group.keys_count else ""
        several.setdefault(key, []).append(row)
    return [
        (
            *(each[0][: group.keys_count] if each else ()),
            *[_aggregate(one, each, arguments) for one in group.aggregates],
        )
        for each in several.values()
    ]


def _aggregate(  # noqa: C901, PLR0911  a table of rules
    one: Aggregate, rows: Sequence[Row], arguments: Arguments
) -> Any:
    if one.term is None:
        return len(rows)
    values = [judged(one.term, [row], arguments) for row in rows]
    values = [each for each in values if each is not None]
    if one.is_distinct:
        values = [*{_key((each,)): each for each in values}.values()]
    if one.function == "COUNT":
        return len(values)
    if not values:
        return None
    if one.function in ("MIN", "MAX"):
        sign = 1 if one.function == "MIN" else -1
        return functools.reduce(
            lambda a, b: b if sign * order_of(b, a) < 0 else a, values
        )
    if isinstance(one.term.kind, FloatKind):
        return _float_sum(values, len(values) if one.function == "AVG" else 1)
    if one.function == "AVG":
        return float(Fraction(sum(values), len(values)))
    assert isinstance(one.kind, IntKind)
    if not one.kind.least <= sum(values) <= one.kind.greatest:
        raise TroubleError
    return sum(values)


def _float_sum(values: Sequence[float], count: int) -> float:
    ends = {each for each in values if math.isinf(each)}
    if any(map(math.isnan, values)) or len(ends) == 2:
        return math.nan
    if ends:
        return ends.pop()
    try:
        return float(sum(map(Fraction, values)) / count)
    except OverflowError:
        return math.copysign(math.inf, sum(map(Fraction, values)))


# Orders.


def _window(window: Window, rows: list[Row], arguments: Arguments) -> list[Row]:
    rows = sorted(rows, key=functools.cmp_to_key(comparing(window.order, arguments)))
    begin = 0 if window.offset is None else judged(window.offset, [], arguments)
    end = None
    if window.limit is not None:
        end = begin + judged(window.limit, [], arguments)
    return rows[begin:end]


def _top(top: Top, rows: list[Row], arguments: Arguments) -> list[Row]:
    limit = judged(top.limit, [], arguments)
    found: list[Row] = []
    seen: Counter[str] = Counter()
    for row in sorted(rows, key=functools.cmp_to_key(comparing(top.order, arguments))):
        group = _key([row[place] for place in top.groups])
        seen[group] += 1
        if seen[group] <= limit:
            found.append(row)
    return found


def comparing(order: Sequence[Ordering], arguments: Arguments) -> Any:
    """Give what compares two rows."""

    def compare(first: Row, second: Row) -> int:
        for each in order:
            pair = [judged(each.term, [row], arguments) for row in (first, second)]
            found = _compared(each, *pair)
            if found:
                return found
        return 0

    return compare


def _compared(ordering: Ordering, first: Any, second: Any) -> int:
    if first is None or second is None:
        absent = int(first is None) - int(second is None)
        return -absent if ordering.are_nulls_first else absent
    found = order_of(first, second)
    return -found if ordering.is_descending else found


# Bags and sets.


def _once(rows: Sequence[Row]) -> list[Row]:
    return [*{_key(row): row for row in rows}.values()]


def _together(compound: Compound, left: list[Row], right: list[Row]) -> list[Row]:
    counts = Counter(map(_key, left)), Counter(map(_key, right))
    match compound.operator:
        case "UNION":
            found = counts[0] + counts[1]
        case "INTERSECT":
            found = counts[0] & counts[1]
        case _:
            found = counts[0] - counts[1]
            if not compound.is_all:
                found = Counter({key: 1 for key in counts[0] if key not in counts[1]})
    by_key = {_key(row): row for row in [*left, *right]}
    times = found if compound.is_all else dict.fromkeys(found, 1)
    return [by_key[key] for key, count in times.items() for _ in range(count)]


def has_loose_limit(relation: Relation) -> bool:
    """Whether a part of rows is taken that nothing says which they are."""
    if isinstance(relation, Window) and not relation.order:
        return True
    if isinstance(relation, Query):
        return False
    inputs = (
        [relation.left, relation.right]
        if isinstance(relation, Compound)
        else [relation.input]
    )
    return any(map(has_loose_limit, inputs))
