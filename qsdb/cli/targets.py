"""`Target`: a database that the command line asks, wherever it is.

`qsdb.cli.remote` asks a server, `qsdb.cli.local` opens files; both give plain data, so
the commands do not know which it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import attrs

__all__ = ["Answer", "Change", "RequestError", "Target"]


class RequestError(Exception):
    """A request failed, in a way that no error of qsdb stands for."""


@attrs.frozen
class Answer:
    """What SQL gave.

    Attributes:
        columns: Their names.
        rows: Plain values, in the order of the columns.
        affected: How many rows a statement changed; None of a query.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    affected: int | None = None

    def objects(self) -> list[dict[str, object]]:
        """Give each row as an object."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@attrs.frozen
class Change:
    """A row of a live query: one that is there, came or went.

    Attributes:
        sort: ``"initial"``, ``"insert"`` or ``"delete"``.
        columns: Their names.
        row: Plain values.
        offset: The commit; 0 where it is not told.
    """

    sort: str
    columns: Sequence[str]
    row: Sequence[object]
    offset: int


class Target(Protocol):
    """A database."""

    def call(self, name: str, arguments: str) -> object:
        """Run a function, and give what it returns, as plain data.

        Args:
            name: Of a reducer or procedure.
            arguments: A JSON array.

        Raises:
            RequestError, QsdbError: it failed.
        """
        ...

    def sql(self, text: str) -> list[Answer]:
        """Run statements.

        Raises:
            RequestError, QsdbError: one failed.
        """
        ...

    def definition(self, *, has_returns: bool = False) -> Mapping[str, Any]:
        """Give the definition of the module, version 10.

        Args:
            has_returns: Whether it says what reducers give, which tools of SpacetimeDB
                would refuse.

        Raises:
            RequestError, QsdbError: there is none.
        """
        ...

    def changes(self, query: str) -> AbstractContextManager[Iterator[Change]]:
        """Give the rows of a query, and then what changes, until it is left.

        Raises:
            RequestError, QsdbError: it cannot be followed.
        """
        ...

    def log_lines(self, count: int, *, follow: bool) -> Iterator[Mapping[str, Any]]:
        """Give what was logged: the last lines, each an object.

        Args:
            count: How many there are at most.
            follow: Whether to go on with what is logged from now on.

        Raises:
            RequestError, QsdbError: there is no log.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
