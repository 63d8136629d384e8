"""What a statement asks for, once its names are found and its kinds agree.

A query is a bag of rows made of three parts: the tables in FROM give every
combination of a row of each; the conditions, from ON and WHERE alike, all have to be
true of it; the outputs are made of what is left. How that is done with less work than
it sounds is the matter of `qsdb.sql.planning`.
"""

from collections.abc import Mapping

import attrs

from qsdb.schema.tables import TableSchema
from qsdb.schema.views import ViewSchema
from qsdb.sql.typed import Typed, without_places
from qsdb.values.kinds import Kind

__all__ = [
    "Change",
    "Checked",
    "Deletion",
    "Explanation",
    "Insertion",
    "Output",
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


@attrs.frozen
class Query:
    """A question.

    Attributes:
        sources: The tables, in the order of FROM.
        conditions: What must be true of a combination of rows.
        outputs: The columns of the result.
        whole: Which of the tables has its rows given as they are, if the outputs are
            its columns and no others.
        is_count: Whether the number of rows is asked for; `outputs` is then empty.
        count_name: What the number is called.
        limit: Most rows to give; None for all.
        parameters: Those that stand in it.
        hidden: Tables that conditions look into (`qsdb.sql.typed.Exists`).
    """

    sources: tuple[Source, ...]
    conditions: tuple[Typed, ...]
    outputs: tuple[Output, ...]
    whole: int | None
    is_count: bool
    count_name: str
    limit: int | None
    parameters: Parameters
    hidden: tuple[Source, ...] = ()

    @property
    def tables(self) -> tuple[Source, ...]:
        """All tables, by the numbers that expressions have for them."""
        return self.sources + self.hidden

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the result's columns."""
        if self.is_count:
            return (self.count_name,)
        return tuple([output.name for output in self.outputs])

    @property
    def views(self) -> list[int]:
        """The places of those sources that are views."""
        return [
            n
            for n, each in enumerate(self.sources)
            if isinstance(each.schema, ViewSchema)
        ]

    def without_places(self) -> "Query":
        """Give the query for somebody who is not to see its text, nor in errors."""
        outputs = [
            Output(each.name, without_places(each.term)) for each in self.outputs
        ]
        conditions = [without_places(each) for each in self.conditions]
        return attrs.evolve(self, outputs=tuple(outputs), conditions=tuple(conditions))

    @property
    def events(self) -> list[int]:
        """The places of those sources that are event tables."""
        return [n for n, each in enumerate(self.sources) if each.schema.is_event]


@attrs.frozen
class Explanation:
    """How a query would be answered."""

    query: Query


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


Checked = Query | Explanation | Insertion | Deletion | Change | Setting | Showing
