"""Queries that are made of other queries: the tree of operators.

A `qsdb.sql.queries.Query` is a bag of rows, each made of one row of each of its tables
and of nothing else. Whatever looks at more than that stands above such queries, as an
operator that turns rows into rows:

============  ==========================================================================
operator      its rows
============  ==========================================================================
`Group`       one of each group: what its rows have in common, and aggregates of them
`Filter`      those for which a condition is true (HAVING)
`Project`     what is made of each
`Distinct`    each once
`Top`         the first of each group in an order (QUALIFY)
`Window`      sorted, and cut to a part (ORDER BY, LIMIT, OFFSET)
`Compound`    those of two inputs together (UNION, INTERSECT, EXCEPT)
============  ==========================================================================

An expression of an operator sees one row of its input, as the table number 0: the
columns of a query are its outputs, those of a `Group` its keys and then its
aggregates. So the tree can be answered from its leaves to its root, by one line of
Python for each operator (`qsdb.sql.stages`).

>>> # SELECT guild, SUM(gold) AS total FROM player WHERE level > 3
>>> # GROUP BY guild HAVING COUNT(*) > 1 ORDER BY total DESC LIMIT 3
>>> #
>>> # Window(Project(Filter(Group(Query)))), ordered by total, descending, then by guild
"""

from collections.abc import Callable, Iterator
from typing import cast

import attrs

from qsdb.sql.queries import Output, Parameters, Query, Source
from qsdb.sql.syntax import SetOperator
from qsdb.sql.typed import (
    Aggregate,
    Cell,
    Typed,
    is_optional,
    parts_of,
    with_parts,
    without_places,
)

__all__ = [
    "Compound",
    "Derived",
    "Distinct",
    "Filter",
    "Group",
    "Ordering",
    "Project",
    "Relation",
    "Selected",
    "Top",
    "Window",
    "cells_of",
    "inputs_of",
    "leaves_of",
    "mapped",
    "origin_of",
    "outputs_of",
    "with_leaves",
]


@attrs.frozen
class Group:
    """Rows that have some values in common, and what is made of all of them.

    Attributes:
        input: Its outputs are the keys, and then what the aggregates take.
        keys_count: How many of them are keys; with none all rows are one group, which
            is there also without rows.
        aggregates: What is made of a group, of cells of the input.
    """

    input: Query
    keys_count: int
    aggregates: tuple[Aggregate, ...]

    @property
    def is_count(self) -> bool:
        """Whether it gives the number of all rows, and nothing else."""
        if self.keys_count or len(self.aggregates) != 1:
            return False
        [only] = self.aggregates
        return only.function == "COUNT" and only.term is None


@attrs.frozen
class Filter:
    """Rows for which a condition is true."""

    input: "Relation"
    condition: Typed


@attrs.frozen
class Project:
    """What is made of each row."""

    input: "Relation"
    outputs: tuple[Output, ...]


@attrs.frozen
class Distinct:
    """Each row once; NULL is as NULL here."""

    input: "Relation"


@attrs.frozen
class Ordering:
    """What rows are sorted by.

    Attributes:
        are_nulls_first: Whether rows where it is absent come before all others.
    """

    term: Typed
    is_descending: bool = False
    are_nulls_first: bool = False


@attrs.frozen
class Top:
    """The first rows of each group, in an order.

    Attributes:
        groups: The columns in which rows of one group are equal; with none all rows
            are one group.
        order: As that of a `Window`.
        limit: Most rows of each group.
        asked: How many terms of the order were asked for.
    """

    input: "Relation"
    groups: tuple[int, ...]
    order: tuple[Ordering, ...]
    limit: Typed
    asked: int


@attrs.frozen
class Window:
    """A part of the rows, in an order.

    Attributes:
        order: From the first term to the last, with which no two rows are equal but
            those that are so in all; empty where any order will do.
        limit: Most rows to give; None for all.
        offset: How many rows are passed over before; None for none.
        asked: How many terms of the order were asked for; the others are keys.
    """

    input: "Relation"
    order: tuple[Ordering, ...]
    limit: Typed | None
    offset: Typed | None
    asked: int = 0


@attrs.frozen
class Compound:
    """Rows of two inputs with columns of the same kinds.

    Attributes:
        operator: Which of them.
        is_all: Whether equal rows count: UNION then gives those of both, INTERSECT
            the lesser number of each and EXCEPT the difference. Else each is there
            once.
        outputs: The columns, with their names; each a cell.
    """

    operator: SetOperator
    is_all: bool
    left: "Relation"
    right: "Relation"
    outputs: tuple[Output, ...]


Relation = Query | Group | Filter | Project | Distinct | Top | Window | Compound


