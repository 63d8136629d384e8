"""ORDER BY: what rows are sorted by, and where that is among their columns.

A term is the name of a column of the result, its number, or any expression of what the
result is made of. What is not a column of the result becomes one for as long as it
takes to sort, and is taken away behind it.

An order is total: behind what was asked for come keys, so that no two rows are equal
that can be told apart. So LIMIT gives the same rows each time.
"""

from collections.abc import Callable, Sequence

import attrs

from qsdb.errors import QueryError
from qsdb.sql import syntax
from qsdb.sql.checking import Checker
from qsdb.sql.queries import Output
from qsdb.sql.relations import Ordering, Project, Relation, Window, cells_of
from qsdb.sql.typed import Cell, Typed

__all__ = [
    "Limits",
    "Term",
    "arranged",
    "completed",
    "cut_to",
    "order_terms",
    "orderings",
    "position_of",
]

Limits = tuple[Typed | None, Typed | None]
"""LIMIT and OFFSET."""


@attrs.frozen
class Term:
    """A term of ORDER BY, as it was written and of what it is."""

    node: syntax.Ordering
    term: Typed


def order_terms(
    query: str,
    order: Sequence[syntax.Ordering],
    outputs: Sequence[Output],
    check: Callable[[syntax.Expression], Typed] | None,
    checker: Checker,
) -> list[Term]:
    """Find what the terms of ORDER BY are.

    Args:
        query: The whole text, for errors.
        order: They.
        outputs: The columns of the result.
        check: Checks other expressions; None where there can be none.
        checker: Says which kinds compare.

    Raises:
        QueryError: there is no such thing, or it has no order.
    """
    names = [each.name for each in outputs]
    found = []
    for each in order:
        node = each.term
        place = position_of(query, node, len(names))
        if isinstance(node, syntax.Column) and node.qualifier is None:
            place = names.index(node.name) if node.name in names else place
        if place is not None:
            term = outputs[place].term
        elif check is not None:
            term = check(node)
        else:
            raise QueryError(
                "what two queries give together is sorted by its columns: "
                f"{', '.join(names)}, or their numbers",
                query,
                each.at,
            )
        checker.require_comparable(term.kind, each.at)
        found.append(Term(each, term))
    return found


def position_of(query: str, node: syntax.Expression, count: int) -> int | None:
    """Read an expression as the number of a column of the result, from 0.

    Raises:
        QueryError: there are not so many.
    """
    if not isinstance(node, syntax.Literal) or node.form != "number":
        return None
    if not node.text.isdigit() or not 1 <= int(node.text) <= count:
        fault = f"the result has the columns 1 to {count}, and no {node.text[:80]}"
        raise QueryError(fault, query, node.at)
    return int(node.text) - 1


def arranged(
    make: Callable[[Sequence[Output]], Relation],
    outputs: Sequence[Output],
    order: Sequence[Term],
    keys: Sequence[Typed],
    limits: Limits,
) -> Relation:
    """Give rows in an order, and a part of them.

    Args:
        make: Makes the rows, with some columns.
        outputs: The columns that are asked for.
        order: The terms of ORDER BY.
        keys: What tells rows apart.
        limits: LIMIT and OFFSET.
    """
    if not order:
        rows = make(outputs)
        return rows if limits == (None, None) else Window(rows, (), *limits)
    columns = completed(outputs, [*[each.term for each in order], *keys])
    rows = make(columns)
    cells = cells_of(rows)
    terms = orderings(order, keys, columns, cells)
    window = Window(rows, terms, *limits, asked=len(order))
    return cut_to(window, outputs, cells)


def completed(outputs: Sequence[Output], terms: Sequence[Typed]) -> list[Output]:
    """Give columns, and behind them those that other terms need."""
    columns = [*outputs]
    for term in terms:
        if term not in [each.term for each in columns]:
            columns.append(Output("", term))
    return columns


def orderings(
    order: Sequence[Term],
    keys: Sequence[Typed],
    columns: Sequence[Output],
    cells: Sequence[Cell],
) -> tuple[Ordering, ...]:
    """Give a total order: the terms that are asked for, and then what is left of keys.

    Args:
        order: The terms.
        keys: What tells rows apart.
        columns: What there is of a row, all of both among it.
        cells: The same columns as they are seen above.
    """
    known = [each.term for each in columns]
    places = [known.index(each.term) for each in order]
    asked = [
        Ordering(cells[place], *directions(each.node))
        for place, each in zip(places, order, strict=True)
    ]
    left = dict.fromkeys([known.index(key) for key in keys])
    return (*asked, *[Ordering(cells[each]) for each in left if each not in places])


def cut_to(
    rows: Relation, outputs: Sequence[Output], cells: Sequence[Cell]
) -> Relation:
    """Give rows without the columns behind those that are asked for."""
    if len(cells) == len(outputs):
        return rows
    cut = zip(outputs, cells, strict=False)
    return Project(rows, tuple([Output(each.name, cell) for each, cell in cut]))


def directions(node: syntax.Ordering) -> tuple[bool, bool]:
    """Say whether an order is descending, and whether NULL comes first.

    NULL is behind all values, and so before them in a descending order.
    """
    are_first = node.are_nulls_first
    return node.is_descending, node.is_descending if are_first is None else are_first
