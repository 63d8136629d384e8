"""The syntax tree of whole statements: what a text asks to be done.

Queries and expressions are in `qsdb.sql.syntax`.
"""

import attrs

from qsdb.sql.syntax import Expression, Path, Query

__all__ = [
    "Assignment",
    "Delete",
    "Explain",
    "Insert",
    "SetVariable",
    "Show",
    "Statement",
    "Update",
]


@attrs.frozen
class Explain:
    """``EXPLAIN`` of a query."""

    at: int
    query: Query


@attrs.frozen
class Insert:
    """Rows to insert; without columns they have all of the table's, in its order."""

    at: int
    table: Path
    columns: tuple[Path, ...] | None
    rows: tuple[tuple[Expression, ...], ...]


@attrs.frozen
class Delete:
    """Rows to delete."""

    at: int
    table: Path
    where: Expression | None


@attrs.frozen
class Assignment:
    """A column and what it is to be."""

    column: Path
    value: Expression


@attrs.frozen
class Update:
    """Rows to change."""

    at: int
    table: Path
    assignments: tuple[Assignment, ...]
    where: Expression | None


@attrs.frozen
class SetVariable:
    """``SET variable = value``."""

    at: int
    variable: Path
    value: Expression


@attrs.frozen
class Show:
    """``SHOW variable``."""

    at: int
    variable: Path


Statement = Query | Explain | Insert | Delete | Update | SetVariable | Show