@attrs.frozen
class Derived:
    """A question that a tree of operators answers.

    Attributes:
        root: The operator that gives the result.
        parameters: Those that stand in any part of it.
        whole: Which of the tables has the result as rows of its own; None if it has
            others.
    """

    root: Relation
    parameters: Parameters
    whole: int | None = None

    @property
    def leaves(self) -> tuple[Query, ...]:
        """The queries that it is made of, from the left."""
        return tuple(leaves_of(self.root))

    @property
    def sources(self) -> tuple[Source, ...]:
        """The tables in FROM."""
        return tuple([source for leaf in self.leaves for source in leaf.sources])

    @property
    def tables(self) -> tuple[Source, ...]:
        """All tables: those of the first query, those of the next one."""
        return tuple([table for leaf in self.leaves for table in leaf.tables])

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The columns of the result; each expression tells of the kind alone."""
        return outputs_of(self.root)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the result's columns."""
        return tuple([each.name for each in self.outputs])

    @property
    def views(self) -> list[int]:
        """The places of those tables that are views."""
        return [*self._places(lambda leaf: leaf.views)]

    @property
    def events(self) -> list[int]:
        """The places of those tables that are event tables."""
        return [*self._places(lambda leaf: leaf.events)]

    def _places(self, places_of: Callable[[Query], list[int]]) -> Iterator[int]:
        begin = 0
        for leaf in self.leaves:
            yield from [begin + place for place in places_of(leaf)]
            begin += len(leaf.tables)

    def without_places(self) -> "Derived":
        """Give the query for somebody who is not to see its text, nor in errors."""
        return attrs.evolve(self, root=mapped(self.root, without_places))


def inputs_of(relation: Relation) -> tuple[Relation, ...]:
    """Give what an operator takes its rows from."""
    match relation:
        case Query():
            return ()
        case Compound(left=left, right=right):
            return (left, right)
        case _:
            return (relation.input,)


def leaves_of(relation: Relation) -> Iterator[Query]:
    """Yield the queries that a tree is made of, from the left."""
    if isinstance(relation, Query):
        yield relation
    for each in inputs_of(relation):
        yield from leaves_of(each)


def _with_inputs(
    relation: Relation, change: Callable[[Relation], Relation]
) -> Relation:
    """Give an operator with other inputs."""
    match relation:
        case Query():
            return relation
        case Group(input=rows):
            query = change(rows)
            assert isinstance(query, Query)
            return attrs.evolve(relation, input=query)
        case Compound(left=left, right=right):
            first = change(left)
            return attrs.evolve(relation, left=first, right=change(right))
        case _:
            return attrs.evolve(relation, input=change(relation.input))


def with_leaves(relation: Relation, change: Callable[[Query], Query]) -> Relation:
    """Give a tree with other queries in the places of its own, from the left."""
    if isinstance(relation, Query):
        return change(relation)
    return _with_inputs(relation, lambda each: with_leaves(each, change))


def mapped(  # noqa: PLR0911  a table
    relation: Relation, change: Callable[[Typed], Typed]
) -> Relation:
    """Give a tree in which each expression is another one."""
    relation = _with_inputs(relation, lambda each: mapped(each, change))
    match relation:
        case Query():
            return relation.mapped(change)
        case Group(aggregates=aggregates):
            made = [cast(Aggregate, _changed_parts(e, change)) for e in aggregates]
            return attrs.evolve(relation, aggregates=tuple(made))
        case Filter(condition=condition):
            return attrs.evolve(relation, condition=change(condition))
        case Project(outputs=outputs):
            changed = [attrs.evolve(each, term=change(each.term)) for each in outputs]
            return attrs.evolve(relation, outputs=tuple(changed))
        case Top(limit=limit):  # whose terms are columns
            return attrs.evolve(relation, limit=change(limit))
        case Window(order=order):
            terms = [attrs.evolve(each, term=change(each.term)) for each in order]
            limits = [e and change(e) for e in (relation.limit, relation.offset)]
            return attrs.evolve(
                relation, order=tuple(terms), limit=limits[0], offset=limits[1]
            )
        case _:
            return relation


def _changed_parts(node: Typed, change: Callable[[Typed], Typed]) -> Typed:
    """Give an expression with other parts."""
    return with_parts(node, [*map(change, parts_of(node))])


def outputs_of(relation: Relation) -> tuple[Output, ...]:
    """Give the columns of an operator, with names where they have some.

    The expressions are those of the operator that made the columns. Above it they tell
    of a column's kind, and whether it can be absent, and no more.
    """
    match relation:
        case Query(outputs=outputs) | Project(outputs=outputs):
            return outputs
        case Compound(outputs=outputs):
            return outputs
        case Group(input=query, keys_count=count, aggregates=aggregates):
            return (*query.outputs[:count], *[Output("", each) for each in aggregates])
        case _:
            return outputs_of(relation.input)


def cells_of(relation: Relation) -> tuple[Cell, ...]:
    """Give the columns of an operator as one above it sees them."""
    terms = [each.term for each in outputs_of(relation)]
    cells = [
        Cell(0, place, term.kind, is_optional(term)) for place, term in enumerate(terms)
    ]
    return tuple(cells)


def origin_of(relation: Relation, place: int) -> Cell | None:
    """Give the column of a table that a column of a result is, if it is one.

    The table is numbered as `Derived.tables` does.
    """
    match relation:
        case Query():
            term: Typed | None = relation.outputs[place].term
            return term if isinstance(term, Cell) else None
        case Compound(left=left):
            return origin_of(left, place)
        case Group(input=query, keys_count=count):
            if place >= count:
                aggregate = relation.aggregates[place - count]
                if aggregate.function not in ("MIN", "MAX"):
                    return None
                term = aggregate.term
                place = term.place if isinstance(term, Cell) else -1
            return origin_of(query, place)
        case Project(outputs=outputs):
            term = outputs[place].term
            found = isinstance(term, Cell)
            return origin_of(relation.input, term.place) if found else None  # type: ignore[union-attr]
        case _:
            return origin_of(relation.input, place)


Selected = Query | Derived
"""What a SELECT asks for."""
