"""What a statement asks for, once its names are found and its kinds agree.

A query is a bag of rows made of three parts: the tables in FROM give every
combination of a row of each; the conditions, from ON and WHERE alike, all have to be
true of it; the outputs are made of what is left. How that is done with less work than
it sounds is the matter of `qsdb.sql.planning`. What is asked beyond that (aggregates,
an order, a limit, UNION) is made of such queries: `qsdb.sql.relations`.

An outer join is a part of a query too: a table of which a row of nothing but NULL
stands in where no row of its own fits (`Outer`).
"""

from collections.abc import Callable, Mapping
from typing import Literal as Choice

import attrs

from qsdb.schema.tables import TableSchema
from qsdb.schema.views import ViewSchema
from qsdb.sql.typed import Typed, without_places
from qsdb.values.kinds import Kind

__all__ = [
    "Change",
    "Deletion",
    "Insertion",
    "Outer",
    "Output",
    "Parameters",
    "Query",
    "Setting",
    "Showing",
    "Source",
]

Parameters = Mapping[str, Kind]
"""Name → kind; optional where None is a value like others."""


@attrs.frozen
class Source:
    """A table in FROM, and the name that it has in the query.

    Attributes:
        arguments: Of a view, each a constant or a parameter.
    """

    alias: str
    schema: TableSchema
    arguments: tuple[Typed, ...] = ()

    @property
    def spelt(self) -> str:
        """The name of the table, and the one that it has here if that is another."""
        name = self.schema.name
        return name if self.alias == name else f"{name} {self.alias}"


@attrs.frozen
class Output:
    """A column of the result."""

    name: str
    term: Typed


OuterKind = Choice["LEFT", "RIGHT", "FULL"]


@attrs.frozen
class Outer:
    """An outer join.

    With RIGHT and FULL the rows of nothing stand in for all tables before it.

    Attributes:
        source: The table that is joined.
        kind: For which side rows of nothing stand in: with LEFT for this table's, with
            RIGHT for those before it, with FULL for both.
        conditions: What ON says.
        own: What rows of the table must meet before they are joined.
        before: With RIGHT and FULL, what combinations of the tables before must meet
            before they are joined.
    """

    source: int
    kind: OuterKind
    conditions: tuple[Typed, ...]
    own: tuple[Typed, ...] = ()
    before: tuple[Typed, ...] = ()

    def mapped(self, change: Callable[[Typed], Typed]) -> "Outer":
        """Give the same with other expressions."""
        return attrs.evolve(
            self,
            conditions=tuple(map(change, self.conditions)),
            own=tuple(map(change, self.own)),
            before=tuple(map(change, self.before)),
        )


@attrs.frozen
class Query:
    """A bag of rows.

    Attributes:
        sources: The tables, in the order of FROM.
        conditions: What must be true of a combination of rows.
        outputs: The columns of the result.
        whole: Which of the tables has its rows given as they are, if the outputs are
            its columns and no others.
        parameters: Those that stand in it.
        hidden: Tables that conditions look into (`qsdb.sql.typed.Exists`).
        outer: The outer joins, in the order of FROM.
        own_hidden: How many of the hidden tables, the first ones, whoever asks looks
            into; the others are those of row filters.
    """

    sources: tuple[Source, ...]
    conditions: tuple[Typed, ...]
    outputs: tuple[Output, ...]
    whole: int | None
    parameters: Parameters
    hidden: tuple[Source, ...] = ()
    outer: tuple[Outer, ...] = ()
    own_hidden: int = 0

    @property
    def tables(self) -> tuple[Source, ...]:
        """All tables, by the numbers that expressions have for them."""
        return self.sources + self.hidden

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the result's columns."""
        return tuple([output.name for output in self.outputs])

    @property
    def views(self) -> list[int]:
        """The places of those tables that are views."""
        return [
            n
            for n, each in enumerate(self.tables)
            if isinstance(each.schema, ViewSchema)
        ]

    def is_told(self, number: int) -> bool:
        """Whether whoever asks may be told of a table: all may see it, or it is named.

        So not of private ones that row filters look into.

        Args:
            number: The table's.
        """
        is_named = number < len(self.sources) + self.own_hidden
        return is_named or self.tables[number].schema.is_public

    @property
    def tests(self) -> tuple[Typed, ...]:
        """All that must be true of rows, in WHERE, ON or elsewhere."""
        joined = [
            condition
            for each in self.outer
            for condition in (*each.conditions, *each.own, *each.before)
        ]
        return (*self.conditions, *joined)

    def mapped(self, change: Callable[[Typed], Typed]) -> "Query":
        """Give the same with other expressions, but for arguments of views."""
        outputs = [Output(each.name, change(each.term)) for each in self.outputs]
        return attrs.evolve(
            self,
            outputs=tuple(outputs),
            conditions=tuple(map(change, self.conditions)),
            outer=tuple([each.mapped(change) for each in self.outer]),
        )

    def without_places(self) -> "Query":
        """Give the query for somebody who is not to see its text, nor in errors."""
        return self.mapped(without_places)

    @property
    def events(self) -> list[int]:
        """The places of those sources that are event tables."""
        return [n for n, each in enumerate(self.sources) if each.schema.is_event]


@attrs.frozen
class Insertion:
    """Rows to insert.

    Attributes:
        rows: Of each an expression for every column; None for those that are to have
            their default.
    """

    schema: TableSchema
    rows: tuple[tuple[Typed | None, ...], ...]
    parameters: Parameters


@attrs.frozen
class Deletion:
    """Rows to delete: those that the query gives whole."""

    query: Query


@attrs.frozen
class Change:
    """Rows to change: those that the query gives whole.

    Attributes:
        assignments: Place of a column → what it is to be, of the row as it was.
    """

    query: Query
    assignments: Mapping[int, Typed]


@attrs.frozen
class Setting:
    """A variable and its new value."""

    variable: str
    value: Typed
    parameters: Parameters


@attrs.frozen
class Showing:
    """A variable to show."""

    variable: str
