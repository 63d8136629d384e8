"""What EXPLAIN says of operators: what is done with the rows of queries.

>>> # 1. player  all rows  ~1,000 rows
>>> # groups by guild: COUNT(*), SUM(gold)
>>> # keeps groups of which COUNT(*) > 1
>>> # sorts by total, descending; then by guild
>>> # takes at most 3
"""

from collections.abc import Iterator, Sequence

from qsdb.sql.queries import Query
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
    inputs_of,
)
from qsdb.sql.spelling import spell

__all__ = ["columns_spelt", "explain_stages"]


def explain_stages(query: Derived, parts: Sequence[list[str]]) -> Iterator[str]:
    """Say what is done, from the leaves of a tree to its root.

    Args:
        query: It.
        parts: For each of its leaves, how the rows are found.
    """
    yield from _explained(query.root, iter(parts))


def _explained(relation: Relation, parts: Iterator[list[str]]) -> Iterator[str]:
    if isinstance(relation, Query):
        yield from next(parts)
        return
    if isinstance(relation, Compound):
        yield from _explained(relation.left, parts)
        yield f"{relation.operator}{' ALL' if relation.is_all else ''} with"
        for line in _explained(relation.right, parts):
            yield f"   {line}"
        return
    [rows] = inputs_of(relation)
    yield from _explained(rows, parts)
    yield from _done(relation)


def _done(relation: Relation) -> Iterator[str]:
    """Say what an operator does."""
    match relation:
        case Group():
            yield _grouped(relation)
        case Filter(input=rows, condition=condition):
            spelt = spell(condition, (), columns_spelt(rows))
            yield f"keeps groups of which {spelt}"
        case Distinct():
            yield "takes each row once"
        case Top():
            yield _topped(relation)
        case Window():
            if relation.order:
                yield f"sorts by {_sorted(relation)}"
            yield from _cut(relation)
        case _:
            pass


def _grouped(group: Group) -> str:
    if group.is_count:
        return "counts them"
    columns = columns_spelt(group)
    keys, made = columns[: group.keys_count], columns[group.keys_count :]
    by = f"groups by {', '.join(keys)}" if keys else "makes one group"
    return f"{by}: {', '.join(made)}" if made else by


def _topped(top: Top) -> str:
    columns = columns_spelt(top.input)
    groups = ", ".join([columns[place] for place in top.groups])
    each = f"for each {groups}" if groups else "of all"
    return f"takes at most {spell(top.limit, ())} {each}, by {_sorted(top)}"


def _sorted(window: Window | Top) -> str:
    columns = columns_spelt(window.input)
    asked = [_directed(each, columns) for each in window.order[: window.asked]]
    keys = [_directed(each, columns) for each in window.order[window.asked :]]
    return ", ".join(asked) + (f"; then by {', '.join(keys)}" if keys else "")


def _directed(ordering: Ordering, columns: Sequence[str]) -> str:
    spelt = spell(ordering.term, (), columns)
    direction = " descending" if ordering.is_descending else ""
    if ordering.are_nulls_first == ordering.is_descending:
        return f"{spelt}{direction}"
    return f"{spelt}{direction}, NULL {'first' if ordering.are_nulls_first else 'last'}"


def _cut(window: Window) -> Iterator[str]:
    if window.offset is not None:
        yield f"passes over the first {spell(window.offset, ())}"
    if window.limit is not None:
        yield f"takes at most {spell(window.limit, ())}"


def columns_spelt(relation: Relation) -> list[str]:
    """Give the columns of an operator as SQL has them."""
    match relation:
        case Query(outputs=outputs):
            tables = relation.tables
            return [each.name or spell(each.term, tables) for each in outputs]
        case Compound(outputs=outputs):
            return [each.name for each in outputs]
        case Group(input=query, keys_count=count, aggregates=aggregates):
            columns = columns_spelt(query)
            made = [spell(each, (), columns) for each in aggregates]
            return [*columns[:count], *made]
        case Project(input=rows, outputs=outputs):
            columns = columns_spelt(rows)
            return [each.name or spell(each.term, (), columns) for each in outputs]
        case _:
            [rows] = inputs_of(relation)
            return columns_spelt(rows)
