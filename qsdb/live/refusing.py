"""Which queries are not kept current, and why.

A bag of rows of tables follows the tables, row by row, and operators above it keep what
they need (`qsdb.live.trees`). Some things are left that no state is kept for, or that
have no answer.
"""

from collections.abc import Iterator

from qsdb.sql.queries import Query
from qsdb.sql.relations import (
    Compound,
    Derived,
    Distinct,
    Group,
    Relation,
    Selected,
    Top,
    Window,
    inputs_of,
    leaves_of,
)
from qsdb.sql.typed import all_exists, sources_of

__all__ = ["why_not_live"]


def why_not_live(query: Selected) -> str | None:
    """Say why a query is not kept current, as the end of a sentence; None if it is."""
    root: Relation = query.root if isinstance(query, Derived) else query
    return next(_reasons(query, root), None)


def _reasons(query: Selected, root: Relation) -> Iterator[str]:
    for leaf in leaves_of(root):
        yield from _reasons_of_leaf(leaf)
    if isinstance(query, Derived):
        for number in query.events:
            name = query.tables[number].schema.name
            said = next(filter(None, map(_said, _operators(root))))
            yield f"{_event(name)}, so there is no {said} of them"
    for each in _operators(root):
        if isinstance(each, Window) and not each.order:
            yield "LIMIT needs ORDER BY: else nothing says which rows come first"


def _reasons_of_leaf(leaf: Query) -> Iterator[str]:
    joined = {outer.source for outer in leaf.outer}
    for outer in leaf.outer:
        if outer.kind != "LEFT":
            yield f"{outer.kind} JOIN is not kept current; LEFT JOIN is"
        looked_at = frozenset().union(*map(sources_of, outer.conditions))
        if looked_at & joined - {outer.source}:
            yield "ON of a LEFT JOIN looks at a table of another LEFT JOIN"
    if leaf.outer and leaf.events:
        name = leaf.sources[leaf.events[0]].schema.name
        yield f"{_event(name)}; they are joined by JOIN, and not by LEFT JOIN"
    if any(sources_of(each) & joined for each in all_exists(leaf.tests)):
        yield "a row filter, EXISTS or IN (SELECT …) looks at a table of a LEFT JOIN"
    if [*all_exists([each.term for each in leaf.outputs])]:
        yield "EXISTS or IN (SELECT …) among columns or in an order is not kept current"


def _event(name: str) -> str:
    return f"{name} is an event table: its rows are told once and not kept"


def _said(relation: Relation) -> str | None:
    """Give the words for an operator; None of one that makes rows of single rows."""
    match relation:
        case Group(keys_count=0):
            found: str | None = "aggregate"
        case Group():
            found = "GROUP BY"
        case Distinct():
            found = "DISTINCT"
        case Top():
            found = "QUALIFY"
        case Window(order=order):
            found = "ORDER BY" if order else "LIMIT"
        case Compound(operator=operator, is_all=is_all):
            found = f"{operator} ALL" if is_all else operator
        case _:
            found = None
    return found


def _operators(relation: Relation) -> Iterator[Relation]:
    """Yield the operators of a tree, from the root."""
    yield relation
    for each in inputs_of(relation):
        yield from _operators(each)
