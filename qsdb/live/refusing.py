"""Which queries are not kept current, and why.

A bag of rows of tables follows the tables, row by row. What is made of several rows
needs a state for each operator, which there is none of here.
"""

from collections.abc import Iterator

from qsdb.schema.views import ViewSchema
from qsdb.sql.queries import Query
from qsdb.sql.relations import (
    Compound,
    Distinct,
    Group,
    Relation,
    Selected,
    Window,
    inputs_of,
)
from qsdb.sql.typed import Call, Cases, Coalesce, Typed, all_exists, parts_of

__all__ = ["why_not_live"]


def why_not_live(query: Selected) -> str | None:
    """Name the part of a query that is not kept current; None where there is none."""
    if not isinstance(query, Query):
        return _operator(query.root)
    if query.outer:
        return f"{query.outer[0].kind} JOIN"
    if any(isinstance(each.schema, ViewSchema) for each in query.hidden):
        return "a view in a subquery"
    terms = [each.term for each in query.outputs]
    if [*all_exists(terms)]:
        return "EXISTS or IN (SELECT …) among the columns"
    return next(_functions((*query.tests, *terms)), None)


def _operator(relation: Relation) -> str:
    """Name the operator that is next to the root of a tree."""
    match relation:
        case Group(is_count=True):
            return "COUNT(*)"
        case Group():
            return "GROUP BY" if relation.keys_count else "an aggregate"
        case Distinct():
            return "DISTINCT"
        case Window(order=order):
            return "ORDER BY" if order else "LIMIT"
        case Compound(operator=operator):
            return operator
        case _:
            return _operator(inputs_of(relation)[0])


def _functions(nodes: tuple[Typed, ...]) -> Iterator[str]:
    """Yield names of functions in expressions."""
    for node in nodes:
        match node:
            case Call(name=name):
                yield name
            case Coalesce():
                yield "COALESCE"
            case Cases():
                yield "CASE"
            case _:
                pass
        yield from _functions(tuple(parts_of(node)))
